"""Datasets, as v1 code makes, registers, reads and finds them."""

import functools
import gzip
import http.server
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest

from azureml.core import Dataset, Datastore, Workspace
from azureml.data import DataType, FileDataset, TabularDataset
from azureml.data.datapath import DataPath
from azureml.data.dataset_error_handling import DatasetExecutionError, DatasetValidationError
from azureml.data.dataset_type_definitions import PromoteHeadersBehavior
from azureml.exceptions import DatasetTimestampMissingError, UserErrorException
from terrazul.core.errors import AlreadyExists, CapabilityNotAvailable, InvalidInput, MissingFile, NotFound
from terrazul.testing.server import RunningServer

pytestmark = pytest.mark.functional


@pytest.fixture
def workspace(shared_server: RunningServer, person: Path, request: pytest.FixtureRequest) -> Workspace:
    """A workspace of the test's own."""
    assert shared_server.url
    assert person.is_dir()
    return Workspace("subscription", "group", "ds-" + str(abs(hash(request.node.name)))[:20])


@pytest.fixture
def store(workspace: Workspace) -> Datastore:
    return workspace.get_default_datastore()


def _upload(store: Datastore, files: dict[str, str | bytes]) -> None:
    root = Path("upload")
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    store.upload(str(root), overwrite=True, show_progress=False)
    for path in files:
        (root / path).unlink()


def test_table_is_made_registered_found_and_read(workspace: Workspace, store: Datastore):
    _upload(store, {"t/1.csv": "a,b\n1,x\n2,y\n", "t/2.csv": "a,b\n3,z\n"})
    dataset = Dataset.Tabular.from_delimited_files(path=(store, "t/*.csv"))
    assert isinstance(dataset, TabularDataset)
    assert (dataset.id, dataset.name, dataset.version, dataset.tags) == (None, None, None, {})
    assert dataset.to_pandas_dataframe()["a"].tolist() == [1, 2, 3]
    registered = dataset.register(workspace, "my table", description="letters", tags={"kind": 1})
    assert (registered.name, registered.version, registered.description) == ("my table", 1, "letters")
    assert registered.tags == {"kind": "1"}
    assert registered.id
    assert workspace.datasets["my table"].id == registered.id
    for found in (
        Dataset.get_by_name(workspace, "my table"),
        Dataset.get_by_name(workspace, name="my table", version=1),
        Dataset.get_by_name(workspace, "my table", version="latest"),
        Dataset.get_by_id(workspace, registered.id),
        Dataset.get_all(workspace)["my table"],
        TabularDataset.get_by_name(workspace, "my table"),
        dataset.Tabular.from_delimited_files((store, "t/*.csv")).register(workspace, "my table"),
    ):
        assert found.id == registered.id
        assert found.to_pandas_dataframe()["b"].tolist() == ["x", "y", "z"]
    assert '"name": "my table"' in repr(registered)
    with pytest.raises(NotFound, match="no version 7"):
        Dataset.get_by_name(workspace, "my table", version=7)
    with pytest.raises(InvalidInput, match="no version of a dataset"):
        Dataset.get_by_name(workspace, "my table", version="newest")
    with pytest.raises(UserErrorException, match=r"Did you mean 'my table'\?"):
        Dataset.get_by_name(workspace, "my tabel")


