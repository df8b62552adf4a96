"""How public v1 code works with web services: replaced under their name, of images, with keys, found by their type."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azureml.core import Environment, Image, Model, Webservice, Workspace
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.image import ContainerImage
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AciWebservice, AksWebservice, LocalWebservice
from azureml.exceptions import WebserviceException

SCORE = """\
import json, logging, os, pickle
from azureml.core.model import Model

def init():
    global weights
    with open(Model.get_model_path(model_name="weights"), "rb") as file:
        weights = pickle.load(file)
    logging.getLogger("score").info("ready")

def run(raw_data, request_headers=None):
    try:
        rows = json.loads(raw_data)["data"]
        return {"result": [sum(w * v for w, v in zip(weights, row)) for row in rows]}
    except Exception as error:
        return {"error": str(error)}
"""
ROWS = json.dumps({"data": [[1, 2], [3, 4]]})
SUMS = {"result": [5, 11]}


@pytest.fixture
def workspace(project: Path) -> Iterator[Workspace]:
    import pickle  # noqa: PLC0415  # the model is made here alone

    (project / "weights.pkl").write_bytes(pickle.dumps([1, 2]))
    (project / "score.py").write_text(SCORE)
    (project / "conda.yml").write_text("dependencies:\n- python=3.8\n- pip:\n  - azureml-defaults\n")
    found = Workspace.from_config()
    Model.register(found, model_path="weights.pkl", model_name="weights")
    yield found
    for service in [*found.webservices.values(), *LocalWebservice.list(found)]:
        service.delete()


@pytest.fixture
def inference() -> InferenceConfig:
    environment = Environment("serving")
    environment.python.user_managed_dependencies = True
    return InferenceConfig(entry_script="score.py", source_directory=".", environment=environment)


def test_service_is_replaced_under_its_name(workspace: Workspace, inference: InferenceConfig):
    name = "weights-svc"
    for _ in range(2):
        try:
            Webservice(workspace, name).delete()
        except WebserviceException as error:
            assert "WebserviceNotFound" in error.message  # noqa: PT017  # this is how public code tells
        assert name not in workspace.webservices
        service = Model.deploy(
            workspace, name, [Model(workspace, "weights")], inference,
            AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1, tags={"data": "test"}, description="Sums"),
        )  # fmt: skip
        service.wait_for_deployment(show_output=True)
        assert service.state == "Healthy"
        assert service.run(input_data=bytes(ROWS, encoding="utf8")) == SUMS
    if name in workspace.webservices:
        service = workspace.webservices[name]
    assert isinstance(service, AciWebservice)
    service.update(tags={"data": "live"}, description="Sums of products", auth_enabled=True)
    service.wait_for_deployment()
    assert (service.tags, service.description) == ({"data": "live"}, "Sums of products")
    primary, _ = service.get_keys()
    assert posted(service.scoring_uri, primary) == SUMS
    with pytest.raises(urllib.error.HTTPError, match="401"):
        posted(service.scoring_uri, "")
    assert service.run(ROWS) == SUMS
    assert Webservice(workspace=workspace, name=name).serialize()["tags"] == {"data": "live"}


def test_image_is_made_and_deployed(workspace: Workspace):
    packages = CondaDependencies.create(pip_packages=["azureml-defaults"])
    Path("env.yml").write_text(packages.serialize_to_string())
    configuration = ContainerImage.image_configuration(
        execution_script="score.py", runtime="python", conda_file="env.yml", description="Sums", tags={"type": "sums"}
    )
    image = ContainerImage.create(
        name="sums", models=[Model(workspace, "weights")], image_config=configuration, workspace=workspace
    )
    image.wait_for_creation(show_output=True)
    assert image.creation_state == "Succeeded"
    assert [each.version for each in Image.list(workspace, tags=["type"])] == [1]
    service = Webservice.deploy_from_image(
        deployment_config=AciWebservice.deploy_configuration(cpu_cores=1, memory_gb=1),
        image=image, name="from-image", workspace=workspace,
    )  # fmt: skip
    service.wait_for_deployment(show_output=True)
    assert service.run(ROWS) == SUMS
    assert service.image.id == "sums:1"


def test_local_service_is_updated_and_its_config_taken_along(workspace: Workspace, inference: InferenceConfig):
    service = Model.deploy(workspace, "near", [Model(workspace, "weights")], inference)
    assert isinstance(service, AciWebservice)
    local = Model.deploy(
        workspace, "nearer", [Model(workspace, "weights")], inference, LocalWebservice.deploy_configuration()
    )
    local.wait_for_deployment(show_output=True)
    assert local.run(ROWS) == SUMS
    service.wait_for_deployment()
    assert {each.name: each.compute_type for each in Webservice.list(workspace, compute_type="ACI")} == {"near": "ACI"}


def test_what_is_not_there_yet_says_so(workspace: Workspace, inference: InferenceConfig):
    with pytest.raises(NotImplementedError, match="does not have yet"):
        AksWebservice.deploy_configuration(autoscale_enabled=True)
    with pytest.raises(WebserviceException):
        Model.deploy(workspace, "Bad_Name", [Model(workspace, "weights")], inference)
    with pytest.raises(WebserviceException, match="exclude each other"):
        InferenceConfig("score.py", runtime="python", environment=inference.environment).validate_configuration()


def posted(address: str, key: str) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + key}
    with urllib.request.urlopen(urllib.request.Request(address, ROWS.encode(), headers)) as answer:
        return json.loads(answer.read())
