"""One machine: the connection that is kept to it, the agent there, and the way back to our server."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import ssl
from collections.abc import Callable
from functools import partial
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

import asyncssh

from terrazul.server.compute.remote.connection import SignedIn, sign_in
from terrazul.server.compute.remote.message import AGENT, ANSWER, CALL, ERROR, ID
from terrazul.server.compute.remote.preparation import Laid, prepare
from terrazul.server.compute.remote.reach import MachineUnreachable, Reach, Serving, refusal
from terrazul.server.network.outgoing import Outgoing
from terrazul.wire.server import ServerFile

_log = logging.getLogger(__name__)
_ANSWER_SECONDS = 10.0
_CHUNK = 256 << 10
_LOOPBACK = "127.0.0.1"
_HTTPS = "https"


async def check(reach: Reach, outgoing: Outgoing) -> str:
    """Sign in to a machine and let go of it; returns the host key it was known by. Raises as ``sign_in``."""
    signed_in = await sign_in(reach, outgoing)
    signed_in.connection.abort()
    return signed_in.host_key


class Machine:
    """A machine that is connected. Its methods belong into one event loop; once it is lost it is of no use."""

    def __init__(self, reach: Reach, signed_in: SignedIn, serving: Serving, on_loss: Callable[[], None]) -> None:
        self.reach = reach
        self._connection = signed_in.connection
        self._serving = serving
        self._on_loss = on_loss
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._agent: asyncssh.SSHClientProcess[str]
        self._laid: Laid
        self.is_lost = False
        self.about: dict[str, int] = {}

    @staticmethod
    async def connect(reach: Reach, outgoing: Outgoing, serving: Serving, on_loss: Callable[[], None]) -> Machine:
        """Sign in, lay out what is missing, and have runners there reach our server again.

        Raises ``ComputeTargetException`` and what ``sign_in`` does.
        """
        machine = Machine(reach, await sign_in(reach, outgoing), serving, on_loss)
        try:
            await machine._begin()
        except BaseException:
            machine.close()
            raise
        return machine

    async def _begin(self) -> None:
        self._laid = await prepare(self._connection, self.reach)
        program = f"exec {quote(self._laid.python)} -I -m {AGENT} {quote(self._laid.own)}"
        try:
            self._agent = await self._connection.create_process(f"exec sh -c {quote(program)}", encoding="utf-8")
            self._begin_task(self._read_answers())
            self._begin_task(self._read_complaints())
            port = await self._listen(int(await self.call("last_port")))
            await self.call("serve", port=port)
            self.about = await self.call("about")
        except (OSError, asyncssh.Error, MachineUnreachable) as problem:
            what = f"was lost while it was prepared: {problem}"
            raise refusal(self.reach, what, "It is tried again in a minute.") from None

    async def call(self, name: str, **arguments: Any) -> Any:
        """Have the agent do something. Raises ``MachineUnreachable``, or ``ComputeTargetException`` with its words."""
        number = next(self._numbers)
        if self.is_lost:
            raise MachineUnreachable(f"{self.reach.place} is not connected")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._agent.stdin.write(json.dumps({ID: number, CALL: name, **arguments}) + "\n")
            told = await asyncio.wait_for(answer, _ANSWER_SECONDS)
        except (OSError, asyncssh.Error, asyncio.TimeoutError):
            self.close()
            raise MachineUnreachable(f"{self.reach.place} does not answer") from None
        finally:
            self._waiting.pop(number, None)
        if ERROR in told:
            raise refusal(self.reach, f"could not {name}: {told[ERROR]}", "Look at the machine.")
        return told[ANSWER]

    async def remove_own_folder(self) -> None:
        """Remove what the target has there; environments and runs with it."""
        with contextlib.suppress(OSError, asyncssh.Error, asyncio.TimeoutError):
            removing = self._connection.run(f"exec sh -c {quote(f'rm -rf {quote(self._laid.own)}')}")
            await asyncio.wait_for(removing, _ANSWER_SECONDS)

    def close(self) -> None:
        """Let go of the connection. Runners go on."""
        self._connection.abort()
        self._lose()

    def _lose(self) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(asyncssh.ConnectionLost("the connection is lost"))
        for task in self._tasks:
            task.cancel()
        self._on_loss()

    async def _read_answers(self) -> None:
        """Until the agent or the connection ends."""
        try:
            async for line in self._agent.stdout:
                told = json.loads(line)
                answer = self._waiting.get(told[ID])
                if answer is not None and not answer.done():
                    answer.set_result(told)
        except (OSError, asyncssh.Error, ValueError, KeyError, TypeError):
            pass
        self._connection.abort()
        self._lose()

    async def _read_complaints(self) -> None:
        with contextlib.suppress(OSError, asyncssh.Error):
            async for line in self._agent.stderr:
                _log.warning("The agent on %s: %s", self.reach.place, line.rstrip()[:_CHUNK])

    async def _listen(self, wanted: int) -> int:
        """Have sshd listen on loopback there, at the port of the last time where that is free."""
        for port in (wanted, 0) if wanted else (0,):
            with contextlib.suppress(asyncssh.ChannelListenError):
                listener = await self._connection.start_server(
                    lambda host, port: self._forward,  # noqa: ARG005  # who connects there is the machine's to decide
                    _LOOPBACK,
                    port,
                    encoding=None,
                )
                return listener.get_port()
        hint = "Have its sshd allow it: AllowTcpForwarding yes (or remote) in sshd_config."
        raise refusal(self.reach, "does not let runs reach this server through the connection", hint)

    async def _forward(self, reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        """Carry one connection of a runner to our server, wherever that answers by now."""
        try:
            there, back = await _open(await asyncio.to_thread(self._serving))
        except (OSError, ValueError):
            writer.close()
            return
        onward = asyncio.ensure_future(_pump(reader, back))
        try:
            await _pump(there, writer)
        finally:
            onward.cancel()
            back.close()
            writer.close()

    def _begin_task(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _open(server: ServerFile) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(server.url)
    opened = partial(asyncio.open_connection, address.hostname, address.port, limit=_CHUNK)
    if address.scheme != _HTTPS:
        return await opened()
    context = ssl.create_default_context(cafile=server.ca_file or None)
    return await opened(ssl=context, server_hostname=address.hostname)


async def _pump(reader: Any, writer: Any) -> None:
    """Carry bytes until one side ends, then say so to the other."""
    with contextlib.suppress(OSError, asyncssh.Error):
        while part := await reader.read(_CHUNK):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
