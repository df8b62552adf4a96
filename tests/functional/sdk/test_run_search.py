"""Searching runs as users of the SDK do."""

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.sdk.experiment import Experiment
from terrazul.sdk.run import Run
from terrazul.sdk.workspace import Workspace

pytestmark = pytest.mark.each_database


@pytest.fixture
def scores(experiment: Experiment) -> list[str]:
    """The ids of runs that measured 0, 1, 2 …"""
    ids = []
    for number in range(5):
        run = experiment.start_logging(tags={"team": "ab"[number % 2]})
        run.log("score", number)
        run.complete()
        ids.append(run.id)
    return ids


def test_runs_are_found_by_what_they_measured(workspace: Workspace, experiment: Experiment, scores: list[str]):
    found = list(
        workspace.search_runs(
            "metric.score > 1 AND NOT tag.team = 'b'", "metric.score", experiment_names=experiment.name
        )
    )
    assert [run.id for run in found] == [scores[2], scores[4]]
    assert isinstance(found[0], Run)
    assert found[0].get_metrics() == {"score": 2}
    best = workspace.search_runs(order_by=["metric.score DESC"], experiment_names=[experiment.name], max_results=2)
    assert [run.id for run in best] == [scores[4], scores[3]]
    assert list(workspace.search_runs("metric.score > 100")) == []
    assert list(workspace.search_runs(max_results=0)) == []


def test_more_runs_than_a_page_holds_come_as_they_are_asked_for(workspace: Workspace, experiment: Experiment):
    parent = experiment.start_logging()
    ids = [parent.id, *(parent.child_run().id for _ in range(120))]
    parent.flush()
    found = workspace.search_runs(f"experiment = '{experiment.name}'", "created")
    assert next(found).id == ids[0]
    assert {run.id for run in workspace.search_runs(experiment_names=experiment.name)} == set(ids)
    assert len(list(workspace.search_runs(experiment_names=experiment.name, max_results=110))) == 110


def test_a_filter_that_cannot_be_read_is_told_with_its_place(workspace: Workspace):
    with pytest.raises(InvalidInput, match="position 16: expected a number"):
        list(workspace.search_runs("metric.score > 'a'"))
    with pytest.raises(InvalidInput, match="order_by holds something that is no text"):
        workspace.search_runs(order_by=[1])  # type: ignore[list-item]  # the mistake
