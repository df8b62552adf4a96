"""Runs through MLflow's protocol, and what the other face shows of them."""

import base64
from time import monotonic

import pytest

from terrazul.testing.server import Refused, RunningServer

from .conftest import API, Protocol

pytestmark = pytest.mark.each_database


def test_run_has_the_fields_that_clients_read(protocol: Protocol):
    tags = [{"key": "mlflow.user", "value": "ada"}, {"key": "a", "value": "b"}]
    run = protocol.post("runs/create", experiment_id="0", start_time="1700000000000", run_name="n", tags=tags)["run"]
    info = run["info"]
    assert len(info["run_id"]) == 32
    assert info["run_uuid"] == info["run_id"]
    assert (info["status"], info["start_time"], info["run_name"]) == ("RUNNING", 1_700_000_000_000, "n")
    assert (info["lifecycle_stage"], info["experiment_id"]) == ("active", "0")
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/{info['run_id']}/artifacts"
    assert protocol.tags(info["run_id"]) == {"mlflow.user": "ada", "a": "b", "mlflow.runName": "n"}


def test_run_without_a_name_gets_one(protocol: Protocol):
    assert protocol.data(protocol.start())["info"]["run_name"].count("-") == 2


def test_what_mlflow_records_is_seen_by_the_other_face(protocol: Protocol):
    run_id = protocol.start(run_name="shown")
    protocol.post("runs/log-metric", run_id=run_id, key="loss", value=0.5, timestamp=2_000, step=3)
    protocol.post("runs/log-parameter", run_id=run_id, key="lr", value="0.1")
    protocol.post("runs/set-tag", run_id=run_id, key="mlflow.note.content", value="a note")
    protocol.post("runs/update", run_id=run_id, status="FINISHED", end_time=5_000)
    run = protocol.server.call("GET", f"{protocol.workspace}/runs/{run_id}")
    assert (run["display_name"], run["description"], run["state"]) == ("shown", "a note", "Completed")
    assert run["ended_at"] == "1970-01-01T00:00:05.000000Z"
    (metric,) = protocol.server.call("GET", f"{protocol.workspace}/runs/{run_id}/metrics")[0]["metrics"]
    assert (metric["name"], metric["values"], metric["steps"], metric["times"]) == ("loss", [0.5], [3], [2_000_000])


def test_what_the_other_face_records_is_seen_by_mlflow(protocol: Protocol):
    points = [
        ("plain", 1, {}), ("plain", 2, {}), ("words", "text", {}), ("many", [1, 2.5, "x"], {"kind": "list"}),
        ("table", {"a": [1]}, {"kind": "table"}), ("nothing", {"$number": "NaN"}, {}), ("yes", True, {}),
    ]  # fmt: skip
    run = {"run_id": "of_sdk_1", "experiment_name": "e", "time": 1_000_000, "display_name": "d", "description": "why"}
    batch = {
        "writer": "w",
        "sequence": 1,
        "runs": [{**run, "tags": {"t": "1"}, "properties": {"azureml.git.commit": "c"}, "parameters": {"p": "1"}}],
        "changes": [{"run_id": "of_sdk_1", "add_parameters": {"q": "2"}}],
        "metrics": [{"run_id": "of_sdk_1", "name": n, "value": v, "time": 2_000_000, **more} for n, v, more in points],
    }
    assert protocol.server.call("POST", f"{protocol.workspace}/writes", batch)["refusals"] == []
    data = protocol.data("of_sdk_1")["data"]
    assert {each["key"]: (each["value"], each["step"]) for each in data["metrics"]} == {
        "plain": (2.0, 1), "many": (2.5, 0), "nothing": ("NaN", 0), "yes": (1.0, 0),
    }  # fmt: skip
    tags = protocol.tags("of_sdk_1")
    assert (tags["t"], tags["azureml.git.commit"], tags["mlflow.runName"]) == ("1", "c", "d")
    assert tags["mlflow.note.content"] == "why"
    assert {each["key"]: each["value"] for each in data["params"]} == {"p": "1", "q": "2"}
    history = protocol.get("metrics/get-history", run_id="of_sdk_1", metric_key="many")["metrics"]
    assert [each["value"] for each in history] == [1.0, 2.5]


