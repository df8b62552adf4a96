"""What a service answers at which address, and to whom."""

from __future__ import annotations

import hmac
import json
import time
from email.utils import formatdate
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set
from urllib.parse import parse_qs

from terrazul.scoring import open_inference
from terrazul.scoring.connection import HttpConnection
from terrazul.scoring.figures import Figures
from terrazul.scoring.log import ServiceLog
from terrazul.scoring.plan import BODY_LIMIT
from terrazul.scoring.pool import Pool, told
from terrazul.scoring.request import KEY_NEEDED, Request, is_error, render_refusal
from terrazul.scoring.worker.frames import Answer, Flag

_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_SOON = (("Retry-After", "1"),)
_NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try"
    " again."
)
_NOT_ALLOWED = "The method is not allowed for the requested URL."
_CONNECTION_LIMIT = 4096
_JSON_TYPE = b"application/json"
_VERSIONS = ("2", "3", "3.1")
Route = Callable[[Request], None]


class Front:
    """Takes whole requests from the connections and answers them, or gives them to the workers there are."""

    def __init__(self, name: str, version: str, log: ServiceLog) -> None:
        self.name = name
        self.version = version
        self.pool: Optional[Pool] = None
        self.body_limit = BODY_LIMIT
        self.figures = Figures()
        self.connections: Set[HttpConnection] = set()
        self._log = log
        self._keys: Optional[List[bytes]] = None
        self._lines = b""
        health = {"GET": self._health, "HEAD": self._health}
        swagger = {"GET": self._swagger, "HEAD": self._swagger}
        self._routes: Dict[str, Dict[str, Route]] = {
            "/": {**health, "OPTIONS": self._options},
            "/score": {"GET": self._score, "POST": self._score, "OPTIONS": self._options},
            "/invocations": {"POST": self._score, "OPTIONS": self._options},
            "/swagger.json": {**swagger, "OPTIONS": self._options},
            "/v2/health/live": {"GET": self._live},
            "/v2/health/ready": {"GET": self._ready},
        }
        self.strike()

    def set_keys(self, keys: Optional[Sequence[str]]) -> None:
        """Ask for one of these keys from the next request on; None lets everybody in."""
        self._keys = None if keys is None else [key.encode() for key in keys]

    def strike(self) -> None:
        """A second has passed: write the date anew, and let clients go that say nothing."""
        self._lines = b"Date: " + formatdate(usegmt=True).encode() + b"\r\n"
        if self.pool is not None and self.pool.options.server_version:
            self._lines += b"x-ms-server-version: " + self.pool.options.server_version.encode() + b"\r\n"
        now = time.monotonic()
        for connection in [each for each in self.connections if each.is_overdue(now)]:
            connection.drop()

    def opened(self, connection: HttpConnection) -> None:
        """A client has come; beyond a number of them it is let go again."""
        self.connections.add(connection)
        if len(self.connections) > _CONNECTION_LIMIT:
            connection.refuse(503, "Too many clients are connected.")

    def closed(self, connection: HttpConnection) -> None:
        """A client has gone."""
        self.connections.discard(connection)

    def knows(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request with these headers may score. Both keys are always compared, each in constant time."""
        if self._keys is None:
            return True
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        given = given.strip()
        matches = [hmac.compare_digest(given, key) for key in self._keys]
        return scheme.lower() == b"bearer" and any(matches)

    def handle(self, request: Request) -> None:
        """Have one request answered."""
        request.begun_at = time.monotonic()
        methods = self._routes.get(request.path) or self._model_routes(request.path)
        route = methods.get(request.method) if methods else None
        if route is None and request.method != "HEAD":
            request.connection.finish(request, Answer(405, told(_NOT_ALLOWED)) if methods else _no_such_address())
            return
        problem = request.take_ids()
        if problem:
            _answer(request, 431, problem)
        elif route is None:
            request.connection.finish(request, Answer(405, told(_NOT_ALLOWED)) if methods else _no_such_address())
        elif self._keys is not None and not self._is_public(request) and not self.knows(request.headers):
            headers = (("WWW-Authenticate", "Bearer"),)
            request.connection.finish(request, Answer(401, told(KEY_NEEDED), headers=headers))
        else:
            route(request)

    def count(self, request: Request, answer: Answer) -> None:
        """Note an answer."""
        if request.path == "/" and not is_error(answer):
            return
        seconds = time.monotonic() - request.begun_at
        self.figures.add(answer.status, seconds)
        answered = f"{answer.status} {seconds * 1000:.3f}ms {len(answer.body)}"
        self._log.request(f"{request.method} {request.target} {answered}")

    def headers_for(self, request: Request) -> bytes:
        """Header lines that depend on the service's settings."""
        if b"origin" in request.headers and self.pool is not None and self.pool.options.cors_origins:
            return self._lines + _cors(self.pool.options.cors_origins, request)
        return self._lines

    def refusal(self, status: int, message: str) -> bytes:
        """The answer to what is no request that can be taken."""
        self.figures.add(status, 0.0)
        self._log.request(f"refused {status} {message}")
        return render_refusal(status, told(message), self._lines)

    def _is_public(self, request: Request) -> bool:
        """Whether no key is needed: health, and what a browser asks beforehand, unless the script answers that."""
        if request.method == "OPTIONS":
            return not self._script_answers_options(request)
        return request.path == "/"

    def _script_answers_options(self, request: Request) -> bool:
        preflight = b"access-control-request-method" in request.headers
        return request.path == "/score" and self.pool is not None and self.pool.mode == "raw" and not preflight

    def _health(self, request: Request) -> None:
        pool = self.pool
        if pool is None:
            _starting(request)
        elif pool.ready_workers:
            request.connection.finish(request, Answer(200, b"Healthy", Flag.BARE, headers=_HTML))
        else:
            message = pool.trouble.message if pool.trouble else "No worker is ready."
            request.connection.finish(request, Answer(503, told(message), headers=_SOON))

    def _score(self, request: Request) -> None:
        pool = self.pool
        if pool is None:
            _starting(request)
        elif pool.mode == "schema" and request.method == "POST" and not _is_json(request):
            _answer(request, 415, "Expects Content-Type to be application/json")
        else:
            pool.submit(request)

    def _options(self, request: Request) -> None:
        if self._script_answers_options(request):
            self._score(request)
            return
        allowed = ("Allow", ", ".join(sorted(self._routes[request.path])))
        flags = Flag.BARE if request.path != "/score" else 0
        request.connection.finish(request, Answer(200, b"", flags, headers=(*_HTML, allowed)))

    def _swagger(self, request: Request) -> None:
        if self.pool is None:
            _starting(request)
            return
        documents = self.pool.swagger
        wanted = parse_qs(request.query, keep_blank_values=True).get("version", ["2"])[0]
        if wanted in documents:
            request.connection.finish(request, Answer(200, json.dumps(documents[wanted]).encode()))
            return
        there = ", ".join(name for name in _VERSIONS if name in documents)
        message = f"Swagger version [{wanted}] is not valid. Supported versions: [{there}]."
        if wanted in {*_VERSIONS, "2.0", "3.0"}:
            message = f"Swagger version [{wanted}] is not supported for the scoring script."
            message += f" Supported swagger versions: [{there}]."
        _answer(request, 404, message)

    def _live(self, request: Request) -> None:
        request.connection.finish(request, Answer(200, b'{"live": true}', Flag.BARE))

    def _ready(self, request: Request) -> None:
        ready = self.pool is not None and self.pool.ready_workers > 0
        body = b'{"ready": true}' if ready else b'{"ready": false}'
        request.connection.finish(request, Answer(200 if ready else 503, body, Flag.BARE))

    def _model_routes(self, path: str) -> Optional[Dict[str, Route]]:
        """The addresses of the Open Inference Protocol, which hold the model's name, and may hold a version."""
        if not path.startswith("/v2/models/"):
            return None
        name, *rest = path[len("/v2/models/") :].split("/")
        if rest[:1] == ["versions"]:
            rest = rest[2:] if rest[1:2] == [self.version] else ["no such version"]
        routes: Dict[str, Dict[str, Route]] = {
            "": {"GET": self._metadata},
            "ready": {"GET": self._ready},
            "infer": {"POST": self._infer},
        }
        return routes.get("/".join(rest)) if name == self.name else None

    def _metadata(self, request: Request) -> None:
        body = json.dumps(open_inference.metadata(self.name, self.version)).encode()
        request.connection.finish(request, Answer(200, body, Flag.BARE))

    def _infer(self, request: Request) -> None:
        try:
            plain, own_id = open_inference.to_run(request.body)
        except open_inference.NoTensors as problem:
            request.connection.finish(request, Answer(400, json.dumps({"error": str(problem)}).encode()))
            return
        request.body = plain
        request.headers[b"content-type"] = _JSON_TYPE
        request.reshape = lambda answer: open_inference.from_run(answer, self.name, self.version, own_id)
        self._score(request)


def _starting(request: Request) -> None:
    request.connection.finish(request, Answer(503, told("The service is starting."), headers=_SOON))


def _answer(request: Request, status: int, message: str) -> None:
    request.connection.finish(request, Answer(status, told(message)))


def _no_such_address() -> Answer:
    return Answer(404, told(_NOT_FOUND))


def _is_json(request: Request) -> bool:
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return kind == _JSON_TYPE or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def _cors(allowed: Sequence[str], request: Request) -> bytes:
    origin = request.headers[b"origin"]
    if "*" in allowed:
        lines = b"Access-Control-Allow-Origin: *\r\n"
    elif origin.decode("latin-1") in allowed:
        lines = b"Access-Control-Allow-Origin: " + origin + b"\r\nVary: Origin\r\n"
    else:
        return b""
    if request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
        lines += b"Access-Control-Allow-Methods: GET, POST\r\n"
        wanted = request.headers.get(b"access-control-request-headers")
        if wanted:
            lines += b"Access-Control-Allow-Headers: " + wanted + b"\r\n"
    return lines
