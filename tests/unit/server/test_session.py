"""What programs that the server starts find in their variables."""

import os

import pytest

from terrazul.server import session


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_kept_for_children", {})
    monkeypatch.setattr(session, "_kept_for_storage", {})
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a")


@pytest.mark.parametrize(("of_storage", "theirs"), [("", {"s", "a"}), ("AWS_", {"a"}), ("AZURE_", {"s"})])
def test_what_lets_into_the_storage_reaches_no_program(of_storage: str, theirs: set[str]):
    names = {"AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"}
    session.keep_clouds_from_server(of_storage)
    assert not names & os.environ.keys()
    assert {value for name, value in session.environment_of_children().items() if name in names} == theirs
    with session.variables_of_storage():
        assert {name for name in names if name in os.environ} == {
            name for name in names if name.startswith(of_storage or "-")
        }
    assert not names & os.environ.keys()
