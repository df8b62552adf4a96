"""How the rows of two tables differ, told apart by the values of key columns."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence

from terrazul.core.errors import InvalidInput
from terrazul.data.execution.engine import Engine, open_engine, quoted
from terrazul.data.execution.steps import check_names
from terrazul.data.execution.table import StoredRows
from terrazul.wire.dataset_profile import KeyDifference

_EXAMPLES = 4
_DIFFERENCES = ("added", "removed", "changed")
_LONGEST_KEY = 100


def compare(before: StoredRows, after: StoredRows, keys: Sequence[str], scratch: Path) -> KeyDifference:
    """What was added, removed and changed. Rows of the same key are compared together, in whatever order they come.

    Raises ``InvalidInput`` where no key is named, ``DatasetExecutionError`` for a column that is not in both.
    """
    if not keys:
        message = "No key column is named."
        raise InvalidInput(message, target="key", hint="Name the columns whose values tell rows apart.")
    for rows in (before, after):
        check_names(rows.columns, keys)
    with open_engine(scratch) as engine:
        engine.enter("before", before)
        engine.enter("after", after)
        return _compared(engine, list(dict.fromkeys(keys)), [each for each in before.columns if each in after.columns])


def _compared(engine: Engine, keys: List[str], common: Sequence[str]) -> KeyDifference:
    types = [engine.types("before"), engine.types("after")]
    chosen = {name: _comparable(name, types) for name in common}
    others = [chosen[name] for name in common if name not in keys]
    for name in ("before", "after"):
        row = f"hash({', '.join(others)})" if others else "0"
        key = ", ".join(f"{chosen[each]} AS k{place}" for place, each in enumerate(keys))
        group = ", ".join(f"k{place}" for place in range(len(keys)))
        there = " AND ".join(f"{quoted(each)} IS NOT NULL" for each in keys)
        engine.rows(
            f"CREATE TABLE {name}_keys AS SELECT {key}, count(*) AS n, sum(CAST({row} AS HUGEINT)) AS h"  # noqa: S608  # names of columns, quoted
            f" FROM {name} WHERE {there} GROUP BY {group}"
        )
    same = " AND ".join(f"b.k{place} = a.k{place}" for place in range(len(keys)))
    joined = f"before_keys b FULL JOIN after_keys a ON {same}"
    word = (
        "CASE WHEN b.n IS NULL THEN 'added' WHEN a.n IS NULL THEN 'removed'"
        " WHEN b.n = a.n AND b.h = a.h THEN 'unchanged' ELSE 'changed' END"
    )
    counts = {str(row[0]): int(row[1]) for row in engine.rows(f"SELECT {word} AS w, count(*) FROM {joined} GROUP BY w")}  # noqa: S608  # as above
    repeated = engine.row(
        "SELECT (SELECT count(*) FROM before_keys WHERE n > 1) + (SELECT count(*) FROM after_keys WHERE n > 1),"
        " (SELECT count(*) FROM before) + (SELECT count(*) FROM after)"
        " - (SELECT coalesce(sum(n), 0) FROM before_keys) - (SELECT coalesce(sum(n), 0) FROM after_keys)"
    )
    return KeyDifference(
        columns=keys,
        added=counts.get("added", 0),
        removed=counts.get("removed", 0),
        changed=counts.get("changed", 0),
        unchanged=counts.get("unchanged", 0),
        repeated=int(repeated[0]),
        without_key=int(repeated[1]),
        examples=_examples(engine, word, joined, len(keys)),
    )


def _examples(engine: Engine, word: str, joined: str, count: int) -> List[str]:
    shown = " || ', ' || ".join(f"CAST(coalesce(b.k{place}, a.k{place}) AS VARCHAR)" for place in range(count))
    found: List[str] = []
    for kind in _DIFFERENCES:
        query = f"SELECT {shown} AS k FROM {joined} WHERE {word} = ? ORDER BY k LIMIT {_EXAMPLES}"  # noqa: S608  # our own text
        found += [f"{kind} {str(row[0])[:_LONGEST_KEY]}" for row in engine.rows(query, kind)]
    return found


def _comparable(name: str, types: Sequence[Dict[str, str]]) -> str:
    """A column in SQL; as a text where the two tables hold it in different types."""
    return quoted(name) if types[0][name] == types[1][name] else f"CAST({quoted(name)} AS VARCHAR)"
