"""O9: the same script in a user-managed and in a system-managed environment; the docker switch of old code."""

import sys
from pathlib import Path

import numpy as np

from azureml.core import Environment, Experiment, ScriptRunConfig
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.workspace import Workspace

TRAIN = """\
import os
from azureml.core.run import Run
import joblib
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split
import mylib

os.makedirs('./outputs', exist_ok=True)
X, y = load_diabetes(return_X_y=True)
run = Run.get_context()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
for alpha in mylib.get_alphas():
    reg = Ridge(alpha=alpha)
    reg.fit(X_train, y_train)
    mse = mean_squared_error(y_test, reg.predict(X_test))
    run.log('alpha', alpha)
    run.log('mse', mse)
    name = 'ridge_{0:.2f}.pkl'.format(alpha)
    joblib.dump(reg, os.path.join('./outputs/', name))
    print('alpha is {0:.2f}, and mse is {1:0.2f}'.format(alpha, mse))
"""
LIBRARY = """\
import numpy as np

def get_alphas():
    return np.arange(0.0, 1.0, 0.05)
"""


def _scripts() -> str:
    folder = Path("scripts")
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    (folder / "mylib.py").write_text(LIBRARY)
    return "./scripts"


def test_o09_train_on_local(project: Path, capsys):
    workspace = Workspace.from_config()
    for text in (workspace.name, workspace.resource_group, workspace.location, workspace.subscription_id):
        assert isinstance(text, str)
        assert text
    experiment = Experiment(workspace=workspace, name="train-on-local")

    user_managed = Environment("user-managed-env")
    user_managed.python.user_managed_dependencies = True
    user_managed.python.interpreter_path = sys.executable
    source = ScriptRunConfig(source_directory=_scripts(), script="train.py", environment=user_managed)
    run = experiment.submit(source)
    assert run.id in repr(run)
    assert run._repr_html_()
    run.wait_for_completion(show_output=True)
    shown = capsys.readouterr().out
    assert f"RunId: {run.id}" in shown
    assert "alpha is 0.40, and mse is" in shown

    system_managed = Environment("system-managed-env")
    system_managed.python.user_managed_dependencies = False
    dependencies = CondaDependencies.create(conda_packages=["scikit-learn"])
    system_managed.python.conda_dependencies = dependencies
    source.run_config.environment = system_managed
    second = experiment.submit(source)
    second.wait_for_completion(show_output=True)
    assert "scikit-learn" in second.get_environment().python.conda_dependencies.serialize_to_string()

    old_docker = Environment("docker-env")
    old_docker.python.user_managed_dependencies = False
    old_docker.docker.enabled = True
    assert old_docker.docker.base_image
    old_docker.python.conda_dependencies = dependencies
    source.run_config.environment = old_docker
    third = experiment.submit(source)
    third.wait_for_completion()

    for each in (run, second, third):
        metrics = each.get_metrics()
        assert len(metrics["alpha"]) == len(metrics["mse"]) == 20
        assert 0 < metrics["alpha"][int(np.argmin(metrics["mse"]))] < 1
        assert "outputs/ridge_0.40.pkl" in each.get_file_names()
    details = third.get_details_with_logs()
    assert "docker" in "".join(details["logFiles"].values()).lower()
