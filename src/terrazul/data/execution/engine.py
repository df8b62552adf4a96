"""DuckDB on rows that lie in Parquet files: in bounded memory, and without the network."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import duckdb

from terrazul.core.errors import DatasetExecutionError
from terrazul.data.execution.table import StoredRows

_MEMORY = "96MB"
_SETTINGS: Mapping[str, str] = {
    "memory_limit": _MEMORY,
    "threads": "2",
    "preserve_insertion_order": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


class Engine:
    """Asks questions of rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def enter(self, name: str, rows: StoredRows) -> None:
        """Have rows known as a table of a name."""
        files = [str(file) for file in rows.files]
        self._connection.read_parquet(files).create_view(f"{name}_files")
        chosen = ", ".join(map(quoted, rows.columns)) or "1"
        self._connection.execute(f"CREATE VIEW {name} AS SELECT {chosen} FROM {name}_files")  # noqa: S608  # our names, quoted

    def types(self, name: str) -> Dict[str, str]:
        """The types of the columns of a table."""
        return {row[0]: str(row[1]) for row in self.rows(f"DESCRIBE {name}")}

    def row(self, query: str, *values: object) -> Tuple[Any, ...]:
        """The only row of an answer."""
        return self.rows(query, *values)[0]

    def rows(self, query: str, *values: object) -> List[Tuple[Any, ...]]:
        """The rows of an answer. Raises ``DatasetExecutionError``."""
        try:
            return self._connection.execute(query, list(values)).fetchall()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            message = f"The rows of the dataset could not be counted: {reason}."
            raise DatasetExecutionError(message, exception=error) from error


@contextmanager
def open_engine(scratch: Path) -> Iterator[Engine]:
    """An engine that writes what does not fit into its memory to a folder."""
    with duckdb.connect(":memory:", config={**_SETTINGS, "temp_directory": str(scratch / "engine")}) as connection:
        yield Engine(connection)


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
