"""What is sealed opens with its key and in its place, and nowhere else."""

import base64

import pytest

from terrazul.core.errors import DamagedContent, InvalidInput
from terrazul.server.vault.cipher import KEY_BYTES, PLAIN, Keyring, MasterKey, Sealed, UnknownKey

VALUE, PLACE = b"canary", b"here"


@pytest.fixture
def key() -> MasterKey:
    return MasterKey.make()


@pytest.fixture
def sealed(key: MasterKey) -> Sealed:
    return Keyring([key]).seal(VALUE, PLACE, key.id)


def test_what_is_sealed_can_be_opened(key: MasterKey, sealed: Sealed):
    assert Keyring([key]).open(sealed, PLACE) == VALUE
    assert VALUE not in sealed.content + sealed.wrapped_key


def test_the_same_value_is_never_sealed_alike(key: MasterKey, sealed: Sealed):
    again = Keyring([key]).seal(VALUE, PLACE, key.id)
    assert again.content != sealed.content
    assert again.wrapped_key != sealed.wrapped_key


def test_it_opens_in_its_place_only(key: MasterKey, sealed: Sealed):
    with pytest.raises(DamagedContent):
        Keyring([key]).open(sealed, b"there")


@pytest.mark.parametrize("field", ["wrapped_key", "content"])
@pytest.mark.parametrize("position", [0, 12, -1])
def test_every_changed_byte_is_noticed(key: MasterKey, sealed: Sealed, field: str, position: int):
    changed = bytearray(getattr(sealed, field))
    changed[position] ^= 1
    for damaged in (bytes(changed), b"", bytes(changed[:5])):
        with pytest.raises(DamagedContent):
            Keyring([key]).open(sealed._replace(**{field: damaged}), PLACE)


def test_another_key_is_told_by_its_id(sealed: Sealed):
    with pytest.raises(UnknownKey, match=sealed.master_key):
        Keyring([MasterKey.make()]).open(sealed, PLACE)


def test_content_stays_when_the_master_key_changes(key: MasterKey, sealed: Sealed):
    new = MasterKey.make()
    anew = Keyring([new, key]).reseal(sealed, PLACE, new.id)
    assert anew.content == sealed.content
    assert Keyring([new]).open(anew, PLACE) == VALUE
    with pytest.raises(UnknownKey):
        Keyring([key]).open(anew, PLACE)


def test_what_was_never_sealed_is_not_opened_but_can_be_sealed(key: MasterKey):
    plain = Sealed(PLAIN, b"", VALUE)
    with pytest.raises(UnknownKey):
        Keyring([key]).open(plain, PLACE)
    assert Keyring([key]).open(Keyring([key]).reseal(plain, PLACE, key.id), PLACE) == VALUE


def test_key_comes_back_from_its_text_and_shows_nothing_of_itself(key: MasterKey):
    assert MasterKey.of_text(f" {key.text}\n").id == key.id
    assert MasterKey.of_text(key.text.replace("+", "-").replace("/", "_")).id == key.id
    assert key.text not in repr(key) + str(vars(Keyring([key])))
    assert len(key.id) == 16


@pytest.mark.parametrize("text", ["", "canary", "é" * 44, base64.b64encode(b"x" * (KEY_BYTES - 1)).decode()])
def test_text_of_no_key_is_refused_without_being_told(text: str):
    with pytest.raises(InvalidInput) as refused:
        MasterKey.of_text(text)
    assert not text or text not in str(refused.value)
