"""Datastores as v1 code uses them, on the server's own storage, a folder and S3."""

import functools
import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pytest

from azureml.core import Dataset, Datastore, Experiment, ScriptRunConfig, Workspace
from azureml.data import DataType
from azureml.data.azure_sql_database_datastore import AzureSqlDatabaseDatastore
from azureml.data.azure_storage_datastore import AzureBlobDatastore, AzureFileDatastore
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.exceptions import UserErrorException
from terrazul.core.errors import (
    AlreadyExists,
    Conflict,
    CredentialHidden,
    DataNotFound,
    DatasetExecutionError,
    DatastoreUnreachable,
    InvalidInput,
    MissingFile,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from terrazul.data.access import Download, Stopped, Transfer, Upload
from terrazul.sdk.datastore.files import FileDatastore
from terrazul.testing.azure_files import FILES_ACCOUNT, FILES_KEY, azure_files
from terrazul.testing.listening import listening
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import RunningServer
from terrazul.testing.stores import AZURITE_ACCOUNT, AZURITE_KEY, s3_server

from .conftest import this_python

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def buckets() -> Iterator[str]:
    with s3_server() as place:
        yield place


@pytest.fixture(scope="module")
def shares() -> Iterator[str]:
    with azure_files() as place:
        yield place


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "there.csv").write_text("a\n1\n")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with listening(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as place:
        yield place


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresqlCluster]:
    cluster = PostgresqlCluster()
    try:
        with cluster.administrate() as connection:
            connection.execute("CREATE DATABASE sales TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
            connection.execute("CREATE ROLE reader LOGIN PASSWORD 'r'")
        with cluster.administrate("sales") as connection:
            connection.execute("CREATE TABLE orders (id INTEGER, shop VARCHAR(20), amount NUMERIC, day DATE)")
            connection.execute("INSERT INTO orders VALUES (1, 'Nord', 1.5, '2026-01-02'), (2, 'Süd', NULL, NULL)")
            connection.execute("GRANT SELECT ON orders TO reader")
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="module")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, buckets: str, shares: str, pages: str, cluster: PostgresqlCluster
) -> Iterator[RunningServer]:
    allowed = ",".join((buckets, shares, pages, f"127.0.0.1:{cluster.port}"))
    running = RunningServer(tmp_path_factory.mktemp("stores") / "home", "--allowed-destinations", allowed)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def store(workspace: Workspace, request: pytest.FixtureRequest) -> FileDatastore:
    """A folder of its own for each test."""
    folder = Path("folder-of-the-store").absolute()
    name = request.node.name[:40].replace("[", "_").replace("]", "_")
    return Datastore.register_local_folder(workspace, name, str(folder), create_if_not_exists=True, overwrite=True)


@pytest.fixture
def bucket(workspace: Workspace, buckets: str) -> FileDatastore:
    return Datastore.register_amazon_s3(
        workspace, "bucket", "bucket", "id", "secret", endpoint=f"http://{buckets}", create_if_not_exists=True
    )


def files(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"content of {path}")


