"""Completion, in the shells themselves where they are there."""

import subprocess

import pytest

from terrazul.cli import completion, grammar
from terrazul.cli.main import COMMANDS, build_parser, main


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    program = (
        f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _terrazul; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    ended = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    return ended.stdout.split()


def test_bash_completes_commands_options_and_choices(capsys: pytest.CaptureFixture[str]):
    text = script("bash", capsys)
    assert set(COMMANDS) <= set(completed(text, "terrazul", ""))
    assert completed(text, "terrazul", "sta") == ["status"]
    assert "--foreground" in completed(text, "terrazul", "up", "--")
    assert completed(text, "terrazul", "status", "-o", "j") == ["json"]
    assert completed(text, "terrazul", "status", "--output", "json", "--que") == ["--query"]
    assert completed(text, "terrazul", "completion", "")[:3] == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_know_every_verb(shell: str, capsys: pytest.CaptureFixture[str]):
    text = script(shell, capsys)
    for verb in grammar.read(build_parser()).walk():
        assert not verb.path or verb.path[-1] in text


def test_each_shell_has_its_script():
    assert set(completion._SCRIPTS) == {"bash", "zsh", "fish"}
