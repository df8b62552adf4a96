"""Master keys in the file ``master.key`` of the home directory, which only its owner may read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from terrazul.core.errors import InvalidInput, VaultClosed
from terrazul.server.vault.cipher import MasterKey
from terrazul.server.vault.kind import Surroundings


class FilePlace:
    """One key a line."""

    change_by_hand = ""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"the file {path}"

    def read(self) -> list[MasterKey]:
        """The lines; rights that are too wide are taken away."""
        try:
            lines = self._path.read_text("ascii").split()
            self._path.chmod(0o600)
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "it holds no text"
            raise VaultClosed(
                f"The master key in {self._path} cannot be read: {reason}.",
                target=str(self._path),
                hint="Put the file back as it was, readable for who runs the server.",
            ) from None
        try:
            keys = [MasterKey.of_text(line) for line in lines]
        except InvalidInput as problem:
            raise VaultClosed(
                f"The file {self._path} holds no master key: {problem.message}",
                target=str(self._path),
                hint="Put the file back as it was.",
            ) from None
        if not keys:
            raise VaultClosed(
                f"The file {self._path} is empty.", target=str(self._path), hint="Put the file back as it was."
            )
        return keys

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Write a file beside it, flush it, rename it, flush the folder."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("".join(f"{key.text}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def open_place(surroundings: Surroundings) -> FilePlace:
    """The file of a home."""
    return FilePlace(surroundings.home.master_key_file)
