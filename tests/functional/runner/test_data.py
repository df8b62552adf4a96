"""Data in a run: inputs that its script finds, outputs that arrive, and what is noted of them."""

import json
import os
import signal
from pathlib import Path

import pytest

from terrazul.testing.data import STORE, get_file, list_files, put_files, save_dataset
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import Submitter, wait_for

pytestmark = pytest.mark.functional

LOOK = """
import json, os, sys
def seen(path):
    if os.path.isfile(path):
        return open(path).read()
    return {name: seen(os.path.join(path, name)) for name in sorted(os.listdir(path))}
json.dump([seen(path) for path in sys.argv[1:]], open('outputs/seen.json', 'w'))
"""
FILES = {"in/a.csv": b"1", "in/deep/b ü.csv": b"22", "in/empty.csv": b"", "other.txt": b"333"}


def mounted(name: str, dataset: str, mode: str = "mount", **more: object) -> dict[str, object]:
    return {"name": name, "mode": mode, "dataset_id": dataset, **more}


@pytest.mark.parametrize("mode", ["mount", "download"])
def test_a_dataset_comes_as_a_folder(submit_shared: Submitter, shared_server: RunningServer, mode: str):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    dataset = save_dataset(shared_server, workspace, "in/**")
    run = submit_shared(LOOK, arguments=["DatasetConsumptionConfig:x"], inputs=[mounted("x", dataset, mode)])
    assert run.wait()["error"] is None
    assert json.loads(run.file("outputs/seen.json")) == [{"a.csv": "1", "deep": {"b ü.csv": "22"}, "empty.csv": ""}]
    assert "input x: 3 files, 3 bytes" in run.log("65_job_prep_log.txt")
    assert "data" in [event["phase"] for event in run.get("/events")]


def test_a_dataset_of_one_file_comes_as_that_file(submit_shared: Submitter, shared_server: RunningServer):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    dataset = save_dataset(shared_server, workspace, "other.txt", is_file=True)
    run = submit_shared(LOOK, arguments=["DatasetConsumptionConfig:x"], inputs=[mounted("x", dataset)])
    assert run.wait()["error"] is None
    assert json.loads(run.file("outputs/seen.json")) == ["333"]


def test_paths_of_a_datastore_are_replaced_within_arguments(submit_shared: Submitter, shared_server: RunningServer):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    reference = {"name": "x", "mode": "download", "datastore": STORE, "path": "in"}
    run = submit_shared(LOOK, arguments=["$AZUREML_DATAREFERENCE_x/deep"], inputs=[reference])
    assert run.wait()["error"] is None
    assert json.loads(run.file("outputs/seen.json")) == [{"b ü.csv": "22"}]


def test_what_a_script_writes_to_a_mounted_path_goes_to_the_datastore(
    submit_shared: Submitter, shared_server: RunningServer
):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, {"there/old": b"old", "there/kept": b"kept"})
    run = submit_shared(
        "import os, sys\n"
        "for folder in sys.argv[1:]:\n"
        "    os.makedirs(folder + '/deep')\n"
        "    open(folder + '/deep/new', 'w').write('new')\n"
        "os.unlink(sys.argv[1] + '/old')\n"
        "open(sys.argv[1] + '/old', 'w').write('replaced')\n"
        "sys.exit(3)",
        arguments=["$AZUREML_DATAREFERENCE_x", "$AZUREML_DATAREFERENCE_y"],
        inputs=[
            {"name": "x", "mode": "mount", "datastore": STORE, "path": "there"},
            {"name": "y", "mode": "mount", "datastore": STORE, "path": "not yet"},
        ],
    )
    assert run.wait()["state"] == "Failed"
    assert list_files(shared_server, workspace, "there") == ["there/deep/new", "there/kept", "there/old"]
    assert get_file(shared_server, workspace, "there/old") == b"replaced"
    assert list_files(shared_server, workspace, "not yet") == ["not yet/deep/new"]


def test_a_shell_finds_its_data_by_variables(submit_shared: Submitter, shared_server: RunningServer):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    dataset = save_dataset(shared_server, workspace, "in/**")
    line = "cat $X/a.csv $x/a.csv $AZUREML_DATAREFERENCE_x/a.csv DatasetConsumptionConfig:x/a.csv"
    run = submit_shared(command=[line], command_is_shell=True, inputs=[mounted("x", dataset)])
    assert run.wait()["error"] is None
    assert run.log() == "1111"


