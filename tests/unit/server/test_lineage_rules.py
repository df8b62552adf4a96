"""Edges between runs and datasets: written, and read again."""

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.server.lineage import rules
from terrazul.wire.lineage import DatasetUse, Edge
from terrazul.wire.run_configuration import DataInput

ID = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"


def test_uses_come_back_as_they_were_noted():
    uses = [DatasetUse(ID, "a"), DatasetUse(OTHER), DatasetUse(ID, "out", is_output=True)]
    assert rules.uses_in([rules.edge_of("run-1", each) for each in uses]) == uses


def test_a_run_uses_what_it_reads_and_what_it_makes_comes_of_it():
    assert rules.edge_of("r", DatasetUse(ID, "a")) == Edge("run", "r", "dataset", ID, "input a")
    assert rules.edge_of("r", DatasetUse(ID, "o", is_output=True)) == Edge("dataset", ID, "run", "r", "output o")
    assert rules.edge_of("r", DatasetUse(ID)).role == "read"


@pytest.mark.parametrize("use", [DatasetUse("x"), DatasetUse(ID, "a b"), DatasetUse(ID, "", is_output=True)])
def test_what_cannot_be_a_use_is_refused(use: DatasetUse):
    with pytest.raises(InvalidInput):
        rules.edge_of("r", use)


def test_only_datasets_among_the_inputs_are_noted():
    inputs = [DataInput("a", "mount", ID), DataInput("b", "mount", datastore="store", path="x")]
    assert rules.edges_of_inputs("r", inputs) == [Edge("run", "r", "dataset", ID, "input a")]


def test_other_edges_of_a_run_are_no_uses_of_datasets():
    assert rules.uses_in([Edge("model", "m:1", "run", "r", "produced by")]) == []
