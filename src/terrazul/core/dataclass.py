"""The standard ``dataclass``, made in a fifth of its time.

The standard one writes and compiles the text of six methods for each frozen class. With some hundred classes that is
most of what importing the SDK costs, and a sixth of a server's start. Here ``__init__`` alone is written for a class;
the other methods are made of what all classes share. Fields, defaults and the functions of ``dataclasses`` are the
standard ones.
"""

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Callable, Dict, List

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(
        made: type | None = None,
        *,
        frozen: bool = False,
        init: bool = True,
        repr: bool = True,  # noqa: A002  # as there
    ) -> type | Callable[[type], type]:
        """Make a class a dataclass; the options are the standard ones, and two of its instances can be compared.

        Raises ``TypeError`` for fields that the standard one refuses.
        """

        def complete(made: type) -> type:
            return _complete(made, frozen=frozen, init=init, with_repr=repr)

        return complete if made is None else complete(made)


def _complete(made: type, *, frozen: bool, init: bool, with_repr: bool) -> type:
    own = set(vars(made))
    dataclasses.dataclass(init=init and not frozen, repr=False, eq=False)(made)
    fields = dataclasses.fields(made)
    methods: Dict[str, Callable[..., Any]] = {}
    values_of = _values([each.name for each in fields if each.compare])
    methods["__eq__"] = _equality(values_of)
    if with_repr:
        methods["__repr__"] = _representation([each.name for each in fields if each.repr])
    if frozen:
        methods.update(__setattr__=_refuse_setting, __delattr__=_refuse_deleting, __hash__=_hashing(values_of))
        if init:
            methods["__init__"] = _beginning(made, list(fields))
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    if not frozen and "__hash__" not in own:
        made.__hash__ = None  # type: ignore[assignment]  # what can change and be equal has no hash
    return made


def _values(names: List[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()


def _equality(values_of: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807  # it becomes the method
        return values_of(self) == values_of(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hashing(values_of: Callable[[Any], Any]) -> Callable[[Any], int]:
    def __hash__(self: Any) -> int:  # noqa: N807  # it becomes the method
        return hash((values_of(self),))

    return __hash__


def _representation(names: List[str]) -> Callable[[Any], str]:
    def __repr__(self: Any) -> str:  # noqa: N807  # it becomes the method
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _refuse_setting(_self: Any, name: str, _value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _beginning(made: type, fields: List[dataclasses.Field[Any]]) -> Callable[..., None]:
    """``__init__`` of a frozen class: it sets each field past ``__setattr__``."""
    known: Dict[str, Any] = {"_set": object.__setattr__, "_FACTORY": _FACTORY}
    parameters, lines, optional = ["self"], [], ""
    for each in fields:
        default, value = "", each.name
        if each.default_factory is not dataclasses.MISSING:
            known[f"_make_{each.name}"] = each.default_factory
            default, value = "=_FACTORY", f"_make_{each.name}() if {each.name} is _FACTORY else {each.name}"
        elif each.default is not dataclasses.MISSING:
            known[f"_default_{each.name}"] = each.default
            default = f"=_default_{each.name}"
        elif optional:
            raise TypeError(f"non-default argument {each.name!r} follows default argument {optional!r}")
        if not each.init:
            raise TypeError(f"field {each.name!r} of {made.__name__} must be a parameter: the class is frozen")
        optional = each.name if default else optional
        parameters.append(each.name + default)
        lines.append(f" _set(self, {each.name!r}, {value})")
    if hasattr(made, "__post_init__"):
        lines.append(" self.__post_init__()")
    scope: Dict[str, Any] = {}
    exec(f"def __init__({', '.join(parameters)}):\n" + ("\n".join(lines) or " pass"), known, scope)  # noqa: S102  # as the standard one
    begin: Callable[..., None] = scope["__init__"]
    begin.__qualname__ = f"{made.__qualname__}.__init__"
    begin.__annotations__ = {**{each.name: each.type for each in fields}, "return": None}
    return begin


class _Factory:
    def __repr__(self) -> str:
        return "<factory>"


_FACTORY = _Factory()
