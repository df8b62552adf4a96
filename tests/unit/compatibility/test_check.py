"""The check of a folder: scripts, notebooks and requirement files, whole and broken."""

import json
import os
from pathlib import Path

import pytest

from terrazul.compatibility.check import Finding, Report, check_folder
from terrazul.compatibility.source import SCRIPT_LIMIT
from terrazul.compatibility.status import Support
from terrazul.core.errors import InvalidInput


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def notebook(*cells: str) -> str:
    code = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["# Title"]}, *code]})


def names(report: Report) -> dict[str, list[str]]:
    return {use.name: use.places for use in report.uses}


def problems(report: Report) -> dict[str, str]:
    return {problem.path: problem.note for problem in report.problems}


def test_uses_are_found_with_their_lines_and_status(tmp_path: Path):
    script = (
        "from azureml.core import LinkedService, Workspace\n"
        "ws = Workspace.from_config()\nLinkedService(ws).unregister()\n"
    )
    write(tmp_path, "src/train.py", script)
    report = check_folder(str(tmp_path))
    assert names(report) == {"Workspace.from_config": ["2"], "LinkedService": ["3"], "LinkedService.unregister": ["3"]}
    assert {("LinkedService", "linked services"), ("LinkedService.unregister", "linked services")} <= {
        (use.name, use.note) for use in report.waiting()
    }
    assert report.stopped_programs() == ["src/train.py"]
    assert not report.all_works


def test_program_without_v1_works(tmp_path: Path):
    write(tmp_path, "train.py", "import json\nprint(json.dumps(1))\n")
    report = check_folder(str(tmp_path))
    assert report.all_works
    assert (report.programs, report.v1_programs) == (["train.py"], [])


def test_notebook_is_read_without_its_magics(tmp_path: Path):
    cells = [
        "%matplotlib inline\n!pip install x \\\n  y\nfiles = !ls\nfrom azureml.core import Workspace",
        "%%time\nws = Workspace.from_config()\nws?",
        "%%bash\necho not python (",
        "print('%d'\n      % 1)\nfor model in ws.models:\n    !echo {model}",
        "  run = ws.get_run('id')\n  run.cancel()",
    ]
    write(tmp_path, "n.ipynb", notebook(*cells))
    report = check_folder(str(tmp_path))
    assert names(report) == {
        "Workspace.from_config": ["cell 3:2"],
        "Workspace.models": ["cell 5:3"],
        "Workspace.get_run": ["cell 6:1"],
        "Run.cancel": ["cell 6:2"],
    }
    assert not report.problems


def test_script_that_a_notebook_writes_is_a_program_of_its_own(tmp_path: Path):
    script = "%%writefile $folder/train.py\nfrom azureml.core import Run\nRun.get_context().log('a', 1)\n"
    write(tmp_path, "n.ipynb", notebook(script, "%%writefile conda.yml\nname: x"))
    report = check_folder(str(tmp_path))
    assert report.programs == ["n.ipynb", "n.ipynb:$folder/train.py"]
    assert {use.path for use in report.uses} == {"n.ipynb:$folder/train.py"}
    assert names(report) == {"Run.get_context": ["cell 2:3"], "Run.log": ["cell 2:3"]}


def test_one_broken_cell_does_not_hide_the_others(tmp_path: Path):
    write(tmp_path, "n.ipynb", notebook("from azureml.core import Run", "f(<your name>)", "Run.get_context()"))
    report = check_folder(str(tmp_path))
    assert names(report) == {"Run.get_context": ["cell 4:1"]}
    assert [(problem.path, problem.places) for problem in report.problems] == [("n.ipynb", ["cell 3:1"])]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"cells": 3}', '{"cells": [3]}', '{"worksheets": [{}]}', "[" * 100_000],
)
def test_broken_notebook_is_named(tmp_path: Path, text: str):
    write(tmp_path, "n.ipynb", text)
    assert problems(check_folder(str(tmp_path))) == {"n.ipynb": "it is not a notebook, or a broken one"}


def test_old_notebook_format_is_read(tmp_path: Path):
    cell = {"cell_type": "code", "input": ["from azureml.core import Run\n", "Run.get_context()"]}
    write(tmp_path, "n.ipynb", json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}))
    assert names(check_folder(str(tmp_path))) == {"Run.get_context": ["cell 1:2"]}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("print 'hello'\n", "it is written for Python 2"),
        ("try:\n    pass\nexcept IOError, error:\n    pass\n", "it is written for Python 2"),
        ("def f(:\n", "it is not valid Python"),
        ("a\0b", "it "),
        ("(" * 5000 + ")" * 5000, "it "),
        ("# coding: no-such-encoding\n", "it cannot be read"),
        ("#" * (SCRIPT_LIMIT + 1), "it is larger than 2 MiB"),
    ],
)
def test_script_that_cannot_be_read_is_named(tmp_path: Path, text: str, problem: str):
    write(tmp_path, "s.py", text)
    assert problems(check_folder(str(tmp_path)))["s.py"].startswith(problem)


