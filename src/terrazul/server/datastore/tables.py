"""Rows of databases as an Arrow stream: what all kinds that hold tables share. pyarrow is imported with the first."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from terrazul.core.errors import DatastoreUnreachable, InvalidInput, TerrazulError
from terrazul.server.blobs.service import in_thread
from terrazul.server.datastore.kind import Step
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.rules import Destination, read_destination

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 10_000
_CONNECT_SECONDS = 5.0
_STEP_SECONDS = 15.0
Rows = Iterator[Sequence[Sequence[Any]]]
Batches = Iterator["pa.RecordBatch"]


class Failed(Exception):
    """A database that refuses; ``step`` is the one that failed."""

    def __init__(self, step: str, why: str) -> None:
        super().__init__(why)
        self.step = step
        self.why = why


class Answer(NamedTuple):
    """What a query gives: the columns, and rows in groups, which may be Arrow's own."""

    schema: pa.Schema
    rows: Rows | Batches


class Deadline:
    """When a query has taken too long."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, at least a little."""
        return max(0.001, self._end - time.monotonic())

    def check(self) -> None:
        """Raise ``InvalidInput`` where it is over."""
        if time.monotonic() > self._end:
            raise too_slow(self.seconds)


def too_slow(seconds: int) -> InvalidInput:
    """A query that was broken off."""
    return InvalidInput(
        f"The query was broken off after {seconds} s.",
        target="timeout_seconds",
        hint="Let it give fewer rows, or allow it more time: query_timeout.",
    )


def refused_query(why: str) -> InvalidInput:
    """A query that the database refuses."""
    return InvalidInput(f"The database refuses the query: {told(why)}.", target="query")


def told(text: str) -> str:
    """A database's own words in one line."""
    line = " ".join(text.split()).rstrip(". ")
    return line[:500] if line.isprintable() else "".join(each if each.isprintable() else "?" for each in line[:500])


def destination_of(host: str, port: int) -> Destination:
    """Where a database answers. Raises ``InvalidInput`` for what is no name of a host."""
    written = f"[{host}]" if ":" in host else host
    return read_destination(f"https://{written}:{port}/")


def arrow_stream(answer: Callable[[], Answer], deadline: Deadline) -> Iterator[bytes]:
    """What a query gives, as the pieces of an Arrow IPC stream. It blocks, and is asked in one thread after another."""
    import pyarrow as pa  # noqa: PLC0415  # a large library that few servers need

    schema, rows = answer()
    sink = _Sink()
    with pa.ipc.new_stream(sink, schema) as writer:
        yield sink.take()
        for group in rows:
            deadline.check()
            writer.write_batch(group if isinstance(group, pa.RecordBatch) else _batch(schema, group))
            yield sink.take()
    yield sink.take()


def _batch(schema: pa.Schema, group: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    import pyarrow as pa  # noqa: PLC0415  # as above

    columns = list(zip(*group, strict=True)) or [()] * len(schema)
    arrays = [_array(field, values) for field, values in zip(schema, columns, strict=True)]
    return pa.record_batch(arrays, schema=schema)


def _array(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415  # as above

    if pa.types.is_floating(field.type):
        values = [None if value is None else float(value) for value in values]
    elif pa.types.is_string(field.type):
        values = [value if value is None or isinstance(value, str) else _text(value) for value in values]
    try:
        return pa.array(values, field.type, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise InvalidInput(
            f"The column {field.name!r} holds a value that does not fit {field.type}: {told(str(error))}.",
            target=field.name,
            hint="Cast the column in the query, for example to text.",
        ) from None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


class _Sink(io.RawIOBase):
    """A file that is written to its end, and taken from in between."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def take(self) -> bytes:
        """What was written since it was last taken."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


Look = Callable[[Sequence[str]], None]
"""Signs in at one of these addresses and asks something small; raises ``Failed``."""
Ask = Callable[[Sequence[str], str, Deadline], Answer]
"""Asks a query at one of these addresses; raises ``Failed`` for signing in, ``InvalidInput`` for the query."""


class ServedTables:
    """The tables of a database that answers at a place; ``word`` is what the steps call what is looked for."""

    def __init__(self, destination: Destination, outgoing: Outgoing, look: Look, ask: Ask) -> None:
        self._destination = destination
        self._outgoing = outgoing
        self._look = look
        self._ask = ask

    async def steps(self, *, create: bool) -> AsyncIterator[Step]:
        """Resolve the name, connect, sign in, find the database, ask."""
        del create
        try:
            addresses = await self._outgoing.addresses_of(self._destination)
        except TerrazulError as problem:
            yield Step("resolve", str(problem).replace("\n", " "))
            return
        yield Step("resolve")
        if not await _answers(addresses, self._destination.port):
            yield Step("connect", f"nothing answers at {self._destination.place}. Is it the right port?")
            return
        yield Step("connect")
        failed = await self._tried(addresses)
        for name in ("sign in", "find the database", "ask"):
            yield Step(name, failed.why if failed and failed.step == name else "")
            if failed and failed.step == name:
                return

    async def _tried(self, addresses: Sequence[str]) -> Failed | None:
        try:
            await asyncio.wait_for(asyncio.to_thread(self._look, addresses), _STEP_SECONDS)
        except Failed as failed:
            return failed
        except asyncio.TimeoutError:
            return Failed("ask", f"no answer came within {_STEP_SECONDS:g} s.")
        return None

    async def query(self, text: str, seconds: int) -> AsyncIterator[bytes]:
        """What a query gives, as an Arrow stream."""
        addresses = await self._outgoing.addresses_of(self._destination)
        deadline = Deadline(seconds)

        def answer() -> Answer:
            try:
                return self._ask(addresses, text, deadline)
            except Failed as failed:
                raise DatastoreUnreachable(
                    f"The database at {self._destination.place} was not reached: {failed.why}",
                    target=self._destination.place,
                    hint="`terrazul datastore test NAME` shows which step fails.",
                ) from None

        async for chunk in in_thread(arrow_stream(answer, deadline)):
            yield chunk


async def _answers(addresses: Sequence[str], port: int) -> bool:
    for address in addresses:
        try:
            _reader, writer = await asyncio.wait_for(asyncio.open_connection(address, port), _CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError):
            continue
        writer.close()
        return True
    return False
