"""How two tables differ, as a person reads it."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import NotFound
from terrazul.data.profile.difference import difference_of
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.dataset import profiling
from terrazul.wire import codec
from terrazul.wire import dataset_profile as wire

if TYPE_CHECKING:
    from terrazul.sdk.dataset.dataset_profile import DatasetProfile
    from terrazul.sdk.dataset.profiling import Progress
    from terrazul.sdk.dataset.tabular_dataset import TabularDataset

_TOLD = 20


@concept("dataset.dataset_difference")
@dataclass(frozen=True)
class DatasetDifference(wire.DatasetDifference):
    """How one table differs from another one; as a text it is what a person wants to know of it."""

    @classmethod
    def of(
        cls,
        before: TabularDataset,
        after: TabularDataset,
        keys: Optional[Sequence[str]],
        progress: Optional[Progress],
    ) -> DatasetDifference:
        """Compare two tables, for Terrazul's own modules."""
        row_keys = None if keys is None else profiling.compare_rows(before, after, keys)
        old, new = _profile(before, progress), _profile(after, progress)
        found = difference_of(old.facts, new.facts)
        workspace = before.workspace
        if workspace is not None and old.dataset_id and new.dataset_id:
            query = {"other": new.dataset_id}
            known = workspace.client.get(wire.DatasetDifference, f"/datasets/{old.dataset_id}/difference", query)
            found = replace(found, files=known.files, notes=known.notes)
        return cls(**{**_values(found), "keys": row_keys})

    def to_dict(self) -> Dict[str, Any]:
        """As plain data."""
        plain: Dict[str, Any] = codec.to_plain(self)
        return plain

    def __str__(self) -> str:
        return "\n".join(lines_of(self))


def lines_of(found: wire.DatasetDifference) -> List[str]:
    """A difference in lines of plain English, what moved most first."""
    lines = [_rows_line(found)]
    lines += [f"Column added: {name}" for name in found.added_columns]
    lines += [f"Column removed: {name}" for name in found.removed_columns]
    lines += [f"Column {each.name}: {each.before} became {each.after}" for each in found.retyped_columns]
    if found.keys is not None:
        lines += _key_lines(found.keys)
    if found.files is not None:
        told = found.files
        lines.append(
            "Files: the same." if told.is_unchanged
            else f"Files: {told.added} added, {told.removed} removed, {told.changed} changed."
        )  # fmt: skip
    moved = [each for each in found.columns if each.verdict in {wire.MOVED, wire.MOVED_FAR}]
    lines += [_shift_line(each) for each in moved[:_TOLD]]
    if len(moved) > _TOLD:
        lines.append(f"And {len(moved) - _TOLD} more columns have moved.")
    stable = sum(each.verdict == wire.STABLE for each in found.columns)
    if found.columns:
        lines.append(f"{stable} of {len(found.columns)} common columns are stable.")
    unknown = [each.name for each in found.columns if each.verdict == wire.UNKNOWN]
    if unknown:
        lines.append(f"Not comparable by their values: {', '.join(unknown[:_TOLD])}.")
    return lines + found.notes


def _rows_line(found: wire.DatasetDifference) -> str:
    if found.rows_before is None or found.rows_after is None:
        return "Rows: not known."
    change = found.rows_after - found.rows_before
    return f"Rows: {found.rows_before} before, {found.rows_after} after ({change:+d})."


def _key_lines(keys: wire.KeyDifference) -> List[str]:
    told = f"{keys.added} added, {keys.removed} removed, {keys.changed} changed, {keys.unchanged} the same"
    lines = [f"Rows by {', '.join(keys.columns)}: {told}."]
    if keys.repeated:
        lines.append(f"{keys.repeated} keys stand in several rows of a version.")
    if keys.without_key:
        lines.append(f"{keys.without_key} rows have no key, and were not compared.")
    if keys.examples:
        lines.append(f"Such as: {'; '.join(keys.examples)}.")
    return lines


def _shift_line(shift: wire.ColumnShift) -> str:
    told = [f"stability index {shift.population_stability_index:.3g}"]
    if shift.kolmogorov_smirnov is not None:
        told.append(f"Kolmogorov-Smirnov {shift.kolmogorov_smirnov:.3g}")
    if shift.jensen_shannon is not None:
        told.append(f"Jensen-Shannon {shift.jensen_shannon:.3g}")
    if shift.mean_before != shift.mean_after:
        told.append(f"mean {_short(shift.mean_before)} to {_short(shift.mean_after)}")
    if shift.missing_before != shift.missing_after:
        told.append(f"missing {_part(shift.missing_before)} to {_part(shift.missing_after)}")
    return f"Column {shift.name} has {shift.verdict}: {', '.join(told)}."


def _short(value: wire.Value) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _part(value: Optional[float]) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _profile(dataset: TabularDataset, progress: Optional[Progress]) -> DatasetProfile:
    """The profile that is kept, where it is of the files as they are now; else a new one."""
    kind = class_of("dataset.dataset_profile")
    if dataset.workspace is not None and dataset.id is not None:
        try:
            kept: DatasetProfile = kind.find(dataset, None)
            if not kept.is_stale():
                return kept
        except NotFound:
            pass
    made: DatasetProfile = kind.make(dataset, None, progress)
    return made


def _values(found: wire.DatasetDifference) -> Dict[str, Any]:
    return {each.name: getattr(found, each.name) for each in fields(found)}
