"""The activity log of a real server: every kind of act is in it, it outlives what it tells of, and can be verified."""

import csv
import io
import json
import sqlite3
import threading
from typing import Any

import pytest

from terrazul.testing.server import Refused, RunningServer

from .conftest import run_of

pytestmark = pytest.mark.functional
LOG = "/api/v1/activity"


def lines(server: RunningServer, query: str = "", place: str = LOG) -> list[dict[str, Any]]:
    """The oldest first."""
    return [json.loads(line) for line in server.call("GET", f"{place}/export?{query}").splitlines()]


def told(server: RunningServer, query: str = "") -> list[tuple[str, str, str, int]]:
    return [
        (each["operation"], each["change"], f"{each['object_type']} {each['object_id']}", each["status"])
        for each in lines(server, query)
    ]


def test_each_kind_of_act_is_in_it(server: RunningServer):
    workspace = server.workspace("acts")
    workspace_id = workspace.rpartition("/")[2]
    experiment = server.call("POST", f"{workspace}/experiments", {"name": "first"})["experiment_id"]
    server.call("PATCH", f"{workspace}/experiments/{experiment}", {"description": "x"})
    run_of(server, workspace, "recorded")
    mlflow = f"{workspace}/mlflow/api/2.0/mlflow"
    made = server.call("POST", f"{mlflow}/runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"][
        "run_id"
    ]
    server.call("POST", f"{mlflow}/runs/log-metric", {"run_id": made, "key": "k", "value": 1, "timestamp": 1})
    server.call("POST", f"{mlflow}/runs/delete", {"run_id": made})
    server.call("POST", f"{mlflow}/experiments/create", {"name": "second"})
    server.call("POST", f"{mlflow}/registered-models/create", {"name": "churn"})
    server.call("POST", f"{mlflow}/registered-models/set-tag", {"name": "churn", "key": "k", "value": "v"})
    server.call("DELETE", f"{mlflow}/registered-models/delete-tag", {"name": "churn", "key": "k"})
    server.call("DELETE", f"{mlflow}/registered-models/delete", {"name": "churn"})
    definition = {"name": "env", "user_managed": True}
    server.call("POST", f"{workspace}/environments", definition)
    server.call("POST", "/api/v1/users", {"name": "ana"})
    token = server.call("POST", "/api/v1/tokens", {"user": "ana"})["token"]
    server.call("POST", f"{workspace}/members", {"user": "ana", "role": "Reader"})
    with pytest.raises(Refused):
        server.call("POST", f"{workspace}/experiments", {"name": "x"}, token=token)
    with pytest.raises(Refused):
        server.call("DELETE", f"{workspace}/models/none:1")
    server.call("POST", f"{workspace}/members/remove", {"user": "ana", "role": "Reader"})
    server.call("POST", f"{workspace}/deletions", {"deletion_id": "d", "selection": {"run_ids": [made]}})
    server.call("DELETE", "/api/v1/users/ana")
    found = told(server)
    expected = [
        ("resolve_workspace", "created", f"workspace {workspace_id}", 200),
        ("create_experiment", "created", f"experiment {experiment}", 200),
        ("change_experiment", "", f"experiment {experiment}", 200),
        ("write", "created", "run recorded", 200),
        ("mlflow_create_run", "created", f"run {made}", 200),
        ("mlflow_delete_run", "", f"run {made}", 200),
        ("mlflow_create_registered_model", "created", "model churn", 200),
        ("mlflow_delete_registered_model_tag", "", "model churn", 200),
        ("mlflow_delete_registered_model", "deleted", "model churn", 200),
        ("register_environment", "created", "environment env:1", 200),
        ("create_user", "created", "user ana", 200),
        ("share_workspace", "created", "member Reader: ana", 200),
        ("create_experiment", "", f"workspace {workspace_id}", 403),
        ("delete_model", "", "model none:1", 404),
        ("unshare_workspace", "deleted", "member Reader: ana", 200),
        ("order_deletion", "created", "deletion d", 200),
        ("order_deletion", "deleted", f"run {made}", 200),
        ("delete_user", "deleted", "user ana", 204),
    ]
    assert [each for each in expected if each not in found] == []
    assert [found.count(each) for each in expected] == [1] * len(expected)
    assert len([each for each in found if each[0] == "mlflow_create_experiment"]) == 1
    assert not [each for each in found if each[0] in {"mlflow_log_metric", "list_activity"}]


def test_line_says_who_from_where_and_by_what(server: RunningServer):
    workspace = server.workspace("who")
    server.call("POST", "/api/v1/users", {"name": "ben"})
    made = server.call("POST", "/api/v1/tokens", {"user": "ben"})
    server.call("POST", f"{workspace}/members", {"user": "ben", "role": "Contributor"})
    server.call("POST", f"{workspace}/experiments", {"name": "e"}, token=made["token"])
    [line] = [each for each in lines(server, "user=ben") if each["change"] == "created"]
    assert (line["user"], line["kind"], line["address"]) == ("ben", "user", "127.0.0.1")
    assert line["through"] == made["about"]["token_id"]
    assert line["workspace_id"] == workspace.rpartition("/")[2]


