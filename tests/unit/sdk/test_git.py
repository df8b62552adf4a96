"""Git facts as v1 records them."""

import subprocess
from pathlib import Path

import pytest

from terrazul.sdk.git import GitFacts


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "--quiet", "--message=first")
    return tmp_path


def test_clean_repository(repository: Path):
    git(repository, "remote", "add", "origin", "https://user:secret@example.org/x.git")
    commit = git(repository, "rev-parse", "HEAD")
    assert GitFacts(str(repository)).properties() == {
        "azureml.git.repository_uri": "https://example.org/x.git",
        "mlflow.source.git.repoURL": "https://example.org/x.git",
        "azureml.git.branch": "main",
        "mlflow.source.git.branch": "main",
        "azureml.git.commit": commit,
        "mlflow.source.git.commit": commit,
    }


def test_changed_and_new_files_make_it_dirty(repository: Path):
    (repository / "a.py").write_text("2")
    assert GitFacts(str(repository)).properties()["azureml.git.dirty"] == "True"
    git(repository, "checkout", "--quiet", ".")
    assert "azureml.git.dirty" not in GitFacts(str(repository)).properties()
    (repository / "new.py").write_text("2")
    assert GitFacts(str(repository)).properties()["azureml.git.dirty"] == "True"


def test_detached_head_has_no_branch(repository: Path):
    git(repository, "checkout", "--quiet", "--detach")
    facts = GitFacts(str(repository)).properties()
    assert "azureml.git.branch" not in facts
    assert "azureml.git.commit" in facts


def test_no_repository_and_no_commit(tmp_path: Path):
    assert GitFacts(str(tmp_path)).properties() == {}
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    assert GitFacts(str(tmp_path)).properties() == {"azureml.git.branch": "main", "mlflow.source.git.branch": "main"}


def test_variables_override(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZUREML_GIT_COMMIT", "abc")
    monkeypatch.setenv("AZUREML_GIT_BUILD_ID", "17")
    facts = GitFacts(str(repository)).properties()
    assert facts["azureml.git.commit"] == facts["mlflow.source.git.commit"] == "abc"
    assert facts["azureml.git.build_id"] == "17"
    assert facts["azureml.git.branch"] == "main"


def test_no_git_no_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert GitFacts(str(tmp_path)).properties() == {}
