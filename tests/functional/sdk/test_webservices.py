"""Deploying, calling, changing and ending web services through the SDK."""

import contextlib
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.errors import CapabilityNotAvailable, Conflict, InvalidInput, WebserviceException
from terrazul.sdk.deployment import NamedDeployment
from terrazul.sdk.environment import Environment
from terrazul.sdk.image import ContainerImage, Image
from terrazul.sdk.inference_config import InferenceConfig
from terrazul.sdk.model import Model
from terrazul.sdk.webservice.aci import AciWebservice
from terrazul.sdk.webservice.local import LocalWebservice
from terrazul.sdk.webservice.webservice import Webservice
from terrazul.sdk.workspace import Workspace
from terrazul.testing.certificate import make_pair

TIMES = """
import json, os
from terrazul.sdk.model import Model
def init():
    global factor
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "factor.txt")) as file:
        factor = int(file.read())
    print("the factor is", factor)
def run(data):
    return [value * factor for value in json.loads(data)["data"]]
"""
BROKEN = "def init():\n    raise RuntimeError('no such table: weights')\ndef run(data):\n    return data\n"

Deploy = Callable[..., Webservice]


@pytest.fixture
def environment() -> Environment:
    """This Python, as it is: nothing has to be built."""
    here = Environment("here")
    here.python.user_managed_dependencies = True
    return here


@pytest.fixture
def model(workspace: Workspace) -> Model:
    Path("factor.txt").write_text("3")
    return Model.register(workspace, "factor.txt", "factor")


@pytest.fixture
def deploy(workspace: Workspace, environment: Environment, model: Model) -> Iterator[Deploy]:
    made: list[Webservice] = []

    def deploy(name: str, text: str = TIMES, configuration: Any = None, **options: Any) -> Webservice:
        Path("score.py").write_text(text)
        service = Model.deploy(
            workspace, name, [model], InferenceConfig("score.py", environment=environment), configuration, **options
        )
        made.append(service)
        return service

    yield deploy
    for name in {service.name for service in made}:
        with contextlib.suppress(WebserviceException):
            Webservice(workspace, name).delete()


def test_deployed_model_answers_and_tells_of_itself(deploy: Deploy, workspace: Workspace, model: Model):
    configuration = AciWebservice.deploy_configuration(1, 1, tags={"team": "a"}, description="threefold")
    service = deploy("threefold", configuration=configuration)
    service.wait_for_deployment(show_output=True)
    assert service.run('{"data": [1, 2]}') == [3, 6]
    assert service.run(b'{"data": []}') == []
    found = Webservice(workspace, "threefold")
    assert isinstance(found, AciWebservice)
    assert (found.state, found.compute_type, found.auth_enabled, found.error) == ("Healthy", "ACI", False, None)
    assert (found.tags, found.description) == ({"team": "a"}, "threefold")
    assert [each.id for each in found.models] == [model.id]
    assert found.swagger_uri == found.scoring_uri.replace("/score", "/swagger.json")
    assert isinstance(found.created_time, datetime)
    assert found.container_resource_requirements.memory_in_gb == 1
    assert found.serialize()["scoringUri"] == found.scoring_uri
    assert Webservice.deserialize(workspace, found.serialize()).name == "threefold"
    assert "the factor is 3" in found.get_logs()
    assert len(found.get_logs(num_lines=2).splitlines()) == 2
    assert list(workspace.webservices) == ["threefold"]
    assert [each.name for each in Webservice.list(workspace, model_name="factor", tags=[["team", "a"]])] == [
        "threefold"
    ]
    assert Webservice.list(workspace, tags=["other"]) == []
    found.add_tags({"stage": "test"})
    found.remove_tags(["team"])
    found.add_properties({"first": "1"})
    assert (found.tags, found.properties) == ({"stage": "test"}, {"first": "1"})
    with pytest.raises(WebserviceException, match="keeps it"):
        found.add_properties({"first": "2"})


