"""Puts the packages of the v1 names into the wheel; an editable install reads them in place instead."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class IncludeSource(BuildHookInterface[Any]):
    """The folders lie outside of this project's root, where only forced inclusion reaches."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Include the folders unless the wheel is an editable one."""
        if version != "editable":
            for name in ("azureml", "azureml_inference_server_http"):
                build_data["force_include"][f"../../src/{name}"] = name
