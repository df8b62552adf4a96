"""Webhooks by the real MLflow client: made, changed, tried and deleted, and signed as its documentation has it."""

import os
import subprocess
from pathlib import Path

import pytest

from terrazul.testing.receiver import Receiver
from terrazul.testing.server import RunningServer

SCRIPT = """
import sys
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent
from mlflow.exceptions import MlflowException

client, url = MlflowClient(), sys.argv[1]
made = client.create_webhook(
    name="hook", url=url + "/first", description="what for", secret="s3cret",
    events=["registered_model.created", WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)],
)
assert (made.name, made.url, made.description, str(made.status)) == ("hook", url + "/first", "what for", "ACTIVE"), made
assert [str(each) for each in made.events] == ["registered_model.created", "model_version_alias.created"], made.events
assert made.creation_timestamp > 1_600_000_000_000 and made.secret is None
asleep = {"url": url, "events": ["model_version.created"], "status": "DISABLED"}
others = [client.create_webhook(name=f"other-{n}", **asleep).webhook_id for n in range(3)]
page = client.list_webhooks(max_results=3)
rest = client.list_webhooks(max_results=3, page_token=page.token)
assert [each.webhook_id for each in [*page, *rest]] == [made.webhook_id, *others] and not rest.token
tried = client.test_webhook(made.webhook_id)
assert (tried.success, tried.response_status, tried.response_body) == (True, 200, "taken"), tried
tried = client.test_webhook(made.webhook_id, event="model_version_alias.created")
assert tried.success, tried
changed = client.update_webhook(made.webhook_id, url=url + "/second", description="", secret="other")
assert (changed.name, changed.url, len(changed.events)) == ("hook", url + "/second", 2), changed
assert client.get_webhook(made.webhook_id).url == url + "/second"
client.create_registered_model("net", tags={"k": "v"}, description="sorts")
client.delete_webhook(others[0])
for call, code in [
    (lambda: client.get_webhook(others[0]), "RESOURCE_DOES_NOT_EXIST"),
    (lambda: client.create_webhook(name="hook", url="http://169.254.169.254/", events=["model_version.created"]),
     "INVALID_PARAMETER_VALUE"),
    (lambda: client.create_webhook(name="hook", url=url, events=["prompt.created"]), "INVALID_PARAMETER_VALUE"),
]:
    try:
        call()
    except MlflowException as error:
        assert error.error_code == code, error
    else:
        raise AssertionError(code)
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("client_python", ["current"], indirect=True)
def test_client_makes_webhooks_and_their_receiver_checks_signatures(client_python: Path, tmp_path: Path):
    (tmp_path / "script.py").write_text(SCRIPT)
    with Receiver() as receiver:
        server = RunningServer(tmp_path / "home", "--allowed-destinations", receiver.place)
        server.start()
        try:
            variables = {
                **{name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW", "PYTHON"))},
                "MLFLOW_TRACKING_URI": f"{server.url}{server.workspace()}/mlflow",
                "MLFLOW_TRACKING_TOKEN": server.token,
                "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
                "GIT_PYTHON_REFRESH": "quiet",
            }
            line = [str(client_python), "script.py", f"http://{receiver.place}"]
            done = subprocess.run(line, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-4000:]
            receiver.wait_for(3)
        finally:
            server.stop()
    assert [(each.path, each.kind) for each in receiver.received] == [
        ("/first", "registered_model.created"),
        ("/first", "model_version_alias.created"),
        ("/second", "registered_model.created"),
    ]
    for each, secret in zip(receiver.received, ["s3cret", "s3cret", "other"], strict=True):
        assert each.is_signed_with(secret)
    assert receiver.received[2].message["data"] == {"name": "net", "tags": {"k": "v"}, "description": "sorts"}
