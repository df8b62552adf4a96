"""`terrazul dataset`, as somebody types it."""

from pathlib import Path

import pytest

from .conftest import Shell

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def stocked(shared_project: Shell) -> Shell:
    """A project with files on its datastore."""
    folder = shared_project.folder / "stock"
    (folder / "sub").mkdir(parents=True)
    (folder / "1.csv").write_text("name,n\nann,1\nbob,2\n")
    (folder / "sub" / "2.csv").write_text("name,n\n=cmd,3\n")
    sent = shared_project("datastore", "upload", "workspaceblobstore", str(folder), "--target-path", "stock")
    assert sent.returncode == 0, sent.stderr
    shared_project.json("dataset", "register", "-n", "heap", "--from", "workspaceblobstore:stock", "--type", "files")
    return shared_project


def test_dataset_is_registered_shown_and_looked_into(stocked: Shell):
    line = ("dataset", "register", "-n", "people", "--from", "workspaceblobstore:stock/**/*.csv", "--type", "csv")
    made = stocked.json(*line, "--tag", "kind=test", "-d", "some people")
    assert (made["name"], made["version"], made["tags"]) == ("people", 1, {"kind": "test"})
    assert stocked.json(*line)["version"] == 1
    table = stocked("dataset", "list")
    assert "people" in table.stdout
    assert "workspaceblobstore:stock/**/*.csv" in table.stdout
    shown = stocked("dataset", "show", "people")
    assert "some people" in shown.stdout
    assert [row["n"] for row in stocked.json("dataset", "head", "people", "--count", "2")] == [1, 2]
    head = stocked("dataset", "head", "people")
    assert [line.split() for line in head.stdout.splitlines()] == [
        ["name", "n"], ["ann", "1"], ["bob", "2"], ["=cmd", "3"]
    ]  # fmt: skip
    assert [each["version"] for each in stocked.json("dataset", "versions", "people")] == [1]
    assert stocked.json("dataset", "changes", "people")["is_unchanged"] is True


def test_files_are_registered_and_downloaded(stocked: Shell, tmp_path: Path):
    stocked.json("dataset", "register", "-n", "files", "--from", "workspaceblobstore:stock", "--type", "files")
    assert [each["path"] for each in stocked.json("dataset", "head", "files")] == ["/1.csv", "/sub/2.csv"]
    files = stocked.json("dataset", "download", "files", "-t", str(tmp_path / "here"))
    assert [Path(file).name for file in files] == ["1.csv", "2.csv"]
    again = stocked("dataset", "download", "files", "-t", str(tmp_path / "here"))
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert stocked("dataset", "download", "files", "-t", str(tmp_path / "here"), "--overwrite").returncode == 0


def test_state_of_a_dataset_is_changed(stocked: Shell):
    line = ("--from", "workspaceblobstore:stock/1.csv", "--type", "csv", "--separator", ";")
    first = stocked.json("dataset", "register", "-n", "old", *line)
    second = stocked.json("dataset", "register", "-n", "new", *line[:-1], ",")
    deprecated = stocked.json("dataset", "deprecate", "old", "--by", second["id"])
    assert (deprecated["state"], deprecated["deprecated_by"]) == ("deprecated", second["id"])
    assert stocked.json("dataset", "archive", "old")["state"] == "archived"
    assert "old" not in [each["name"] for each in stocked.json("dataset", "list")]
    assert "old" in [each["name"] for each in stocked.json("dataset", "list", "--archived")]
    assert stocked.json("dataset", "reactivate", "old")["state"] == "active"
    refused = stocked("dataset", "unregister", "old")
    assert "Add --yes" in refused.stderr
    assert stocked("dataset", "unregister", "old", "--yes").returncode == 0
    assert stocked("dataset", "show", "old").returncode == 3
    assert first["version"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "peple"), "There is no dataset 'peple'"),
        (("head", "people", "-v", "9"), "has no version 9"),
        (("register", "-n", "x", "--from", "stock/1.csv", "--type", "csv"), "names no datastore"),
        (("register", "-n", "x", "--from", "none:stock/1.csv", "--type", "csv"), "none"),
        (("register", "-n", "x", "--from", "workspaceblobstore:none/*", "--type", "csv"), "There is no file 'none/*'"),
        (("register", "-n", "x", "--from", "workspaceblobstore:stock/1.csv", "--type", "parquet"), "cannot be read"),
        (("register", "-n", "x", "--from", "workspaceblobstore:stock", "--type", "xml"), "'xml' is not one of"),
        (("download", "people"), "is a table"),
        (("profile", "heap"), "is a dataset of files"),
        (("diff", "people", "1", "9"), "has no version 9"),
        (("diff", "people", "1", "1", "--key", "nam"), "Did you mean 'name'?"),
    ],
)
def test_mistakes_are_told(stocked: Shell, words: tuple[str, ...], message: str):
    stocked.json("dataset", "register", "-n", "people", "--from", "workspaceblobstore:stock/**/*.csv", "--type", "csv")
    ended = stocked("dataset", *words)
    assert ended.returncode != 0
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_profile_schema_and_difference_are_shown(stocked: Shell):
    place = ("--from", "workspaceblobstore:stock/1.csv", "--type", "csv")
    stocked.json("dataset", "register", "-n", "profiled", *place)
    later = ("--from", "workspaceblobstore:stock/**/*.csv", "--type", "csv", "--new-version")
    stocked.json("dataset", "register", "-n", "profiled", *later)
    assert stocked.json("dataset", "schema", "profiled") == [
        {"name": "name", "type": "String"}, {"name": "n", "type": "Int64"}
    ]  # fmt: skip
    shown = stocked("dataset", "profile", "profiled")
    assert "3 rows, 2 columns." in shown.stderr
    assert [line.split()[:4] for line in shown.stdout.splitlines()[1:]] == [
        ["name", "text", "-", "3"], ["n", "integer", "-", "3"]
    ]  # fmt: skip
    assert "=cmd (1)" in shown.stdout
    profile = stocked.json("dataset", "profile", "profiled", "-v", "1", "--refresh")
    assert [(each["name"], each["maximum"]) for each in profile["columns"]] == [("name", None), ("n", 2)]
    told = stocked("dataset", "diff", "profiled", "1", "2", "--key", "name")
    assert "Rows: 2 before, 3 after (+1)." in told.stdout
    assert "Rows by name: 1 added, 0 removed, 0 changed, 2 the same." in told.stdout
    assert "Files: 1 added, 0 removed, 0 changed." in told.stdout
    found = stocked.json("dataset", "diff", "profiled", "1", "2")
    assert (found["rows_after"], found["keys"]) == (3, None)
    (stocked.folder / "stock" / "1.csv").write_text("name,n\nann,1\nbob,2\ncy,5\n")
    folder = str(stocked.folder / "stock")
    assert (
        stocked("datastore", "upload", "workspaceblobstore", folder, "--target-path", "stock", "--overwrite").returncode
        == 0
    )
    again = stocked("dataset", "profile", "profiled")
    assert "The data has changed since" in again.stderr
    assert "4 rows" in again.stderr
