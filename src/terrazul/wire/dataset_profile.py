"""What the columns of a dataset hold, and how two versions of one differ."""

from __future__ import annotations

from dataclasses import field
from typing import Dict, List, Optional, Union

from terrazul.core.dataclass import dataclass
from terrazul.wire.dataset import ContentComparison

Value = Union[bool, int, float, str, None]
"""A value of a column: a time as ISO 8601 text, a number beyond JSON's as the nearest one."""

FORM = 1
"""The form in which profiles are written; a reader that does not know a form asks for a new profile."""
INTEGER, DECIMAL, BOOLEAN, TEXT, TIME = "integer", "decimal", "boolean", "text", "time"
NESTED, BINARY, NOTHING = "nested", "binary", "nothing"
STABLE, MOVED, MOVED_FAR, UNKNOWN = "stable", "moved", "moved far", "unknown"


@dataclass(frozen=True)
class ValueCount:
    """A value, and in how many rows it stands."""

    value: Value
    count: int


@dataclass(frozen=True)
class HistogramBin:
    """How many values lie from one bound up to the next; the last bin holds its upper bound too."""

    lower: Value
    upper: Value
    count: int


@dataclass(frozen=True)
class ColumnProfile:
    """What one column holds. What a kind of column does not have, or an empty one, is None."""

    name: str
    kind: str
    """``integer``, ``decimal``, ``boolean``, ``text``, ``time``, ``nested``, ``binary``, ``nothing``."""
    stored_as: str
    """The type by the engine's name."""
    count: int
    """The number of rows."""
    missing: int
    empty: int = 0
    """Texts without a sign in them."""
    not_a_number: int = 0
    infinite: int = 0
    """Both are left out of all figures below."""
    distinct: Optional[int] = None
    distinct_is_approximate: bool = False
    minimum: Value = None
    maximum: Value = None
    mean: Value = None
    standard_deviation: Optional[float] = None
    """Of a sample, as the variance; for times in seconds."""
    variance: Optional[float] = None
    skewness: Optional[float] = None
    kurtosis: Optional[float] = None
    """Beyond that of a normal distribution, and without bias, as the skewness."""
    quantiles: Dict[str, Value] = field(default_factory=dict)
    """By the part of the values that are not greater: ``0.001``, ``0.01``, ``0.05``, ``0.25`` and so on."""
    quantiles_are_approximate: bool = False
    shape: List[float] = field(default_factory=list)
    """Every two-hundredth quantile from the least value to the greatest; for times in seconds since 1970."""
    shortest: Optional[int] = None
    longest: Optional[int] = None
    """The lengths of texts."""
    top_values: List[ValueCount] = field(default_factory=list)
    """The most frequent ones."""
    top_values_are_all: bool = False
    histogram: List[HistogramBin] = field(default_factory=list)


@dataclass(frozen=True)
class DatasetProfile:
    """What all columns of a dataset hold, as it was found in one reading."""

    row_count: int
    columns: List[ColumnProfile]
    files_digest: str = ""
    """What tells the files that were read from others, as ``ContentSummary.digest``; empty for a query."""
    warnings: List[str] = field(default_factory=list)
    """What did not fit while it was read."""
    form: int = FORM


@dataclass(frozen=True)
class NewDatasetProfile:
    """A profile that is to be kept; it takes the place of the one that is there."""

    profile: DatasetProfile
    run_id: str = ""
    """The run that has made it, if one has."""


@dataclass(frozen=True)
class KeptDatasetProfile:
    """The profile that is kept with a dataset."""

    dataset_id: str
    profile: DatasetProfile
    made_at: str
    made_by: str
    run_id: str = ""
    is_stale: Optional[bool] = None
    """Whether the files have changed since; None where nobody asked, or nobody can tell."""


@dataclass(frozen=True)
class DatasetColumn:
    """A column by its name and type."""

    name: str
    type: str


@dataclass(frozen=True)
class DatasetHead:
    """The first rows of a dataset, as far as they were found in the beginning of its data."""

    columns: List[DatasetColumn]
    rows: List[List[Value]]
    """Values in the order of the columns; lists and records as text, long texts cut."""
    is_whole: bool = False
    """Whether these are all rows that there are."""
    warnings: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class RetypedColumn:
    """A column that holds another kind of values than before."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class ColumnShift:
    """How the values of a column have moved; figures are None where they cannot be told."""

    name: str
    kind: str
    verdict: str
    """``stable``, ``moved``, ``moved far`` by the population stability index, or ``unknown``."""
    population_stability_index: Optional[float] = None
    kolmogorov_smirnov: Optional[float] = None
    """For numbers and times: the greatest distance of the two cumulative distributions."""
    jensen_shannon: Optional[float] = None
    """For texts and truth values: the distance, from 0 to 1."""
    missing_before: Optional[float] = None
    missing_after: Optional[float] = None
    """Parts of the rows."""
    mean_before: Value = None
    mean_after: Value = None


@dataclass(frozen=True)
class KeyDifference:
    """How the rows differ, told apart by the values of key columns."""

    columns: List[str]
    added: int
    removed: int
    changed: int
    unchanged: int
    repeated: int = 0
    """Keys that stand in more than one row of a version; such rows are compared together."""
    without_key: int = 0
    """Rows of both versions whose key is missing; they are not compared."""
    examples: List[str] = field(default_factory=list)
    """Some keys, each with a word before it: ``changed 17``."""


@dataclass(frozen=True)
class DatasetDifference:
    """How one dataset differs from another one, usually two versions of a name."""

    rows_before: Optional[int] = None
    rows_after: Optional[int] = None
    added_columns: List[str] = field(default_factory=list)
    removed_columns: List[str] = field(default_factory=list)
    retyped_columns: List[RetypedColumn] = field(default_factory=list)
    columns: List[ColumnShift] = field(default_factory=list)
    """The columns of both, those that moved most first."""
    files: Optional[ContentComparison] = None
    """None where the files of one of them are not known."""
    keys: Optional[KeyDifference] = None
    notes: List[str] = field(default_factory=list)
    """What could not be compared, and why."""