def test_contributor_sees_the_workspace_and_nothing_else(server: RunningServer):
    workspace, other = server.workspace("seen"), server.workspace("unseen")
    server.call("POST", f"{other}/experiments", {"name": "secret"})
    server.call("POST", f"{workspace}/experiments", {"name": "e"})
    server.call("POST", "/api/v1/users", {"name": "cleo"})
    token = server.call("POST", "/api/v1/tokens", {"user": "cleo"})["token"]
    server.call("POST", f"{workspace}/members", {"user": "cleo", "role": "Contributor"})
    seen = server.call("GET", f"{workspace}/activity", token=token)["lines"]
    assert {each["workspace_id"] for each in seen} == {workspace.rpartition("/")[2]}
    for place in (LOG, f"{LOG}/export", f"{LOG}/verify", f"{other}/activity"):
        assert server.ask("GET", place, token=token).status == 403
    server.call("POST", f"{workspace}/members/remove", {"user": "cleo", "role": "Contributor"})
    server.call("POST", f"{workspace}/members", {"user": "cleo", "role": "Data Scientist"})
    assert server.ask("GET", f"{workspace}/activity", token=token).status == 403


def test_lines_outlive_their_workspace(server: RunningServer):
    workspace = server.workspace("short-lived")
    workspace_id = workspace.rpartition("/")[2]
    server.call("POST", f"{workspace}/experiments", {"name": "e"})
    before = lines(server, f"workspace={workspace_id}")
    server.call("DELETE", workspace)
    after = lines(server, f"workspace={workspace_id}")
    assert after[: len(before)] == before
    assert [(each["operation"], each["change"]) for each in after[len(before) :]] == [("delete_workspace", "deleted")]
    assert server.call("GET", f"{LOG}/verify")["broken_at"] is None


@pytest.mark.each_database
def test_list_is_paged_and_filtered(server: RunningServer):
    workspace = server.workspace("pages")
    for number in range(5):
        server.call("POST", f"{workspace}/experiments", {"name": f"e{number}"})
    place = f"{workspace}/activity"
    first = server.call("GET", f"{place}?limit=2&action=experiment/")
    second = server.call("GET", f"{place}?limit=2&action=experiment/&page={first['next_page']}")
    third = server.call("GET", f"{place}?limit=2&action=experiment/&page={second['next_page']}")
    numbers = [each["sequence"] for page in (first, second, third) for each in page["lines"]]
    assert numbers == sorted(numbers, reverse=True)
    assert (len(numbers), third["next_page"]) == (5, None)
    middle = first["lines"][1]["time"]
    assert len(server.call("GET", f"{place}?since={middle}&object_type=experiment")["lines"]) == 2
    assert len(server.call("GET", f"{place}?until={middle}&object_type=experiment")["lines"]) == 3
    assert server.call("GET", f"{place}?result=failed")["lines"] == []
    for wrong in ("limit=0", "limit=1001", "page=x", "since=yesterday", "result=good"):
        assert server.ask("GET", f"{place}?{wrong}").status == 400
    assert server.ask("GET", f"{place}/export?form=xml").status == 400


def test_csv_holds_no_formula(server: RunningServer):
    workspace = server.workspace("csv")
    server.ask("DELETE", f"{workspace}/models/=1+1:1")
    rows = list(csv.DictReader(io.StringIO(server.call("GET", f"{workspace}/activity/export?form=csv").decode())))
    assert [row["object_id"] for row in rows if row["operation"] == "delete_model"] == ["'=1+1:1"]


def test_tampered_line_is_found(server: RunningServer):
    workspace = server.workspace("tampered")
    server.call("POST", f"{workspace}/experiments", {"name": "e"})
    sound = server.call("GET", f"{LOG}/verify")
    noted = f"{sound['last']}:{sound['last_hash']}"
    assert sound["broken_at"] is None
    server.stop()
    forge(server, "UPDATE activity SET user = 'somebody' WHERE sequence = 2")
    server.start()
    assert server.call("GET", f"{LOG}/verify")["broken_at"] == 2
    server.stop()
    forge(server, "DELETE FROM activity")
    server.start()
    assert server.call("GET", f"{LOG}/verify")["broken_at"] is None
    assert server.call("GET", f"{LOG}/verify?known={noted}")["broken_at"] is not None


def forge(server: RunningServer, statement: str) -> None:
    """What somebody can do who has the database's file."""
    connection = sqlite3.connect(server.home.database_file)
    connection.execute("DROP TRIGGER IF EXISTS activity_no_update")
    connection.execute("DROP TRIGGER IF EXISTS activity_no_delete")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_chain_is_sound_after_a_kill_and_holds_all_that_was_acknowledged(server: RunningServer):
    workspace = server.workspace("killed")
    acknowledged: list[str] = []

    def make() -> None:
        number = 0
        while True:
            try:
                made = server.call("POST", f"{workspace}/experiments", {"name": f"e{threading.get_ident()}-{number}"})
            except (OSError, Refused, ValueError):
                return
            acknowledged.append(made["experiment_id"])
            number += 1

    threads = [threading.Thread(target=make) for _ in range(3)]
    for each in threads:
        each.start()
    while len(acknowledged) < 40:
        assert any(each.is_alive() for each in threads)
    server.kill()
    for each in threads:
        each.join()
    server.start()
    assert server.call("GET", f"{LOG}/verify")["broken_at"] is None
    made = {each["object_id"] for each in lines(server, "object_type=experiment")}
    assert set(acknowledged) <= made
    assert {each["experiment_id"] for each in server.call("GET", f"{workspace}/experiments")} == made


def test_refusals_that_were_counted_are_written_when_the_server_stops(server: RunningServer):
    for _ in range(7):
        assert server.ask("GET", "/api/v1/server", token="wrong").status == 401
    server.stop()
    server.start()
    counted = [each["count"] for each in lines(server, "result=refused") if each["operation"] == "get_server"]
    assert sum(counted) == 7
    assert len(counted) == 2
