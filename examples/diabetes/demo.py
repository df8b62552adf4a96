"""What `make demo` runs: submit the training, watch it, register the best model, and sum up."""

import time
from pathlib import Path

from azureml.core import Environment, Experiment, Model, ScriptRunConfig, Workspace

here = Path(__file__).parent
began = time.monotonic()

ws = Workspace.from_config(here)
configuration = ScriptRunConfig(
    source_directory=str(here / "src"),
    script="train.py",
    arguments=["--alphas", 0.001, 0.01, 0.1, 1.0],
    environment=Environment.from_conda_specification("diabetes", str(here / "conda.yml")),
)
run = Experiment(ws, "diabetes").submit(configuration)
run.wait_for_completion(show_output=True)
best = run.get_metrics()
model = run.register_model(
    model_name="diabetes",
    model_path="outputs/model.pkl",
    tags={"alpha": best["best_alpha"]},
    properties={"r2": best["best_r2"]},
    model_framework=Model.Framework.SCIKITLEARN,
)

print("=" * 79)
print(f"\nWhat ran: run {run.number} of experiment {run.experiment.name}, {time.monotonic() - began:.1f} s with its")
print(f"environment, in the workspace {ws.name}: {run.status}\n")
print("What it measured:\n")
print(f"  {'child run':<14}{'r2':>9}{'last mse':>12}{'points':>9}")
children = [(child, child.get_metrics()) for child in run.get_children()]
for child, metrics in sorted(children, key=lambda each: each[1]["alpha"]):
    print(f"  {child.name:<14}{metrics['r2']:>9.4f}{metrics['mse'][-1]:>12.1f}{len(metrics['mse']):>9}")
print(f"\n  best alpha: {best['best_alpha']}\n\nWhat it left:\n")
for each in (run, *(child for child, _ in children)):
    names = [name for name in each.get_file_names() if not name.startswith("azureml-logs/")]
    print(f"  {each.name or each.id}: {', '.join(names)}")
made_with = ", ".join(f"{edge.used_type} ({edge.role})" for edge in model.get_lineage())
print(f"\nThe model: {model.name}, version {model.version}, of {len(Model.list(ws, model.name))}")
print(f"  alpha {model.tags['alpha']}, r2 {float(model.properties['r2']):.4f}; made with {made_with}")
print(f"""
Where to look:

  {run.get_portal_url()}
  .venv/bin/terrazul run show {run.id}
  .venv/bin/terrazul run metrics {run.id}
  .venv/bin/terrazul model show {model.id}
  .venv/bin/terrazul status

Now write your own: examples/diabetes has the script, its environment and config.json.
To stop the platform: .venv/bin/terrazul down
""")
