"""A table of 1 GB as CSV and as Parquet, to polars and to pandas: a dataset beside polars alone, pandas and pyarrow.

Each reads in a process of its own. ``--bytes`` makes a smaller table.
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
from typing import NamedTuple

import polars as pl
from measure import Figure, median_seconds, show

from terrazul.testing.server import RunningServer

GIGABYTE = 1 << 30
RATIO = 1.1
OPENING_MILLISECONDS = 50
OURS = "from azureml.core import Dataset; table = Dataset.Tabular.{read}({path!r}, validate=False).{to}()"
POLARS = "import polars; table = polars.scan_csv('{path}', infer_schema_length=10_000, try_parse_dates=True).collect()"
PROGRAMS = {
    ("csv", "polars"): {
        "ours": OURS.format(read="from_delimited_files", path="{path}", to="to_polars_dataframe"),
        "polars": POLARS,
        "pyarrow": "from pyarrow import csv; table = csv.read_csv('{path}')",
    },
    ("csv", "pandas"): {
        "ours": OURS.format(read="from_delimited_files", path="{path}", to="to_pandas_dataframe"),
        "polars": POLARS + ".to_pandas()",
        "pandas": "import pandas; table = pandas.read_csv('{path}')",
    },
    ("parquet", "polars"): {
        "ours": OURS.format(read="from_parquet_files", path="{path}", to="to_polars_dataframe"),
        "polars": "import polars; table = polars.scan_parquet('{path}').collect()",
        "pyarrow": "from pyarrow import parquet; table = parquet.read_table('{path}')",
    },
    ("parquet", "pandas"): {
        "ours": OURS.format(read="from_parquet_files", path="{path}", to="to_pandas_dataframe"),
        "polars": "import polars; table = polars.scan_parquet('{path}').collect().to_pandas()",
        "pandas": "import pandas; table = pandas.read_parquet('{path}')",
    },
}


class Taken(NamedTuple):
    """What a process took."""

    seconds: float
    cpu: float
    memory: float
    """At its peak, in MB."""


def main(size: int) -> bool:
    """Measure every way."""
    with tempfile.TemporaryDirectory() as folder:
        files = _write(Path(folder), size)
        figures: list[Figure] = []
        for (form, to), programs in PROGRAMS.items():
            found = {name: _read(text.replace("{path}", str(files[form]))) for name, text in programs.items()}
            figures += _beside(f"{form} to {to}", found)
        figures.append(_opening(Path(folder)))
    return show(f"A table of {size / GIGABYTE:.1f} GB, in times of what polars alone takes", figures)


def _write(folder: Path, size: int) -> dict[str, Path]:
    """Ten columns of the usual kinds, such that the CSV file has this size."""
    chance = random.Random(1)  # noqa: S311  # a table, not a secret
    rows = 100_000
    towns = [f"town {number}" for number in range(500)]
    part = pl.DataFrame(
        {
            "id": range(rows),
            "when": [f"2024-0{1 + row % 9}-1{row % 10} 1{row % 10}:30:00" for row in range(rows)],
            "town": chance.choices(towns, k=rows),
            "paid": [row % 3 == 0 for row in range(rows)],
            "note": [None if row % 7 == 0 else f"note {chance.getrandbits(40):x}" for row in range(rows)],
            **{f"value{number}": [chance.gauss(0, 1) for _ in range(rows)] for number in range(5)},
        }
    )
    csv, parquet = folder / "table.csv", folder / "table.parquet"
    with csv.open("wb") as file:
        part.write_csv(file)
        while file.tell() < size:
            part.write_csv(file, include_header=False)
    pl.scan_csv(csv).sink_parquet(parquet)
    return {"csv": csv, "parquet": parquet}


def _read(program: str) -> Taken:
    """The least time and the least memory of two runs."""
    runs = [_once(program) for _ in range(2)]
    return Taken(*(min(each[place] for each in runs) for place in range(3)))


def _once(program: str) -> Taken:
    begin = time.perf_counter()
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", program]) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {program}")
    return Taken(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def _beside(what: str, found: dict[str, Taken]) -> list[Figure]:
    ours, polars = found["ours"], found["polars"]
    others = {name: taken for name, taken in found.items() if name != "ours"}
    seconds = ", ".join(f"{name} {taken.seconds:.1f} s" for name, taken in others.items())
    memory = ", ".join(f"{name} {taken.memory:.0f} MB" for name, taken in others.items())
    return [
        Figure(f"{what}: time", ours.seconds / polars.seconds, "", RATIO, f"{ours.seconds:.1f} s; {seconds}"),
        Figure(f"{what}: memory", ours.memory / polars.memory, "", RATIO, f"{ours.memory:.0f} MB; {memory}"),
    ]


def _opening(folder: Path) -> Figure:
    """Getting a registered dataset by its name."""
    server = RunningServer(folder / "home")
    server.start()
    try:
        os.environ.update(server.environment)
        from azureml.core import Dataset, Workspace  # noqa: PLC0415  # it finds the server by its variables

        workspace = Workspace("s", "g", "bench")
        store = workspace.get_default_datastore()
        (folder / "small").mkdir()
        (folder / "small" / "a.csv").write_text("a\n1\n")
        store.upload(str(folder / "small"), "small", show_progress=False)
        Dataset.Tabular.from_delimited_files((store, "small/*.csv")).register(workspace, "small")
        taken = median_seconds(lambda: Dataset.get_by_name(workspace, "small"), 50)
    finally:
        server.stop()
    return Figure("opening a registered dataset", taken * 1000, "ms", OPENING_MILLISECONDS, "median of 50")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=int, default=GIGABYTE)
    raise SystemExit(0 if main(parser.parse_args().bytes) else 1)