def test_bytes_that_are_no_text_are_named(tmp_path: Path):
    tmp_path.joinpath("s.py").write_bytes(b"\xff\xfe\x00")
    assert problems(check_folder(str(tmp_path)))["s.py"].startswith("it cannot be read")


def test_removed_names_are_found_with_their_pin(tmp_path: Path):
    script = """\
import numpy as np
import tensorflow as tf
from collections import Mapping, OrderedDict
from sklearn.externals import joblib
x = np.float(1) + np.float64(1)
session = tf.Session(config=tf.compat.v1.ConfigProto())
joblib.dump(x, "x")
"""
    write(tmp_path, "train.py", script)
    report = check_folder(str(tmp_path))
    assert {(trap.name, *trap.places) for trap in report.traps} == {
        ("collections.Mapping", "3"),
        ("sklearn.externals", "4", "7"),
        ("numpy.float", "5"),
        ("tensorflow.Session", "6"),
    }
    assert report.pins() == ["numpy<1.24", "python<3.10", "scikit-learn<0.23", "tensorflow<2"]


def test_removed_keyword_is_found(tmp_path: Path):
    write(tmp_path, "a.py", "import pandas as pd\npd.read_csv('x', error_bad_lines=False)\npd.read_csv('y')\n")
    assert [trap.name for trap in check_folder(str(tmp_path)).traps] == ["pandas.read_csv(error_bad_lines=…)"]


def test_requirement_files_tell_what_is_met_otherwise(tmp_path: Path):
    write(
        tmp_path, "conda.yml", "dependencies:\n- python=3.6.2\n- pip:\n  - azureml-defaults==1.0.60  # SDK\n  - numpy\n"
    )
    write(tmp_path, "requirements-dev.txt", "azureml-sdk[automl]\nscikit-learn==0.20\n# azureml-core\n")
    write(tmp_path, "pipeline.yml", "steps:\n- python=3.6\n")
    write(tmp_path, "new.yml", "dependencies:\n- python=3.10\n- python>=3.6\n")
    report = check_folder(str(tmp_path))
    assert [(found.path, found.places, found.name) for found in report.requirements] == [
        ("conda.yml", ["2"], "python=3.6.2"),
        ("conda.yml", ["4"], "azureml-defaults==1.0.60"),
        ("requirements-dev.txt", ["1"], "azureml-sdk[automl]"),
    ]
    assert report.all_works


def test_python_version_in_code_is_found(tmp_path: Path):
    script = """\
from azureml.core.conda_dependencies import CondaDependencies
CondaDependencies.create(python_version='3.6.2')
"""
    write(tmp_path, "a.py", script)
    found = check_folder(str(tmp_path)).requirements
    assert [(each.name, each.places) for each in found] == [("python=3.6.2", ["2"])]


def test_links_and_folders_of_tools_are_left_out(tmp_path: Path):
    folder = tmp_path / "code"
    write(folder, "a.py", "")
    write(folder, ".git/hook.py", "(")
    write(folder, "venv/pyvenv.cfg", "")
    write(folder, "venv/lib/x.py", "(")
    write(tmp_path, "outside/b.py", "(")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "out").symlink_to(tmp_path / "outside", target_is_directory=True)
    (folder / "file.py").symlink_to(tmp_path / "outside" / "b.py")
    os.mkfifo(folder / "pipe.py")
    assert check_folder(str(folder)).programs == ["a.py"]


def test_one_file_can_be_checked(tmp_path: Path):
    write(tmp_path, "a.py", "from azureml.core import Run\nRun.get_context()\n")
    assert check_folder(str(tmp_path / "a.py")).programs == ["a.py"]


def test_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(InvalidInput, match="There is no folder"):
        check_folder(str(tmp_path / "nowhere"))


def test_names_that_v1_does_not_have_are_told_apart(tmp_path: Path):
    script = "import azureml.train.rl\nfrom azureml.core import Wrokspace, Workspace\nWorkspace.from_config()._auth\n"
    write(tmp_path, "a.py", script)
    waiting = {use.name: use.note for use in check_folder(str(tmp_path)).waiting()}
    unknown = {"azureml.train.rl", "azureml.core.Wrokspace", "azureml.core.workspace.Workspace._auth"}
    assert {name for name in waiting if waiting[name] == "not in v1's public surface"} <= unknown
    assert unknown <= set(waiting)


def test_findings_are_plain_values(tmp_path: Path):
    write(tmp_path, "a.py", "import numpy\nnumpy.int\n")
    assert check_folder(str(tmp_path)).traps == [Finding("a.py", ["2"], "numpy.int", "numpy<1.24")]
    assert Support("works") is Support.WORKS
