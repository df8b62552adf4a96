"""A run's token opens what is the run's: no other run, no other workspace, nothing that a run has no business with."""

import json
import time
from pathlib import Path

import psutil
import pytest

from terrazul.testing.routes import Route
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import SubmittedRun, Submitter

from .conftest import CLOSED, SECRET, Victim, assert_closed, token_of

SHARED_ROUTES = {
    "GET /health",
    "GET /metrics",
    "GET /api/v1",
    "GET /api/v1/openapi.json",
    "GET /api/v1/server",
    "GET /api/v1/datastore-kinds",
    "GET /api/v1/me",
}
OWNERS_ROUTES = {
    "GET /api/v1/server/status",
    "GET /api/v1/activity",
    "GET /api/v1/activity/export",
    "GET /api/v1/activity/verify",
    "GET /api/v1/workspaces/{workspace_id}/activity",
    "GET /api/v1/workspaces/{workspace_id}/activity/export",
    "POST /api/v1/workspaces",
    "PATCH /api/v1/workspaces/{workspace_id}",
    "DELETE /api/v1/workspaces/{workspace_id}",
    "POST /api/v1/workspaces/{workspace_id}/environments",
    "POST /api/v1/workspaces/{workspace_id}/experiments",
    "PATCH /api/v1/workspaces/{workspace_id}/experiments/{experiment_id}",
    "DELETE /api/v1/workspaces/{workspace_id}/experiments/{experiment_id}",
    "DELETE /api/v1/workspaces/{workspace_id}/models/{model_id}",
    "GET /api/v1/workspaces/{workspace_id}/webservices",
    "POST /api/v1/workspaces/{workspace_id}/webservices",
    "GET /api/v1/workspaces/{workspace_id}/webservices/{webservice_id}/keys",
    "POST /api/v1/workspaces/{workspace_id}/webservices/{webservice_id}/keys",
    "POST /api/v1/workspaces/{workspace_id}/webservices/{webservice_id}/exchange",
    "POST /api/v1/workspaces/{workspace_id}/imports",
    "GET /api/v1/workspaces/{workspace_id}/deletions",
    "POST /api/v1/workspaces/{workspace_id}/deletions",
    "POST /api/v1/workspaces/{workspace_id}/deletions/preview",
    "GET /api/v1/workspaces/{workspace_id}/deletions/{deletion_id}",
    "DELETE /api/v1/workspaces/{workspace_id}/runs/{run_id}",
    "DELETE /api/v1/workspaces/{workspace_id}/runs/{run_id}/artifacts",
    "POST /api/v1/workspaces/{workspace_id}/runs/{run_id}/restore",
    "POST /api/v1/workspaces/{workspace_id}/experiments/{experiment_id}/restore",
    "GET /api/v1/workspaces/{workspace_id}/images",
    "POST /api/v1/workspaces/{workspace_id}/images",
    "GET /api/v1/workspaces/{workspace_id}/secrets",
    "POST /api/v1/workspaces/{workspace_id}/secrets",
    "POST /api/v1/workspaces/{workspace_id}/secrets/values",
    "DELETE /api/v1/workspaces/{workspace_id}/secrets/{secret_name}",
    "GET /api/v1/sessions",
    "DELETE /api/v1/sessions",
    "GET /api/v1/sessions/current",
    "DELETE /api/v1/sessions/current",
    "DELETE /api/v1/sessions/{session_id}",
    "POST /api/v1/sessions/codes",
    "PUT /api/v1/users/{user_name}/password",
    *(
        f"{method} /api/v1/workspaces/{{workspace_id}}{place}{path}"
        for place in ("/webhooks", "/mlflow/api/2.0/mlflow/webhooks")
        for method, path in (
            ("GET", ""),
            ("POST", ""),
            ("GET", "/{webhook_id}"),
            ("PATCH", "/{webhook_id}"),
            ("DELETE", "/{webhook_id}"),
            ("POST", "/{webhook_id}/test"),
        )
    ),
    "POST /api/v1/workspaces/{workspace_id}/datastores",
    "DELETE /api/v1/workspaces/{workspace_id}/datastores/{datastore_name}",
    "POST /api/v1/workspaces/{workspace_id}/datastores/{datastore_name}/default",
    "POST /api/v1/workspaces/{workspace_id}/datastores/{datastore_name}/test",
    "DELETE /api/v1/workspaces/{workspace_id}/datastores/{datastore_name}/file",
    "DELETE /api/v1/workspaces/{workspace_id}/datasets/by-name/{name}",
    "POST /api/v1/workspaces/{workspace_id}/computes",
    "PATCH /api/v1/workspaces/{workspace_id}/computes/{compute_target_name}",
    "DELETE /api/v1/workspaces/{workspace_id}/computes/{compute_target_name}",
    "GET /api/v1/workspaces/{workspace_id}/quota",
    "PUT /api/v1/workspaces/{workspace_id}/quota",
    "GET /api/v1/keyvault",
    "POST /api/v1/keyvault/rotate",
}
READ_IN_THE_WHOLE_WORKSPACE = {
    "GET /api/v1/workspaces/{workspace_id}/models",
    "GET /api/v1/workspaces/{workspace_id}/models/{model_id}",
    "GET /api/v1/workspaces/{workspace_id}/models/{model_id}/file",
    "GET /api/v1/workspaces/{workspace_id}/models/{model_id}/lineage",
    "GET /api/v1/workspaces/{workspace_id}/compute-sizes",
    "GET /api/v1/workspaces/{workspace_id}/computes",
    "GET /api/v1/workspaces/{workspace_id}/computes/{compute_target_name}",
    "GET /api/v1/workspaces/{workspace_id}/computes/{compute_target_name}/nodes",
    "GET /api/v1/workspaces/{workspace_id}/datasets",
    "GET /api/v1/workspaces/{workspace_id}/datasets/{dataset_id}",
    "GET /api/v1/workspaces/{workspace_id}/datasets/{dataset_id}/files",
    "GET /api/v1/workspaces/{workspace_id}/datasets/{dataset_id}/comparison",
    "GET /api/v1/workspaces/{workspace_id}/datasets/{dataset_id}/profile",
    "GET /api/v1/workspaces/{workspace_id}/datasets/{dataset_id}/head",
    "GET /api/v1/workspaces/{workspace_id}/datasets/{dataset_id}/difference",
    "GET /api/v1/workspaces/{workspace_id}/datasets/by-name/{name}",
    "GET /api/v1/workspaces/{workspace_id}/datasets/by-name/{name}/versions",
}
"""v1 scripts load whatever model and dataset of their workspace they name, and submit runs to its compute targets."""
THINGS = (
    "run_id",
    "experiment_id",
    "snapshot_id",
    "model_id",
    "webservice_id",
    "image_id",
    "secret_name",
    "webhook_id",
    "compute_target_name",
)


