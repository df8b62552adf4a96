"""What the server's SQL is made of, on a real database."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, literal, select, text
from sqlalchemy.dialects import postgresql

from terrazul.server.experiment.store import experiment
from terrazul.server.run.store.run import run, tag
from terrazul.server.sql.index_choice import one_of, sorted_by, unindexed
from terrazul.server.sql.kind import DatabaseKind
from terrazul.server.sql.metadata import metadata
from terrazul.server.sql.migration import migrate
from terrazul.server.sql.pattern import like
from terrazul.server.sql.text_map import text_map
from terrazul.server.sql.time_limit import TimeIsOver, time_limit
from terrazul.server.workspace.store import workspace

WORKSPACE = {
    "id": 1, "workspace_id": "w", "subscription_id": "s", "resource_group": "g", "name": "n", "scope": "s/g/n",
    "location": "", "friendly_name": "", "description": "", "tags": {}, "created_at": 1, "created_by": "me",
}  # fmt: skip
EXPERIMENT = {
    "id": 1, "workspace": 1, "experiment_id": "e", "name": "e", "description": "", "tags": {}, "created_at": 1,
    "created_by": "me", "last_run_number": 0, "run_count": 0, "number": 1, "updated_at": 1,
}  # fmt: skip
RUN = {
    "workspace": 1, "experiment": 1, "number": 1, "type": "t", "state": "Completed", "display_name": "",
    "description": "", "created_at": 1, "created_by": "me", "target": "local", "warnings": [], "attempt": 1,
    "interactive": True,
}  # fmt: skip
ENDLESS = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")


@pytest.fixture(scope="module")
def engine(kind: DatabaseKind) -> Iterator[Engine]:
    migrate(kind)
    made = kind.engine()
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as made:
        yield made


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


def test_texts_are_sorted_by_their_code_points(connection: Connection):
    tags = tag.table
    texts = ["a", "B", "Z", "b", "é", "E", "", "~", "_", "😀", "\ufffd", "a" * 5_000, "a" * 4_999 + "b", "1", "10", "9"]
    connection.execute(workspace.insert().values(**WORKSPACE))
    connection.execute(experiment.insert().values(**EXPERIMENT))
    connection.execute(run.insert(), [{**RUN, "id": number, "run_id": str(number)} for number in range(len(texts))])
    rows = [{"workspace": 1, "run": number, "key": "k", "value": text} for number, text in enumerate(texts)]
    connection.execute(tags.insert(), rows)
    for descending in (False, True):
        query = select(tags.c.value).order_by(sorted_by(tags.c.value, descending=descending))
        assert list(connection.execute(query).scalars()) == sorted(texts, reverse=descending)
    for text_of_many in texts:
        for values in ([text_of_many], [text_of_many, "none"]):
            assert connection.execute(select(tags.c.value).where(one_of(tags.c.value, values))).scalars().all() == [
                text_of_many
            ]
    smaller = select(tags.c.value).where(tags.c.value < "a").order_by(tags.c.value)
    assert list(connection.execute(smaller).scalars()) == sorted(each for each in texts if each < "a")


def test_other_databases_are_asked_in_their_own_words():
    run = metadata.tables["run"]
    statement = select(text_map(run.c.run_id, run.c.type)).where(
        like(run.c.type, "a%", fold=True), like(run.c.type, "b", fold=False), unindexed(run.c.state) == "x"
    )
    written = str(statement.compile(dialect=postgresql.dialect()))
    assert "CAST(json_object_agg(run.run_id, run.type) AS TEXT)" in written
    assert 'run.type COLLATE "terrazul_letters" ILIKE' in written
    assert "GLOB" not in written
    assert "+run.state" not in written
