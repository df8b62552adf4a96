"""Rules of datasets: what tells contents apart, and what has become of them."""

from dataclasses import replace

import pytest

from terrazul.core.errors import DatasetValidationError, InvalidInput, NotFound
from terrazul.server.dataset import rules
from terrazul.wire.dataset import FILE, DataLocation, DatasetChange, DatasetDefinition, NewDataset, Step
from terrazul.wire.datastore import DataFile

EARLY, LATE = "2020-01-01T00:00:00.000000Z", "2021-01-01T00:00:00.000000Z"
A, B = DataFile("a", 1, EARLY, "e1"), DataFile("b", 2, LATE, "")
DEFINITION = DatasetDefinition(FILE, [DataLocation("a", "Store"), DataLocation("b", "store")], [Step("files")])


def test_content_is_the_same_whatever_its_order():
    first = rules.content_of([("s", A), ("s", B), ("s", A)])
    second = rules.content_of([("s", B), ("s", A)])
    assert first == second
    assert (len(first.files), first.size, first.data_changed_at) == (2, 3, LATE)
    assert rules.content_of([("s", A)]).digest != first.digest
    assert rules.content_of([("t", A)]).digest != rules.content_of([("s", A)]).digest
    assert rules.content_of([]).data_changed_at == ""


@pytest.mark.parametrize(
    ("changed", "is_same"),
    [
        (replace(A, modified_at=LATE), True),
        (replace(A, etag="e2"), False),
        (replace(A, size=9), False),
        (replace(A, etag=""), True),
        (replace(A, etag="", modified_at=LATE), False),
    ],
)
def test_file_is_known_by_its_etag_else_by_its_time(changed: DataFile, is_same: bool):
    found = rules.compare(rules.content_of([("s", A)]).files, rules.content_of([("s", changed)]), EARLY)
    assert found.is_unchanged is is_same
    assert found.changed == int(not is_same)


def test_comparison_counts_all_and_names_some():
    before = rules.content_of([("s", DataFile(f"{number:03}", 1)) for number in range(50)]).files
    found = rules.compare(before, rules.content_of([("s", A)]), EARLY)
    assert (found.removed, found.added, found.changed, len(found.examples)) == (50, 1, 0, 20)


def test_what_is_kept_is_read_again():
    content = rules.content_of([("s", A), ("", B)])
    assert rules.files_from_plain(rules.plain(content)) == content.files


def test_edges_lead_to_each_datastore_once():
    plan = rules.check_new(NewDataset(DEFINITION))
    assert [(edge.used_type, edge.used_id) for edge in rules.edges_of("id", plan)] == [("datastore", "store")]


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", "a\n", "x" * 256])
def test_name_that_is_none_is_refused(name: str):
    with pytest.raises(InvalidInput, match="not valid"):
        rules.check_name(name)


@pytest.mark.parametrize("name", ["diabetes dataset", "ü", "a:1", "x" * 255])
def test_name_of_any_usual_kind_is_taken(name: str):
    rules.check_name(name)


def test_path_of_one_machine_is_refused():
    local = replace(DEFINITION, locations=[DataLocation("/home/me/a.csv")])
    with pytest.raises(DatasetValidationError, match="where nobody else finds it"):
        rules.check_new(NewDataset(local))


@pytest.mark.parametrize("version", [0, -1, 1 << 63])
def test_number_that_no_version_has_is_not_found(version: int):
    with pytest.raises(NotFound):
        rules.check_version("name", version)


def test_change_that_makes_no_sense_is_refused():
    for change in (
        DatasetChange(state="asleep"),
        DatasetChange(deprecated_by="other"),
        DatasetChange(state="deprecated", deprecated_by="id"),
        DatasetChange(set_tags={"": "v"}),
        DatasetChange(replace_tags={str(number): "" for number in range(1001)}),
    ):
        with pytest.raises(InvalidInput):
            rules.check_change(change, "id")
    rules.check_change(DatasetChange(state="deprecated", deprecated_by="other"), "id")