def test_dataset_never_changes(store: Datastore):
    _upload(store, {"n.csv": "n\n" + "".join(f"{n}\n" for n in range(100))})
    dataset = Dataset.Tabular.from_delimited_files((store, "n.csv"))
    assert dataset.take(3).to_pandas_dataframe()["n"].tolist() == [0, 1, 2]
    assert dataset.skip(98).to_pandas_dataframe()["n"].tolist() == [98, 99]
    big, small = dataset.random_split(percentage=0.8, seed=3)
    numbers = [part.to_pandas_dataframe()["n"].tolist() for part in (big, small)]
    assert sorted(numbers[0] + numbers[1]) == list(range(100))
    assert 65 < len(numbers[0]) < 95
    assert dataset.random_split(0.8, seed=3)[1].to_pandas_dataframe()["n"].tolist() == numbers[1]
    unseeded = dataset.random_split(0.5)
    assert sum(len(part.to_pandas_dataframe()) for part in unseeded) == 100
    sample = dataset.take_sample(0.3, seed=1).to_pandas_dataframe()
    assert 10 < len(sample) < 55
    assert len(dataset.to_pandas_dataframe()) == 100
    with pytest.raises(InvalidInput, match="percentage is 2"):
        dataset.random_split(2)


def test_conditions_are_python(store: Datastore):
    _upload(store, {"c.csv": "name,age,at\nann,30,2020-01-01\nbob,,2020-02-01\ncarl,50,2020-03-01\n"})
    dataset = Dataset.Tabular.from_delimited_files((store, "c.csv"))

    def names(condition: object) -> list[str]:
        return list(dataset.filter(condition).to_pandas_dataframe()["name"])

    age, name = dataset["age"], dataset["name"]
    assert names(age > 30) == ["carl"]
    assert names((age >= 30) & name.startswith("a")) == ["ann"]
    assert names((age == 50) | (name == "bob")) == ["bob", "carl"]
    assert names(~name.contains("a")) == ["bob"]
    assert names(age == None) == ["bob"]  # noqa: E711  # as users write it
    assert names(age.is_not_null()) == ["ann", "carl"]
    assert names(age != 30) == ["carl"]
    assert names(age % 20 == 10) == ["ann", "carl"]
    assert names(100 - age > 60) == ["ann"]
    assert names(name.is_in(["ann", "bob"])) == ["ann", "bob"]
    assert names(name.to_upper().ends_with("L")) == ["carl"]
    assert names(name.length() == 4) == ["carl"]
    assert names(dataset["at"] > datetime(2020, 1, 31, tzinfo=timezone.utc)) == ["bob", "carl"]
    with pytest.raises(InvalidInput, match="not by itself"):
        names((age > 3) and (age < 5))
    with pytest.raises(InvalidInput, match="A condition is True"):
        dataset.filter(True)
    with pytest.raises(DatasetExecutionError, match=r"no column 'agee'.\nDid you mean 'age'\?"):
        names(dataset["agee"] > 3)


def test_columns_are_chosen(store: Datastore):
    _upload(store, {"c.csv": "a,b,c\n1,2,3\n"})
    dataset = Dataset.Tabular.from_delimited_files((store, "c.csv"))
    assert list(dataset.keep_columns(columns=["c", "a"], validate=True).to_pandas_dataframe()) == ["c", "a"]
    assert list(dataset.keep_columns("b").to_pandas_dataframe()) == ["b"]
    assert list(dataset.drop_columns(columns=["a"]).to_pandas_dataframe()) == ["b", "c"]
    with pytest.raises(DatasetExecutionError, match="no column 'd'"):
        dataset.keep_columns(["d"], validate=True)
    later = dataset.keep_columns(["d"])
    with pytest.raises(DatasetExecutionError, match="no column 'd'"):
        later.to_pandas_dataframe()


