"""What a quota allows, and how it is told. Pure functions."""

from __future__ import annotations

from dataclasses import fields
from typing import NamedTuple

from terrazul.core.errors import InvalidInput, QuotaExceeded
from terrazul.wire.quota import QuotaLimits

_MOST = 2**53 - 1
_SEE = "`terrazul workspace quota show` tells what is used; administrators change it."


class Limits(NamedTuple):
    """What counts for a workspace; 0 is no limit."""

    storage_bytes: int = 0
    concurrent_runs: int = 0
    running_per_user: int = 0
    waiting_per_user: int = 0
    compute_nodes: int = 0

    def overridden_by(self, own: QuotaLimits) -> Limits:
        """These, with what was set for one workspace in their place."""
        return self._replace(**{name: value for name, value in vars(own).items() if value is not None})


class QueueCount(NamedTuple):
    """How many runs are executed, and how many wait."""

    running: int = 0
    waiting: int = 0


def check_limits(limits: QuotaLimits) -> None:
    """Raise ``InvalidInput`` for a limit that cannot be one."""
    for each in fields(limits):
        value = getattr(limits, each.name)
        if value is not None and not 0 <= value <= _MOST:
            raise InvalidInput(
                f"{each.name} is {value}, and must be between 0 and {_MOST}.",
                target=each.name,
                hint="0 is no limit, and null is what the server's settings say.",
            )


def check_storage(limits: Limits, stored: int, fresh: int) -> None:
    """Raise ``QuotaExceeded`` where there is no room for so many bytes more."""
    if limits.storage_bytes and fresh and stored + fresh > limits.storage_bytes:
        raise QuotaExceeded(
            f"The workspace may keep {limits.storage_bytes} bytes and keeps {stored}: no room for {fresh} more.",
            target="storage_bytes",
            hint=f"Delete runs or models that nobody needs. {_SEE}",
        )


def check_waiting(limits: Limits, user: str, waiting: int) -> None:
    """Raise ``QuotaExceeded`` where so many runs of a user wait that no further one may."""
    if limits.waiting_per_user and waiting >= limits.waiting_per_user:
        raise QuotaExceeded(
            f"{user} has as many runs that wait in this workspace as may: {limits.waiting_per_user}.",
            target="waiting_per_user",
            hint=f"Wait until some have begun, or cancel them. {_SEE}",
        )


def is_full(limits: Limits, stored: int) -> bool:
    """Whether a workspace keeps as much as it may."""
    return bool(limits.storage_bytes) and stored >= limits.storage_bytes


def why_it_waits(limits: Limits, stored: int, running: int, user: str, running_of_user: int) -> str:
    """The sentence that says which limit keeps a run of a user from being begun; empty where none does."""
    if is_full(limits, stored):
        return f"The workspace keeps {stored} bytes, and no run begins where {limits.storage_bytes} are reached."
    if limits.concurrent_runs and running >= limits.concurrent_runs:
        return f"The workspace executes as many runs at once as it may: {limits.concurrent_runs}."
    if limits.running_per_user and running_of_user >= limits.running_per_user:
        return f"As many runs of {user} are executed at once as may: {limits.running_per_user}."
    return ""
