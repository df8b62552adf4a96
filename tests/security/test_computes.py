"""Who manages compute targets, and what a run is told of the runs beside it."""

from pathlib import Path

import pytest

from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import SubmittedRun, Submitter, wait_for

from .conftest import token_of


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("Owner", True), ("Contributor", True), ("Compute Operator", True), ("Data Scientist", False), ("Reader", False)],
)
def test_role_decides_who_makes_and_deletes_clusters(platform: RunningServer, role: str, allowed: bool):
    workspace, user = platform.workspace(f"computes-{role.replace(' ', '-')}"), f"c-{role.replace(' ', '-').lower()}"
    platform.call("POST", "/api/v1/users", {"name": user})
    platform.call("POST", f"{workspace}/members", {"user": user, "role": role})
    token = platform.call("POST", "/api/v1/tokens", {"user": user})["token"]
    platform.call("POST", f"{workspace}/computes", {"name": "there"})
    for method, path, body in (
        ("POST", "", b'{"name": "own"}'),
        ("PATCH", "/there", b"{}"),
        ("DELETE", "/there", None),
    ):
        answer = platform.ask(method, f"{workspace}/computes{path}", body, token=token)
        assert (answer.status < 300) == allowed, (method, answer)
        assert allowed or answer.status == 403
    assert platform.ask("GET", f"{workspace}/computes", token=token).status == 200


def test_run_sees_the_nodes_and_not_who_else_is_there(platform: RunningServer, tmp_path: Path):
    submit = Submitter(platform, platform.workspace("computes-nodes"))
    nodes = f"{submit.workspace}/computes/cpu/nodes"
    mark = tmp_path / "go"
    script = f"import pathlib, time\nwhile not pathlib.Path({str(mark)!r}).exists(): time.sleep(0.05)"
    try:
        platform.call("POST", f"{submit.workspace}/computes", {"name": "cpu", "settings": {"max_nodes": 2}})
        runs = [submit(script, target="cpu") for _ in range(2)]
        wait_for(lambda: [each["run_id"] for each in platform.call("GET", nodes)] == [run.run_id for run in runs])
        wait_for(lambda: all((run.folder / "job.json").exists() for run in runs))
        seen = platform.call("GET", nodes, token=token_of(runs[0]))
        assert [each["run_id"] for each in seen] == [runs[0].run_id, None]
        assert_run_manages_nothing(platform, submit, runs[0])
    finally:
        mark.touch()
        for run in runs:
            run.wait()


def assert_run_manages_nothing(platform: RunningServer, submit: Submitter, run: SubmittedRun) -> None:
    for method, path, body in (("POST", "", {"name": "own"}), ("PATCH", "/cpu", {}), ("DELETE", "/cpu", None)):
        with pytest.raises(Refused) as refused:
            platform.call(method, f"{submit.workspace}/computes{path}", body, token=token_of(run))
        assert refused.value.status == 403
