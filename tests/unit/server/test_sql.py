"""What the server's SQL is made of, on a real database."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, literal, select, text
from sqlalchemy.dialects import postgresql

from terrazul.server.sql.database import Database
from terrazul.server.sql.index_choice import unindexed
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.pattern import like
from terrazul.server.sql.text_map import text_map
from terrazul.server.sql.time_limit import TimeIsOver, time_limit

ENDLESS = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database(tmp_path / "x.db")
    with database.engine.connect() as made:
        yield made
    database.close()


def test_a_statement_that_takes_too_long_is_broken_off_and_the_connection_goes_on(connection: Connection):
    begin = time.monotonic()
    with pytest.raises(TimeIsOver), time_limit(connection, 0.05):
        connection.execute(ENDLESS)
    assert time.monotonic() - begin < 5
    connection.rollback()
    assert connection.execute(select(literal(1))).scalar_one() == 1


@pytest.mark.parametrize(
    ("value", "pattern", "matches", "folded"),
    [
        ("a*b", "a*b", True, True),
        ("axb", "a*b", False, False),
        ("a[x]", "a[x]", True, True),
        ("ax", "a[x]", False, False),
        ("A", "a", False, True),
        ("Straße", "straß_", False, True),
        ("ÄÖ", "äö", False, True),
        ("a%", "a%", True, True),
        ("ab\nc", "a%c", True, True),
        ("😀", "_", True, True),
        ("", "%", True, True),
        ("", "_", False, False),
        ("a\\b", "a\\b", True, True),
        ("^", "^", True, True),
        ("a]", "a]", True, True),
    ],
)
def test_like_means_what_it_says(connection: Connection, value: str, pattern: str, matches: bool, folded: bool):
    found = connection.execute(select(*(like(literal(value), pattern, fold=fold) for fold in (False, True)))).one()
    assert [bool(each) for each in found] == [matches, folded]


def test_hostile_patterns_take_no_longer_than_their_length_asks(connection: Connection):
    begin = time.process_time()
    pattern = "%a" * 2_500 + "b"
    assert not connection.execute(select(like(literal("a" * 8_000), pattern, fold=True))).scalar_one()
    assert time.process_time() - begin < 5


def test_other_databases_are_asked_in_their_own_words():
    run = metadata.tables["run"]
    statement = select(text_map(run.c.run_id, run.c.type)).where(
        like(run.c.type, "a%", fold=True), like(run.c.type, "b", fold=False), unindexed(run.c.state) == "x"
    )
    written = str(statement.compile(dialect=postgresql.dialect()))
    assert "CAST(json_object_agg(run.run_id, run.type) AS TEXT)" in written
    assert "(run.type ILIKE %(param_1)s::TEXT ESCAPE '')" in written or "run.type ILIKE" in written
    assert "GLOB" not in written
    assert "+run.state" not in written
