"""Sections: the parts of environments and run configurations, with v1's attribute names and its camelCase keys."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import re
from functools import lru_cache
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple, Type, TypeVar, Union, get_type_hints

from terrazul.core.errors import RunConfigurationException
from terrazul.sdk.console import warn

S = TypeVar("S", bound="Section")

_SLIP = 0.85
"""How alike two keys are where one is taken for a slip of the pen."""
_SHOWN = 100
_WORDS = {
    bool: "true or false",
    dict: "a map of keys and values",
    int: "a whole number",
    list: "a list",
    str: "a text",
}


def key(name: str) -> Dict[str, Any]:
    """Field metadata: the key of an attribute where it is not the attribute's name in camelCase."""
    return {"key": name}


def items(section: Type[Section]) -> Dict[str, Any]:
    """Field metadata: the attribute is a list, or a dictionary by name, of such sections."""
    return {"items": section}


def optional(section: Type[Section]) -> Dict[str, Any]:
    """Field metadata: the attribute is such a section, or ``None``."""
    return {"optional": section}


SECRET = {"secret": True}
"""Field metadata: the attribute never leaves this process, in no file and no definition."""

OURS = {"ours": True}
"""Field metadata: v1 has no such key, so it is written only where it differs from the default."""


class Section:
    """A dataclass whose attributes are read and written under v1's keys.

    Setting an attribute that it does not have raises ``AttributeError``, so that a slip of the pen does not pass
    unseen. Keys that a file has beyond ours are kept and written again.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and not hasattr(type(self), name) and name not in _attributes(type(self)):
            message = f"{type(self).__name__} has no attribute '{name}'"
            raise AttributeError(message)
        object.__setattr__(self, name, value)

    def to_plain(self) -> Dict[str, Any]:
        """The section as v1's files hold it: dictionaries, lists and scalars under camelCase keys."""
        written = {
            _key_of(field): None if field.metadata.get("secret") else _plain(getattr(self, field.name))
            for field in _fields(type(self))
            if not field.metadata.get("ours") or getattr(self, field.name) != field.default
        }
        return {**written, **copy.deepcopy(self.__dict__.get("_unknown", {}))}

    @classmethod
    def from_plain(cls: Type[S], content: Optional[Mapping[str, Any]]) -> S:
        """The section of a file's content; keys that are missing leave the defaults.

        Raises ``RunConfigurationException`` where the content is not a map.
        """
        section = cls._blank()
        section.read(content or {})
        return section

    def read(self, content: Mapping[str, Any]) -> None:
        """Take over what the content names."""
        if not isinstance(content, Mapping):
            message = f"The section {type(self).__name__} is {content!r}, which is no map of keys and values."
            raise RunConfigurationException(message, target=type(self).__name__)
        rest = dict(content)
        for field in _fields(type(self)):
            name = _key_of(field)
            if name in rest:
                object.__setattr__(self, field.name, self._value_of(field, rest.pop(name)))
        if rest:
            _warn_of_slips(type(self), rest)
            object.__setattr__(self, "_unknown", rest)

    def check(self, place: str) -> None:
        """Raise ``RunConfigurationException`` for the first value that is not of the kind that v1 documents."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # each section is a dataclass
            _check(getattr(self, field.name), _hints(type(self))[field.name], f"{place}: {_key_of(field)}")

    @classmethod
    def _blank(cls: Type[S]) -> S:
        """An object to read a file's content into."""
        return cls()

    def _set_defaults(self) -> None:
        """Give every attribute its default, for sections whose ``__init__`` is v1's own."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]  # each section is a dataclass
            factory = field.default_factory
            object.__setattr__(self, field.name, field.default if factory is dataclasses.MISSING else factory())

    def _value_of(self, field: dataclasses.Field[Any], value: Any) -> Any:
        section = field.metadata.get("items")
        if section is not None and isinstance(value, list):
            return [section.from_plain(each) for each in value]
        if section is not None and isinstance(value, dict):
            return {name: section.from_plain(each) for name, each in value.items()}
        kind = field.metadata.get("optional")
        if kind is not None:
            return kind.from_plain(value) if isinstance(value, Mapping) else value
        current = getattr(self, field.name)
        if isinstance(current, Section):
            current.read(value or {})
            return current
        return current if value is None and not _may_be_none(_hints(type(self))[field.name]) else value

    def __repr__(self) -> str:
        return json.dumps(self.to_plain(), indent=4, default=str)


def _fields(kind: Type[Section]) -> List[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(kind) if not field.metadata.get("hidden")]  # type: ignore[arg-type]  # each section is a dataclass


@lru_cache(maxsize=None)
def _hints_of(kind: Any) -> Dict[str, Any]:
    return get_type_hints(kind)


def _hints(kind: Type[Section]) -> Dict[str, Any]:
    declared: Any = kind  # which the cache takes for hashable
    return _hints_of(declared)


def _choices(hint: Any) -> Tuple[Any, ...]:
    """The kinds that an annotation allows."""
    return tuple(hint.__args__) if getattr(hint, "__origin__", None) is Union else (hint,)


def _may_be_none(hint: Any) -> bool:
    return hint is Any or type(None) in _choices(hint)


def _warn_of_slips(kind: Type[Section], rest: Mapping[str, Any]) -> None:
    """Tell of keys that look like one of ours, written wrongly; what else is not ours is v1's or a newer version's."""
    from difflib import get_close_matches  # noqa: PLC0415  # most files have no such keys

    known = [_key_of(field) for field in _fields(kind)]
    for name in rest:
        for close in get_close_matches(str(name), known, 1, _SLIP):
            warn(f"The key '{name}' of {kind.__name__} is not known and has no effect. Did you mean '{close}'?")


def _check(value: Any, hint: Any, place: str) -> None:
    if hint is Any or (value is None and _may_be_none(hint)):
        return
    choices = [kind for kind in _choices(hint) if kind is not type(None)]
    fitting = [kind for kind in choices if _is_of(value, kind)]
    if not fitting:
        wanted = " or ".join(map(_wanted, choices))
        message = f"{place} is {repr(value)[:_SHOWN]}, and has to be {wanted}."
        raise RunConfigurationException(message, target=place, hint="Correct this value.")
    if isinstance(value, Section):
        value.check(place)
    elif isinstance(value, dict):
        for name, each in value.items():
            _check(each, fitting[0].__args__[1], f"{place}: {name}")
    elif isinstance(value, (list, tuple)):
        for index, each in enumerate(value):
            _check(each, fitting[0].__args__[0], f"{place}: {index + 1}")


def _is_of(value: Any, hint: Any) -> bool:
    kind = getattr(hint, "__origin__", None) or hint
    if kind is str:
        return isinstance(value, (str, int, float, os.PathLike))
    if kind is int:
        return hasattr(value, "__index__") and not isinstance(value, bool)
    return isinstance(value, (list, tuple) if kind is list else kind)


def _wanted(hint: Any) -> str:
    kind = getattr(hint, "__origin__", None) or hint
    return _WORDS.get(kind) or f"an object of {kind.__name__}"


def _attributes(kind: Type[Section]) -> FrozenSet[str]:
    return frozenset(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]  # as above


def _key_of(field: dataclasses.Field[Any]) -> str:
    return str(field.metadata.get("key") or camel_case(field.name))


def camel_case(name: str) -> str:
    """``user_managed_dependencies`` as ``userManagedDependencies``."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def _plain(value: Any) -> Any:
    if isinstance(value, Section):
        return value.to_plain()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
