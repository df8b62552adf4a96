"""Sections: the parts of environments and run configurations, with v1's attribute names and its camelCase keys."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from typing import Any, ClassVar, Dict, FrozenSet, List, Mapping, Optional, Type, TypeVar

from terrazul.core.errors import RunConfigurationException

S = TypeVar("S", bound="Section")


def key(name: str) -> Dict[str, Any]:
    """Field metadata: the key of an attribute where it is not the attribute's name in camelCase."""
    return {"key": name}


def items(section: Type[Section]) -> Dict[str, Any]:
    """Field metadata: the attribute is a list, or a dictionary by name, of such sections."""
    return {"items": section}


def optional(section: Type[Section]) -> Dict[str, Any]:
    """Field metadata: the attribute is such a section, or ``None``."""
    return {"optional": section}


class Section:
    """A dataclass whose attributes are read and written under v1's keys.

    Setting an attribute that it does not have raises ``AttributeError``, so that a slip of the pen does not pass
    unseen. Keys that a file has beyond ours are kept and written again.
    """

    _other_keys: ClassVar[FrozenSet[str]] = frozenset()

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and not hasattr(type(self), name) and name not in _attributes(type(self)):
            message = f"{type(self).__name__} has no attribute '{name}'"
            raise AttributeError(message)
        object.__setattr__(self, name, value)

    def to_plain(self) -> Dict[str, Any]:
        """The section as v1's files hold it: dictionaries, lists and scalars under camelCase keys."""
        written = {_key_of(field): _plain(getattr(self, field.name)) for field in _fields(type(self))}
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
            object.__setattr__(self, "_unknown", rest)

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
        return current if value is None and isinstance(current, (list, dict)) else value

    def __repr__(self) -> str:
        return json.dumps(self.to_plain(), indent=4, default=str)


def _fields(kind: Type[Section]) -> List[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(kind) if not field.metadata.get("hidden")]  # type: ignore[arg-type]  # each section is a dataclass


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
