"""One server for all attacks: they leave it as it was, and that is part of what they show."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from terrazul.testing.deployment import echo
from terrazul.testing.routes import Route, routes_of
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import SubmittedRun, Submitter, send_snapshot
from terrazul.wire import pack

SECRET = "canary-8c1f"
"""Stands in everything that belongs to the victims."""
BESIDE = "canary-beside-the-store"
"""Stands in files around the store."""


NOWHERE = "127.0.0.1:9"
"""Where nobody listens, so that a webhook to it fails at once."""
WEBHOOKS_GO_NOWHERE = ("--allowed-destinations", NOWHERE)


CLOSED = {401, 403, 404}
"""How a thing is kept from a caller."""


@dataclass(frozen=True)
class Victim:
    """What an attacker would like to have: a run with everything, in a workspace."""

    workspace: str
    run_id: str
    experiment_id: str
    snapshot_id: str
    model_id: str
    webservice_id: str
    image_id: str
    secret_name: str
    webhook_id: str
    dataset_id: str
    compute_target_name: str

    @property
    def ids(self) -> dict[str, str]:
        """The values for the parameters of addresses."""
        return {
            "workspace_id": self.workspace.rpartition("/")[2],
            "run_id": self.run_id,
            "experiment_id": self.experiment_id,
            "snapshot_id": self.snapshot_id,
            "model_id": self.model_id,
            "webservice_id": self.webservice_id,
            "image_id": self.image_id,
            "secret_name": self.secret_name,
            "webhook_id": self.webhook_id,
            "dataset_id": self.dataset_id,
            "compute_target_name": self.compute_target_name,
            "upload_id": "0" * 8 + "-0000-0000-0000-" + "0" * 12,
            "part_number": "1",
            "deletion_id": self.run_id,
            "datastore_name": "workspaceblobstore",
            "name": "none",
            "digest": "none",
            "path": "none",
        }


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    room = ("--concurrent-runs", "8")  # runs that stay, such as the intruder's, are to hold up no others
    server = RunningServer(tmp_path_factory.mktemp("platform") / "home", *WEBHOOKS_GO_NOWHERE, *room)
    server.start()
    for folder in (server.home.path, server.home.path.parent, server.home.blobs_folder):
        (folder / "canary").write_text(BESIDE)
    yield server
    end_services(server)
    server.stop()


def assert_closed(server: RunningServer, routes: list[Route], token: str, victim: Victim) -> None:
    """No route opens for a token where the address names a victim's things, and none tells what is in them."""
    for route in routes:
        answer = server.ask(route.method, route.address(victim.ids), b"{}", token=token)
        assert answer.status in CLOSED, (str(route), answer)
        assert SECRET.encode() not in answer.body


def end_services(server: RunningServer) -> None:
    """Delete all web services, which would outlive their server."""
    for workspace in server.call("GET", "/api/v1/workspaces"):
        webservices = f"/api/v1/workspaces/{workspace['workspace_id']}/webservices"
        for service in server.call("GET", webservices):
            server.call("DELETE", f"{webservices}/{service['name']}")


@pytest.fixture(scope="session")
def routes(platform: RunningServer) -> list[Route]:
    return routes_of(platform)


@pytest.fixture(scope="session")
def submit(platform: RunningServer) -> Iterator[Submitter]:
    submitter = Submitter(platform)
    yield submitter
    submitter.close()


@pytest.fixture(scope="session")
def neighbour(platform: RunningServer) -> Victim:
    """A run in the workspace in which the tests' runs are."""
    return make_victim(platform, platform.workspace(), "neighbour")


@pytest.fixture(scope="session")
def stranger(platform: RunningServer) -> Victim:
    """A run in another workspace."""
    return make_victim(platform, platform.workspace(f"other-{SECRET}"), "stranger")


