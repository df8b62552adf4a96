"""The server is killed in the middle of a change of the master key, again and again, while secrets are set and read."""

import contextlib
import json
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import pytest

from terrazul.server.vault.kinds.file import FilePlace
from terrazul.testing.server import Refused, RunningServer
from terrazul.testing.submission import wait_for

SEED = 20261127
SECRETS = 1200
"""Several batches' worth."""
AT_ONCE = 100
ROUNDS = 5


class Load:
    """Sets one secret after another to a counting number, and reads others; remembers what was acknowledged."""

    def __init__(self, server: RunningServer, address: str) -> None:
        self._server = server
        self._address = address
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self.acknowledged: dict[str, int] = {}
        self.told: dict[str, int] = {}
        self.wrong: list[str] = []

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    def _go_on(self) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            # the server is away, or the answer was cut off: then either value may count
            with contextlib.suppress(OSError, HTTPException, json.JSONDecodeError):
                self._step(number)

    def _step(self, number: int) -> None:
        name = f"busy-{number % 10}"
        self.told[name] = number
        self._call("", {"secrets": [{"name": name, "value": str(number)}]})
        self.acknowledged[name] = number
        quiet = f"s-{number % SECRETS}"
        for each in self._call("/values", {"names": [name, quiet]}):
            if each["value"] != (str(number) if each["name"] == name else value_of(quiet)):
                self.wrong.append(f"{each['name']} is {each['value']}")

    def _call(self, part: str, body: dict[str, Any]) -> Any:
        try:
            return self._server.call("POST", self._address + part, body)
        except Refused as refused:
            self.wrong.append(str(refused))
            raise ConnectionError from refused


def value_of(name: str) -> str:
    return f"value of {name}"


@pytest.fixture
def secrets(server: RunningServer) -> str:
    address = f"{server.workspace()}/secrets"
    names = [f"s-{number}" for number in range(SECRETS)]
    for begin in range(0, SECRETS, AT_ONCE):
        batch = [{"name": name, "value": value_of(name)} for name in names[begin : begin + AT_ONCE]]
        server.call("POST", address, {"secrets": batch})
    return address


def test_no_secret_is_lost_when_the_server_is_killed_while_the_key_changes(server: RunningServer, secrets: str):
    chance = random.Random(SEED)  # noqa: S311  # chance, not a secret
    place = FilePlace(server.home.master_key_file)
    broken_off = 0
    load = Load(server, secrets)
    with load.applied():
        for _ in range(ROUNDS):
            before = place.read()[0].id
            rotation = threading.Thread(target=rotate, args=(server,))
            rotation.start()
            wait_for(lambda before=before: place.read()[0].id != before, 20)
            time.sleep(chance.uniform(0, 0.03))
            server.kill()
            rotation.join()
            broken_off += len(place.read()) > 1
            server.start()
            wait_for(lambda: len(place.read()) == 1, 20)
    assert broken_off
    check_all(server, secrets, load)
    assert server.call("POST", "/api/v1/keyvault/rotate")["remaining"] == 0
    check_all(server, secrets, load)
    with sqlite3.connect(f"file:{server.home.database_file}?mode=ro", uri=True) as database:
        under = database.execute("SELECT DISTINCT master_key FROM sealed_value").fetchall()
    database.close()
    assert under == [(place.read()[0].id,)]


def rotate(server: RunningServer) -> None:
    with contextlib.suppress(OSError, HTTPException, json.JSONDecodeError):
        server.call("POST", "/api/v1/keyvault/rotate")


def check_all(server: RunningServer, secrets: str, load: Load) -> None:
    assert load.wrong == []
    assert load.acknowledged
    for begin in range(0, SECRETS, AT_ONCE):
        names = [f"s-{number}" for number in range(begin, min(begin + AT_ONCE, SECRETS))]
        found = server.call("POST", f"{secrets}/values", {"names": names})
        assert {each["name"]: each["value"] for each in found} == {name: value_of(name) for name in names}
    for each in server.call("POST", f"{secrets}/values", {"names": [*load.acknowledged]}):
        assert load.acknowledged[each["name"]] <= int(each["value"]) <= load.told[each["name"]]


@pytest.mark.each_database
def test_rotation_under_load_refuses_nobody(server: RunningServer, secrets: str):
    load = Load(server, secrets)
    with load.applied():
        for _ in range(ROUNDS):
            assert server.call("POST", "/api/v1/keyvault/rotate")["remaining"] == 0
    check_all(server, secrets, load)
    assert len(server.home.master_key_file.read_text().split()) == 1
