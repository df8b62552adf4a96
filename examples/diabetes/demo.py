"""What `make demo` runs: train, register the best model, deploy it, score rows over HTTP, and sum up."""

import json
import time
import urllib.request
from pathlib import Path

from sklearn.datasets import load_diabetes

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice

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
trained = time.monotonic() - began

best_alpha = run.get_metrics()["best_alpha"]
model = run.register_model("diabetes", model_path="outputs/model.pkl", tags={"alpha": str(best_alpha)})
print(f"\nDeploying {model.id}:")
began = time.monotonic()
service = Model.deploy(
    ws,
    "diabetes-svc",
    [model],
    InferenceConfig("score.py", source_directory=str(here / "src"), environment=environment),
    AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1, auth_enabled=True),
    overwrite=True,
)
service.wait_for_deployment(show_output=True)
deployed = time.monotonic() - began

rows, progression = load_diabetes(return_X_y=True)
request = urllib.request.Request(
    service.scoring_uri,
    data=json.dumps({"data": rows[:5].tolist()}).encode(),
    headers={"Content-Type": "application/json", "Authorization": f"Bearer {service.get_keys()[0]}"},
)
with urllib.request.urlopen(request) as answer:
    predictions = json.loads(answer.read())

print("=" * 79)
print(f"\nWhat ran: run {run.number} of experiment {run.experiment.name}, {trained:.1f} s with its")
print(f"environment, in the workspace {ws.name}: {run.status}\n")
print("What it measured:\n")
print(f"  {'child run':<14}{'r2':>9}{'last mse':>12}{'points':>9}")
children = [(child, child.get_metrics()) for child in run.get_children()]
for child, metrics in sorted(children, key=lambda each: each[1]["alpha"]):
    print(f"  {child.name:<14}{metrics['r2']:>9.4f}{metrics['mse'][-1]:>12.1f}{len(metrics['mse']):>9}")
print(f"\n  best alpha: {best_alpha}\n\nWhat it left:\n")
for each in (run, *(child for child, _ in children)):
    names = [name for name in each.get_file_names() if not name.startswith("azureml-logs/")]
    print(f"  {each.name or each.id}: {', '.join(names)}")
print(f"\nWhat was deployed: model {model.id}, healthy after {deployed:.1f} s\n")
print(f"  {service.scoring_uri} ({service.state})\n")
print(f"  {'patient':<10}{'predicted':>11}{'true':>8}")
for number, (predicted, true) in enumerate(zip(predictions, progression)):
    print(f"  {number:<10}{predicted:>11}{true:>8.0f}")
print(f"""
Where to look:

  {run.get_portal_url()}
  .venv/bin/terrazul run show {run.id}
  .venv/bin/terrazul model show -n diabetes
  .venv/bin/terrazul service run -n diabetes-svc -d '{{"data": [{json.dumps(rows[0].round(3).tolist())}]}}'
  .venv/bin/terrazul status

Now write your own: examples/diabetes has the scripts, their environment and config.json.
To stop the platform: .venv/bin/terrazul down (the service goes on: .venv/bin/terrazul service delete -n diabetes-svc)
""")
