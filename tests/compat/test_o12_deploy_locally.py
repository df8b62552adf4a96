"""O12: a local web service with inference_schema, its swagger, reload after an edit of the script, update, delete."""

import json
import urllib.request
from pathlib import Path

import joblib
import sklearn
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

from azureml.core import Workspace
from azureml.core.environment import Environment
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AciWebservice, LocalWebservice

SCRIPT = """\
import joblib
import os
import numpy as np
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType

def init():
    global model
    model = joblib.load(os.path.join(os.getenv('AZUREML_MODEL_DIR'), 'sklearn_regression_model.pkl'))

input_sample = np.array([[10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]])
output_sample = np.array([3726.995])

@input_schema('data', NumpyParameterType(input_sample))
@output_schema(NumpyParameterType(output_sample))
def run(data):
    result = model.predict(data)
    return %s
"""


def test_o12_register_and_deploy_locally(project: Path, free_port: int):
    ws = Workspace.from_config()
    X, y = load_diabetes(return_X_y=True)
    ridge = Ridge().fit(X, y)
    joblib.dump(ridge, "sklearn_regression_model.pkl")
    model = Model.register(
        model_path="sklearn_regression_model.pkl",
        model_name="sklearn_regression_model",
        tags={"area": "diabetes", "type": "regression"},
        description="Ridge regression model to predict diabetes",
        workspace=ws,
    )
    environment = Environment("LocalDeploy")
    environment.python.conda_dependencies.add_pip_package("inference-schema[numpy-support]")
    environment.python.conda_dependencies.add_pip_package("joblib")
    environment.python.conda_dependencies.add_pip_package(f"scikit-learn=={sklearn.__version__}")
    Path("score.py").write_text(SCRIPT % "result.tolist()")
    inference_config = InferenceConfig(entry_script="score.py", environment=environment)

    deployment_config = LocalWebservice.deploy_configuration(port=free_port)
    service = Model.deploy(ws, "test", [model], inference_config, deployment_config)
    assert service.state in {"deploying", "running"}
    service.wait_for_deployment()
    assert service.state == "running"
    assert service.port == free_port
    assert service.scoring_uri == f"http://localhost:{free_port}/score"
    assert service.get_logs()

    sample_input = json.dumps({"data": X[0:2].tolist()})
    assert service.run(sample_input) == ridge.predict(X[0:2]).tolist()
    with urllib.request.urlopen(service.swagger_uri) as answer:
        document = json.loads(answer.read())
    assert document["definitions"]["ServiceInput"]["example"]["data"][0][0] == 10.0
    with urllib.request.urlopen(f"{service.swagger_uri}?version=3") as answer:
        assert json.loads(answer.read())["openapi"].startswith("3.")

    Path("score.py").write_text(SCRIPT % "'Hello from the updated score.py: ' + str(result.tolist())")
    service.reload()
    assert service.run(sample_input).startswith("Hello from the updated score.py: [")

    service.update(models=[model], inference_config=inference_config, deployment_config=deployment_config)
    service.wait_for_deployment()
    assert service.state == "running"
    assert [each.name for each in LocalWebservice.list(ws)] == ["test"]
    assert LocalWebservice(ws, "test").port == free_port
    assert ws.webservices == {}

    cloud = service.deploy_to_cloud(
        name="from-local", deployment_config=AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1)
    )
    cloud.wait_for_deployment(show_output=True)
    assert cloud.state == "Healthy"
    assert cloud.run(sample_input).startswith("Hello from the updated")
    cloud.delete()
    service.delete()
    assert service.state == "deleted"
    assert LocalWebservice.list(ws) == []
