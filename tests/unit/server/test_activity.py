"""The activity log: what is kept, how refusals are counted, and that nobody changes a line unseen."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from terrazul.core.clock import Microseconds
from terrazul.core.errors import InvalidInput
from terrazul.server import services  # noqa: F401  # defines all tables
from terrazul.server.activity import store
from terrazul.server.activity.rules import (
    CREDENTIALS,
    MINUTE,
    Counting,
    Deed,
    Thing,
    cell,
    is_counted,
    is_kept,
    read_known,
    thing_of_address,
    told,
    told_id,
)
from terrazul.server.activity.service.act import Act, Ledger
from terrazul.server.activity.store import Wanted
from terrazul.server.identity.rules import Action, Principal
from terrazul.server.sql.database import Database
from terrazul.server.sql.migration import migrate
from terrazul.server.sql.witness import made, witness
from terrazul.wire.activity import FIRST_PREVIOUS, ActivityLine, Chain, canonical, hash_of
from terrazul.wire.codec import decode, encode

from .conftest import NewKind

DEED = Deed("10.0.0.1", "ana", "user", "t", "w", "run/read", Thing("run", "r"), "GET", "get_run", 403, "No.")


def lines_of(number: int) -> list[ActivityLine]:
    previous, lines = FIRST_PREVIOUS, []
    for sequence in range(1, number + 1):
        facts = vars(DEED) | {"object_type": "run", "object_id": f"r{sequence}\u00e9", "count": 1}
        facts |= {"time": "t", "correlation_id": "c", "sequence": sequence, "previous_hash": previous}
        del facts["thing"]
        previous = hash_of(facts)
        lines.append(ActivityLine(**facts, hash=previous))
    return lines


def problem_in(lines: list[ActivityLine], *, complete: bool = True, known: dict[int, str] | None = None) -> int | None:
    chain = Chain(complete=complete, known=known or {})
    for line in lines:
        if not chain.follow(line):
            break
    return chain.check().broken_at


def test_canonical_form_is_the_same_whatever_the_order_and_the_hash():
    assert canonical({"b": "\u00e9", "a": 1, "hash": "x"}) == canonical({"hash": "y", "a": 1, "b": "\u00e9"})
    assert canonical({"b": "\u00e9", "a": None}) == b'{"a":null,"b":"\\u00e9"}'


def test_line_comes_back_from_the_wire_with_its_hash():
    for line in lines_of(3):
        assert hash_of(vars(decode(ActivityLine, encode(line)))) == line.hash


def test_whole_chain_is_sound():
    chain = Chain()
    assert all(chain.follow(line) for line in lines_of(5))
    assert (chain.check().lines, chain.check().first, chain.check().last, chain.check().gaps) == (5, 1, 5, 0)
    assert Chain().check().broken_at is None


@pytest.mark.parametrize("name", [each.name for each in fields(ActivityLine)])
def test_tampered_field_is_found(name: str):
    lines = lines_of(5)
    value = getattr(lines[2], name)
    changed = value + 1 if isinstance(value, int) else f"{value}x"
    lines[2] = replace(lines[2], **{name: changed})
    assert problem_in(lines) == 3


def test_line_that_was_hashed_anew_is_found_by_the_next():
    lines = lines_of(5)
    forged = replace(lines[2], user="ben")
    lines[2] = replace(forged, hash=hash_of(vars(forged)))
    assert problem_in(lines) == 4


def test_lines_that_were_taken_out_put_in_or_moved_are_found():
    lines = lines_of(5)
    assert problem_in(lines[:2] + lines[3:]) == 3
    assert problem_in(lines[1:]) == 1
    assert problem_in([*lines[:3], lines[2], *lines[3:]]) == 3
    assert problem_in([lines[0], lines[2], lines[1]]) == 2


def test_cut_end_and_a_chain_written_anew_are_found_by_what_was_noted():
    lines = lines_of(5)
    noted = {5: lines[4].hash}
    assert problem_in(lines, known=noted) is None
    assert problem_in(lines[:4]) is None
    assert problem_in(lines[:4], known=noted) == 5
    assert problem_in(lines, known={4: "0" * 64}) == 4


def test_part_of_a_log_is_checked_line_by_line():
    lines = lines_of(6)
    part = [lines[1], lines[2], lines[5]]
    chain = Chain(complete=False)
    assert all(chain.follow(line) for line in part)
    assert (chain.check().gaps, chain.check().first, chain.check().lines) == (1, 2, 3)
    assert problem_in([lines[1], replace(lines[5], reason="other")], complete=False) == 6


def test_files_that_people_write_are_counted_and_those_of_runs_have_no_lines():
    run = Principal("ana", run_id="r")
    assert is_counted(Action.DATA_WRITE, Principal("ana"))
    assert not is_counted(Action.DATA_WRITE, run)
    assert not is_counted(Action.DATA_WRITE, None)
    assert not is_counted(Action.RUN_WRITE, Principal("ana"))
    ledger = Ledger(lambda: Microseconds(0))
    for principal, lines in ((Principal("ana"), [1, 0, 0]), (run, [])):
        found = []
        for operation in ("access_data_files", "write_data_file", "write_data_file"):
            act = Act(ledger, "PUT", "127.0.0.1", "c")
            act.operation, act.action, act.principal = operation, Action.DATA_WRITE, principal
            act.parameters = {"workspace_id": "w", "datastore_name": "store"}
            assert not act.is_to_tell(404)
            if act.is_to_tell(200):
                found.append(len(act.conclude(200)))
        assert found == lines
    (rest,) = ledger.due(closing=True)
    assert (rest.times, rest.deed.thing, rest.deed.change) == (2, Thing("datastore", "store"), "changed")


def test_what_is_recorded_all_the_time_has_no_lines():
    for action in (Action.RUN_WRITE, Action.RUN_EXECUTE, Action.CONTENT_WRITE, Action.ENDPOINT_SERVE):
        assert not is_kept("POST", action)


def test_changes_and_looks_at_credentials_are_kept_and_other_reads_are_not():
    assert is_kept("POST", Action.MODEL_REGISTER)
    assert is_kept("DELETE", Action.WORKSPACE_DELETE)
    assert is_kept("POST", None)
    assert is_kept("GET", Action.ENDPOINT_READ_KEYS)
    assert is_kept("GET", Action.TOKEN_WRITE)
    assert is_kept("POST", Action.SECRET_READ)
    assert is_kept("POST", Action.RUN_READ_SECRETS)
    assert not is_kept("GET", Action.MODEL_READ)
    assert not is_kept("POST", Action.RUN_READ)
    assert not is_kept("POST", Action.WORKSPACE_RESOLVE)


def test_every_action_that_is_not_kept_is_a_read_or_named():
    quiet = {each for each in Action if not is_kept("POST", each)}
    named = {Action.RUN_WRITE, Action.RUN_EXECUTE, Action.CONTENT_WRITE, Action.DATA_WRITE, Action.ENDPOINT_SERVE}
    reads = {each for each in Action if each.value.endswith("/read")}
    assert quiet == named | {Action.WORKSPACE_RESOLVE} | (reads - CREDENTIALS)


def test_object_is_the_innermost_thing_of_the_address():
    assert thing_of_address({"workspace_id": "w", "run_id": "r", "path": "p"}, "x", "run/delete") == ("run", "r")
    assert thing_of_address({"workspace_id": "w"}, "x", "run/submit") == ("workspace", "w")
    assert thing_of_address({"user_name": "ana"}, "x", "user/write") == ("user", "ana")
    assert thing_of_address({"workspace_id": "w", "name": "n"}, "x", "environment/write") == ("environment", "n")
    assert thing_of_address({"model_id": "m"}, "mlflow_delete_logged_model", "run/delete") == ("logged_model", "m")
    assert thing_of_address({}, "x", "user/write") == ("", "")


def test_token_in_the_place_of_an_id_and_control_characters_are_not_kept():
    assert told_id("tz_abcdefghijklmnop-_1") == "tz_..."
    assert told("There is no token 'tz_abcdefghijklmnop-_1'.") == "There is no token 'tz_...'."
    assert told_id("tz_short") == "tz_short"
    assert told_id("a\x1b[2Jb\ud800") == "a?[2Jb?"
    assert len(told_id("x" * 10_000)) == 256


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_cell_is_never_a_formula(text: str):
    assert cell(text) == f"'{text}"
    assert cell(None) == ""
    assert cell("a=b") == "a=b"


def test_noted_line_is_read():
    assert read_known(None) == {}
    assert read_known(f"12:{'a' * 64}") == {12: "a" * 64}
    with pytest.raises(InvalidInput, match="number:hash"):
        read_known("12")


def test_equal_refusals_of_a_minute_are_two_lines():
    refusals = Counting()
    assert [each.times for each in refusals.take(DEED, 0)] == [1]
    for moment in range(1, 1000):
        assert refusals.take(DEED, moment) == []
    assert refusals.due(MINUTE - 1) == []
    assert refusals.due(MINUTE) == [(DEED, 999)]
    assert refusals.due(2 * MINUTE) == []
    assert [each.times for each in refusals.take(DEED, 2 * MINUTE)] == [1]


def test_refusal_after_the_minute_brings_what_was_counted():
    refusals = Counting()
    refusals.take(DEED, 0)
    refusals.take(DEED, 1)
    assert refusals.take(DEED, MINUTE + 1) == [(DEED, 1), (DEED, 1)]


def test_who_tries_many_ids_does_not_fill_the_disk():
    refusals = Counting()
    lines = [each for n in range(10_000) for each in refusals.take(replace(DEED, thing=Thing("run", str(n))), n)]
    lines += refusals.due(MINUTE * 2)
    assert len(lines) < 60
    assert sum(each.times for each in lines) == 10_000


def test_many_addresses_do_not_fill_the_disk():
    refusals = Counting()
    lines = [each for n in range(10_000) for each in refusals.take(replace(DEED, address=str(n)), n)]
    lines += refusals.due(MINUTE * 2)
    assert len(lines) < 2010
    assert sum(each.times for each in lines) == 10_000


@pytest.fixture
def database(new_kind: NewKind) -> Iterator[Database]:
    kind = new_kind()
    migrate(kind)
    opened = Database(kind)
    yield opened
    opened.close()


def act_of(action: Action, method: str = "POST") -> Act:
    act = Act(Ledger(lambda: Microseconds(0)), method, "127.0.0.1", "c")
    act.operation, act.action, act.parameters = "something", action, {"workspace_id": "w"}
    act.principal = Principal("ana", token_id="t")
    return act


def write(database: Database, act: Act, work: Callable[[Connection], None]) -> None:
    async def watched() -> None:
        witness.set(act)
        await database.write(work)

    asyncio.run(watched())


def lines_in(database: Database) -> list[ActivityLine]:
    return asyncio.run(database.read(lambda connection: store.newest(connection, Wanted(), None, 10)))


def test_line_goes_with_the_write_and_is_undone_with_it(database: Database):
    def failing(connection: Connection) -> None:
        made(connection, "model", "m:2")
        raise InvalidInput("No.")

    act = act_of(Action.MODEL_REGISTER)
    with pytest.raises(InvalidInput):
        write(database, act, failing)
    assert act.is_to_tell(200)
    write(database, act, lambda connection: made(connection, "model", "m:1"))
    assert not act.is_to_tell(200)
    [line] = lines_in(database)
    assert (line.sequence, line.object_id, line.change, line.user, line.through) == (1, "m:1", "created", "ana", "t")


def test_recording_leaves_no_line_but_for_what_is_made(database: Database):
    act = act_of(Action.RUN_WRITE)
    write(database, act, lambda _connection: None)
    assert lines_in(database) == []
    assert not act.is_to_tell(200)
    write(database, act, lambda connection: made(connection, "run", "r"))
    assert [line.object_id for line in lines_in(database)] == ["r"]


def test_savepoint_that_is_undone_leaves_no_hole(database: Database):
    def work(connection: Connection) -> None:
        made(connection, "run", "a")
        savepoint = connection.begin_nested()
        made(connection, "run", "b")
        savepoint.rollback()
        made(connection, "run", "c", "d")

    write(database, act_of(Action.RUN_WRITE), work)
    lines = lines_in(database)[::-1]
    assert [line.object_id for line in lines] == ["a", "c", "d"]
    assert problem_in(lines) is None


def test_request_without_a_write_is_told_before_its_answer():
    act = act_of(Action.MODEL_CHANGE)
    assert act.is_to_tell(200)
    assert act.is_to_tell(404)
    assert act.conclude(404)[0]["status"] == 404
    assert not act_of(Action.MODEL_READ, "GET").is_to_tell(200)
    assert act_of(Action.MODEL_READ, "GET").is_to_tell(403)


@pytest.mark.parametrize("statement", ["UPDATE activity SET status = 200", "DELETE FROM activity"])
def test_database_refuses_to_change_a_line(database: Database, statement: str):
    def change(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    write(database, act_of(Action.MODEL_REGISTER), lambda connection: made(connection, "model", "m:1"))
    before = lines_in(database)
    with pytest.raises(DBAPIError, match="never changed"):
        write(database, act_of(Action.RUN_WRITE), change)
    assert lines_in(database) == before