def test_taken_name_and_wrong_name_are_told(deploy: Deploy, workspace: Workspace):
    deploy("taken").wait_for_deployment()
    with pytest.raises(WebserviceException, match="taken"):
        deploy("taken")
    with pytest.raises(WebserviceException, match="taken"):
        Webservice.check_for_existing_webservice(workspace, "taken")
    Webservice.check_for_existing_webservice(workspace, "taken", overwrite=True)
    with pytest.raises(WebserviceException, match="service name"):
        deploy("Not a Name")
    with pytest.raises(WebserviceException, match="WebserviceNotFound"):
        Webservice(workspace, "nowhere")


def test_model_that_is_deployed_cannot_be_deleted(deploy: Deploy, model: Model):
    service = deploy("in-use")
    service.wait_for_deployment()
    with pytest.raises(Conflict, match="in-use"):
        model.delete()
    service.delete()
    model.delete()


def test_failing_init_is_told_with_its_traceback(deploy: Deploy):
    service = deploy("broken", BROKEN)
    with pytest.raises(WebserviceException, match="no such table: weights") as failure:
        service.wait_for_deployment()
    assert "Traceback" in failure.value.message
    assert 'score.py", line 2' in failure.value.message
    assert service.state == "Failed"
    assert "no such table" in service.error["message"]
    with pytest.raises(WebserviceException, match=r"does not answer|starting|Response Code"):
        service.run("{}")


def test_revision_that_fails_leaves_the_old_one_serving(deploy: Deploy, workspace: Workspace, environment: Environment):
    service = deploy("steady")
    service.wait_for_deployment()
    Path("score.py").write_text(BROKEN)
    service.update(inference_config=InferenceConfig("score.py", environment=environment))
    with pytest.raises(WebserviceException, match="Revision 1 goes on serving"):
        service.wait_for_deployment()
    assert service.state == "Healthy"
    assert service.run('{"data": [5]}') == [15]
    Path("factor.txt").write_text("4")
    newer = Model.register(workspace, "factor.txt", "factor")
    Path("score.py").write_text(TIMES)
    service.update(models=[newer], inference_config=InferenceConfig("score.py", environment=environment))
    service.wait_for_deployment()
    assert service.run('{"data": [5]}') == [20]
    with pytest.raises(WebserviceException, match="Nothing is given"):
        service.update()


def test_keys_open_the_service_and_die_when_they_are_made_anew(deploy: Deploy):
    service = deploy("locked", configuration=AciWebservice.deploy_configuration(auth_enabled=True, memory_gb=1))
    service.wait_for_deployment()
    primary, secondary = service.get_keys()
    assert service.run('{"data": [1]}') == [3]
    assert status_of(service, None) == 401
    assert [status_of(service, key) for key in (primary, secondary, "x" * len(primary))] == [200, 200, 401]
    service.regen_key("Primary")
    renewed = service.get_keys()[0]
    assert renewed != primary
    assert [status_of(service, key) for key in (primary, secondary, renewed)] == [401, 200, 200]
    service.regen_key("Secondary", set_key="my-own-key-of-some-length")
    assert status_of(service, "my-own-key-of-some-length") == 200
    assert status_of(service, secondary) == 401
    with pytest.raises(WebserviceException, match="no key 'Third'"):
        service.regen_key("Third")
    with pytest.raises(WebserviceException, match="keys, not tokens"):
        service.get_token()


