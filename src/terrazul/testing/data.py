"""Files on datastores and datasets of them, for tests that speak to a real server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from terrazul.testing.server import RunningServer

STORE = "workspaceblobstore"
"""The built-in datastore that is the default one."""


def put_files(server: RunningServer, workspace: str, files: Mapping[str, bytes], store: str = STORE) -> None:
    """Write files to a datastore."""
    for path, data in files.items():
        server.call("PUT", f"{workspace}/datastores/{store}/file?path={quote(path, safe='')}", data)


def get_file(server: RunningServer, workspace: str, path: str, store: str = STORE) -> bytes:
    """The bytes of a file of a datastore."""
    content = server.call("GET", f"{workspace}/datastores/{store}/file?path={quote(path, safe='')}")
    return content if isinstance(content, bytes) else str(content).encode()


def list_files(server: RunningServer, workspace: str, pattern: str = "**", store: str = STORE) -> list[str]:
    """The paths of the files of a datastore that a pattern means."""
    found = server.call("GET", f"{workspace}/datastores/{store}/files?pattern={quote(pattern, safe='')}")
    return [each["path"] for each in found["files"]]


def save_dataset(
    server: RunningServer, workspace: str, pattern: str, store: str = STORE, *, is_file: bool = False, **more: Any
) -> str:
    """Make a file dataset of what a pattern means; its id."""
    definition = {
        "type": "File",
        "locations": [{"path": pattern, "datastore": store}],
        "steps": [{"operation": "files", "arguments": {"is_file": is_file}}],
    }
    saved = server.call("POST", f"{workspace}/datasets", {"definition": definition, **more})
    return str(saved["id"])
