"""``python -m terrazul.compatibility FOLDER`` measures what works and writes the tables of the documentation anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from terrazul.compatibility import status, table


def write(documentation: Path) -> None:
    """Record what is not there yet, and write each page, removing those that are no more."""
    record = Path(__file__).with_name("not_yet.json")
    record.write_text(json.dumps(status.measure(), indent=1) + "\n", encoding="utf-8")
    status.forget()
    for old in documentation.glob("*.md"):
        old.unlink()
    for name, text in table.pages().items():
        documentation.joinpath(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