def test_child_of_a_run_is_its_child(protocol: Protocol):
    parent = protocol.start()
    child = protocol.start(tags=[{"key": "mlflow.parentRunId", "value": parent}])
    assert protocol.server.call("GET", f"{protocol.workspace}/runs/{child}")["parent_run_id"] == parent
    assert protocol.tags(child)["mlflow.parentRunId"] == parent


def test_parent_that_is_not_here_stays_a_tag(protocol: Protocol):
    child = protocol.start(tags=[{"key": "mlflow.parentRunId", "value": "elsewhere"}])
    assert protocol.tags(child)["mlflow.parentRunId"] == "elsewhere"


def test_numbers_come_as_text_and_as_words(protocol: Protocol):
    run_id = protocol.start()
    for value in ("NaN", "Infinity", "-Infinity", "0.25"):
        protocol.post("runs/log-metric", run_id=run_id, key=value, value=value, timestamp="3000", step="7")
    status, _ = protocol.raw(
        "runs/log-metric",
        f'{{"run_uuid": "{run_id}", "key": "bare", "value": NaN, "timestamp": 1, "step": null, "unknown": [1]}}',
    )
    assert status == 200
    found = {each["key"]: each["value"] for each in protocol.data(run_id)["data"]["metrics"]}
    assert found == {"NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity", "0.25": 0.25, "bare": "NaN"}


def test_last_value_is_that_of_the_highest_step(protocol: Protocol):
    run_id = protocol.start()
    for value, step, time in ((1, 5, 10), (2, 3, 20), (3, 5, 30), (4, 5, 20)):
        protocol.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=time, step=step)
    (metric,) = protocol.data(run_id)["data"]["metrics"]
    assert (metric["value"], metric["step"], metric["timestamp"]) == (3.0, 5, 30)


def test_identical_points_count_once(protocol: Protocol):
    run_id = protocol.start()
    points = [{"key": "m", "value": value, "timestamp": 5, "step": step} for value, step in ((1, 0), (2, 1), (2, 1))]
    for _ in range(3):
        protocol.post("runs/log-batch", run_id=run_id, metrics=points)
        protocol.post("runs/log-metric", run_id=run_id, **points[0])
        protocol.post("runs/log-metric", run_id=run_id, key="m", value="NaN", timestamp=5, step=0)
    history = protocol.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]
    assert [(each["value"], each["step"]) for each in history] == [(1.0, 0), (2.0, 1), ("NaN", 0)]


def test_parameters_keep_their_value(protocol: Protocol):
    run_id = protocol.start()
    for _ in range(2):
        protocol.post("runs/log-parameter", run_id=run_id, key="lr", value="1")
    status, code, text = protocol.refused("runs/log-parameter", run_id=run_id, key="lr", value="2")
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "Changing param values is not allowed" in text


def test_batch_is_kept_whole_or_not_at_all(protocol: Protocol):
    run_id = protocol.start()
    protocol.post("runs/log-parameter", run_id=run_id, key="lr", value="1")
    protocol.refused(
        "runs/log-batch",
        run_id=run_id,
        metrics=[{"key": "m", "value": 1, "timestamp": 1, "step": 0}],
        params=[{"key": "new", "value": "1"}, {"key": "lr", "value": "2"}],
        tags=[{"key": "t", "value": "1"}],
    )
    data = protocol.data(run_id)["data"]
    assert (data["metrics"], [each["key"] for each in data["params"]]) == ([], ["lr"])
    assert "t" not in protocol.tags(run_id)


METRIC = {"key": "m", "value": 1, "timestamp": 1, "step": 0}