def names(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def test_workspace_has_two_of_its_own(workspace: Workspace):
    assert {"workspaceblobstore", "workspacefilestore"} <= set(workspace.datastores)
    default = workspace.get_default_datastore()
    assert (default.name, default.is_default) == ("workspaceblobstore", True)
    assert Datastore(workspace).name == Datastore.get_default(workspace).name == "workspaceblobstore"
    assert Datastore(workspace, "WorkspaceFileStore").name == "workspacefilestore"
    with pytest.raises(Conflict):
        default.unregister()
    with pytest.raises(Conflict):
        Datastore.register_local_folder(workspace, "workspaceblobstore", "/tmp", overwrite=True)


def test_default_changes_and_comes_back(workspace: Workspace, store: FileDatastore):
    workspace.set_default_datastore(store.name)
    assert workspace.get_default_datastore().name == store.name
    assert not workspace.datastores["workspaceblobstore"].is_default
    store.unregister()
    assert workspace.get_default_datastore().name == "workspaceblobstore"
    with pytest.raises(NotFound):
        workspace.set_default_datastore("absent")


def test_folder_is_uploaded_listed_and_downloaded(store: FileDatastore, capsys: pytest.CaptureFixture[str]):
    files("src/a.csv", "src/b c/ü.csv", "src/b c/d.txt")
    reference = store.upload(src_dir="src", target_path="data", overwrite=True, show_progress=True)
    assert (reference.datastore.name, reference.path_on_datastore) == (store.name, "data")
    assert capsys.readouterr().out == "Uploaded 3 files.\n"
    assert [file.path for file in store.files("data/**/*.csv")] == ["data/a.csv", "data/b c/ü.csv"]
    assert store.browse("data").folders == ["b c"]
    assert store.download(target_path="got", prefix="data", show_progress=False) == 3
    assert names("got/data") == names("src")
    assert store.download("one", prefix="data/b c/d") == 1
    assert store.download("none", prefix="dat/") == 0


def test_files_are_uploaded_below_their_common_folder(store: FileDatastore):
    files("src/x/1", "src/x/y/2", "src/z/3")
    store.upload_files(["src/x/1", "src/x/y/2"], target_path="common", show_progress=False)
    assert [file.path for file in store.files("common")] == ["common/1", "common/y/2"]
    store.upload_files(["src/x/1", "src/z/3"], relative_root="src", target_path="rooted/")
    assert [file.path for file in store.files("rooted")] == ["rooted/x/1", "rooted/z/3"]
    store.upload_files([str(Path("src/z/3").absolute())])
    assert [file.path for file in store.files("*")] == ["3"]
    for wrong, told in (
        ({"files": ["absent", "src/z/3"]}, MissingFile),
        ({"files": "src/z/3"}, InvalidInput),
        ({"files": ["src/z/3"], "relative_root": "src/x"}, InvalidInput),
        ({"files": ["src/z/3"], "target_path": "../out"}, InvalidInput),
    ):
        with pytest.raises(told):
            store.upload_files(**wrong)
    with pytest.raises(FileNotFoundError):
        store.upload("absent")


@pytest.mark.parametrize("many", [False, True])
def test_what_is_there_stays_unless_overwritten(store: FileDatastore, many: bool):
    wanted = [f"src/{number}" for number in range(10 if many else 2)]
    files(*wanted)
    store.upload("src", "t")
    Path("src/1").write_text("changed")
    store.upload("src", "t")
    assert store.download("first", "t/1") == 1
    assert Path("first/t/1").read_text() == "content of src/1"
    store.upload("src", "t", overwrite=True)
    assert store.download("first", "t/1") == 0
    assert store.download("first", "t/1", overwrite=True) == 1
    assert Path("first/t/1").read_text() == "changed"
    assert store.download("first", "t/1", overwrite=True) == 0


def test_stores_of_objects_are_reached_by_signed_addresses(bucket: FileDatastore, buckets: str):
    files("src/a b/ü#1.csv", "src/2.csv")
    Path("src/large").write_bytes(os.urandom(65 << 20))
    bucket.upload("src", "in")
    (access,) = bucket.link.access(["in/2.csv"], is_writing=False)
    assert access.url.startswith(f"http://{buckets}/bucket/in/2.csv?")
    assert "secret" not in access.url
    assert bucket.download("got") == 3
    assert names("got/in") == names("src")
    assert Path("got/in/large").read_bytes() == Path("src/large").read_bytes()
    assert bucket.credential_type == "AccessKey"
    with pytest.raises(CredentialHidden):
        bucket.secret_access_key  # noqa: B018  # looking is what is tried


def test_file_that_changes_between_listing_and_reading_is_told(bucket: FileDatastore):
    files("src/x")
    bucket.upload("src", "changing", overwrite=True)
    (listed,) = bucket.files("changing/x")
    Path("src/x").write_text("Content of src/X")
    bucket.upload("src", "changing", overwrite=True)
    with pytest.raises(Conflict, match="has been changed"):
        Transfer(bucket.link).download([Download(listed, Path("got"))])
    assert not Path("got").exists()
    bucket.delete("changing/x")
    with pytest.raises(DataNotFound):
        Transfer(bucket.link).download([Download(listed, Path("got"))])
    assert [name for name in names(".") if name.endswith(".part")] == []


def test_transfer_that_is_called_off_leaves_no_half(store: FileDatastore):
    files(*(f"src/{number}" for number in range(50)))
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        Transfer(store.link, stop=stop).upload([Upload(Path("src/1"), "1", 16)])
    store.upload("src")
    wanted = [Download(file, Path("got") / file.path) for file in store.files()]
    with pytest.raises(Stopped):
        Transfer(store.link, stop=stop).download(wanted)
    assert not Path("got").exists() or names("got") == []


def test_two_who_write_one_file_leave_one_of_both(store: FileDatastore):
    texts = [str(number) * 100_000 for number in range(8)]

    def write(text: str) -> None:
        Path(f"from-{text[0]}").write_text(text)
        with Path(f"from-{text[0]}").open("rb") as file:
            store.link.write("both", file, len(text), overwrite=True)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, texts))
    with store.link.read("both", 0, None) as chunks:
        assert b"".join(chunks).decode() in texts