def test_the_run_is_told_as_v1_tells_it(submit_shared: Submitter, shared_server: RunningServer):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    dataset = save_dataset(shared_server, workspace, "in/**")
    run = submit_shared(
        "import json, os\njson.dump(dict(os.environ), open('outputs/seen.json', 'w'))",
        inputs=[
            mounted("x", dataset),
            mounted("y", dataset, "direct"),
            mounted("z", dataset, environment_variable="Q"),
        ],
        outputs=[{"name": "made"}],
    )
    assert run.wait()["error"] is None
    seen = json.loads(run.file("outputs/seen.json"))
    assert seen["AZUREML_DATASET_ENVIRONMENT_VARS"] == "x:mount,y:direct,z:mount"
    assert seen["AZUREML_DATASET_FILE_OUTPUTS"] == "made"
    assert seen["y"] == dataset
    assert seen["z"] == seen["Q"] == seen["Z"] == seen["AZUREML_DATAREFERENCE_z"]
    assert [name for name in seen if name.startswith("TERRAZUL")] == []


def test_a_place_that_the_run_chooses_is_filled(submit_shared: Submitter, shared_server: RunningServer, tmp_path: Path):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    dataset = save_dataset(shared_server, workspace, "in/**")
    inputs = [
        mounted("x", dataset, "download", path_on_compute="data/here"),
        mounted("y", dataset, "download", path_on_compute=str(tmp_path / "there")),
    ]
    run = submit_shared(LOOK, arguments=["data/here/deep", str(tmp_path / "there" / "deep")], inputs=inputs)
    assert run.wait()["error"] is None
    assert json.loads(run.file("outputs/seen.json")) == [{"b ü.csv": "22"}] * 2
    again = submit_shared(LOOK, inputs=inputs[1:]).wait()
    assert again["state"] == "Failed"
    assert "There is a file" in again["error"]["message"]
    assert "'y'" in again["error"]["message"]
    assert submit_shared(LOOK, inputs=[{**inputs[1], "overwrite": True}]).wait()["error"] is None


def test_a_script_may_change_what_was_downloaded_and_no_data_changes(
    submit_shared: Submitter, shared_server: RunningServer
):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    dataset = save_dataset(shared_server, workspace, "in/**")
    change = "import sys\nopen(sys.argv[1] + '/a.csv', 'a').write('changed')"
    run = submit_shared(change, arguments=["DatasetConsumptionConfig:x"], inputs=[mounted("x", dataset, "download")])
    assert run.wait()["error"] is None
    assert get_file(shared_server, workspace, "in/a.csv") == b"1"


def test_what_the_script_writes_arrives_and_becomes_a_dataset(submit_shared: Submitter, shared_server: RunningServer):
    workspace = shared_server.workspace()
    run = submit_shared(
        "import os, sys\n"
        "for folder in sys.argv[1:]:\n"
        "    os.makedirs(folder + '/deep')\n"
        "    open(folder + '/deep/a ü.csv', 'w').write('made')\n"
        "    open(folder + '/b.tmp', 'w').write('left out')\n"
        "os.symlink('/etc/passwd', sys.argv[1] + '/out')",
        arguments=["DatasetOutputConfig:one", "DatasetOutputConfig:two", "$AZUREML_DATAREFERENCE_three"],
        outputs=[
            {"name": "one", "registration": {"name": "made", "tags": {"a": "b"}}},
            {"name": "two", "mode": "upload", "path": "up/{run-id}/{output-name}", "source_globs": ["**/*.csv"]},
            {"name": "three", "mode": "upload", "datastore": STORE, "path": "plain", "is_dataset": False},
        ],
    )
    ended = run.wait()
    assert ended["error"] is None
    assert any("leads out" in warning for warning in ended["warnings"])
    assert get_file(shared_server, workspace, f"dataset/{run.run_id}/one/deep/a ü.csv") == b"made"
    assert list_files(shared_server, workspace, f"up/{run.run_id}") == [f"up/{run.run_id}/two/deep/a ü.csv"]
    assert list_files(shared_server, workspace, "plain") == ["plain/b.tmp", "plain/deep/a ü.csv"]
    made = shared_server.call("GET", f"{workspace}/datasets/by-name/made")
    assert (made["version"], made["tags"], made["content"]["file_count"]) == (1, {"a": "b"}, 2)
    uses = run.get("/datasets")
    assert [(use["name"], use["is_output"]) for use in uses] == [("one", True), ("two", True)]
    assert uses[0]["dataset_id"] == made["id"]
    edges = shared_server.call("GET", f"{workspace}/datasets/{made['id']}/lineage")
    assert {"user_type": "dataset", "user_id": made["id"], "used_type": "run", "used_id": run.run_id,
            "role": "output one"} in edges  # fmt: skip


def test_of_a_script_that_fails_only_mounts_are_kept_and_nothing_is_registered(
    submit_shared: Submitter, shared_server: RunningServer
):
    workspace = shared_server.workspace()
    run = submit_shared(
        "import sys\n[open(each + '/a', 'w').write('half') for each in sys.argv[1:]]\nsys.exit(3)",
        arguments=["DatasetOutputConfig:one", "DatasetOutputConfig:two"],
        outputs=[
            {"name": "one", "path": "failed/{output-name}", "registration": {"name": "never"}},
            {"name": "two", "path": "failed/{output-name}", "mode": "upload"},
        ],
    )
    ended = run.wait()
    assert (ended["state"], ended["error"]["exit_code"]) == ("Failed", 3)
    assert list_files(shared_server, workspace, "failed") == ["failed/one/a"]
    with pytest.raises(Refused, match="404"):
        shared_server.call("GET", f"{workspace}/datasets/by-name/never")
    assert run.get("/datasets") == []


