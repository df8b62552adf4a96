"""``terrazul check`` at the command line: what is printed, and the exit code."""

import json
from pathlib import Path

import pytest

from terrazul.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.joinpath("good.py").write_text("import json\n")
    return tmp_path


def test_folder_in_which_all_works_is_good(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(folder)]) == 0
    assert "All run as they are." in capsys.readouterr().out


def test_what_does_not_work_is_told_by_cause_file_and_line(folder: Path, capsys: pytest.CaptureFixture[str]):
    uses = ["LinkedService.get(ws, 'd')", "np.int(1)", "LinkedService.get(ws, 'e')"]
    text = "\n".join(["from azureml.core import LinkedService", "import numpy as np", *uses])
    folder.joinpath("bad\x1b.py").write_text(text)
    assert main(["check", str(folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "1 run as they are, 1 do not." in lines
    start = lines.index("Not yet there: linked services")
    assert lines[start + 1 : start + 3] == ["  bad\\x1b.py", "    3, 5: LinkedService.get"]
    assert "Removed from a newer library; set the pin numpy<1.24" in lines


def test_programs_get_everything(folder: Path, capsys: pytest.CaptureFixture[str]):
    folder.joinpath("bad.py").write_text("from azureml.core import LinkedService\nLinkedService.get(ws, 'd')\n")
    assert main(["check", str(folder), "-o", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["stopped_programs"] == ["bad.py"]
    assert report["uses"] == [
        {
            "path": "bad.py",
            "places": ["2"],
            "name": "LinkedService.get",
            "note": "linked services",
            "support": "not yet",
        }
    ]


def test_folder_that_is_not_there_is_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(folder / "nowhere")]) == 2
    assert "There is no folder" in capsys.readouterr().err
