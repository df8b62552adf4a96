"""What SQL Server says to its driver, of one table with two rows: a server cannot be had for tests.

It speaks as much of the protocol as a driver needs for signing in and for a query, without TLS. What was asked of it is
kept, so that a test can see what a query ended with.
"""

from __future__ import annotations

import contextlib
import socketserver
import struct
from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from terrazul.testing.listening import listening

USER, PASSWORD, DATABASE = "reader", "p@ss};'wörd", "tables"
_QUERY, _ATTENTION, _TRANSACTION, _LOGIN, _PRELOGIN = 1, 6, 14, 16, 18
_TOKENS = 4
_LAST = 1
_HEADER = struct.Struct(">BBHHBB")
_NO_TLS = bytes([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255, 16, 0, 16, 0, 0, 0, 2])
_LATIN = bytes([9, 4, 208, 0, 52])
_EVERY_YEAR = date(1, 1, 1).toordinal()
COLUMNS = ("n", "half", "word", "day", "moment")
_MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # as the database has it
ROWS = ((1, 0.5, "one", date(2026, 1, 2), _MOMENT), (2, None, "zwö", None, None))
_TYPES = {
    "n": bytes([0x26, 4]),
    "half": bytes([0x6D, 8]),
    "word": bytes([0xE7, 40, 0]) + _LATIN,
    "day": bytes([0x28]),
    "moment": bytes([0x2A, 7]),
}


class Listening(NamedTuple):
    """Where it answers, and what was asked of it."""

    place: str
    asked: list[str]


@contextlib.contextmanager
def sql_server() -> Iterator[Listening]:
    """A server that answers as long as the block lasts."""
    server = _Server()
    with listening(server) as place:
        yield Listening(place, server.asked)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.asked: list[str] = []


class _Session(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            while message := self._message():
                self._answer(*message)

    def _message(self) -> tuple[int, bytes] | None:
        body = b""
        while head := self.rfile.read(_HEADER.size):
            kind, status, length, *_ = _HEADER.unpack(head)
            body += self.rfile.read(length - _HEADER.size)
            if status & _LAST:
                return kind, body
        return None

    def _answer(self, kind: int, body: bytes) -> None:
        if kind == _PRELOGIN:
            self._send(_NO_TLS)
        elif kind == _LOGIN:
            self._send(_signed_in(body))
        elif kind == _ATTENTION:
            self._send(_done(0x20))
        elif kind == _TRANSACTION:
            what = {5: "BEGIN", 7: "COMMIT", 8: "ROLLBACK"}.get(_number(body[_number(body) :]), "?")
            self.server.asked.append(what)
            self._send(_transaction(what) + _done())
        elif kind == _QUERY:
            text = body[_number(body, "<I") :].decode("utf-16-le")
            self.server.asked.append(text)
            if "WAITFOR" not in text:  # that waits until it is broken off
                self._send(_told(text))

    def _send(self, body: bytes) -> None:
        self.wfile.write(_HEADER.pack(_TOKENS, _LAST, _HEADER.size + len(body), 0, 1, 0) + body)


def _number(data: bytes, form: str = "<H") -> int:
    return int(struct.unpack_from(form, data)[0])


def _signed_in(login: bytes) -> bytes:
    def field(number: int) -> bytes:
        start, letters = struct.unpack_from("<HH", login, 36 + 4 * number)
        return login[start : start + 2 * letters]

    hidden = bytes((byte << 4 & 0xF0 | byte >> 4) ^ 0x5A for byte in PASSWORD.encode("utf-16-le"))
    hidden = bytes(byte ^ 0xFF for byte in hidden)  # the protocol's veil: nibbles exchanged, then 0xA5
    database = field(8).decode("utf-16-le")
    if (field(1).decode("utf-16-le"), field(2)) != (USER, hidden):
        return _error(18456, f"Login failed for user '{field(1).decode('utf-16-le')}'.") + _done(2)
    if database != DATABASE:
        return _error(4060, f'Cannot open database "{database}" requested by the login. The login failed.') + _done(2)
    acknowledged = bytes([1, 0x74, 0, 0, 4]) + _short("SQL Server") + bytes([16, 0, 0, 0])
    changes = _change(1, _short(database) + _short("")) + _change(4, _short("4096") + _short("4096"))
    return changes + b"\xad" + struct.pack("<H", len(acknowledged)) + acknowledged + _done()


def _told(text: str) -> bytes:
    if "nix" in text or "SELEKT" in text:
        return _error(208, "Invalid object name 'nix'.") + _done(2)
    if "FROM numbers" not in text or "DROP" in text:
        return _done()
    rows = ROWS if "WHERE" not in text else ()
    return _columns() + b"".join(map(_row, rows)) + _done(0x10, len(rows))


def _columns() -> bytes:
    told = b"".join(bytes([0, 0, 0, 0, 9, 0]) + _TYPES[name] + _short(name) for name in COLUMNS)
    return b"\x81" + struct.pack("<H", len(COLUMNS)) + told


def _row(values: tuple[int, float | None, str, date | None, datetime | None]) -> bytes:
    number, half, word, day, moment = values
    encoded = word.encode("utf-16-le")
    parts = [
        struct.pack("<Bi", 4, number),
        b"\0" if half is None else struct.pack("<Bd", 8, half),
        struct.pack("<H", len(encoded)) + encoded,
        b"\0" if day is None else b"\x03" + _days(day),
        b"\0" if moment is None else b"\x08" + _ticks(moment) + _days(moment),
    ]
    return b"\xd1" + b"".join(parts)


def _days(day: date) -> bytes:
    return (day.toordinal() - _EVERY_YEAR).to_bytes(3, "little")


def _ticks(moment: datetime) -> bytes:
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second
    return (seconds * 10_000_000 + moment.microsecond * 10).to_bytes(5, "little")


def _transaction(what: str) -> bytes:
    number = bytes([8, 1, 0, 0, 0, 0, 0, 0, 0])
    return _change(8, number + b"\0") if what == "BEGIN" else _change(9 if what == "COMMIT" else 10, b"\0" + number)


def _change(kind: int, values: bytes) -> bytes:
    return b"\xe3" + struct.pack("<HB", 1 + len(values), kind) + values


def _error(number: int, text: str) -> bytes:
    words = text.encode("utf-16-le")
    body = struct.pack("<IBBH", number, 1, 14, len(text)) + words + _short("server") + _short("") + bytes([1, 0, 0, 0])
    return b"\xaa" + struct.pack("<H", len(body)) + body


def _done(status: int = 0, rows: int = 0) -> bytes:
    return b"\xfd" + struct.pack("<HHQ", status, 193, rows)


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")
