"""How far types are followed through a program that is read, not run."""

import ast

import pytest

from terrazul.compatibility import known_types, surface
from terrazul.compatibility.scan import Scanner


def uses(program: str) -> set[str]:
    scanner = Scanner()
    scanner.scan(ast.parse(program), str)
    scanner.finish()
    return {f"{home.rpartition('.')[2]}.{member}" for home, member in scanner.uses if member} - {"Run.get_context"}


RUN = "from azureml.core import Run\n"
CORE = "from azureml.core import Experiment, Model, Run, Workspace\n"


@pytest.mark.parametrize(
    "program",
    [
        RUN + "r = Run.get_context()\nr.log('a', 1)",
        RUN + "r: Run = make()\nr.log('a', 1)",
        RUN + "r: 'Run' = make()\nr.log('a', 1)",
        RUN + "def f(r: Run): r.log('a', 1)",
        RUN + "def f(r): r.log('a', 1)\nf(Run.get_context())",
        RUN + "def f(): return Run.get_context()\nf().log('a', 1)",
        RUN + "def f() -> Run: return make()\nf().log('a', 1)",
        RUN + "from typing import Optional\ndef f(r: Optional[Run] = None): r.log('a', 1)",
        RUN + "def f(r: Run | None): r.log('a', 1)",
        RUN + "run.log('a', 1)",
        RUN + "class A:\n    def __init__(self):\n        self.r = Run.get_context()\n"
        "    def f(self):\n        self.r.log('a', 1)",
        RUN + "(Run.get_context() if x else None).log('a', 1)",
        RUN + "if (r := Run.get_context()): r.log('a', 1)",
        RUN + "r = x or Run.get_context()\nr.log('a', 1)",
        RUN + "async def f(): (await g(Run.get_context())).x\nf = lambda: Run.get_context().log('a', 1)",
        "import azureml.core\nazureml.core.Run.get_context().log('a', 1)",
        "import azureml.core as aml\naml.run.Run.get_context().log('a', 1)",
        "from azureml import core\ncore.Run.get_context().log('a', 1)",
        "from azureml.core import *\nRun.get_context().log('a', 1)",
        "from azureml.core.run import Run as R\nR.get_context().log('a', 1)",
    ],
)
def test_run_is_followed(program: str):
    assert uses(program) == {"Run.log"}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("for r in exp.get_runs(): r.id", {"Experiment.get_runs", "Run.id"}),
        ("next(exp.get_runs()).id", {"Experiment.get_runs", "Run.id"}),
        ("list(exp.get_runs())[0].id", {"Experiment.get_runs", "Run.id"}),
        ("[r.id for r in exp.get_runs()]", {"Experiment.get_runs", "Run.id"}),
        ("for i, r in enumerate(exp.get_runs()): r.id", {"Experiment.get_runs", "Run.id"}),
        ("for name, m in ws.models.items(): m.version", {"Workspace.models", "Model.version"}),
        ("for m in ws.models.values(): m.version", {"Workspace.models", "Model.version"}),
        ("for name in ws.models: name.version", {"Workspace.models"}),
        ("ws.models['x'].version", {"Workspace.models", "Model.version"}),
        ("with exp.start_logging() as r: r.log('a', 1)", {"Experiment.start_logging", "Run.log"}),
        ("Model.Framework.SCIKITLEARN", {"Model.Framework"}),
        ("ws.name = 'x'", {"Workspace.name"}),
        ("a, b = exp.get_runs()\na.id", {"Experiment.get_runs", "Run.id"}),
    ],
)
def test_collections_are_followed(program: str, expected: set[str]):
    assert uses(CORE + program) == expected


@pytest.mark.parametrize(
    ("configuration", "member"),
    [
        ("ScriptRunConfig", "ScriptRun.cancel"),
        ("HyperDriveConfig", "HyperDriveRun.cancel"),
        ("Pipeline", "PipelineRun.cancel"),
    ],
)
def test_submit_gives_the_run_of_its_configuration(configuration: str, member: str):
    imports = (
        "from azureml.core import ScriptRunConfig\nfrom azureml.train.hyperdrive import HyperDriveConfig\n"
        "from azureml.pipeline.core import Pipeline\n"
    )
    assert member in uses(f"{CORE}{imports}config = {configuration}()\nexp.submit(config).cancel()")


def test_member_of_an_heir_is_found_on_a_value_of_its_base():
    program = "from azureml.core import Dataset\nDataset.get_by_name(ws, 'x').to_pandas_dataframe()"
    assert uses(program) == {"Dataset.get_by_name", "TabularDataset.to_pandas_dataframe"}


def test_guess_reports_only_what_v1_has():
    scanner = Scanner()
    scanner.scan(ast.parse("import azureml.core\nimport mlflow\nrun = mlflow.start_run()\nrun.info"), str)
    assert not scanner.unknown
    assert not scanner.uses


def test_name_alone_is_no_hint_in_a_program_without_v1():
    assert uses("run.log('a', 1)") == set()


def test_own_class_on_a_v1_class_may_have_more_members():
    scanner = Scanner()
    scanner.scan(ast.parse(RUN + "class Mine(Run):\n    pass\nm = Mine()\nm.extra()\nm.log('a', 1)"), str)
    assert not scanner.unknown
    assert ("azureml.core.run.Run", "log") in scanner.uses


def test_recursion_of_the_program_ends():
    assert uses(RUN + "def f(r):\n    f(r)\n    r.log('a', 1)\nf(Run.get_context())") == {"Run.log"}


def test_known_types_name_members_and_classes_of_the_surface():
    for owner, types in known_types._GIVES.items():
        members = {name for facts in surface.lineage(known_types.home_of(owner)) for name in facts.members}
        given = {name for names in types.values() for name in names.split()}
        assert given <= members, f"{owner} has no {given - members}"
        assert all(known_types.home_of(gives.strip("?[]{}()")) for gives in types if gives != "-")
