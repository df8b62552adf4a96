"""Databases of each kind, for what must be the same on all."""

import pytest

from terrazul.server.sql.choice import choose
from terrazul.server.sql.kind import DatabaseKind
from terrazul.testing.postgresql import PostgresqlCluster


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DatabaseKind:
    """A new database, without tables."""
    address = ""
    if request.param == "postgresql":
        cluster: PostgresqlCluster = request.getfixturevalue("postgresql")
        address = cluster.make_database()
    return choose(address, tmp_path_factory.mktemp("database") / "terrazul.db")
