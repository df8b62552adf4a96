"""Reading MLflow's requests and writing its answers."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import HTTPScope

from terrazul.core.errors import InvalidInput, TerrazulError, TooLarge
from terrazul.server.activity.service.act import ACT
from terrazul.server.http import headers_of_error, log_fault
from terrazul.server.observation import CLIENT_GONE
from terrazul.wire.mlflow.error import EndpointNotFound, InvalidParameter, WrongMethod, body_of, code_of
from terrazul.wire.mlflow.rules import invalid

T = TypeVar("T")
Answer = Response[bytes]
AnyRequest = Request[Any, Any, Any]
_SERVER_FAULT = 500
_UNKNOWN = 404
_WRONG_METHOD = 405
_TOO_LONG = 413
_FIELD = re.compile(r"`\$\.([\w.\[\]]+)`")


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_lists: dict[type, frozenset[str]] = {}


async def read(request: AnyRequest, shape: type[T]) -> T:
    """The message in a request's body. Raises ``InvalidParameter`` in the protocol's words for what does not fit."""
    return decode(await request.body(), shape)


def decode(body: bytes, shape: type[T]) -> T:
    """As ``read``, of bytes."""
    decoder: msgspec.json.Decoder[T] | None = _decoders.get(shape)
    if decoder is None:
        decoder = _decoders[shape] = msgspec.json.Decoder(shape, strict=False)
    try:
        return decoder.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(body, shape)


def decode_query(query: bytes, shape: type[T]) -> T:
    """The message in a request's query, where a list is a name that stands several times."""
    if shape not in _lists:
        fields = msgspec.inspect.type_info(shape).fields  # type: ignore[attr-defined]  # every message is a dataclass
        _lists[shape] = frozenset(each.name for each in fields if isinstance(each.type, msgspec.inspect.ListType))
    given: dict[str, Any] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        plain = name.removesuffix("[]")
        if plain in _lists[shape]:
            given.setdefault(plain, []).append(value)
        else:
            given[plain] = value
    return _convert(given, shape)


def answer(value: object) -> Answer:
    """What a request is answered with."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def answer_error(request: AnyRequest, error: Exception) -> Answer:
    """As ``explain``, as a response."""
    status, body, headers = explain(request.scope, error)
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def explain(scope: HTTPScope, error: Exception) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers for any error; one that is not ours is logged and told without its inside."""
    if scope["state"].get(CLIENT_GONE):
        error = InvalidInput("The request broke off.")  # nobody reads this, and it is no fault to look into
    known = _known(scope, error)
    status, _ = code_of(known)
    scope["state"][ACT].reason = known.message
    log_fault(scope, status, error)
    return status, msgspec.json.encode(body_of(known)), headers_of_error(status)


def _known(scope: HTTPScope, error: Exception) -> TerrazulError:
    if isinstance(error, TerrazulError):
        return error
    if isinstance(error, HTTPException):
        if error.status_code in {_UNKNOWN, _WRONG_METHOD}:
            kind = EndpointNotFound if error.status_code == _UNKNOWN else WrongMethod
            return kind(
                f"This server does not provide {scope['method']} {scope['path'][:200]}.",
                hint="It is a part of MLflow that Terrazul does not have.",
            )
        if error.status_code == _TOO_LONG:
            return TooLarge(str(error.detail))
        if error.status_code < _SERVER_FAULT:
            return InvalidInput(str(error.detail))
    correlation_id = scope["state"].get("correlation_id")
    return TerrazulError(f"The server met an error of its own (correlation id {correlation_id}).")


def _decode_leniently(body: bytes, shape: type[T]) -> T:
    """What the strict reader does not take: fields that are null, and JSON as Python writes it, with a bare NaN."""
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate is no text
    except (ValueError, RecursionError) as problem:
        raise InvalidParameter(f"The body is not the JSON of a message: {str(problem)[:200]}") from None
    if not isinstance(value, dict):
        raise InvalidParameter("The body is not the JSON of a message: it is no object.")
    return _convert(_without_nulls(value), shape)


def _convert(value: object, shape: type[T]) -> T:
    try:
        return msgspec.convert(value, shape, strict=False)
    except msgspec.ValidationError as problem:
        found = _FIELD.search(str(problem))
        if found is None:
            raise InvalidParameter(f"The message cannot be read: {problem}") from None
        raise invalid(found.group(1), _at(value, found.group(1)), f"{str(problem).partition(' - at ')[0]}.") from None
    except RecursionError:
        raise InvalidParameter("The message has too many levels.") from None


def _at(value: Any, path: str) -> object:
    """The value that stands at a path of the message, as far as it can be shown."""
    try:
        for part in re.findall(r"\w+", path):
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)[:100]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
