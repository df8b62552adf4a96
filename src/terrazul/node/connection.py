"""HTTP to the server, with the standard library alone."""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple, Protocol, Type, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from terrazul.core.dataclass import dataclass
from terrazul.core.errors import TerrazulError, Unavailable, from_code
from terrazul.core.home import Home
from terrazul.node.stop import Stop
from terrazul.wire import codec
from terrazul.wire.error import ErrorBody
from terrazul.wire.server import CA_VARIABLE, ServerFile

T = TypeVar("T")
_ERROR = 400
_TRY_AGAIN = {408, 425, 429}
_SERVER_FAULT = 500
_BLOCK = 1 << 20
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_NOT_RUNNING = "it does not run at this moment"


@dataclass(frozen=True)
class Body:
    """The bytes of a request, made anew for every attempt, so that none has to be kept in memory."""

    size: int
    open: Callable[[], Iterable[bytes]]


class Assignment(Protocol):
    """What a process on a compute was told of its server, in whatever it was given to do."""

    @property
    def server_url(self) -> str:
        """Where the server answered when the assignment was made."""

    @property
    def token(self) -> str:
        """What lets this process in; it opens no more than its assignment needs."""

    @property
    def workspace_id(self) -> str:
        """The workspace it works for."""

    @property
    def environments_folder(self) -> str:
        """Where environments of this node are built and shared, one folder per content."""


class Answer(io.RawIOBase):
    """The bytes of an answer; raises ``Unavailable`` where they break off."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response

    def read(self, size: int = -1) -> bytes:
        """The next bytes, all of them without a size."""
        try:
            return self._response.read(None if size < 0 else size)
        except (OSError, http.client.HTTPException) as problem:
            raise Unavailable(f"The server's answer broke off: {problem!r}.") from None


class Connection:
    """One kept connection with a token; for one thread at a time, but any thread may ``interrupt`` it."""

    def __init__(self, assignment: Assignment, timeout: float = 30.0) -> None:
        self._assignment = assignment
        self._address = urlsplit(assignment.server_url)
        self._timeout = timeout
        self._http: http.client.HTTPConnection | None = None

    def call(self, method: str, path: str, query: Mapping[str, str] | None = None, body: Body | bytes = b"") -> bytes:
        """Send a request and read its answer.

        Raises ``Unavailable`` when the server is away or says so, else the error that the server names.
        """
        with self.stream(method, path, query, body) as answer:
            return answer.read()

    def ask(self, shape: Type[T], method: str, path: str, value: object = None) -> T:
        """Send a wire value (if any) and read the answer as a wire type. Raises as ``call`` does."""
        return understand(shape, self.call(method, path, body=b"" if value is None else codec.encode(value)))

    @contextmanager
    def stream(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Body | bytes = b""
    ) -> Iterator[Answer]:
        """Send a request; the answer is for the caller to read piece by piece. Raises as ``call`` does."""
        target = quote(path) + ("?" + urlencode(query) if query else "")
        response = self.exchange(method, target, {"Content-Type": _content_type(body)}, body)
        try:
            yield checked(response)
        finally:
            if not response.isclosed():
                self.close()

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: Body | bytes
    ) -> http.client.HTTPResponse:
        """Send a request whose target is written out, and give the answer as it is. Raises ``Unavailable``."""
        kept = self._http is not None
        try:
            return self._send(method, target, headers, body)
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            if not kept or isinstance(problem, TimeoutError):
                raise self._unavailable(problem) from None
        try:
            return self._send(method, target, headers, body)
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            raise self._unavailable(problem) from None

    def interrupt(self) -> None:
        """Break off what another thread waits for on this connection."""
        http_connection = self._http
        if http_connection is not None and http_connection.sock is not None:
            try:
                http_connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def close(self) -> None:
        """Give the connection back."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _unavailable(self, problem: Exception) -> Unavailable:
        return Unavailable(f"The server at {self._address.netloc} cannot be reached: {problem}.")

    def _send(
        self, method: str, target: str, headers: Mapping[str, str], body: Body | bytes
    ) -> http.client.HTTPResponse:
        if self._http is None:
            self._http = self._connect()
        size = body.size if isinstance(body, Body) else len(body)
        content = body.open() if isinstance(body, Body) else body
        self._http.request(
            method,
            self._address.path.rstrip("/") + target,
            body=content,
            headers={**headers, "Content-Length": str(size), "Authorization": f"Bearer {self._assignment.token}"},
        )
        return self._http.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        place = _place_of(self._assignment)
        self._address = urlsplit(place.url)
        kind: Callable[..., http.client.HTTPConnection] = http.client.HTTPConnection
        if self._address.scheme == "https":
            trusted = place.ca_file or os.environ.get(CA_VARIABLE)
            kind = partial(http.client.HTTPSConnection, context=ssl.create_default_context(cafile=trusted or None))
        connection = kind(self._address.hostname or "", self._address.port, timeout=self._timeout, blocksize=_BLOCK)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


