"""What every kind of datastore that holds files owes. A kind's test inherits ``FilesContract``, with one fixture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

from terrazul.core.errors import AlreadyExists, InvalidInput
from terrazul.server.datastore.kind import Files, Part, Surroundings, Tables
from terrazul.server.datastore.service.opening import kind_of
from terrazul.server.network.outgoing import Outgoing
from terrazul.server.network.tunnel import Tunnel
from terrazul.wire.datastore import DataFile

T = TypeVar("T")
_LARGE = 20 << 20
ODD_NAMES = ("a b", "ü", "%41", "#", "a?b", "a&b=c", "[x]", "{y}", "'q'", "+", "日本", "a*b", "~", ".hidden", "x.")


class Opened(NamedTuple):
    """A datastore as it would be registered, on a server that may call some places."""

    kind: str
    settings: Mapping[str, str | int | bool]
    credential: Mapping[str, str]
    allowed: Sequence[str] = ()
    home: Path = Path("/nonexistent/home")
    roots: Sequence[Path] | None = None

    def with_files(self, scenario: Callable[[Files], Awaitable[T]]) -> T:
        """Open it and do something with it."""
        return self._with(scenario)

    def with_tables(self, scenario: Callable[[Tables], Awaitable[T]]) -> T:
        """As ``with_files``, of a kind that holds tables."""
        return self._with(scenario)

    def _with(self, scenario: Callable[[Any], Awaitable[T]]) -> T:
        async def go() -> T:
            outgoing = Outgoing(self.allowed)
            tunnel = Tunnel(outgoing)
            try:
                surroundings = Surroundings(self.home, self.roots, outgoing, await tunnel.address())
                kind = kind_of(self.kind)
                kind.check(self.settings, self.credential)
                return await scenario(kind.open(self.settings, self.credential, surroundings))
            finally:
                await tunnel.stop()

        return asyncio.run(go())


async def steps_of(opened: Files | Tables, *, create: bool = False) -> list[tuple[str, str]]:
    """The steps towards a datastore, each with its problem."""
    return [(step.name, step.problem) async for step in opened.steps(create=create)]


async def put(files: Files, path: str, data: bytes, *, overwrite: bool = False) -> DataFile:
    """Write a file."""
    return await files.write(path, _chunks(data), overwrite=overwrite)


async def content(files: Files, path: str, start: int | None = None, end: int | None = None) -> bytes:
    """Read a file, or a part of it."""
    part = await files.read(path, start, end)
    assert isinstance(part, Part)
    data = b"".join([chunk async for chunk in part.chunks])
    assert len(data) == part.size
    return data


async def paths_of(files: Files, folder: str = "", after: str = "") -> list[str]:
    """The paths below a folder."""
    return [file.path async for batch in files.walk(folder, after) for file in batch]


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1 << 20):
        yield data[start : start + (1 << 20)]


async def _broken_off(data: bytes) -> AsyncIterator[bytes]:
    yield data
    raise InvalidInput("the sender has gone")


class FilesContract:
    """Inherit, and give a fixture ``opened`` that is empty for each test."""

    odd_names: Sequence[str] = ODD_NAMES
    """Those that the store can have in names at all."""

    @pytest.fixture
    def opened(self) -> Opened:
        """An empty datastore."""
        raise pytest.UsageError("override the fixture `opened`")

    def test_every_step_towards_it_is_done(self, opened: Opened) -> None:
        """A sound datastore is reached."""
        assert [problem for _, problem in opened.with_files(steps_of) if problem] == []

    def test_written_file_is_found_and_read_whole_and_in_parts(self, opened: Opened) -> None:
        """Ends of parts are exclusive, negative starts count from the end."""

        async def scenario(files: Files) -> None:
            written = await put(files, "folder/data.bin", b"0123456789")
            assert (written.path, written.size) == ("folder/data.bin", 10)
            assert await files.find("folder/data.bin") == written
            assert await content(files, "folder/data.bin") == b"0123456789"
            assert await content(files, "folder/data.bin", 3, 7) == b"3456"
            assert await content(files, "folder/data.bin", 8) == b"89"
            assert await content(files, "folder/data.bin", -3) == b"789"
            assert await content(files, "folder/data.bin", 5, 100) == b"56789"
            with pytest.raises(InvalidInput, match="10 bytes"):
                await files.read("folder/data.bin", 10, None)

        opened.with_files(scenario)

    def test_empty_file_is_one(self, opened: Opened) -> None:
        """Of no bytes."""

        async def scenario(files: Files) -> None:
            assert (await put(files, "empty", b"")).size == 0
            assert await content(files, "empty") == b""

        opened.with_files(scenario)

    def test_what_is_not_there_is_none(self, opened: Opened) -> None:
        """Neither found nor read nor removed; a folder is no file."""

        async def scenario(files: Files) -> None:
            await put(files, "folder/x", b"1")
            for path in ("nothing", "folder", "folder/x/y"):
                assert await files.find(path) is None
                assert await files.read(path, None, None) is None
                assert not await files.delete(path)
            assert await paths_of(files, "nothing") == []
            assert (await files.browse("nothing", "", 10)).files == []

        opened.with_files(scenario)

    def test_file_that_is_there_stays_unless_told(self, opened: Opened) -> None:
        """Small ones and large ones."""

        async def scenario(files: Files) -> None:
            for data in (b"first", b"first" * (_LARGE // 5)):
                await put(files, "x", b"there", overwrite=True)
                with pytest.raises(AlreadyExists):
                    await put(files, "x", data)
                assert await content(files, "x") == b"there"
                await put(files, "x", data, overwrite=True)
                found = await files.find("x")
                assert found
                assert found.size == len(data)

        opened.with_files(scenario)

    def test_large_file_arrives_as_it_is(self, opened: Opened) -> None:
        """In several parts, where the store has such."""

        async def scenario(files: Files) -> None:
            data = bytes(range(256)) * (_LARGE // 256)
            await put(files, "large", data)
            assert await content(files, "large") == data

        opened.with_files(scenario)

    def test_file_that_breaks_off_is_not_there(self, opened: Opened) -> None:
        """And the one that was there stays."""

        async def scenario(files: Files) -> None:
            await put(files, "x", b"there")
            for data in (b"half", b"half" * (_LARGE // 4)):
                with pytest.raises(Exception, match="the sender has gone"):
                    await files.write("x", _broken_off(data), overwrite=True)
                with pytest.raises(Exception, match="the sender has gone"):
                    await files.write("y", _broken_off(data), overwrite=False)
            assert await content(files, "x") == b"there"
            assert await paths_of(files) == ["x"]

        opened.with_files(scenario)

    def test_changed_file_has_another_etag(self, opened: Opened) -> None:
        """Also one of the same size; lists tell the same as looking at one."""

        async def scenario(files: Files) -> None:
            first = await put(files, "x", b"1")
            await asyncio.sleep(0.01)
            second = await put(files, "x", b"2", overwrite=True)
            assert first.etag != second.etag
            listed = [file async for batch in files.walk("", "") for file in batch]
            assert [(file.path, file.size, file.etag) for file in listed] == [("x", 1, second.etag)]
            assert [file.etag for file in (await files.browse("", "", 10)).files] == [second.etag]

        opened.with_files(scenario)

    def test_walk_is_in_the_order_of_paths_and_goes_on_after_any(self, opened: Opened) -> None:
        """A page may end anywhere."""

        async def scenario(files: Files) -> None:
            names = ["a/b", "a.txt", "a/b/c", "a0", "b", "a/a/z", "B/x", "a b/1"]
            names.remove("a/b")  # a file and a folder of one name cannot be in every store
            for name in names:
                await put(files, name, b"")
            expected = sorted(names)
            assert await paths_of(files) == expected
            for place, name in enumerate(expected):
                assert await paths_of(files, after=name) == expected[place + 1 :]
            assert await paths_of(files, "a") == ["a/a/z", "a/b/c"]
            assert await paths_of(files, "a.txt") == ["a.txt"]
            assert await paths_of(files, "a/a", "a/a/z") == []

        opened.with_files(scenario)

    def test_browsing_shows_one_level_in_pages(self, opened: Opened) -> None:
        """Folders and files, by name."""

        async def scenario(files: Files) -> None:
            for name in ("d/1", "d/e/2", "d/f/3", "d/g", "other"):
                await put(files, name, b"x")
            page = await files.browse("d", "", 10)
            assert (page.folders, [file.path for file in page.files]) == (["e", "f"], ["d/1", "d/g"])
            assert page.next_page is None
            first = await files.browse("d", "", 3)
            rest = await files.browse("d", first.next_page or "", 3)
            assert [*first.folders, *rest.folders] == ["e", "f"]
            assert [file.path for file in [*first.files, *rest.files]] == ["d/1", "d/g"]

        opened.with_files(scenario)

    def test_odd_names_are_kept(self, opened: Opened) -> None:
        """Nothing in a name means anything."""

        async def scenario(files: Files) -> None:
            for name in self.odd_names:
                await put(files, f"odd/{name}/{name}", name.encode())
            assert sorted(await paths_of(files, "odd")) == sorted(f"odd/{name}/{name}" for name in self.odd_names)
            for name in self.odd_names:
                assert await content(files, f"odd/{name}/{name}") == name.encode()
                assert await files.delete(f"odd/{name}/{name}")
            assert await paths_of(files) == []

        opened.with_files(scenario)

    def test_many_files_are_walked_in_groups(self, opened: Opened) -> None:
        """More than a store gives at once in one answer of a thousand."""

        async def scenario(files: Files) -> None:
            names = [f"many/{number:05}" for number in range(1100)]
            for start in range(0, len(names), 50):
                await asyncio.gather(*(put(files, name, b"") for name in names[start : start + 50]))
            assert await paths_of(files, "many") == names

        opened.with_files(scenario)
