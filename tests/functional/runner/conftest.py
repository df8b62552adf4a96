"""Submitting runs to a real server."""

import pytest

from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter


@pytest.fixture
def submit(server: RunningServer) -> Submitter:
    """Submits to a server of the test's own."""
    return Submitter(server)


@pytest.fixture(scope="module")
def submit_shared(shared_server: RunningServer) -> Submitter:
    """Submits to the server that the tests of a module share."""
    return Submitter(shared_server)
