"""How a machine is reached, and what is told where it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import ComputeTargetException
from terrazul.server.network.rules import written
from terrazul.wire.compute import RemoteSettings
from terrazul.wire.server import ServerFile

Serving = Callable[[], ServerFile]
"""Where our own server answers, and what it is trusted by."""


@dataclass(frozen=True)
class Reach:
    """A machine and what lets us in."""

    settings: RemoteSettings
    credential: Mapping[str, str] = field(repr=False)

    @property
    def place(self) -> str:
        """Host and port, as messages tell them."""
        return f"{written(self.settings.address)}:{self.settings.port}"


class MachineUnreachable(Exception):
    """There is no connection to a machine at this moment; the text says why."""


def refusal(reach: Reach, what: str, hint: str) -> ComputeTargetException:
    """The error of a machine that cannot be used, with what to do about it."""
    return ComputeTargetException(f"The machine {reach.place} {what}.", target=reach.place, hint=hint)
