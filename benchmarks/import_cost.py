"""What it costs to import the SDK in a training environment."""

from __future__ import annotations

import json
import subprocess
import sys

from measure import Figure, cpu_seconds, show

_COUNT = """
import sys
before = set(sys.modules)
{statement}
names = set(sys.modules) - before
ours = ("terrazul", "azureml")
third = sorted(
    {{name.partition(".")[0] for name in names}} - set(sys.stdlib_module_names) - set(ours) - {{"__mp_main__"}}
)
import json
print(json.dumps([len(sys.modules), third]))
"""
STATEMENTS = ("import terrazul", "from azureml.core import Run")


def main() -> bool:
    """Count modules and CPU of each import, beside bare Python."""
    bare = cpu_seconds([sys.executable, "-c", "pass"], times=20)
    figures = []
    for statement in STATEMENTS:
        command = [sys.executable, "-c", _COUNT.format(statement=statement)]
        modules, third = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        cpu = cpu_seconds([sys.executable, "-c", statement], times=20)
        beside = "azureml-core: 1,921 modules, 79 times, 56 distributions" if "Run" in statement else ""
        figures += [
            Figure(f"`{statement}`: modules", modules, "", 250, beside),
            Figure(f"`{statement}`: CPU, times bare Python", cpu / bare, "", 10, f"bare Python {bare * 1000:.0f} ms"),
            Figure(f"`{statement}`: third-party packages", len(third), "", 0, ", ".join(third)),
        ]
    return show("Importing the SDK", figures)


if __name__ == "__main__":
    raise SystemExit(not main())