def make_victim(server: RunningServer, workspace: str, run_id: str) -> Victim:
    content = f"{SECRET} of {run_id}".encode()
    digest = hashlib.sha256(content).hexdigest()
    server.call("POST", f"{workspace}/contents", pack.encode_header(digest, len(content)) + content)
    file = {"path": f"{SECRET}.py", "digest": digest, "size": len(content)}
    snapshot = server.call("POST", f"{workspace}/snapshots", {"files": [file]})["snapshot_id"]
    batch = {
        "writer": run_id,
        "sequence": 1,
        "runs": [
            {
                "run_id": run_id,
                "experiment_name": f"{run_id} {SECRET}",
                "time": 1,
                "tags": {"t": SECRET},
                "snapshot_id": snapshot,
            }
        ],
        "metrics": [{"run_id": run_id, "name": SECRET, "value": 1, "time": 1}],
        "artifacts": [{"run_id": run_id, "path": f"outputs/{SECRET}", "digest": digest, "size": 1, "time": 1}],
    }
    assert server.call("POST", f"{workspace}/writes", batch)["refusals"] == []
    server.call("POST", f"{workspace}/runs/{run_id}/log?path=logs/{SECRET}&offset=0&close=true", content)
    experiment = server.call("GET", f"{workspace}/runs/{run_id}")["experiment_id"]
    model = {"name": run_id, "registration_id": run_id, "run_id": run_id, "artifact_path": f"outputs/{SECRET}"}
    model_id = server.call("POST", f"{workspace}/models", model)["id"]
    deployment = {
        "entry_script": "score.py",
        "snapshot_id": send_snapshot(server, workspace, {"score.py": echo(SECRET).encode()}),
        "environment": {"user_managed": True, "environment_variables": {"WHAT": SECRET}},
        "models": [model_id],
    }
    service = {
        "name": f"{run_id}-svc",
        "deployment_id": run_id,
        "compute_type": "ACI",
        "deployment": deployment,
        "settings": {"auth_enabled": True},
        "keys": {"primary": f"{SECRET}-primary", "secondary": f"{SECRET}-secondary"},
        "tags": {"t": SECRET},
    }
    server.call("POST", f"{workspace}/webservices", service)
    server.call("GET", f"{workspace}/webservices/{service['name']}/wait?state=Transitioning")
    image = {"name": run_id, "registration_id": run_id, "deployment": deployment, "tags": {"t": SECRET}}
    image_id = server.call("POST", f"{workspace}/images", image)["id"]
    gone = [{"run_id": f"gone {SECRET}".replace(" ", "-"), "experiment_name": f"{run_id} {SECRET}", "time": 1}]
    ended = [{"run_id": gone[0]["run_id"], "state": "Completed", "time": 2}]
    server.call(
        "POST", f"{workspace}/writes", {"writer": f"gone {run_id}", "sequence": 1, "runs": gone, "states": ended}
    )
    selection = {"run_ids": [gone[0]["run_id"]]}
    server.call("POST", f"{workspace}/deletions", {"deletion_id": run_id, "selection": selection})
    secret = {"name": f"{run_id}-{SECRET}", "value": SECRET}
    server.call("POST", f"{workspace}/secrets", {"secrets": [secret]})
    webhook = {
        "webhook_id": f"hook-{run_id}",
        "name": run_id,
        "url": f"http://{NOWHERE}/{SECRET}",
        "events": ["model_version_alias.deleted"],
        "secret": SECRET,
        "description": SECRET,
    }
    server.call("POST", f"{workspace}/webhooks", webhook)
    datastore = {
        "name": f"store-{run_id}",
        "kind": "AmazonS3",
        "settings": {"bucket": "bucket", "endpoint": f"https://{NOWHERE}"},
        "credential": {"access_key_id": f"{SECRET}-id", "secret_access_key": SECRET},
        "skip_validation": True,
    }
    server.call("POST", f"{workspace}/datastores", datastore)
    server.call("PUT", f"{workspace}/datastores/workspaceblobstore/file?path={run_id}/data.csv", content)
    definition = {
        "type": "File",
        "locations": [{"datastore": "workspaceblobstore", "path": run_id}],
        "steps": [{"operation": "files", "arguments": {}}],
    }
    dataset = {"definition": definition, "name": f"{run_id} {SECRET}", "tags": {"t": SECRET}}
    dataset_id = server.call("POST", f"{workspace}/datasets", dataset)["id"]
    compute_target = f"c-{run_id}"
    cluster = {"name": compute_target, "settings": {"max_nodes": 1}, "tags": {"t": SECRET}, "description": SECRET}
    server.call("POST", f"{workspace}/computes", cluster)
    return Victim(
        workspace, run_id, experiment, snapshot, model_id, str(service["name"]), image_id, secret["name"],
        str(webhook["webhook_id"]), dataset_id, compute_target,
    )  # fmt: skip


@pytest.fixture(scope="session")
def intruder(submit: Submitter) -> Iterator[SubmittedRun]:
    """A run that goes on while its token is tried everywhere."""
    run = submit("import time; print('on', flush=True); time.sleep(600)")
    run.wait_for_line("on")
    yield run
    run.cancel()
    run.wait()


@pytest.fixture(scope="session")
def run_token(intruder: SubmittedRun) -> str:
    return token_of(intruder)


def token_of(run: SubmittedRun) -> str:
    """The token of a run, from the job that its runner was given."""
    return str(json.loads((run.folder / "job.json").read_text())["token"])
