"""Asking before something is lost."""

from __future__ import annotations

import sys

from terrazul.cli.command import UsageError


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless ``yes`` was said. Raises ``UsageError`` where nobody can answer, or where the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked here.", hint="Add --yes to do it.")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise UsageError("Nothing was deleted.")
