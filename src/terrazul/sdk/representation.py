"""How objects show themselves: as text, and as a table in notebooks."""

from __future__ import annotations

from typing import Mapping

_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})


def as_text(name: str, facts: Mapping[str, object]) -> str:
    """``Run(Experiment: diabetes,`` and so on, a fact a line."""
    return f"{name}(" + ",\n".join(f"{label}: {value}" for label, value in facts.items()) + ")"


def as_html(facts: Mapping[str, object]) -> str:
    """A table of one row, with addresses as links."""
    heads = "".join(f"<th>{escape(label)}</th>" for label in facts)
    cells = "".join(f"<td>{_cell(label, str(value))}</td>" for label, value in facts.items())
    return f'<table style="width:100%"><tr>{heads}</tr><tr>{cells}</tr></table>'


def _cell(label: str, value: str) -> str:
    if not value.startswith(("http://", "https://")):
        return escape(value)
    return f'<a href="{escape(value)}" target="_blank" rel="noopener">Link to {escape(label)}</a>'


def escape(text: str) -> str:
    """A text that stands for itself in HTML; the module ``html`` would bring a table of 2,231 names with it."""
    return text.translate(_HTML)
