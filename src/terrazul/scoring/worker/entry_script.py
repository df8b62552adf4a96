"""The entry script: found, imported, looked at, and asked to score."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence
from urllib.parse import parse_qsl

from terrazul.scoring.worker import raw_request
from terrazul.scoring.worker.frames import Answer, Body, Flag

SCRIPT_FAILED = b'{"message": "An unexpected error occurred in scoring script. Check the logs for more info."}'
INTERNAL_ERROR = b'{"message": "An unexpected internal error occurred. Check the logs for more info."}'
EXITED = (
    b"<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n    <h1><p>Internal Server"
    b" Error</p></h1>\n    \n  </body>\n</html>\n"
)
_FORBIDDEN_KINDS = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
)
HEADERS = "request_headers"
"""The parameter of ``run`` that is given the headers."""
_EMPTY = inspect.Parameter.empty


class Interrupted(BaseException):
    """The time for a score, or for ``init``, is over; no script that catches ``Exception`` holds it up."""


class ScriptProblem(Exception):
    """The entry script cannot serve."""

    def __init__(self, code: str, message: str, details: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.hint = hint

    def facts(self) -> Dict[str, str]:
        """What the front is told."""
        return {"code": self.code, "message": self.message, "details": self.details, "hint": self.hint}


class BadInput(Exception):
    """The request is not what ``run`` takes; answered with a status of its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Mode:
    """What ``run`` is given."""

    TEXT = "text"
    SCHEMA = "schema"
    RAW = "raw"


