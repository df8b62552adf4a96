"""O5: a model registered from a run, deployed with an entry script of the old style, called in every way, deleted."""

import json
import os
import urllib.request
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from azureml.core import Experiment, Model, Workspace
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, Webservice
from azureml.exceptions import WebserviceException

SCRIPT = """\
import json
import joblib
import numpy as np
from azureml.core.model import Model

def init():
    global model
    model_path = Model.get_model_path('cancer_model')
    model = joblib.load(model_path)

def run(raw_data):
    data = np.array(json.loads(raw_data)['data'])
    classnames = ['malignant', 'benign']
    return json.dumps([classnames[prediction] for prediction in model.predict(data)])
"""
CONDA = """name: inference_env
dependencies:
- python=3.6.2
- scikit-learn
- pip
- pip:
  - azureml-defaults
"""


def test_o05_real_time_inferencing_service(project: Path):
    ws = Workspace.from_config()
    experiment = Experiment(workspace=ws, name="mslearn-train-cancer")
    run = experiment.start_logging()
    cancer = pd.read_csv("data/cancer.csv")
    X, y = cancer.drop(columns=["Benign"]).to_numpy(), cancer["Benign"].to_numpy()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.30, random_state=0)
    model = DecisionTreeClassifier(random_state=0).fit(X_train, y_train)
    run.log("Accuracy", np.average(model.predict(X_test) == y_test))
    run.log("AUC", roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))
    joblib.dump(value=model, filename="cancer_model.pkl")
    run.upload_file(name="outputs/cancer_model.pkl", path_or_stream="./cancer_model.pkl")
    run.complete()
    run.register_model(
        model_path="outputs/cancer_model.pkl",
        model_name="cancer_model",
        tags={"Training context": "Inline Training"},
        properties={"AUC": run.get_metrics()["AUC"], "Accuracy": run.get_metrics()["Accuracy"]},
    )

    (listed,) = Model.list(ws)
    assert (listed.name, listed.version, listed.tags) == ("cancer_model", 1, {"Training context": "Inline Training"})
    assert set(listed.properties) == {"AUC", "Accuracy"}
    registered = ws.models["cancer_model"]
    assert registered.run_id == run.id

    os.makedirs("./cancer_service", exist_ok=True)
    script_file, env_file = "./cancer_service/score_cancer.py", "./cancer_service/cancer_env.yml"
    Path(script_file).write_text(SCRIPT)
    Path(env_file).write_text(CONDA)
    inference_config = InferenceConfig(runtime="python", entry_script=script_file, conda_file=env_file)
    deployment_config = AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1)
    service = Model.deploy(ws, "cancer-service", [registered], inference_config, deployment_config)
    service.wait_for_deployment(True)
    assert service.state == "Healthy"
    assert "revision 1: start: done" in service.get_logs()
    assert list(ws.webservices) == ["cancer-service"]

    rows = X_test[:2].tolist()
    expected = [["malignant", "benign"][each] for each in model.predict(X_test[:2])]
    predictions = service.run(input_data=json.dumps({"data": rows}))
    assert json.loads(predictions) == expected
    request = urllib.request.Request(
        service.scoring_uri, json.dumps({"data": rows}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        assert json.loads(json.loads(answer.read())) == expected

    with pytest.raises(WebserviceException):
        Model.deploy(ws, "cancer-service", [registered], inference_config, deployment_config)
    with pytest.raises(Exception, match="cancer-service"):
        registered.delete()
    service.delete()
    with pytest.raises(WebserviceException, match="WebserviceNotFound"):
        Webservice(ws, "cancer-service")
    assert ws.webservices == {}
    registered.delete()
    assert Model.list(ws) == []
