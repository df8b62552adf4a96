"""Statements handed to the driver do what SQLAlchemy's do, and fail as they do."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, bindparam, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from terrazul.server.sql.among import among
from terrazul.server.sql.database import Database
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.metadata import Json
from terrazul.server.sql.savepoint import savepoint
from terrazul.server.sql.statement import Statement

THING = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("facts", Json, nullable=True),
)
ADD = Statement(THING.insert(), "name", "facts")
FIND = Statement(select(THING.c.id, THING.c.name, THING.c.facts).where(THING.c.name == bindparam("wanted")))
CHANGE = Statement(
    THING.update().where(THING.c.name == bindparam("old")).values(name=bindparam("new"), facts=bindparam("facts"))
)
PUT = Statement(postgresql.insert(THING).on_conflict_do_nothing(index_elements=["name"]), "name", "facts")
REMOVE = Statement(THING.delete().where(THING.c.name == bindparam("gone"), THING.c.id > bindparam("above")))
ALL = Statement(select(THING.c.name, THING.c.facts).order_by(THING.c.name))
AMONG = Statement(select(THING.c.id).where(among(THING.c.name, "names")).order_by(THING.c.id))


@pytest.fixture
def connection(new_kind: Callable[[], DatabaseKind]) -> Iterator[Connection]:
    database = Database(new_kind())
    with database.engine.connect() as made:
        THING.create(made)
        made.commit()
        yield made
    database.close()


def test_values_go_in_and_come_out_as_their_types_say(connection: Connection):
    key = ADD.insert(connection, {"name": "a", "facts": {"b": [1, None]}})
    ADD.run(connection, {"name": "c", "facts": None}, {"name": "' --", "facts": 1})
    assert FIND.first(connection, {"wanted": "a"}) == (key, "a", {"b": [1, None]})
    assert FIND.first(connection, {"wanted": "nobody"}) is None
    assert [row[0] for row in AMONG.all(connection, {"names": ["a", "' --", "x"]})] == [key, key + 2]
    assert AMONG.all(connection, {"names": []}) == []
    connection.rollback()
    assert FIND.all(connection, {"wanted": "a"}) == []


def test_many_rows_do_what_each_would_do(connection: Connection):
    ADD.run(connection, *({"name": f"n{number}", "facts": {"of": [number]}} for number in range(5)))
    CHANGE.run(
        connection,
        {"old": "n0", "new": "x'%(a)s", "facts": None},
        {"old": "n1", "new": "WHERE ", "facts": [1.5, None, "ä"]},
        {"old": "nobody", "new": "nobody", "facts": 1},
    )
    PUT.run(connection, {"name": "n2", "facts": 0}, {"name": "n9", "facts": 9})
    REMOVE.run(connection, {"gone": "n3", "above": 0}, {"gone": "n4", "above": 1 << 40})
    assert [tuple(row) for row in ALL.all(connection, {})] == [
        ("WHERE ", [1.5, None, "ä"]),
        ("n2", {"of": [2]}),
        ("n4", {"of": [4]}),
        ("n9", 9),
        ("x'%(a)s", None),
    ]


def test_an_error_is_sqlalchemys_and_tells_no_parameters(connection: Connection):
    ADD.insert(connection, {"name": "secret", "facts": None})
    with pytest.raises(IntegrityError) as caught:
        ADD.run(connection, {"name": "other", "facts": None}, {"name": "secret", "facts": None})
    if connection.dialect.name == "sqlite":
        assert "secret" not in str(caught.value)
    else:  # PostgreSQL's own words repeat the key that is there already
        assert "parameters hidden" in str(caught.value)


def _add_and_fail(connection: Connection) -> None:
    with savepoint(connection):
        ADD.insert(connection, {"name": "inside", "facts": None})
        with savepoint(connection):
            ADD.insert(connection, {"name": "deeper", "facts": None})
        raise KeyError


def test_what_is_inside_a_savepoint_is_undone_where_it_raises_and_no_more(connection: Connection):
    ADD.insert(connection, {"name": "before", "facts": None})
    with pytest.raises(KeyError):
        _add_and_fail(connection)
    with savepoint(connection):
        ADD.insert(connection, {"name": "after", "facts": None})
    connection.commit()
    names = [name for name in ("before", "inside", "deeper", "after") if FIND.first(connection, {"wanted": name})]
    assert names == ["before", "after"]