def test_registering_the_same_again_changes_nothing(workspace: Workspace, store: FileDatastore):
    folder = store.settings["path"]
    again = Datastore.register_local_folder(workspace, store.name.upper(), folder)
    assert again.name == store.name
    with pytest.raises(AlreadyExists):
        Datastore.register_local_folder(workspace, store.name, "/tmp")
    with pytest.raises(UserErrorException, match="There is no datastore 'absent'"):
        Datastore.get(workspace, datastore_name="absent")


def test_step_that_fails_is_told(workspace: Workspace, buckets: str):
    with pytest.raises(DatastoreUnreachable, match="'find the folder' failed: the folder /no/where cannot be read"):
        Datastore.register_local_folder(workspace, "absent", "/no/where")
    with pytest.raises(DatastoreUnreachable, match="step 'find the container' failed: there is no bucket 'absent'"):
        Datastore.register_amazon_s3(workspace, "absent", "absent", "k", "s", endpoint=f"http://{buckets}")
    assert "absent" not in workspace.datastores
    skipped = Datastore.register_local_folder(workspace, "absent", "/no/where", skip_validation=True)
    test = skipped.test()
    assert (test.is_reached, [step.name for step in test.steps]) == (False, ["find the folder"])


def test_v1_names_of_an_azure_datastore(workspace: Workspace):
    registered = Datastore.register_azure_blob_container(
        workspace=workspace,
        datastore_name="blobs",
        container_name="data",
        account_name=AZURITE_ACCOUNT,
        account_key=AZURITE_KEY,
        skip_validation=True,
    )
    for blobs in (registered, workspace.datastores["blobs"], Datastore(workspace, "blobs")):
        assert isinstance(blobs, AzureBlobDatastore)
        assert (blobs.container_name, blobs.account_name) == ("data", AZURITE_ACCOUNT)
        assert (blobs.datastore_type, blobs.protocol, blobs.endpoint) == ("AzureBlob", "https", "core.windows.net")
        assert (blobs.credential_type, blobs.is_sas, blobs.sas_token) == ("AccountKey", False, None)
        with pytest.raises(CredentialHidden):
            blobs.account_key  # noqa: B018  # looking is what is tried
        assert getattr(blobs, "account_key", "hidden") == "hidden"
    with pytest.raises(UserErrorException, match="Gen1"):
        Datastore.register_azure_data_lake(workspace, "lake", "store")


def test_references_and_paths(store: FileDatastore):
    reference = store.path("data/x", data_reference_name="here")
    assert isinstance(reference, DataReference)
    assert str(reference) == "$AZUREML_DATAREFERENCE_here"
    download = reference.as_download(path_on_compute="/tmp/x")
    assert (download.mode, download.path_on_compute, download.path_on_datastore) == ("download", "/tmp/x", "data/x")
    assert (store.as_mount().mode, store.as_upload("out").mode) == ("mount", "upload")
    config = download.to_config()
    assert (config.data_store_name, config.mode, config.path_on_data_store) == (store.name, "download", "data/x")
    path = DataPath(datastore=store, path_on_datastore="data/x", name="named")
    made = path.create_data_reference(datapath_compute_binding=DataPathComputeBinding(mode="download"))
    assert (made.data_reference_name, made.mode) == ("named", "download")
    assert DataPath.create_from_data_reference(made).datastore_name == store.name
    with pytest.raises(InvalidInput):
        DataReference(store, "a name")
    with pytest.raises(InvalidInput):
        DataPathComputeBinding(mode="teleport")


