"""Profiles of datasets, and the difference of two versions, as v1 code asks for them."""

from pathlib import Path

import pandas as pd
import pytest

from azureml.core import Dataset, Datastore, Experiment, Workspace
from azureml.data.dataset_profile import DatasetProfile
from azureml.data.dataset_profile_run import DatasetProfileRun
from azureml.data.dataset_profile_run_config import DatasetProfileRunConfig
from azureml.exceptions import UserErrorException
from terrazul.core.errors import DatasetExecutionError, DatasetWithoutData, InvalidInput, NotATable, NotFound
from terrazul.sdk.client import Client
from terrazul.testing.server import RunningServer
from terrazul.wire.dataset_profile import DatasetHead, KeptDatasetProfile

from .conftest import this_python

pytestmark = pytest.mark.functional


@pytest.fixture
def workspace(shared_server: RunningServer, person: Path, request: pytest.FixtureRequest) -> Workspace:
    """A workspace of the test's own."""
    assert shared_server.url
    assert person.is_dir()
    return Workspace("subscription", "group", "dp-" + str(abs(hash(request.node.name)))[:20])


@pytest.fixture
def store(workspace: Workspace) -> Datastore:
    return workspace.get_default_datastore()


def upload(store: Datastore, path: str, content: str | bytes) -> None:
    file = Path("upload") / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    store.upload("upload", overwrite=True, show_progress=False)
    file.unlink()


def rows_of(numbers: range, town: str = "Bonn") -> str:
    lines = [f"{number},{number * 2.5},{town},2024-01-{1 + number % 28:02d}" for number in numbers]
    return "\n".join(["id,amount,town,day", *lines, ""])


