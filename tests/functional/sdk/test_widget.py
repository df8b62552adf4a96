"""The view of a run, against a real server; notebooks are stood for by the two modules of IPython that it uses."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from terrazul import Environment, Experiment, Run, RunDetails, ScriptRunConfig, Workspace
from terrazul.core.errors import UserErrorException
from terrazul.sdk.offline_run import _OfflineRun
from terrazul.testing.server import RunningServer

SCRIPT = "from terrazul import Run\nrun = Run.get_context()\nprint('hello', flush=True)\nrun.log('alpha', 0.5)\n"


@pytest.fixture
def experiment(shared_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    for name, value in shared_server.environment.items():
        monkeypatch.setenv(name, value)
    return Experiment(Workspace("local", "tests", "widget"), "view")


class Notebook:
    """What IPython shows, and a notice of each change."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.changed = threading.Condition()

    def show(self, page: str) -> None:
        with self.changed:
            self.pages.append(page)
            self.changed.notify_all()

    def display(self, page: str, *, display_id: bool) -> SimpleNamespace:
        assert display_id
        self.show(page)
        return SimpleNamespace(update=self.show)

    def wait_for(self, text: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: text in self.pages[-1], timeout=20), self.pages[-1]


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    shown = Notebook()
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]  # a module made here
    display.display, display.HTML = shown.display, str  # type: ignore[attr-defined]  # as above
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    yield shown
    for thread in threading.enumerate():
        if thread.name.startswith("terrazul-view-"):
            thread.join(timeout=10)


def test_submitted_run_is_followed_as_text(experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = Environment("mine")
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = sys.executable
    run = experiment.submit(ScriptRunConfig(str(tmp_path), script="train.py", environment=environment))
    RunDetails(run).show()
    shown = capsys.readouterr().out
    assert shown.index(f"RunId: {run.id}") < shown.index("hello") < shown.index("State         Completed")
    assert "Metric alpha  0.5" in shown
    data = RunDetails(run).get_widget_data()
    assert data["status"] == "Completed"
    assert data["run_metrics"] == [{"name": "alpha", "run_id": run.id, "categories": [0], "series": [{"data": [0.5]}]}]
    assert "hello" in data["run_logs"]


def test_run_that_this_process_logs_is_shown_without_waiting(
    experiment: Experiment, capsys: pytest.CaptureFixture[str]
):
    with experiment.start_logging() as run:
        run.log("loss", 1)
        RunDetails(run).show(widget_settings={"debug": True})
        assert "State        Running" in capsys.readouterr().out


def test_notebook_shows_how_a_run_goes_on_until_it_ends(experiment: Experiment, notebook: Notebook):
    run: Run = experiment.start_logging()
    RunDetails(run).show()
    assert run.id in notebook.pages[0]
    run.log("loss", 2.5)
    notebook.wait_for("<td>loss</td><td>2.5</td>")
    run.complete()
    notebook.wait_for("<td>Completed</td>")


def test_finished_run_is_shown_once(experiment: Experiment, notebook: Notebook):
    run = experiment.start_logging()
    run.complete()
    RunDetails(run).show()
    assert len(notebook.pages) == 1
    assert "Completed" in notebook.pages[0]


def test_view_of_an_offline_run_is_refused():
    with pytest.raises(UserErrorException, match="not a run of a workspace"):
        RunDetails(_OfflineRun())
