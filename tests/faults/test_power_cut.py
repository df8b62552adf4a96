"""A power cut: what was not flushed to the disk is gone, and nothing that was acknowledged was among it."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from terrazul.testing.server import RunningServer
from terrazul.wire import pack


def after_power_cut(root: Path, shadow: Path, target: Path) -> None:
    """Put together what the disk holds, beginning with the folder ``root``."""
    _restore(root.stat().st_ino, shadow, target)


def _restore(folder: int, shadow: Path, target: Path) -> None:
    target.mkdir()
    listing = shadow / "names" / str(folder)
    names = {}
    for line in listing.read_text().splitlines() if listing.exists() else []:
        kind, inode, name = line.split(" ", 2)
        names[name] = (kind, int(inode))
    for name, (kind, inode) in names.items():
        content = shadow / "inodes" / str(inode)
        if kind == "d":
            _restore(inode, shadow, target / name)
        elif content.exists():
            shutil.copy(content, target / name)


def test_everything_acknowledged_survives_a_power_cut(disk: Path, tmp_path: Path):
    shadow = tmp_path / "shadow"
    (shadow / "inodes").mkdir(parents=True)
    (shadow / "names").mkdir()
    home = tmp_path / "home"
    variables = {"LD_PRELOAD": str(disk), "DISK_ROOT": str(home), "DISK_SHADOW": str(shadow)}
    server = RunningServer(home, variables=variables)
    server.start()
    workspace = server.workspace()
    run = {"run_id": "r", "experiment_name": "e", "time": 1}
    server.call("POST", f"{workspace}/writes", {"writer": "w", "sequence": 1, "runs": [run]})
    contents = [f"content {number}".encode() * 1000 for number in range(5)]
    for sequence, content in enumerate(contents, 2):
        digest = hashlib.sha256(content).hexdigest()
        body = pack.encode_header(digest, len(content)) + content
        server.call("POST", f"{workspace}/contents", body)
        new = {"run_id": "r", "path": f"outputs/{sequence}", "digest": digest, "size": len(content), "time": 1}
        metric = {"run_id": "r", "name": "m", "value": sequence, "time": 2}
        batch = {"writer": "w", "sequence": sequence, "artifacts": [new], "metrics": [metric]}
        server.call("POST", f"{workspace}/writes", batch)
        offset = sum(len(each) for each in contents[: sequence - 2])
        server.call("POST", f"{workspace}/runs/r/log?path=logs/x&offset={offset}", content)
    server.kill()

    after_power_cut(home, shadow, tmp_path / "found")
    found = RunningServer(tmp_path / "found")
    found.start()
    metrics = found.call("GET", f"{workspace}/runs/r/metrics")
    assert metrics[0]["metrics"][0]["values"] == [2, 3, 4, 5, 6]
    for sequence, content in enumerate(contents, 2):
        assert found.call("GET", f"{workspace}/runs/r/artifact?path=outputs/{sequence}") == content
    assert found.call("GET", f"{workspace}/runs/r/artifact?path=logs/x") == b"".join(contents)
    assert found.token == server.token
    found.stop()


def test_the_disk_forgets_what_was_not_flushed(disk: Path, tmp_path: Path):
    """The check of the check: a program that flushes one file of two keeps that one alone."""
    shadow, home = tmp_path / "shadow", tmp_path / "home"
    for folder in (shadow / "inodes", shadow / "names", home):
        folder.mkdir(parents=True)
    program = "import os; a = open('a', 'w'); a.write('1'); a.flush(); os.fsync(a.fileno()); open('b', 'w').write('2')"
    variables = {"LD_PRELOAD": str(disk), "DISK_ROOT": str(home), "DISK_SHADOW": str(shadow)}
    subprocess.run(["python3", "-c", program], cwd=home, env=variables, check=True)
    after_power_cut(home, shadow, tmp_path / "found")
    assert {path.name: path.read_text() for path in (tmp_path / "found").iterdir()} == {"a": "1"}
