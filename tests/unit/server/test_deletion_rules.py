"""What must hold of deletions, and the folders of experiments."""

import pytest

from terrazul.core.errors import Conflict, InvalidInput
from terrazul.server.deletion.rules import SoftRun, check_selection, purgeable, refuse
from terrazul.server.experiment.rules import folders_in
from terrazul.wire.deletion import DeletionHindrance, Selection
from terrazul.wire.experiment import Experiment


@pytest.mark.parametrize(
    "selection",
    [
        Selection(experiment_ids=["e"], run_ids=["r"], model_ids=["m", "m:1"]),
        Selection(run_ids=["r"], path="outputs"),
        Selection(deleted_for_seconds=0),
    ],
)
def test_sound_selections(selection: Selection):
    check_selection(selection)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(run_ids=["r"] * 100_001),
        Selection(run_ids=[".hidden"]),
        Selection(path="outputs"),
        Selection(run_ids=["r"], path=""),
        Selection(experiment_ids=["e"], path="outputs"),
        Selection(run_ids=["r", "s"], path="outputs"),
        Selection(run_ids=["r"], path="/outputs"),
        Selection(run_ids=["r"], deleted_for_seconds=0),
        Selection(deleted_for_seconds=-1),
        Selection(deleted_for_seconds=2**63),
    ],
)
def test_other_selections_are_refused(selection: Selection):
    with pytest.raises(InvalidInput):
        check_selection(selection)


def test_the_first_hindrances_are_told():
    refuse([])
    hindrances = [DeletionHindrance("run", f"r{number}", "is Running", f"Cancel r{number}.") for number in range(5)]
    with pytest.raises(Conflict, match=r"the run r0 is Running; the run r1 is Running; .* and 2 more") as told:
        refuse(hindrances)
    assert told.value.hint == "Cancel r0."


def test_run_goes_only_with_all_that_is_below_it():
    softly = {key: SoftRun(key, 1, parent) for key, parent in ((1, None), (2, 1), (3, 2), (4, None), (5, 4))}
    children = [(2, 1), (3, 2), (6, 2), (5, 4)]
    assert purgeable(softly, children) == {3, 4, 5}
    assert purgeable(softly, [(2, 1), (3, 2), (5, 4)]) == {1, 2, 3, 4, 5}
    assert purgeable({}, []) == set()


def test_folders_are_what_the_names_say():
    names = ["a", "b/c", "b/d/e", "b/d/f/g", "bb/x"]
    experiments = [Experiment(name, name, "", {}, "", "", run_count=2) for name in names]

    def told(folder: str) -> list[tuple[str, int, int]]:
        return [(each.path, each.experiment_count, each.run_count) for each in folders_in(folder, experiments)]

    assert told("") == [("b", 3, 6), ("bb", 1, 2)]
    assert told("b") == told("/b/") == [("b/d", 2, 4)]
    assert told("b/d") == [("b/d/f", 1, 2)]
    assert told("nothing") == []
