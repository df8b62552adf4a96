"""Run every measurement, or those that are named, and write the tables to docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = [
    "server_start", "import_cost", "command_line", "submit", "environment", "log_call", "authentication", "snapshot",
    "search", "scheduler", "tracking", "scoring", "data_transfer", "data_mount", "tabular", "profile", "kill_loop",
]  # fmt: skip
RIVALS = {"scoring": ["--rivals"], "tracking": ["--rivals"], "data_transfer": ["--rivals"]}
"""Programs that also measure products which they install first."""
TARGET = HERE.parent / "docs" / "benchmarks.md"
INTRODUCTION = """# Measured

Written by `make bench`; each table is one program in `benchmarks/`. Every figure stands beside the limit that it is
held to, so read the ratios: the figures are those of one machine ({machine}).
"""
SECTION = re.compile(r"### .*?\nCommand: `python benchmarks/(\w+)\.py[^\n]*\n", re.DOTALL)


def main() -> int:
    """Run those that are named, or all, one after the other; 1 where a figure is over its limit."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    known = TARGET.read_text() if TARGET.exists() else ""
    sections = {found[1]: found[0] for found in SECTION.finditer(known)}
    over = 0
    for name in sys.argv[1:] or PROGRAMS:
        print(f"{name} ...", file=sys.stderr)
        line = [f"benchmarks/{name}.py", *RIVALS.get(name, [])]
        done = subprocess.run([sys.executable, *line], cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout)
        over |= done.returncode
        day = date.today().isoformat()  # noqa: DTZ011  # the day here
        sections[name] = f"{done.stdout.strip()}\n\nCommand: `python {' '.join(line)}`, {day}\n"
    written = [sections[name] for name in PROGRAMS if name in sections]
    TARGET.write_text("\n".join([INTRODUCTION.format(machine=machine), *written]))
    return over


if __name__ == "__main__":
    raise SystemExit(main())
