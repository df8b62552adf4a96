"""Steps that choose among columns, and that say which of them tell the time."""

from __future__ import annotations

from dataclasses import field
from typing import List

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.data.plan import check
from terrazul.data.plan.operation import TABLES, Operation, operation


@operation("keep_columns", TABLES)
@dataclass(frozen=True)
class KeepColumns(Operation):
    """These columns, in this order."""

    columns: List[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check.texts("columns", self.columns)


@operation("drop_columns", TABLES)
@dataclass(frozen=True)
class DropColumns(Operation):
    """All columns but these."""

    columns: List[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        check.texts("columns", self.columns)


@operation("timestamp_columns", TABLES)
@dataclass(frozen=True)
class TimestampColumns(Operation):
    """Which columns tell when a row is from: exactly, and by the path of its file. Empty for none."""

    timestamp: str = ""
    partition_timestamp: str = ""

    def __post_init__(self) -> None:
        check.text("timestamp", self.timestamp, empty=True)
        check.text("partition_timestamp", self.partition_timestamp, empty=True)
        if self.timestamp and self.timestamp == self.partition_timestamp:
            message = f"timestamp and partition_timestamp are the same column {self.timestamp!r}."
            raise InvalidInput(message, target="partition_timestamp", hint="Name two columns, or one of the two alone.")