def test_time_chooses_rows(store: Datastore):
    days = [f"2020-01-{day:02}" for day in range(1, 11)]
    _upload(store, {f"{day.replace('-', '/')}/d.csv": f"day,n\n{day} 12:00:00,{n}\n" for n, day in enumerate(days)})
    path, written = (store, "2020/**/*.csv"), "/{part:yyyy/MM/dd}/d.csv"
    plain = Dataset.Tabular.from_delimited_files(path, partition_format=written)
    with pytest.raises(DatasetTimestampMissingError):
        plain.time_after(datetime(2020, 1, 1))  # noqa: DTZ001  # as users write it
    dataset = plain.with_timestamp_columns(timestamp="day", partition_timestamp="part", validate=True)
    assert dataset.timestamp_columns == ("day", "part")

    def numbers(chosen: TabularDataset) -> list[int]:
        return list(chosen.to_pandas_dataframe()["n"])

    noon = datetime(2020, 1, 5, 12)  # noqa: DTZ001  # as users write it
    assert numbers(dataset.time_before(noon)) == [0, 1, 2, 3, 4]
    assert numbers(dataset.time_before(noon, include_boundary=False)) == [0, 1, 2, 3]
    assert numbers(dataset.time_after(noon)) == [4, 5, 6, 7, 8, 9]
    assert numbers(dataset.time_between(noon, noon + timedelta(days=1))) == [4, 5]
    assert numbers(dataset.time_recent(timedelta(days=1))) == []
    coarse = plain.with_timestamp_columns(partition_timestamp="part")
    assert numbers(coarse.time_after(noon)) == [5, 6, 7, 8, 9]
    old_names = plain.with_timestamp_columns(fine_grain_timestamp="day")
    assert numbers(old_names.time_after(noon)) == [4, 5, 6, 7, 8, 9]
    with pytest.raises(DatasetExecutionError, match="'n' holds no times"):
        plain.with_timestamp_columns("n", validate=True)
    with pytest.raises(DatasetTimestampMissingError):
        dataset.drop_columns(["day", "part"]).time_before(noon)
    with pytest.raises(InvalidInput, match="is after end_time"):
        dataset.time_between(noon, noon - timedelta(days=1))
    assert dataset.partition_keys == ["part"]
    assert len(dataset.get_partition_key_values()) == 10
    with pytest.raises(UserErrorException, match="no partition keys x"):
        dataset.get_partition_key_values(["x"])


def test_partition_chooses_the_files_that_are_read(store: Datastore):
    _upload(store, {"p/a/1.csv": "n\n1\n", "p/b/1.csv": "n\n2\nx\n"})
    dataset = Dataset.Tabular.from_delimited_files(
        (store, "p/**"), partition_format="/{key}/1.csv", set_column_types={"n": DataType.to_long()}
    )
    only = dataset.filter(dataset["key"] == "a")
    assert only.to_pandas_dataframe(on_error="fail")["n"].tolist() == [1]
    with pytest.raises(DatasetExecutionError, match=r"'x' in the column 'n' is no long in line 3 of '/p/b/1.csv'"):
        dataset.to_pandas_dataframe(on_error="fail")
    assert dataset.to_pandas_dataframe()["n"].isna().tolist() == [False, False, True]