def test_an_upload_that_may_not_replace_files_says_so(submit_shared: Submitter, shared_server: RunningServer):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, {"taken/a": b"old"})
    output = {"name": "one", "path": "taken", "mode": "upload", "overwrite": False}
    write = "import sys\nopen(sys.argv[1] + '/a', 'w').write('new')"
    ended = submit_shared(write, arguments=["DatasetOutputConfig:one"], outputs=[output]).wait()
    assert ended["state"] == "Failed"
    assert "may not replace 1 files" in ended["error"]["message"]
    assert get_file(shared_server, workspace, "taken/a") == b"old"


def test_an_output_that_stays_empty_is_a_warning(submit_shared: Submitter):
    ended = submit_shared("pass", outputs=[{"name": "one", "registration": {"name": "x"}}]).wait()
    assert ended["state"] == "Completed"
    assert any("is empty" in warning for warning in ended["warnings"])


def test_the_second_run_finds_everything_in_the_cache(server: RunningServer, submit: Submitter):
    workspace = server.workspace()
    put_files(server, workspace, FILES)
    dataset = save_dataset(server, workspace, "in/**")
    inputs = [mounted("x", dataset, "download")]
    for _ in range(2):
        run = submit(LOOK, arguments=["DatasetConsumptionConfig:x"], inputs=inputs)
        assert run.wait()["error"] is None
        assert json.loads(run.file("outputs/seen.json"))[0]["a.csv"] == "1"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"name": "x", "mode": "mount", "datastore": "nowhere", "path": "a"}, "nowhere"),
        ({"name": "x", "mode": "download", "datastore": STORE, "path": "not/there"}, "not/there"),
        ({"name": "x", "mode": "mount", "dataset_id": "11111111-2222-3333-4444-555555555555"}, "11111111"),
    ],
)
def test_an_input_that_is_not_there_is_told_by_its_name(submit_shared: Submitter, wanted: dict[str, str], said: str):
    try:
        ended = submit_shared(LOOK, inputs=[wanted]).wait()
    except Refused as refusal:
        told = refusal.body["message"]
    else:
        assert ended["state"] == "Failed"
        told = ended["error"]["message"]
    assert said in told


def test_what_goes_in_and_out_is_seen_from_both_sides(submit_shared: Submitter, shared_server: RunningServer):
    workspace = shared_server.workspace()
    put_files(shared_server, workspace, FILES)
    dataset = save_dataset(shared_server, workspace, "in/**", name="seen")
    run = submit_shared("open('outputs/model.pkl', 'w').write('m')", inputs=[mounted("x", dataset)])
    assert run.wait()["error"] is None
    body = {"name": "seen", "registration_id": "r1", "run_id": run.run_id, "artifact_path": "outputs/model.pkl"}
    model = shared_server.call("POST", f"{workspace}/models", body)
    pairs = [(edge["user_type"], edge["used_type"], edge["role"]) for edge in run.get("/lineage")]
    assert ("run", "dataset", "input x") in pairs
    assert ("model", "run", "produced by") in pairs
    of_dataset = shared_server.call("GET", f"{workspace}/datasets/{dataset}/lineage")
    assert [edge["user_id"] for edge in of_dataset if edge["user_type"] == "model"] == [model["id"]]
    of_model = shared_server.call("GET", f"{workspace}/models/{model['id']}/lineage")
    assert dataset in [edge["used_id"] for edge in of_model]


def test_a_run_whose_script_was_never_started_sends_no_outputs(submit_shared: Submitter):
    run = submit_shared("pass", environment={"user_managed": True, "interpreter_path": "/no/python"},
                        outputs=[{"name": "one"}])  # fmt: skip
    ended = run.wait()
    assert ended["state"] == "Failed"
    assert ended["warnings"] == []


def test_a_killed_runner_leaves_nothing_behind_that_is_not_delivered(server: RunningServer, submit: Submitter):
    workspace = server.workspace()
    run = submit(
        "import sys, time\nopen(sys.argv[1] + '/a', 'w').write('kept')\nprint('written', flush=True)\ntime.sleep(600)",
        arguments=["DatasetOutputConfig:one"],
        outputs=[{"name": "one", "path": "killed"}],
    )
    run.wait_for_line("written")
    os.kill(run.runner_pid, signal.SIGKILL)
    wait_for(lambda: run.state == "Failed", 120)
    wait_for(lambda: list_files(server, workspace, "killed") == ["killed/a"], 60)
    assert get_file(server, workspace, "killed/a") == b"kept"
