"""Having on a machine what a run takes: it needs sshd, a POSIX shell with tar, and a Python or a way to fetch one."""

from __future__ import annotations

import asyncio
import posixpath
from shlex import quote
from typing import NamedTuple

import asyncssh

from terrazul.server.compute.remote.program import Program, program
from terrazul.server.compute.remote.reach import Reach, refusal

_STEP_SECONDS = 30.0
_LAY_OUT_SECONDS = 600.0
_TOLD = 400
_OLDEST_PYTHON = ">=3.10"
_LEAST_FREE = 200 << 10
"""Blocks of 1024 bytes that the disk must have left."""


class Laid(NamedTuple):
    """Where things are on the machine."""

    own: str
    """The target's own folder."""
    python: str
    """The interpreter that our code is started with."""


class _Far(NamedTuple):
    """What was found on the machine."""

    folder: str
    platform: str
    free: int


async def prepare(connection: asyncssh.SSHClientConnection, reach: Reach) -> Laid:
    """Lay out our code, unless it is there. Raises ``ComputeTargetException`` that says what is missing."""
    ours = await asyncio.to_thread(program)
    far = await _look(connection, reach)
    laid = posixpath.join(far.folder, "programs", ours.key)
    if not await _is_there(connection, laid):
        await _lay_out(connection, reach, far, ours, laid)
    own = posixpath.join(far.folder, reach.settings.own)
    await _run(connection, reach, f"mkdir -p -m 700 {quote(own)}", _STEP_SECONDS, "cannot make a folder of its own")
    return Laid(own, posixpath.join(laid, "python", "bin", "python"))


async def _look(connection: asyncssh.SSHClientConnection, reach: Reach) -> _Far:
    """What the machine is, and where the folder is that all targets on it share."""
    folder = quote(reach.settings.folder)
    script = f"umask 077; mkdir -p {folder} && cd {folder} && pwd -P && uname -s && uname -m && df -Pk . | tail -n 1"
    told = await _run(connection, reach, script, _STEP_SECONDS, f"cannot use the folder {reach.settings.folder!r}")
    lines = told.splitlines()[-4:]
    try:
        path, system, machine, disk = lines
        return _Far(path, f"{system} {machine}", int(disk.split()[-3]))
    except (ValueError, IndexError):
        what = f"answers {told[:80]!r} where a POSIX shell would tell what it is"
        raise refusal(reach, what, "It must be a machine with Linux, and its user have a shell.") from None


async def _is_there(connection: asyncssh.SSHClientConnection, laid: str) -> bool:
    done = await asyncio.wait_for(connection.run(_shell(f"test -x {quote(laid)}/python/bin/python")), _STEP_SECONDS)
    return done.exit_status == 0


async def _lay_out(connection: asyncssh.SSHClientConnection, reach: Reach, far: _Far, ours: Program, laid: str) -> None:
    """In a folder beside it, which takes its name once it is whole: who comes second finds it there."""
    if far.platform != ours.platform:
        what = f"is of the kind {far.platform}, and this server of the kind {ours.platform}"
        raise refusal(reach, what, "What a run takes is copied from the server, so both must be of one kind.")
    if far.free < _LEAST_FREE:
        what = f"has {far.free >> 10} MB left in {reach.settings.folder!r}"
        raise refusal(reach, what, f"Free {_LEAST_FREE >> 10} MB, or attach it with a folder on a larger disk.")
    building = f"{laid}.{reach.settings.own}"
    packed = await asyncio.to_thread(ours.pack)
    unpack = f"umask 077; rm -rf {quote(building)}; mkdir -p {quote(building)} && tar -xzf - -C {quote(building)}"
    await _run(connection, reach, unpack, _LAY_OUT_SECONDS, "could not take Terrazul's files", packed)
    uv = f"{quote(building)}/site/bin/uv"
    python = f"{quote(building)}/python"
    found = f"{uv} venv -q --no-project --no-python-downloads --clear"
    make = (
        f"{found} --python {ours.python} {python} 2>/dev/null"
        f" || {found} --python '{_OLDEST_PYTHON}' {python} 2>/dev/null"
        f" || {uv} venv -q --no-project --clear --python {ours.python} {python}"
    )
    why = "has no Python from 3.10 on, and could not fetch one"
    await _run(connection, reach, make, _LAY_OUT_SECONDS, why, hint="Install Python 3.10 or newer there.")
    await _add_packages(connection, reach, ours, building)
    finish = (
        f"mv -T {quote(building)} {quote(laid)} 2>/dev/null || {{ rm -rf {quote(building)}; test -d {quote(laid)}; }}"
    )
    await _run(connection, reach, finish, _STEP_SECONDS, "could not keep Terrazul's files")


async def _add_packages(connection: asyncssh.SSHClientConnection, reach: Reach, ours: Program, building: str) -> None:
    """Have the environment find what was copied; what is compiled for another Python it fetches by itself."""
    python = f"{quote(building)}/python/bin/python"
    link = (
        "import os, sys, sysconfig; site = sysconfig.get_path('purelib'); "
        f"there = os.path.relpath({building + '/site'!r}, site); "
        "open(os.path.join(site, 'terrazul.pth'), 'w').write(there + chr(10)); "
        f"print(sys.version_info[:2] == {tuple(map(int, ours.python.split('.')))!r})"
    )
    told = await _run(connection, reach, f"{python} -I -c {quote(link)}", _STEP_SECONDS, "cannot run its own Python")
    if told.strip() == "True":
        return
    pins = " ".join(map(quote, ours.pins))
    add = f"{quote(building)}/site/bin/uv pip install -q --python {python} {pins}"
    hint = f"Install Python {ours.python} there, which the server has too, or let it reach a package index."
    await _run(connection, reach, add, _LAY_OUT_SECONDS, "could not fetch packages for its Python", hint=hint)


async def _run(
    connection: asyncssh.SSHClientConnection,
    reach: Reach,
    script: str,
    seconds: float,
    failed: str,
    given: bytes = b"",
    *,
    hint: str = "Look at the machine with the same user: ssh {user}@{host}.",
) -> str:
    """What a line of shell prints. Raises ``ComputeTargetException`` with what it complains of."""
    try:
        running = connection.run(_shell(script), input=given, encoding=None)
        done = await asyncio.wait_for(running, seconds)
    except asyncio.TimeoutError:
        raise refusal(reach, f"{failed} within {seconds:g} s", _filled(hint, reach)) from None
    except (OSError, asyncssh.Error) as problem:
        raise refusal(reach, f"was lost while it was prepared: {problem}", _filled(hint, reach)) from None
    if done.exit_status:
        said = _text(done.stderr).strip()[-_TOLD:] or f"exit code {done.exit_status}"
        raise refusal(reach, f"{failed}: {' '.join(said.split())}", _filled(hint, reach))
    return _text(done.stdout)


def _filled(hint: str, reach: Reach) -> str:
    return hint.format(user=reach.settings.username[:80], host=reach.settings.address)


def _text(told: object) -> str:
    return told.decode(errors="replace") if isinstance(told, bytes) else str(told or "")


def _shell(script: str) -> str:
    """A line for whatever shell the user signs in to, executed by the one that all have."""
    return f"exec sh -c {quote(script)}"
