"""Names of models that cannot be here, and those under which they are written."""

import pytest

from terrazul.core.ids import check_model_name
from terrazul.importing.model_name import names_here


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("churn (new)", "churn-new"),
        ("no versions", "no-versions"),
        (".hidden", "hidden"),
        ("a&b", "a-b"),
        ("ü", "model"),
    ],
)
def test_what_is_not_allowed_becomes_a_hyphen(name: str, written: str):
    assert names_here(["usual_name-1.2", name]) == {name: written}


def test_names_that_would_become_one_are_told_apart_and_stay_so():
    names = ["a b", "a/b", "a-b", "x" * 300, "x" * 301]
    written = names_here(names)
    assert written.keys() == set(names) - {"a-b"}
    assert len({*written.values(), "a-b"}) == 5
    assert names_here(reversed(names)) == written
    for each in written.values():
        check_model_name(each)
