"""Databases that are files of the server's machine: what their kinds share."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from terrazul.core.errors import DatastoreUnreachable, InvalidInput
from terrazul.server.blobs.service import in_thread
from terrazul.server.datastore.kind import NO_CREDENTIAL, Credential, Field, Settings, Step, Surroundings
from terrazul.server.datastore.local_place import check_place
from terrazul.server.datastore.tables import Answer, Deadline, Failed, arrow_stream

Look = Callable[[Path], None]
"""Opens a file and asks something small; raises ``Failed``."""
Ask = Callable[[Path, str, Deadline], Answer]


class FileKind:
    """A kind by the path of a file. ``packages`` are imported to tell at once where one is not installed."""

    holds_files = False
    credential: Mapping[str, Field] = {}

    def __init__(self, name: str, look: Look, ask: Ask, packages: Sequence[str]) -> None:
        self.name = name
        self.description = f"A database file of {name} on the server's machine. It is read only."
        self.settings: Mapping[str, Field] = {
            "path": Field("The file, as an absolute path on the server's machine.", is_required=True)
        }
        self._look = look
        self._ask = ask
        self._packages = packages

    def check(self, settings: Settings, credential: Credential) -> str:
        """It needs nothing."""
        del credential
        if not Path(str(settings["path"])).is_absolute():
            raise InvalidInput("The path of a database file is absolute.", target="path")
        return NO_CREDENTIAL

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> FileTables:
        """The tables of the file."""
        del credential
        for package in self._packages:
            importlib.import_module(package)
        return FileTables(Path(str(settings["path"])), surroundings, self._look, self._ask)


class FileTables:
    """The tables of a database file. Where it leads is looked at for each query. Raises ``InvalidInput``."""

    def __init__(self, path: Path, surroundings: Surroundings, look: Look, ask: Ask) -> None:
        self._path = path
        self._surroundings = surroundings
        self._look = look
        self._ask = ask
        check_place(path, surroundings)

    async def steps(self, *, create: bool) -> AsyncIterator[Step]:
        """Find the file, ask."""
        del create
        try:
            file = self._file()
        except InvalidInput as problem:
            yield Step("find the file", str(problem).replace("\n", " "))
            return
        yield Step("find the file")
        try:
            await asyncio.to_thread(self._look, file)
        except Failed as failed:
            yield Step("ask", failed.why)
        else:
            yield Step("ask")

    async def query(self, text: str, seconds: int) -> AsyncIterator[bytes]:
        """What a query gives, as an Arrow stream."""
        file, deadline = self._file(), Deadline(seconds)
        async for chunk in in_thread(arrow_stream(lambda: self._ask(file, text, deadline), deadline)):
            yield chunk

    def _file(self) -> Path:
        real = check_place(self._path, self._surroundings)
        if not real.is_file():
            raise DatastoreUnreachable(f"There is no file {self._path} on the server's machine.", target="path")
        return real