def test_sources_of_every_form(store: Datastore, workspace: Workspace):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    frame.to_parquet("f.parquet")
    _upload(
        store,
        {
            "f.parquet": Path("f.parquet").read_bytes(),
            "l.jsonl": '{"a": 1}\nwrong\n{"a": 2}\n',
            "s.csv": "a;b\n1;2,5\n",
            "none.csv": "1,2\n3,4\n",
            "l.csv": "ü\né\n".encode("latin-1"),
            "z.csv.gz": gzip.compress(b"a\n" + b"1\n" * 200_000),
            "m.csv": 'a,b\n1,"x\ny"\n',
        },
    )
    tabular = Dataset.Tabular
    parquet = tabular.from_parquet_files((store, "f.parquet")).to_pandas_dataframe()
    assert parquet["a"].tolist() == [1, 2]
    assert parquet["b"].fillna("missing").tolist() == ["x", "missing"]
    with pytest.raises(DatasetValidationError, match=r"Line 2 of '/l.jsonl'"):
        tabular.from_json_lines_files((store, "l.jsonl"))
    lines = tabular.from_json_lines_files((store, "l.jsonl"), invalid_lines="drop")
    assert lines.to_pandas_dataframe()["a"].tolist() == [1, 2]
    comma = tabular.from_delimited_files(
        DataPath(store, "s.csv"), separator=";", set_column_types={("a", "b"): DataType.to_float(decimal_mark=",")}
    )
    assert comma.to_pandas_dataframe().to_dict("list") == {"a": [1.0], "b": [2.5]}
    bare = tabular.from_delimited_files([(store, "none.csv")], header=PromoteHeadersBehavior.NO_HEADERS)
    assert bare.to_pandas_dataframe().to_dict("list") == {"Column1": [1, 3], "Column2": [2, 4]}
    assert tabular.from_delimited_files((store, "l.csv"), encoding="latin1").to_pandas_dataframe()["ü"][0] == "é"
    with pytest.raises(DatasetValidationError, match="encoding='latin1'"):
        tabular.from_delimited_files((store, "l.csv"))
    assert len(tabular.from_delimited_files((store, "z.csv.gz")).to_pandas_dataframe()) == 200_000
    several = tabular.from_delimited_files((store, ["m.csv", "m.csv"]), support_multi_line=True, include_path=True)
    assert several.to_pandas_dataframe().to_dict("list") == {"Path": ["/m.csv"], "a": [1], "b": ["x\ny"]}
    with pytest.raises(DatasetValidationError, match="cannot be read"):
        tabular.from_parquet_files((store, "m.csv"))
    tabular.from_parquet_files((store, "m.csv"), validate=False)
    for wrong in (3, [], None, ""):
        with pytest.raises(InvalidInput):
            tabular.from_delimited_files(wrong)
    other = Workspace("subscription", "group", "elsewhere")
    with pytest.raises(DatasetValidationError, match="two workspaces"):
        tabular.from_delimited_files([(store, "m.csv"), (other.get_default_datastore(), "m.csv")])
    with pytest.raises(UserErrorException, match="of the workspace"):
        tabular.from_delimited_files((store, "m.csv")).register(other, "x")
    both = tabular.from_delimited_files([(store, "none.csv"), (workspace.datastores["workspacefilestore"], "m.csv")],
                                        validate=False)  # fmt: skip
    with pytest.raises(DatasetExecutionError, match=r"There is no file 'm.csv' on the datastore 'workspacefilestore'"):
        both.to_pandas_dataframe()


def test_types_can_be_read_by_other_libraries(store: Datastore):
    _upload(store, {"a.csv": "a\n1\n2\n"})
    dataset = Dataset.Tabular.from_delimited_files((store, "a.csv"))
    assert dataset.to_polars_dataframe()["a"].to_list() == [1, 2]
    assert dataset.to_arrow_table().column("a").to_pylist() == [1, 2]
    lazy = dataset.to_dask_dataframe(dtypes={"a": "float64"})
    assert (str(lazy.dtypes["a"]), lazy["a"].sum().compute()) == ("float64", 3.0)
    with pytest.raises(InvalidInput, match="on_error is 'ignore'"):
        dataset.to_pandas_dataframe(on_error="ignore")
    with pytest.raises(CapabilityNotAvailable, match="Spark"):
        dataset.to_spark_dataframe()


def test_frame_of_dask_has_a_partition_for_each_file(workspace: Workspace, store: Datastore):
    _upload(store, {"d/1.csv": "a\n1\n2\n", "d/2.csv": "a\n3\n4\n"})
    lazy = Dataset.Tabular.from_delimited_files((store, "d/*.csv")).to_dask_dataframe()
    assert (lazy.npartitions, lazy["a"].sum().compute()) == (2, 10)
    registered = Dataset.Tabular.register_dask_dataframe(lazy, (store, "frames"), "of dask", show_progress=False)
    assert registered.to_pandas_dataframe()["a"].tolist() == [1, 2, 3, 4]
    assert "of dask" in workspace.datasets


def test_first_rows_need_the_first_files_only(store: Datastore):
    _upload(store, {"f/1.csv": "a\n1\n2\n", "f/2.csv": "b\n1\n"})
    dataset = Dataset.Tabular.from_delimited_files((store, "f/*.csv"))
    assert dataset.take(2).to_pandas_dataframe()["a"].tolist() == [1, 2]
    with pytest.raises(DatasetExecutionError, match="differ"):
        dataset.take(3).to_pandas_dataframe()


