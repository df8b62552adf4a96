"""What a kind of endpoint does for the keeper: it runs the supervisors of web services."""

from __future__ import annotations

from typing import Any, Protocol

from terrazul.wire.endpoint import ServiceJob

Placement = dict[str, Any]
"""Where a web service is, in the kind's own words; kept in the database, so that a restarted server finds it."""


class EndpointKind(Protocol):
    """Starts the supervisors of web services, looks after them, and ends them. Calls may block for a moment."""

    def place(self, workspace_id: str, name: str) -> Placement:
        """Decide where a web service will be. Starts nothing."""

    def launch(self, job: ServiceJob, placement: Placement) -> None:
        """Start the supervisor, after ending what an earlier one may have left. One that is alive stays as it is."""

    def is_alive(self, placement: Placement) -> bool:
        """Whether there is a supervisor."""

    def stop(self, placement: Placement) -> None:
        """Tell the supervisor to answer what it has accepted, and to end."""

    def kill(self, placement: Placement) -> None:
        """End the supervisor and everything that it started, by force."""

    def remove(self, placement: Placement) -> None:
        """Remove every file of a web service that has ended."""

    def log(self, placement: Placement, lines: int) -> str:
        """The last lines of what supervisor and entry script have said."""
