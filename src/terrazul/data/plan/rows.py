"""Steps that choose among rows, or among files."""

from __future__ import annotations

from typing import Any, Dict

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.data.plan import check, node
from terrazul.data.plan.operation import BOTH, Operation, operation

_LARGEST_SEED = 1 << 63


@operation("take", BOTH)
@dataclass(frozen=True)
class Take(Operation):
    """The first of them."""

    count: int

    def __post_init__(self) -> None:
        check.count("count", self.count)


@operation("skip", BOTH)
@dataclass(frozen=True)
class Skip(Operation):
    """All but the first of them."""

    count: int

    def __post_init__(self) -> None:
        check.count("count", self.count)


@operation("between", BOTH)
@dataclass(frozen=True)
class Between(Operation):
    """Those whose number by chance is at least ``lower`` and less than ``upper``.

    Spans that do not overlap have no row in common, and spans that cover 0 to 1 have all of them.
    """

    lower: float
    upper: float
    seed: int

    def __post_init__(self) -> None:
        check.fraction("lower", self.lower)
        check.fraction("upper", self.upper)
        if type(self.seed) is not int or abs(self.seed) >= _LARGEST_SEED:
            check.refuse("seed", self.seed, "a whole number")
        if self.lower > self.upper:
            message = f"lower ({self.lower}) is greater than upper ({self.upper})."
            raise InvalidInput(message, target="lower")


@operation("filter", BOTH)
@dataclass(frozen=True)
class Filter(Operation):
    """Those of which a condition is true."""

    condition: node.Node

    def to_plain(self) -> Dict[str, Any]:
        """The arguments as JSON has them."""
        return {"condition": node.to_plain(self.condition)}

    @classmethod
    def from_plain(cls, arguments: Dict[str, Any]) -> Filter:
        """The step with these arguments."""
        return cls(node.from_plain(arguments["condition"]))