def test_data_of_this_machine_is_read_and_not_registered(workspace: Workspace, person: Path):
    (person / "local").mkdir()
    (person / "local" / "a.csv").write_text("a\n1\n")
    for path in ("local/a.csv", "local/*.csv", Path("local"), str(person / "local" / "a.csv")):
        dataset = Dataset.Tabular.from_delimited_files(path)
        assert dataset.to_pandas_dataframe()["a"].tolist() == [1]
    for call in (lambda: dataset.register(workspace, "local"), lambda: dataset.save(workspace)):
        with pytest.raises(DatasetValidationError, match=r"Upload it first: Dataset.File.upload_directory"):
            call()
    with pytest.raises(DatasetValidationError, match="no file"):
        Dataset.Tabular.from_delimited_files("absent/*.csv")
    assert Dataset.File.from_files("local").to_path() == ["/a.csv"]
    assert workspace.datasets == {}


@pytest.fixture
def web(person: Path) -> Iterator[str]:
    """The address of a web server over the folder ``web``."""
    (person / "web").mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            if self.path == "/away":
                self.send_response(302)
                self.send_header("Location", "ftp://127.0.0.1/file")
                self.end_headers()
            else:
                super().do_GET()

        def do_HEAD(self) -> None:
            if self.path == "/away":
                self.do_GET()
            else:
                super().do_HEAD()

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(person / "web"))
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_data_on_the_web_is_read_and_registered(workspace: Workspace, web: str, person: Path):
    (person / "web" / "a b.csv").write_text("a\n1\n2\n")
    dataset = Dataset.Tabular.from_delimited_files(f"{web}/a%20b.csv")
    assert dataset.to_pandas_dataframe()["a"].tolist() == [1, 2]
    registered = dataset.register(workspace, "web")
    assert [file.size for file in registered.content()] == [6]
    assert registered.changes().is_unchanged
    assert registered.data_changed_time is not None
    (person / "web" / "a b.csv").write_text("a\n1\n2\n3\n")
    assert registered.changes().examples == [f"changed {web}/a%20b.csv"]
    assert len(registered.to_pandas_dataframe()) == 3
    files = Dataset.File.from_files([f"{web}/a%20b.csv"])
    assert [Path(file).name for file in files.download("copied")] == ["a b.csv"]
    with pytest.raises(DatasetValidationError, match="404"):
        Dataset.Tabular.from_delimited_files(f"{web}/absent.csv?secret=1")
    with pytest.raises(DatasetValidationError, match="away from the web"):
        Dataset.File.from_files(f"{web}/away")
    (person / "web" / "a b.csv").unlink()
    assert registered.changes().removed == 1
    with pytest.raises(DatasetExecutionError, match="no file"):
        registered.to_pandas_dataframe()


