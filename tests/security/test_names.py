"""Names, arguments and files of users are data: none is taken for an option, a command or a program of ours."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.core.errors import TerrazulError
from terrazul.sdk import yaml_text
from terrazul.sdk.run_configuration import RunConfiguration
from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter

from .conftest import Victim

NAMES = [
    "--help", "-x", "$(touch pwned)", "`touch pwned`", "; touch pwned", "| touch pwned", "&& touch pwned",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "${HOME}", "%s%n", "=cmd|'/c calc'!A0",
    "' OR 1=1 --", "\u202egpj.exe", "name\twith\ttabs", "*", "~", "--upload-pack=touch pwned", "@file", "-",
]  # fmt: skip
MODULES = [
    "sitecustomize", "usercustomize", "terrazul", "azureml", "json", "os", "site", "socket", "encodings", "psutil",
    "msgspec", "uv", "runner", "yaml", "http", "logging",
]  # fmt: skip
"""What somebody could put into a folder so that a program of ours imports it."""


@pytest.fixture
def pwned() -> Iterator[None]:
    """No file of that name comes about, wherever the tests run."""
    yield
    assert not Path("pwned").exists()


def test_script_gets_its_arguments_and_variables_as_they_were_given(
    platform: RunningServer, submit: Submitter, pwned: None
):
    assert pwned is None
    variables = {f"NAME_{number}": name for number, name in enumerate(NAMES)} | {"-x": "y", "$(touch pwned)": "z"}
    arguments = [*NAMES, "", " ", "\n", "a\nb", "ü", "💥"]
    script = "import json, os, sys\njson.dump([sys.argv[1:], dict(os.environ)], open('outputs/seen.json', 'w'))\n"
    run = submit(script, arguments=arguments, environment_variables=variables)
    assert run.wait()["state"] == "Completed", run.get()["error"]
    seen, environment = json.loads(run.file("outputs/seen.json"))
    assert seen == arguments
    assert variables.items() <= environment.items()
    assert not list(platform.home.path.rglob("pwned"))


@pytest.mark.parametrize("name", NAMES)
def test_name_comes_back_as_it_was_given(platform: RunningServer, neighbour: Victim, name: str):
    """As JSON, of every thing that has a name, or it is refused for what it is."""
    workspace = neighbour.workspace
    plain = not any(ord(each) < 32 for each in name)
    answer = platform.ask("POST", f"{workspace}/experiments", json.dumps({"name": name, "tags": {name: name}}).encode())
    assert answer.status == (200 if plain else 400), answer
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if plain:
        made = json.loads(answer.body)
        assert (made["name"], made["tags"]) == (name, {name: name})
        found = [each["name"] for each in platform.call("GET", f"{workspace}/experiments")]
        assert name in found
        platform.call("DELETE", f"{workspace}/experiments/{made['experiment_id']}")
    environment = platform.ask("POST", f"{workspace}/environments", json.dumps({"name": name}).encode())
    assert environment.status == 400


@pytest.mark.parametrize(
    "definition",
    [
        {"script": "-c", "command": ["true"]},
        {"arguments": ["a\0b"]},
        {"environment_variables": {"A=B": "x"}},
        {"environment_variables": {"": "x"}},
        {"environment_variables": {"A\0": "x"}},
        {"environment_variables": {"A": "x\0"}},
        {"environment": {"user_managed": True, "environment_variables": {"A=B": "x"}}},
        {"environment": {"user_managed": True, "interpreter_path": "python\0"}},
        {"command": ["\0"], "script": ""},
        {"target": "../local"},
        {"target": "--help"},
        {"node_count": 2},
        {"max_run_duration_seconds": -1},
        {"max_run_duration_seconds": 10**30},
    ],
    ids=str,
)
def test_definition_that_no_process_can_have_is_refused_at_once(
    platform: RunningServer, neighbour: Victim, definition: dict[str, object]
):
    body = {
        "run_id": "impossible",
        "experiment_name": "e",
        "snapshot_id": neighbour.snapshot_id,
        "definition": {"script": "train.py", **definition},
    }
    answer = platform.ask("POST", f"{neighbour.workspace}/runs", json.dumps(body).encode())
    assert answer.status in {400, 404}, answer
    assert json.loads(answer.body)["message"]


def test_arguments_beyond_what_the_system_passes_are_told_as_such(submit: Submitter):
    run = submit("print('never')", arguments=["x" * 1000] * 5000)
    error = run.wait()["error"]
    assert (error["code"], "longer than this system passes" in error["message"]) == ("UserError", True)


def traps_in(folder: Path) -> Path:
    """Modules that leave a mark when they are imported; the mark's file."""
    mark = folder.parent / "imported"
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r} + '\\n')\n")
    return mark


def test_modules_of_a_snapshot_are_imported_by_no_program_of_ours(submit: Submitter, tmp_path: Path):
    (tmp_path / "snapshot").mkdir()
    mark = traps_in(tmp_path / "snapshot")
    files = {file.name: file.read_bytes() for file in (tmp_path / "snapshot").iterdir()}
    run = submit("print('mine')", files=files)
    assert run.wait()["state"] == "Completed", run.log()
    assert run.log() == "mine\n"
    assert not mark.exists()


def test_modules_of_the_current_folder_are_imported_by_no_program_of_ours(tmp_path: Path):
    """By the command line, the server that it starts, and the runner which that starts."""
    folder = tmp_path / "project"
    folder.mkdir()
    terrazul = str(Path(sys.executable).with_name("terrazul"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TERRAZUL_", "PYTHON"))}
    environment = {**kept, "TERRAZUL_HOME": str(tmp_path / "home"), "TERRAZUL_PORT": "0"}
    mark = traps_in(folder)
    (folder / "train.py").write_text("print('mine')\n")

    def call(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [terrazul, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    try:
        for words in (["up"], ["folder", "attach", "-w", "research"], ["status"], ["doctor"], ["check", "."]):
            ended = call(*words)
            assert "Traceback" not in ended.stderr, ended.stderr
        ended = call("run", "submit-script", "-c", "local", "train.py")
        assert (ended.returncode, "mine" in ended.stdout) == (0, True), ended.stderr
    finally:
        call("down")
    assert not mark.exists(), mark.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "script: !!python/object/new:os.system ['touch pwned']",
        "a: &a [x, x]\nb: &b [*a, *a]\n" + "\n".join(f"c{n}: &c{n} [*b, *b, *b]" for n in range(50)),
        "{" * 5000 + "}" * 5000,
        "[" * 5000,
        "- " * 5000 + "x",
        "a: |\n" + " x\n" * 100_000,
        "? " * 1000,
        "%YAML 9.9\n---\n" + "---\n" * 1000,
    ],
    ids=["object", "tag", "aliases", "braces", "brackets", "dashes", "block", "questions", "documents"],
)
def test_run_configuration_is_read_as_data(tmp_path: Path, text: str, pwned: None):
    assert pwned is None
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "evil.runconfig").write_text(text)
    begin = time.monotonic()
    with contextlib.suppress(TerrazulError):
        RunConfiguration.load(str(tmp_path), "evil")
    assert time.monotonic() - begin < 5
    assert not list(tmp_path.rglob("pwned"))


def test_yaml_keeps_what_looks_like_code_as_text():
    assert yaml_text.load("a: $(touch pwned)\nb: '!!python/x'\n") == {"a": "$(touch pwned)", "b": "!!python/x"}
