"""Where uv finds packages: as uv is configured, else as the user's pip is."""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path
from typing import Mapping

_VARIABLES = {"index-url": "UV_DEFAULT_INDEX", "extra-index-url": "UV_INDEX", "find-links": "UV_FIND_LINKS"}
_UV_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_CONFIG_FILE")
_SEPARATORS = {"UV_DEFAULT_INDEX": " ", "UV_INDEX": " ", "UV_FIND_LINKS": ","}


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that give uv the index of the user's pip; none where uv has settings of its own."""
    home = Path(environment.get("HOME") or Path.home())
    configuration = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    uv_files = (configuration / "uv" / "uv.toml", Path("/etc/uv/uv.toml"))
    if any(environment.get(name) for name in _UV_SETTINGS) or any(file.exists() for file in uv_files):
        return {}
    pip_files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", configuration / "pip" / "pip.conf"]
    pip_files += [Path(sys.prefix) / "pip.conf", Path(environment.get("PIP_CONFIG_FILE") or os.devnull)]
    settings: dict[str, str] = {}
    for file in pip_files:
        settings.update(_settings_of(file))
    for option in _VARIABLES:
        value = environment.get("PIP_" + option.upper().replace("-", "_"))
        if value:
            settings[option] = value
    return {
        variable: _SEPARATORS[variable].join(settings[option].split())
        for option, variable in _VARIABLES.items()
        if settings.get(option)
    }


def _settings_of(file: Path) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(file.read_text("utf-8"))
    except (OSError, ValueError, configparser.Error):
        return {}
    sections = [section for section in ("global", "install") if parser.has_section(section)]
    return {option: value for section in sections for option, value in parser.items(section) if option in _VARIABLES}