def test_files_are_listed_downloaded_and_mounted(workspace: Workspace, store: Datastore, person: Path):
    _upload(store, {"f/1.txt": "one", "f/sub/ü 2.txt": "two", "f/3.log": "three"})
    dataset = Dataset.File.from_files(path=(store, "f"))
    assert isinstance(dataset, FileDataset)
    assert dataset.to_path() == ["/1.txt", "/3.log", "/sub/ü 2.txt"]
    assert Dataset.File.from_files((store, "f/**/*.txt")).to_path() == ["/1.txt", "/sub/ü 2.txt"]
    assert Dataset.File.from_files((store, "f/1.txt")).to_path() == ["/1.txt"]
    assert dataset.filter(dataset.file_metadata("Size") > 3).to_path() == ["/3.log"]
    assert dataset.filter(dataset.file_metadata("Extension") == ".txt").skip(1).to_path() == ["/sub/ü 2.txt"]
    recent = dataset.file_metadata("LastModifiedTime") > datetime.now(timezone.utc) - timedelta(hours=1)
    assert len(dataset.filter(recent).to_path()) == 3
    here = dataset.download(target_path="here", overwrite=False)
    assert here == [str(person / "here" / name) for name in ("1.txt", "3.log", "sub/ü 2.txt")]
    assert [Path(file).read_text() for file in here] == ["one", "three", "two"]
    Path(here[0]).write_text("mine")
    with pytest.raises(AlreadyExists, match="is there already"):
        dataset.download("here")
    assert Path(here[0]).read_text() == "mine"
    dataset.download("here", overwrite=True)
    assert Path(here[0]).read_text() == "one"
    assert sorted(path.name for path in (person / "here").iterdir()) == ["1.txt", "3.log", "sub"]
    with dataset.mount() as mounted:
        assert (Path(mounted.mount_point) / "sub" / "ü 2.txt").read_text() == "two"
    assert not Path(mounted.mount_point).exists()
    context = dataset.mount("mount point")
    context.start()
    assert sorted(path.name for path in Path("mount point").iterdir()) == ["1.txt", "3.log", "sub"]
    context.stop()
    context.stop()
    assert not Path("mount point").exists()
    with pytest.raises(UserErrorException, match="not an empty folder"):
        dataset.mount("here").start()
    registered = dataset.register(workspace, "files")
    assert workspace.datasets["files"].to_path() == dataset.to_path()
    assert [file.path for file in registered.content()] == ["f/1.txt", "f/3.log", "f/sub/ü 2.txt"]
    store.delete("f/1.txt")
    assert registered.changes().examples == ["removed f/1.txt"]
    with pytest.raises(DatasetValidationError, match="There is no file 'none"):
        Dataset.File.from_files((store, "none/*"))
    nothing = Dataset.File.from_files((store, "none/*"), validate=False)
    with pytest.raises(DatasetExecutionError, match="There is no file"):
        nothing.download("there")
    assert nothing.download("there", ignore_not_found=True) == []


def test_folder_is_uploaded_as_a_dataset(store: Datastore, person: Path):
    for name in ("a.csv", "sub/b.csv", "c.txt"):
        (person / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (person / "src" / name).write_text(name)
    dataset = Dataset.File.upload_directory(src_dir="src", target=(store, "up"), show_progress=False)
    assert dataset.to_path() == ["/a.csv", "/c.txt", "/sub/b.csv"]
    some = Dataset.File.upload_directory("src", DataPath(store, "some"), pattern="*.csv", show_progress=False)
    assert some.to_path() == ["/a.csv", "/sub/b.csv"]
    with pytest.raises(MissingFile):
        Dataset.File.upload_directory("absent", (store, "up"))
    with pytest.raises(InvalidInput, match="fits the pattern"):
        Dataset.File.upload_directory("src", (store, "up"), pattern="*.png")
    with pytest.raises(InvalidInput, match="has to name a datastore"):
        Dataset.File.upload_directory("src", "up")


def test_frame_of_pandas_is_registered(workspace: Workspace, store: Datastore):
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None], "t": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    first = Dataset.Tabular.register_pandas_dataframe(frame, target=(store, "frames"), name="frame", tags={"k": "v"},
                                                      show_progress=False)  # fmt: skip
    assert (first.name, first.version, first.tags) == ("frame", 1, {"k": "v"})
    found = first.to_pandas_dataframe().fillna({"b": "missing"})
    assert found.to_dict("list") == {"a": [1, 2], "b": ["x", "missing"], "t": list(frame["t"])}
    second = Dataset.Tabular.register_pandas_dataframe(frame.head(1), store, "frame", show_progress=False)
    assert second.version == 2
    assert len(Dataset.get_by_name(workspace, "frame", version=1).to_pandas_dataframe()) == 2
    with pytest.raises(DatasetExecutionError, match="cannot be written as Parquet"):
        Dataset.Tabular.register_pandas_dataframe(pd.DataFrame({"a": [1, "x"]}), store, "mixed")
    assert "mixed" not in workspace.datasets


