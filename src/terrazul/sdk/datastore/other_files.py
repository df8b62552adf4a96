"""Datastores that hold files elsewhere than in Azure; Terrazul's own."""

from __future__ import annotations

from typing import Optional

from terrazul.core.errors import InvalidInput
from terrazul.sdk.datastore.files import FileDatastore


class LocalFolderDatastore(FileDatastore, kind="LocalFolder"):
    """A folder of the server's machine. Those that come with each workspace are such ones too."""

    @property
    def folder(self) -> str:
        """The folder; empty for a datastore that comes with the workspace, whose folder is the server's own."""
        return str(self._setting("path") or "")

    @property
    def container_name(self) -> str:
        """Its name, for v1 code that tells of containers."""
        return self.name

    @property
    def account_name(self) -> str:
        """Empty: there is no account."""
        return ""

    @property
    def account_key(self) -> None:
        """``None``: there is no key."""


class AmazonS3Datastore(FileDatastore, kind="AmazonS3"):
    """A bucket of Amazon S3, or of a store that speaks its protocol."""

    @property
    def bucket(self) -> str:
        """The bucket."""
        return str(self._setting("bucket"))

    @property
    def secret_access_key(self) -> None:
        """``None`` without one. Raises ``CredentialHidden`` where it is reached with one: it is shown to nobody."""
        self._hidden("secret access key", "AccessKey")


class GoogleCloudStorageDatastore(FileDatastore, kind="GoogleCloudStorage"):
    """A bucket of Google Cloud Storage."""

    @property
    def bucket(self) -> str:
        """The bucket."""
        return str(self._setting("bucket"))


class HttpDatastore(FileDatastore, kind="Http"):
    """Files of a web server below one address. They are read by their paths, and there is no list of them."""

    @property
    def url(self) -> str:
        """The address."""
        return str(self._setting("url"))

    def _meant_by(self, prefix: Optional[str]) -> str:
        """The one file of that path: what begins like it, a web server does not tell."""
        if not prefix:
            message = f"The datastore {self.name} has no list of its files."
            raise InvalidInput(message, target="prefix", hint="Name a file: download(target_path, prefix='data.csv').")
        return prefix
