"""Every kind of datastore that holds files passes the same tests, each against the real thing."""

import asyncio
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.errors import AlreadyExists, InvalidInput
from terrazul.server.datastore.kind import Files
from terrazul.server.datastore.service.opening import all_kinds
from terrazul.testing.azure_files import FILES_ACCOUNT, FILES_KEY, azure_files
from terrazul.testing.datastore import ODD_NAMES, FilesContract, Opened, content, paths_of, put, steps_of
from terrazul.testing.stores import AZURITE_ACCOUNT, AZURITE_KEY

WITHOUT_WRITING = {"Http"}
NEEDS_THE_CLOUD = {"GoogleCloudStorage"}


@pytest.fixture(scope="session")
def shares() -> Iterator[str]:
    with azure_files() as place:
        yield place


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server that gives no parts of files, and asks who comes."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "a b").mkdir()
    (folder / "a b" / "ü.csv").write_bytes(b"0123456789")

    class Handler(SimpleHTTPRequestHandler):
        def send_head(self) -> Any:
            if self.headers.get("Authorization") != "Bearer token":
                self.send_error(401)
                return None
            return super().send_head()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_files_of_a_web_server_are_read_by_their_paths(web: str):
    async def scenario(files: Files) -> None:
        assert await content(files, "a b/ü.csv") == b"0123456789"
        assert await paths_of(files, "a b/ü.csv") == ["a b/ü.csv"]
        assert await files.find("nothing") is None
        with pytest.raises(InvalidInput, match="no lists"):
            await paths_of(files)
        assert [problem for _, problem in await steps_of(files) if problem] == []

    opened = Opened("Http", {"url": f"http://{web}"}, {"token": "token"}, [web])
    opened.with_files(scenario)
    wrong = opened._replace(credential={"token": "canary"})
    (*_, last) = wrong.with_files(steps_of)
    assert last[0] == "sign in"
    assert "canary" not in last[1]


def test_every_kind_that_holds_files_is_tried():
    tried = {cls.kind for cls in (TestLocalFolder, TestAzureBlob, TestAzureDataLakeGen2, TestAzureFile, TestAmazonS3)}
    assert {kind.name for kind in all_kinds().values() if kind.holds_files} == tried | WITHOUT_WRITING | NEEDS_THE_CLOUD


class TestLocalFolder(FilesContract):
    kind = "LocalFolder"

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        return Opened(self.kind, {"path": str(tmp_path)}, {})


class TestAzureBlob(FilesContract):
    kind = "AzureBlob"
    container = "container_name"

    @pytest.fixture
    def opened(self, blobs: str) -> Opened:
        settings = {
            self.container: f"c{secrets.token_hex(8)}",
            "account_name": AZURITE_ACCOUNT,
            "endpoint": f"http://{blobs}/{AZURITE_ACCOUNT}",
        }
        opened = Opened(self.kind, settings, {"account_key": AZURITE_KEY}, [blobs])
        opened.with_files(lambda files: steps_of(files, create=True))
        return opened


class TestAzureDataLakeGen2(TestAzureBlob):
    kind = "AzureDataLakeGen2"
    container = "filesystem"
    test_many_files_are_walked_in_groups = None  # they are containers as those of its sibling, and it takes long


class TestAzureFile(FilesContract):
    """Against what answers as Azure Files does, since nothing that is the service can be had for tests."""

    kind = "AzureFile"
    odd_names = tuple(name for name in ODD_NAMES if not set(name) & set('?*<>"'))

    @pytest.fixture
    def opened(self, shares: str) -> Opened:
        settings = {
            "file_share_name": f"s{secrets.token_hex(8)}",
            "account_name": FILES_ACCOUNT,
            "endpoint": f"http://{shares}",
        }
        opened = Opened(self.kind, settings, {"account_key": FILES_KEY}, [shares])
        opened.with_files(lambda files: steps_of(files, create=True))
        return opened

    test_many_files_are_walked_in_groups = None  # a file takes four requests; the next test is of more than a page

    def test_pages_of_a_list_make_one(self, opened: Opened):
        async def scenario(files: Files) -> None:
            names = [f"many/{number:03}" for number in range(60)]
            await asyncio.gather(*(put(files, name, b"") for name in names))
            assert await paths_of(files, "many") == names
            assert [file.path for file in (await files.browse("many", "047", 3)).files] == names[48:51]

        opened.with_files(scenario)

    def test_name_that_the_service_does_not_take_is_told(self, opened: Opened):
        async def scenario(files: Files) -> None:
            with pytest.raises(InvalidInput, match=r"names hold no '\?' there"):
                await put(files, "a?b", b"")
            assert await files.find("a?b") is None

        opened.with_files(scenario)

    def test_signed_address_gives_the_bytes_and_nothing_else(self, opened: Opened):
        async def scenario(files: Files) -> str:
            await put(files, "folder/ü 1.csv", b"0123456789")
            (access,) = await files.access(["folder/ü 1.csv"], is_writing=False, is_near=True)
            (none,) = await files.access(["folder/ü 1.csv"], is_writing=True, is_near=True)
            assert not none.url
            return access.url

        url = opened.with_files(scenario)
        assert FILES_KEY not in url
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"0123456789"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url.replace("1.csv", "2.csv").replace("sp=r", "sp=rw"))

    def test_step_that_fails_is_told_without_the_key(self, opened: Opened):
        wrong = "d3Jvbmc="
        for change, step in (
            ({"credential": {"account_key": wrong}}, "sign in"),
            ({"credential": {"sas_token": "sv=1&sig=canary"}}, "sign in"),
            ({"settings": {**opened.settings, "file_share_name": "absent"}}, "find the container"),
            ({"allowed": []}, "resolve"),
        ):
            (*_, last) = opened._replace(**change).with_files(steps_of)
            assert last[0] == step, last
            assert last[1]
            assert "canary" not in last[1]
            assert wrong not in last[1]
        with pytest.raises(InvalidInput, match="account key or a SAS"):
            opened._replace(credential={}).with_files(steps_of)

    def test_file_that_is_written_meanwhile_stays(self, opened: Opened):
        async def scenario(files: Files) -> None:
            async def others_first() -> AsyncIterator[bytes]:
                yield b"mine"
                await put(files, "x", b"theirs")

            with pytest.raises(AlreadyExists):
                await files.write("x", others_first(), overwrite=False)
            assert await content(files, "x") == b"theirs"
            assert await paths_of(files) == ["x"]

        opened.with_files(scenario)


async def check_large_file_that_others_write_meanwhile_stays(files: Files) -> None:
    """Small ones are put under a condition, which the store itself looks after."""

    async def others_first() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"m" * (1 << 20)
        await put(files, "x", b"theirs")

    with pytest.raises(AlreadyExists):
        await files.write("x", others_first(), overwrite=False)
    assert await content(files, "x") == b"theirs"
    assert await paths_of(files) == ["x"]


class TestAmazonS3(FilesContract):
    kind = "AmazonS3"

    @pytest.fixture
    def opened(self, buckets: str) -> Opened:
        settings = {"bucket": f"b-{secrets.token_hex(8)}", "endpoint": f"http://{buckets}"}
        opened = Opened(self.kind, settings, {"access_key_id": "k", "secret_access_key": "s"}, [buckets])
        opened.with_files(lambda files: steps_of(files, create=True))
        return opened

    def test_large_file_that_others_write_meanwhile_stays(self, opened: Opened):
        opened.with_files(check_large_file_that_others_write_meanwhile_stays)
