"""The relay: the server as the script sees it, on the loopback interface of its own machine.

What the script records is journaled and answered at once, so that neither a slow nor an absent server is ever waited
for; everything else goes through to the server.
"""

from __future__ import annotations

import http.client
import io
import socketserver
import sys
import tempfile
import threading
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Iterator, cast

from terrazul.core.errors import (
    AuthenticationException,
    InsufficientStorage,
    InvalidInput,
    TerrazulError,
    TooLarge,
    Unavailable,
)
from terrazul.node.connection import Body, Connection, workspace_path
from terrazul.runner import contents
from terrazul.runner.forwarder import Forwarder
from terrazul.runner.journal import EntryKind, Journal
from terrazul.runner.spool import Spool
from terrazul.wire import codec, pack
from terrazul.wire.error import ErrorBody
from terrazul.wire.job import Job
from terrazul.wire.library import LIBRARIES, LibraryFolder, LibraryRequest
from terrazul.wire.mlflow.error import body_of, code_of
from terrazul.wire.snapshot import Digests
from terrazul.wire.write import WriteAnswer, WriteBatch

if TYPE_CHECKING:
    from terrazul.runner.mlflow import MlflowWrites, Place

_WRITE_LIMIT = 1 << 26
_IN_MEMORY = 1 << 20
_DURABLE_WITHIN = 0.03
_SETTLE_WITHIN = 5.0
_OWN_HEADERS = {"authorization", "content-length", "host"}
_HOP_HEADERS = {
    "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
_BODILESS_STATUS = {204, 304}


class Relay:
    """Serves the script of one job on a free port of 127.0.0.1 until it is closed."""

    def __init__(self, job: Job, journal: Journal, spool: Spool, forwarder: Forwarder) -> None:
        self.job = job
        self.journal = journal
        self.spool = spool
        self.forwarder = forwarder
        self.workspace = workspace_path(job)
        self.closed = False
        self._decode: Callable[[bytes], WriteBatch]
        self.mlflow: MlflowWrites
        self._server = _LoopbackServer(self)

    @property
    def url(self) -> str:
        """Where the script finds the relay."""
        host, port = self._server.socket.getsockname()
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    def _serve(self) -> None:
        # while the script starts, which the runner's own start must not delay
        import msgspec  # noqa: PLC0415

        from terrazul.runner.mlflow import MlflowWrites  # noqa: PLC0415

        self._decode = msgspec.json.Decoder(WriteBatch).decode

        def decode(body: bytes, shape: type) -> Any:
            return msgspec.json.decode(body, type=shape, strict=False)

        self.mlflow = MlflowWrites(
            self.job,
            decode,
            lambda batch: self._append(EntryKind.WRITE, codec.encode(batch)),
            lambda position: self.journal.wait_durable(position, _DURABLE_WITHIN),
        )
        self._server.serve_forever(0.1)

    def close(self) -> None:
        """Record nothing more; returns before the port is free again."""
        self.closed = True
        threading.Thread(target=self._close, name="relay end", daemon=True).start()

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def record(self, body: bytes) -> WriteAnswer:
        """Journal a batch. Raises ``InvalidInput`` for what is not one."""
        try:
            self._decode(body)
        except (ValueError, RecursionError) as problem:
            # what the server would refuse is refused where it can be mended
            message = f"The body is not a batch of writes: {problem}."
            raise InvalidInput(message, hint="Send a WriteBatch as JSON.") from None
        self.journal.wait_durable(self._append(EntryKind.WRITE, body), _DURABLE_WITHIN)
        return WriteAnswer(applied=True)

    def receive_file(self, place: Place, chunks: Iterator[bytes]) -> None:
        """Spool a file that MLflow's client sends."""
        content = self.spool.receive_unnamed(chunks)
        self._append(EntryKind.CONTENTS, contents.encode([content]))
        self.mlflow.add_file(place, content)

    def receive(self, digest: str, chunks: Iterator[bytes]) -> Digests:
        """Spool one content."""
        content = self.spool.receive(digest, chunks)
        self._append(EntryKind.CONTENTS, contents.encode([content]))
        return Digests([digest])

    def receive_pack(self, stream: BinaryIO) -> Digests:
        """Spool every content of a pack."""
        received = []
        items = pack.read(stream)
        try:
            for item in items:
                header = cast("pack.Header", item)
                received.append(self.spool.receive(header.digest, _take(items, header.size)))
        except EOFError:
            raise InvalidInput("The pack ends within a content.") from None
        self._append(EntryKind.CONTENTS, contents.encode(received))
        return Digests([content.digest for content in received])

    def missing(self, asked: Digests) -> Digests:
        """Those contents that neither the spool nor the server has; all that are not spooled if the server is away."""
        candidates = [digest for digest in asked.digests if not self.spool.holds(digest)]
        connection = self.connect()
        try:
            return connection.ask(Digests, "POST", f"{self.workspace}/contents/missing", Digests(candidates))
        except Unavailable:
            return Digests(candidates)
        finally:
            connection.close()

    def provide_libraries(self, body: bytes) -> LibraryFolder:
        """What reading data takes, for the script's interpreter. Raises ``UserErrorException``, ``InvalidInput``."""
        from terrazul.node.environment import data_libraries, interpreter  # noqa: PLC0415  # most scripts need neither

        try:
            asked = codec.decode(LibraryRequest, body)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidInput("The body is not a request for libraries.") from None
        python = interpreter.named(asked.python)
        folder = Path(self.job.environments_folder)
        return LibraryFolder(str(data_libraries.provide(python, folder, asked.installed, self._check_open)))

    def _check_open(self) -> None:
        if self.closed:
            raise Unavailable("The run's script is over.")

    def _append(self, kind: EntryKind, payload: bytes) -> int:
        try:
            return self.journal.append(kind, payload)
        except OSError as problem:
            raise InsufficientStorage(
                f"The compute cannot record what the script says: {problem.strerror}.",
                hint="Free space on the compute's disk.",
            ) from None

    def connect(self) -> Connection:
        """A connection to the server for one request of the script."""
        return Connection(self.job, timeout=60.0)


class _LoopbackServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell the runner's log, but not of a script that went away in the middle of a request."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    @property
    def relay(self) -> Relay:
        return cast("_LoopbackServer", self.server).relay

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""

    def version_string(self) -> str:
        return "terrazul"

    def _serve(self) -> None:
        self._unread: BinaryIO | None = None
        try:
            self._authenticate()
            self._route()
        except TerrazulError as error:
            self._discard_body()
            self._refuse(error)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # the names that the base looks for

    def _authenticate(self) -> None:
        if self.relay.closed:
            raise Unavailable("The run's script is over; nothing more is recorded.")
        given = self.headers.get("Authorization", "")
        if not compare_digest(given.encode(), f"Bearer {self.relay.job.token}".encode()):
            raise AuthenticationException(
                "The relay answers only to the token of its run.", hint="Send AZUREML_RUN_TOKEN as bearer token."
            )

    def _refuse(self, error: TerrazulError) -> None:
        if self.path.startswith(f"{self.relay.workspace}/mlflow/"):
            self._answer(body_of(error), status=code_of(error)[0])
        else:
            self._answer(ErrorBody(error.code, error.message, error.target, error.hint), status=error.status)

    def _route(self) -> None:
        relay = self.relay
        own, _, rest = self.path.partition(relay.workspace + "/")
        if not own and rest.startswith("mlflow/"):
            self._speak_mlflow("/" + rest)
            return
        request = "" if own else f"{self.command} {rest.partition('?')[0]}"
        local: dict[str, Callable[[BinaryIO], object]] = {
            "POST writes": lambda body: relay.record(_read_limited(body)),
            "POST contents": relay.receive_pack,
            "POST contents/missing": lambda body: relay.missing(_digests(_read_limited(body))),
            f"POST {LIBRARIES}": lambda body: relay.provide_libraries(_read_limited(body)),
        }
        if request in local:
            self._answer(local[request](self._body()))
        elif request.startswith("PUT contents/"):
            digest = request.rpartition("/")[2]
            self._answer(relay.receive(digest, contents.chunks_of(self._body())))
        else:
            self._pass_on(needs_contents=request == "POST models")

    def _speak_mlflow(self, target: str) -> None:
        mlflow, (path, _, query) = self.relay.mlflow, target.partition("?")
        place = mlflow.place_of(self.command, path)
        if place is not None:
            self.relay.receive_file(place, contents.chunks_of(self._body()))
            self._answer({})
        elif mlflow.takes(self.command, path):
            body = _read_limited(self._body())
            told = mlflow.take(path, body)
            self._pass_on(body) if told is None else self._answer(told)
        else:
            self._answer_or_pass_on(path, query)

    def _answer_or_pass_on(self, path: str, query: str) -> None:
        try:
            self._pass_on()
        except Unavailable:
            told = self.relay.mlflow.answer_alone(self.command, path, query)
            if told is None:
                raise
            self._answer(told)

    def _body(self) -> BinaryIO:
        if self._unread is None:
            stream = cast("BinaryIO", self.rfile)
            chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
            self._unread = io.BufferedReader(_ChunkedBody(stream) if chunked else _SizedBody(stream, self._size()))
        return self._unread

    def _discard_body(self) -> None:
        """Read what is left of a request that is refused, so that the client comes to read why."""
        try:
            for _ in contents.chunks_of(self._body()):
                continue
        except TerrazulError:
            self.close_connection = True

    def _size(self) -> int:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            raise InvalidInput(f"The Content-Length {length[:20]!r} is not a number.")
        return int(length)

    def _answer(self, value: object, status: int = 200) -> None:
        body = codec.encode(value)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _pass_on(self, taken: bytes | None = None, *, needs_contents: bool = False) -> None:
        """Give the request to the server as it is, after what was recorded before it, so that it is seen.

        ``taken`` is its body where that has been read. What names contents is not passed on before they have arrived;
        the script's client asks again.
        """
        settled = self.relay.forwarder.settle(_SETTLE_WITHIN)
        if needs_contents and not settled:
            raise Unavailable("The contents that this needs are still on their way to the server.", hint="Ask again.")
        headers = {
            name: value for name, value in self.headers.items() if name.lower() not in _OWN_HEADERS | _HOP_HEADERS
        }
        connection = self.relay.connect()
        try:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self.relay.spool.folder)) as held:
                body = self._upload(held) if taken is None else taken
                response = connection.exchange(self.command, self.path, headers, body)
                self._pass_back(response)
        finally:
            connection.close()

    def _upload(self, held: Any) -> Body:
        """The request's body, streamed where its size is known, else held on disk to learn it."""
        if "Transfer-Encoding" not in self.headers:
            body, size = self._body(), self._size()
            return Body(size, lambda: contents.chunks_of(body, size))
        size = sum(held.write(chunk) for chunk in contents.chunks_of(self._body()))
        held.seek(0)
        return Body(size, lambda: contents.chunks_of(held))

    def _pass_back(self, response: http.client.HTTPResponse) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_HEADERS:
                self.send_header(name, value)
        bodiless = self.command == "HEAD" or response.status in _BODILESS_STATUS
        sized = response.getheader("Content-Length") is not None
        if not sized and not bodiless:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not bodiless and (chunk := response.read1(_IN_MEMORY)):
            self.wfile.write(chunk if sized else b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        if not sized and not bodiless:
            self.wfile.write(b"0\r\n\r\n")


class _SizedBody(io.RawIOBase):
    """The part of a connection's stream that is one request's body."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._rest = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), self._rest))
        if not data and self._rest:
            raise InvalidInput("The request's body ended before its announced length.")
        self._rest -= len(data)
        buffer[: len(data)] = data
        return len(data)


class _ChunkedBody(io.RawIOBase):
    """A request's body that comes in chunks of announced size."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._rest = 0
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest and not self._over:
            self._begin_chunk()
        data = self._stream.read(min(len(buffer), self._rest))
        self._rest -= len(data)
        if data and not self._rest:
            self._stream.readline()
        buffer[: len(data)] = data
        return len(data)

    def _begin_chunk(self) -> None:
        try:
            self._rest = int(self._stream.readline(64).partition(b";")[0], 16)
        except ValueError:
            raise InvalidInput("A chunk of the request's body has no valid size.") from None
        if not self._rest:
            self._over = True
            while self._stream.readline(1 << 16).strip():
                continue


def _take(items: Iterator[object], size: int) -> Iterator[bytes]:
    while size > 0:
        chunk = cast("bytes", next(items))
        size -= len(chunk)
        yield chunk


def _digests(body: bytes) -> Digests:
    try:
        return codec.decode(Digests, body)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InvalidInput("The body is not a list of digests.") from None


def _read_limited(body: BinaryIO) -> bytes:
    data = body.read(_WRITE_LIMIT + 1)
    if len(data) > _WRITE_LIMIT:
        raise TooLarge(f"The body is longer than {_WRITE_LIMIT} bytes.", hint="Send it in several batches.")
    return data
