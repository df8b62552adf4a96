"""What Azure Files answers to the few calls that a datastore makes: there is no emulator of it.

It keeps the files of its shares in memory, and checks who calls as the service does: by the signature of each request
with the account's key, or of an address. What it was not made for it answers with 400.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from terrazul.testing.listening import listening

FILES_ACCOUNT = "account"
FILES_KEY = base64.b64encode(b"the key of an account of a test").decode()
_SIGNED_HEADERS = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip
_SIGNED_FIELDS = ("sp", "st", "se", "", "si", "sip", "spr", "sv", "rscc", "rscd", "rsce", "rscl", "rsct")
"""In the order in which the signature of an address is made of them; the empty one stands for the file."""
_MOST_IN_A_RANGE = 4 << 20
_PAGE = 50
"""Few, so that lists of few files have several pages."""


class _File:
    def __init__(self, number: int) -> None:
        self.data = bytearray()
        self.touch(number)

    def touch(self, number: int) -> None:
        self.etag = f'"0x{number:X}"'
        self.modified = format_datetime(datetime.now(timezone.utc), usegmt=True)


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


class _Refusal(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class AzureFiles:
    """The shares of one account. Folders are kept by their paths, files with their content."""

    def __init__(self) -> None:
        self.shares: dict[str, dict[str, _File | None]] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def answer(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> _Answer:
        """Carry out a request that is allowed. Raises ``_Refusal``."""
        share, _, inner = path.lstrip("/").partition("/")
        kind, comp = query.get("restype", ""), query.get("comp", "")
        with self._lock:
            if (method, kind, comp) == ("PUT", "share", ""):
                return self._make_share(share)
            if share not in self.shares:
                raise _Refusal(404, "ShareNotFound")
            call = self._calls().get((method, kind, comp))
            if call is None:
                raise _Refusal(400, "UnsupportedByTheStandIn")
            return call(self.shares[share], inner.strip("/"), query | headers, body)

    def _calls(self) -> dict[tuple[str, str, str], Callable[..., _Answer]]:
        return {
            ("GET", "directory", "list"): self._list,
            ("PUT", "directory", ""): self._make_folder,
            ("PUT", "", ""): self._create,
            ("PUT", "", "range"): self._write,
            ("PUT", "", "properties"): self._resize,
            ("PUT", "", "rename"): self._rename,
            ("GET", "", ""): self._read,
            ("HEAD", "", ""): self._look,
            ("DELETE", "", ""): self._delete,
        }

    def _make_share(self, name: str) -> _Answer:
        if name in self.shares:
            raise _Refusal(409, "ShareAlreadyExists")
        self.shares[name] = {"": None}
        return _Answer(201)

    def _list(self, share: dict[str, _File | None], folder: str, asked: dict[str, str], _body: bytes) -> _Answer:
        if folder not in share or share[folder] is not None:
            raise _Refusal(404, "ResourceNotFound")
        begin = f"{folder}/" if folder else ""
        names = sorted(
            path[len(begin) :]
            for path in share
            if path and path.startswith(begin) and "/" not in path[len(begin) :]
        )  # fmt: skip
        first, most = int(asked.get("marker") or 0), min(int(asked.get("maxresults") or _PAGE), _PAGE)
        page = names[first : first + most]
        marker = str(first + most) if first + most < len(names) else ""
        entries = "".join(_entry(name, share[begin + name]) for name in page)
        text = (
            '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="" ShareName="s">'
            f"<Entries>{entries}</Entries><NextMarker>{marker}</NextMarker></EnumerationResults>"
        )
        return _Answer(200, {"Content-Type": "application/xml"}, text.encode())

    def _make_folder(self, share: dict[str, _File | None], path: str, _asked: dict[str, str], _body: bytes) -> _Answer:
        _check_parent(share, path)
        if path in share:
            raise _Refusal(409, "ResourceAlreadyExists")
        share[path] = None
        return _Answer(201)

    def _create(self, share: dict[str, _File | None], path: str, asked: dict[str, str], _body: bytes) -> _Answer:
        _check_parent(share, path)
        if path in share and share[path] is None:
            raise _Refusal(409, "ResourceTypeMismatch")
        made = share[path] = _File(next(self._numbers))
        made.data = bytearray(int(asked["x-ms-content-length"]))
        return _Answer(201, _told(made))

    def _write(self, share: dict[str, _File | None], path: str, asked: dict[str, str], body: bytes) -> _Answer:
        file = _file(share, path)
        first, last = map(int, asked["x-ms-range"].removeprefix("bytes=").split("-"))
        if len(body) != last - first + 1 or len(body) > _MOST_IN_A_RANGE or last >= len(file.data):
            raise _Refusal(416, "InvalidRange")
        file.data[first : last + 1] = body
        file.touch(next(self._numbers))
        return _Answer(201, _told(file))

    def _resize(self, share: dict[str, _File | None], path: str, asked: dict[str, str], _body: bytes) -> _Answer:
        file, size = _file(share, path), int(asked["x-ms-content-length"])
        file.data = file.data[:size] + bytes(max(0, size - len(file.data)))
        file.touch(next(self._numbers))
        return _Answer(200, _told(file))

    def _rename(self, share: dict[str, _File | None], path: str, asked: dict[str, str], _body: bytes) -> _Answer:
        _check_parent(share, path)
        source = unquote(urlsplit(asked["x-ms-file-rename-source"]).path).lstrip("/").partition("/")[2]
        file = _file(share, source)
        replaces = asked.get("x-ms-file-rename-replace-if-exists", "false").lower() == "true"
        if path in share and (share[path] is None or not replaces):
            raise _Refusal(409, "ResourceTypeMismatch" if share[path] is None else "ResourceAlreadyExists")
        del share[source]
        share[path] = file
        return _Answer(200, _told(file))

    def _read(self, share: dict[str, _File | None], path: str, asked: dict[str, str], _body: bytes) -> _Answer:
        file = _file(share, path)
        span = asked.get("x-ms-range") or asked.get("range")
        if not span:
            return _Answer(200, _told(file), bytes(file.data))
        begin, _, end = span.removeprefix("bytes=").partition("-")
        first, last = int(begin), min(int(end or len(file.data)), len(file.data) - 1)
        if first > last:
            raise _Refusal(416, "InvalidRange")
        told = {**_told(file), "Content-Range": f"bytes {first}-{last}/{len(file.data)}"}
        return _Answer(206, told, bytes(file.data[first : last + 1]))

    def _look(self, share: dict[str, _File | None], path: str, _asked: dict[str, str], _body: bytes) -> _Answer:
        file = _file(share, path)
        return _Answer(200, {**_told(file), "Content-Length": str(len(file.data))})

    def _delete(self, share: dict[str, _File | None], path: str, _asked: dict[str, str], _body: bytes) -> _Answer:
        _file(share, path)
        del share[path]
        return _Answer(202)


@contextlib.contextmanager
def azure_files() -> Iterator[str]:
    """An account with no shares; the place at which it answers."""
    account = AzureFiles()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            address = urlsplit(self.path)
            query = dict(parse_qsl(address.query, keep_blank_values=True))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length") or 0))
            try:
                _check_signature(self.command, address.path, query, headers)
                answer = account.answer(self.command, unquote(address.path), query, headers, body)
            except _Refusal as refusal:
                text = f"<?xml version='1.0'?><Error><Code>{refusal.code}</Code><Message>no</Message></Error>"
                told = {"x-ms-error-code": refusal.code, "Content-Type": "application/xml"}
                answer = _Answer(refusal.status, told, text.encode())
            self._send(answer)

        do_GET = do_PUT = do_HEAD = do_DELETE = handle_any  # noqa: N815  # the library's names

        def _send(self, answer: _Answer) -> None:
            self.send_response(answer.status, HTTPStatus(answer.status).phrase)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    with listening(Server(("127.0.0.1", 0), Handler)) as place:
        yield place


def _entry(name: str, file: _File | None) -> str:
    if file is None:
        return f"<Directory><Name>{escape(name)}</Name><Properties /></Directory>"
    facts = f"<Content-Length>{len(file.data)}</Content-Length><Last-Modified>{file.modified}</Last-Modified>"
    return f"<File><Name>{escape(name)}</Name><Properties>{facts}<Etag>{escape(file.etag)}</Etag></Properties></File>"


def _told(file: _File) -> dict[str, str]:
    return {"ETag": file.etag, "Last-Modified": file.modified, "x-ms-type": "File"}


def _file(share: dict[str, _File | None], path: str) -> _File:
    _check_parent(share, path)
    if path not in share:
        raise _Refusal(404, "ResourceNotFound")
    found = share[path]
    if found is None:
        raise _Refusal(409, "ResourceTypeMismatch")
    return found


def _check_parent(share: dict[str, _File | None], path: str) -> None:
    parent = path.rpartition("/")[0]
    if parent not in share or share[parent] is not None:
        raise _Refusal(404, "ParentNotFound")


def _check_signature(method: str, path: str, query: dict[str, str], headers: dict[str, str]) -> None:
    """By the request's own signature, or by that of its address. Raises ``_Refusal``."""
    if "sig" in query:
        resource = f"/file/{FILES_ACCOUNT}{unquote(path)}"
        text = "\n".join(query.get(field, "") if field else resource for field in _SIGNED_FIELDS)
        allowed = method in {"GET", "HEAD"} and query.get("sp") == "r" and query.get("sr") == "f"
        if not allowed or not hmac.compare_digest(query["sig"], _signature(text)):
            raise _Refusal(403, "AuthenticationFailed")
        return
    own = sorted((name, value.strip()) for name, value in headers.items() if name.startswith("x-ms-"))
    signed = {name: headers.get(name, "") for name in _SIGNED_HEADERS}
    signed["content-length"] = signed["content-length"].lstrip("0")
    lines = [method, *signed.values(), *(f"{name}:{value}" for name, value in own)]
    resource = f"/{FILES_ACCOUNT}{path}" + "".join(f"\n{name.lower()}:{query[name]}" for name in sorted(query))
    expected = f"SharedKey {FILES_ACCOUNT}:{_signature(chr(10).join([*lines, resource]))}"
    if not hmac.compare_digest(headers.get("authorization", ""), expected):
        raise _Refusal(403, "AuthenticationFailed")


def _signature(text: str) -> str:
    return base64.b64encode(hmac.digest(base64.b64decode(FILES_KEY), text.encode(), "sha256")).decode()
