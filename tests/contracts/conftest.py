"""The emulators of clouds that several contracts are tried against."""

from collections.abc import Iterator

import pytest

from terrazul.testing.stores import azurite, s3_server


@pytest.fixture(scope="session")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as place:
        yield place


@pytest.fixture(scope="session")
def buckets() -> Iterator[str]:
    with s3_server() as place:
        yield place
