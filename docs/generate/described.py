"""What every page needs: words for each thing, and tables."""

from collections.abc import Iterable, Sequence


class NotDescribed(Exception):
    """A verb, route, setting or field has no words of its own."""


def words_of(thing: str, text: str) -> str:
    """The description, in one line. Raises ``NotDescribed`` where there is none."""
    line = " ".join(text.split())
    if not line:
        message = f"{thing} has no description"
        raise NotDescribed(message)
    return line


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a Markdown table, with an empty line after it; nothing where it has no rows."""
    lines = [_row(row) for row in rows]
    return [_row(titles), _row(["---"] * len(titles)), *lines, ""] if lines else []


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