@pytest.mark.parametrize(
    ("batch", "text"),
    [
        ({"metrics": [METRIC] * 1001}, "A batch logging request can contain at most 1000 metrics. Got 1001 metrics."),
        ({"params": [{"key": f"p{n}", "value": ""} for n in range(101)]}, "at most 100 params. Got 101 params."),
        ({"tags": [{"key": f"p{n}", "value": ""} for n in range(101)]}, "at most 100 tags. Got 101 tags."),
        ({"metrics": [METRIC] * 950, "tags": [{"key": f"{n}"} for n in range(60)]}, "1000 metrics, params, and tags"),
        ({"params": [{"key": "a", "value": "1"}] * 2}, "Duplicate parameter keys have been submitted: ['a']."),
        ({"params": [{"key": "a", "value": "x" * 6001}]}, "'Param value' exceeds the maximum length of 6000"),
        ({"tags": [{"key": "a", "value": "x" * 8001}]}, "'tags[0].value' exceeds the maximum length of 8000"),
        ({"metrics": [{**METRIC, "key": "a" * 251}]}, "'Metric name' exceeds the maximum length of 250 characters"),
        ({"metrics": [{**METRIC, "key": "../a"}]}, "Invalid value \"../a\" for parameter 'metrics[0].name' supplied: "),
        ({"metrics": [{**METRIC, "key": "a;b"}]}, "Names may only contain alphanumerics"),
        ({"metrics": [{**METRIC, "value": "many"}]}, "for parameter 'metrics[0].value' supplied"),
        ({"metrics": [{"key": "m", "timestamp": 1}]}, "Missing value for required parameter 'metrics[0].value'."),
        ({"metrics": [{**METRIC, "timestamp": -1}]}, "Invalid value -1 for parameter 'metrics[0].timestamp' supplied"),
        ({"metrics": "many"}, "Invalid value \"many\" for parameter 'metrics' supplied"),
    ],
)  # fmt: skip
def test_limits_are_told_in_the_protocols_words(protocol: Protocol, batch: dict[str, object], text: str):
    status, code, told = protocol.refused("runs/log-batch", run_id=protocol.start(), **batch)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert text in told


def test_too_long_a_batch_is_refused(protocol: Protocol):
    tags = [{"key": f"t{number}", "value": "x" * 7000} for number in range(100)]
    batch = {"run_id": protocol.start(), "tags": tags, "unknown": "x" * 400_000}
    assert "must be at most 1000000 bytes" in protocol.refused("runs/log-batch", **batch)[2]


def test_interactive_run_goes_on_after_its_end(protocol: Protocol):
    run_id = protocol.start()
    protocol.post("runs/update", run_id=run_id, status="FINISHED", end_time=9_000)
    info = protocol.post("runs/update", run_id=run_id, status="RUNNING")["run_info"]
    assert info["status"] == "RUNNING"
    assert "end_time" not in info
    assert info["start_time"] == 1_000
    assert protocol.post("runs/update", run_id=run_id, status="KILLED")["run_info"]["status"] == "KILLED"
    assert protocol.post("runs/update", run_id=run_id, status="FAILED")["run_info"]["status"] == "FAILED"


def test_history_comes_in_pages(protocol: Protocol):
    run_id = protocol.start()
    metrics = [{"key": "m", "value": number, "timestamp": number, "step": number} for number in range(1000)]
    protocol.post("runs/log-batch", run_id=run_id, metrics=metrics)
    values, token = [], ""
    while True:
        more = {"page_token": token} if token else {}
        page = protocol.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=300, **more)
        values += [each["value"] for each in page["metrics"]]
        token = page["next_page_token"]
        if not token:
            break
    assert values == list(range(1000))
    assert len(protocol.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]) == 1000
    other = protocol.start()
    found = protocol.get(
        "metrics/get-history-bulk-interval", run_ids=[run_id, other], metric_key="m", start_step=10, end_step=12
    )
    assert [(each["step"], each["run_id"]) for each in found["metrics"]] == [(n, run_id) for n in (10, 11, 12)]
    assert len(protocol.get("metrics/get-history-bulk", run_id=[run_id], metric_key="m", max_results=5)["metrics"]) == 5


