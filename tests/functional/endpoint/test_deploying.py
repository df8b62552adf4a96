"""Deploying, updating, keys, logs and deleting, as one sees it over REST and at the service's address."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from terrazul.testing.deployment import Deployer, echo
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import is_alive, wait_for


def test_deployed_script_answers(deploy_shared: Deployer):
    service = deploy_shared(echo("hello"), tags={"a": "b"}, description="what it is")
    told = service.get()
    assert service.score("data")["says"] == "hello"
    assert service.ask(path="/").body == b"Healthy"
    assert told["scoring_uri"] == f"http://127.0.0.1:{told['port']}/score"
    assert told["swagger_uri"] == f"http://127.0.0.1:{told['port']}/swagger.json"
    assert (told["revision"], told["serving_revision"], told["workers"], told["error"]) == (1, 1, 1, None)
    assert (told["tags"], told["description"]) == ({"a": "b"}, "what it is")


def test_local_service_is_named_by_localhost(deploy_shared: Deployer):
    service = deploy_shared(compute_type="LOCAL")
    assert service.get()["scoring_uri"] == f"http://localhost:{service.port}/score"


def test_script_finds_what_v1_put_around_it(deploy_shared: Deployer):
    text = (
        "import os\ndef init(): pass\ndef run(data): return [dict(os.environ), os.getcwd(), os.path.dirname(__file__)]"
    )
    environment = {"user_managed": True, "environment_variables": {"MINE": "x", "WORKER_COUNT": "2"}}
    service = deploy_shared(text, name="around", deployment={"environment": environment})
    variables, folder, of_script = service.score()
    assert service.get()["workers"] == 2
    assert variables["MINE"] == "x"
    assert variables["SERVICE_NAME"] == "around"
    assert variables["WORKSPACE_NAME"] == "testing"
    assert variables["AML_APP_ROOT"] == folder == of_script
    assert variables["AZUREML_ENTRY_SCRIPT"] == "score.py"
    assert variables["WORKER_COUNT"] == "2"
    assert variables["AZUREML_MODEL_DIR"].endswith("/revisions/1/azureml-models")
    assert variables["SCORING_TIMEOUT_MS"] == "3600000"
    assert {name for name in variables if name.startswith("TERRAZUL")} <= {"TERRAZUL_FAST_JSON"}


def test_deployment_sent_twice_counts_once(shared_server: RunningServer, deploy_shared: Deployer):
    service = deploy_shared(deployment_id="the-same")
    told = service.get()
    body = {"name": service.name, "deployment_id": "the-same", "compute_type": "ACI", "deployment": told["deployment"]}
    again = shared_server.call("POST", f"{service.workspace}/webservices", body)
    assert (again["revision"], again["port"]) == (1, service.port)


def test_two_deployments_of_one_name_at_once_are_one(shared_server: RunningServer, deploy_shared: Deployer):
    first = deploy_shared(name="template")
    body = {"name": "contested", "compute_type": "ACI", "deployment": first.get()["deployment"]}

    def attempt(number: int) -> tuple[int, str]:
        new = json.dumps({**body, "deployment_id": str(number)}).encode()
        answer = shared_server.ask("POST", f"{first.workspace}/webservices", new)
        return answer.status, json.loads(answer.body).get("code", "")

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(attempt, range(8))) == [(200, ""), *[(409, "webservice_exists")] * 7]
    shared_server.call("DELETE", f"{first.workspace}/webservices/contested")


def test_update_takes_over_without_a_gap(deploy_shared: Deployer):
    service = deploy_shared(echo("old"), settings={"worker_count": 2})
    ended, statuses, words = threading.Event(), [], []

    def load() -> None:
        while not ended.is_set():
            answer = service.ask()
            statuses.append(answer.status)
            words.append(answer.value.get("says"))

    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(load) for _ in range(3)]
        service.update(echo("new"))
        told = service.wait()
        wait_for(lambda: words[-1] == "new")
        ended.set()
        for each in loads:
            each.result()
    assert set(statuses) == {200}
    assert set(words) == {"old", "new"}
    assert (told["revision"], told["serving_revision"]) == (2, 2)
    assert service.score()["says"] == "new"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def init(): raise ValueError('wrong weights')\ndef run(d): return 1\n", "wrong weights"),
        ("import nothing_of_that_name\ndef init(): pass\ndef run(d): return 1\n", "nothing_of_that_name"),
        ("def init(:\n", "SyntaxError"),
        ("def init(): pass\n", "run"),
        ("import os\ndef init(): os._exit(7)\ndef run(d): return 1\n", "before the entry script was ready"),
    ],
)
def test_revision_that_does_not_come_up_leaves_the_old_one_serving(deploy_shared: Deployer, text: str, said: str):
    service = deploy_shared(echo("old"))
    service.update(text)
    begin = time.monotonic()
    told = service.wait("Healthy")
    assert time.monotonic() - begin < 10
    assert (told["revision"], told["serving_revision"]) == (2, 1)
    assert said in told["error"]["message"] + told["error"]["details"]
    assert service.score()["says"] == "old"
    service.update(echo("mended"))
    assert service.wait()["error"] is None
    assert service.score()["says"] == "mended"
    service.delete()


def test_first_revision_that_does_not_come_up_is_failed_with_its_traceback(deploy_shared: Deployer):
    service = deploy_shared("def init(): raise ValueError('no weights')\ndef run(d): return 1\n", settle="Failed")
    told = service.get()
    assert "no weights" in told["error"]["message"]
    assert 'score.py", line 1, in init' in told["error"]["details"]
    assert "no weights" in service.get("/logs?lines=200").decode()
    assert service.ask().status == 503
    service.update(echo("mended"))
    service.wait()
    assert service.score()["says"] == "mended"


def test_environment_that_cannot_be_had_is_told(deploy_shared: Deployer):
    environment = {"user_managed": True, "interpreter_path": "/no/python"}
    service = deploy_shared(deployment={"environment": environment}, settle="Failed")
    assert "/no/python" in service.get()["error"]["message"]


def test_newer_revision_takes_the_place_of_one_that_is_still_prepared(deploy_shared: Deployer):
    service = deploy_shared(echo("first"))
    service.update("import time\ndef init(): time.sleep(600)\ndef run(d): return 1\n")
    wait_for(lambda: service.get()["phase"] == "start")
    assert service.get()["state"] == "Transitioning"
    assert service.score()["says"] == "first"
    service.update(echo("third"))
    assert service.wait()["serving_revision"] == 3
    assert service.score()["says"] == "third"


def test_keys_open_and_a_new_one_closes_the_old_at_once(deploy_shared: Deployer):
    service = deploy_shared(settings={"auth_enabled": True})
    keys = service.get("/keys")
    assert [len(key) for key in keys.values()] == [32, 32]
    assert service.ask().status == 401
    assert service.ask(key="wrong").status == 401
    assert service.ask(path="/").status == 200
    for key in keys.values():
        service.score(key=key)
    made = service.server.call("POST", f"{service.route}/keys", {"which": "Primary"})
    assert service.ask(key=keys["primary"]).status == 401
    service.score(key=made["primary"])
    service.score(key=keys["secondary"])
    made = service.server.call("POST", f"{service.route}/keys", {"which": "secondary", "key": "my-own"})
    assert made["secondary"] == "my-own"
    assert service.ask(key=keys["secondary"]).status == 401
    service.score(key="my-own")
    with pytest.raises(Refused, match="third"):
        service.server.call("POST", f"{service.route}/keys", {"which": "third"})


def test_key_is_made_anew_while_a_revision_is_prepared(deploy_shared: Deployer):
    service = deploy_shared(settings={"auth_enabled": True})
    old = service.get("/keys")["primary"]
    service.update("import time\ndef init(): time.sleep(600)\ndef run(d): return 1\n")
    wait_for(lambda: service.get()["phase"] == "start")
    begin = time.monotonic()
    new = service.server.call("POST", f"{service.route}/keys", {"which": "Primary"})["primary"]
    assert time.monotonic() - begin < 2
    assert service.ask(key=old).status == 401
    service.score(key=new)
    service.delete()


def test_keys_of_the_callers_own(deploy_shared: Deployer):
    keys = {"primary": "first-key", "secondary": ""}
    service = deploy_shared(settings={"auth_enabled": True}, keys=keys)
    service.score(key="first-key")
    assert len(service.get("/keys")["secondary"]) == 32


def test_service_without_keys_has_none_to_give(deploy_shared: Deployer):
    service = deploy_shared()
    with pytest.raises(Refused) as refusal:
        service.get("/keys")
    assert refusal.value.status == 409


def test_key_is_asked_for_only_once_the_revision_serves_that_wants_it(deploy_shared: Deployer):
    service = deploy_shared(settings={"auth_enabled": True})
    key = service.get("/keys")["primary"]
    service.update("def init(): raise ValueError\ndef run(d): return 1\n", settings={"auth_enabled": False})
    service.wait()
    assert service.ask().status == 401
    service.score(key=key)
    service.update(echo("open"), settings={"auth_enabled": False})
    service.wait()
    assert service.score()["says"] == "open"


def test_reload_starts_all_workers_anew(deploy_shared: Deployer):
    service = deploy_shared(settings={"worker_count": 2})
    before = set(service.worker_pids)
    service.server.call("POST", f"{service.route}/reload")
    wait_for(lambda: not before & set(service.worker_pids))
    assert service.score()["pid"] not in before
    assert service.get()["revision"] == 1


def test_reload_tries_a_revision_that_failed_once_more(deploy_shared: Deployer, tmp_path: Path):
    text = f"import os\ndef init(): assert os.path.exists({str(tmp_path / 'there')!r})\ndef run(d): return 'now'\n"
    service = deploy_shared(text, settle="Failed")
    (tmp_path / "there").touch()
    service.server.call("POST", f"{service.route}/reload")
    service.wait()
    assert service.score() == "now"


def test_log_has_phases_and_what_the_script_prints(deploy_shared: Deployer):
    service = deploy_shared("def init(): print('said in init')\ndef run(d): print('said in run'); return 1\n")
    service.score()
    log = wait_for(lambda: "said in run" in (text := service.get("/logs").decode()) and text)
    assert "said in init" in log
    for phase in ("models", "source", "environment", "start"):
        assert f"revision 1: {phase}: done in " in log
    assert len(service.get("/logs?lines=2").decode().splitlines()) == 2
    with pytest.raises(Refused):
        service.get("/logs?lines=0")


def test_deleting_leaves_nothing(shared_server: RunningServer, deploy_shared: Deployer):
    service = deploy_shared(name="short-lived", settings={"worker_count": 2})
    pids = [service.supervisor_pid, *service.worker_pids]
    token = json.loads((service.folder / "service.json").read_text())["token"]
    begin = time.monotonic()
    service.delete()
    assert time.monotonic() - begin < 5
    assert not any(map(is_alive, pids))
    assert not service.folder.exists()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", service.port))
    with pytest.raises(Refused) as refusal:
        service.get()
    assert (refusal.value.status, refusal.value.body["code"]) == (404, "webservice_not_found")
    wait_for(lambda: shared_server.ask("GET", "/api/v1/server", token=token).status == 401, 2)
    again = deploy_shared(name="short-lived", port=service.port)
    assert again.score()["says"] == "short-lived"


def test_request_that_was_accepted_is_answered_before_the_end(deploy_shared: Deployer, tmp_path: Path):
    begun = tmp_path / "begun"
    text = f"import time\ndef init(): pass\ndef run(d): open({str(begun)!r}, 'w'); time.sleep(1.5); return 'done'\n"
    service = deploy_shared(text)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.score)
        wait_for(begun.exists)
        service.delete()
        assert answer.result() == "done"


def test_overwrite_replaces_what_is_served(deploy_shared: Deployer):
    service = deploy_shared(echo("first"), name="replaced")
    again = deploy_shared(echo("second"), name="replaced", overwrite=True, tags={"new": "tag"})
    assert (again.port, again.get()["revision"], again.get()["tags"]) == (service.port, 2, {"new": "tag"})
    assert again.score()["says"] == "second"
    with pytest.raises(Refused, match=str(service.port)):
        deploy_shared(name="replaced", overwrite=True, port=service.port + 1)


def test_description_and_tags_make_no_revision(deploy_shared: Deployer):
    service = deploy_shared(tags={"kept": "1", "gone": "2"})
    service.update(description="new", set_tags={"more": "3"}, remove_tags=["gone"], add_properties={"p": "1"})
    told = service.get()
    assert (told["revision"], told["state"], told["description"]) == (1, "Healthy", "new")
    assert (told["tags"], told["properties"]) == ({"kept": "1", "more": "3"}, {"p": "1"})
    assert service.update(settings={"worker_count": 1})["revision"] == 1
    with pytest.raises(Refused, match="keeps it"):
        service.update(add_properties={"p": "2"})
    assert service.update(tags={"all": "new"})["tags"] == {"all": "new"}


def test_settings_are_changed_one_by_one(deploy_shared: Deployer):
    service = deploy_shared(settings={"queue_limit": 7})
    service.update(settings={"worker_count": 2})
    told = service.wait()
    assert (told["settings"]["queue_limit"], told["workers"], told["revision"]) == (7, 2, 2)
    for settings in ({"no_such": 1}, {"worker_count": "many"}, {"worker_count": 0}, {"memory_gb": 0}):
        with pytest.raises(Refused) as refusal:
            service.update(settings=settings)
        assert refusal.value.status == 400


def test_port_that_is_taken_is_told_by_its_number(deploy_shared: Deployer):
    service = deploy_shared()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        for port in (service.port, other.getsockname()[1]):
            with pytest.raises(Refused, match=str(port)) as refusal:
                deploy_shared(port=port)
            assert refusal.value.status == 409
    for port in (0, 70000):
        with pytest.raises(Refused) as refusal:
            deploy_shared(port=port)
        assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"name": "Not A Name"}, 400, "not valid"),
        ({"deployment": None}, 400, "neither"),
        ({"image_id": "x:1"}, 400, "both"),
        ({"deployment": None, "image_id": "x:1"}, 404, "x:1"),
        ({"deployment_id": ""}, 400, "id of a deployment"),
        ({"settings": {"worker_count": 0}}, 400, "worker_count"),
        ({"settings": {"cors_origins": ["a b"]}}, 400, "origin"),
        ({"settings": {"ssl_enabled": True}}, 400, "certificate"),
        ({"settings": {"ssl_enabled": True, "ssl_certificate": "x", "ssl_key": "y"}}, 400, "PEM"),
        ({"keys": {"primary": "a b", "secondary": ""}}, 400, "key"),
        ({"keys": {"primary": "schlüssel", "secondary": ""}}, 400, "key"),
    ],
)
def test_wrong_deployment_is_refused(deploy_shared: Deployer, change: dict[str, object], status: int, said: str):
    body = {"name": "refused", **change}
    if "deployment" in body:
        workspace = deploy_shared.server.workspace()
        body = {"deployment_id": "1", "compute_type": "ACI", **body}
        with pytest.raises(Refused) as refusal:
            deploy_shared.server.call("POST", f"{workspace}/webservices", body)
    else:
        with pytest.raises(Refused) as refusal:
            deploy_shared(**body)
    assert refusal.value.status == status
    assert said in refusal.value.body["message"] + (refusal.value.body["hint"] or "")


@pytest.mark.parametrize(
    ("deployment", "status", "said"),
    [
        ({"entry_script": "other.py"}, 400, "score.py"),
        ({"entry_script": "../score.py"}, 400, "not valid"),
        ({"entry_script": ""}, 400, "no entry script"),
        ({"snapshot_id": None}, 400, "no source directory"),
        ({"snapshot_id": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, 400, "no snapshot"),
        ({"snapshot_id": "x"}, 400, "snapshot"),
        ({"models": ["none:1"]}, 404, "none"),
        ({"models": ["none"]}, 404, "none"),
        ({"driver": "mlflow"}, 400, "exactly one model"),
        ({"environment": {"environment_variables": {"a=b": "c"}}}, 400, "a=b"),
        ({"environment": {"environment_variables": {"a": "\0"}}}, 400, "NUL"),
    ],
)
def test_wrong_content_is_refused(deploy_shared: Deployer, deployment: dict[str, object], status: int, said: str):
    with pytest.raises(Refused) as refusal:
        deploy_shared(name="refused", deployment=deployment)
    assert refusal.value.status == status
    assert said in refusal.value.body["message"] + (refusal.value.body["hint"] or "")


def test_list_is_filtered(shared_server: RunningServer, deploy_shared: Deployer):
    service = deploy_shared(name="filtered", tags={"stage": "x"}, properties={"p": "q"}, compute_type="LOCAL")
    for query, found in {
        "tag=stage%3Dx": True,
        "tag=stage&property=p": True,
        "tag=stage%3Dy": False,
        "compute_type=LOCAL&tag=stage": True,
        "compute_type=ACI&tag=stage": False,
        "model_name=none": False,
        "image_id=none:1": False,
    }.items():
        names = [each["name"] for each in shared_server.call("GET", f"{service.workspace}/webservices?{query}")]
        assert ("filtered" in names) is found, query


def test_workspace_with_web_services_is_not_removed(shared_server: RunningServer, deploy_shared: Deployer):
    service = deploy_shared(name="in-the-way")
    with pytest.raises(Refused, match="in-the-way") as refusal:
        shared_server.call("DELETE", service.workspace)
    assert refusal.value.status == 409


def test_status_counts_web_services(shared_server: RunningServer, deploy_shared: Deployer):
    deploy_shared()
    assert shared_server.call("GET", "/api/v1/server/status")["services"]["Healthy"] >= 1
