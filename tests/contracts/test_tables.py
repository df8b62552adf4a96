"""Every kind of datastore that holds tables gives the same rows, against the real thing, and changes nothing."""

import ctypes.util
import io
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from terrazul.core.errors import DatastoreUnreachable, DestinationRefused, DestinationUnreachable, InvalidInput
from terrazul.server.datastore.kind import Tables
from terrazul.server.datastore.service.opening import all_kinds, missing_package
from terrazul.testing.datastore import Opened, steps_of
from terrazul.testing.needs import needs
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.sql_server import DATABASE, USER, Listening, sql_server
from terrazul.testing.sql_server import PASSWORD as SQL_PASSWORD
from terrazul.testing.sql_server import ROWS as SQL_ROWS
from terrazul.testing.stores import mariadb

ROWS = 25_000
TABLE = "CREATE TABLE numbers (n INTEGER, half DOUBLE PRECISION, word VARCHAR(20), day DATE, moment TIMESTAMP NULL)"
FIRST = "INSERT INTO numbers VALUES (1, 0.5, 'one', '2026-01-02', '2026-01-02 03:04:05'), (2, NULL, 'zwö', NULL, NULL)"
PASSWORD = "p@ss'wörd"


def answer(opened: Opened, text: str, seconds: int = 30) -> pa.Table:
    async def scenario(tables: Tables) -> bytes:
        return b"".join([chunk async for chunk in tables.query(text, seconds)])

    return pa.ipc.open_stream(io.BytesIO(opened.with_tables(scenario))).read_all()


class TablesContract:
    series = "SELECT 1"
    slow = "SELECT 1"
    writes = (
        "INSERT INTO numbers VALUES (3, 3, 'x', NULL, NULL)",
        "DROP TABLE numbers",
        "SELECT 1; DROP TABLE numbers",
    )

    @pytest.fixture
    def opened(self) -> Opened:
        raise pytest.UsageError("override the fixture `opened`")

    def test_every_step_towards_it_is_done(self, opened: Opened):
        assert [problem for _, problem in opened.with_tables(steps_of) if problem] == []

    def test_rows_keep_their_types_and_nulls(self, opened: Opened):
        table = answer(opened, "SELECT n, half, word, day, moment FROM numbers ORDER BY n")
        assert table.column_names == ["n", "half", "word", "day", "moment"]
        assert [row["n"] for row in table.to_pylist()] == [1, 2]
        assert table.column("half").to_pylist() == [0.5, None]
        assert table.column("word").to_pylist() == ["one", "zwö"]
        assert str(table.column("day").to_pylist()[0])[:10] == str(date(2026, 1, 2))
        assert str(table.column("moment").to_pylist()[0])[:19] == "2026-01-02 03:04:05"
        assert table.column("moment").to_pylist()[1] is None

    def test_no_rows_are_an_answer(self, opened: Opened):
        assert answer(opened, "SELECT n, word FROM numbers WHERE n > 5").num_rows == 0

    def test_many_rows_come_in_groups(self, opened: Opened):
        table = answer(opened, self.series)
        assert table.num_rows == ROWS
        assert sorted(table.column(0).to_pylist()) == list(range(1, ROWS + 1))

    def test_query_that_writes_is_refused(self, opened: Opened):
        for text in self.writes:
            with pytest.raises(InvalidInput, match="refuses"):
                answer(opened, text)
        assert answer(opened, "SELECT * FROM numbers").num_rows == 2

    @pytest.mark.parametrize("text", ["SELEKT 1", "SELECT nix FROM numbers", "SELECT * FROM nix", ";", "("])
    def test_wrong_query_is_told(self, opened: Opened, text: str):
        with pytest.raises(InvalidInput, match="The database refuses the query"):
            answer(opened, text)

    def test_slow_query_is_broken_off(self, opened: Opened):
        with pytest.raises(InvalidInput, match="broken off after 1 s"):
            answer(opened, self.slow, 1)


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresqlCluster]:
    cluster = PostgresqlCluster()
    try:
        with cluster.administrate() as connection:
            connection.execute("CREATE DATABASE tables TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD.replace(chr(39), chr(39) * 2)}'")
        with cluster.administrate("tables") as connection:
            connection.execute(TABLE)
            connection.execute(FIRST)
            connection.execute("GRANT ALL ON numbers TO reader; ALTER TABLE numbers OWNER TO reader")
        yield cluster
    finally:
        cluster.remove()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    statements = "\n".join(
        f"{text};"
        for text in (
            "CREATE DATABASE tables CHARACTER SET utf8mb4",
            "USE tables",
            "SET NAMES utf8mb4",
            TABLE,
            FIRST,
            f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD.replace(chr(39), chr(39) * 2)}'",
            "GRANT ALL ON tables.* TO reader@'127.0.0.1'",
        )
    )
    with mariadb(tmp_path_factory.mktemp("m"), statements) as place:
        yield place


