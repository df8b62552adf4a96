"""O2: a script that trains, without and with arguments; its models are registered and listed."""

from pathlib import Path

import joblib
import pandas as pd

from azureml.core import Environment, Experiment, Model, ScriptRunConfig, Workspace
from azureml.widgets import RunDetails

SCRIPT = """\
from azureml.core import Run
import argparse
import pandas as pd
import numpy as np
import joblib
import os
from sklearn.model_selection import train_test_split
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

run = Run.get_context()
parser = argparse.ArgumentParser()
parser.add_argument('--reg_rate', type=float, dest='reg', default=0.01)
reg = parser.parse_args().reg

print("Loading Data...")
cancer = pd.read_csv('cancer.csv')
X, y = cancer.drop(columns=['Benign']).values, cancer['Benign'].values
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.30, random_state=0)
run.log('Regularization Rate', np.float64(reg))
model = LogisticRegression(C=1/reg, solver="liblinear").fit(X_train, y_train)
acc = np.average(model.predict(X_test) == y_test)
print('Accuracy:', acc)
run.log('Accuracy', np.float64(acc))
auc = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
run.log('AUC', np.float64(auc))
run.log('rows', np.int64(len(y)))

os.makedirs('outputs', exist_ok=True)
joblib.dump(value=model, filename='outputs/cancer_model.pkl')
run.complete()
"""


def test_o02_training_script_with_and_without_arguments(project: Path):
    workspace = Workspace.from_config()
    folder = Path("cancer-training")
    folder.mkdir()
    (folder / "cancer.csv").write_bytes(Path("data/cancer.csv").read_bytes())
    (folder / "cancer_training.py").write_text(SCRIPT)
    environment = Environment.from_conda_specification("experiment_env", "environment.yml")
    experiment = Experiment(workspace=workspace, name="train-cancer")

    rates = {}
    for arguments in (None, ["--reg_rate", 0.1]):
        script_config = ScriptRunConfig(
            source_directory=str(folder), script="cancer_training.py", arguments=arguments, environment=environment
        )
        run = experiment.submit(config=script_config)
        RunDetails(run).show()
        run.wait_for_completion()
        metrics = run.get_metrics()
        assert run.status == "Completed"
        assert metrics["rows"] == 569
        assert 0.9 < metrics["Accuracy"] <= 1
        assert 0.9 < metrics["AUC"] <= 1
        assert "outputs/cancer_model.pkl" in run.get_file_names()
        context = "Parameterized script" if arguments else "Script"
        run.register_model(
            model_path="outputs/cancer_model.pkl",
            model_name="cancer_model",
            tags={"Training context": context},
            properties={"AUC": run.get_metrics()["AUC"], "Accuracy": run.get_metrics()["Accuracy"]},
        )
        rates[metrics["Regularization Rate"]] = run.get_details()["runDefinition"]["arguments"]
    assert rates == {0.01: [], 0.1: ["--reg_rate", "0.1"]}
    first, second = experiment.get_runs()
    assert (first.number, second.number) == (2, 1)
    assert first.get_snapshot_id() == second.get_snapshot_id()

    listed = [
        (model.name, model.version, [model.tags[name] for name in model.tags], sorted(model.properties))
        for model in Model.list(workspace)
    ]
    assert listed == [
        ("cancer_model", 2, ["Parameterized script"], ["AUC", "Accuracy"]),
        ("cancer_model", 1, ["Script"], ["AUC", "Accuracy"]),
    ]
    newest = workspace.models["cancer_model"]
    assert (newest.version, newest.run_id) == (2, first.id)
    assert float(newest.properties["AUC"]) == first.get_metrics()["AUC"]
    trained = joblib.load(newest.download(target_dir="downloaded"))
    assert trained.predict(pd.read_csv("data/cancer.csv").drop(columns=["Benign"]).to_numpy()[:3]).shape == (3,)
