"""What the columns of a table hold, as v1's users read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional

from terrazul.core.errors import Forbidden, InvalidInput, NotFound
from terrazul.data.plan.plan import first_local
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.console import warn
from terrazul.sdk.dataset import profiling
from terrazul.sdk.representation import escape
from terrazul.sdk.run import Run, in_submitted_run
from terrazul.wire import codec
from terrazul.wire import dataset_profile as wire

if TYPE_CHECKING:
    from terrazul.sdk.dataset.profiling import Progress
    from terrazul.sdk.dataset.tabular_dataset import TabularDataset
    from terrazul.sdk.workspace import Workspace

_SIGNS = "▁▂▃▄▅▆▇█"
_FACTS = (
    "kind", "count", "missing", "empty", "not_a_number", "infinite", "distinct", "minimum", "maximum", "mean",
    "standard_deviation", "variance", "skewness", "kurtosis",
)  # fmt: skip


class ColumnProfile:
    """What one column holds, by v1's names; ``facts`` has all that is known by Terrazul's."""

    def __init__(self, facts: wire.ColumnProfile) -> None:
        self.facts = facts
        self.name = facts.name
        self.column_name = facts.name
        self.type = facts.kind
        self.min = facts.minimum
        self.max = facts.maximum
        self.count = facts.count
        self.missing_count = facts.missing
        self.not_missing_count = facts.count - facts.missing
        self.percent_missing = facts.missing / facts.count if facts.count else 0.0
        self.error_count = 0  # what cannot be read as its column's type is missing here, or ends the reading
        self.empty_count = facts.empty
        self.quantiles = {float(part): value for part, value in facts.quantiles.items()}
        self.lower_quartile = self.quantiles.get(0.25)
        self.median = self.quantiles.get(0.5)
        self.upper_quartile = self.quantiles.get(0.75)
        self.mean = facts.mean
        self.std = facts.standard_deviation
        self.variance = facts.variance
        self.skewness = facts.skewness
        self.kurtosis = facts.kurtosis
        self.unique_values = facts.distinct
        self.value_counts = facts.top_values
        self.histogram = facts.histogram

    def __repr__(self) -> str:
        told = {name: getattr(self.facts, name) for name in _FACTS}
        return f"ColumnProfile({self.name!r}, {told})"


@concept("dataset.dataset_profile")
class DatasetProfile:
    """What all columns of a dataset held when somebody looked at all rows.

    v1's arguments; ``profile`` is what was found. Made by ``TabularDataset.get_profile``, ``make_profile`` and
    ``DatasetProfileRun.get_profile``.
    """

    def __init__(
        self,
        saved_dataset_id: Optional[str],
        run_id: Optional[str],
        experiment_name: Optional[str],
        workspace: Optional[Workspace],
        profile: wire.DatasetProfile,
    ) -> None:
        self._dataset_id = saved_dataset_id
        self._run_id = run_id
        self._experiment_name = experiment_name
        self._workspace = workspace
        self.facts = profile
        self.columns: Dict[str, ColumnProfile] = {each.name: ColumnProfile(each) for each in profile.columns}

    @classmethod
    def make(
        cls, dataset: TabularDataset, workspace: Optional[Workspace], progress: Optional[Progress]
    ) -> DatasetProfile:
        """Look at all rows on this machine, for Terrazul's own modules."""
        found = profiling.profile_of(dataset, progress)
        chosen = workspace or dataset.workspace
        if chosen is None or first_local(dataset.plan) is not None:
            return cls(None, None, None, None, found)
        run_id = class_of("submitted_run").of_environment().id if in_submitted_run() else ""
        try:
            dataset_id = dataset.save(chosen)
            new = wire.NewDatasetProfile(found, run_id)
            kept = chosen.client.put(wire.KeptDatasetProfile, f"/datasets/{dataset_id}/profile", new)
        except Forbidden as error:
            warn(f"The profile is not kept: {error.message}")
            return cls(dataset.id, run_id or None, None, chosen, found)
        return cls._of_kept(chosen, kept)

    @classmethod
    def find(cls, dataset: TabularDataset, workspace: Optional[Workspace]) -> DatasetProfile:
        """The profile that a workspace keeps of a dataset, for Terrazul's own modules. Raises ``NotFound``."""
        chosen = workspace or dataset.workspace
        if chosen is None:
            message = "The dataset belongs to no workspace, so nobody keeps a profile of it."
            raise InvalidInput(message, target="workspace", hint="dataset.make_profile() looks at its rows now.")
        return cls.of_id(chosen, dataset.save(chosen))

    @classmethod
    def of_id(cls, workspace: Workspace, dataset_id: str) -> DatasetProfile:
        """The profile that a workspace keeps of the dataset of an id; Terrazul's own. Raises ``NotFound``."""
        return cls._of_kept(workspace, workspace.client.get(wire.KeptDatasetProfile, f"/datasets/{dataset_id}/profile"))

    @classmethod
    def _of_kept(cls, workspace: Workspace, kept: wire.KeptDatasetProfile) -> DatasetProfile:
        return cls(kept.dataset_id, kept.run_id or None, None, workspace, kept.profile)

    @property
    def row_count(self) -> int:
        """The number of rows."""
        return self.facts.row_count

    @property
    def dataset_id(self) -> Optional[str]:
        """The id of the dataset; None for one that no workspace knows. Terrazul's own."""
        return self._dataset_id

    def get_producing_run(self) -> Run:
        """The run that has made the profile. Raises ``NotFound`` where none has."""
        if self._workspace is None or not self._run_id:
            message = "The profile was made by no run."
            raise NotFound(message, target=self._dataset_id, hint="dataset.submit_profile_run() has one make it.")
        return Run.get(self._workspace, self._run_id)

    def is_stale(self) -> bool:
        """Whether the files behind the dataset have changed since; it looks now. A query's answer counts as changed."""
        if self._workspace is None or self._dataset_id is None or not self.facts.files_digest:
            return True
        dataset = class_of("dataset.dataset").get_by_id(self._workspace, self._dataset_id)
        return bool(profiling.content_digest(dataset) != self.facts.files_digest)

    def to_dict(self) -> Dict[str, Any]:
        """All that was found, as plain data; Terrazul's own."""
        plain: Dict[str, Any] = codec.to_plain(self.facts)
        return plain

    def __repr__(self) -> str:
        lines = [f"DatasetProfile({self.row_count} rows, {len(self.columns)} columns)"]
        for each in self.facts.columns:
            told = [f"{each.name}: {each.kind}", f"{each.missing} missing", f"{about(each)} distinct"]
            if each.mean is not None:
                told.append(f"{each.minimum} to {each.maximum}, mean {each.mean}")
            lines.append("  " + ", ".join(told) + f"  {sketch(each)}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ["column", *_FACTS, *_quantile_names(self.facts.columns), "values"]
        rows = [
            [each.name, *(getattr(each, name) for name in _FACTS), *each.quantiles.values(), sketch(each)]
            for each in self.facts.columns
        ]
        width = len(heads)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_shown(cell))}</td>" for cell in _filled(row, width)) + "</tr>"
            for row in rows
        )
        head = "".join(f"<th>{escape(each.replace('_', ' '))}</th>" for each in heads)
        return f"<table><tr>{head}</tr>{body}</table>"


def sketch(column: wire.ColumnProfile) -> str:
    """The histogram in a few signs, or the most frequent values of texts."""
    if column.histogram:
        most = max(each.count for each in column.histogram)
        return "".join(_sign(each.count, most) for each in column.histogram)
    return ", ".join(f"{each.value} ({each.count})" for each in column.top_values[:3])


def _sign(count: int, most: int) -> str:
    """A bar that is the higher the greater a count is; none at all stays empty."""
    return _SIGNS[-(-count * (len(_SIGNS) - 1) // max(most, 1))] if count else " "


def about(column: wire.ColumnProfile) -> str:
    """The number of different values, with a sign where it is approximate."""
    if column.distinct is None:
        return "-"
    return f"~{column.distinct}" if column.distinct_is_approximate else str(column.distinct)


def _quantile_names(columns: List[wire.ColumnProfile]) -> List[str]:
    """The names of the quantiles that the columns have."""
    return [f"{float(part):.1%} quantile" for part in max((each.quantiles for each in columns), key=len, default={})]


def _filled(row: List[Any], width: int) -> List[Any]:
    """The row with empty cells before the last one, where a column has no quantiles."""
    return [*row[:-1], *[None] * (width - len(row)), row[-1]]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
