"""What an administrator can set: each an option of `terrazul up`, a variable, and a line in docs/settings.md."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import Any

from terrazul.core.errors import InvalidInput

PREFIX = "TERRAZUL_"
DEFAULT_PORT = 8642


@dataclass(frozen=True)
class Settings:
    """The server's settings; the variable of ``snapshot_limit`` is ``TERRAZUL_SNAPSHOT_LIMIT``, and so on."""

    host: str = field(default="127.0.0.1", metadata={"help": "Address to listen on."})
    port: int = field(default=DEFAULT_PORT, metadata={"help": "Port to listen on; 0 takes a free one."})
    shared: bool = field(
        default=False,
        metadata={"help": "Serve a team: a workspace that is not known is an error instead of being made."},
    )
    snapshot_limit: int = field(
        default=0, metadata={"help": "Largest snapshot in bytes; 0 for no limit. Told before anything is sent."}
    )
    concurrent_runs: int = field(
        default=0, metadata={"help": "Runs that this machine executes at once; 0 for its number of cores, at least 2."}
    )
    body_limit: int = field(default=64 << 20, metadata={"help": "Largest JSON request body in bytes."})
    log_limit: int = field(
        default=5 << 30, metadata={"help": "Largest log file of a run in bytes; what comes after is not kept."}
    )
    runner_silence: int = field(
        default=25, metadata={"help": "Seconds without a sign of life after which a runner counts as lost."}
    )

    @property
    def concurrency(self) -> int:
        """How many runs this machine executes at once."""
        return self.concurrent_runs or max(2, os.cpu_count() or 1)


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def from_environment(environment: dict[str, str], **given: Any) -> Settings:
    """Settings from variables; what is given (and not None) wins. Raises ``InvalidInput`` for a wrong value."""
    values: dict[str, Any] = {}
    for each in fields(Settings):
        text = environment.get(variable_of(each.name))
        if text is not None:
            values[each.name] = _parse(each.name, type(each.default), text)
    values.update({name: value for name, value in given.items() if value is not None})
    return Settings(**values)


def _parse(name: str, kind: type, text: str) -> Any:
    if kind is bool and text.lower() in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        return text.lower() in {"1", "true", "yes", "on"}
    if kind is str:
        return text
    if kind is int and text.strip().lstrip("-").isdigit():
        return int(text)
    message = f"{variable_of(name)} is {text!r}, which is not a value of type {kind.__name__}."
    raise InvalidInput(message, target=variable_of(name), hint="Correct the variable or remove it.")
