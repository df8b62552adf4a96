"""The key vault of a running server: its key is missing, wrong, changed; secrets of older databases are sealed."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from terrazul.core.clock import now
from terrazul.server import services  # noqa: F401  # defines all tables
from terrazul.server.sql.database import Database
from terrazul.server.sql.kinds.sqlite import SqliteDatabase
from terrazul.server.sql.migration import SCRIPTS, migrate
from terrazul.server.vault.cipher import MasterKey
from terrazul.server.vault.kinds.file import FilePlace
from terrazul.server.vault.service.vault import Vault
from terrazul.server.vault.store import Place
from terrazul.server.workspace import store as workspaces
from terrazul.testing.postgresql import PostgresqlCluster
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import Submitter, wait_for
from terrazul.wire.workspace import Workspace

pytestmark = pytest.mark.functional
CANARY = "canary-of-the-vault"


@pytest.fixture
def secrets(server: RunningServer) -> str:
    """The address of secrets, with one in it."""
    address = f"{server.workspace()}/secrets"
    server.call("POST", address, {"secrets": [{"name": "first", "value": CANARY}]})
    return address


def value(server: RunningServer, address: str, name: str = "first") -> str | None:
    found = server.call("POST", f"{address}/values", {"names": [name]})
    return str(found[0]["value"]) if found else None


def keys_in(server: RunningServer) -> list[str]:
    return server.home.master_key_file.read_text().split()


@pytest.mark.each_database
def test_secret_is_set_read_changed_and_deleted(server: RunningServer, secrets: str):
    assert value(server, secrets, "FIRST") == CANARY
    server.call("POST", secrets, {"secrets": [{"name": "First", "value": "new", "content_type": "text/plain"}]})
    assert value(server, secrets) == "new"
    listed = server.call("GET", secrets)
    assert [(each["name"], each["content_type"]) for each in listed] == [("First", "text/plain")]
    assert "value" not in listed[0]
    assert value(server, secrets, "other") is None
    server.call("DELETE", f"{secrets}/first")
    assert server.call("GET", secrets) == []
    with pytest.raises(Refused, match="There is no secret"):
        server.call("DELETE", f"{secrets}/first")


@pytest.mark.each_database
def test_secrets_are_set_together_or_not_at_all(server: RunningServer, secrets: str):
    for wrong in (
        {"name": "a b", "value": "x"},
        {"name": "first", "value": "x" * 25_601},
        {"name": "NEW", "value": ""},
    ):
        with pytest.raises(Refused):
            server.call("POST", secrets, {"secrets": [{"name": "new", "value": "x"}, wrong]})
    assert [each["name"] for each in server.call("GET", secrets)] == ["first"]


@pytest.mark.each_database
def test_each_read_is_on_record(server: RunningServer, secrets: str):
    user = server.call("GET", "/api/v1/me")["name"]
    value(server, secrets)
    value(server, secrets, "absent")
    server.call("POST", secrets, {"secrets": [{"name": "First", "value": "anew"}]})
    server.call("DELETE", f"{secrets}/first")
    lines = server.call("GET", f"{secrets.rpartition('/')[0]}/activity?object_type=secret")["lines"]
    told = [(each["object_id"], each["change"], each["user"], each["action"]) for each in reversed(lines)]
    assert told == [
        ("first", "created", user, "secret/write"),
        ("first", "shown", user, "secret/value/read"),
        ("first", "changed", user, "secret/write"),
        ("first", "deleted", user, "secret/write"),
    ]


def test_same_name_of_two_workspaces_is_two_secrets(server: RunningServer, secrets: str):
    other = f"{server.workspace('another')}/secrets"
    server.call("POST", other, {"secrets": [{"name": "first", "value": "of the other"}]})
    assert (value(server, secrets), value(server, other)) == (CANARY, "of the other")


def test_secret_that_was_moved_in_the_database_is_not_handed_out(server: RunningServer, secrets: str):
    server.call("POST", secrets, {"secrets": [{"name": "second", "value": "x"}]})
    server.stop()
    with sqlite3.connect(server.home.database_file) as database:
        of_first = "(SELECT {0} FROM sealed_value WHERE name = 'first')"
        moved = ", ".join(f"{column} = {of_first.format(column)}" for column in ("wrapped_key", "content"))
        database.execute(f"UPDATE sealed_value SET {moved} WHERE name = 'second'")
    database.close()
    server.start()
    with pytest.raises(Refused, match="damaged") as refused:
        value(server, secrets, "second")
    assert CANARY not in str(refused.value.body)
    assert value(server, secrets) == CANARY


def closed(server: RunningServer, address: str) -> str:
    """Why the vault is closed; everything else must work."""
    for call in (lambda: value(server, address), lambda: server.call("POST", address, NEW)):
        with pytest.raises(Refused) as refused:
            call()
        assert (refused.value.status, refused.value.body["code"]) == (500, "vault_closed")
    assert [each["name"] for each in server.call("GET", address)] == ["first"]
    assert server.call("GET", f"{server.workspace()}/runs")["runs"] == []
    problem = str(server.call("GET", "/api/v1/keyvault")["problem"])
    assert problem in server.home.log_file.read_text()
    assert refused.value.body["message"] in problem
    assert server.call("GET", "/api/v1/server/status")["vault_problem"] == problem
    return problem


NEW = {"secrets": [{"name": "new", "value": "x"}]}


@pytest.mark.each_database
def test_missing_key_is_told_and_never_made_anew(server: RunningServer, secrets: str):
    server.stop()
    (kept,) = keys_in(server)
    server.home.master_key_file.unlink()
    server.start()
    key_id = MasterKey.of_text(kept).id
    assert f"The master key {key_id} is missing" in closed(server, secrets)
    assert not server.home.master_key_file.exists()
    server.stop()
    server.home.master_key_file.write_text(MasterKey.make().text)
    server.start()
    assert f"The master key {key_id} is missing" in closed(server, secrets)
    server.stop()
    server.home.master_key_file.write_text("not a key")
    server.start()
    assert "holds no master key" in closed(server, secrets)
    server.stop()
    server.home.master_key_file.write_text(kept)
    server.start()
    assert value(server, secrets) == CANARY


def test_who_has_lost_the_key_can_delete_and_begin_anew(server: RunningServer, secrets: str):
    server.stop()
    server.home.master_key_file.unlink()
    server.start()
    server.call("DELETE", f"{secrets}/first")
    server.stop()
    server.start()
    server.call("POST", secrets, NEW)
    assert value(server, secrets, "new") == "x"


def test_change_of_the_key_leaves_one_key_and_every_value(server: RunningServer, secrets: str):
    (before,) = keys_in(server)
    content = contents(server)
    rotation = server.call("POST", "/api/v1/keyvault/rotate")
    (after,) = keys_in(server)
    assert after != before
    assert rotation == {"master_key": MasterKey.of_text(after).id, "sealed_anew": 1, "remaining": 0}
    assert contents(server) == content
    assert value(server, secrets) == CANARY
    server.stop()
    server.start()
    assert value(server, secrets) == CANARY
    assert server.call("GET", "/api/v1/keyvault")["waiting"] == 0


def contents(server: RunningServer) -> list[bytes]:
    with sqlite3.connect(server.home.database_file) as database:
        found = [row[0] for row in database.execute("SELECT content FROM sealed_value ORDER BY id")]
    database.close()
    return found


@pytest.mark.each_database
def test_change_that_was_broken_off_is_finished_at_the_next_start(server: RunningServer, secrets: str):
    server.stop()
    old = MasterKey.of_text(keys_in(server)[0])
    new = MasterKey.make()
    FilePlace(server.home.master_key_file).write([new, old])
    server.start()
    wait_for(lambda: keys_in(server) == [new.text], 5)
    assert server.call("GET", "/api/v1/keyvault")["waiting"] == 0
    assert value(server, secrets) == CANARY


def test_damaged_secret_keeps_the_old_key_and_holds_up_no_other(server: RunningServer, secrets: str):
    server.call("POST", secrets, NEW)
    server.stop()
    with sqlite3.connect(server.home.database_file) as database:
        database.execute("UPDATE sealed_value SET wrapped_key = x'00' WHERE name = 'new'")
    database.close()
    server.start()
    rotation = server.call("POST", "/api/v1/keyvault/rotate")
    assert (rotation["sealed_anew"], rotation["remaining"], len(keys_in(server))) == (1, 1, 2)
    assert value(server, secrets) == CANARY


@pytest.fixture
def by_variable(tmp_path: Path) -> Iterator[tuple[RunningServer, dict[str, str]]]:
    """A server whose master key is in a variable."""
    variables = {"TERRAZUL_MASTER_KEY": MasterKey.make().text}
    server = RunningServer(tmp_path / "home", variables=variables)
    server.start()
    yield server, variables
    server.stop()


def test_key_in_a_variable_is_changed_by_the_next_start(by_variable: tuple[RunningServer, dict[str, str]]):
    server, variables = by_variable
    secrets = f"{server.workspace()}/secrets"
    server.call("POST", secrets, {"secrets": [{"name": "first", "value": CANARY}]})
    assert not server.home.master_key_file.exists()
    with pytest.raises(Refused, match="The master key is in the variable TERRAZUL_MASTER_KEY"):
        server.call("POST", "/api/v1/keyvault/rotate")
    old, new = variables["TERRAZUL_MASTER_KEY"], MasterKey.make()
    for keys in (f"{new.text},{old}", new.text):
        server.stop()
        server._variables["TERRAZUL_MASTER_KEY"] = keys
        server.start()
        wait_for(lambda: server.call("GET", "/api/v1/keyvault")["waiting"] == 0, 5)
        assert value(server, secrets) == CANARY
    server.stop()
    server._variables["TERRAZUL_MASTER_KEY"] = old
    server.start()
    assert f"The master key {new.id} is missing" in closed(server, secrets)


def test_key_in_a_variable_is_given_to_no_run(by_variable: tuple[RunningServer, dict[str, str]]):
    server, variables = by_variable
    submit = Submitter(server)
    run = submit("import os; print('variables', len(os.environ)); print(*os.environ)")
    run.wait()
    assert "AZUREML_RUN_ID" in run.log()
    for text in (run.log(), *(file.read_text(errors="replace") for file in run.folder.rglob("*") if file.is_file())):
        assert "TERRAZUL_MASTER_KEY" not in text
        assert variables["TERRAZUL_MASTER_KEY"] not in text


@pytest.fixture
def team(tmp_path: Path, postgresql: PostgresqlCluster) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path / "home", "--processes", "2", database=postgresql.make_database())
    server.start()
    yield server
    server.stop()


def test_processes_of_a_team_seal_and_read_while_the_key_changes(team: RunningServer):
    """Whichever process answers, and although two of them change the key at the same time."""
    server = team
    address = f"{server.workspace()}/secrets"
    names = [f"s-{number}" for number in range(40)]

    def put_and_read(name: str) -> str | None:
        server.call("POST", address, {"secrets": [{"name": name, "value": name}]})
        return value(server, address, name)

    def rotate(_: int) -> int:
        return int(server.call("POST", "/api/v1/keyvault/rotate")["remaining"])

    with ThreadPoolExecutor(4) as threads:
        rotations = threads.map(rotate, range(8))
        assert list(threads.map(put_and_read, names)) == names
        list(rotations)
    assert rotate(0) == 0
    assert len(keys_in(server)) == 1
    assert [value(server, address, name) for name in names] == names
    server.stop()
    server.start()
    assert [value(server, address, name) for name in names] == names


def test_two_processes_change_the_key_under_each_other(tmp_path: Path):
    """As two servers on one database would: what the one seals under a key, the other keeps and reads."""
    kind = SqliteDatabase(tmp_path / "terrazul.db")
    migrate(kind)
    workspace = Workspace("0" * 36, "s", "g", "two", "local", "", "", {}, "", "ana")

    async def work() -> None:
        database = Database(kind)
        key = (await database.write(partial(workspaces.add, new=workspace, created_at=1))).key
        place = FilePlace(tmp_path / "master.key")
        one, other = Vault(database, place, now), Vault(database, place, now)
        for vault in (one, other):
            await vault.start()
        for number, (writes, changes) in enumerate([(one, other), (other, one), (one, one)]):
            at = Place(key, "secret", f"s-{number}")
            await changes.rotate()
            await database.write(partial(writes.seal, place=at, value=CANARY, by="ana"))
            await changes.rotate()
            for vault in (one, other):
                assert await database.read(partial(vault.reveal, place=at)) == CANARY
        assert len(place.read()) == 1
        for vault in (one, other):
            await vault.stop()
        database.close()

    asyncio.run(work())


def test_unknown_kind_is_refused_at_the_start(tmp_path: Path):
    server = RunningServer(tmp_path / "home", "--master-key-kind", "cloud")
    with pytest.raises(AssertionError, match="There is no kind 'cloud'"):
        server.start()


OLD_SERVICE = {
    "id": 1, "workspace": 1, "name": "svc", "compute_type": "ACI", "description": "", "tags": "{}", "properties": "{}",
    "deployment_id": "d", "port": 18777, "primary_key": "canary-primary", "secondary_key": "canary-secondary",
    "wanted_revision": 1, "orders": 1, "reloads": 0, "deleting": 0, "attempt": 0, "state": "Healthy", "phase": "",
    "orders_known": 0, "orders_carried_out": 0, "serving_revision": 0, "healthy_revision": 0, "workers": 0,
    "created_at": 1, "created_by": "ana", "updated_at": 1,
}  # fmt: skip
OLD_REVISION = {
    "workspace": 1, "webservice": 1, "number": 1, "deployment": "{}", "image_id": "", "since_order": 1,
    "created_at": 1, "created_by": "ana",
    "settings": json.dumps({"ssl_enabled": True, "ssl_certificate": "open", "ssl_key": "canary-ssl " * 2000}),
}  # fmt: skip
OLD_WORKSPACE = {
    "id": 1, "workspace_id": "0" * 36, "subscription_id": "s", "resource_group": "g", "name": "w", "scope": "s/g/w",
    "location": "", "friendly_name": "", "description": "", "tags": "{}", "created_at": 1, "created_by": "ana",
    "last_experiment_number": 0,
}  # fmt: skip


def test_secrets_of_an_older_database_are_sealed_and_leave_no_trace(tmp_path: Path):
    path = tmp_path / "terrazul.db"
    kind = SqliteDatabase(path)
    with kind.changing_schema() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.upgrade(config, "0003")
    with sqlite3.connect(path) as old:
        for table, row in (
            ("workspace", OLD_WORKSPACE),
            ("webservice", OLD_SERVICE),
            ("webservice_revision", OLD_REVISION),
        ):
            marks = ", ".join("?" * len(row))
            old.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    old.close()
    migrate(kind)

    async def start() -> list[str | None]:
        database = Database(kind)
        vault = Vault(database, FilePlace(tmp_path / "master.key"), now)
        await vault.start()
        names = ("primary_key", "secondary_key", "1/ssl_key")
        found = [
            await database.read(lambda it, name=name: vault.reveal(it, Place(1, "webservice", f"svc/{name}")))
            for name in names
        ]
        check_nothing_shows(tmp_path)
        await vault.stop()
        database.close()
        return found

    assert asyncio.run(start()) == ["canary-primary", "canary-secondary", "canary-ssl " * 2000]
    check_nothing_shows(tmp_path)
    with sqlite3.connect(path) as database:
        (settings,) = database.execute("SELECT settings FROM webservice_revision").fetchone()
    database.close()
    assert json.loads(settings) == {"ssl_enabled": True, "ssl_certificate": "open", "ssl_key": ""}


def check_nothing_shows(folder: Path) -> None:
    for file in folder.glob("terrazul.db*"):
        assert b"canary" not in file.read_bytes(), file
