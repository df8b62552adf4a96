"""The way to the server: HTTP with the standard library, finding the server, and making objects that know each other.

The objects of the SDK stand in a ring (a workspace has experiments, an experiment has runs, a run has an experiment).
Each class enters itself under its concept; who needs the class of a module above asks ``class_of``.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib
import os
import ssl
import time
from functools import lru_cache, partial
from types import MappingProxyType
from typing import (
    Any,
    BinaryIO,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    NoReturn,
    Optional,
    Type,
    TypeVar,
    Union,
)
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from terrazul.core.errors import AuthenticationException, InvalidInput, TerrazulError, Unavailable, from_code
from terrazul.core.home import Home
from terrazul.core.version import __version__
from terrazul.wire.codec import decode, encode
from terrazul.wire.error import ErrorBody
from terrazul.wire.server import CA_VARIABLE, LoginFile, ServerFile

T = TypeVar("T")
C = TypeVar("C", bound=type)
QueryValue = Union[str, float, bool, List[str], None]
Query = Mapping[str, QueryValue]
Body = Union[bytes, BinaryIO, None]

SERVER_VARIABLE = "TERRAZUL_SERVER"
TOKEN_VARIABLE = "TERRAZUL_TOKEN"  # noqa: S105  # the name of a variable
RUN_SERVER_VARIABLE = "AZUREML_SERVICE_ENDPOINT"
RUN_TOKEN_VARIABLE = "AZUREML_RUN_TOKEN"  # noqa: S105  # as above
API = "/api/v1"

_TIMEOUT_SECONDS = 120.0
_PATIENCE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 0.05
_AWAY = frozenset({502, 503, 504})
_CODES = {404: "not_found", **dict.fromkeys(_AWAY, "unavailable")}
"""What an error is called whose body is not ours: a proxy's, or one of MLflow's protocol."""
_FIRST_ERROR = 400
_CHUNK = 1 << 20
_MOST_IDLE = 8
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_CLASSES: Dict[str, type] = {}


def concept(name: str) -> Callable[[C], C]:
    """Enter a class under the concept (the module of this package) that it stands for."""

    def enter(defined: C) -> C:
        _CLASSES[name] = defined
        return defined

    return enter


def class_of(name: str) -> Any:
    """The class of a concept; its module is imported where it was not yet."""
    if name not in _CLASSES:
        importlib.import_module(f"terrazul.sdk.{name}")
    return _CLASSES[name]


class Address(NamedTuple):
    """Where a server answers, and by which token."""

    url: str
    token: str
    ca_file: str = ""
    """The certificates to trust, where they are not those of the environment."""


class Request(NamedTuple):
    """One request. A stream is sent from its start, again on each try."""

    method: str
    path: str
    query: Query = MappingProxyType({})
    body: Body = None
    length: int = 0
    content_type: str = "application/json"
    headers: Mapping[str, str] = MappingProxyType({})
    repeatable: bool = True
    """False where sending it twice would count twice; then it is never tried again."""


class Client:
    """Speaks HTTP to one server; safe to share between threads and across ``fork``.

    Every method raises ``Unavailable`` where the server cannot be reached within ``patience`` seconds, and the error
    that the server told otherwise, as the class of ``core.errors`` that its code names.
    """

    def __init__(
        self,
        address: Address,
        prefix: str = API,
        patience: float = _PATIENCE_SECONDS,
        locate: Optional[Callable[[], Address]] = None,
    ) -> None:
        self._place = _Place(address, locate)
        self.prefix = prefix
        self.patience = patience
        self._idle = _Idle()

    @property
    def address(self) -> Address:
        """Where the server answers."""
        return self._place.address

    @property
    def first_address(self) -> Address:
        """Where it answered at first; it stays, so that what belongs to a server can be found by it."""
        return self._place.first_address

    def within(self, prefix: str, patience: Optional[float] = None) -> Client:
        """A client of the same server and connections, with its own prefix (and patience)."""
        other = Client(self.address, prefix, self.patience if patience is None else patience)
        other._place, other._idle = self._place, self._idle
        return other

    def in_workspace(self, workspace_id: str) -> Client:
        """A client whose paths begin at a workspace."""
        return self.within(f"{API}/workspaces/{quote(workspace_id, safe='')}")

    def get(self, shape: Type[T], path: str, query: Query = MappingProxyType({})) -> T:
        """Read a value."""
        return self._decoded(shape, Request("GET", path, query))

    def post(self, shape: Type[T], path: str, value: object = None, *, repeatable: bool = True) -> T:
        """Send a value, and read the answer."""
        return self._decoded(shape, Request("POST", path, body=encode(value), repeatable=repeatable))

    def patch(self, shape: Type[T], path: str, value: object) -> T:
        """Change a thing; the answer is how it is then."""
        return self._decoded(shape, Request("PATCH", path, body=encode(value)))

    def put(self, shape: Type[T], path: str, value: object) -> T:
        """Set a thing as a whole; the answer is how it is then."""
        return self._decoded(shape, Request("PUT", path, body=encode(value)))

    def delete(self, path: str) -> None:
        """Delete a thing."""
        self.send(Request("DELETE", path))

    def send(self, request: Request) -> bytes:
        """Send a request; the body of its answer."""
        with self.open(request) as answer:
            return answer.read()

    def open(self, request: Request) -> Answer:
        """Send a request; its answer, to be read as a stream and closed."""
        give_up = time.monotonic() + self.patience
        pause = 0.0
        while True:
            last = not request.repeatable or time.monotonic() >= give_up
            answer = self._attempt(request, last=last)
            if answer is not None:
                return answer
            time.sleep(pause)
            pause = min(max(pause * 2, _FIRST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)

    def _decoded(self, shape: Type[T], request: Request) -> T:
        return decode(shape, self.send(request))

    def _attempt(self, request: Request, *, last: bool) -> Optional[Answer]:
        """One try; ``None`` where another one is due."""
        connection = self._idle.take() if request.repeatable else None
        connection = connection or self._connection()
        try:
            response = self._exchange(connection, request)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if last:
                self._tell_unreachable(error)
            return None
        answer = Answer(response, connection, self._idle)
        if response.status in _AWAY and not last:
            answer.close()
            return None
        if response.status >= _FIRST_ERROR:
            with answer:
                raise _error_of(response.status, response.reason, answer.read())
        return answer

    def _exchange(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
        headers = {"User-Agent": f"terrazul/{__version__}", **request.headers}
        if self.address.token:
            headers["Authorization"] = f"Bearer {self.address.token}"
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            headers["Content-Length"] = str(_length(request))
        if request.body is not None and not isinstance(request.body, bytes):
            request.body.seek(0)
        connection.request(request.method, self._target(request), request.body, headers)
        return connection.getresponse()

    def _target(self, request: Request) -> str:
        query = {name: _query_value(value) for name, value in request.query.items() if value is not None}
        path = self._place.url.path.rstrip("/") + self.prefix + request.path
        return path + ("?" + urlencode(query, doseq=True) if query else "")

    def _connection(self) -> http.client.HTTPConnection:
        self._place.look()
        url = self._place.url
        host, port = url.hostname or "", url.port
        proxy = None if host in _LOOPBACK else _proxy_of(url)
        kind: Callable[..., http.client.HTTPConnection] = http.client.HTTPConnection
        if url.scheme == "https":
            kind = partial(http.client.HTTPSConnection, context=tls_context(self.address.ca_file))
        if proxy is None:
            return kind(host, port, timeout=_TIMEOUT_SECONDS)
        connection = kind(proxy.hostname or "", proxy.port, timeout=_TIMEOUT_SECONDS)
        connection.set_tunnel(host, port)
        return connection

    def _tell_unreachable(self, error: Exception) -> NoReturn:
        message = f"The Terrazul server at {self.address.url} cannot be reached: {str(error) or type(error).__name__}."
        hint = "See `terrazul status`; `terrazul up` starts a server."
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = (
                f"Where its certificate is its own, copy the file tls/ca.pem of its home, and name it by {CA_VARIABLE}."
            )
        raise Unavailable(message, target=self.address.url, hint=hint) from error


class Answer:
    """The answer to a request, as a stream; closing it gives the connection back."""

    def __init__(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, idle: _Idle) -> None:
        self._response = response
        self._connection = connection
        self._idle = idle

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or fewer at the end; all of them without a size. Raises ``Unavailable`` where they stop."""
        try:
            return self._response.read() if size < 0 else self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            message = "The answer of the Terrazul server broke off."
            raise Unavailable(message, hint="Try again.") from error

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces."""
        while True:
            chunk = self.read(_CHUNK)
            if not chunk:
                return
            yield chunk

    def header(self, name: str) -> str:
        """The value of a header, empty where there is none."""
        return self._response.getheader(name) or ""

    def close(self) -> None:
        """Give the connection back, if all has been read."""
        is_whole = self._response.isclosed()
        self._response.close()  # left to its finalizer, a Ctrl-C that comes in there would be lost
        if is_whole and not self._response.will_close:
            self._idle.put(self._connection)
        else:
            self._connection.close()

    def __enter__(self) -> Answer:  # noqa: PYI034  # typing.Self is younger than Python 3.8
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Place:
    """Where a server answers; ``locate`` tells it anew, and without that it stays where it is."""

    def __init__(self, address: Address, locate: Optional[Callable[[], Address]]) -> None:
        self.first_address = self.address = address
        self.url = _checked(address.url)
        self._locate = locate

    def look(self) -> None:
        """Find a server that came back elsewhere."""
        if self._locate is not None:
            with contextlib.suppress(Unavailable):
                self.address = self._locate()
                self.url = _checked(self.address.url)


class _Idle:
    """The connections that wait for their next request, whichever thread has it; those from before a ``fork`` go."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._connections: List[http.client.HTTPConnection] = []

    def take(self) -> Optional[http.client.HTTPConnection]:
        if self._process != os.getpid():
            self._process, inherited, self._connections = os.getpid(), self._connections, []
            for connection in inherited:
                connection.close()
        try:
            return self._connections.pop()
        except IndexError:
            return None

    def put(self, connection: http.client.HTTPConnection) -> None:
        if self._process == os.getpid() and len(self._connections) < _MOST_IDLE:
            self._connections.append(connection)
        else:
            connection.close()

    def __del__(self) -> None:
        for connection in self._connections:
            connection.close()


