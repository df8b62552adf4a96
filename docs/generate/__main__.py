"""Writes docs/reference from the code: ``python docs/generate``; with ``--check`` it only tells what is out of date."""

import sys
from pathlib import Path

import command_line
import rest
import roles
import settings

REFERENCE = Path(__file__).parents[1] / "reference"
PAGES = {"cli.md": command_line.page, "rest.md": rest.page, "roles.md": roles.page, "settings.md": settings.page}


def main() -> int:
    """Write the pages that differ from what they should be, or name them."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"docs/reference/{name} {'is out of date: run `make docs`' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
