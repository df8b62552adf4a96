"""How far a build has come, as what uv says tells it."""

from pathlib import Path

import pytest

from terrazul.node.environment import progress
from terrazul.node.environment.progress import Progress

SAID = """Using Python 3.11.7 environment at: e
Resolved 9 packages in 769ms
Downloading pandas (11.8MiB)
   Building gamma==1.0
 Downloaded pandas
      Built gamma==1.0
Prepared 9 packages in 707ms
Installed 9 packages in 69ms
 + certifi==2026.10.19
"""


def test_what_uv_says_becomes_what_is_being_done(tmp_path: Path):
    told: list[str] = []
    steps: list[tuple[str, str]] = []
    shown = Progress(tmp_path / "key", told.append, lambda *step: steps.append((step[0], step[2])))
    shown.enter(progress.RESOLVE, "resolves 2 requirements")
    for line in SAID.splitlines():
        shown.read(line)
    shown.leave()
    assert told == [
        "resolves 2 requirements",
        "fetches 9 packages",
        "downloads pandas (11.8MiB)",
        "downloads pandas (11.8MiB), compiles gamma==1.0",
        "compiles gamma==1.0",
        "installs 9 packages",
    ]
    assert steps == [(progress.RESOLVE, "9 packages"), (progress.FETCH, "9 packages"), (progress.INSTALL, "9 packages")]
    assert progress.of_builder(tmp_path / "key") == "installs 9 packages"
    shown.end()
    assert progress.of_builder(tmp_path / "key") == ""


def test_many_downloads_are_told_in_one_line(tmp_path: Path):
    told: list[str] = []
    shown = Progress(tmp_path / "key", told.append, lambda *_: None)
    for number in range(8):
        shown.read(f"Downloading package{number} (1.0MiB)")
    assert told[-1].endswith("downloads package4 (1.0MiB) and 3 more")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"doing": null}'])
def test_damaged_progress_of_another_is_no_progress(tmp_path: Path, content: str):
    (tmp_path / "key.progress").write_text(content)
    assert progress.of_builder(tmp_path / "key") in {"", "None"}
