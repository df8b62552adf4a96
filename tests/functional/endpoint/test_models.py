"""Models of a web service: where the script finds them, that they are what was registered, and who uses them."""

import os
from pathlib import Path

import pytest

from terrazul.testing.deployment import DeployedService, Deployer
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import send_contents

READ = """
import os, glob
def init():
    global found
    folder = os.environ["AZUREML_MODEL_DIR"]
    paths = glob.glob(folder + "/**", recursive=True)
    found = {path[len(folder):]: open(path).read() for path in paths if os.path.isfile(path)}
def run(data):
    return found
"""


def register(server: RunningServer, name: str, files: dict[str, bytes]) -> str:
    workspace = server.workspace()
    body = {"name": name, "registration_id": os.urandom(8).hex(), "files": send_contents(server, workspace, files)}
    return str(server.call("POST", f"{workspace}/models", body)["id"])


def edges(service: DeployedService, model_id: str) -> list[str]:
    found = service.server.call("GET", f"{service.workspace}/models/{model_id}/lineage")
    return [edge["user_id"] for edge in found if edge["user_type"] == "webservice"]


def test_single_model_lies_in_the_folder_of_its_version(shared_server: RunningServer, deploy_shared: Deployer):
    model = register(shared_server, "single", {"model.pkl": b"weights"})
    service = deploy_shared(READ, deployment={"models": [model]})
    assert service.score() == {"/model.pkl": "weights"}


def test_several_models_lie_by_name_and_version(shared_server: RunningServer, deploy_shared: Deployer):
    register(shared_server, "second", {"old.txt": b"old"})
    models = [
        register(shared_server, "first", {"folder/a.txt": b"a", "folder/deep/b.txt": b"b"}),
        register(shared_server, "second", {"c.txt": b"c"}),
    ]
    service = deploy_shared(READ, deployment={"models": models})
    assert service.score() == {
        "/first/1/folder/a.txt": "a",
        "/first/1/folder/deep/b.txt": "b",
        "/second/2/c.txt": "c",
    }


def test_newest_version_is_meant_where_none_is_said(shared_server: RunningServer, deploy_shared: Deployer):
    for number in (1, 2):
        register(shared_server, "newest", {"n.txt": str(number).encode()})
    service = deploy_shared(READ, deployment={"models": ["newest"]})
    assert service.get()["deployment"]["models"] == ["newest:2"]
    assert service.score() == {"/n.txt": "2"}


def test_model_path_of_v1_is_found(shared_server: RunningServer, deploy_shared: Deployer):
    """``Model.get_model_path`` looks below the app root."""
    model = register(shared_server, "by-path", {"model.pkl": b"weights"})
    text = (
        "import os\nfrom azureml.core.model import Model\n"
        "def init(): pass\ndef run(data): return open(Model.get_model_path('by-path')).read()\n"
    )
    assert deploy_shared(text, deployment={"models": [model]}).score() == "weights"


def test_model_in_use_is_kept_until_nobody_uses_it(shared_server: RunningServer, deploy_shared: Deployer):
    models = [register(shared_server, "used", {"n.txt": str(number).encode()}) for number in (1, 2)]
    service = deploy_shared(READ, deployment={"models": models[:1]})
    with pytest.raises(Refused, match=service.name) as refusal:
        shared_server.call("DELETE", f"{service.workspace}/models/{models[0]}")
    assert refusal.value.status == 409
    service.update(models=models[1:])
    assert service.wait()["serving_revision"] == 2
    assert service.score() == {"/n.txt": "2"}
    assert (edges(service, models[0]), edges(service, models[1])) == ([], [service.name])
    service.update("def init(): raise ValueError\ndef run(d): pass\n", models=models[:1])
    service.wait()
    assert [edges(service, model) for model in models] == [[service.name], [service.name]]
    service.delete()
    assert [edges(service, model) for model in models] == [[], []]
    shared_server.call("DELETE", f"{service.workspace}/models/{models[0]}")


@pytest.mark.parametrize("harm", ["swapped", "cut", "gone"])
def test_model_whose_bytes_were_changed_is_refused(server: RunningServer, deploy: Deployer, harm: str):
    content = b"weights of the model" * 10
    model = register(server, "harmed", {"folder/model.pkl": content, "folder/fine.txt": b"fine"})
    for file in list(server.home.blobs_folder.rglob("*")):
        if file.is_file() and content in (data := file.read_bytes()):
            harm_file(file, data, content, harm)
    service = deploy(READ, deployment={"models": [model]}, settle="Failed")
    error = service.get()["error"]
    assert "harmed/1/folder/" in error["message"]
    assert service.ask().status == 503


def harm_file(file: Path, data: bytes, content: bytes, harm: str) -> None:
    if harm == "swapped":
        file.write_bytes(data.replace(content, b"something harmful..." * 10))
    elif harm == "cut":
        file.write_bytes(data[: data.index(content) + 50])
    else:
        file.unlink()


def test_images_are_kept_deployments(shared_server: RunningServer, deploy_shared: Deployer):
    model = register(shared_server, "in-image", {"n.txt": b"in an image"})
    template = deploy_shared(READ, deployment={"models": [model]})
    images = f"{template.workspace}/images"
    new = {"name": "pictured", "registration_id": "1", "deployment": template.get()["deployment"], "tags": {"a": "b"}}
    image = shared_server.call("POST", images, new)
    assert shared_server.call("POST", images, new) == image
    assert image["id"] == "pictured:1"
    assert shared_server.call("GET", f"{images}/pictured") == image
    assert shared_server.call("GET", images) == [image]
    changed = shared_server.call(
        "PATCH", f"{images}/pictured:1", {"set_tags": {"c": "d"}, "add_properties": {"p": "q"}}
    )
    assert (changed["tags"], changed["properties"]) == ({"a": "b", "c": "d"}, {"p": "q"})
    template.delete()
    with pytest.raises(Refused, match="pictured:1"):
        shared_server.call("DELETE", f"{template.workspace}/models/{model}")
    body = {"name": "from-image", "deployment_id": "1", "compute_type": "ACI", "image_id": "pictured"}
    told = shared_server.call("POST", f"{template.workspace}/webservices", body)
    service = DeployedService(shared_server, template.workspace, "from-image", told["port"])
    assert service.wait()["image_id"] == "pictured:1"
    assert service.score() == {"/n.txt": "in an image"}
    with pytest.raises(Refused, match="from-image"):
        shared_server.call("DELETE", f"{images}/pictured:1")
    service.delete()
    shared_server.call("DELETE", f"{images}/pictured:1")
    with pytest.raises(Refused):
        shared_server.call("GET", f"{images}/pictured")
    assert shared_server.call("POST", images, {**new, "registration_id": "2"})["id"] == "pictured:2"
    shared_server.call("DELETE", f"{images}/pictured:2")
    shared_server.call("DELETE", f"{template.workspace}/models/{model}")


def test_model_without_entry_script_is_served_by_its_driver(shared_server: RunningServer, deploy_shared: Deployer):
    import joblib  # noqa: PLC0415  # comes with scikit-learn, which only this test needs
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415  # as above

    file = shared_server.home.path / "model.joblib"
    joblib.dump(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), file)
    model = register(shared_server, "driven", {"model.joblib": file.read_bytes()})
    bare = {"models": [model], "driver": "sklearn", "entry_script": "", "snapshot_id": None}
    service = deploy_shared(deployment=bare)
    assert service.score('{"data": [[3.0]]}')["predict"] == pytest.approx([6.0])
    with pytest.raises(Refused, match="MLmodel"):
        deploy_shared(deployment={**bare, "driver": "mlflow"})
