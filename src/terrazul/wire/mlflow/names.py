"""Names for runs that come without one."""

from __future__ import annotations

import secrets

_COLOURS = (
    "amber", "azure", "black", "bronze", "copper", "coral", "crimson", "golden", "green", "indigo", "ivory", "misty",
    "olive", "pale", "purple", "rosy", "russet", "scarlet", "silver", "teal", "violet", "white",
)  # fmt: skip
_STONES = (
    "agate", "basalt", "beryl", "calcite", "flint", "garnet", "gneiss", "granite", "gypsum", "jade", "jasper",
    "lazurite", "marble", "mica", "obsidian", "onyx", "opal", "pumice", "quartz", "ruby", "slate", "topaz", "zircon",
)  # fmt: skip


def new_run_name() -> str:
    """A name that a person can say, such as ``teal-basalt-417``."""
    return f"{secrets.choice(_COLOURS)}-{secrets.choice(_STONES)}-{secrets.randbelow(900) + 100}"