def test_profile_is_made_kept_and_found_until_the_data_changes(workspace: Workspace, store: Datastore):
    upload(store, "t/1.csv", rows_of(range(100)))
    upload(store, "t/2.csv", "id,amount,town,day\n100,,,2024-02-01\n")
    dataset = Dataset.Tabular.from_delimited_files((store, "t/*.csv")).register(workspace, "sales")
    with pytest.raises(NotFound, match="has no profile"):
        dataset.get_profile()
    seen: list[tuple[int, int]] = []
    made = dataset.make_profile(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    found = Dataset.get_by_name(workspace, "sales").get_profile()
    assert isinstance(found, DatasetProfile)
    assert found.facts == made.facts
    assert (found.row_count, list(found.columns)) == (101, ["id", "amount", "town", "day"])
    amount = found.columns["amount"]
    assert (amount.type, amount.count, amount.missing_count, amount.not_missing_count) == ("decimal", 101, 1, 100)
    assert (amount.min, amount.max, amount.mean, amount.median) == (0.0, 247.5, 123.75, 123.75)
    assert amount.std == pytest.approx(pd.Series(range(100)).std() * 2.5)
    assert sorted(amount.quantiles) == [0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999]
    assert [each.value for each in found.columns["town"].value_counts] == ["Bonn"]
    assert (found.columns["day"].type, found.columns["day"].max) == ("time", "2024-02-01T00:00:00")
    assert "town: text, 1 missing, 1 distinct  Bonn (100)" in repr(found)
    assert "0.1% quantile" in found._repr_html_()
    assert not found.is_stale()
    with pytest.raises(NotFound, match="made by no run"):
        found.get_producing_run()
    upload(store, "t/2.csv", rows_of(range(5)))
    assert found.is_stale()


def test_run_makes_the_profile_on_a_compute(workspace: Workspace, store: Datastore):
    upload(store, "r/1.csv", rows_of(range(30)))
    dataset = Dataset.Tabular.from_delimited_files((store, "r/*.csv")).register(workspace, "for a run")
    experiment = Experiment(workspace, "profiles")
    config = DatasetProfileRunConfig(dataset, "local")
    config.environment = this_python()
    run = experiment.submit(config)
    assert isinstance(run, DatasetProfileRun)
    profile = run.get_profile()
    assert profile.row_count == 30
    assert profile.get_producing_run().id == run.id
    assert run.get_status() == "Completed"
    assert {use.id for use in run.input_datasets.values()} == {dataset.id}
    assert run.get_metrics() == {"rows": 30, "columns": 4}
    assert [each.id for each in dataset.get_profile_runs()] == [run.id]
    assert dataset.get_profile().facts == profile.facts
    with pytest.raises(NotATable, match="no columns"):
        DatasetProfileRunConfig(Dataset.File.from_files((store, "r")))


def test_difference_tells_columns_rows_files_and_what_has_moved(workspace: Workspace, store: Datastore):
    upload(store, "d/1.csv", rows_of(range(200)))
    first = Dataset.Tabular.from_delimited_files((store, "d/1.csv")).register(workspace, "moving")
    lines = [f"{number},{number * 25 + 7},{'Kiel' if number % 2 else 'Bonn'},x" for number in range(100, 300)]
    upload(store, "e/1.csv", "\n".join(["id,amount,town,note", *lines, ""]))
    second = Dataset.Tabular.from_delimited_files((store, "e/1.csv")).register(
        workspace, "moving", create_new_version=True
    )
    found = first.compare(second, key="id")
    assert (found.rows_before, found.rows_after) == (200, 200)
    assert (found.added_columns, found.removed_columns) == (["note"], ["day"])
    assert [(each.name, each.before, each.after) for each in found.retyped_columns] == [
        ("amount", "decimal", "integer")
    ]
    keys = found.keys
    assert keys is not None
    assert (keys.added, keys.removed, keys.changed, keys.unchanged) == (100, 100, 100, 0)
    assert found.files is not None
    assert (found.files.added, found.files.removed) == (1, 1)
    assert found.columns[0].name in {"amount", "town"}
    shift = {each.name: each for each in found.columns}["amount"]
    assert shift.verdict == "moved far"
    assert shift.kolmogorov_smirnov is not None
    assert shift.kolmogorov_smirnov > 0.9
    text = str(found)
    assert "Column added: note" in text
    assert "Rows by id: 100 added, 100 removed, 100 changed, 0 the same." in text
    assert "Column amount has moved far" in text
    same = first.compare(first)
    assert {each.verdict for each in same.columns} == {"stable"}
    assert same.files is not None
    assert same.files.is_unchanged
    with pytest.raises(DatasetExecutionError, match="no column 'idd'"):
        first.compare(second, key="idd")


def test_what_does_not_fit_and_what_is_empty_is_told(workspace: Workspace, store: Datastore):
    upload(store, "b/1.csv", "a,b\n" + "1,x\n" * 10_100 + "two,y\n3,z,4\n")
    broken = Dataset.Tabular.from_delimited_files((store, "b/*.csv"))
    profile = broken.make_profile(workspace)
    assert profile.row_count == 10_102
    assert profile.columns["a"].missing_count == 1
    assert any("'two'" in each for each in profile.facts.warnings)
    upload(store, "h/1.csv", "a,b\n")
    none = Dataset.Tabular.from_delimited_files((store, "h/*.csv")).make_profile(workspace)
    assert (none.row_count, list(none.columns)) == (0, ["a", "b"])
    assert none.columns["a"].unique_values == 0
    upload(store, "n/1.csv", "")
    with pytest.raises(DatasetWithoutData):
        Dataset.Tabular.from_delimited_files((store, "n/*.csv"), validate=False).make_profile(workspace)
    with pytest.raises(DatasetWithoutData, match="no file 'gone"):
        Dataset.Tabular.from_delimited_files((store, "gone/*.csv"), validate=False).make_profile(workspace)
    few = broken.take(3).make_profile(workspace)
    assert few.row_count == 3
    local = Dataset.Tabular.from_delimited_files("here.csv", validate=False)
    Path("here.csv").write_text("a\n1\n2\n")
    alone = local.make_profile()
    assert (alone.row_count, alone.dataset_id, alone.is_stale()) == (2, None, True)
    with pytest.raises(InvalidInput, match="belongs to no workspace"):
        local.get_profile()


def head_of(client: Client, dataset_id: str, rows: int) -> DatasetHead:
    return client.get(DatasetHead, f"/datasets/{dataset_id}/head", {"rows": rows})


def test_server_shows_the_first_rows(workspace: Workspace, store: Datastore):
    upload(store, "s/a.csv", rows_of(range(60_000)))
    large = Dataset.Tabular.from_delimited_files((store, "s/*.csv")).register(workspace, "large")
    client = workspace.client
    head = head_of(client, large.id, 2)
    assert [(each.name, each.type) for each in head.columns][:3] == [
        ("id", "Int64"), ("amount", "Float64"), ("town", "String")
    ]  # fmt: skip
    assert head.rows == [[0, 0.0, "Bonn", "2024-01-01T00:00:00"], [1, 2.5, "Bonn", "2024-01-02T00:00:00"]]
    assert not head.is_whole
    pd.DataFrame({"x": [1.5, None], "y": ["a" * 5000, "b"]}).to_parquet("p.parquet")
    upload(store, "p/p.parquet", Path("p.parquet").read_bytes())
    small = Dataset.Tabular.from_parquet_files((store, "p/*.parquet")).register(workspace, "small")
    head = head_of(client, small.id, 20)
    assert head.is_whole
    assert [row[0] for row in head.rows] == [1.5, None]
    assert len(str(head.rows[0][1])) == 1000
    upload(store, "p/p.parquet", b"PAR1 no more")
    with pytest.raises(DatasetExecutionError, match="cannot be read"):
        head_of(client, small.id, 20)
    web = Dataset.Tabular.from_delimited_files("http://127.0.0.1:9/x.csv", validate=False)
    with pytest.raises(UserErrorException, match="the server does not call"):
        head_of(client, web.save(workspace), 20)
    with pytest.raises(InvalidInput, match="1 to 200 rows"):
        head_of(client, large.id, 1000)
    files = Dataset.File.from_files((store, "s")).register(workspace, "files")
    with pytest.raises(NotATable, match="no columns"):
        head_of(client, files.id, 5)


def test_kept_profile_tells_whether_it_is_stale(workspace: Workspace, store: Datastore):
    upload(store, "k/1.csv", rows_of(range(10)))
    dataset = Dataset.Tabular.from_delimited_files((store, "k/*.csv")).register(workspace, "kept")
    dataset.make_profile()

    def kept() -> KeptDatasetProfile:
        return workspace.client.get(KeptDatasetProfile, f"/datasets/{dataset.id}/profile", {"check": True})

    assert kept().is_stale is False
    upload(store, "k/1.csv", rows_of(range(11)))
    assert kept().is_stale is True
    dataset.make_profile()
    assert (kept().is_stale, kept().profile.row_count) == (False, 11)
    dataset.unregister_all_versions()
    with pytest.raises(NotFound):
        Dataset.get_by_name(workspace, "kept")
