"""``DataType``: the types that columns are given, under v1's names."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence, Union

from terrazul.data.plan import check
from terrazul.data.plan.column_type import BOOL, DATETIME, FLOAT, LONG, STREAM, STRING, ColumnType


class DataType:
    """The type of a column; made by its static methods."""

    def __init__(self, column_type: ColumnType) -> None:
        self.column_type = column_type

    @staticmethod
    def to_string() -> DataType:
        """Texts."""
        return DataType(ColumnType(STRING))

    @staticmethod
    def to_long() -> DataType:
        """Whole numbers."""
        return DataType(ColumnType(LONG))

    @staticmethod
    def to_float(decimal_mark: str = ".") -> DataType:
        """Numbers with fractions, behind this mark."""
        return DataType(ColumnType(FLOAT, decimal_mark=decimal_mark))

    @staticmethod
    def to_bool() -> DataType:
        """Truth values: true, 1 and yes, or false, 0 and no, in any case."""
        return DataType(ColumnType(BOOL))

    @staticmethod
    def to_datetime(formats: Union[str, Sequence[str], None] = None) -> DataType:
        """Times, written in one of some formats in the words of ``strptime``; without them as ISO 8601 has it."""
        given = [formats] if isinstance(formats, str) else list(formats or ())
        return DataType(ColumnType(DATETIME, tuple(given)))

    @staticmethod
    def to_stream(workspace: Any, escaped: bool = False) -> DataType:
        """Paths of files; they are kept as the texts that they are."""
        del workspace, escaped
        return DataType(ColumnType(STREAM))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and other.column_type == self.column_type

    def __hash__(self) -> int:
        return hash(self.column_type)

    def __repr__(self) -> str:
        return f"DataType({self.column_type.kind})"


def column_types(given: Optional[Mapping[Any, Any]]) -> Dict[str, ColumnType]:
    """What ``set_column_types`` says; a key may be a tuple of names. Raises ``InvalidInput`` for what is no type."""
    found: Dict[str, ColumnType] = {}
    for names, wanted in (given or {}).items():
        if not isinstance(wanted, DataType):
            check.refuse("set_column_types", wanted, "a dictionary of DataType, such as {'a': DataType.to_long()}")
        for name in [names] if isinstance(names, str) else names:
            found[check.text("The name of a column", name)] = wanted.column_type
    return found
