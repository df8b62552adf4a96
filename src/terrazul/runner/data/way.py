"""The runner's way to datastores: through the server where nothing shorter is told, and past its absences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import quote

from terrazul.data import web
from terrazul.data.access import Download, Transfer, Upload
from terrazul.data.access import Stopped as CalledOff
from terrazul.data.cache import Cache
from terrazul.node.connection import Body, Connection, checked, persist, understand, workspace_path
from terrazul.node.stop import Stop
from terrazul.wire import codec
from terrazul.wire.dataset import DataLocation
from terrazul.wire.datastore import AccessRequest, DataFile, Datastore, FileAccess, FilePage
from terrazul.wire.job import Job

T = TypeVar("T")
_CHUNK = 1 << 20
_TIMEOUT = 120.0


class Way:
    """Reaches the datastores of one run's workspace; waits for a server that is away, until the run is stopped."""

    def __init__(self, job: Job, cache: Cache, stop: Stop) -> None:
        self._stop = stop
        self._workspace = workspace_path(job)
        self.job = job
        self.workspace_id = job.workspace_id
        self.cache = cache
        self.check = stop.check
        self._open: set[Connection | Transfer] = set()
        stop.when_ordered(self._interrupt)

    def ask(self, shape: type[T], path: str, query: dict[str, str] | None = None, value: object = None) -> T:
        """Ask the server, with POST where there is a value. Raises the server's error, or ``Stopped``."""
        target = self._workspace + path

        def request() -> T:
            with self.connected() as connection:
                body = b"" if value is None else codec.encode(value)
                return understand(shape, connection.call("GET" if value is None else "POST", target, query, body))

        return persist(request, self._stop)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection that an order to stop breaks off."""
        connection = Connection(self.job, _TIMEOUT)
        self._open.add(connection)
        try:
            yield connection
        finally:
            self._open.discard(connection)
            connection.close()

    def _interrupt(self) -> None:
        for each in list(self._open):
            each.interrupt()

    def address_of(self, datastore: str) -> str:
        """Where the routes of a datastore begin."""
        return f"{self._workspace}/datastores/{datastore}"

    def list_files(self, location: DataLocation) -> Iterator[DataFile]:
        """The files of a location, by path; one at a web address is looked at from here."""
        if not location.datastore:
            yield web.look_at(location.path)
            return
        page: str | None = ""
        while page is not None:
            query = {"pattern": location.path, **({"page": page} if page else {})}
            found = self.ask(FilePage, f"/datastores/{quote(location.datastore, safe='')}/files", query)
            yield from found.files
            page = found.next_page

    def default_datastore(self) -> str:
        """The name of the workspace's default datastore."""
        return next(each.name for each in self.ask(list[Datastore], "/datastores") if each.is_default)

    def access(self, datastore: str, paths: Sequence[str]) -> list[FileAccess]:
        """The short ways to the bytes of files that are read."""
        return _Store(self, datastore).access(list(paths), is_writing=False)

    def fetch(self, datastore: str, files: Sequence[tuple[DataFile, Path]], progress: Callable[[int], None]) -> None:
        """Bring the bytes of files to the given paths, as often as the server goes away meanwhile."""
        if not datastore:
            for file, target in files:
                web.fetch(file.path, target, progress, self.check)
            return

        def work() -> None:
            wanted = [Download(file, target) for file, target in files if not target.exists()]
            with self._transfer(datastore, progress) as transfer:
                transfer.download(wanted)

        persist(work, self._stop)

    def send(
        self, datastore: str, files: Sequence[Upload], progress: Callable[[int], None], *, overwrite: bool
    ) -> list[Upload]:
        """Send files to a datastore, as often as the server goes away meanwhile; those that were there already."""

        def work() -> list[Upload]:
            with self._transfer(datastore, progress) as transfer:
                return transfer.upload(files, overwrite=overwrite)

        return persist(work, self._stop)

    @contextmanager
    def _transfer(self, datastore: str, progress: Callable[[int], None]) -> Iterator[Transfer]:
        """A transfer that an order to stop breaks off. Raises ``Stopped``."""
        transfer = Transfer(_Store(self, datastore), progress)
        self._open.add(transfer)
        try:
            self._stop.check()
            yield transfer
        except CalledOff:
            self._stop.check()
            raise
        finally:
            self._open.discard(transfer)


class _Store:
    """One datastore, as ``Transfer`` reaches it through the server."""

    def __init__(self, way: Way, datastore: str) -> None:
        self._way = way
        self._datastore = datastore
        self._file = f"{way.address_of(datastore)}/file"

    def access(self, paths: list[str], is_writing: bool) -> list[FileAccess]:
        """The short way to each file."""
        address = f"/datastores/{quote(self._datastore, safe='')}/access"
        return self._way.ask(list[FileAccess], address, value=AccessRequest(paths, is_writing))

    @contextmanager
    def read(self, path: str, start: int, end: int | None) -> Iterator[Iterator[bytes]]:
        """A part of a file, in pieces."""
        headers = {"Range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        with self._way.connected() as connection:
            response = connection.exchange("GET", f"{quote(self._file)}?path={quote(path, safe='')}", headers, b"")
            answer = checked(response)
            yield iter(lambda: answer.read(_CHUNK), b"")

    def write(self, path: str, file: BinaryIO, length: int, overwrite: bool) -> DataFile:
        """Write a file. Raises ``AlreadyExists`` where it is there and may not be replaced."""
        headers = {"Content-Type": "application/octet-stream", **({} if overwrite else {"If-None-Match": "*"})}
        begin = file.tell()

        def chunks() -> Iterator[bytes]:
            file.seek(begin)
            return iter(lambda: file.read(_CHUNK), b"")

        with self._way.connected() as connection:
            target = f"{quote(self._file)}?path={quote(path, safe='')}"
            return understand(
                DataFile, checked(connection.exchange("PUT", target, headers, Body(length, chunks))).read()
            )