class TestPostgreSql(TablesContract):
    kind = "PostgreSql"
    series = f"SELECT i FROM generate_series(1, {ROWS}) AS s(i)"
    slow = "SELECT pg_sleep(60)"

    def described(self, cluster: PostgresqlCluster, **settings: Any) -> Opened:
        known = {"host": "127.0.0.1", "port": cluster.port, "database": "tables", **settings}
        return Opened(self.kind, known, {"user": "reader", "password": PASSWORD}, [f"127.0.0.1:{cluster.port}"])

    @pytest.fixture
    def opened(self, cluster: PostgresqlCluster) -> Opened:
        return self.described(cluster)

    def test_types_that_are_no_numbers_are_text(self, opened: Opened):
        table = answer(
            opened, """SELECT 1.5::numeric AS n, '{"a": [1]}'::json AS j, ARRAY[1,2] AS l, 'a'::bytea AS b"""
        )
        assert table.to_pylist() == [{"n": 1.5, "j": '{"a": [1]}', "l": "[1, 2]", "b": b"a"}]

    def test_step_that_fails_is_told_without_the_password(
        self, cluster: PostgresqlCluster, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        wrong = self.described(cluster)._replace(credential={"user": "reader"})
        (*_, last) = wrong.with_tables(steps_of)
        assert last[0] == "sign in"
        assert "password" in last[1]
        with pytest.raises(DatastoreUnreachable) as caught:
            answer(wrong, "SELECT 1")
        assert PASSWORD not in str(caught.value)
        (*_, last) = self.described(cluster, database="nix").with_tables(steps_of)
        assert last[0] == "find the database"
        (last,) = self.described(cluster, host="no-such-host.invalid").with_tables(steps_of)
        assert last[0] == "resolve"


class TestAzurePostgreSql(TestPostgreSql):
    kind = "AzurePostgreSql"

    def described(self, cluster: PostgresqlCluster, **settings: Any) -> Opened:
        known = {"server_name": "127.0.0.1", "port_number": cluster.port, "database_name": "tables"}
        names = {"host": "server_name", "database": "database_name"}
        known |= {names[name]: value for name, value in settings.items()}
        known["enforce_ssl"] = False
        credential = {"user_id": "reader", "user_password": PASSWORD}
        return Opened(self.kind, known, credential, [f"127.0.0.1:{cluster.port}"])

    test_step_that_fails_is_told_without_the_password = None  # as its sibling, whose fields differ


class TestMySql(TablesContract):
    kind = "MySql"
    series = f"SELECT seq FROM seq_1_to_{ROWS}"
    slow = "SELECT sleep(60)"

    @pytest.fixture
    def opened(self, place: str) -> Opened:
        host, _, port = place.rpartition(":")
        settings = {"host": host, "port": int(port), "database": "tables", "tls": "disable"}
        return Opened(self.kind, settings, {"user": "reader", "password": PASSWORD}, [place])

    def test_numbers_without_signs_and_bytes_are_kept(self, opened: Opened):
        table = answer(opened, "SELECT CAST(18446744073709551615 AS UNSIGNED) AS u, 1.25 AS d, x'00ff' AS b")
        assert table.to_pylist() == [{"u": 2**64 - 1, "d": 1.25, "b": b"\x00\xff"}]

    def test_step_that_fails_is_told_without_the_password(self, opened: Opened):
        (*_, last) = opened._replace(credential={"user": "reader", "password": "no"}).with_tables(steps_of)
        assert last[0] == "sign in"
        assert PASSWORD not in last[1]
        (*_, last) = opened._replace(settings={**opened.settings, "database": "nix"}).with_tables(steps_of)
        assert last[0] == "find the database"


class TestSqlServer:
    """Against what speaks as SQL Server does, since none can be had for tests: only what the edge does with it."""

    kind = "SqlServer"

    @pytest.fixture
    def listening(self) -> Iterator[Listening]:
        needs(ctypes.util.find_library("ltdl") is not None, "libltdl7")
        with sql_server() as listening:
            yield listening

    @pytest.fixture
    def opened(self, listening: Listening) -> Opened:
        host, _, port = listening.place.rpartition(":")
        settings = {"host": host, "port": int(port), "database": DATABASE, "tls": "disable"}
        return Opened(self.kind, settings, {"user": USER, "password": SQL_PASSWORD}, [listening.place])

    def test_rows_keep_their_types_and_nulls(self, opened: Opened):
        assert [problem for _, problem in opened.with_tables(steps_of) if problem] == []
        table = answer(opened, "SELECT n, half, word, day, moment FROM numbers")
        assert [tuple(row.values()) for row in table.to_pylist()] == list(SQL_ROWS)
        assert answer(opened, "SELECT * FROM numbers WHERE n > 5").num_rows == 0

    def test_what_a_query_does_is_rolled_back(self, opened: Opened, listening: Listening):
        with pytest.raises(InvalidInput, match="it gives no rows"):
            answer(opened, "DROP TABLE numbers")
        answer(opened, "SELECT * FROM numbers")
        assert listening.asked[:3] == ["BEGIN", "DROP TABLE numbers", "ROLLBACK"]
        assert listening.asked[3:] == ["BEGIN", "SELECT * FROM numbers", "ROLLBACK"]

    def test_query_that_is_wrong_or_slow_is_told(self, opened: Opened):
        with pytest.raises(InvalidInput, match="The database refuses the query: Invalid object name 'nix'"):
            answer(opened, "SELECT * FROM nix")
        with pytest.raises(InvalidInput, match="broken off after 1 s"):
            answer(opened, "WAITFOR DELAY '01:00'; SELECT * FROM numbers", 1)

    @pytest.mark.parametrize(
        ("change", "step", "told"),
        [
            ({"credential": {"user": USER, "password": "canary"}}, "sign in", "Login failed for user 'reader'."),
            ({"settings": {"database": "absent"}}, "find the database", 'Cannot open database "absent"'),
            ({"settings": {"tls": "require"}}, "sign in", "Encryption not supported"),
            ({"settings": {"host": "no-such-host.invalid"}}, "resolve", "not known"),
            ({"settings": {"port": 1}}, "connect", "nothing answers"),
        ],
    )
    def test_step_that_fails_is_told_without_the_password(
        self, opened: Opened, change: dict[str, Any], step: str, told: str
    ):
        settings = {**opened.settings, **change.get("settings", {})}
        wrong = opened._replace(settings=settings, credential=change.get("credential", opened.credential))
        wrong = wrong._replace(allowed=[f"{settings['host']}:{settings['port']}"])
        (*_, last) = wrong.with_tables(steps_of)
        assert last[0] == step
        assert told in last[1]
        assert "canary" not in last[1]
        assert SQL_PASSWORD not in last[1]
        with pytest.raises((DatastoreUnreachable, DestinationUnreachable)) as caught:
            answer(wrong, "SELECT * FROM numbers")
        assert SQL_PASSWORD not in str(caught.value)

    def test_server_that_nobody_allowed_is_not_called(self, opened: Opened):
        with pytest.raises(DestinationRefused, match="can send its clients elsewhere"):
            opened._replace(allowed=[]).with_tables(steps_of)
        azures = Opened("AzureSqlDatabase", {"server_name": "sql.example.com", "database_name": "d"}, opened.credential)
        azures = azures._replace(credential={"user_id": "u", "user_password": "p"})
        with pytest.raises(DestinationRefused, match=r"sql.example.com:1433 is not called"):
            azures.with_tables(steps_of)

    def test_driver_that_is_missing_is_told_with_what_brings_it(self, opened: Opened, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setitem(sys.modules, "mssql_python", None)
        with pytest.raises(ModuleNotFoundError) as caught:
            opened.with_tables(steps_of)
        told = str(missing_package(self.kind, caught.value))
        assert "SqlServer needs the package mssql_python" in told
        assert "pip install 'terrazul[server,sql-server]'" in told


class FileContract(TablesContract):
    @pytest.fixture
    def opened(self, file: Path) -> Opened:
        return Opened(self.kind, {"path": str(file)}, {}, home=file.parent.parent / "home")  # type: ignore[attr-defined]

    def test_query_opens_no_other_file(self, opened: Opened, tmp_path: Path):
        (tmp_path / "secret.csv").write_text("word\ncanary\n")
        for text in self.reaching(tmp_path / "secret.csv"):  # type: ignore[attr-defined]
            with pytest.raises(InvalidInput, match="refuses"):
                answer(opened, text)

    def test_file_in_the_home_or_beyond_the_roots_is_refused(self, opened: Opened, file: Path, tmp_path: Path):
        for other in ({"home": file.parent}, {"roots": [tmp_path / "elsewhere"]}, {"roots": []}):
            with pytest.raises(InvalidInput, match="lies"):
                answer(opened._replace(**other), "SELECT 1")
        (tmp_path / "link").symlink_to(file)
        with pytest.raises(InvalidInput, match="lies in the home"):
            answer(opened._replace(settings={"path": str(tmp_path / "link")}, home=file.parent), "SELECT 1")

    def test_file_that_is_none_is_told(self, opened: Opened, tmp_path: Path):
        (tmp_path / "text").write_text("no database, but a text that is long enough to be looked at as one" * 50)
        for name, step in (("text", "ask"), ("nothing", "find the file")):
            (*_, last) = opened._replace(settings={"path": str(tmp_path / name)}).with_tables(steps_of)
            assert last[0] == step
            assert last[1]


class TestSqlite(FileContract):
    kind = "Sqlite"
    series = f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {ROWS}) SELECT i FROM s"
    slow = "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s) SELECT count(*) FROM s"

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        folder = tmp_path / secrets.token_hex(4)
        folder.mkdir()
        with sqlite3.connect(folder / "a b.db") as connection:
            connection.execute(TABLE)
            connection.execute(FIRST)
        connection.close()
        return folder / "a b.db"

    def reaching(self, path: Path) -> list[str]:
        return [
            f"ATTACH '{path}' AS other",
            "PRAGMA database_list",
            f"VACUUM INTO '{path}2'",
            "SELECT load_extension('x')",
        ]

    def test_mixed_column_is_text(self, opened: Opened):
        table = answer(opened, "SELECT 1 AS x, 1 AS y UNION ALL SELECT 'a', 2.5 UNION ALL SELECT x'41', NULL")
        assert sorted(table.column("x").to_pylist()) == ["1", "A", "a"]
        assert table.schema.field("y").type == pa.float64()


class TestDuckDb(FileContract):
    kind = "DuckDb"
    series = f"SELECT i FROM range(1, {ROWS + 1}) AS s(i)"
    slow = "SELECT sum(a.i * b.i) FROM range(10000000) a(i), range(10000000) b(i)"

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        folder = tmp_path / secrets.token_hex(4)
        folder.mkdir()
        with duckdb.connect(str(folder / "a b.duckdb")) as connection:
            connection.execute(TABLE)
            connection.execute(FIRST)
        return folder / "a b.duckdb"

    def reaching(self, path: Path) -> list[str]:
        return [
            f"SELECT * FROM '{path}'",
            f"SELECT * FROM read_csv('{path}')",
            f"ATTACH '{path}'",
            f"COPY numbers TO '{path}2'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ]


def test_every_kind_that_holds_tables_is_tried():
    classes = (TestPostgreSql, TestAzurePostgreSql, TestMySql, TestSqlServer, TestSqlite, TestDuckDb)
    tried = {cls.kind for cls in classes}
    same_as_others = {"AzureMySql", "AzureSqlDatabase"}  # demand TLS of a public certificate, which no test has
    assert {kind.name for kind in all_kinds().values() if not kind.holds_files} == tried | same_as_others
