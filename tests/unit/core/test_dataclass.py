"""What our dataclasses have in common with the standard ones, and that classes are made with ours."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from terrazul.core import dataclass as module
from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Point:
    """Ours."""

    x: int
    name: str = "a"
    tags: list[str] = dataclasses.field(default_factory=list, compare=False)
    secret: str = dataclasses.field(default="s", repr=False)


@dataclasses.dataclass(frozen=True)
class Standard:
    """The standard one."""

    x: int
    name: str = "a"
    tags: list[str] = dataclasses.field(default_factory=list, compare=False)
    secret: str = dataclasses.field(default="s", repr=False)


@dataclass(frozen=True)
class Place(Point):
    """One that inherits, and looks at what it was given."""

    z: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is below."""
        if self.z < 0:
            raise ValueError(self.z)


@dataclass
class Open:
    """One that may change."""

    a: int = 1
    b: dict[str, int] = dataclasses.field(default_factory=dict)


@pytest.mark.parametrize("make", [Point, Standard])
def test_instances_begin_alike(make: Callable[..., Any]):
    made = make(1, tags=["t"])
    assert (made.x, made.name, made.tags, made.secret) == (1, "a", ["t"], "s")
    assert make(x=2).tags is not make(x=2).tags
    for wrong in ({}, {"x": 1, "y": 2}):
        with pytest.raises(TypeError):
            make(**wrong)
    with pytest.raises(TypeError):
        make(1, "a", [], "s", "more")


@pytest.mark.parametrize("make", [Point, Standard])
def test_instances_are_compared_hashed_and_shown_alike(make: Callable[..., Any]):
    assert make(1, tags=["t"]) == make(1)
    assert make(1) != make(2)
    assert make(1) != (1, "a", "s")
    assert hash(make(1, tags=["t"])) == hash(make(1))
    assert repr(make(1)).endswith("(x=1, name='a', tags=[])")


@pytest.mark.parametrize("make", [Point, Standard])
def test_frozen_instances_do_not_change(make: Callable[..., Any]):
    made = make(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        made.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del made.x
    assert made.x == 1


@pytest.mark.parametrize("make", [Point, Standard])
def test_standard_functions_know_them(make: Any):
    made = make(1, secret="x")
    assert dataclasses.is_dataclass(made)
    assert [each.name for each in dataclasses.fields(made)] == ["x", "name", "tags", "secret"]
    assert dataclasses.replace(made, name="b") == make(1, "b", secret="x")
    assert dataclasses.asdict(made) == {"x": 1, "name": "a", "tags": [], "secret": "x"}
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made  # noqa: S301  # just written
    assert list(inspect.signature(make).parameters) == ["x", "name", "tags", "secret"]
    match made:
        case make(1, name):
            assert name == "a"


def test_fields_are_inherited_and_looked_at():
    assert Place(1, z=2.0) == Place(1, "a", [], "s", 2.0)
    assert Place(1) != Point(1)
    with pytest.raises(ValueError, match="-1"):
        Place(1, z=-1.0)


def test_what_may_change_has_no_hash():
    made = Open()
    made.a = 3
    assert made == Open(3)
    assert repr(made) == "Open(a=3, b={})"
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)


def test_own_methods_are_kept():
    @dataclass(frozen=True)
    class Own:
        a: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

    assert (repr(Own(1)), Own(1) == Own(2), hash(Own(1))) == ("own", True, 7)


def test_fields_that_the_standard_refuses_are_refused():
    with pytest.raises(TypeError, match="non-default argument 'b' follows default argument 'a'"):

        @dataclass(frozen=True)
        class Wrong:
            a: int = 1
            b: int

    with pytest.raises(ValueError, match="mutable default"):

        @dataclass(frozen=True)
        class Mutable:
            a: list[int] = []  # noqa: RUF012  # that is what is refused


def test_a_class_costs_less_code_than_a_standard_one():
    own = [name for name in vars(Point) if callable(vars(Point)[name])]
    assert {"__init__", "__eq__", "__hash__", "__repr__", "__setattr__", "__delattr__"} <= set(own)
    assert Point.__setattr__.__module__ == module.__name__
