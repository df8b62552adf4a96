"""Moving data to and from a store: 200 MB and 2,000 small files up and down, beside adlfs and s3fs; and a long listing.

The stores are Azurite and moto's S3 server on this machine, which take most of the time themselves; so what is compared
is the CPU time of the client. Run with ``--rivals`` to install and measure adlfs and s3fs too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from contender import environment
from measure import Figure, show

from terrazul.testing.server import RunningServer
from terrazul.testing.stores import AZURITE_ACCOUNT, AZURITE_KEY, azurite, s3_server

SMALL, LARGE_BYTES, LISTED = 2000, 200 << 20, 100_000
RATIO = 3
"""So many times less than a rival on small files; on a large one as little as it."""
OURS = """
import sys
from azureml.core import Datastore, Workspace
store = Datastore(Workspace("s", "g", "bench"), sys.argv[1])
if sys.argv[2] == "up":
    store.upload(sys.argv[3], sys.argv[4], overwrite=True, show_progress=False)
else:
    store.download(sys.argv[3], sys.argv[4] + "/", show_progress=False)
"""
S3FS = """
import sys, s3fs
store = s3fs.S3FileSystem(key="k", secret="s", client_kwargs={{"endpoint_url": "http://{place}"}})
"""
ADLFS = """
import sys, adlfs
text = "DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};BlobEndpoint=http://{place}/{account};"
store = adlfs.AzureBlobFileSystem(connection_string=text)
"""
MOVE = """
if sys.argv[2] == "up":
    store.put(sys.argv[3] + "/", "data/" + sys.argv[4] + "/", recursive=True)
else:
    store.get("data/" + sys.argv[4] + "/", sys.argv[3] + "/", recursive=True)
"""


class Taken(NamedTuple):
    """What a client took."""

    cpu: float
    wall: float


def main(rivals: bool) -> bool:
    """Move both kinds of data with every client."""
    with tempfile.TemporaryDirectory() as folder, azurite(Path(folder) / "az") as blobs, s3_server() as buckets:
        root = Path(folder)
        _fill(root)
        server = RunningServer(root / "home", "--allowed-destinations", f"{blobs},{buckets}")
        server.start()
        try:
            os.environ.update(server.environment)
            _register(blobs, buckets)
            figures = []
            for store, package, text in (
                ("s3", "s3fs", S3FS.format(place=buckets)),
                ("azure", "adlfs", ADLFS.format(place=blobs, account=AZURITE_ACCOUNT, key=AZURITE_KEY)),
            ):
                rival = [str(environment(package, [package])), "-c", text + MOVE] if rivals else None
                figures += _compare(root, store, package, rival)
            figures.append(_listing(root))
        finally:
            server.stop()
    return show("Data to and from a store: CPU seconds of the client", figures)


def _fill(root: Path) -> None:
    for name, count, size in (("small", SMALL, 4096), ("large", 1, LARGE_BYTES)):
        (root / name).mkdir()
        for number in range(count):
            (root / name / f"{number:05}.bin").write_bytes(os.urandom(size))


def _register(blobs: str, buckets: str) -> None:
    from azureml.core import Datastore, Workspace  # noqa: PLC0415  # they find the server by variables

    workspace = Workspace("s", "g", "bench")
    Datastore.register_amazon_s3(
        workspace, "s3", "data", "k", "s", endpoint=f"http://{buckets}", create_if_not_exists=True
    )
    Datastore.register_azure_blob_container(
        workspace, "azure", "data", AZURITE_ACCOUNT, account_key=AZURITE_KEY,
        endpoint=f"http://{blobs}/{AZURITE_ACCOUNT}", create_if_not_exists=True,
    )  # fmt: skip


def _compare(root: Path, store: str, package: str, rival: list[str] | None) -> list[Figure]:
    figures = []
    for name, ratio in (("small", RATIO), ("large", 1)):
        what = f"{SMALL} files of 4 KiB" if name == "small" else "200 MiB in one file"
        for way in ("up", "down"):
            ours = _move([sys.executable, "-c", OURS], root, store, way, name, "ours")
            theirs = _move(rival, root, store, way, name, "theirs") if rival else Taken(float("nan"), float("nan"))
            beside = f"{package} {theirs.cpu:.2f} s CPU, {theirs.wall:.1f} s in all; ours {ours.wall:.1f} s in all"
            limit = theirs.cpu / ratio if rival else 60.0
            figures.append(Figure(f"{what} {way}, {store}", ours.cpu, "s", limit, beside if rival else ""))
    return figures


def _move(command: list[str], root: Path, store: str, way: str, name: str, who: str) -> Taken:
    place = root / name if way == "up" else root / f"{who}-{store}-{name}"
    begun = time.perf_counter()
    process = subprocess.Popen([*command, store, way, str(place), f"{who}-{name}"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{who} {store} {way} {name} failed")
    wall = time.perf_counter() - begun
    if way == "down":
        assert sum(1 for path in place.rglob("*.bin")) == sum(1 for _ in (root / name).iterdir())
        shutil.rmtree(place)
    return Taken(usage.ru_utime + usage.ru_stime, wall)


def _listing(root: Path) -> Figure:
    from azureml.core import Datastore, Workspace  # noqa: PLC0415  # as above

    many = root / "many"
    for number in range(LISTED):
        if number % 1000 == 0:
            (many / f"{number // 1000:03}").mkdir(parents=True)
        (many / f"{number // 1000:03}" / f"{number:06}").touch()
    store = Datastore.register_local_folder(Workspace("s", "g", "bench"), "many", str(many))
    begun = time.perf_counter()
    assert sum(1 for _ in store.files("**/*")) == LISTED
    return Figure(f"listing {LISTED} files of a folder", time.perf_counter() - begun, "s", 10.0, "wall time")


if __name__ == "__main__":
    raise SystemExit(0 if main("--rivals" in sys.argv) else 1)
