"""What every kind of place for master keys owes. A kind's test inherits ``KeyPlaceContract``."""

from __future__ import annotations

import contextlib

import pytest

from terrazul.core.errors import Conflict, VaultClosed
from terrazul.server.vault.cipher import MasterKey
from terrazul.server.vault.kind import KeyPlace


class KeyPlaceContract:
    """Inherit, and give the fixtures ``empty`` (nothing was ever kept there) and ``place`` (it holds ``keys``)."""

    @pytest.fixture
    def keys(self) -> list[MasterKey]:
        """What ``place`` holds, the one that counts first."""
        return [MasterKey.make(), MasterKey.make()]

    @pytest.fixture
    def empty(self) -> KeyPlace:
        """A place that holds nothing."""
        raise pytest.UsageError("override the fixture `empty`")

    @pytest.fixture
    def place(self, keys: list[MasterKey]) -> KeyPlace:  # noqa: ARG002  # who overrides it needs them
        """A place that holds the keys."""
        raise pytest.UsageError("override the fixture `place`")

    def test_keys_come_back_in_their_order(self, place: KeyPlace, keys: list[MasterKey]) -> None:
        """The one that counts is the first."""
        assert [key.text for key in place.read()] == [key.text for key in keys]

    def test_place_that_holds_nothing_gives_nothing_or_says_so(self, empty: KeyPlace) -> None:
        """It never makes up a key."""
        with contextlib.suppress(VaultClosed):
            assert empty.read() == []

    def test_it_is_written_as_a_whole_or_tells_how_to_change_it(self, place: KeyPlace, keys: list[MasterKey]) -> None:
        """Nothing is lost where it cannot be written."""
        if place.change_by_hand:
            with pytest.raises(Conflict) as refused:
                place.write([MasterKey.make()])
            assert refused.value.hint == place.change_by_hand
            assert [key.id for key in place.read()] == [key.id for key in keys]
            return
        new = MasterKey.make()
        place.write([new, *keys])
        assert [key.id for key in place.read()] == [new.id, *(key.id for key in keys)]
        place.write([new])
        assert [key.id for key in place.read()] == [new.id]

    def test_its_name_is_for_people_and_tells_no_key(self, place: KeyPlace, keys: list[MasterKey]) -> None:
        """It stands in messages."""
        assert place.name
        assert not any(key.text in place.name for key in keys)
