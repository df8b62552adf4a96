"""Every kind of datastore that holds files passes the same tests, each against the real thing."""

import secrets
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.kind import Files
from terrazul.server.datastore.service.opening import all_kinds
from terrazul.testing.datastore import FilesContract, Opened, content, paths_of, steps_of
from terrazul.testing.stores import AZURITE_ACCOUNT, AZURITE_KEY

WITHOUT_WRITING = {"Http"}
NEEDS_THE_CLOUD = {"GoogleCloudStorage"}


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
    tried = {cls.kind for cls in (TestLocalFolder, TestAzureBlob, TestAzureDataLakeGen2, TestAmazonS3)}
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


class TestAmazonS3(FilesContract):
    kind = "AmazonS3"

    @pytest.fixture
    def opened(self, buckets: str) -> Opened:
        settings = {"bucket": f"b-{secrets.token_hex(8)}", "endpoint": f"http://{buckets}"}
        opened = Opened(self.kind, settings, {"access_key_id": "k", "secret_access_key": "s"}, [buckets])
        opened.with_files(lambda files: steps_of(files, create=True))
        return opened
