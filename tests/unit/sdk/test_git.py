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
