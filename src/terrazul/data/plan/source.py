"""The first step of a plan: how the files, or a database, are read."""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar, Dict

from terrazul.core.dataclass import dataclass
from terrazul.data.plan import check
from terrazul.data.plan.column_type import ColumnType, read_types, write_types
from terrazul.data.plan.operation import FILES, TABLES, Operation, operation
from terrazul.data.plan.partition import read_format

NO_HEADERS, FIRST_FILE, COMBINED, SAME = "none", "first_file", "combined", "same"
HEADERS = (NO_HEADERS, FIRST_FILE, COMBINED, SAME)
ENCODINGS = {
    "utf8": "utf-8-sig",
    "utf8bom": "utf-8-sig",
    "iso88591": "iso-8859-1",
    "latin1": "iso-8859-1",
    "ascii": "ascii",
    "utf16": "utf-16",
    "utf32": "utf-32",
    "windows1252": "cp1252",
}
"""v1's names of encodings, with Python's."""
_LONGEST_QUERY_SECONDS = 24 * 3600


class Table(Operation):
    """What all sources of rows have in common: columns can be given types."""

    column_types: Dict[str, ColumnType]

    def to_plain(self) -> Dict[str, Any]:
        """The arguments as JSON has them."""
        return {**super().to_plain(), "column_types": write_types(self.column_types)}

    @classmethod
    def from_plain(cls, arguments: Dict[str, Any]) -> Operation:
        """The step with these arguments."""
        return cls(**{**arguments, "column_types": read_types(arguments.get("column_types", {}))})


@dataclass(frozen=True)
class TableFiles(Table):
    """What all sources of rows that lie in files have in common."""

    column_types: Dict[str, ColumnType] = field(default_factory=dict)
    include_path: bool = False
    """Add a column ``Path`` with the path of the file that a row comes from."""
    partition_format: str = ""

    PATH_COLUMN: ClassVar[str] = "Path"

    def __post_init__(self) -> None:
        check.flag("include_path", self.include_path)
        check_partition_format(self.partition_format)


@operation("delimited_files", TABLES, is_source=True)
@dataclass(frozen=True)
class DelimitedFiles(TableFiles):
    """Rows from text files with separators."""

    separator: str = ","
    header: str = SAME
    infer_column_types: bool = True
    support_multi_line: bool = False
    empty_as_string: bool = False
    encoding: str = "utf8"

    def __post_init__(self) -> None:
        super().__post_init__()
        is_single = len(check.text("separator", self.separator)) == 1 and self.separator.isascii()
        if not is_single or self.separator in '"\r\n\x00':
            check.refuse("separator", self.separator, "a single ASCII character such as ',', ';' or '\\t'")
        check.one_of("header", self.header, HEADERS)
        for name in ("infer_column_types", "support_multi_line", "empty_as_string"):
            check.flag(name, getattr(self, name))
        check.one_of("encoding", self.encoding, ENCODINGS)


@operation("parquet_files", TABLES, is_source=True)
@dataclass(frozen=True)
class ParquetFiles(TableFiles):
    """Rows from Parquet files."""


@operation("json_lines_files", TABLES, is_source=True)
@dataclass(frozen=True)
class JsonLinesFiles(TableFiles):
    """Rows from files with a JSON object in each line."""

    invalid_lines: str = "error"
    encoding: str = "utf8"

    def __post_init__(self) -> None:
        super().__post_init__()
        check.one_of("invalid_lines", self.invalid_lines, ("error", "drop"))
        check.one_of("encoding", self.encoding, ENCODINGS)


@operation("sql_query", TABLES, is_source=True)
@dataclass(frozen=True)
class SqlQuery(Table):
    """Rows that a datastore of tables answers a query with."""

    query: str
    column_types: Dict[str, ColumnType] = field(default_factory=dict)
    timeout_seconds: int = 30

    def __post_init__(self) -> None:
        check.text("query", self.query)
        if check.count("query_timeout", self.timeout_seconds, 1) > _LONGEST_QUERY_SECONDS:
            check.refuse("query_timeout", self.timeout_seconds, f"at most {_LONGEST_QUERY_SECONDS} seconds")


@operation("files", FILES, is_source=True)
@dataclass(frozen=True)
class Files(Operation):
    """Files as they are."""

    partition_format: str = ""
    is_file: bool = False
    """A single file, which stands for itself where others stand in a folder."""

    def __post_init__(self) -> None:
        check.flag("is_file", self.is_file)
        check_partition_format(self.partition_format)


def check_partition_format(text: Any) -> None:
    """Raise ``InvalidInput`` for a text that is neither empty nor a partition format."""
    if check.text("partition_format", text, empty=True):
        read_format(text)


def partition_format_of(source: Operation) -> str:
    """The partition format of a source; empty where it has none."""
    return str(getattr(source, "partition_format", ""))
