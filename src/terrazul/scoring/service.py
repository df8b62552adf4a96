"""One service: its address, who may use it, and the revision that answers."""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
import ssl
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Set
from urllib.parse import parse_qs

from terrazul.scoring import open_inference
from terrazul.scoring.connection import HttpConnection
from terrazul.scoring.log import ServiceLog
from terrazul.scoring.plan import BODY_LIMIT, RevisionFailed, ServingOptions, Trouble, WorkerPlan
from terrazul.scoring.pool import Pool
from terrazul.scoring.request import Request, is_error
from terrazul.scoring.worker.frames import Answer, Flag

__all__ = ["RevisionFailed", "Service", "ServingOptions", "Trouble", "WorkerPlan"]

_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try"
    " again."
)
_NOT_ALLOWED = "The method is not allowed for the requested URL."
_DRAIN_SECONDS = 60.0
_IDLE_SECONDS = 75.0
_SILENT_SECONDS = 30.0
"""How long a client may say nothing within a request."""
_CONNECTION_LIMIT = 4096
_JSON_TYPE = b"application/json"
Route = Callable[[Request], None]


class Service:
    """Answers HTTP on a listening socket, for as long as it is open, whichever revision is behind."""

    def __init__(
        self,
        listener: socket.socket,
        log_file: Optional[Path],
        *,
        tls: Optional[ssl.SSLContext] = None,
        name: str = "",
        version: str = "1",
    ) -> None:
        self.body_limit = BODY_LIMIT
        self.name = name or "model"
        self.version = version
        self.requests: Dict[int, int] = {}
        """Requests answered so far, by status."""
        self.log = ServiceLog(log_file)
        self._listener = listener
        self._tls = tls
        self._pool: Optional[Pool] = None
        self._keys: Optional[List[bytes]] = None
        self._connections: Set[HttpConnection] = set()
        self._server: Optional[asyncio.AbstractServer] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._restarts = 0
        self._taking = asyncio.Lock()
        self._retiring: List[asyncio.Task[None]] = []
        self._routes: Dict[str, Dict[str, Route]] = {
            "/": {"GET": self._health, "HEAD": self._health, "OPTIONS": self._options},
            "/score": {"GET": self._score, "POST": self._score, "OPTIONS": self._options},
            "/invocations": {"POST": self._score, "OPTIONS": self._options},
            "/swagger.json": {"GET": self._swagger, "HEAD": self._swagger, "OPTIONS": self._options},
            "/v2/health/live": {"GET": self._live},
            "/v2/health/ready": {"GET": self._ready},
        }

    @property
    def ready_workers(self) -> int:
        """Workers that can score."""
        return self._pool.ready_workers if self._pool else 0

    @property
    def restarts(self) -> int:
        """Workers that have been replaced because they ended."""
        return self._restarts + (self._pool.restarts if self._pool else 0)

    @property
    def trouble(self) -> Optional[Trouble]:
        """Why workers do not stay alive, where that is so."""
        return self._pool.trouble if self._pool else None

    async def open(self) -> None:
        """Begin to answer. Until there is a revision, every request is told to come again."""
        self._loop = asyncio.get_running_loop()
        self.log.buffer_with(lambda flush: self._loop.call_later(0.2, flush) if self._loop else None)
        self._server = await self._loop.create_server(
            lambda: HttpConnection(self), sock=self._listener, ssl=self._tls, backlog=1024
        )
        self._loop.call_later(1.0, self._look_after_connections)

    async def take(self, plan: WorkerPlan, options: ServingOptions) -> None:
        """Have a new revision answer, from the moment in which all its workers are ready.

        Raises ``RevisionFailed`` where they do not become so; whatever answered before goes on.
        """
        async with self._taking:
            pool = Pool(plan, options, self.log)
            await pool.start()
            self.body_limit = options.body_limit
            self._change_to(pool)

    async def reload(self) -> None:
        """Start all workers anew, one after another; no request is lost. Raises ``RevisionFailed``."""
        async with self._taking:
            if self._pool:
                await self._pool.reload()

    def set_keys(self, keys: Optional[Sequence[str]]) -> None:
        """Ask for one of these keys from the next request on; None lets everybody in."""
        self._keys = None if keys is None else [key.encode() for key in keys]

    async def close(self, drain_seconds: float = 10.0) -> None:
        """Take no more connections, finish what is being scored, and end all workers."""
        if self._server:
            self._server.close()
        if self._pool:
            pool, self._pool = self._pool, None
            deadline = time.monotonic() + drain_seconds
            while time.monotonic() < deadline and any(each.busy for each in self._connections):  # noqa: ASYNC110  # as drained
                await asyncio.sleep(0.02)
            pool.kill()
            await pool.drained(2.0)
        for task in self._retiring:
            task.cancel()
        for connection in list(self._connections):
            connection.close()
        self.log.close()

    def handle(self, request: Request) -> None:
        """Have one request answered."""
        request.begun_at = time.monotonic()
        problem = request.take_ids()
        if problem:
            self._answer(request, 431, problem)
            return
        methods = self._routes.get(request.path) or self._model_routes(request)
        if methods is None:
            self._strange(request, 404, _NOT_FOUND)
        elif request.method not in methods:
            self._strange(request, 405, _NOT_ALLOWED)
        elif (
            self._keys is not None and request.path != "/" and request.method != "OPTIONS" and not self._knows(request)
        ):
            message = "A key is needed: send the header `Authorization: Bearer <key>`."
            headers = (("WWW-Authenticate", "Bearer"),)
            request.connection.finish(request, Answer(401, self.told(message), headers=headers))
        else:
            methods[request.method](request)

    def count(self, request: Request, answer: Answer) -> None:
        """Note an answer."""
        self.requests[answer.status] = self.requests.get(answer.status, 0) + 1
        if request.path != "/" or is_error(answer):
            path = f"{request.path}?{request.query}" if request.query else request.path
            line = f"{request.method} {path} {answer.status} {(time.monotonic() - request.begun_at) * 1000:.3f}ms"
            self.log.request(f"{line} {len(answer.body)}")

    def headers_for(self, request: Request) -> bytes:
        """Header lines that depend on the service's settings."""
        options = self._pool.options if self._pool else None
        if options is None:
            return b""
        lines = b"x-ms-server-version: " + options.server_version.encode() + b"\r\n" if options.server_version else b""
        origin = request.headers.get(b"origin")
        if origin is not None and options.cors_origins:
            lines += _cors(origin, options.cors_origins, request)
        return lines

    @staticmethod
    def told(message: str) -> bytes:
        """A message as the body of an error."""
        return json.dumps({"message": message}).encode()

    def opened(self, connection: HttpConnection) -> None:
        """A client has come; beyond a number of them it is let go again."""
        self._connections.add(connection)
        if len(self._connections) > _CONNECTION_LIMIT:
            connection.refuse(503, "Too many clients are connected.")

    def closed(self, connection: HttpConnection) -> None:
        """A client has gone."""
        self._connections.discard(connection)

    def figures(self) -> Mapping[str, Any]:
        """What the service does at this moment."""
        return {
            "requests": dict(self.requests),
            "connections": len(self._connections),
            "waiting": self._pool.waiting if self._pool else 0,
            "workers": self.ready_workers,
            "restarts": self.restarts,
        }

    def _change_to(self, pool: Pool) -> None:
        former, self._pool = self._pool, pool
        if former:
            self._restarts += former.restarts
            former.hand_over(pool)
            task = asyncio.get_running_loop().create_task(former.drained(_DRAIN_SECONDS))
            self._retiring.append(task)
            task.add_done_callback(self._retiring.remove)

    def _is_open(self, request: Request) -> bool:
        """Whether no key is needed: health and what a browser asks beforehand are for everybody."""
        return self._keys is None or request.path == "/" or request.method == "OPTIONS"

    def _knows(self, request: Request) -> bool:
        scheme, _, given = request.headers.get(b"authorization", b"").partition(b" ")
        given = given.strip()
        matches = [hmac.compare_digest(given, key) for key in self._keys or []]
        return scheme.lower() == b"bearer" and any(matches)

    def _health(self, request: Request) -> None:
        pool = self._pool
        if pool is None:
            self._starting(request)
        elif pool.ready_workers:
            request.connection.finish(request, Answer(200, b"Healthy", Flag.BARE, headers=_HTML))
        else:
            message = pool.trouble.message if pool.trouble else "No worker is ready."
            request.connection.finish(request, Answer(503, self.told(message), headers=(("Retry-After", "1"),)))

    def _score(self, request: Request) -> None:
        pool = self._pool
        if pool is None:
            self._starting(request)
        elif pool.mode == "schema" and request.method == "POST" and not _is_json(request):
            self._answer(request, 415, "Expects Content-Type to be application/json")
        else:
            pool.submit(request)

    def _options(self, request: Request) -> None:
        allowed = ", ".join(sorted((self._routes.get(request.path) or {}).keys()))
        request.connection.finish(
            request, Answer(200, b"", headers=(("Content-Type", "text/html"), ("Allow", allowed)))
        )

    def _swagger(self, request: Request) -> None:
        pool = self._pool
        if pool is None:
            self._starting(request)
            return
        wanted = parse_qs(request.query).get("version", ["2"])[0]
        document = pool.swagger.get(wanted)
        if document is not None:
            request.connection.finish(request, Answer(200, json.dumps(document).encode()))
            return
        supported = ", ".join(name for name in ("2", "3", "3.1") if name in pool.swagger)
        known = wanted in {"2", "2.0", "3", "3.0", "3.1"}
        what = "is not supported for the scoring script" if known else "is not valid"
        kind = "Supported swagger versions" if known else "Supported versions"
        self._answer(request, 404, f"Swagger version [{wanted}] {what}. {kind}: [{supported}].")

    def _live(self, request: Request) -> None:
        request.connection.finish(request, Answer(200, b'{"live": true}', Flag.BARE))

    def _ready(self, request: Request) -> None:
        ready = self.ready_workers > 0
        body = b'{"ready": true}' if ready else b'{"ready": false}'
        request.connection.finish(request, Answer(200 if ready else 503, body, Flag.BARE))

    def _model_routes(self, request: Request) -> Optional[Dict[str, Route]]:
        """The addresses of the Open Inference Protocol, which hold the model's name."""
        parts = request.path.split("/")
        if parts[:3] != ["", "v2", "models"] or len(parts) < 4 or parts[3] != self.name:  # noqa: PLR2004  # the name
            return None
        rest = parts[4:]
        if rest[:1] == ["versions"] and len(rest) > 1:
            rest = rest[2:]
        if rest == []:
            return {"GET": self._metadata}
        if rest == ["ready"]:
            return {"GET": self._ready}
        return {"POST": self._infer} if rest == ["infer"] else None

    def _metadata(self, request: Request) -> None:
        body = json.dumps(open_inference.metadata(self.name, self.version)).encode()
        request.connection.finish(request, Answer(200, body, Flag.BARE))

    def _infer(self, request: Request) -> None:
        try:
            plain = open_inference.to_run(request.body)
            given = json.loads(request.body).get("id", "")
        except open_inference.NoTensors as problem:
            request.connection.finish(request, Answer(400, json.dumps({"error": str(problem)}).encode()))
            return
        request.body = plain
        request.headers[b"content-type"] = _JSON_TYPE
        request.reshape = lambda answer: open_inference.from_run(answer, self.name, self.version, str(given))
        self._score(request)

    def _starting(self, request: Request) -> None:
        answer = Answer(503, self.told("The service is starting."), headers=(("Retry-After", "1"),))
        request.connection.finish(request, answer)

    def _answer(self, request: Request, status: int, message: str) -> None:
        request.connection.finish(request, Answer(status, self.told(message)))

    def _strange(self, request: Request, status: int, message: str) -> None:
        """An address or a method that there is not is answered without ids, as v1 does."""
        request.request_id = request.legacy_id = request.client_id = b""
        self._answer(request, status, message)

    def _look_after_connections(self) -> None:
        """Let clients go that say nothing."""
        now = time.monotonic()
        for connection in list(self._connections):
            silent = now - connection.progress_at
            if not connection.busy and silent > (_IDLE_SECONDS if connection.idle else _SILENT_SECONDS):
                connection.close()
        if self._loop and self._server and self._server.is_serving():
            self._loop.call_later(1.0, self._look_after_connections)


def _is_json(request: Request) -> bool:
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return kind == _JSON_TYPE or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def _cors(origin: bytes, allowed: List[str], request: Request) -> bytes:
    text = origin.decode("latin-1")
    if "*" in allowed:
        lines = b"Access-Control-Allow-Origin: *\r\n"
    elif text in allowed:
        lines = b"Access-Control-Allow-Origin: " + origin + b"\r\nVary: Origin\r\n"
    else:
        return b""
    if request.method == "OPTIONS" and b"access-control-request-method" in request.headers:
        lines += b"Access-Control-Allow-Methods: GET, POST\r\n"
        wanted = request.headers.get(b"access-control-request-headers")
        if wanted:
            lines += b"Access-Control-Allow-Headers: " + wanted + b"\r\n"
    return lines
