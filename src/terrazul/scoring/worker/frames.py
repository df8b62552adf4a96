"""Frames between a front and a worker: each has a length, the number of its request and a kind, over a socket pair."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple, Union

HEAD = struct.Struct("<IIB")
"""Bytes that follow, number of the request, kind."""
_ANSWER = struct.Struct("<HBdI")
"""Status, flags, milliseconds in ``run``, bytes of headers."""
_LENGTH = struct.Struct("<I")
_CHUNK = 1 << 16

Body = Union[bytes, bytearray]


class Kind:
    """What a frame is."""

    READY = 0
    BROKEN = 1
    SCORE = 2
    """To the worker: a body."""
    SCORE_WHOLE = 3
    """To the worker: all facts of a request as JSON, then its body."""
    SCORE_MANY = 4
    """To the worker: several bodies, to be scored together."""
    ANSWER = 5
    ANSWERS = 6


class Flag:
    """What is to be known of an answer besides its status."""

    FAILED = 1
    """``run`` failed, or says so itself: ``x-ms-run-function-failed: True``."""
    TIMED = 2
    """``run`` came to its end: its milliseconds are told."""
    BARE = 4
    """None of v1's headers belongs to it but those that the script gave."""
    EXITING = 8
    """The worker ends after this answer."""


class Answer(NamedTuple):
    """What becomes of one request."""

    status: int
    body: bytes
    flags: int = 0
    milliseconds: float = 0.0
    headers: Tuple[Tuple[str, str], ...] = ()
    """Those that the script gave; without a content type the body is JSON."""


def encode_answer(answer: Answer) -> bytes:
    """An answer as the payload of a frame."""
    headers = json.dumps(answer.headers).encode() if answer.headers else b""
    return _ANSWER.pack(answer.status, answer.flags, answer.milliseconds, len(headers)) + headers + answer.body


def decode_answer(payload: bytes) -> Answer:
    """Read what ``encode_answer`` wrote."""
    status, flags, milliseconds, size = _ANSWER.unpack_from(payload)
    begin = _ANSWER.size + size
    if not size:
        return Answer(status, payload[begin:], flags, milliseconds)
    pairs = json.loads(payload[_ANSWER.size : begin].decode())
    return Answer(status, payload[begin:], flags, milliseconds, tuple((name, value) for name, value in pairs))


def encode_many(parts: Sequence[Body]) -> bytes:
    """Several payloads in one."""
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))


def decode_many(payload: Body) -> List[bytes]:
    """Read what ``encode_many`` wrote."""
    parts = []
    position = 0
    while position < len(payload):
        (size,) = _LENGTH.unpack_from(payload, position)
        position += _LENGTH.size
        parts.append(bytes(payload[position : position + size]))
        position += size
    return parts


def encode_whole(facts: Dict[str, Any], body: Body) -> bytes:
    """A request with its facts."""
    text = json.dumps(facts).encode()
    return _LENGTH.pack(len(text)) + text + body


def decode_whole(payload: Body) -> Tuple[Dict[str, Any], bytes]:
    """Read what ``encode_whole`` wrote."""
    (size,) = _LENGTH.unpack_from(payload)
    begin = _LENGTH.size + size
    return json.loads(payload[_LENGTH.size : begin].decode()), bytes(payload[begin:])


class Channel:
    """The worker's end: blocking, one frame at a time."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._rest = b""
        self._buffer = memoryview(bytearray(_CHUNK))

    def receive(self) -> Tuple[int, int, Body]:
        """The next frame: kind, number, payload. Raises ``EOFError`` when the front has gone."""
        data = self._rest
        while len(data) < HEAD.size:
            data += self._more()
        size, number, kind = HEAD.unpack_from(data)
        end = HEAD.size + size
        while len(data) < end:
            if size > _CHUNK:
                self._rest = b""
                return kind, number, self._large(data[HEAD.size :], size)
            data += self._more()
        self._rest = data[end:]
        return kind, number, data[HEAD.size : end]

    def send(self, kind: int, number: int, payload: bytes) -> None:
        """Send a frame."""
        self._socket.sendall(HEAD.pack(len(payload), number, kind) + payload)

    def _large(self, begin: bytes, size: int) -> bytearray:
        """A payload that is larger than what one reads at once, received in place."""
        payload = bytearray(size)
        payload[: len(begin)] = begin
        with memoryview(payload) as view:
            done = len(begin)
            while done < size:
                count = self._socket.recv_into(view[done:])
                if not count:
                    raise EOFError
                done += count
        return payload

    def _more(self) -> bytes:
        size = self._socket.recv_into(self._buffer)
        if not size:
            raise EOFError
        return bytes(self._buffer[:size])
