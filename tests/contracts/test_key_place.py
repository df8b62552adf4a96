"""Every kind of place for master keys passes the same tests."""

import stat
from pathlib import Path

import pytest

from terrazul.core.errors import InvalidInput, VaultClosed
from terrazul.core.home import Home
from terrazul.server.vault.cipher import MasterKey
from terrazul.server.vault.kind import KeyPlace, Surroundings
from terrazul.server.vault.kinds.environment import EnvironmentPlace
from terrazul.server.vault.kinds.file import FilePlace
from terrazul.server.vault.service.vault import place_of
from terrazul.testing.key_place import KeyPlaceContract


class TestFile(KeyPlaceContract):
    @pytest.fixture
    def empty(self, tmp_path: Path) -> KeyPlace:
        return FilePlace(tmp_path / "master.key")

    @pytest.fixture
    def place(self, tmp_path: Path, keys: list[MasterKey]) -> KeyPlace:
        place = FilePlace(tmp_path / "master.key")
        place.write(keys)
        return place

    @pytest.mark.usefixtures("place")
    def test_only_its_owner_may_read_it(self, tmp_path: Path):
        file = tmp_path / "master.key"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o644)
        FilePlace(file).read()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @pytest.mark.parametrize("content", [b"", b"\n", b"no key", b"\xff\xfe", b"canary " * 9])
    def test_file_of_something_else_is_told_and_left_as_it_is(self, tmp_path: Path, content: bytes):
        file = tmp_path / "master.key"
        file.write_bytes(content)
        with pytest.raises(VaultClosed, match=r"master\.key") as closed:
            FilePlace(file).read()
        assert "canary" not in str(closed.value)
        assert file.read_bytes() == content


class TestEnvironment(KeyPlaceContract):
    @pytest.fixture
    def empty(self) -> KeyPlace:
        return EnvironmentPlace("")

    @pytest.fixture
    def place(self, keys: list[MasterKey]) -> KeyPlace:
        return EnvironmentPlace(",".join(key.text for key in keys))

    def test_variable_of_something_else_is_told_without_its_value(self):
        with pytest.raises(VaultClosed, match="TERRAZUL_MASTER_KEY") as closed:
            EnvironmentPlace("canary").read()
        assert "canary" not in str(closed.value)


def test_kind_is_chosen_by_the_variable_unless_it_is_named(tmp_path: Path):
    home = Home(str(tmp_path))
    without, with_variable = Surroundings(home, {}), Surroundings(home, {"TERRAZUL_MASTER_KEY": ""})
    assert isinstance(place_of("auto", without), FilePlace)
    assert isinstance(place_of("auto", with_variable), EnvironmentPlace)
    assert isinstance(place_of("file", with_variable), FilePlace)
    with pytest.raises(InvalidInput, match="no kind 'cloud'") as refused:
        place_of("cloud", without)
    assert "environment, file" in str(refused.value)
