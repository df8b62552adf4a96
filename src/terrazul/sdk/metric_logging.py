"""The ``log…`` calls, shared by runs that record and by the offline run, which prints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Mapping, Optional

from terrazul.wire.metric import MetricKind


class MetricLogging(ABC):
    """Offers v1's ``log…`` calls; what becomes of a call is said by ``_record``."""

    @abstractmethod
    def _record(
        self, kind: MetricKind, name: str, value: Any, description: str = "", step: Optional[int] = None
    ) -> None:
        """Take one call's metric as it was given."""

    @abstractmethod
    def _record_image(self, name: str, path: Optional[str], plot: Any, description: str) -> None:
        """Take an image, from a file or a plot."""

    def log(self, name: str, value: Any, description: str = "", step: Optional[int] = None) -> None:
        """Record a value; recorded again under the name, the values make a list (a curve, with ``step`` its axis)."""
        self._record(MetricKind.SCALAR, name, value, description, step)

    def log_list(self, name: str, value: Any, description: str = "") -> None:
        """Record a list of values; further lists under the name are joined to it. An empty list records nothing."""
        self._record(MetricKind.LIST, name, value, description)

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        """Record one row of a table, a column for each keyword."""
        self._record(MetricKind.ROW, name, kwargs, description or "")

    def log_table(self, name: str, value: Mapping[str, Any], description: str = "") -> None:
        """Record a table as a dictionary from column to values. Raises ``InvalidInput`` for unequal lengths."""
        self._record(MetricKind.TABLE, name, value, description)

    def log_confusion_matrix(self, name: str, value: Any, description: str = "") -> None:
        """Record a confusion matrix: a dictionary or JSON text with ``class_labels`` and ``matrix`` in its ``data``."""
        self._record(MetricKind.CONFUSION_MATRIX, name, value, description)

    def log_accuracy_table(self, name: str, value: Any, description: str = "") -> None:
        """Record an accuracy table (dictionary or JSON text), from which curves over all thresholds are drawn."""
        self._record(MetricKind.ACCURACY_TABLE, name, value, description)

    def log_residuals(self, name: str, value: Any, description: str = "") -> None:
        """Record the histogram of a regression's residuals (dictionary or JSON text)."""
        self._record(MetricKind.RESIDUALS, name, value, description)

    def log_predictions(self, name: str, value: Any, description: str = "") -> None:
        """Record predicted against true values of a regression (dictionary or JSON text)."""
        self._record(MetricKind.PREDICTIONS, name, value, description)

    def log_image(self, name: str, path: Optional[str] = None, plot: Any = None, description: str = "") -> None:
        """Record an image: the file at ``path``, or a ``matplotlib`` plot, which is saved as PNG.

        Raises ``InvalidInput`` where both or neither are given.
        """
        self._record_image(name, path, plot, description)
