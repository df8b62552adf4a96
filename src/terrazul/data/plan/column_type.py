"""The types that columns can be given."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from terrazul.core.dataclass import dataclass
from terrazul.data.plan import check

STRING, LONG, FLOAT, BOOL, DATETIME, STREAM = "string", "long", "float", "bool", "datetime", "stream"
KINDS = (STRING, LONG, FLOAT, BOOL, DATETIME, STREAM)


@dataclass(frozen=True)
class ColumnType:
    """What the values of a column are to be."""

    kind: str
    formats: tuple[str, ...] = ()
    """For ``datetime``: how it is written, in the words of ``strptime``; the first that fits counts."""
    decimal_mark: str = "."
    """For ``float``."""

    def __post_init__(self) -> None:
        check.one_of("The type of a column", self.kind, KINDS)
        check.texts("formats", list(self.formats), empty=True)
        mark = check.text("decimal_mark", self.decimal_mark)
        if len(mark) != 1 or mark.isalnum():
            check.refuse("decimal_mark", self.decimal_mark, "a single sign such as ','")

    def to_plain(self) -> Dict[str, Any]:
        """As JSON has it; what is usual is left out."""
        plain: Dict[str, Any] = {"kind": self.kind}
        if self.formats:
            plain["formats"] = list(self.formats)
        if self.decimal_mark != ".":
            plain["decimal_mark"] = self.decimal_mark
        return plain

    @staticmethod
    def from_plain(plain: Any) -> ColumnType:
        """Read what ``to_plain`` wrote. Raises ``InvalidInput``."""
        given = check.mapping("The type of a column", plain)
        check.only("The type of a column", list(given), ("kind", "formats", "decimal_mark"))
        formats: List[str] = check.texts("formats", given.get("formats", []), empty=True)
        return ColumnType(given.get("kind", ""), tuple(formats), given.get("decimal_mark", "."))


def read_types(plain: Any) -> Dict[str, ColumnType]:
    """The types of columns by their names."""
    given = check.mapping("column_types", plain)
    return {name: ColumnType.from_plain(each) for name, each in given.items()}


def write_types(types: Mapping[str, ColumnType]) -> Dict[str, Any]:
    """As ``read_types`` reads it."""
    return {name: each.to_plain() for name, each in types.items()}
