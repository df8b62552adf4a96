"""Every kind of blob storage passes the same tests."""

import pkgutil
import secrets
from pathlib import Path
from typing import ClassVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from terrazul.core.errors import InvalidInput, Unavailable
from terrazul.server.blobs import kinds
from terrazul.server.blobs.choice import open_storage
from terrazul.server.blobs.kinds.local import LocalStorage
from terrazul.server.blobs.object_storage import ObjectStorage
from terrazul.server.blobs.storage import Storage
from terrazul.testing.datastore import Opened, steps_of
from terrazul.testing.storage import KEY, StorageContract, put
from terrazul.testing.stores import AZURITE_ACCOUNT, AZURITE_KEY, S3_VARIABLES, make_bucket

NEEDS_THE_CLOUD = {"gs"}
NOWHERE = "http://127.0.0.1:9"


def test_every_kind_is_tried():
    tried = {cls.kind for cls in (TestLocalStorage, TestAmazonS3, TestAzureBlob)}
    assert {module.name for module in pkgutil.iter_modules(kinds.__path__)} == tried | NEEDS_THE_CLOUD


class TestLocalStorage(StorageContract):
    kind = "local"

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Storage:
        return LocalStorage(tmp_path)


class RemoteStorageContract(StorageContract):
    """Besides: the library's own words, which may hold what was signed, go nowhere."""

    kind: str
    variables: ClassVar[dict[str, str]]

    @pytest.fixture(autouse=True)
    def _variables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)

    def test_storage_that_is_away_is_told(self):
        away = open_storage(f"{self.kind}://bucket/prefix", f"{NOWHERE}/{AZURITE_ACCOUNT}", Path())
        for call in (lambda: put(away, KEY, b"x"), lambda: list(away.read(KEY, 0, 1)), lambda: away.delete(KEY)):
            with pytest.raises(Unavailable, match=f"{self.kind}://bucket/prefix") as told:
                call()
            assert "9" not in str(told.value)

    def test_client_puts_an_object_to_a_signed_address(self, storage: Storage, endpoint: str):
        """Only where the storage is open to clients."""
        assert storage.place_for(KEY) is None
        direct = self.direct(storage, endpoint)
        place = direct.place_for(KEY)
        assert place is not None
        headers = {"Content-Type": "application/octet-stream", **place.headers}
        with urlopen(Request(place.url, b"by itself", headers, method="PUT"), timeout=20) as answer:
            assert answer.status in {200, 201}
        assert storage.size_of(KEY) == len(b"by itself")
        assert b"".join(storage.read(KEY, 3, 6)) == b"itself"

    def direct(self, storage: Storage, endpoint: str) -> Storage:
        """The same storage, open to clients."""
        assert isinstance(storage, ObjectStorage)
        return open_storage(storage.place, endpoint, Path(), direct=True)

    def test_container_that_is_not_there_is_no_missing_object(self, storage: Storage, endpoint: str):
        del storage  # so that the service is there
        other = open_storage(f"{self.kind}://there-is-none", endpoint, Path())
        with pytest.raises(Unavailable, match=r"NoSuchBucket|ContainerNotFound"):
            list(other.read(KEY, 0, 1))


class TestAmazonS3(RemoteStorageContract):
    kind = "s3"
    variables: ClassVar = S3_VARIABLES

    @pytest.fixture
    def endpoint(self, buckets: str) -> str:
        return f"http://{buckets}"

    @pytest.fixture
    def storage(self, endpoint: str) -> Storage:
        bucket = make_bucket(endpoint)
        return open_storage(f"s3://{bucket}/some/prefix", endpoint, Path())


class TestAzureBlob(RemoteStorageContract):
    kind = "az"
    variables: ClassVar = {"AZURE_STORAGE_ACCOUNT_NAME": AZURITE_ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY}

    @pytest.fixture
    def endpoint(self, blobs: str) -> str:
        return f"http://{blobs}/{AZURITE_ACCOUNT}"

    @pytest.fixture
    def storage(self, endpoint: str, blobs: str) -> Storage:
        container = f"c{secrets.token_hex(8)}"
        settings = {"container_name": container, "account_name": AZURITE_ACCOUNT, "endpoint": endpoint}
        datastore = Opened("AzureBlob", settings, {"account_key": AZURITE_KEY}, [blobs])
        datastore.with_files(lambda files: steps_of(files, create=True))
        return open_storage(f"az://{container}/some/prefix", endpoint, Path())

    def test_signed_address_is_of_one_object(self, storage: Storage, endpoint: str):
        """Which only this emulator checks."""
        place = self.direct(storage, endpoint).place_for(KEY)
        assert place is not None
        for url in (place.url.replace("abc", "abd"), place.url.partition("?")[0]):
            with pytest.raises(HTTPError) as refused:
                urlopen(Request(url, b"elsewhere", dict(place.headers), method="PUT"), timeout=20)
            refused.value.close()
            assert refused.value.code == 403


def test_variables_that_fit_no_storage_are_told_without_their_values(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", AZURITE_ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "canary, no base64")
    with pytest.raises(InvalidInput, match="az://container") as told:
        open_storage("az://container", "", Path())
    assert "canary" not in str(told.value)
