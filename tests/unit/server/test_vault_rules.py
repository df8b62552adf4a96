"""Names and values of secrets; no refusal tells what was given."""

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.server.vault.rules import check_names, check_new, key_of
from terrazul.wire.vault import NewSecret, SecretValue


@pytest.mark.parametrize("name", ["a", "A-1", "-", "x" * 127])
def test_names_are_compared_without_case(name: str):
    assert key_of(name) == key_of(name.upper())


@pytest.mark.parametrize("name", ["", "a b", "a_b", "a/b", "x" * 128, "é", "a\n", "hunter2!"])
def test_wrong_name_is_refused_without_being_told(name: str):
    with pytest.raises(InvalidInput) as refused:
        key_of(name)
    assert not name or name not in str(refused.value)


def test_value_may_have_25600_bytes():
    check_new([NewSecret("a", "é" * 12_800)])
    with pytest.raises(InvalidInput, match="25602 bytes"):
        check_new([NewSecret("a", "é" * 12_801)])


def test_name_counts_once_whatever_its_case():
    with pytest.raises(InvalidInput, match="twice"):
        check_new([NewSecret("a", "1"), NewSecret("A", "2")])


@pytest.mark.parametrize("content_type", ["x" * 256, "a\nb"])
def test_wrong_content_type_is_refused(content_type: str):
    with pytest.raises(InvalidInput, match="content type"):
        check_new([NewSecret("a", "1", content_type)])


def test_too_many_at_once_are_refused():
    check_names(["a"] * 100)
    with pytest.raises(InvalidInput, match="too many"):
        check_names(["a"] * 101)


def test_value_is_not_in_the_representation():
    assert "canary" not in repr(NewSecret("a", "canary")) + repr(SecretValue("a", "canary"))
