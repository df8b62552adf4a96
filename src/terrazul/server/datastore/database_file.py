"""Databases that are files of the server's machine: what their kinds share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from terrazul.core.errors import DatastoreUnreachable, InvalidInput
from terrazul.server.blobs.service import in_thread
from terrazul.server.datastore.kind import Step, Surroundings
from terrazul.server.datastore.local_place import check_place
from terrazul.server.datastore.tables import Answer, Deadline, Failed, arrow_stream

Look = Callable[[Path], None]
"""Opens a file and asks something small; raises ``Failed``."""
Ask = Callable[[Path, str, Deadline], Answer]


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
