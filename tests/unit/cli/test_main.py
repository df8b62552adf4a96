"""Finding the verb, and telling errors."""

import subprocess
import sys
from pathlib import Path

import pytest

from terrazul.cli import grammar
from terrazul.cli.main import COMMANDS, build_parser, main


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 2
    printed = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert name in printed
        assert command.summary[:40] in " ".join(printed.split())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["statsu"], "error: There is no command 'statsu'. Did you mean `status`?"),
        (["qqq"], "error: There is no command 'qqq'. See `terrazul --help`."),
        (["status", "-o", "jsn"], "error: 'jsn' is not one of: table, json, yaml, tsv. Did you mean `json`?"),
        (["status", "--hom"], "error: Argument --home: expected one argument. See `terrazul status --help`."),
        (["status", "--nonsense"], "error: Unrecognized arguments: --nonsense. See `terrazul --help`."),
    ],
)
def test_wrong_line_is_told_in_one_sentence(capsys: pytest.CaptureFixture[str], line: list[str], told: str):
    assert main(line) == 2
    assert capsys.readouterr().err.strip() == told


def test_debug_shows_where_an_error_comes_from(capsys: pytest.CaptureFixture[str]):
    assert main(["--debug", "status", "-o", "nothing"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_every_command_has_the_word_it_is_known_by():
    root = grammar.read(build_parser())
    assert [verb.path for verb in root.verbs] == [(name,) for name in COMMANDS]


def test_a_call_imports_only_what_its_verb_needs():
    program = (
        "import sys; from terrazul.cli.main import main; main(['status', '--home', '/nowhere']);"
        "print([name for name in sys.modules if name.startswith('terrazul.')])"
    )
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "terrazul.cli.status" in imported
    for unwanted in ("terrazul.cli.doctor", "terrazul.cli.completion", "terrazul.server", "terrazul.sdk.workspace"):
        assert unwanted not in imported


def test_nothing_third_party_and_nothing_that_only_posix_has_is_imported():
    source = Path(main.__code__.co_filename).parent
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['fcntl', 'pwd', 'grp', 'resource', 'termios'], None));"
        "from terrazul.cli.main import COMMANDS, build_parser; build_parser();"
        "print([name for name, module in sys.modules.items()"
        " if 'site-packages' in (getattr(module, '__file__', '') or '') and not name.startswith(('terrazul', '_'))])"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=source)
    assert (ended.stdout, ended.stderr) == ("[]\n", "")
