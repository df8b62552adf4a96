"""The profile of a table of 9 million rows, as CSV and as Parquet: how long it takes, and how much memory.

Each is made by a process of its own. ``--rows`` makes a smaller table.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import Figure, show

ROWS = 9_000_000
MEGABYTES = 250
SECONDS_PER_MILLION = 15
_PART = 100_000
_NAMES = ("table.csv", "table.parquet")
_PROGRAM = """
from azureml.core import Dataset
profile = Dataset.Tabular.from_{form}_files({path!r}, validate=False).make_profile()
assert profile.row_count == {rows}, profile.row_count
"""


def main(rows: int) -> bool:
    """Measure both ways."""
    with tempfile.TemporaryDirectory() as folder:
        # in a process of its own, since what this one has in memory would count for those that it starts
        subprocess.run([sys.executable, __file__, "--rows", str(rows), "--write", folder], check=True)
        csv, parquet = (Path(folder) / name for name in _NAMES)
        figures = [*_measured("CSV", "delimited", csv, rows), *_measured("Parquet", "parquet", parquet, rows)]
    return show(f"The profile of {rows / 1e6:.1f} million rows", figures)


def write(folder: Path, rows: int) -> None:
    """Write six columns of the usual kinds, of which no two parts are the same."""
    import polars as pl  # noqa: PLC0415  # only the process that writes needs it

    chance = random.Random(1)  # noqa: S311  # a table, not a secret
    towns = [f"town {number}" for number in range(500)]
    csv, parquet = (folder / name for name in _NAMES)
    numbers = pl.Series([chance.gauss(0, 1) for _ in range(_PART)])
    places = pl.Series(chance.choices(towns, k=_PART))
    with csv.open("wb") as file:
        for begin in range(0, rows, _PART):
            place = pl.int_range(begin, min(begin + _PART, rows), eager=True)
            part = pl.DataFrame({
                "id": place,
                "when": (place * 1_000_000 + 1_700_000_000_000_000).cast(pl.Datetime("us")),
                "town": places[: len(place)],
                "paid": place % 3 == 0,
                "value": numbers[: len(place)] * (1 + begin / rows),
                "note": pl.select(pl.format("note {}", place * 7919 % rows)).to_series(),
            })  # fmt: skip
            part.write_csv(file, include_header=not begin)
    pl.scan_csv(csv, try_parse_dates=True).sink_parquet(parquet)


def _measured(what: str, form: str, path: Path, rows: int) -> list[Figure]:
    program = _PROGRAM.format(form=form, path=str(path), rows=rows)
    begin = time.perf_counter()
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", program]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {program}")
    seconds = time.perf_counter() - begin
    size = f"a file of {path.stat().st_size / 1e6:.0f} MB"
    return [
        Figure(f"{what}: memory", usage.ru_maxrss / 1000, "MB", MEGABYTES, size),
        Figure(f"{what}: time", seconds, "s", 10 + SECONDS_PER_MILLION * rows / 1e6, size),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--write", metavar="FOLDER", help="Only write the table.")
    arguments = parser.parse_args()
    if arguments.write:
        write(Path(arguments.write), arguments.rows)
        raise SystemExit(0)
    raise SystemExit(0 if main(arguments.rows) else 1)
