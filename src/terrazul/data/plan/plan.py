"""A plan: a source, and what is done with what it gives."""

from __future__ import annotations

from typing import List, Optional, Tuple, Union

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import InvalidInput
from terrazul.data.plan import columns, rows, source
from terrazul.data.plan.columns import DropColumns, KeepColumns, TimestampColumns
from terrazul.data.plan.operation import Operation, from_step, to_step
from terrazul.data.plan.partition import read_format
from terrazul.data.plan.rows import Take
from terrazul.data.plan.source import COMBINED, JsonLinesFiles, SqlQuery, partition_format_of
from terrazul.wire.dataset import FILE, TABULAR, DataLocation, DatasetDefinition

KNOWN = (rows, columns, source)
"""The modules of all steps, which are known once these are imported."""
_MOST_STEPS = 1000
_MOST_LOCATIONS = 10_000
_LONGEST_PATH = 4096


@dataclass(frozen=True)
class Plan:
    """What a definition says, checked."""

    type: str
    locations: Tuple[DataLocation, ...]
    source: Operation
    steps: Tuple[Operation, ...] = ()

    def then(self, step: Operation) -> Plan:
        """The plan with one more step."""
        return checked(Plan(self.type, self.locations, self.source, (*self.steps, step)))

    @property
    def timestamps(self) -> TimestampColumns:
        """Which columns tell the time, by the last step that says so, as far as they are still there."""
        told = TimestampColumns()
        for step in self.steps:
            if isinstance(step, TimestampColumns):
                told = step
            elif isinstance(step, (KeepColumns, DropColumns)):
                names = (told.timestamp, told.partition_timestamp)
                told = TimestampColumns(*(name if _is_kept(name, step) else "" for name in names))
        return told

    @property
    def first_rows(self) -> Optional[int]:
        """How many rows are wanted, where they are the first ones of the files; None where all have to be read."""
        is_combined = isinstance(self.source, JsonLinesFiles) or getattr(self.source, "header", "") == COMBINED
        for step in () if is_combined else self.steps:
            if isinstance(step, Take):
                return step.count
            if not isinstance(step, (KeepColumns, DropColumns, TimestampColumns)):
                return None
        return None

    @property
    def partition_keys(self) -> List[str]:
        """The columns whose values stand in the paths of files."""
        text = partition_format_of(self.source)
        return list(read_format(text).columns) if text else []


def read(definition: DatasetDefinition) -> Plan:
    """The plan of a definition. Raises ``InvalidInput`` for one that cannot be carried out."""
    if not definition.steps:
        message = "The dataset does not say how its data is read."
        raise InvalidInput(message, target="steps", hint="Its first step is a source, such as delimited_files.")
    if len(definition.steps) > _MOST_STEPS:
        message = f"The dataset has {len(definition.steps)} steps, and may have {_MOST_STEPS}."
        raise InvalidInput(message, target="steps")
    first, *others = map(from_step, definition.steps)
    return checked(Plan(definition.type, tuple(definition.locations), first, tuple(others)))


def write(plan: Plan) -> DatasetDefinition:
    """The definition that ``read`` reads."""
    return DatasetDefinition(plan.type, list(plan.locations), [to_step(each) for each in (plan.source, *plan.steps)])


def checked(plan: Plan) -> Plan:
    """The plan. Raises ``InvalidInput`` where its parts do not go together."""
    if plan.type not in {TABULAR, FILE}:
        message = f"{plan.type[:80]!r} is no type of dataset."
        raise InvalidInput(message, target="type", hint=f"Use {TABULAR} or {FILE}.")
    if not plan.source.is_source:
        message = f"The first step of a dataset is a source, not {plan.source.name!r}."
        raise InvalidInput(message, target="steps")
    for step in (plan.source, *plan.steps):
        if plan.type not in step.types:
            message = f"A dataset of the type {plan.type} has no step {step.name!r}."
            raise InvalidInput(message, target="steps")
    for step in plan.steps:
        if step.is_source:
            message = f"{step.name!r} can only be the first step."
            raise InvalidInput(message, target="steps")
    _check_locations(plan)
    return plan


def _is_kept(name: str, step: Union[KeepColumns, DropColumns]) -> bool:
    return (name in step.columns) is isinstance(step, KeepColumns)


def _check_locations(plan: Plan) -> None:
    if not 1 <= len(plan.locations) <= _MOST_LOCATIONS:
        message = f"A dataset lies at 1 to {_MOST_LOCATIONS} places, not at {len(plan.locations)}."
        raise InvalidInput(message, target="locations")
    is_query = isinstance(plan.source, SqlQuery)
    if is_query and (len(plan.locations) != 1 or not plan.locations[0].datastore):
        message = "A query is asked of one datastore."
        raise InvalidInput(message, target="locations")
    for location in plan.locations:
        _check_path(location, is_query=is_query)


def _check_path(location: DataLocation, *, is_query: bool) -> None:
    path = location.path
    if len(path) > _LONGEST_PATH or "\x00" in path:
        message = f"The path {path[:80]!r} is not valid."
        raise InvalidInput(message, target=path[:80])
    if location.datastore and not is_query and ".." in path.replace("\\", "/").split("/"):
        message = f"The path {path[:200]!r} leads out of the datastore."
        raise InvalidInput(message, target=path[:200], hint="A path has no '..'.")
    if not location.datastore and not path:
        message = "A dataset lies on a datastore, or at a web address."
        raise InvalidInput(message, target="locations")


def is_web(location: DataLocation) -> bool:
    """Whether it is a web address."""
    return not location.datastore and location.path.lower().startswith(("http://", "https://"))


def is_local(location: DataLocation) -> bool:
    """Whether it is a path of this machine, which nobody else knows."""
    return not location.datastore and not is_web(location)


def first_local(plan: Plan) -> Optional[DataLocation]:
    """A location of this machine, if there is one."""
    return next(filter(is_local, plan.locations), None)