def test_local_service_has_its_own_states_and_reloads_its_script(deploy: Deploy, workspace: Workspace, free_port: int):
    service = deploy("local-one", configuration=LocalWebservice.deploy_configuration(port=free_port))
    service.wait_for_deployment()
    assert isinstance(service, LocalWebservice)
    assert (service.state, service.port, service.compute_type) == ("running", free_port, "LOCAL")
    assert service.scoring_uri == f"http://localhost:{free_port}/score"
    Path("score.py").write_text(TIMES.replace("value * factor", "-value"))
    service.reload()
    assert service.run('{"data": [1]}') == [-1]
    found = LocalWebservice(workspace, "local-one")
    found.reload()
    assert found.run('{"data": [1]}') == [-1]
    assert workspace.webservices == {}
    assert [each.name for each in LocalWebservice.list(workspace)] == ["local-one"]
    with pytest.raises(WebserviceException, match="has no keys"):
        service.get_keys()
    with pytest.raises(WebserviceException, match="keeps it"):
        service.update(deployment_config=LocalWebservice.deploy_configuration(port=free_port + 1))
    service.delete()
    assert service.state == "deleted"
    found.update_deployment_state()
    assert found.state == "deleted"
    with pytest.raises(WebserviceException):
        LocalWebservice(workspace, "local-one")
    assert LocalWebservice(workspace, "local-one", must_exist=False).state == "unknown"


def test_image_keeps_a_deployment_and_is_deployed(workspace: Workspace, model: Model):
    Path("score.py").write_text(TIMES)
    Path("conda.yml").write_text("dependencies: []\n")
    configuration = ContainerImage.image_configuration("score.py", "python", "conda.yml", tags={"a": "b"})
    first = Image.create(workspace, "threefold", [model], configuration)
    first.wait_for_creation(show_output=True)
    second = Image.create(workspace, "threefold", [model], configuration)
    assert [first.version, second.version, first.creation_state] == [1, 2, "Succeeded"]
    assert [each.id for each in Image.list(workspace, image_name="threefold")] == ["threefold:2", "threefold:1"]
    assert ContainerImage(workspace, "threefold").version == 2
    assert workspace.images["threefold"].model_ids == [model.id]
    service = Webservice.deploy_from_image(workspace, "from-image", first, AciWebservice.deploy_configuration(1, 1))
    service.wait_for_deployment()
    assert service.run('{"data": [2]}') == [6]
    assert service.image_id == "threefold:1"
    assert Webservice.list(workspace, image_name="threefold")[0].name == "from-image"
    with pytest.raises(Conflict):
        first.delete()
    service.delete()
    first.delete()
    with pytest.raises(WebserviceException, match="ImageNotFound"):
        Image(workspace, id="threefold:1")


