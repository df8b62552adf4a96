"""Members whose capability is not there yet."""

import pytest

from terrazul.core.errors import CapabilityNotAvailable
from terrazul.sdk.datastore.datastore import Datastore
from terrazul.sdk.unsupported import not_yet, not_yet_property


class Thing:
    method = not_yet("Thing.method", "magic")
    static = staticmethod(not_yet("Thing.static", "magic"))
    value = not_yet_property("Thing.value", "magic")


def test_looking_at_the_class_shows_the_mark():
    assert Thing.method.__terrazul_unsupported__
    assert Thing.static.__terrazul_unsupported__
    assert Thing.value.__terrazul_unsupported__
    assert "magic" in repr(Thing.method)


def test_using_it_raises_the_named_error():
    thing = Thing()
    for use in (thing.method, Thing.method, thing.static, lambda: thing.value, lambda: setattr(thing, "value", 1)):
        with pytest.raises(CapabilityNotAvailable, match=r"Thing\.\w+ needs magic, which Terrazul does not have yet"):
            use()


def test_the_error_is_the_one_that_python_code_expects_too():
    with pytest.raises(NotImplementedError):
        Datastore.register_hdfs(None, "store")
