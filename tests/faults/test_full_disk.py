"""A full disk: clear errors, reads go on, and the server recovers by itself."""

import hashlib
from pathlib import Path

import pytest

from terrazul.testing.server import Refused, RunningServer
from terrazul.wire import pack


def test_server_lives_through_a_full_disk(disk: Path, tmp_path: Path):
    mark = tmp_path / "full"
    home = tmp_path / "home"
    server = RunningServer(home, variables={"LD_PRELOAD": str(disk), "DISK_ROOT": str(home), "DISK_FULL": str(mark)})
    server.start()
    workspace = server.workspace()

    def write(sequence: int) -> None:
        run = {"run_id": f"r{sequence}", "experiment_name": "e", "time": sequence}
        server.call("POST", f"{workspace}/writes", {"writer": "w", "sequence": sequence, "runs": [run]})

    content = b"x" * 100_000
    body = pack.encode_header(hashlib.sha256(content).hexdigest(), len(content)) + content
    write(1)
    mark.touch()
    for action in (lambda: write(2), lambda: server.call("POST", f"{workspace}/contents", body)):
        with pytest.raises(Refused) as refused:
            action()
        assert refused.value.status == 507
        assert refused.value.body["code"] == "insufficient_storage"
        assert "disk" in refused.value.body["message"]
    assert server.call("GET", f"{workspace}/runs?include=total")["total"] == 1
    mark.unlink()
    write(2)
    server.call("POST", f"{workspace}/contents", body)
    assert server.call("GET", f"{workspace}/runs?include=total")["total"] == 2
    server.stop()
