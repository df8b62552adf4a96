"""The worker's life: import, ``init``, and one score after another until the front goes."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any, Dict

from terrazul.scoring.worker import entry_script, fast_json, frames
from terrazul.scoring.worker.entry_script import Interrupted, Program, ScriptProblem
from terrazul.scoring.worker.frames import Answer, Body, Channel, Flag, Kind

BROKEN = 3
"""The exit code of a worker whose script cannot serve, as v1's server has it."""
_PR_SET_PDEATHSIG = 1


class _Scoring:
    """Whether a score, or ``init``, is under way; only then may the signal that time is over break in."""

    active = False


def main(descriptor: int, front: int, script: str, driver: str) -> int:
    """Serve over a socket until its other end closes; returns the exit code of the process."""
    _die_with(front)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the front, which ends its workers
    signal.signal(signal.SIGALRM, _interrupt)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR2)  # the front asks in this way where a worker is that does not come back
    sys.argv = [script]
    channel = Channel(socket.socket(fileno=descriptor))
    started = time.monotonic()
    try:
        program = _prepare(script, driver)
    except ScriptProblem as problem:
        sys.stderr.write(f"{problem.message}\n{problem.details}")
        channel.send(Kind.BROKEN, 0, json.dumps(problem.facts()).encode())
        return BROKEN
    channel.send(Kind.READY, 0, json.dumps(_facts_of(program, time.monotonic() - started)).encode())
    try:
        while True:
            kind, number, payload = channel.receive()
            if not _score(channel, program, kind, number, payload):
                return 0
    except (EOFError, ConnectionError):
        return 0


def _prepare(script: str, driver: str) -> Program:
    """The program, its ``init`` called."""
    fast = os.environ.get("TERRAZUL_FAST_JSON", "")
    if fast != "0":
        if fast:
            sys.path.append(fast)  # last, so that what the environment itself has comes first
        fast_json.install()
    _extend_path(script)
    _configure_logging()
    _Scoring.active = True
    try:
        program = entry_script.load_driver(driver) if driver else entry_script.load(script)
        entry_script.start(program, f"The {driver} driver" if driver else "The entry script")
    except Interrupted:
        raise ScriptProblem(
            "InitTimeout",
            "The entry script did not come to the end of init() in time.",
            traceback.format_exc(),
            "The traceback shows where it was when its time was over.",
        ) from None
    finally:
        _Scoring.active = False
    return program


def _score(channel: Channel, program: Program, kind: int, number: int, payload: Body) -> bool:
    """Answer one frame; false when the worker is to end."""
    _Scoring.active = True
    try:
        if kind == Kind.SCORE:
            answer = program.score(payload)
        elif kind == Kind.SCORE_WHOLE:
            answer = program.score_whole(*frames.decode_whole(payload))
        else:
            answers = program.score_many(frames.decode_many(payload))
            _Scoring.active = False
            channel.send(Kind.ANSWERS, number, frames.encode_many([frames.encode_answer(each) for each in answers]))
            return not any(each.flags & Flag.EXITING for each in answers)
    except Interrupted:
        traceback.print_exc()  # it shows where the time went
        answer = Answer(500, b"", Flag.FAILED)  # the front has answered already
    finally:
        _Scoring.active = False
    channel.send(Kind.ANSWER, number, frames.encode_answer(answer))
    return not answer.flags & Flag.EXITING


def _facts_of(program: Program, seconds: float) -> Dict[str, Any]:
    from terrazul.scoring.worker import swagger  # noqa: PLC0415  # needed once, when the script is known

    return {
        "mode": program.mode,
        "takes_headers": program.takes_headers,
        "batches": program.run_batch is not None,
        "swagger": swagger.documents(program, _app_root(), os.environ),
        "seconds": seconds,
    }


def _app_root() -> Path:
    return Path(os.environ.get("AML_APP_ROOT") or ".").absolute()


def _extend_path(script: str) -> None:
    source = os.environ.get("AZUREML_SOURCE_DIRECTORY")
    folders = [_app_root(), *([_app_root() / source] if source else [])]
    folders += [Path(script).absolute().parent] if script else []
    sys.path += [str(folder) for folder in dict.fromkeys(folders) if str(folder) not in sys.path]


def _configure_logging() -> None:
    """The user's ``logging.json``, or lines on standard error from the level that ``AZUREML_LOG_LEVEL`` names."""
    file = _app_root() / "logging.json"
    level = os.environ.get("AZUREML_LOG_LEVEL", "INFO").upper()
    if not file.is_file() and level == "INFO":
        return
    import logging.config  # noqa: PLC0415  # the default needs no logging module

    try:
        if file.is_file():
            logging.config.dictConfig(json.loads(file.read_text("utf-8")))
        else:
            logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    except (ValueError, TypeError, OSError) as problem:
        sys.stderr.write(f"logging cannot be set up as asked: {problem}\n")


def _interrupt(*_: object) -> None:
    if _Scoring.active:
        _Scoring.active = False
        raise Interrupted


def _die_with(front: int) -> None:
    """End when the front does, also where it is killed."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415  # there is no other way to the system call

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != front:
        sys.exit("The front has gone.")
