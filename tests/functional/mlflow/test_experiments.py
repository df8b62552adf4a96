"""Experiments through MLflow's protocol."""

import pytest

from terrazul.testing.server import Refused

from .conftest import Protocol

pytestmark = pytest.mark.each_database


def test_fresh_workspace_has_the_default_experiment_and_nothing_else(protocol: Protocol):
    default = protocol.get("experiments/get", experiment_id="0")["experiment"]
    assert (default["name"], default["lifecycle_stage"], default["artifact_location"]) == (
        "Default",
        "active",
        "mlflow-artifacts:/0",
    )
    assert protocol.server.call("GET", f"{protocol.workspace}/experiments?view=all") == []


def test_default_experiment_is_listed_once_it_has_runs(protocol: Protocol):
    protocol.start()
    assert [each["name"] for each in protocol.server.call("GET", f"{protocol.workspace}/experiments")] == ["Default"]


def test_experiments_have_numbers_of_their_workspace(protocol: Protocol):
    assert protocol.post("experiments/create", name="first")["experiment_id"] == "1"
    made = protocol.server.call("POST", f"{protocol.workspace}/experiments", {"name": "by the SDK"})
    second = protocol.get("experiments/get-by-name", experiment_name="by the SDK")["experiment"]
    assert second["experiment_id"] == "2"
    assert protocol.get("experiments/get", experiment_id=made["experiment_id"])["experiment"] == second


def test_unknown_experiments_do_not_exist(protocol: Protocol):
    for query in ({"experiment_id": "77"}, {"experiment_id": "none"}):
        with pytest.raises(Refused) as caught:
            protocol.get("experiments/get", **query)
        assert (caught.value.status, caught.value.body["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    with pytest.raises(Refused) as caught:
        protocol.get("experiments/get-by-name", experiment_name="none")
    assert caught.value.body["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_taken_name_is_refused_also_by_a_deleted_experiment(protocol: Protocol):
    number = protocol.post("experiments/create", name="taken")["experiment_id"]
    assert protocol.refused("experiments/create", name="taken")[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    protocol.post("experiments/delete", experiment_id=number)
    assert protocol.refused("experiments/create", name="taken")[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    assert (
        protocol.get("experiments/get-by-name", experiment_name="taken")["experiment"]["lifecycle_stage"] == "deleted"
    )
    assert protocol.server.call("GET", f"{protocol.workspace}/experiments?view=all") == []


def test_deleting_and_restoring_takes_the_runs_along(protocol: Protocol):
    number = protocol.post("experiments/create", name="with runs")["experiment_id"]
    kept, gone = protocol.start(experiment_id=number), protocol.start(experiment_id=number)
    protocol.post("runs/delete", run_id=gone)
    protocol.post("experiments/delete", experiment_id=number)
    assert protocol.data(kept)["info"]["lifecycle_stage"] == "deleted"
    assert protocol.refused("runs/create", experiment_id=number)[1] == "INVALID_PARAMETER_VALUE"
    protocol.post("experiments/restore", experiment_id=number)
    assert protocol.data(kept)["info"]["lifecycle_stage"] == "active"
    assert protocol.data(gone)["info"]["lifecycle_stage"] == "deleted"
    assert protocol.refused("experiments/restore", experiment_id=number)[1] == "INVALID_STATE"


def test_tags_and_name_can_be_changed(protocol: Protocol):
    number = protocol.post("experiments/create", name="old", tags=[{"key": "a", "value": "1"}])["experiment_id"]
    protocol.post("experiments/update", experiment_id=number, new_name="/Users/me/new")
    protocol.post("experiments/set-experiment-tag", experiment_id=number, key="b", value="2")
    protocol.post("experiments/set-experiment-tag", experiment_id=number, key="mlflow.note.content", value="a note")
    protocol.post("experiments/delete-experiment-tag", experiment_id=number, key="a")
    found = protocol.get("experiments/get", experiment_id=number)["experiment"]
    assert found["name"] == "/Users/me/new"
    assert {each["key"]: each["value"] for each in found["tags"]} == {"b": "2", "mlflow.note.content": "a note"}
    assert protocol.refused("experiments/delete-experiment-tag", experiment_id=number, key="a")[0] == 404
    listed = protocol.server.call("GET", f"{protocol.workspace}/experiments")
    assert [(each["name"], each["description"]) for each in listed] == [("/Users/me/new", "a note")]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}])
def test_missing_name_is_told_in_the_protocols_words(protocol: Protocol, body: dict[str, object]):
    status, code, text = protocol.refused("experiments/create", **body)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert text.startswith("Missing value for required parameter 'name'.")


def test_experiments_are_searched_and_listed_in_pages(protocol: Protocol):
    for name, team in (("alpha", "a"), ("beta", "b"), ("gamma", "a")):
        protocol.post("experiments/create", name=name, tags=[{"key": "team", "value": team}])
    gone = protocol.post("experiments/create", name="gone")["experiment_id"]
    protocol.post("experiments/delete", experiment_id=gone)

    def names(**asked: object) -> list[str]:
        return [each["name"] for each in protocol.post("experiments/search", **asked)["experiments"]]

    assert names() == ["gamma", "beta", "alpha", "Default"]
    assert names(filter="tags.team = 'a'", order_by=["name ASC"]) == ["alpha", "gamma"]
    assert names(filter="name ILIKE '%A' AND NOT name = 'beta'") == ["gamma", "alpha"]
    assert names(filter="tags.team IS NULL", view_type="ALL") == ["gone", "Default"]
    assert names(filter="creation_time > 1000 AND name IN ('beta')") == ["beta"]
    assert names(view_type="DELETED_ONLY") == ["gone"]
    first = protocol.get("experiments/search", max_results=2, order_by=["name DESC"])
    second = protocol.get("experiments/search", order_by=["name DESC"], page_token=first["next_page_token"])
    listed = [each["name"] for each in first["experiments"] + second["experiments"]]
    assert listed == ["gamma", "beta", "alpha", "Default"]
    for wrong in ({"filter": "metrics.a = 1"}, {"filter": "tags.team > 'a'"}, {"max_results": 60_000}):
        assert protocol.refused("experiments/search", **wrong)[1] == "INVALID_PARAMETER_VALUE"
    assert protocol.refused("experiments/search", page_token="W10=")[1] == "INVALID_PARAMETER_VALUE"
