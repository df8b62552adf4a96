"""Databases of each kind, for what must be the same on all."""

from collections.abc import Callable

import pytest

from terrazul.server.sql.choice import choose
from terrazul.server.sql.kind import DatabaseKind
from terrazul.testing.postgresql import PostgresqlCluster

NewKind = Callable[[], DatabaseKind]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewKind:
    """Makes databases without tables."""
    make_address: Callable[[], str] = str
    if request.param == "postgresql":
        cluster: PostgresqlCluster = request.getfixturevalue("postgresql")
        make_address = cluster.make_database
    return lambda: choose(make_address(), tmp_path_factory.mktemp("database") / "terrazul.db")


@pytest.fixture(scope="module")
def kind(new_kind: NewKind) -> DatabaseKind:
    """A database without tables, which the tests of a module share."""
    return new_kind()
