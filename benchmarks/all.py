"""Run every measurement, and write the tables to docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = [
    "server_start", "import_cost", "command_line", "submit", "log_call", "snapshot", "search", "tracking", "scoring",
    "kill_loop",
]  # fmt: skip
RIVALS = {"scoring": ["--rivals"]}
"""Programs that also measure products which they install first."""
TARGET = HERE.parent / "docs" / "benchmarks.md"
INTRODUCTION = """# Measured

Written by `make bench`; each table is one program in `benchmarks/`. Every figure stands beside the limit that it is
held to, so read the ratios: the figures are those of one machine ({machine}, {day}).
"""


def main() -> int:
    """Run them one after the other; 1 where a figure is over its limit."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    text = INTRODUCTION.format(machine=machine, day=date.today().isoformat())  # noqa: DTZ011  # the day here
    over = 0
    for name in PROGRAMS:
        print(f"{name} ...", file=sys.stderr)
        line = [f"benchmarks/{name}.py", *RIVALS.get(name, [])]
        done = subprocess.run([sys.executable, *line], cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout)
        over |= done.returncode
        text += f"\n{done.stdout.strip()}\n\nCommand: `python {' '.join(line)}`\n"
    TARGET.write_text(text)
    return over


if __name__ == "__main__":
    raise SystemExit(main())