def test_tls_is_served_with_the_given_certificate(deploy: Deploy, tmp_path: Path):
    pair = make_pair(tmp_path)
    configuration = AciWebservice.deploy_configuration(
        1,
        1,
        ssl_enabled=True,
        ssl_cert_pem_file=str(pair.certificate),
        ssl_key_pem_file=str(pair.key),
        ssl_cname="localhost",
    )
    service = deploy("with-tls", configuration=configuration)
    service.wait_for_deployment()
    assert service.scoring_uri.startswith("https://")
    assert (service.ssl_enabled, service.ssl_key) == (True, None)
    context = ssl.create_default_context(cafile=str(pair.certificate))
    request = urllib.request.Request(service.scoring_uri, b'{"data": [1]}', {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=context) as answer:
        assert json.loads(answer.read()) == [3]
    with pytest.raises(WebserviceException, match="not both"):
        AciWebservice.deploy_configuration(ssl_enabled=True)


def test_configuration_is_checked_before_anything_is_sent(workspace: Workspace, environment: Environment, model: Model):
    with pytest.raises(WebserviceException, match=r"'nowhere\.py' is not a file"):
        Model.deploy(workspace, "early", [model], InferenceConfig("nowhere.py", environment=environment))
    with pytest.raises(WebserviceException, match="memory_gb"):
        AciWebservice.deploy_configuration(memory_gb=-1)
    with pytest.raises(WebserviceException, match="port"):
        LocalWebservice.deploy_configuration(port=99999)
    with pytest.raises(WebserviceException, match="needs an entry script"):
        Model.deploy(workspace, "early", [model])
    with pytest.raises(WebserviceException, match="is not a model"):
        Model.deploy(workspace, "early", [3], InferenceConfig("nowhere.py", environment=environment))
    assert workspace.webservices == {}


def test_source_directory_is_a_folder_beside_which_the_script_is_started(
    workspace: Workspace, environment: Environment, model: Model
):
    folder = Path("parts")
    (folder / "x/y").mkdir(parents=True)
    (folder / "extra.json").write_text('{"name": "Ada"}')
    (folder / "beside.py").write_text("def greeting(name):\n    return 'Hello ' + name\n")
    (folder / "x/y/score.py").write_text(
        "import json, beside\nfrom azureml.core.model import Model\n"
        "def init():\n    global name\n    name = json.load(open('./parts/extra.json'))['name']\n"
        "def run(data):\n    return [beside.greeting(name), open(Model.get_model_path('factor')).read()]\n"
    )
    configuration = InferenceConfig("x/y/score.py", source_directory="parts", environment=environment)
    service = Model.deploy(workspace, "with-parts", [model], configuration)
    service.wait_for_deployment()
    answer = service.run("{}")
    service.delete()
    assert answer == ["Hello Ada", "3"]
    package = Model.package(workspace, [model], configuration, generate_dockerfile=True)
    package.save("package")
    assert served_as_its_dockerfile_says(Path("package").absolute(), Path("package/Dockerfile").read_text()) == [
        "Hello Ada",
        "3",
    ]
    outside = replace(configuration.deployment(workspace.client, [model.id]), source_folder="../up")
    with pytest.raises(InvalidInput, match="not valid"):
        NamedDeployment(workspace, "outside", overwrite=False).deploy_as_it_is(outside, None, None)


def test_package_builds_and_serves_elsewhere(workspace: Workspace, model: Model, tmp_path: Path):
    Path("score.py").write_text(TIMES.replace("from terrazul.sdk.model import Model\n", ""))
    Path("conda.yml").write_text("dependencies:\n- pip:\n  - azureml-defaults\n  - six==1.16.0\n")
    environment = Environment.from_conda_specification("small", "conda.yml")
    configuration = InferenceConfig("score.py", environment=environment)
    with pytest.raises(CapabilityNotAvailable, match="generate_dockerfile"):
        Model.package(workspace, [model], configuration)
    package = Model.package(workspace, [model], configuration, generate_dockerfile=True)
    package.wait_for_creation(show_output=True)
    target = tmp_path / "package"
    package.save(str(target))
    dockerfile = (target / "Dockerfile").read_text()
    requirements = (target / "requirements.txt").read_text().splitlines()
    assert {"flask", "inference-schema", "six==1.16.0", "httptools"} <= set(requirements)
    assert dockerfile.startswith(f"# {model.id}, packaged")
    assert (target / f"app/azureml-models/factor/{model.version}/factor.txt").read_text() == "3"
    answer = served_as_its_dockerfile_says(target, dockerfile)
    assert answer == [6, 9]


def served_as_its_dockerfile_says(folder: Path, dockerfile: str) -> Any:
    """Start the command of a Dockerfile with its variables, the folder in the place of the image's, and score once."""
    lines = dockerfile.replace("\\\n", " ").replace("/service", str(folder)).splitlines()
    settings = next(line for line in lines if line.startswith("ENV "))
    variables = dict(pair.partition("=")[::2] for pair in settings.split()[1:])
    command = json.loads(next(line for line in lines if line.startswith("CMD ")).partition(" ")[2])
    command[command.index("--port") + 1] = "0"
    command[command.index("--host") + 1] = "127.0.0.1"
    environment = {name: json.loads(value) for name, value in variables.items()}
    process = subprocess.Popen(
        [sys.executable, *command[1:]], cwd=folder, env={"PATH": "", **environment}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        address = next(line for line in process.stdout if "/score" in line).split()[-1]
        with urllib.request.urlopen(
            urllib.request.Request(address, b'{"data": [2, 3]}', {"Content-Type": "application/json"})
        ) as answer:
            return json.loads(answer.read())
    finally:
        process.terminate()
        process.communicate()


def status_of(service: Webservice, key: str | None) -> int:
    """The status of a request with a key."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(str(service.scoring_uri), b'{"data": [1]}', headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code