def test_deleted_run_takes_nothing_and_comes_back(protocol: Protocol):
    run_id = protocol.start()
    protocol.post("runs/delete", run_id=run_id)
    assert "must be in the 'active' state" in protocol.refused("runs/set-tag", run_id=run_id, key="a", value="b")[2]
    assert protocol.data(run_id)["info"]["lifecycle_stage"] == "deleted"
    assert protocol.server.call("GET", f"{protocol.workspace}/runs")["runs"] == []
    protocol.post("runs/restore", run_id=run_id)
    protocol.post("runs/set-tag", run_id=run_id, key="a", value="b")
    protocol.post("runs/delete-tag", run_id=run_id, key="a")
    assert protocol.refused("runs/delete-tag", run_id=run_id, key="a")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_pages_of_a_search_do_not_shift(protocol: Protocol):
    runs = [protocol.start(start_time=number) for number in range(1, 8)]
    first = protocol.post("runs/search", experiment_ids=["0"], max_results=3)
    protocol.start(start_time=100)
    second = protocol.post("runs/search", experiment_ids=["0"], max_results="3", page_token=first["next_page_token"])
    found = [each["info"]["run_id"] for each in first["runs"] + second["runs"]]
    assert found == runs[:0:-1]
    assert protocol.refused("runs/search", experiment_ids=["0"], page_token="x")[1] == "INVALID_PARAMETER_VALUE"
    assert protocol.post("runs/search", experiment_ids=["77"])["runs"] == []


def test_runs_are_found_and_sorted_by_what_they_recorded(protocol: Protocol):
    runs = []
    for number in range(5):
        run_id = protocol.start(run_name=f"run {number}", tags=[{"key": "team", "value": "ab"[number % 2]}])
        metrics = [{"key": "acc", "value": number / 10, "timestamp": 1, "step": 0}]
        protocol.post("runs/log-batch", run_id=run_id, metrics=metrics, params=[{"key": "lr", "value": str(number)}])
        runs.append(run_id)
    child = protocol.start(tags=[{"key": "mlflow.parentRunId", "value": runs[0]}])
    dataset = {"name": "wine", "digest": "1", "source_type": "local", "source": "x"}
    protocol.post("runs/log-inputs", run_id=runs[3], datasets=[{"dataset": dataset}])
    protocol.post("runs/update", run_id=runs[1], status="FAILED")
    for text, expected in (
        ("metrics.acc > 0.15", runs[2:]),
        ("metrics.acc >= 0.1 AND tags.team = 'b'", [runs[1], runs[3]]),
        ("params.lr IN ('1', '4') OR NOT tags.team IN ('a', 'b')", [runs[1], runs[4], child]),
        ("tags.mlflow.parentRunId = '" + runs[0] + "'", [child]),
        ("tags.`mlflow.runName` LIKE 'run %' AND attributes.status = 'FAILED'", [runs[1]]),
        ("datasets.name = 'wine'", [runs[3]]),
        ("run_id = '" + runs[2] + "'", [runs[2]]),
    ):
        found = protocol.post("runs/search", experiment_ids=["0"], filter=text)["runs"]
        assert {each["info"]["run_id"] for each in found} == set(expected), text
    seen, token = [], ""
    while True:
        page = protocol.post(
            "runs/search", experiment_ids=["0"], order_by=["metrics.acc DESC"], max_results=2, page_token=token
        )
        seen += [each["info"]["run_id"] for each in page["runs"]]
        token = page["next_page_token"]
        if not token:
            break
    assert seen == [*reversed(runs), child]
    for wrong in ("metrics.acc >", "x" * 200_000, "(" * 5000, "metrics.acc = 'a' AND"):
        status, code, _ = protocol.refused("runs/search", experiment_ids=["0"], filter=wrong)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")


def test_search_shows_deleted_runs_on_demand(protocol: Protocol):
    kept, gone = protocol.start(), protocol.start()
    protocol.post("runs/delete", run_id=gone)
    for view, expected in (("ACTIVE_ONLY", {kept}), ("DELETED_ONLY", {gone}), ("ALL", {kept, gone})):
        found = protocol.post("runs/search", experiment_ids=["0"], run_view_type=view)["runs"]
        assert {each["info"]["run_id"] for each in found} == expected


