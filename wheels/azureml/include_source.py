"""Puts `src/azureml` into the wheel; an editable install reads it in place instead."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class IncludeSource(BuildHookInterface[Any]):
    """The folder lies outside of this project's root, where only forced inclusion reaches."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Include the folder unless the wheel is an editable one."""
        if version != "editable":
            build_data["force_include"]["../../src/azureml"] = "azureml"