def test_query_of_a_database_is_an_arrow_stream(workspace: Workspace):
    file = Path("numbers.db").absolute()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE numbers (n)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in range(20_001)])
    connection.close()
    numbers = Datastore.register_sqlite(workspace, "numbers", str(file))
    with numbers.query("SELECT n FROM numbers") as chunks:
        table = pa.ipc.open_stream(b"".join(chunks)).read_all()
    assert table.column("n").to_pylist() == list(range(20_001))
    with pytest.raises(InvalidInput, match="no such table: absent"), numbers.query("SELECT * FROM absent"):
        pass
    with pytest.raises(InvalidInput, match="holds tables and no files"):
        numbers.link.browse("")
    with pytest.raises(InvalidInput, match="holds tables"):
        numbers.set_as_default()


@pytest.fixture
def sales(workspace: Workspace, cluster: PostgresqlCluster) -> Datastore:
    place = {"server_name": "127.0.0.1", "database_name": "sales", "port_number": str(cluster.port)}
    return Datastore.register_azure_postgre_sql(
        workspace, "sales", user_id="reader", user_password="r", enforce_ssl=False, overwrite=True, **place
    )


def test_table_of_a_query(workspace: Workspace, sales: Datastore):
    orders = Dataset.Tabular.from_sql_query((sales, "SELECT * FROM orders ORDER BY id"), query_timeout=10)
    frame = orders.to_pandas_dataframe()
    assert frame["shop"].tolist() == ["Nord", "Süd"]
    assert [str(frame[name].dtype) for name in ("id", "amount", "day")] == ["int64", "float64", "datetime64[ns]"]
    assert orders.filter(orders["amount"] > 1).keep_columns("id").to_pandas_dataframe()["id"].tolist() == [1]
    registered = orders.register(workspace, "orders")
    with_types = Dataset.Tabular.from_sql_query(
        DataPath(sales, "SELECT id, day FROM orders"), set_column_types={"id": DataType.to_string()}
    )
    assert sorted(with_types.to_pandas_dataframe()["id"]) == ["1", "2"]
    found = Dataset.get_by_name(workspace, "orders")
    assert (found.id, found.take(1).to_pandas_dataframe()["id"].tolist()) == (registered.id, [1])
    with pytest.raises(Conflict, match="used by the dataset"):
        sales.unregister()


def test_query_that_is_wrong_slow_or_of_no_database_is_told(sales: Datastore, store: FileDatastore):
    with pytest.raises(UserErrorException, match='relation "absent" does not exist'):
        Dataset.Tabular.from_sql_query((sales, "SELECT * FROM absent"))
    slow = Dataset.Tabular.from_sql_query((sales, "SELECT pg_sleep(60)"), validate=False, query_timeout=1)
    with pytest.raises(UserErrorException, match="broken off after 1 s"):
        slow.to_pandas_dataframe()
    late = "SELECT CASE WHEN n = 15000 THEN pg_sleep(60)::text ELSE 'x' END AS x FROM generate_series(1, 20000) AS s(n)"
    with pytest.raises(Unavailable, match="may have taken longer than 1 s"):
        Dataset.Tabular.from_sql_query((sales, late), validate=False, query_timeout=1).to_pandas_dataframe()
    with pytest.raises(UserErrorException, match="refuses the query"):
        Dataset.Tabular.from_sql_query((sales, "DELETE FROM orders RETURNING 1"))
    with pytest.raises(UserErrorException, match="holds files and no tables"):
        Dataset.Tabular.from_sql_query((store, "SELECT 1"))