def test_datasets_and_models_of_a_run_are_shown(protocol: Protocol):
    run_id = protocol.start()
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}", "schema": "{}"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    for _ in range(2):
        protocol.post("runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset, "tags": tags}])
    protocol.post("runs/outputs", run_id=run_id, models=[{"model_id": "m-1", "step": 4}])
    run = protocol.data(run_id)
    assert run["inputs"]["dataset_inputs"] == [{"tags": tags, "dataset": dataset}]
    assert run["outputs"]["model_outputs"] == [{"model_id": "m-1", "step": 4}]


def test_model_of_an_old_client_is_noted_in_the_runs_history(protocol: Protocol):
    run_id = protocol.start()
    model = '{"artifact_path": "model", "flavors": {}, "utc_time_created": "t", "run_id": "x"}'
    for _ in range(2):
        protocol.post("runs/log-model", run_id=run_id, model_json=model)
    assert protocol.tags(run_id)["mlflow.log-model.history"].count("artifact_path") == 2


def test_unknown_parts_of_mlflow_are_told_as_such(protocol: Protocol):
    for path in ("traces", "gateway/endpoints", "nothing/at/all"):
        answer = protocol.server.ask("GET", f"{protocol.root}{API}{path}")
        assert answer.status == 404
        assert b'"ENDPOINT_NOT_FOUND"' in answer.body
    assert protocol.server.ask("GET", f"{protocol.root}/api/3.0/mlflow/traces/x").status == 404


def test_bare_address_is_the_oldest_workspace(server: RunningServer):
    assert server.call("GET", f"{API}experiments/get?experiment_id=0")["experiment"]["name"] == "Default"
    (made,) = server.call("GET", "/api/v1/workspaces")
    assert made["name"] == "default"
    server.workspace("another")
    run = server.call("POST", "/ajax-api/2.0/mlflow/runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
    oldest = Protocol(server, f"/api/v1/workspaces/{made['workspace_id']}")
    assert oldest.data(run)["info"]["run_id"] == run
    assert server.ask("GET", f"{oldest.root}/ajax-api/2.0/mlflow/runs/get?run_id={run}").status == 200
    assert server.ask("GET", f"{API}runs/get?run_id={run}", token="wrong").status == 401
    assert server.ask("GET", "/version").status == 200


def test_token_counts_as_the_password_of_basic_authentication(protocol: Protocol):
    for password, status in ((protocol.server.token, 200), ("wrong", 401), ("", 401)):
        given = base64.b64encode(f"ada:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {given}"}
        path = f"{protocol.root}{API}experiments/get?experiment_id=0"
        assert protocol.server.ask("GET", path, token="", headers=headers).status == status


def test_run_that_is_not_there_does_not_exist(protocol: Protocol):
    with pytest.raises(Refused) as caught:
        protocol.get("runs/get", run_id="0" * 32)
    assert (caught.value.status, caught.value.body["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert "not found" in caught.value.body["message"]
    assert protocol.refused("runs/log-metric", run_id="../x", key="m", value=1, timestamp=1)[0] == 400


def test_patterns_made_to_take_long_are_answered_soon(protocol: Protocol):
    experiment = protocol.post("experiments/create", name="patterns", tags=[{"key": "t", "value": "a" * 8000}])
    run = protocol.post("runs/create", experiment_id=experiment["experiment_id"])["run"]["info"]["run_id"]
    protocol.post("runs/set-tag", run_id=run, key="t", value="a" * 8000)
    protocol.post("logged-models", experiment_id=experiment["experiment_id"], tags=[{"key": "t", "value": "a" * 8000}])
    pattern = "%a" * 2499 + "%b"
    for word in ("LIKE", "ILIKE", "NOT LIKE"):
        asked = {"filter": f"tags.t {word} '{pattern}'", "experiment_ids": [experiment["experiment_id"]]}
        for name, found in (("runs", "runs"), ("experiments", "experiments"), ("logged-models", "models")):
            begin = monotonic()
            answer = protocol.post(f"{name}/search", **asked)
            assert monotonic() - begin < 10
            assert (experiment["experiment_id"] in str(answer.get(found))) is (word == "NOT LIKE")
    assert protocol.refused("runs/search", filter="tags.t = '" + "a" * 1_000_000 + "'")[0] == 400
    assert protocol.refused("experiments/search", filter="(" * 5000 + "name = 'a'" + ")" * 5000)[0] == 400
