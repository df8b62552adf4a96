"""What MLflow's client records inside a run: in the run, in order, also while the server is away."""

import json

from terrazul.testing.submission import SubmittedRun, Submitter

CLIENT = """
import json, os, sys, time, urllib.error, urllib.request
root = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow"
run_id, experiment = os.environ["MLFLOW_RUN_ID"], os.environ["MLFLOW_EXPERIMENT_ID"]
token = {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
def ask(method, path, body=None):
    request = urllib.request.Request(path if path.startswith("http") else root + path, body, token, method=method)
    with urllib.request.urlopen(request) as answer:
        return answer.read()
def get(path):
    return json.loads(ask("GET", path))
def post(path, **message):
    return json.loads(ask("POST", path, json.dumps(message).encode()))
def refused(path, **message):
    try:
        post(path, **message)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error_code"]
print("ready", flush=True)
while not os.path.exists("go"):
    time.sleep(0.02)
"""
RECORDING = (
    CLIENT
    + """
named = get("/experiments/get-by-name?experiment_name=" + os.environ["MLFLOW_EXPERIMENT_NAME"])
assert named["experiment"]["experiment_id"] == experiment
assert get("/runs/get?run_id=" + run_id)["run"]["info"]["run_id"] == run_id
post("/runs/update", run_id=run_id, status="RUNNING")
slowest = 0
for step in range(100):
    begin = time.monotonic()
    post("/runs/log-metric", run_id=run_id, key="loss", value=step / 2, timestamp=1000 + step, step=str(step))
    slowest = max(slowest, time.monotonic() - begin)
metrics = [{"key": "many", "value": "NaN" if n == 2 else n, "timestamp": 1, "step": n} for n in range(3)]
more = {"params": [{"key": "lr", "value": "1"}], "tags": [{"key": "t", "value": "1"}]}
post("/runs/log-batch", run_id=run_id, metrics=metrics, **more)
post("/runs/log-parameter", run_id=run_id, key="depth", value="3")
assert refused("/runs/log-parameter", run_id=run_id, key="lr", value="2") == (400, "INVALID_PARAMETER_VALUE")
assert refused("/runs/log-metric", run_id=run_id, key="../x", value=1, timestamp=1) == (400, "INVALID_PARAMETER_VALUE")
post("/runs/set-tag", run_id=run_id, key="mlflow.note.content", value="a note")
parent = [{"key": "mlflow.parentRunId", "value": run_id}, {"key": "mlflow.user", "value": "ada"}]
begun = post("/runs/create", experiment_id=experiment, run_name="child", start_time=1000, tags=parent)
child = begun["run"]["info"]["run_id"]
post("/runs/log-metric", run_id=child, key="inner", value=1, timestamp=1, step=0)
grandchild = post("/runs/create", experiment_id=experiment, tags=[{"key": "mlflow.parentRunId", "value": child}])["run"]
shown = get("/runs/get?run_id=" + child)["run"]
assert shown["data"]["metrics"] == [{"key": "inner", "value": 1.0, "timestamp": 1, "step": 0}], shown
post("/runs/update", run_id=grandchild["info"]["run_id"], status="FAILED")
post("/runs/update", run_id=child, status="FINISHED")
assert post("/runs/update", run_id=run_id, status="FINISHED")["run_info"]["status"] == "RUNNING"
files = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow-artifacts/artifacts/" + experiment
ask("PUT", files + "/" + run_id + "/artifacts/plots/a%20b.txt", b"first")
ask("PUT", files + "/" + run_id + "/artifacts/plots/a%20b.txt", b"last")
json.dump([child, grandchild["info"]["run_id"], slowest], open("outputs/told.json", "w"))
"""
)


def check_everything_is_there(run: SubmittedRun) -> None:
    ended = run.wait()
    assert ended["state"] == "Completed", run.log()
    child, grandchild, slowest = json.loads(run.file("outputs/told.json"))
    assert ended["warnings"] == []
    assert ended["parameters"] == {"lr": "1", "depth": "3"}
    assert (ended["tags"]["t"], ended["description"]) == ("1", "a note")
    assert run.metrics["loss"] == [step / 2 for step in range(100)]
    assert run.metrics["many"] == [0, 1, {"$number": "NaN"}]
    assert run.file("plots/a%20b.txt") == b"last"
    found = {each: run.server.call("GET", f"{run.workspace}/runs/{each}") for each in (child, grandchild)}
    assert (found[child]["parent_run_id"], found[child]["state"]) == (run.run_id, "Completed")
    assert (found[grandchild]["parent_run_id"], found[grandchild]["state"]) == (child, "Failed")
    assert (found[child]["display_name"], found[child]["tags"]) == ("child", {"mlflow.user": "ada"})
    assert slowest < 1


def test_client_records_in_its_run(submit_shared: Submitter):
    run = submit_shared(RECORDING)
    run.wait_for_line("ready")
    (run.folder / "work" / "go").touch()
    run.wait()
    check_everything_is_there(run)


def test_client_does_not_notice_that_the_server_is_away(submit: Submitter):
    run = submit(RECORDING)
    run.wait_for_line("ready")
    submit.server.kill()
    (run.folder / "work" / "go").touch()
    run.wait_for_line("the run is over", "75_job_post_log.txt")
    submit.server.start()
    run.wait()
    check_everything_is_there(run)


def test_run_without_a_parent_is_a_child_of_its_run(submit_shared: Submitter):
    run = submit_shared(
        CLIENT.partition('print("ready"')[0]
        + 'print(post("/runs/create", experiment_id=experiment)["run"]["info"]["run_id"])\n'
        'print(refused("/runs/search", experiment_ids=["0"]), refused("/runs/delete", run_id=run_id))\n'
        'print(len(post("/runs/search", experiment_ids=[experiment])["runs"]))\n'
    )
    assert run.wait()["state"] == "Completed", run.log()
    child, refusals, count = run.log().splitlines()
    assert run.server.call("GET", f"{run.workspace}/runs/{child}")["parent_run_id"] == run.run_id
    assert (refusals, count) == ("(403, 'PERMISSION_DENIED') (403, 'PERMISSION_DENIED')", "2")
