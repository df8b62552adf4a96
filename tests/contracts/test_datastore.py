"""Every kind of datastore that holds files passes the same tests, each against the real thing."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from terrazul.server.datastore.service.opening import all_kinds
from terrazul.testing.datastore import FilesContract, Opened, steps_of
from terrazul.testing.stores import AZURITE_ACCOUNT, AZURITE_KEY, azurite, s3_server

WITHOUT_WRITING = {"Http"}
NEEDS_THE_CLOUD = {"GoogleCloudStorage"}


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as place:
        yield place


@pytest.fixture(scope="session")
def buckets() -> Iterator[str]:
    with s3_server() as place:
        yield place


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


class TestAmazonS3(FilesContract):
    kind = "AmazonS3"

    @pytest.fixture
    def opened(self, buckets: str) -> Opened:
        settings = {"bucket": f"b-{secrets.token_hex(8)}", "endpoint": f"http://{buckets}"}
        opened = Opened(self.kind, settings, {"access_key_id": "k", "secret_access_key": "s"}, [buckets])
        opened.with_files(lambda files: steps_of(files, create=True))
        return opened
