"""Datastores from the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Shell

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A folder of a workspace."""
    shell = Shell(tmp_path_factory.mktemp("project"))
    started = shell("up")
    assert started.returncode == 0, started.stderr
    assert shell("folder", "attach", "-w", "research").returncode == 0
    yield shell
    shell("down")


def test_files_go_up_and_come_down(project: Shell):
    folder = Path(project.folder)
    (folder / "data" / "x").mkdir(parents=True)
    (folder / "data" / "x" / "t.csv").write_text("a,b\n")
    up = project("datastore", "upload", "workspaceblobstore", "data", "--target-path", "in")
    assert (up.returncode, up.stdout) == (0, "Uploaded 1 file.\n"), up
    assert project.json("datastore", "browse", "workspaceblobstore", "in")[0]["name"] == "x/"
    (file,) = project.json("datastore", "browse", "workspaceblobstore", "in/x")
    assert (file["name"], file["size"]) == ("t.csv", 4)
    one = project("datastore", "upload", "workspaceblobstore", "data/x/t.csv", "--overwrite")
    assert one.returncode == 0, one
    down = project("datastore", "download", "workspaceblobstore", "out", "--prefix", "in/")
    assert (down.returncode, down.stdout) == (0, "Downloaded 1 file.\n"), down
    assert (folder / "out" / "in" / "x" / "t.csv").read_text() == "a,b\n"


def test_folder_is_registered_tested_made_default_and_unregistered(project: Shell):
    (Path(project.folder) / "share").mkdir()
    line = ("datastore", "register", "share", "LocalFolder", "--set", f"path={project.folder}/share")
    assert project.json(*line)["kind"] == "LocalFolder"
    assert project.json("datastore", "test", "share") == [{"name": "find the folder", "is_done": True, "message": ""}]
    assert project.json("datastore", "set-default", "share")["is_default"]
    assert [each["name"] for each in project.json("datastore", "list") if each["is_default"]] == ["share"]
    assert project.json("datastore", "show", "share")["settings"] == {"path": f"{project.folder}/share"}
    gone = project("datastore", "unregister", "share", "--yes")
    assert gone.returncode == 0, gone
    assert project("datastore", "show", "share").returncode == 3


def test_credential_comes_from_files_and_is_not_shown(project: Shell):
    (Path(project.folder) / "secret.txt").write_text("canary\n")
    (Path(project.folder) / "empty.txt").write_text("\n")
    line = ["datastore", "register", "bucket", "AmazonS3", "--set", "bucket=bucket", "--skip-validation"]
    parts = ["--set-credential", "access_key_id=secret.txt", "--set-credential", "secret_access_key=secret.txt"]
    made = project(*line, *parts)
    assert (made.returncode, "AccessKey" in made.stdout, "canary" in made.stdout) == (0, True, False), made
    for wrong, told in (
        (["--set-credential", "access_key_id=empty.txt"], "There is nothing in empty.txt"),
        (["--set-credential", "access_key_id=absent.txt"], "absent.txt cannot be read"),
        (["--set-credential", "nix=secret.txt"], "has no credential field 'nix'"),
        (["--set-credential", "access_key_id=-", "--set-credential", "secret_access_key=-"], "can be one field"),
        (["--set", "nix=1"], "has no setting 'nix'"),
    ):
        refused = project(*line, *wrong)
        assert (refused.returncode, told in refused.stderr) == (2, True), refused
    assert project("datastore", "test", "workspaceblobstore").returncode == 0
    assert project("datastore", "unregister", "bucket", "-y").returncode == 0


def test_kinds_tell_their_fields(project: Shell):
    assert "AmazonS3" in [each["name"] for each in project.json("datastore", "kinds")]
    fields = {each["name"]: each["part"] for each in project.json("datastore", "kinds", "amazons3")}
    assert fields["bucket"] == "settings"
    assert fields["secret_access_key"] == "credential"
    unknown = project("datastore", "kinds", "nix")
    assert (unknown.returncode, "There is no kind 'nix'" in unknown.stderr) == (3, True)
