"""The forms of an answer."""

import argparse
import json
import sys
from typing import Any, Optional

import pytest

from terrazul.cli.command import UsageError
from terrazul.cli.output import Column, show, tell_error
from terrazul.core.errors import NotFound

RUNS = [
    {"run_id": "a_1", "state": "Completed", "tags": {"quality": "good"}, "nested": {"deep": 1.5}},
    {"run_id": "模型", "state": "Failed", "tags": {}, "nested": {}},
]
COLUMNS = (Column("run", "run_id"), Column("state", "state"), Column("deep", "nested.deep"))


def asked(output: str = "table", query: Optional[str] = None) -> argparse.Namespace:
    return argparse.Namespace(output=output, query=query)


def shown(capsys: pytest.CaptureFixture[str], value: Any, output: str = "table", query: Optional[str] = None) -> str:
    show(asked(output, query), value, COLUMNS, nothing="No runs.")
    return capsys.readouterr().out


def test_table_is_aligned_by_columns_of_the_terminal(capsys: pytest.CaptureFixture[str]):
    assert shown(capsys, RUNS).splitlines() == [
        "run   state      deep",
        "a_1   Completed  1.5",
        "模型  Failed     -",
    ]


def test_one_thing_is_a_list_of_what_it_has(capsys: pytest.CaptureFixture[str]):
    assert shown(capsys, RUNS[1]).splitlines() == ["run    模型", "state  Failed"]


def test_programs_get_everything(capsys: pytest.CaptureFixture[str]):
    assert json.loads(shown(capsys, RUNS, "json")) == RUNS
    assert "quality: good" in shown(capsys, RUNS, "yaml")


def test_tab_separated_has_no_titles_and_no_stray_tabs(capsys: pytest.CaptureFixture[str]):
    assert shown(capsys, [{"run_id": "a\tb\nc", "state": None}], "tsv") == "a\\tb\\nc\t\t\n"


@pytest.mark.parametrize(
    ("query", "output", "printed"),
    [
        ("[?state=='Failed'].run_id", "tsv", "模型\n"),
        ("[0].run_id", "json", '"a_1"\n'),
        ("[].{id: run_id, quality: tags.quality}", "table", "id    quality\na_1   good\n模型  -\n"),
        ("[0].[run_id, state]", "tsv", "a_1\nCompleted\n"),
        ("[].[run_id, state]", "tsv", "a_1\tCompleted\n模型\tFailed\n"),
        ("length(@)", "table", "2\n"),
        ("[5]", "table", ""),
    ],
)
def test_query_selects(capsys: pytest.CaptureFixture[str], query: str, output: str, printed: str):
    assert shown(capsys, RUNS, output, query) == printed


def test_query_that_is_wrong_is_told(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(UsageError, match="cannot be used"):
        shown(capsys, RUNS, query="[?")


def test_empty_table_says_so_beside_the_answer(capsys: pytest.CaptureFixture[str]):
    show(asked(), [], COLUMNS, nothing="No runs.")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "No runs.\n")


def test_terminal_gets_colours_and_a_table_that_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    rows = [{"run_id": "a-very-long-name-of-a-run", "state": "Failed"}]
    show(asked(), rows, COLUMNS[:2])
    line = capsys.readouterr().out.splitlines()[1]
    assert line == "a-very-long-nam…  \033[31mFailed\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    show(asked(), rows, COLUMNS[:2])
    assert "\033" not in capsys.readouterr().out


def test_error_is_one_paragraph_with_the_next_step(capsys: pytest.CaptureFixture[str]):
    tell_error(NotFound("There is no run 'x\x1b'.", hint="See `terrazul run list`."))
    assert capsys.readouterr().err == "error: There is no run 'x\\x1b'. See `terrazul run list`.\n"
