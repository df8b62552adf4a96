"""Folders of the server's machine, network drives that are mounted there among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.folder import FolderFiles
from terrazul.server.datastore.kind import NO_CREDENTIAL, Credential, Field, Settings, Surroundings
from terrazul.server.datastore.local_place import check_place


class LocalFolder:
    """Registered by the path of the folder."""

    name = "LocalFolder"
    description = "A folder of the server's machine, also a network drive that is mounted there."
    settings: Mapping[str, Field] = {
        "path": Field("The folder, as an absolute path on the server's machine.", is_required=True)
    }
    credential: Mapping[str, Field] = {}
    holds_files = True

    def check(self, settings: Settings, credential: Credential) -> str:
        """It needs nothing."""
        del credential
        path = str(settings["path"])
        if not Path(path).is_absolute():
            raise InvalidInput(
                f"{path[:80]!r} is not an absolute path.", target="path", hint="Write it from the root: /srv/data."
            )
        return NO_CREDENTIAL

    def open(self, settings: Settings, credential: Credential, surroundings: Surroundings) -> FolderFiles:
        """The folder. Raises ``InvalidInput`` where it may not be one."""
        del credential
        root = Path(str(settings["path"]))
        check_place(root, surroundings)
        return FolderFiles(root, surroundings.home)


KIND = LocalFolder()
