"""Experiments and finding runs."""

import pytest

from azureml.core import Experiment as V1Experiment
from terrazul.core.errors import Conflict, InvalidInput, UserErrorException
from terrazul.sdk import run as run_module
from terrazul.sdk.experiment import Experiment, ViewType
from terrazul.sdk.run import Run, ScriptRun, get_run
from terrazul.sdk.workspace import Workspace


def test_the_same_name_is_the_same_experiment(experiment: Experiment, workspace: Workspace):
    assert Experiment(workspace, experiment.name).id == experiment.id
    assert experiment.name in repr(experiment)
    assert "<table" in experiment._repr_html_()


@pytest.mark.parametrize("name", ["", "a//b", "line\nbreak", "x" * 501])
def test_other_names_are_refused(workspace: Workspace, name: str):
    with pytest.raises(InvalidInput, match="experiment name"):
        Experiment(workspace, name)


@pytest.mark.parametrize("name", ["vision/cats", "two words", "-x", "x" * 256])
def test_v1_refuses_names_that_terrazul_takes(workspace: Workspace, name: str):
    experiment = Experiment(workspace, name)
    with pytest.raises(InvalidInput, match="not valid in v1"):
        V1Experiment(workspace, name)
    assert isinstance(experiment, V1Experiment)
    assert V1Experiment(workspace, "as-v1_has_it").name == "as-v1_has_it"
    assert isinstance(V1Experiment(workspace, name="other"), Experiment)


def test_what_is_no_workspace_or_no_name_is_told(workspace: Workspace):
    with pytest.raises(InvalidInput, match="was given None and 'x'"):
        Experiment(None, "x")  # type: ignore[arg-type]  # the slip is the point
    with pytest.raises(InvalidInput, match="was given 'x' and Workspace"):
        Experiment("x", workspace)  # type: ignore[arg-type]  # the slip is the point


def test_tags_and_archive(experiment: Experiment, workspace: Workspace):
    experiment.set_tags({"a": 1, "b": None})
    experiment.tag("c")
    experiment.remove_tags(["b"])
    assert Experiment(workspace, experiment.name).tags == {"a": "1", "c": ""}
    assert [each.name for each in Experiment.list(workspace, tags={"a": "1"})] == [experiment.name]
    experiment.archive()
    assert experiment.archived_time is not None
    assert experiment.name not in workspace.experiments
    archived = Experiment.list(workspace, view_type=ViewType.ArchivedOnly)
    assert [each.id for each in archived] == [experiment.id]
    experiment.reactivate("another-name")
    assert workspace.experiments["another-name"].id == experiment.id


def test_only_an_empty_experiment_is_deleted(experiment: Experiment, workspace: Workspace):
    experiment.start_logging().complete()
    with pytest.raises(Conflict, match="has 1 runs"):
        Experiment.delete(workspace, experiment.id)
    empty = Experiment(workspace, "empty")
    Experiment.delete(workspace, empty.id)
    assert "empty" not in workspace.experiments


def test_runs_come_newest_first_and_page_by_page(experiment: Experiment):
    parent = experiment.start_logging()
    children = parent.create_children(count=130)
    parent.flush()
    numbers = [run.number for run in experiment.get_runs(include_children=True)]
    assert numbers == list(range(131, 0, -1))
    assert [run.id for run in experiment.get_runs()] == [parent.id]
    assert {run.id for run in parent.get_children()} == {run.id for run in children}


def test_runs_are_filtered(experiment: Experiment):
    first = experiment.start_logging()
    first.tag("kind", "a")
    first.add_properties({"p": "1"})
    second = experiment.start_logging(tags={"kind": "b"})
    second.complete()
    found = {
        "tag": experiment.get_runs(tags={"kind": "a"}),
        "key": experiment.get_runs(tags="kind"),
        "property": experiment.get_runs(properties={"p": "1"}),
        "type": experiment.get_runs(type="azureml.scriptrun"),
        "status": Run.list(experiment, status="Completed"),
    }
    assert {name: [run.id for run in runs] for name, runs in found.items()} == {
        "tag": [first.id],
        "key": [second.id, first.id],
        "property": [first.id],
        "type": [],
        "status": [second.id],
    }


def test_run_of_an_id(experiment: Experiment, workspace: Workspace):
    run = experiment.start_logging(run_id="my-run", display_name="mine")
    assert workspace.get_run("my-run").display_name == "mine"
    assert Run(experiment, "my-run").id == get_run(experiment, "my-run").id == run.id
    for unknown in (
        lambda: Run(experiment, "nope"),
        lambda: workspace.get_run("nope"),
        lambda: get_run(experiment, "nope"),
    ):
        with pytest.raises(UserErrorException, match="no run 'nope'"):
            unknown()
    with pytest.raises(UserErrorException, match="already"):
        experiment.start_logging(run_id="my-run")


def test_types_are_made_by_their_providers(experiment: Experiment, workspace: Workspace):
    class Special(Run):
        pass

    run = experiment.start_logging()
    assert type(workspace.get_run(run.id)) is Run
    Run.add_type_provider("", lambda of, record: Special(of, record.run_id, _record=record))
    try:
        assert type(workspace.get_run(run.id)) is Special
    finally:
        run_module._factories.pop("")
    assert not isinstance(run, ScriptRun)


def test_what_cannot_be_submitted_is_told(experiment: Experiment):
    with pytest.raises(UserErrorException, match="int cannot be submitted"):
        experiment.submit(5)  # type: ignore[arg-type]  # the slip is the point
    with pytest.raises(TypeError, match="unexpected keyword argument 'nam'"):
        experiment.start_logging(nam="x")
