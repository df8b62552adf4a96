"""A run at a glance: what is shown of it on a screen or in a notebook."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from terrazul.core.clock import from_text
from terrazul.core.dataclass import dataclass
from terrazul.sdk.representation import escape
from terrazul.wire.run import RunState

_SECOND = 1_000_000
_FILES_SHOWN = 20
_WIDTH, _HEIGHT = 160, 24


@dataclass(frozen=True)
class RunView:
    """What there is to see of a run at one moment."""

    run_id: str
    experiment: str
    state: RunState
    address: str
    details: Dict[str, Any]
    """As ``Run.get_details`` gives them."""
    metrics: Dict[str, Any]
    """As ``Run.get_metrics`` gives them."""
    files: List[str]
    log: str
    """The end of its log."""

    def as_text(self) -> str:
        """A table of what there is, one fact a line."""
        rows = [*self._facts(), ("Page", self.address)]
        rows += [(f"Metric {name}", _summary(value)) for name, value in self.metrics.items()]
        rows += [("Files", ", ".join(_shortened(self.files)))] if self.files else []
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label.ljust(width)}  {value}" for label, value in rows)

    def as_html(self) -> str:
        """A table of the facts, one of the metrics, and the end of the log; every text of the run's is escaped."""
        page = f'<a href="{escape(self.address)}" target="_blank" rel="noopener">{escape(self.run_id)}</a>'
        facts = "".join(_row(escape(label), escape(value)) for label, value in self._facts()[1:])
        metrics = "".join(
            _row(escape(name), escape(_summary(value)), _sparkline(value)) for name, value in self.metrics.items()
        )
        files = "".join(f"<li>{escape(name)}</li>" for name in _shortened(self.files))
        parts = [
            f"<table>{_row('Run', page)}{facts}</table>",
            f"<table>{metrics}</table>" if metrics else "",
            f"<ul>{files}</ul>" if files else "",
            f'<pre style="max-height:20em;overflow:auto">{escape(self.log)}</pre>' if self.log else "",
        ]
        return "<div>" + "".join(parts) + "</div>"

    def _facts(self) -> List[Tuple[str, str]]:
        facts = [("Run", self.run_id), ("Experiment", self.experiment), ("State", self.state.value)]
        started, seconds = self.details.get("startTimeUtc"), self.seconds()
        facts += [("Started", str(started))] if started else []
        facts += [("Duration", f"{seconds:.1f} s")] if seconds is not None else []
        error = self.details.get("error")
        return facts + ([("Error", str(error["error"]["message"]))] if error else [])

    def seconds(self) -> Optional[float]:
        """How long the run took; ``None`` while it is not over."""
        started, ended = self.details.get("startTimeUtc"), self.details.get("endTimeUtc")
        return (from_text(ended) - from_text(started)) / _SECOND if started and ended else None


def series_of(value: object) -> List[float]:
    """The numbers of a metric that has several, in their order; none for any other."""
    values = value if isinstance(value, list) else []
    numeric = [each for each in values if isinstance(each, (int, float)) and not isinstance(each, bool)]
    return numeric if len(numeric) == len(values) > 1 else []


def _summary(value: object) -> str:
    if isinstance(value, list) and value:
        return f"{value[-1]} (last of {len(value)})"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_summary(each)}" for name, each in value.items())
    return str(value)


def _shortened(names: Sequence[str]) -> List[str]:
    more = len(names) - _FILES_SHOWN
    return [*names[:_FILES_SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _row(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _sparkline(value: object) -> str:
    """A small curve of a metric's values; those that are no finite numbers are left out."""
    points = [(at, number) for at, number in enumerate(series_of(value)) if abs(number) < float("inf")]
    if not points:
        return ""
    lowest = min(number for _, number in points)
    scale = (max(number for _, number in points) - lowest) or 1.0
    last = points[-1][0] or 1
    places = " ".join(
        f"{at / last * _WIDTH:.1f},{_HEIGHT - (number - lowest) / scale * _HEIGHT:.1f}" for at, number in points
    )
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="-1 -1 {_WIDTH + 2} {_HEIGHT + 2}">'
        f'<polyline points="{places}" fill="none" stroke="currentColor"/></svg>'
    )
