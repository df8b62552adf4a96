"""How public v1 code finds, makes and uses a cluster; the code is ours, its lines are what they have in common."""

import sys
from pathlib import Path

from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.runconfig import RunConfiguration

TRAIN = """
import argparse, os
from azureml.core import Run
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
arguments = parser.parse_args()
run = Run.get_context()
data = load_diabetes()
model = Ridge(alpha=arguments.alpha).fit(data.data, data.target)
run.log("alpha", arguments.alpha)
run.log("score", model.score(data.data, data.target))
"""


def test_training_on_a_cluster(project: Path):
    """With the test by name, the check of the class, and each way to name the target."""
    folder = project / "train-on-amlcompute"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    ws = Workspace.from_config()
    name = "gpu-cluster"
    if name in ws.compute_targets:
        compute_target = ws.compute_targets[name]
    else:
        config = AmlCompute.provisioning_configuration(vm_size="STANDARD_NC6", min_nodes=0, max_nodes=4)
        compute_target = ComputeTarget.create(ws, name, config)
        compute_target.wait_for_completion(show_output=True, min_node_count=None, timeout_in_minutes=20)
    compute_target = ws.compute_targets[name]
    assert compute_target
    assert type(compute_target) is AmlCompute
    assert compute_target.get_status().serialize()["provisioningState"] == "Succeeded"

    environment = Environment("mine")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    experiment = Experiment(workspace=ws, name="train-on-amlcompute")
    src = ScriptRunConfig(
        source_directory=str(folder), script="train.py", arguments=["--alpha", 0.5], compute_target=compute_target,
        environment=environment,
    )  # fmt: skip
    run = experiment.submit(config=src)
    run.wait_for_completion(show_output=True)
    assert run.get_metrics()["alpha"] == 0.5

    run_config = RunConfiguration()
    run_config.target = name
    run_config.environment = environment
    src = ScriptRunConfig(
        source_directory=str(folder), script="train.py", arguments=["--alpha", 1], run_config=run_config
    )
    again = experiment.submit(src)
    again.wait_for_completion()
    assert (again.get_details()["target"], again.get_details()["status"]) == (name, "Completed")
    compute_target.delete()
