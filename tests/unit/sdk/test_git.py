"""What is recorded of the git repository of a source directory."""

import subprocess
from pathlib import Path

import pytest

from terrazul.sdk.git import GitFacts

IDENTITY = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REPOSITORY_URI", "BRANCH", "COMMIT", "DIRTY", "BUILD_ID", "BUILD_URI"):
        monkeypatch.delenv(f"AZUREML_GIT_{name}", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "train.py").write_text("print()")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def test_clean_repository_has_branch_and_commit_under_both_names_and_no_dirty(repository: Path):
    commit = git(repository, "rev-parse", "HEAD")
    assert GitFacts(str(repository / "source")).properties() == {
        "azureml.git.branch": "main",
        "mlflow.source.git.branch": "main",
        "azureml.git.commit": commit,
        "mlflow.source.git.commit": commit,
    }


def test_dirty_is_what_changed_below_the_source_directory(repository: Path):
    (repository / "elsewhere.txt").write_text("new")
    assert "azureml.git.dirty" not in GitFacts(str(repository / "source")).properties()
    (repository / "source" / "new.py").write_text("new")
    assert GitFacts(str(repository / "source")).properties()["azureml.git.dirty"] == "True"


def test_address_of_the_repository_is_told_without_its_password(repository: Path):
    git(repository, "remote", "add", "origin", "https://user:secret@example.org/team/code.git")
    facts = GitFacts(str(repository)).properties()
    assert facts["azureml.git.repository_uri"] == "https://example.org/team/code.git"
    assert facts["mlflow.source.git.repoURL"] == "https://example.org/team/code.git"


def test_detached_head_has_no_branch_and_a_repository_without_commits_no_commit(repository: Path, tmp_path: Path):
    git(repository, "checkout", "--quiet", "--detach")
    assert "azureml.git.branch" not in GitFacts(str(repository)).properties()
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet", "--initial-branch", "main")
    assert GitFacts(str(empty)).properties() == {"azureml.git.branch": "main", "mlflow.source.git.branch": "main"}


def test_folder_that_is_no_repository_has_no_facts(tmp_path: Path):
    assert GitFacts(str(tmp_path)).properties() == {}
    assert GitFacts(str(tmp_path / "missing")).properties() == {}


def test_without_git_there_are_the_facts_of_the_variables(monkeypatch: pytest.MonkeyPatch, repository: Path):
    monkeypatch.setenv("PATH", str(repository))
    monkeypatch.setenv("AZUREML_GIT_COMMIT", "4711")
    monkeypatch.setenv("AZUREML_GIT_BUILD_ID", "7")
    assert GitFacts(str(repository)).properties() == {
        "azureml.git.commit": "4711",
        "mlflow.source.git.commit": "4711",
        "azureml.git.build_id": "7",
    }


def test_git_starts_no_program_that_a_repository_names(repository: Path, tmp_path: Path):
    trace = tmp_path / "started"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {trace}\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(hook))
    assert GitFacts(str(repository)).properties()["azureml.git.branch"] == "main"
    assert not trace.exists()


class Trap:
    """A program that leaves a mark when somebody runs it."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "ran"
        self.program = folder / "trap"
        self.program.write_text(f"#!/bin/sh\ntouch {self.mark}\ncat\n")
        self.program.chmod(0o755)

    def __str__(self) -> str:
        return str(self.program)


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def change(folder: Path) -> None:
    """To the same size, so that git has to compare what is in it."""
    (folder / "source" / "train.py").write_text("drink()")


@pytest.mark.parametrize("name", ["evil", "a.b", 'quo"te', "sp ace", "a=b", "ünicode"])
@pytest.mark.parametrize("part", ["clean", "process"])
@pytest.mark.parametrize("place", ["--local", "--worktree", "included"])
def test_filter_of_the_repository_is_not_run(repository: Path, trap: Trap, name: str, part: str, place: str):
    (repository / ".git" / "info" / "attributes").write_text(f"*.py filter={'evil' if name != 'a.b' else name}\n")
    if place == "--worktree":
        git(repository, "config", "extensions.worktreeConfig", "true")
    file = repository / ".git" / "more"
    where = ["--file", str(file)] if place == "included" else [place]
    for each in {name, "evil"}:
        git(repository, "config", *where, f"filter.{each}.{part}", str(trap))
        git(repository, "config", *where, f"filter.{each}.required", "true")
    git(repository, "config", "include.path", str(file))
    change(repository)
    facts = GitFacts(str(repository / "source")).properties()
    assert not trap.mark.exists()
    assert facts.get("azureml.git.dirty") == ("True" if name != "a=b" else None)


@pytest.mark.parametrize(
    "setting", ["core.fsmonitor", "core.sshCommand", "core.pager", "core.askPass", "diff.external", "alias.status"]
)
def test_program_that_a_setting_names_is_not_run(repository: Path, trap: Trap, setting: str):
    git(repository, "config", setting, str(trap))
    change(repository)
    assert GitFacts(str(repository)).properties()["azureml.git.dirty"] == "True"
    assert not trap.mark.exists()


def test_hook_is_not_run(repository: Path, trap: Trap):
    git(repository, "config", "core.hooksPath", str(trap.program.parent))
    for hook in ("post-index-change", "fsmonitor-watchman", "pre-commit"):
        (trap.program.parent / hook).symlink_to(trap.program)
    change(repository)
    assert GitFacts(str(repository)).properties()["azureml.git.dirty"] == "True"
    assert not trap.mark.exists()


@pytest.mark.parametrize("url", ["ssh://host/repository", "ext::{}", "file:///repository", "{}::x"])
def test_missing_objects_are_not_fetched(repository: Path, trap: Trap, url: str):
    git(repository, "config", "core.repositoryFormatVersion", "1")
    git(repository, "config", "extensions.partialClone", "origin")
    for name, value in {"promisor": "true", "url": url.format(trap), "uploadpack": str(trap)}.items():
        git(repository, "config", f"remote.origin.{name}", value)
    for setting, value in {"core.sshCommand": str(trap), "protocol.allow": "always"}.items():
        git(repository, "config", setting, value)
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    (repository / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    change(repository)
    GitFacts(str(repository)).properties()
    assert not trap.mark.exists()


def test_submodules_own_settings_are_not_used(repository: Path, trap: Trap, tmp_path: Path):
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "--quiet", "--initial-branch", "main")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "part")
    git(outer, "commit", "--quiet", "--message", "first")
    inner = outer / "part"
    (inner / "source" / "train.py").write_text("drink()")
    git(inner, "config", "core.fsmonitor", str(trap))
    git(inner, "config", "filter.evil.clean", str(trap))
    (outer / ".git" / "modules" / "part" / "info" / "attributes").write_text("* filter=evil\n")
    assert GitFacts(str(outer)).properties()["azureml.git.branch"] == "main"
    assert not trap.mark.exists()


@pytest.mark.parametrize("branch", ["-x", "--upload-pack=x", "a;touch", "$(touch)", "ü", "a" * 200])
def test_odd_branch_is_a_name(repository: Path, branch: str):
    (repository / ".git" / "HEAD").write_text(f"ref: refs/heads/{branch}\n")
    assert GitFacts(str(repository)).properties().get("azureml.git.branch", branch) == branch
