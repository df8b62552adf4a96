"""The request and the response of a raw entry script, as Flask shows them; Flask is the environment's own."""

from __future__ import annotations

import importlib
import sys
from io import BytesIO
from typing import Any, Callable, Dict, List

from terrazul.scoring.worker.frames import Answer, Body, Flag

_FAILED = "x-ms-run-function-failed"
_SERVER_FAULT = 500
_applications: List[Any] = []
"""One Flask application without routes, made when it is first needed."""
_OF_THE_CONNECTION = {"content-length", "connection", "transfer-encoding", "keep-alive"}


def is_possible() -> bool:
    """Whether the environment has Flask."""
    try:
        importlib.import_module("flask")
    except ImportError:
        return False
    return True


def score(
    ask: Callable[[Dict[str, Any]], Answer], parameter: str, takes_headers: bool, facts: Dict[str, Any], body: Body
) -> Answer:
    """Have ``run`` called within a request of a Flask application, so that all of Flask works in it."""
    flask = importlib.import_module("flask")
    if not _applications:
        _applications.append(flask.Flask("entry_module"))
    with _applications[0].request_context(_environ(facts, body)):
        arguments: Dict[str, Any] = {parameter: flask.request}
        if takes_headers:
            arguments["request_headers"] = facts["headers"]
        return ask(arguments)


def is_response(result: Any) -> bool:
    """Whether ``run`` decided on the whole answer itself."""
    werkzeug = sys.modules.get("werkzeug.wrappers")
    return werkzeug is not None and isinstance(result, werkzeug.Response)


def answer_of(response: Any, milliseconds: float) -> Answer:
    """The answer that a response stands for."""
    response.direct_passthrough = False
    body = response.get_data()
    failed = Flag.FAILED if response.status_code >= _SERVER_FAULT else 0
    headers = tuple(
        (name, str(value))
        for name, value in response.headers
        if name.lower() not in _OF_THE_CONNECTION and not (failed and name.lower() == _FAILED)
    )
    return Answer(response.status_code, body, Flag.TIMED | Flag.BARE | failed, milliseconds, headers)


def _environ(facts: Dict[str, Any], body: Body) -> Dict[str, Any]:
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": facts["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": facts["path"],
        "QUERY_STRING": facts["query"],
        "SERVER_NAME": facts["host"],
        "SERVER_PORT": str(facts["port"]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": facts["remote"],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": facts["scheme"],
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in facts["headers"].items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    length = environ.pop("HTTP_CONTENT_LENGTH", None)
    if body or length is not None:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ
