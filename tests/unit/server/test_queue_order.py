"""What stands in line begins in the order that is told, whatever waits."""

import random

import pytest
from sqlalchemy import Connection, insert

from terrazul.server import services  # noqa: F401  # defines all tables
from terrazul.server.compute import store as computes
from terrazul.server.experiment.store import experiment
from terrazul.server.queue import store
from terrazul.server.queue.admission import Admission
from terrazul.server.queue.line import Bounds, Line
from terrazul.server.queue.rules import Held
from terrazul.server.queue.store import Waiting, entry
from terrazul.server.quota.rules import Limits
from terrazul.server.run.store.run import run
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.migration import migrate
from terrazul.server.workspace.store import workspace
from terrazul.wire.compute import ClusterSettings

TARGET = 1
NODES = 1000
NOW = 100


@pytest.fixture
def connection(kind: DatabaseKind):
    """A workspace with one compute target of many free nodes, in a transaction that is undone."""
    migrate(kind)
    engine = kind.engine()
    with engine.connect() as opened:
        _enter_ground(opened)
        yield opened
        opened.rollback()
    engine.dispose()


def _enter_ground(opened: Connection) -> None:
    made = {"created_at": 1, "created_by": "me", "tags": {}, "description": ""}
    scope = {"workspace_id": "w", "subscription_id": "s", "resource_group": "g", "name": "n", "scope": "s/g/n"}
    opened.execute(insert(workspace).values(id=1, location="", friendly_name="", **scope, **made))
    numbers = {"last_run_number": 0, "run_count": 0, "number": 1, "updated_at": 1, "folder": ""}
    known = {key: value for key, value in numbers.items() if key in experiment.c}
    opened.execute(insert(experiment).values(id=1, workspace=1, experiment_id="e", name="e", **known, **made))
    target = {
        "id": TARGET, "workspace": 1, "key": "c", "name": "c", "kind": "AmlCompute",
        "settings": ClusterSettings(max_nodes=NODES),
        "state": "Succeeded", "state_since": 1, "errors": [], "resized_at": 1, "on_demand": False, "modified_at": 1,
        "modified_by": "me", **made,
    }  # fmt: skip
    computes.add(opened, target)
    of = {"workspace": 1, "target": TARGET}
    nodes = [
        {"number": number, "node_id": f"n{number}", "state": "idle", "since": 1, "problem": "", **of}
        for number in range(NODES)
    ]
    opened.execute(insert(computes.node), nodes)


def queued(
    connection: Connection,
    key: int,
    user: str,
    nodes: int = 1,
    *,
    priority: int = 0,
    at: int = 0,
    claimed: bool = False,
) -> None:
    """A run of a user for the target, or one that it executes."""
    values = {
        "id": key, "workspace": 1, "run_id": f"r{key}", "experiment": 1, "number": key, "type": "t", "state": "Queued",
        "display_name": "", "description": "", "created_at": 1, "created_by": user, "target": "c", "warnings": [],
        "attempt": 1, "interactive": False, "root": key,
    }  # fmt: skip
    connection.execute(insert(run).values(**values))
    store.add(connection, Waiting(key, 1, user, "c", TARGET, nodes), at, priority=priority, reads_secrets=False)
    change = {"claimed_at": 1 if claimed else None}
    connection.execute(entry.update().where(entry.c.run == key).values(**change))


def claim_all(connection: Connection, places: int = 1000) -> list[int]:
    """Claim one after another, as long as nodes and places are free; returns them in their order."""
    line, order = Line(connection, Limits(), places), []
    while (head := line.first()) is not None:
        store.claim(connection, head.run, {}, NOW)
        line.took(head, NOW)
        order.append(head.run)
    return order


def places(connection: Connection, *runs: int, held: Held | None = None) -> dict[int, int]:
    waiting = store.waiting_among(connection, runs)
    return {key: place.before for key, place in store.places_in_line(connection, waiting, held or Held()).items()}