def test_rows_are_written_to_files(workspace: Workspace, store: Datastore):
    frame = pd.DataFrame({"k": ["a", "b", "a"], "n": [1, 2, 3], "text": ["=1", "x", None]})
    dataset = Dataset.Tabular.register_pandas_dataframe(frame, store, "frame", show_progress=False)
    csv = dataset.to_csv_files()
    assert Path(csv.download()[0]).read_text() == "k,n,text\na,1,'=1\nb,2,x\na,3,\n"
    plain = dataset.to_csv_files(separator=";", target=(store, "out"), guard_formulas=False)
    assert Path(plain.download()[0]).read_text().splitlines()[1] == "a;1;=1"
    parquet = dataset.to_parquet_files()
    assert pd.read_parquet(parquet.download()[0])["n"].tolist() == [1, 2, 3]
    parts = dataset.partition_by(partition_keys=["k"], target=DataPath(store, "parts"), name="parts",
                                 show_progress=False)  # fmt: skip
    assert (parts.name, parts.version, parts.partition_keys) == ("parts", 1, ["k"])
    assert parts.get_partition_key_values() == [{"k": "a"}, {"k": "b"}]
    assert parts.filter(parts["k"] == "a").to_pandas_dataframe()["n"].tolist() == [1, 3]
    assert workspace.datasets["parts"].to_pandas_dataframe()["k"].tolist() == ["a", "a", "b"]
    files = dataset.partition_by("k", (store, "parts2"), partition_as_file_dataset=True, show_progress=False)
    assert files.get_partition_key_values(["k"]) == [{"k": "a"}, {"k": "b"}]
    with pytest.raises(DatasetExecutionError, match="no column 'q'"):
        dataset.partition_by(["q"], (store, "parts3"))


def test_versions_are_described_and_taken_back(workspace: Workspace, store: Datastore):
    _upload(store, {"a.csv": "a\n1\n"})
    dataset = Dataset.Tabular.from_delimited_files((store, "a.csv")).register(workspace, "set", tags={"a": "1"})
    assert dataset.add_tags({"b": 2}) is dataset
    assert dataset.tags == {"a": "1", "b": "2"}
    assert dataset.remove_tags(["a"]).tags == {"b": "2"}
    assert dataset.update(description="new", tags={"c": "3"}).tags == {"c": "3"}
    assert Dataset.get_by_name(workspace, "set").description == "new"
    other = dataset.take(1).register(workspace, "other")
    assert dataset.deprecate(other).state == "deprecated"
    assert dataset.archive().state == "archived"
    assert list(workspace.datasets) == ["other"]
    assert dataset.reactivate().state == "active"
    with pytest.raises(AlreadyExists, match="create_new_version=True"):
        dataset.take(5).register(workspace, "set")
    assert dataset.take(5).register(workspace, "set", create_new_version=True).version == 2
    dataset.unregister_all_versions()
    assert (dataset.name, dataset.version) == (None, None)
    assert list(workspace.datasets) == ["other"]
    with pytest.raises(UserErrorException, match="not registered"):
        dataset.take(1).add_tags({"a": "b"})


def test_dataset_is_saved_without_a_name(workspace: Workspace, store: Datastore):
    _upload(store, {"a.csv": "a\n1\n"})
    dataset = Dataset.Tabular.from_delimited_files((store, "a.csv"))
    saved = dataset.save()
    assert dataset.id == saved == dataset.save(workspace)
    assert Dataset.get_by_id(workspace, saved).to_pandas_dataframe()["a"].tolist() == [1]
    assert workspace.datasets == {}
    with pytest.raises(UserErrorException):
        TabularDataset()
    with pytest.raises(CapabilityNotAvailable):
        Dataset("definition")