class Program(NamedTuple):
    """An entry script that can be asked."""

    mode: str
    run: Callable[..., Any]
    parameters: List[inspect.Parameter]
    """Of ``run``, without ``request_headers``."""
    takes_headers: bool
    run_batch: Optional[Callable[[List[str]], Sequence[Any]]]
    init: Callable[[], Any]
    schema: Any
    """The module of inference_schema that knows the schemas of ``run``; None for a run without."""

    def score(self, body: Body) -> Answer:
        """A POST of which only the body counts."""
        try:
            arguments = self._arguments_of_body(body)
        except BadInput as problem:
            return _refused(problem)
        return self._ask(arguments)

    def score_whole(self, facts: Dict[str, Any], body: Body) -> Answer:
        """A request with its method, query and headers."""
        if self.mode == Mode.RAW:
            return raw_request.score(self._ask, self.parameters[0].name, self.takes_headers, facts, body)
        try:
            if facts["method"] == "GET":
                arguments = self._arguments_of_query(facts["query"])
            else:
                arguments = self._arguments_of_body(body)
        except BadInput as problem:
            return _refused(problem)
        if self.takes_headers:
            arguments[HEADERS] = facts["headers"]
        return self._ask(arguments)

    def score_many(self, bodies: List[bytes]) -> List[Answer]:
        """Several bodies at once; where that fails, each by itself, so that each gets its own answer."""
        if self.run_batch is not None and len(bodies) > 1:
            start = time.perf_counter()
            try:
                results = self.run_batch([str(body, "utf-8") for body in bodies])
                if len(results) == len(bodies):
                    elapsed = (time.perf_counter() - start) * 1000
                    return [_answer_of(result, elapsed) for result in results]
                sys.stderr.write(f"run_batch gave {len(results)} results for {len(bodies)} requests\n")
            except Exception:  # noqa: BLE001  # whatever the script raises: each request is tried by itself
                traceback.print_exc()
        return [self.score(body) for body in bodies]

    def _ask(self, arguments: Dict[str, Any]) -> Answer:
        """Call ``run``; whatever becomes of that is an answer."""
        start = time.perf_counter()
        try:
            result = self.run(**arguments)
        except Interrupted:
            raise
        except Exception:  # noqa: BLE001  # whatever the script raises is told in the log, and answered
            traceback.print_exc()
            return Answer(500, SCRIPT_FAILED, Flag.FAILED)
        except BaseException as ending:  # noqa: BLE001  # SystemExit and its kin end the worker, not the service
            sys.stderr.write(f"run() raised {ending!r}; this worker ends and another takes its place\n")
            return Answer(500, EXITED, Flag.EXITING | Flag.BARE, headers=(("Content-Type", "text/html"),))
        return _answer_of(result, (time.perf_counter() - start) * 1000)

    def _arguments_of_body(self, body: Body) -> Dict[str, Any]:
        if self.mode == Mode.TEXT:
            try:
                return {self.parameters[0].name: str(body, "utf-8")}
            except UnicodeDecodeError as problem:
                raise BadInput(400, f"Input cannot be decoded as UTF-8: {problem}") from None
        if not body:
            raise BadInput(400, "POST body is empty. Expecting a JSON dictionary.")
        try:
            content = json.loads(body)
        except ValueError as problem:
            raise BadInput(400, f"POST body could not be decoded as JSON: {problem}") from None
        except RecursionError:
            raise BadInput(400, "POST body could not be decoded as JSON: it has too many levels") from None
        if not isinstance(content, dict):
            raise BadInput(400, "POST body should be a JSON dictionary.")
        return self._named(content)

    def _arguments_of_query(self, query: str) -> Dict[str, Any]:
        values: Dict[str, List[Any]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            values.setdefault(name, []).append(_read(value))
        content = {name: found[0] if len(found) == 1 else found for name, found in values.items()}
        if self.mode == Mode.TEXT:
            return {self.parameters[0].name: json.dumps(content)}
        return self._named(content)

    def _named(self, content: Dict[str, Any]) -> Dict[str, Any]:
        arguments = {}
        for parameter in self.parameters:
            value = content.get(parameter.name, parameter.default)
            if value is _EMPTY:
                raise BadInput(400, f"A value is not provided for the {parameter.name!r} parameter.")
            arguments[parameter.name] = value
        return arguments


def load(path: str) -> Program:
    """Import an entry script and look at it. Raises ``ScriptProblem``."""
    file = Path(path)
    if not file.is_file():
        found = sorted(each.name for each in file.parent.glob("*.py")) if file.parent.is_dir() else []
        there = f"There is {', '.join(found[:10])}." if found else "There is no Python file beside it."
        raise ScriptProblem("EntryScriptMissing", f"The entry script {file.name!r} is not there.", hint=there)
    specification = importlib.util.spec_from_file_location("entry_module", path)
    if specification is None or specification.loader is None:
        message = f"{file.name!r} is not a Python file."
        raise ScriptProblem("EntryScriptMissing", message, hint="Name a file that ends in .py.")
    module = importlib.util.module_from_spec(specification)
    sys.modules["entry_module"] = module
    try:
        specification.loader.exec_module(module)
    except Interrupted:
        raise
    except BaseException as problem:  # noqa: BLE001  # a script may raise anything, SystemExit too
        what = f"The entry script {file.name!r} could not be imported"
        raise _problem_of(problem, "EntryScriptImportFailed", what) from None
    return look_at(module, file.name)


def load_driver(name: str) -> Program:
    """One of our own drivers, for a model that needs no entry script."""
    return look_at(importlib.import_module(f"terrazul.scoring.worker.drivers.{name}"), f"the {name} driver")


def look_at(module: ModuleType, name: str) -> Program:
    """What an imported script can be asked. Raises ``ScriptProblem``."""
    for function in ("init", "run"):
        if not callable(getattr(module, function, None)):
            raise ScriptProblem(
                "EntryScriptInvalid",
                f"The entry script {name!r} has no function {function}().",
                hint="It needs init(), called once, and run(data), called for each request.",
            )
    inner = getattr(module, "driver_module", None)
    asked = inner if isinstance(inner, ModuleType) and hasattr(inner, "run") else module
    run = asked.run
    every = list(inspect.signature(run).parameters.values())
    parameters = [each for each in every if each.name != HEADERS]
    schema = _schema_of(run)
    mode = _mode_of(every, parameters, schema)
    batch = getattr(asked, "run_batch", None)
    usable = batch if mode == Mode.TEXT and callable(batch) and len(parameters) == len(every) else None
    return Program(mode, run, parameters, len(parameters) < len(every), usable, module.init, schema)


def start(program: Program, subject: str) -> None:
    """Call ``init`` of what ``subject`` names. Raises ``ScriptProblem``."""
    try:
        program.init()
    except Interrupted:
        raise
    except BaseException as problem:  # noqa: BLE001  # as at the import
        raise _problem_of(problem, "InitFailed", f"{subject} failed in init()") from None


def _mode_of(every: List[inspect.Parameter], parameters: List[inspect.Parameter], schema: Any) -> str:
    if any(each.kind in _FORBIDDEN_KINDS for each in every):
        raise ScriptProblem(
            "EntryScriptInvalid", "run() cannot accept positional-only arguments, *args, or **kwargs.",
            hint="Write run(data), or a parameter for each @input_schema.",
        )  # fmt: skip
    if not parameters:
        message = "run() needs to accept an argument for input data."
        if every:
            message = 'run() needs to accept an argument other than "request_headers".'
        raise ScriptProblem("EntryScriptInvalid", message, hint="Write run(data).")
    raw = getattr(sys.modules.get("terrazul.sdk.raw_http"), "requested", False)
    if raw and schema is not None:
        raise ScriptProblem(
            "EntryScriptInvalid", "run() cannot be decorated with both @rawhttp and @input_schema",
            hint="Take one of the two away.",
        )  # fmt: skip
    if raw:
        if not raw_request.is_possible():
            raise ScriptProblem(
                "EnvironmentIncomplete",
                "The entry script asks for the raw request (@rawhttp), and its environment has no flask.",
                hint="Add flask to the environment's pip packages, or azureml-contrib-services, which brings it.",
            )
        return Mode.RAW
    return Mode.TEXT if schema is None else Mode.SCHEMA


def _schema_of(run: Callable[..., Any]) -> Any:
    """The module of inference_schema, if the script uses it and ``run`` is decorated."""
    module = sys.modules.get("inference_schema.schema_util")
    if module is None:
        return None
    return module if module.is_schema_decorated(run) else None


def _answer_of(result: Any, milliseconds: float) -> Answer:
    try:
        if raw_request.is_response(result):
            return raw_request.answer_of(result, milliseconds)
        body = b"{}" if result is None else json.dumps(result).encode()
    except Exception:  # noqa: BLE001  # what cannot be written may raise anything
        traceback.print_exc()
        return Answer(500, INTERNAL_ERROR)
    return Answer(200, body, Flag.TIMED, milliseconds)


def _refused(problem: BadInput) -> Answer:
    return Answer(problem.status, json.dumps({"message": str(problem)}).encode())


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _problem_of(problem: BaseException, code: str, what: str) -> ScriptProblem:
    trace = "".join(traceback.format_exception(type(problem), problem, problem.__traceback__))
    reason = f"{type(problem).__name__}: {problem}".rstrip(": ")
    hint = "The traceback shows the line."
    if isinstance(problem, ModuleNotFoundError) and str(problem.name).startswith("numpy._core"):
        hint = "The model was saved with NumPy 2, and this environment has an older one: ask for numpy>=2."
    elif isinstance(problem, ModuleNotFoundError):
        hint = f"Add the package of {problem.name!r} to the environment, or the file to the source directory."
    elif isinstance(problem, SystemExit):
        reason = f"it called sys.exit({problem.code!r})"
    return ScriptProblem(code, f"{what}: {reason}", trace, hint)
