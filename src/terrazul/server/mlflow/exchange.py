"""Reading MLflow's requests and writing its answers."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException

from terrazul.core.errors import AuthenticationException, InvalidInput, TerrazulError, TooLarge
from terrazul.server.identity.rules import Principal
from terrazul.server.mlflow.service import Mlflow
from terrazul.server.observation import CLIENT_GONE
from terrazul.wire.mlflow.error import EndpointNotFound, InvalidParameter, WrongMethod, body_of, code_of
from terrazul.wire.mlflow.rules import invalid

T = TypeVar("T")
Answer = Response[bytes]
AnyRequest = Request[Any, Any, Any]
_log = logging.getLogger(__name__)
_SERVER_FAULT = 500
_UNKNOWN = 404
_WRONG_METHOD = 405
_TOO_LONG = 413
_FIELD = re.compile(r"`\$\.([\w.\[\]]+)`")


@dataclass(frozen=True)
class Call:
    """What every route needs: the services, the key of the workspace, and who calls."""

    mlflow: Mlflow
    workspace: int
    principal: Principal


InjectedCall = NamedDependency[Call]
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


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


def read_query(request: AnyRequest, shape: type[T]) -> T:
    """The message in a request's query, where a list is a name that stands several times."""
    given: dict[str, Any] = {}
    lists = {each.name for each in msgspec.inspect.type_info(shape).fields if _is_list(each)}  # type: ignore[attr-defined]  # every message is a dataclass
    for name, value in request.query_params.multi_items():
        plain = name.removesuffix("[]")
        if plain in lists:
            given.setdefault(plain, []).append(value)
        else:
            given[plain] = value
    return _convert(given, shape)


async def read_any(request: AnyRequest, shape: type[T]) -> T:
    """The message in a request's body or, where that is empty, in its query, as DELETE has it."""
    return await read(request, shape) if await request.body() else read_query(request, shape)


def answer(value: object) -> Answer:
    """What a request is answered with."""
    return Response(msgspec.json.encode(value), media_type="application/json")


def answer_error(request: AnyRequest, error: Exception) -> Answer:
    """Any error in the protocol's form; one that is not ours is logged and told without its inside."""
    if request.scope["state"].get(CLIENT_GONE):
        error = InvalidInput("The request broke off.")  # nobody reads this, and it is no fault to look into
    known = _known(request, error)
    status, _ = code_of(known)
    if status >= _SERVER_FAULT:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    headers = {"WWW-Authenticate": "Bearer"} if status == AuthenticationException.status else {}
    body = msgspec.json.encode(body_of(known))
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _known(request: AnyRequest, error: Exception) -> TerrazulError:
    if isinstance(error, TerrazulError):
        return error
    if isinstance(error, HTTPException):
        if error.status_code in {_UNKNOWN, _WRONG_METHOD}:
            kind = EndpointNotFound if error.status_code == _UNKNOWN else WrongMethod
            return kind(
                f"This server does not provide {request.method} {request.url.path[:200]}.",
                hint="It is a part of MLflow that Terrazul does not have.",
            )
        if error.status_code == _TOO_LONG:
            return TooLarge(str(error.detail))
        if error.status_code < _SERVER_FAULT:
            return InvalidInput(str(error.detail))
    correlation_id = request.scope["state"].get("correlation_id")
    return TerrazulError(f"The server met an error of its own (correlation id {correlation_id}).")


def _decode_leniently(body: bytes, shape: type[T]) -> T:
    """What the strict reader does not take: fields that are null, and JSON as Python writes it, with a bare NaN."""
    try:
        value = json.loads(body)
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


def _is_list(field: Any) -> bool:
    return isinstance(field.type, msgspec.inspect.ListType)
