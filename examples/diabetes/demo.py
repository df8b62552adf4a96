"""What `make demo` runs: submit the training, watch it, and sum up."""

import time
from pathlib import Path

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace

here = Path(__file__).parent
began = time.monotonic()

ws = Workspace.from_config(here)
environment = Environment.from_conda_specification("diabetes", str(here / "conda.yml"))
configuration = ScriptRunConfig(
    source_directory=str(here / "src"),
    script="train.py",
    arguments=["--alphas", 0.001, 0.01, 0.1, 1.0],
    environment=environment,
)
run = Experiment(ws, "diabetes").submit(configuration)
run.wait_for_completion(show_output=True)

print(f"\n{'=' * 78}\nWhat ran\n")
print(f"  experiment {run.experiment.name}, run {run.number}: {run.id}, {run.status}")
print(f"  {time.monotonic() - began:.1f} s from submit to end\n")
print("What it measured\n")
print("  child run        r2       last mse   points")
for child in sorted(run.get_children(), key=lambda child: child.get_metrics()["alpha"]):
    metrics = child.get_metrics()
    print(f"  {child.name:<14} {metrics['r2']:>7.4f} {metrics['mse'][-1]:>12.1f} {len(metrics['mse']):>8}")
print(f"\n  best alpha: {run.get_metrics()['best_alpha']}\n\nFiles of the run\n")
for name in run.get_file_names():
    print(f"  {name}")
print(f"\nThe run's address: {run.get_portal_url()}")