def seen(server: RunningServer, victim: Victim) -> object:
    """Everything of a victim that could have been changed."""
    run = f"{victim.workspace}/runs/{victim.run_id}"
    parts = ("", "/events", "/metrics", "/artifacts", "/logs")
    return [
        server.call("GET", victim.workspace),
        server.call("GET", f"{victim.workspace}/experiments?view=all"),
        *(server.call("GET", run + part) for part in parts),
        server.call("GET", f"{victim.workspace}/models"),
        server.call("GET", f"{victim.workspace}/webservices"),
        server.call("GET", f"{victim.workspace}/webservices/{victim.webservice_id}/keys"),
        server.call("GET", f"{victim.workspace}/images"),
        server.call("GET", f"{victim.workspace}/secrets"),
        server.call("GET", f"{victim.workspace}/webhooks"),
        server.call("GET", f"{victim.workspace}/datastores"),
        server.call("GET", f"{victim.workspace}/computes/{victim.compute_target_name}"),
        server.call("GET", f"{victim.workspace}/datasets/{victim.dataset_id}"),
        server.call("POST", f"{victim.workspace}/secrets/values", {"names": [victim.secret_name]}),
    ]


def test_another_workspace_stays_closed(platform: RunningServer, routes: list[Route], run_token: str, stranger: Victim):
    before = seen(platform, stranger)
    within = [route for route in routes if "workspace_id" in route.names]
    assert_closed(platform, within, run_token, stranger)
    assert seen(platform, stranger) == before


