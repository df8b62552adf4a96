"""Measuring: CPU and memory of processes, medians, and one table in which every figure stands beside its limit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, beside what it is compared with."""

    what: str
    value: float
    unit: str
    limit: float
    beside: str = ""
    """What the limit comes from, or the rival's figure, in words."""

    @property
    def holds(self) -> bool:
        """True where the value is within its limit."""
        return self.value <= self.limit


def cpu_seconds(command: Sequence[str], times: int = 5, **variables: str) -> float:
    """The least CPU time, user and system, that a command took in several runs."""
    return min(_cpu_once(command, variables) for _ in range(times))


def _cpu_once(command: Sequence[str], variables: dict[str, str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **variables})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return usage.ru_utime + usage.ru_stime


def show(title: str, figures: Sequence[Figure]) -> bool:
    """Print the table in Markdown; True where every figure is within its limit."""
    print(f"\n### {title}\n")
    print("| what | measured | limit | of the limit | beside |")
    print("|---|---|---|---|---|")
    for each in figures:
        mark = "" if each.holds else " **over**"
        part = each.value / each.limit if each.limit else 0.0
        value, limit = f"{each.value:.3g} {each.unit}", f"{each.limit:.3g} {each.unit}"
        print(f"| {each.what} | {value} | {limit} | {part:.0%}{mark} | {each.beside} |")
    sys.stdout.flush()
    return all(each.holds for each in figures)