def test_table_of_a_query_in_a_run(sales: Datastore, experiment: Experiment):
    orders = Dataset.Tabular.from_sql_query((sales, "SELECT id, amount FROM orders ORDER BY id"))
    Path("src").mkdir()
    Path("src/script.py").write_text(
        "from azureml.core import Run\n"
        "run = Run.get_context()\n"
        "frame = run.input_datasets['orders'].to_pandas_dataframe()\n"
        "run.log('rows', len(frame))\n"
        "run.log('amount', float(frame['amount'].sum()))\n"
    )
    config = ScriptRunConfig("src", "script.py", [orders.as_named_input("orders")], environment=this_python())
    run = experiment.submit(config)
    run.wait_for_completion(raise_on_error=True)
    assert run.get_metrics() == {"rows": 2, "amount": 1.5}


def test_share_of_azure_files_holds_a_dataset(workspace: Workspace, shares: str):
    share = Datastore.register_azure_file_share(
        workspace=workspace,
        datastore_name="share",
        file_share_name="data",
        account_name=FILES_ACCOUNT,
        account_key=FILES_KEY,
        endpoint=f"http://{shares}",
        create_if_not_exists=True,
    )
    assert isinstance(share, AzureFileDatastore)
    assert (share.datastore_type, share.container_name, share.credential_type) == ("AzureFile", "data", "AccountKey")
    with pytest.raises(CredentialHidden):
        share.account_key  # noqa: B018  # looking is what is tried
    files("src/a/1.csv", "src/2.csv")
    share.upload("src", "in")
    assert share.download("got", "in") == 2
    assert names("got/in") == names("src")
    (access,) = share.link.access(["in/2.csv"], is_writing=False)
    assert access.url.startswith(f"http://{shares}/data/in/2.csv?")
    assert Dataset.File.from_files((share, "in/**")).to_path() == ["/2.csv", "/a/1.csv"]
    share.upload("src", "in")
    Path("src/2.csv").write_text("changed")
    share.upload("src", "in", overwrite=True)
    assert share.download("again", "in/2.csv") == 1
    assert Path("again/in/2.csv").read_text() == "changed"
    share.unregister()


def test_missing_file_of_a_web_server_is_told_as_missing(workspace: Workspace, pages: str):
    web = Datastore.register_http(workspace, "web", f"http://{pages}")
    assert Dataset.File.from_files((web, "there.csv")).to_path() == ["/there.csv"]
    with pytest.raises(UserErrorException, match=r"absent\.csv"):
        Dataset.File.from_files((web, "absent.csv")).to_path()
    with pytest.raises(InvalidInput, match="has no lists of its files"):
        list(web.files("*.csv"))


def test_v1_names_of_an_azure_sql_database(workspace: Workspace):
    with pytest.raises(InvalidInput, match="service principal"):
        Datastore.register_azure_sql_database(workspace, "sql", "server", "db", "tenant", "client", "secret")
    made = AzureSqlDatabaseDatastore(workspace, "sql", "server", "db", username="u", password="p")
    assert (made.server_name, made.database_name, made.auth_type) == ("server", "db", "SqlAuthentication")
    with pytest.raises(CredentialHidden):
        made.password  # noqa: B018  # looking is what is tried


def test_files_that_a_column_names_are_downloaded_and_mounted(workspace: Workspace, store: FileDatastore):
    files("src/cats/1.jpg", "src/cats/2.jpg", "src/dogs/3.jpg")
    store.upload("src", "pictures")
    lines = [
        f"AmlDatastore://{store.name}/pictures/cats/1.jpg",
        f"azureml://datastores/{store.name}/paths/pictures/dogs/3.jpg",
        f"AmlDatastore://{store.name}/pictures/cats/1.jpg",
        f"AmlDatastore://{store.name}/pictures/cats/absent.jpg",
    ]
    Path("labels.csv").write_text("image_url,label\n" + "".join(f"{line},x\n" for line in lines))
    store.upload_files(["labels.csv"])
    labels = Dataset.Tabular.from_delimited_files(
        (store, "labels.csv"), set_column_types={"image_url": DataType.to_stream(workspace)}
    )
    got = labels.download(stream_column="image_url", target_path="got", overwrite=False)
    assert [Path(path).relative_to(Path("got").absolute()).as_posix() for path in got] == ["cats/1.jpg", "dogs/3.jpg"]
    assert Path("got/cats/1.jpg").read_text() == "content of src/cats/1.jpg"
    with pytest.raises(AlreadyExists):
        labels.download("image_url", "got")
    with pytest.raises(DataNotFound, match=r"absent\.jpg"):
        labels.download("image_url", ignore_not_found=False)
    with labels.mount("image_url") as mounted:
        assert names(mounted.mount_point) == ["cats/1.jpg", "dogs/3.jpg"]
        assert (Path(mounted.mount_point) / "dogs/3.jpg").read_text() == "content of src/dogs/3.jpg"
    with pytest.raises(DatasetExecutionError, match="'x' in the column 'label' names no file"):
        labels.download("label")


