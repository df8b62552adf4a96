"""How lineage is shown: what a thing was made with, and what uses it."""

from __future__ import annotations

from typing import Any, Dict, List

from terrazul.cli.output import Column
from terrazul.wire.lineage import Edge

TABLE = (
    Column("what", "user_type"),
    Column("id", "user_id"),
    Column("uses", "used_type"),
    Column("its id", "used_id"),
    Column("as", "role"),
)
NOTHING = "Nothing is known that it was made with, or that uses it."


def rows(edges: List[Edge]) -> List[Dict[str, Any]]:
    """The edges as rows of the table."""
    return [dict(vars(each)) for each in edges]
