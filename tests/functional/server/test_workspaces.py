"""Workspaces: found by their names, shared or embedded, and gone with everything in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import Submitter, wait_for

SCOPE = {"subscription_id": "s", "resource_group": "r", "name": "Trial"}
WORKSPACES = "/api/v1/workspaces"


@pytest.fixture
def team_server(tmp_path: Path) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path / "home", "--shared")
    running.start()
    yield running
    running.stop()


def test_names_are_compared_without_case(server: RunningServer):
    made = server.call("POST", f"{WORKSPACES}/resolve", SCOPE)
    again = server.call("POST", f"{WORKSPACES}/resolve", {**SCOPE, "name": "tRIAL", "resource_group": "R"})
    assert again["workspace_id"] == made["workspace_id"]
    assert again["name"] == "Trial"


def test_shared_server_makes_no_workspace_by_naming_it(team_server: RunningServer):
    with pytest.raises(Refused) as refused:
        team_server.call("POST", f"{WORKSPACES}/resolve", SCOPE)
    assert refused.value.status == 404
    assert "terrazul workspace create" in refused.value.body["hint"]
    made = team_server.call("POST", WORKSPACES, SCOPE)
    assert team_server.call("POST", f"{WORKSPACES}/resolve", SCOPE) == made


def test_taken_name_is_refused(server: RunningServer):
    server.call("POST", WORKSPACES, SCOPE)
    with pytest.raises(Refused) as refused:
        server.call("POST", WORKSPACES, {**SCOPE, "name": "trial"})
    assert refused.value.status == 409
    server.call("POST", WORKSPACES, {**SCOPE, "exist_ok": True})


@pytest.mark.parametrize("name", ["", "ab", "a" * 34, "-abc", "a b", "a/b", "ünicode", "<script>"])
def test_name_that_breaks_the_rule_is_refused(shared_server: RunningServer, name: str):
    with pytest.raises(Refused) as refused:
        shared_server.call("POST", WORKSPACES, {**SCOPE, "name": name})
    assert refused.value.status == 400


def test_workspace_in_which_runs_are_executed_stays(server: RunningServer):
    run = Submitter(server)("import time; time.sleep(60)")
    wait_for(lambda: run.state == "Running")
    with pytest.raises(Refused, match="1 run waits or is being executed"):
        server.call("DELETE", run.workspace)
    server.call("POST", f"{run.route}/cancel")
    run.wait()
    server.call("DELETE", run.workspace)


def test_deleted_workspace_is_gone_with_all_it_held(server: RunningServer):
    run = Submitter(server)("print('here')")
    run.wait()
    assert list(server.home.blobs_folder.glob("*/packs/*"))
    kept = server.call("POST", WORKSPACES, SCOPE)
    server.call("DELETE", run.workspace)
    with pytest.raises(Refused) as refused:
        server.call("GET", run.route)
    assert refused.value.status == 404
    assert server.call("GET", WORKSPACES) == [kept]
    assert not list(server.home.blobs_folder.glob("*/packs/*"))