@pytest.mark.parametrize("seed", range(8))
def test_runs_begin_in_the_order_of_their_places(connection: Connection, seed: int):
    chance = random.Random(seed)  # noqa: S311  # no secret
    for key in range(1, 41):
        queued(
            connection, key, chance.choice("abcd"), chance.randint(1, 4),
            priority=chance.randint(-1, 1), at=chance.randint(1, 9), claimed=key <= 8,
        )  # fmt: skip
    for number, user in enumerate(chance.sample("abcd", 3), 1):
        store.note_turn(connection, TARGET, user, number)
    told = places(connection, *range(1, 41))
    order = claim_all(connection)
    assert order == sorted(told, key=told.__getitem__)
    assert sorted(told.values()) == list(range(32))


def test_place_counts_the_nodes_of_those_before_it(connection: Connection):
    queued(connection, 1, "a", 3, at=1)
    queued(connection, 2, "b", 1, at=2)
    queued(connection, 3, "a", 1, at=3)
    found = store.places_in_line(connection, store.waiting_among(connection, [1, 2, 3]), Held())
    assert {key: tuple(place) for key, place in found.items()} == {1: (0, 0), 2: (1, 3), 3: (2, 4)}


def test_users_take_turns_on_a_single_node(connection: Connection):
    """So one who has submitted many runs is no further from the next node than one who has submitted one."""
    for key in (1, 2, 3):
        queued(connection, key, "a", at=key)
    queued(connection, 4, "b", at=4)
    order = []
    for now in range(10, 14):
        line = Line(connection, Limits(), places=100)
        head = line.first()
        assert head is not None
        store.remove(connection, head.run)
        line.took(head, now)
        order.append(head.run)
    assert order == [1, 4, 2, 3]


def test_who_is_held_back_stands_before_nobody(connection: Connection):
    for key, user in enumerate("aabb", 1):
        queued(connection, key, user, at=key)
    assert places(connection, 1, 2, 3, 4) == {1: 0, 3: 1, 2: 2, 4: 3}
    assert places(connection, 1, 2, 3, 4, held=Held(users=frozenset({(1, "a")}))) == {3: 0, 4: 1}
    assert places(connection, 3, held=Held(workspaces=frozenset({1}))) == {}


def test_no_more_runs_of_a_user_begin_on_a_target_than_may(connection: Connection):
    computes.change(connection, TARGET, {"settings": ClusterSettings(max_nodes=NODES, max_running_per_user=2)})
    for key, user in enumerate("aaabb", 1):
        queued(connection, key, user, at=key)
    assert claim_all(connection) == [1, 4, 2, 5]
    held = Bounds(connection, Limits()).held()
    assert held == Held(on_targets=frozenset({(TARGET, "a"), (TARGET, "b")}))
    assert places(connection, 3, held=held) == {}
    told = Admission(Limits(), 9).waits(connection, [3])[3]
    assert told == (None, "As many runs of a are executed at once on this compute target as may: 2.")


def test_gang_is_not_overtaken_and_one_that_is_too_large_holds_up_nobody_else(connection: Connection):
    queued(connection, 1, "a", NODES - 1, at=1)
    queued(connection, 2, "a", 2, at=2)
    queued(connection, 3, "b", NODES + 1, at=3)
    queued(connection, 4, "c", 1, at=4)
    assert claim_all(connection) == [1, 4]


@pytest.mark.parametrize(("kind_of_target", "begun"), [("AmlCompute", [1, 2]), ("VirtualMachine", [1, 2, 3, 4])])
def test_runs_on_another_machine_take_no_place_of_this_one(
    connection: Connection, kind_of_target: str, begun: list[int]
):
    """A full server holds up nobody who goes elsewhere."""
    connection.execute(computes.target.update().values(kind=kind_of_target))
    if kind_of_target == "VirtualMachine":
        settings = {"address": "vm", "username": "me", "max_concurrent_runs": NODES}
        connection.execute(computes.target.update().values(settings=settings))
    for key in range(1, 5):
        queued(connection, key, "a", at=key)
    assert claim_all(connection, 2) == begun
    assert store.claimed_here(connection) == (2 if kind_of_target == "AmlCompute" else 0)
