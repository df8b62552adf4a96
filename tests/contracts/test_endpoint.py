"""Every kind of endpoint passes the same tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.server.endpoint.kinds.local import LocalEndpoint
from terrazul.testing.endpoint import EndpointContract
from terrazul.testing.submission import wait_for


class TestLocal(EndpointContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> Iterator[LocalEndpoint]:
        kind = LocalEndpoint(tmp_path / "services")
        yield kind
        placement = kind.place("workspace", "service")
        kind.kill(placement)
        wait_for(lambda: not kind.is_alive(placement))


def test_log_goes_on_where_it_was_begun_anew(tmp_path: Path):
    kind = LocalEndpoint(tmp_path)
    folder = tmp_path / "workspace" / "service"
    folder.mkdir(parents=True)
    (folder / "service.log.1").write_text("".join(f"old {number}\n" for number in range(10)))
    (folder / "service.log").write_text("new 1\nnew 2\n" + "x" * 200_000 + "\n")
    placement = kind.place("workspace", "service")
    assert kind.log(placement, 4).splitlines()[:3] == ["old 9", "new 1", "new 2"]
    assert len(kind.log(placement, 100).splitlines()) == 13
    assert set(kind.log(placement, 1)) == {"x", "\n"}
