"""The run of a script that nobody submitted."""

import pytest

from terrazul.core.errors import RunEnvironmentException
from terrazul.sdk.run import RUN_VARIABLES, Run


@pytest.fixture(autouse=True)
def outside_of_a_run(monkeypatch: pytest.MonkeyPatch):
    for name in RUN_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_context_is_offline_and_no_run():
    run = Run.get_context()
    assert run.id.startswith("OfflineRun_")
    assert not isinstance(run, Run)


def test_log_calls_print_as_v1_does(capsys: pytest.CaptureFixture[str]):
    run = Run.get_context()
    run.log("acc", 0.5)
    run.log_list("l", [1, 2])
    run.log_row("r", a=1)
    run.log_table("t", {"a": [1]})
    run.log_image("i", path="a.png")
    run.tag("k", "v")
    run.upload_file("outputs/a", "a")
    run.fail("boom")
    with run as same:
        assert same is run
    assert capsys.readouterr().out.splitlines() == [
        "Attempted to log scalar metric acc:", "0.5",
        "Attempted to log list metric l:", "[1, 2]",
        "Attempted to log row metric r:", "{'a': 1}",
        "Attempted to log table metric t:", "{'a': [1]}",
        "Attempted to log image metric i:", "a.png",
        "Attempted to add tag k with value v",
        "Attempted to track file outputs/a at a",
        "Run failed with error code None:", "boom",
        f"[START] Run {run.id} context",
        f"[STOP] Run {run.id} context",
    ]  # fmt: skip


def test_child_has_a_chained_id():
    run = Run.get_context()
    assert run.child_run("fold").id == f"{run.id}.fold"


@pytest.mark.parametrize("name", ["experiment", "parent", "get_metrics", "status", "tags", "number", "register_model"])
def test_members_of_real_runs_are_missing(name: str):
    assert not hasattr(Run.get_context(), name)


def test_offline_can_be_refused():
    with pytest.raises(RunEnvironmentException, match="Could not load a submitted run"):
        Run.get_context(allow_offline=False)
