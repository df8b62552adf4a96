"""Submitting runs to a real server."""

from collections.abc import Iterator

import pytest

from terrazul.testing.server import RunningServer
from terrazul.testing.submission import Submitter


@pytest.fixture
def submit(server: RunningServer) -> Iterator[Submitter]:
    """Submits to a server of the test's own."""
    submitter = Submitter(server)
    yield submitter
    submitter.close()


@pytest.fixture(scope="module")
def submit_shared(shared_server: RunningServer) -> Iterator[Submitter]:
    """Submits to the server that the tests of a module share."""
    submitter = Submitter(shared_server)
    yield submitter
    submitter.close()
