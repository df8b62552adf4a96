"""Every command that the documents and the messages name exists, with the options they give it."""

import re
from pathlib import Path

import pytest

from terrazul.cli import grammar
from terrazul.cli.main import build_parser

ROOT = Path(__file__).parents[3]
VERBS = {verb.path: verb for verb in grammar.read(build_parser()).walk()}
_NAMED = re.compile(r"(?:^|`|<\(|: )terrazul ([a-z][^`\n#)]*)", re.MULTILINE)
_FOREIGN = re.compile(r" SCRIPT | \w+\.py ")


def named_commands() -> list[tuple[str, str]]:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    sources = [*ROOT.glob("src/terrazul/**/*.py"), *ROOT.glob("examples/**/*.py")]
    return sorted({
        (str(file.relative_to(ROOT)), command.strip())
        for file in [*pages, *sources]
        for command in _NAMED.findall(file.read_text(encoding="utf-8"))
    })  # fmt: skip


def test_commands_are_found_at_all():
    assert ("README.md", "status") in named_commands()


@pytest.mark.parametrize(("file", "command"), named_commands())
def test_named_command_exists(file: str, command: str):
    words = _FOREIGN.split(f"{command} ")[0].split()
    path: tuple[str, ...] = ()
    while words and (*path, words[0]) in VERBS:
        path = (*path, words.pop(0))
    assert path, f"{file} names `terrazul {command}`"
    verb = VERBS[path]
    assert not (verb.verbs and words), f"{file} names `terrazul {command}`"
    flags = {flag for option in verb.options for flag in option.flags}
    assert {word for word in words if word.startswith("-")} <= flags, f"{file} names `terrazul {command}`"
