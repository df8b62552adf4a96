"""What a service counts: answers by status, their seconds, and what it does at this moment."""

from __future__ import annotations

from bisect import bisect_left
from typing import Dict, List

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds from the last byte of a request to its answer."""


class Figures:
    """Counted since the service began; all of it grows only, but ``waiting``, ``workers`` and ``connections``."""

    def __init__(self) -> None:
        self.answers: Dict[int, int] = {}
        """By HTTP status; health is not counted."""
        self.seconds = 0.0
        self.buckets: List[int] = [0] * (len(BOUNDS) + 1)
        """For each bound the answers that took no longer than it and longer than the one before."""
        self.restarts = 0
        self.waiting = 0
        self.workers = 0
        self.connections = 0

    def add(self, status: int, seconds: float) -> None:
        """Count an answer."""
        self.answers[status] = self.answers.get(status, 0) + 1
        self.seconds += seconds
        self.buckets[bisect_left(BOUNDS, seconds)] += 1

    def prometheus(self, service: str) -> str:
        """The text that Prometheus reads."""
        label = 'service="' + service.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
        lines = ["# TYPE terrazul_service_answers_total counter"]
        lines += [
            f'terrazul_service_answers_total{{{label},status="{status}"}} {number}'
            for status, number in sorted(self.answers.items())
        ]
        lines.append("# TYPE terrazul_service_seconds histogram")
        total = 0
        for bound, number in zip((*BOUNDS, "+Inf"), self.buckets):
            total += number
            lines.append(f'terrazul_service_seconds_bucket{{{label},le="{bound}"}} {total}')
        lines += [
            f"terrazul_service_seconds_sum{{{label}}} {self.seconds:.6f}",
            f"terrazul_service_seconds_count{{{label}}} {total}",
        ]
        for name, kind, value in (
            ("worker_restarts_total", "counter", self.restarts),
            ("requests_waiting", "gauge", self.waiting),
            ("workers_ready", "gauge", self.workers),
            ("connections", "gauge", self.connections),
        ):
            lines += [
                f"# TYPE terrazul_service_{name} {kind}",
                f"terrazul_service_{name}{{{label}}} {value}",
            ]
        return "\n".join(lines) + "\n"