def test_another_run_and_what_belongs_to_it_stay_closed(
    platform: RunningServer, routes: list[Route], run_token: str, neighbour: Victim
):
    before = seen(platform, neighbour)
    about_one = [route for route in routes if set(THINGS) & set(route.names)]
    closed = [route for route in about_one if str(route) not in READ_IN_THE_WHOLE_WORKSPACE]
    assert_closed(platform, closed, run_token, neighbour)
    assert seen(platform, neighbour) == before


def test_owners_routes_stay_closed(platform: RunningServer, routes: list[Route], run_token: str, neighbour: Victim):
    assert {str(route) for route in routes} >= OWNERS_ROUTES
    for route in routes:
        if str(route) in OWNERS_ROUTES:
            answer = platform.ask(route.method, route.address(neighbour.ids), b"{}", token=run_token)
            assert answer.status == 403, (str(route), answer)


def test_lists_show_what_is_the_runs_own(
    platform: RunningServer, routes: list[Route], run_token: str, neighbour: Victim, stranger: Victim
):
    """Whatever a filter asks for."""
    queries = ["", f"parent_run_id={neighbour.run_id}&include_children=true", f"root_run_id={neighbour.run_id}"]
    queries += [f"name=neighbour%20{SECRET}&view=all", f"tag=t%3D{SECRET}&include_children=true&type=&target=local"]
    for route in routes:
        about_one = set(THINGS) & set(route.names)
        if route.method == "GET" and not about_one and str(route) not in READ_IN_THE_WHOLE_WORKSPACE:
            for query in queries:
                address = route.address(neighbour.ids)
                answer = platform.ask("GET", f"{address}?{query}", token=run_token)
                # a refusal may name what was asked for
                assert answer.status >= 400 or SECRET.encode() not in answer.body, (str(route), query)
                assert stranger.ids["workspace_id"].encode() not in answer.body
    own = json.loads(platform.ask("GET", "/api/v1/workspaces", token=run_token).body)
    assert [each["workspace_id"] for each in own] == [neighbour.ids["workspace_id"]]


def test_run_finds_its_own_workspace_and_no_other(platform: RunningServer, run_token: str, stranger: Victim):
    scope = {"subscription_id": "local", "resource_group": "terrazul", "name": "testing"}
    found = platform.call("POST", "/api/v1/workspaces/resolve", scope, token=run_token)
    assert found["name"] == "testing"
    for name in (f"other-{SECRET}", "not-there-yet"):
        body = json.dumps({**scope, "name": name}).encode()
        assert platform.ask("POST", "/api/v1/workspaces/resolve", body, token=run_token).status in CLOSED
    assert stranger.workspace
    names = [each["name"] for each in platform.call("GET", "/api/v1/workspaces")]
    assert "not-there-yet" not in names


def entries_about(run_id: str) -> dict[str, list[dict[str, object]]]:
    """One entry of each kind that a batch can have."""
    return {
        "runs": [{"run_id": "planted", "experiment_name": "e", "time": 1, "parent_run_id": run_id}],
        "changes": [{"run_id": run_id, "set_tags": {"planted": "x"}, "display_name": "planted"}],
        "metrics": [{"run_id": run_id, "name": "planted", "value": 1, "time": 1}],
        "artifacts": [{"run_id": run_id, "path": "planted", "digest": "0" * 64, "size": 0, "time": 1}],
        "phases": [{"run_id": run_id, "phase": "planted", "seconds": 1, "time": 1}],
        "states": [{"run_id": run_id, "state": "Failed", "time": 1}],
    }


