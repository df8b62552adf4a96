"""What follows from the names of experiments. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from terrazul.wire.experiment import Experiment, ExperimentFolder


def folders_in(folder: str, experiments: Iterable[Experiment]) -> list[ExperimentFolder]:
    """The folders one level below a folder (empty for the first level), each with all that lies in and below it."""
    above = folder.strip("/")
    start = f"{above}/" if above else ""
    counted: dict[str, list[int]] = {}
    for experiment in experiments:
        if not experiment.name.startswith(start):
            continue
        name, separator, _ = experiment.name[len(start) :].partition("/")
        if separator:
            counted.setdefault(start + name, []).append(experiment.run_count)
    return [ExperimentFolder(path, len(runs), sum(runs)) for path, runs in sorted(counted.items())]