class _Place(NamedTuple):
    url: str
    ca_file: str = ""


def _place_of(assignment: Assignment) -> _Place:
    """Where the server answers now: one on this machine says so in its home, and may have come back at another port.

    Raises ``ConnectionError`` where it is known not to run: whoever else answers at its port by now is not asked.
    """
    home = Home(str(Path(assignment.environments_folder).parent))
    try:
        server = codec.decode(ServerFile, home.server_file.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        if home.lock_file.exists():
            raise ConnectionRefusedError(_NOT_RUNNING) from None
        return _Place(assignment.server_url)
    try:
        with suppress(PermissionError):  # it is another user's, and there
            os.kill(server.pid, 0)
    except ProcessLookupError:
        raise ConnectionRefusedError(_NOT_RUNNING) from None
    return _Place(server.url, server.ca_file)


def checked(response: http.client.HTTPResponse) -> Answer:
    """An answer to be read. Raises the error that the server names instead of one."""
    answer = Answer(response)
    if response.status >= _ERROR:
        raise _error_of(response.status, answer.read())
    return answer


class Backoff:
    """Pauses between attempts that grow from a tenth of a second to five."""

    def __init__(self) -> None:
        self._pause = _SHORTEST_PAUSE

    def next_pause(self) -> float:
        """How long to wait before the next attempt."""
        pause = self._pause
        self._pause = min(_LONGEST_PAUSE, pause * 2)
        return pause

    def reset(self) -> None:
        """The last attempt went well."""
        self._pause = _SHORTEST_PAUSE


def persist(request: Callable[[], T], stop: Stop) -> T:
    """Make a request until the server is there to answer it. Raises ``Stopped``, or the server's own error."""
    backoff = Backoff()
    while True:
        stop.check()
        try:
            return request()
        except Unavailable:
            stop.wait(backoff.next_pause())


def workspace_path(assignment: Assignment) -> str:
    """Where the routes of the workspace begin."""
    return f"/api/v1/workspaces/{assignment.workspace_id}"


def understand(shape: Type[T], answer: bytes) -> T:
    """An answer as a wire type. Raises ``Unavailable`` for one that is not ours, such as a proxy gives."""
    try:
        return codec.decode(shape, answer)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unavailable(f"The answer {answer[:80]!r} is not the server's.") from None


def _content_type(body: Body | bytes) -> str:
    return "application/json" if isinstance(body, bytes) and body[:1] in {b"{", b"["} else "application/octet-stream"


def _error_of(status: int, text: bytes) -> TerrazulError:
    try:
        body = codec.decode(ErrorBody, text)
    except (ValueError, KeyError, TypeError, AttributeError):
        body = ErrorBody(code="internal_error", message=f"The server answered with status {status}.")
    kind: Any = Unavailable if status in _TRY_AGAIN or status >= _SERVER_FAULT else from_code(body.code)
    error: TerrazulError = kind(
        body.message, target=body.target, hint=body.hint, correlation_id=body.correlation_id, status=status
    )
    return error