def test_batch_about_another_run_is_refused(
    platform: RunningServer, routes: list[Route], run_token: str, neighbour: Victim
):
    before = seen(platform, neighbour)
    kinds = {
        name for route in routes if route.template.endswith("/writes") for name in (route.body or {})["properties"]
    }
    assert set(entries_about("x")) == kinds - {"writer", "sequence"}
    batch = {"writer": "intruder", "sequence": 1, **entries_about(neighbour.run_id)}
    answer = platform.call("POST", f"{neighbour.workspace}/writes", batch, token=run_token)
    assert {(each["kind"], each["code"]) for each in answer["refusals"]} == {
        (kind, "forbidden") for kind in entries_about("x")
    }
    orphan = {"runs": [{"run_id": "planted", "experiment_name": "e", "time": 1}]}
    batch = {"writer": "intruder", "sequence": 2, **orphan}
    answer = platform.call("POST", f"{neighbour.workspace}/writes", batch, token=run_token)
    assert [each["code"] for each in answer["refusals"]] == ["forbidden"]
    assert seen(platform, neighbour) == before


@pytest.mark.parametrize("ids", [{"run_id": "planted", "parent_run_id": "neighbour"}, {"run_id": "neighbour"}])
def test_run_submits_below_itself_only(platform: RunningServer, run_token: str, neighbour: Victim, ids: dict[str, str]):
    before = seen(platform, neighbour)
    body = {"experiment_name": "e", "definition": {"command": ["true"], "environment": {"user_managed": True}}, **ids}
    answer = platform.ask("POST", f"{neighbour.workspace}/runs", json.dumps(body).encode(), token=run_token)
    assert answer.status == 403, answer
    assert seen(platform, neighbour) == before


def test_run_may_do_what_it_is_for(platform: RunningServer, run_token: str, intruder: SubmittedRun):
    """The check of the check: with its own ids the token works."""
    for part in ("", "/definition", "/events", "/metrics", "/artifacts", "/logs"):
        assert platform.ask("GET", intruder.route + part, token=run_token).status == 200
    run = intruder.get()
    for thing in (f"experiments/{run['experiment_id']}", f"snapshots/{run['snapshot_id']}", "experiments", "runs"):
        assert platform.ask("GET", f"{intruder.workspace}/{thing}", token=run_token).status == 200
    batch = {"writer": "own", "sequence": 1, "metrics": [entries_about(intruder.run_id)["metrics"][0]]}
    assert platform.call("POST", f"{intruder.workspace}/writes", batch, token=run_token)["refusals"] == []


def test_token_dies_with_its_run(platform: RunningServer, submit: Submitter):
    run = submit("print('over')")
    token = token_of_started(run)
    assert platform.ask("GET", run.route, token=token).status == 200
    run.wait()
    ended = time.monotonic()
    while platform.ask("GET", run.route, token=token).status != 401:
        assert time.monotonic() - ended < 1.1
        time.sleep(0.05)


def token_of_started(run: SubmittedRun) -> str:
    while not (run.folder / "job.json").exists():
        time.sleep(0.01)
    return token_of(run)


def test_token_is_seen_nowhere(platform: RunningServer, submit: Submitter):
    """Not in the arguments of any process, not in what the platform keeps or tells, while the run goes and after."""
    script = "import subprocess, sys; print('on', flush=True); subprocess.run(['sleep', '1']); print('off')"
    run = submit(script, environment_variables={"MINE": "x"})
    run.wait_for_line("on")
    tokens = [token_of(run), platform.token]
    arguments = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert any("terrazul.runner" in line for line in arguments)
    run.wait()
    told = [json.dumps(run.get(part)) for part in ("", "/definition", "/events", "/metrics", "/artifacts", "/logs")]
    told += [run.file(path).decode(errors="replace") for path in run.files]
    kept = [path for path in platform.home.path.rglob("*") if path.is_file()]
    allowed = {platform.home.token_file, *platform.home.runs_folder.rglob("job.json")}
    for token in tokens:
        for text in arguments + told:
            assert token not in text
        for path in set(kept) - allowed:
            assert token.encode() not in Path(path).read_bytes(), path
