"""What is here already of runs that an import brings."""

from __future__ import annotations

import json
from collections import Counter
from typing import Counter as Counted
from typing import Dict, Iterable, List, Sequence, Tuple
from urllib.parse import quote

from terrazul.sdk.client import Client
from terrazul.sdk.run_search import search_by_text
from terrazul.wire.artifact import Artifact
from terrazul.wire.metric import MetricPoint, RunMetrics
from terrazul.wire.run import Run, RunInclusion, RunSearch, RunSelection

_VIEWS = (RunSelection.ALL, RunSelection.DELETED)
Identity = Tuple[str, int, int]
"""The value, the step and the time of a point."""


def known_runs(client: Client, run_ids: Sequence[str]) -> Dict[str, Run]:
    """Those of the runs that are here, also softly deleted ones, with a summary of their metrics."""
    if not run_ids:
        return {}
    listed = ", ".join("'" + each.replace("'", "''") + "'" for each in run_ids)
    found = {}
    for view in _VIEWS:
        wanted = RunSearch(f"run_id IN ({listed})", include=[RunInclusion.METRICS], view=view)
        found.update({run.run_id: run for run in search_by_text(client, wanted, None)})
    return found


def artifacts_of(client: Client, run_id: str) -> Dict[str, Artifact]:
    """The files of a run, by path."""
    found = client.get(List[Artifact], f"/runs/{quote(run_id, safe='')}/artifacts")
    return {each.path: each for each in found}


def missing_points(
    client: Client, run: Run, name: str, points: Sequence[MetricPoint], *, by_place: bool = False
) -> Iterable[MetricPoint]:
    """Those of a metric's points that the run does not have yet; a point that stands twice counts twice.

    With ``by_place`` they are those that come after as many as the run has.
    """
    counts = {each.name: each.count for each in run.metrics}
    if by_place or name not in counts:
        return points[counts.get(name, 0) :]
    there = _identities(client, run.run_id, name)
    return [each for each in points if not _is_taken(there, each)]


def _identities(client: Client, run_id: str, name: str) -> Counted[Identity]:
    answer = client.get(List[RunMetrics], f"/runs/{quote(run_id, safe='')}/metrics", {"name": name})
    return Counter(
        (json.dumps(value), step or 0, time)
        for of_run in answer
        for history in of_run.metrics
        for value, step, time in zip(history.values, history.steps, history.times)
    )


def _is_taken(there: Counted[Identity], point: MetricPoint) -> bool:
    identity = (json.dumps(point.value), point.step or 0, point.time)
    if there[identity] == 0:
        return False
    there[identity] -= 1
    return True
