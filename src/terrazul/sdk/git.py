"""Facts of the git repository in which a source directory lies, as v1 records them with a run."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from typing import Dict, Optional, Set
from urllib.parse import urlsplit, urlunsplit

_TIMEOUT_SECONDS = 10
_REPOSITORY = ("azureml.git.repository_uri", "mlflow.source.git.repoURL")
_BRANCH = ("azureml.git.branch", "mlflow.source.git.branch")
_COMMIT = ("azureml.git.commit", "mlflow.source.git.commit")
_DIRTY = ("azureml.git.dirty",)
_VARIABLES = {
    "AZUREML_GIT_REPOSITORY_URI": _REPOSITORY,
    "AZUREML_GIT_BRANCH": _BRANCH,
    "AZUREML_GIT_COMMIT": _COMMIT,
    "AZUREML_GIT_DIRTY": _DIRTY,
    "AZUREML_GIT_BUILD_ID": ("azureml.git.build_id",),
    "AZUREML_GIT_BUILD_URI": ("azureml.git.build_uri",),
}
_STATUS_OPTIONS = ("--porcelain=v2", "--branch", "--no-renames", "--ignore-submodules=dirty")
"""What is not committed inside a submodule is not looked for: git would do so by the submodule's own configuration."""
_NO_FILTER = ("clean=", "process=", "required=false")
_OFFLINE = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1"}
"""A repository may lack objects and name a program that fetches them."""
_HEADER = re.compile(r"# branch\.(oid|head) (.*)")


class GitFacts:
    """Reads the facts beside other work: it starts with the object, ``properties`` waits for it."""

    def __init__(self, folder: str) -> None:
        self._facts: Dict[str, str] = {}
        self._reader = threading.Thread(target=self._read, args=(folder,), name="terrazul-git", daemon=True)
        self._reader.start()

    def properties(self) -> Dict[str, str]:
        """v1's properties; none outside of a repository. Variables such as ``AZUREML_GIT_COMMIT`` override."""
        self._reader.join()
        facts = dict(self._facts)
        for variable, names in _VARIABLES.items():
            if os.environ.get(variable):
                facts.update(dict.fromkeys(names, os.environ[variable]))
        return facts

    def _read(self, folder: str) -> None:
        filters = _filters_of(folder)
        if any("=" in name for name in filters):
            return  # a name that could not be switched off
        switched_off = [word for name in filters for part in _NO_FILTER for word in ("-c", f"{name}.{part}")]
        status = _output(folder, *switched_off, "status", *_STATUS_OPTIONS, ".")
        if status is not None:
            remote = _output(folder, "config", "--get", "remote.origin.url")
            self._facts = _facts_of(status, (remote or "").strip())


def _filters_of(folder: str) -> Set[str]:
    """The filters that the repository itself defines: programs that git would run on files to compare them."""
    found: Set[str] = set()
    for scope in ("--local", "--worktree"):
        listed = _output(folder, "config", scope, "--includes", "--null", "--name-only", "--get-regexp", "^filter[.]")
        found.update(name.rpartition(".")[0] for name in (listed or "").split("\0") if name)
    return found


def _facts_of(status: str, remote: str) -> Dict[str, str]:
    lines = status.splitlines()
    headers = {match[1]: match[2] for match in map(_HEADER.match, lines) if match}
    branch, commit = headers.get("head", ""), headers.get("oid", "")
    facts = dict.fromkeys(_REPOSITORY, _without_password(remote)) if remote else {}
    if branch and branch != "(detached)":
        facts.update(dict.fromkeys(_BRANCH, branch))
    if commit and commit != "(initial)":
        facts.update(dict.fromkeys(_COMMIT, commit))
    if any(line and not line.startswith("#") for line in lines):
        facts.update(dict.fromkeys(_DIRTY, "True"))
    return facts


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    if not parts.scheme or "@" not in parts.netloc:
        return address
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _output(folder: str, *arguments: str) -> Optional[str]:
    """What a git command said; ``None`` where it failed or took too long. It starts no program of the repository's."""
    command = ["git", "-C", folder, "--no-optional-locks", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_OFFLINE},
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # no git here, no repository, or no answer
        return None
    return done.stdout.decode("utf-8", "replace")
