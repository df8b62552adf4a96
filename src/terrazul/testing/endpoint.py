"""What every kind of endpoint owes. A kind's test inherits ``EndpointContract`` and overrides one fixture."""

from __future__ import annotations

import pytest

from terrazul.server.endpoint.kind import EndpointKind
from terrazul.testing.submission import wait_for
from terrazul.wire.endpoint import ServiceJob

JOB = ServiceJob(
    server_url="http://127.0.0.1:9",
    token="nobody's",  # noqa: S106  # no server knows it
    workspace_id="workspace",
    workspace_name="testing",
    environments_folder="/nowhere/environments",
    name="service",
    attempt=1,
    host="127.0.0.1",
    port=9,
)
"""Of a server that is away: its supervisor waits for orders."""


class EndpointContract:
    """Inherit, and give a fixture ``kind`` that has no web service yet."""

    @pytest.fixture
    def kind(self) -> EndpointKind:
        """A kind without web services."""
        raise pytest.UsageError("override the fixture `kind`")

    def test_placement_starts_nothing(self, kind: EndpointKind) -> None:
        """And is the same each time."""
        placement = kind.place("workspace", "service")
        assert placement == kind.place("workspace", "service")
        assert placement != kind.place("workspace", "other")
        assert not kind.is_alive(placement)

    def test_launched_supervisor_lives_until_it_is_stopped(self, kind: EndpointKind) -> None:
        """Launching it again changes nothing."""
        placement = kind.place("workspace", "service")
        kind.launch(JOB, placement)
        assert kind.is_alive(placement)
        wait_for(lambda: "attempt 1" in kind.log(placement, 10))
        kind.launch(JOB, placement)
        kind.stop(placement)
        wait_for(lambda: not kind.is_alive(placement))
        assert kind.log(placement, 1000).count("attempt 1") == 1

    def test_killed_supervisor_is_launched_again(self, kind: EndpointKind) -> None:
        """Each time anew."""
        placement = kind.place("workspace", "service")
        for _ in range(2):
            kind.launch(JOB, placement)
            kind.kill(placement)
            wait_for(lambda: not kind.is_alive(placement))

    def test_log_gives_the_last_lines(self, kind: EndpointKind) -> None:
        """As many as are asked for, none where there is no log."""
        placement = kind.place("workspace", "service")
        assert kind.log(placement, 10) == ""
        kind.launch(JOB, placement)
        wait_for(lambda: kind.log(placement, 10))
        assert len(kind.log(placement, 1).splitlines()) == 1

    def test_removed_web_service_leaves_nothing(self, kind: EndpointKind) -> None:
        """Removing, stopping and killing what is not there is no error."""
        placement = kind.place("workspace", "service")
        kind.launch(JOB, placement)
        kind.kill(placement)
        wait_for(lambda: not kind.is_alive(placement))
        kind.remove(placement)
        assert kind.log(placement, 10) == ""
        kind.remove(placement)
        kind.stop(placement)
        kind.kill(placement)
