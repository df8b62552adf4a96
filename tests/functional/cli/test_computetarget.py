"""Clusters from the command line."""

import pytest

from .conftest import Shell

pytestmark = pytest.mark.functional


def test_cluster_is_made_listed_changed_and_deleted(shared_project: Shell):
    line = ("computetarget", "create", "amlcompute", "-n", "cpu", "--min-nodes", "1", "--max-nodes", "2", "-i", "60")
    made = shared_project.json(*line, "--vm-size", "STANDARD_D2_V2", "--tag", "team=a")
    assert (made["name"], made["tags"], made["settings"]["max_nodes"]) == ("cpu", {"team": "a"}, 2)
    submitted = shared_project("run", "submit-script", "--ct", "cpu", "train.py")
    assert submitted.returncode == 0, submitted.stderr
    (listed,) = shared_project.json("computetarget", "list")
    assert (listed["state"], listed["nodes"]["idle"]) == ("Succeeded", 1)
    assert "1 to 2" in shared_project("computetarget", "show", "CPU").stdout
    (node,) = shared_project.json("computetarget", "nodes", "cpu")
    assert (node["number"], node["run_id"]) == (1, None)
    changed = shared_project.json("computetarget", "update", "amlcompute", "-n", "cpu", "--max-nodes", "3")
    assert (changed["settings"]["min_nodes"], changed["settings"]["max_nodes"]) == (1, 3)
    unsure = shared_project("computetarget", "delete", "cpu")
    assert (unsure.returncode, "Nobody can be asked" in unsure.stderr) == (2, True)
    assert shared_project("computetarget", "delete", "cpu", "--yes").returncode == 0


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        (("show", "absent"), 3, "There is no compute target 'absent' in this workspace. The targets are: local"),
        (("create", "amlcompute"), 2, "No compute target is named"),
        (("create", "amlcompute", "-n", "x"), 1, "Use 2 to 16 letters, digits and '-'"),
        (("create", "amlcompute", "-n", "xx", "--min-nodes", "5"), 1, "more than max_nodes"),
        (("create", "aks"), 2, "'aks' is not one of: amlcompute"),
        (("update", "amlcompute", "xx"), 2, "Nothing to change is named"),
        (("attach", "remote", "-n", "vm", "-u", "me"), 2, "--address"),
        (("attach", "remote", "-n", "vm", "-a", "vm", "-u", "me"), 1, "signed in to with a password or a private_key"),
        (
            ("attach", "remote", "vm", "-a", "127.0.0.1", "-u", "me", "-p", "x"),
            2,
            "--allowed-destinations 127.0.0.1:22",
        ),
        (("detach", "absent"), 3, "There is no compute target 'absent'"),
    ],
)
def test_mistakes_are_told_with_what_to_do(shared_project: Shell, line: tuple[str, ...], code: int, told: str):
    ended = shared_project("computetarget", *line)
    assert (ended.returncode, told in ended.stderr) == (code, True), ended.stderr
