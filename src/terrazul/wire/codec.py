"""Dataclasses to JSON and back, with the standard library alone; the SDK's and the runner's half of the wire."""

from __future__ import annotations

import dataclasses
import enum
import json
import typing
from functools import lru_cache
from typing import Any, Callable, Dict, List, Type, TypeVar, Union

T = TypeVar("T")


def encode(value: object) -> bytes:
    """The JSON text of a dataclass (or of plain data that may hold dataclasses and enums)."""
    return json.dumps(value, default=_plain, separators=(",", ":"), allow_nan=False).encode("utf-8")


def decode(shape: Type[T], text: bytes) -> T:
    """The JSON text as a value of the given shape: a dataclass, or a list or dict of them.

    Fields that this version does not know are ignored, so that an older client understands a newer server. Raises
    ``ValueError``, ``KeyError`` or ``TypeError`` where the text does not fit.
    """
    return from_plain(shape, json.loads(text))


def to_plain(value: object) -> Any:
    """Dataclasses and enums as the dicts, lists and texts that JSON knows."""
    return json.loads(encode(value))


def from_plain(shape: Type[T], value: object) -> T:
    """Dicts, lists and texts as the given shape."""
    return typing.cast("T", _reader(typing.cast("Any", shape))(value))


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    message = f"{type(value).__name__} does not travel over the wire"
    raise TypeError(message)


Reader = Callable[[Any], Any]


@lru_cache(maxsize=None)
def _reader(shape: Any) -> Reader:
    if dataclasses.is_dataclass(shape):
        return _dataclass_reader(shape)
    if isinstance(shape, type) and issubclass(shape, enum.Enum):
        return shape
    origin = getattr(shape, "__origin__", None)
    arguments: List[Any] = list(getattr(shape, "__args__", ()))
    if origin is Union:
        return _optional_reader([argument for argument in arguments if argument is not type(None)])
    if origin is list:
        item = _reader(arguments[0])
        return lambda value: [item(each) for each in value]
    if origin is dict:
        item = _reader(arguments[1])
        return lambda value: {key: item(each) for key, each in value.items()}
    return lambda value: value


def _optional_reader(shapes: Any) -> Reader:
    if len(shapes) != 1:
        return lambda value: value
    read = _reader(shapes[0])
    return lambda value: None if value is None else read(value)


def _dataclass_reader(shape: Any) -> Reader:
    readers: Dict[str, Reader] = {}
    hints = typing.get_type_hints(shape)
    for field in dataclasses.fields(shape):
        readers[field.name] = _reader(hints[field.name])

    def read(value: Any) -> Any:
        return shape(**{name: read_field(value[name]) for name, read_field in readers.items() if name in value})

    return read