def connect(token: Optional[str] = None) -> Client:
    """A client of the server that this process is to use, with a token that takes the place of its own.

    Nothing is sent yet.

    Inside a submitted run that is the run's own way; else what ``TERRAZUL_SERVER`` and ``TERRAZUL_TOKEN`` name; else
    where ``terrazul login`` signed in; else the server of the home directory. Raises ``Unavailable`` where no server is
    known.
    """
    environment = os.environ
    if environment.get(RUN_SERVER_VARIABLE) and environment.get(RUN_TOKEN_VARIABLE):
        return _client(Address(environment[RUN_SERVER_VARIABLE], environment[RUN_TOKEN_VARIABLE]))
    home = Home()
    login = read_login(home)
    if environment.get(SERVER_VARIABLE):
        return _client(_address_of_environment(environment[SERVER_VARIABLE], token, login))
    if login is not None:
        return _client(Address(login.url, token or login.token, login.ca_file))
    if token:
        return _client(_address_of(home)._replace(token=token))
    return _client(_address_of(home), str(home.path))


@lru_cache(maxsize=16)
def _client(address: Address, home: Optional[str] = None) -> Client:
    return Client(address, locate=partial(_address_of, Home(home)) if home else None)


def read_login(home: Home) -> Optional[LoginFile]:
    """Where ``terrazul login`` signed in; None where it did not. Raises ``InvalidInput`` for a damaged file."""
    try:
        return decode(LoginFile, home.login_file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"The file {home.login_file}, which `terrazul login` wrote, cannot be read."
        raise InvalidInput(message, target=str(home.login_file), hint="Sign in again: `terrazul login`.") from error


def _address_of_environment(url: str, token: Optional[str], login: Optional[LoginFile]) -> Address:
    token = token or os.environ.get(TOKEN_VARIABLE, "")
    if token:
        return Address(url, token)
    if login is not None and login.url == url.rstrip("/"):
        return Address(login.url, login.token, login.ca_file)
    message = f"{SERVER_VARIABLE} names a server, but {TOKEN_VARIABLE} is not set."
    raise AuthenticationException(
        message, hint=f"Set {TOKEN_VARIABLE} to your token on that server, or sign in: `terrazul login`."
    )


def _address_of(home: Home) -> Address:
    try:
        server = decode(ServerFile, home.server_file.read_bytes())
        return Address(server.url, home.token_file.read_text(encoding="utf-8").strip(), server.ca_file)
    except FileNotFoundError as error:
        message = f"No Terrazul server is running in {home.path}."
        hint = (
            "Start one with `terrazul up`, sign in to one elsewhere with `terrazul login`, or name one with "
            f"{SERVER_VARIABLE} and {TOKEN_VARIABLE}."
        )
        raise Unavailable(message, target=str(home.path), hint=hint) from error


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = f"{url!r} is not the address of a server."
        raise InvalidInput(message, target=url, hint="Write it as http://host:port or https://host.")
    return parts


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """What a connection trusts: these certificates, else those of the variable, else those of the system."""
    ca_file = ca_file or os.environ.get(CA_VARIABLE, "")
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        message = f"The certificates in {ca_file} cannot be read: {error.strerror or error}."
        raise InvalidInput(message, target=ca_file, hint=f"Correct {CA_VARIABLE}: it names a file in PEM.") from error


def _proxy_of(url: SplitResult) -> Optional[SplitResult]:
    """The proxy that the environment names for an address."""
    request = importlib.import_module("urllib.request")  # only for servers elsewhere: it costs more than all the rest
    if request.proxy_bypass(url.hostname):
        return None
    proxy = request.getproxies().get(url.scheme)
    return urlsplit(proxy if "//" in proxy else f"http://{proxy}") if proxy else None


def _query_value(value: QueryValue) -> QueryValue:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _length(request: Request) -> int:
    return len(request.body) if isinstance(request.body, bytes) else request.length


def _error_of(status: int, reason: str, body: bytes) -> TerrazulError:
    try:
        told = decode(ErrorBody, body)
    except (ValueError, KeyError, TypeError):
        told = ErrorBody(_CODES.get(status, "internal_error"), f"The server answered {status} {reason}.")
    return from_code(told.code)(told.message, target=told.target, hint=told.hint, correlation_id=told.correlation_id)