def test_upload_has_a_line_in_the_activity_log_and_not_one_for_each_file(
    workspace: Workspace, store: FileDatastore, shared_server: RunningServer
):
    files(*(f"src/{number}" for number in range(30)))
    store.upload("src", "many")
    log = f"/api/v1/workspaces/{workspace.workspace_id}/activity?limit=1000"
    lines = [each for each in shared_server.call("GET", log)["lines"] if each["action"] == "data/write"]
    (line,) = [each for each in lines if each["object_id"] == store.name]
    assert (line["change"], line["object_type"], line["status"], line["kind"]) == ("changed", "datastore", 200, "user")


@pytest.mark.usefixtures("workspace")
def test_quota_counts_what_the_built_in_ones_hold(shared_server: RunningServer):
    own = Workspace.create("bounded")
    address = f"/api/v1/workspaces/{own.workspace_id}/quota"
    shared_server.call("PUT", address, {"storage_bytes": 1000})
    store = own.get_default_datastore()
    Path("large").write_bytes(b"x" * 600)
    store.upload_files(["large"])
    assert shared_server.call("GET", address)["storage_bytes"] == 600
    with pytest.raises(QuotaExceeded):
        store.upload_files(["large"], target_path="again")
    store.upload_files(["large"], overwrite=True)
    Path("large").write_bytes(b"x" * 100)
    store.upload_files(["large"], overwrite=True)
    assert shared_server.call("GET", address)["storage_bytes"] == 100
    store.delete("large")
    assert shared_server.call("GET", address)["storage_bytes"] == 0
    folder = shared_server.home.data_folder / own.workspace_id
    assert [path.name for path in folder.rglob("*") if path.is_file()] == []
    own.delete()
    assert not folder.exists()


def test_many_files_of_one_folder_come_in_pages(store: FileDatastore):
    folder = Path(store.settings["path"])
    for number in range(10_050):
        (folder / f"{number:06}").touch()
    (folder / "below").mkdir()
    assert len(list(store.files())) == 10_050
    page = store.browse()
    assert (len(page.files), page.folders) == (10_050, ["below"])


def test_script_in_a_run_reads_and_writes_and_no_more(workspace: Workspace, experiment: Experiment):
    Path("src").mkdir()
    Path("src/script.py").write_text(
        "import os\n"
        "from azureml.core import Run\n"
        "store = Run.get_context().experiment.workspace.get_default_datastore()\n"
        "open('large', 'wb').write(os.urandom(9 << 20))\n"
        "store.upload_files(['large'], target_path='of-a-run')\n"
        "assert store.download('got', 'of-a-run/') == 1\n"
        "assert open('got/of-a-run/large', 'rb').read() == open('large', 'rb').read()\n"
        "for refused in (store.set_as_default, lambda: store.delete('of-a-run/large')):\n"
        "    try:\n"
        "        refused()\n"
        "    except Exception as error:\n"
        "        assert type(error).__name__ == 'Forbidden', error\n"
        "    else:\n"
        "        raise AssertionError(refused)\n"
    )
    run = experiment.submit(ScriptRunConfig("src", "script.py", environment=this_python()))
    run.wait_for_completion(raise_on_error=True)
    (file,) = workspace.get_default_datastore().files("of-a-run")
    assert file.size == 9 << 20
