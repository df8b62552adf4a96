"""The first rows of a dataset, read by a process of its own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from terrazul.core.errors import (
    DatasetExecutionError,
    DatasetWithoutData,
    InvalidInput,
    MissingLibrary,
    TooLarge,
    from_code,
)
from terrazul.data.beginning import whole_lines
from terrazul.data.files import DatasetFile, files_of_plan, relevant
from terrazul.data.plan.plan import Plan, is_web, read
from terrazul.data.plan.source import ParquetFiles, SqlQuery
from terrazul.server.dataset import rules
from terrazul.server.dataset.service import Datasets
from terrazul.server.datastore.service.files import DataFiles
from terrazul.server.workspace.store import WorkspaceRow
from terrazul.wire.dataset import DataLocation, DatasetDefinition
from terrazul.wire.dataset_profile import DatasetHead
from terrazul.wire.datastore import DataFile, Query
from terrazul.wire.error import ErrorBody

MOST_ROWS = 200
_PROGRAM = "terrazul.data.execution.look"
_BEGINNING = 1 << 20
_LARGEST_WHOLE = 32 << 20
"""Parquet files and answers of databases are no files whose beginning could be read."""
_SECONDS = 30.0
_AT_ONCE = 2
_MOST_PAGES = 100
_HERE = "`terrazul dataset head` reads it on your own machine."


class _Request(NamedTuple):
    definition: DatasetDefinition
    rows: int
    path: str
    is_whole: bool


class _Beginning(NamedTuple):
    """Bytes that can be read like a whole file, what they are called, and whether they are all that there is."""

    data: bytes
    path: str
    is_whole: bool


class _Answer(msgspec.Struct):
    head: DatasetHead | None = None
    error: ErrorBody | None = None


class DatasetLooking:
    """Looks at the first rows of datasets."""

    def __init__(self, datasets: Datasets, data_files: DataFiles) -> None:
        self._datasets = datasets
        self._data_files = data_files
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def head(self, workspace: WorkspaceRow, dataset_id: str, rows: int) -> DatasetHead:
        """The first rows, as far as the beginning of the first file (or all of a small one) holds them.

        Raises ``NotFound``, ``NotATable``, ``InvalidInput`` also for data at web addresses, which the server does not
        call, ``TooLarge`` where the beginning alone cannot be read, ``DatasetWithoutData``, ``DatasetExecutionError``,
        and ``MissingLibrary`` where the server's environment cannot read tables.
        """
        if not 1 <= rows <= MOST_ROWS:
            raise InvalidInput(f"1 to {MOST_ROWS} rows can be looked at, not {rows}.", target="rows", hint=_HERE)
        definition = (await self._datasets.get(workspace, dataset_id)).definition
        plan = read(definition)
        rules.check_table(plan)
        async with self._turns:
            found = await self._beginning(workspace, plan)
            with tempfile.TemporaryDirectory(prefix="terrazul-look-") as folder:
                target = Path(folder) / "data"
                await asyncio.to_thread(target.write_bytes, found.data)
                return await _ask(_Request(definition, rows, found.path, found.is_whole), target)

    async def _beginning(self, workspace: WorkspaceRow, plan: Plan) -> _Beginning:
        """What of the data is read."""
        if isinstance(plan.source, SqlQuery):
            query = Query(plan.source.query, min(plan.source.timeout_seconds, int(_SECONDS)))
            chunks = await self._data_files.query(workspace, plan.locations[0].datastore, query)
            answer = await _whole(chunks, "The answer of the database")
            return _Beginning(answer, "the answer of the database", is_whole=True)
        file, is_only = await self._first(workspace, plan)
        path = file.file.path
        is_short = isinstance(plan.source, ParquetFiles) or file.file.size <= _BEGINNING
        if is_short and file.file.size > _LARGEST_WHOLE:
            raise _too_large(f"The Parquet file {path[:200]!r}")
        wanted = None if is_short else f"bytes=0-{_BEGINNING - 1}"
        part = await self._data_files.read(workspace, file.datastore, path, wanted)
        data = await _whole(part.chunks, f"The file {path[:200]!r}")
        if not is_short:
            data = whole_lines(data, getattr(plan.source, "encoding", "utf8"), _BEGINNING)
        return _Beginning(data, f"/{path}", is_whole=is_short and is_only)

    async def _first(self, workspace: WorkspaceRow, plan: Plan) -> tuple[DatasetFile, bool]:
        """The first file of which a row can be left, and whether there is no other one."""
        for location in plan.locations:
            if is_web(location):
                raise InvalidInput(
                    f"The data lies at a web address, {location.path[:200]!r}, which the server does not call.",
                    target=location.path[:200],
                    hint=_HERE,
                )
            page: str | None = None
            for _number in range(_MOST_PAGES):
                found = await self._data_files.find(workspace, location.datastore, location.path, page)
                files = _relevant(plan, location, found.files)
                page = found.next_page
                if files:
                    is_only = page is None and len(found.files) == len(plan.locations) == 1
                    return files[0], is_only
                if page is None:
                    break
        raise DatasetWithoutData(
            "There is no file behind the dataset of which a row could be shown.",
            target=plan.locations[0].path[:200],
            hint="Look what there is with `terrazul datastore browse`.",
        )


def _relevant(plan: Plan, location: DataLocation, files: list[DataFile]) -> list[DatasetFile]:
    if not files:
        return []
    alone = replace(plan, locations=(location,))
    return relevant(alone, files_of_plan(alone, lambda _location: files))


async def _whole(chunks: AsyncIterator[bytes], what: str) -> bytes:
    """All bytes. Raises ``TooLarge`` for more than may come at once."""
    found = bytearray()
    async for chunk in chunks:
        found += chunk
        if len(found) > _LARGEST_WHOLE:
            raise _too_large(what)
    return bytes(found)


async def _ask(request: _Request, file: Path) -> DatasetHead:
    """What the process answers, which ends with this call. Raises what it tells."""
    told = {**request._asdict(), "file": str(file)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", _PROGRAM,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={}, cwd=file.parent,
    )  # fmt: skip
    try:
        text, _nothing = await asyncio.wait_for(process.communicate(msgspec.json.encode(told)), _SECONDS)
    except asyncio.TimeoutError:
        text = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not text:
        raise DatasetExecutionError(
            f"The first rows of {request.path[:200]!r} could not be read within the bounds of the server.",
            target=request.path[:200],
            hint=_HERE,
        )
    answer = msgspec.json.decode(text, type=_Answer)
    if answer.error is not None and answer.error.code == MissingLibrary.code:
        raise MissingLibrary(
            f"The server cannot read tables, since its environment does not have the library {answer.error.target}.",
            target=answer.error.target,
            hint=f"Its administrator installs it: pip install 'terrazul[server,data]'. {_HERE}",
        )
    if answer.error is not None:
        raise from_code(answer.error.code)(answer.error.message, target=answer.error.target, hint=answer.error.hint)
    if answer.head is None:
        raise DatasetExecutionError("The process that reads rows gave no answer.", hint=_HERE)
    return answer.head


def _too_large(what: str) -> TooLarge:
    return TooLarge(
        f"{what} is larger than {_LARGEST_WHOLE >> 20} MiB, which the server reads to show rows.", hint=_HERE
    )
