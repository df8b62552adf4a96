"""Why a script failed, in one sentence: from its exit code and the last bytes of its log. Pure."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

from terrazul.core.dataclass import dataclass
from terrazul.core.requirement import known, removal
from terrazul.wire.run import RunError

TAIL_SIZE = 1 << 16
_OUT_OF_MEMORY = "out of memory"
_LINE_LIMIT = 500
_SHELL_SIGNAL_BASE = 128
_COMMAND_NOT_EXECUTABLE = 126
_COMMAND_NOT_FOUND = 127

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_EXCEPTION = re.compile(r"(?P<name>(?:[^\W\d]\w*\.)*[^\W\d]\w*)(?:: (?P<text>.*))?\Z")
_USUAL_NAME = re.compile(r"(?:Error|Exception|Interrupt|Exit|Warning|Iteration)\Z")
_TRACEBACK = "Traceback (most recent call last):"
_MISSING_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_MISSING_NAME = re.compile(r"cannot import name '?(\w+)'? from '?([\w.]+)'?")
_MISSING_ATTRIBUTE = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'")
_MISSING_FILE = re.compile(r"No such file or directory: (.+)")


@dataclass(frozen=True)
class LogTail:
    """The end of a log: its lines, and the number (from 1) of the first of them where it is known."""

    lines: list[str]
    first_line: int | None = None


@dataclass(frozen=True)
class _Cause:
    message: str
    line: int | None = None
    """The index of the line that says it."""
    hint: str = ""


def tail_of(data: bytes, first_line: int | None = None) -> LogTail:
    """The last bytes of a log as lines, without colours."""
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    return LogTail([line.rpartition("\r")[2].rstrip() for line in text.replace("\r\n", "\n").split("\n")], first_line)


def explain(exit_code: int, tail: LogTail, log_path: str = "") -> RunError:
    """The failure of a script that ended with an exit code (negative: the signal that killed it)."""
    cause = _cause_of_signal(exit_code) or _cause_in_log(tail.lines) or _cause_of_exit_code(exit_code, tail.lines)
    index = _last_line(tail.lines) if cause.line is None else cause.line
    error = RunError(cause.message, exit_code=exit_code, log_path=log_path, hint=cause.hint)
    if index is None:
        return error
    number = None if tail.first_line is None else tail.first_line + index
    return replace(error, last_error_line=tail.lines[index].strip()[:_LINE_LIMIT], log_line=number)


def _cause_of_signal(exit_code: int) -> _Cause | None:
    number = -exit_code if exit_code < 0 else exit_code - _SHELL_SIGNAL_BASE
    if number == signal.SIGKILL:
        return _Cause(
            f"The script was killed by signal 9; it probably ran {_OUT_OF_MEMORY}.",
            hint="Use less memory (smaller batches, fewer workers) or a compute target with more of it.",
        )
    if exit_code >= 0 and number not in {signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM, signal.SIGBUS}:
        return None
    names = {signal.SIGSEGV: "a memory access that is not allowed", signal.SIGABRT: "an abort in native code"}
    meaning = f" ({names[signal.Signals(number)]})" if number in names else ""
    hint = "A native library crashed: check that the versions in the environment fit together." if meaning else ""
    return _Cause(f"The script was ended by signal {number}{meaning}.", hint=hint)


def _cause_in_log(lines: list[str]) -> _Cause | None:
    """What the last exception of the log says; it counts only near the end, where it ended the script."""
    for index in range(len(lines) - 1, -1, -1):
        match = _EXCEPTION.match(lines[index])
        if match and _ends_traceback(lines, index, match["name"]):
            cause = _cause_of_exception(match["name"], match["text"] or "")
            return replace(cause, line=index)
    return None


def _ends_traceback(lines: list[str], index: int, name: str) -> bool:
    """True where the line follows the indented lines of a traceback.

    One that has no head, since it is that of a syntax error or begins before the tail, is known by what errors are
    usually called.
    """
    above = index - 1
    while above >= 0 and lines[above].startswith("  "):
        above -= 1
    is_indented = above < index - 1
    return is_indented and bool(_USUAL_NAME.search(name) or (above >= 0 and lines[above] == _TRACEBACK))


def _cause_of_exception(name: str, text: str) -> _Cause:
    short = name.rpartition(".")[2]
    if short in {"ModuleNotFoundError", "ImportError"}:
        return _cause_of_import(short, text)
    if short == "MemoryError" or "OutOfMemory" in short or _OUT_OF_MEMORY in text.lower():
        return _Cause(
            f"The script ran {_OUT_OF_MEMORY}: {_phrase(short, text)}.",
            hint="Use less memory (smaller batches, fewer workers) or a compute target with more of it.",
        )
    if short in {"AttributeError", "TypeError"}:
        return _cause_of_use(short, text)
    if short in {"SyntaxError", "IndentationError", "TabError"}:
        return _Cause(
            f"The script is not valid Python: {_phrase(short, text)}.",
            hint="Check the file and line above the message, and that the environment's Python knows the syntax.",
        )
    if short == "FileNotFoundError" and (match := _MISSING_FILE.search(text)):
        return _Cause(
            f"The script did not find the file {match[1]}.",
            hint="Paths are relative to the root of the snapshot; check that the ignore file does not exclude it.",
        )
    return _Cause(f"The script failed with {_phrase(short, text)}.")


def _cause_of_import(name: str, text: str) -> _Cause:
    if match := _MISSING_MODULE.search(text):
        module = match[1]
        if trap := removal.trap_in(module):
            return _Cause(
                f"The script imports {module}, which newer versions no longer have.", hint=removal.advice(trap[1])
            )
        package = known.PACKAGE_OF_MODULE.get(module.partition(".")[0], module.partition(".")[0])
        return _Cause(
            f"The script imports {module}, which the environment does not have.",
            hint=f"Add {package} to the environment's packages.",
        )
    if match := _MISSING_NAME.search(text):
        trap = removal.trap_in(f"{match[2]}.{match[1]}")
        library = match[2].partition(".")[0]
        hint = removal.advice(trap[1]) if trap else f"Check which version of {library} has it, and pin that."
        return _Cause(f"The script imports {match[1]} from {match[2]}, which does not have it.", hint=hint)
    return _Cause(f"An import of the script failed: {_phrase(name, text)}.")


def _cause_of_use(name: str, text: str) -> _Cause:
    """Of an attribute or an argument that something does not have, perhaps no longer."""
    match = _MISSING_ATTRIBUTE.search(text)
    trap = removal.trap_in(f"{match[1]}.{match[2]}") if match else removal.trap_in_message(text)
    if trap is None:
        return _Cause(f"The script failed with {_phrase(name, text)}.")
    used = f"{match[1]}.{match[2]}" if match else trap[0]
    return _Cause(f"The script uses {used}, which newer versions no longer have.", hint=removal.advice(trap[1]))


def _cause_of_exit_code(exit_code: int, lines: list[str]) -> _Cause:
    last = _last_line(lines)
    said = lines[last].strip() if last is not None else ""
    if exit_code in {_COMMAND_NOT_EXECUTABLE, _COMMAND_NOT_FOUND}:
        what = "was not found" if exit_code == _COMMAND_NOT_FOUND else "may not be executed"
        return _Cause(
            f"A command {what}: {said[:200]}" if said else f"A command {what}.",
            hint="Check the command, and that the environment brings the program.",
        )
    return _Cause(f"The script ended with exit code {exit_code}.")


def _last_line(lines: list[str]) -> int | None:
    return next((index for index in range(len(lines) - 1, -1, -1) if lines[index].strip()), None)


def _phrase(name: str, text: str) -> str:
    text = text.strip()[:_LINE_LIMIT].rstrip(".")
    return f"{name}: {text}" if text else name
