"""The spool: contents that a script has handed over, until the server has them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Callable, Iterable

from terrazul.core.errors import InvalidInput
from terrazul.core.ids import check_digest
from terrazul.runner.contents import Content


class Spool:
    """A folder of files named by the SHA-256 of their bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def holds(self, digest: str) -> bool:
        """True while the bytes are here."""
        return (self.folder / check_digest(digest)).exists()

    def receive(self, digest: str, chunks: Iterable[bytes]) -> Content:
        """Keep bytes on disk under their digest. Raises ``InvalidInput`` if they have another one."""
        check_digest(digest)
        return self._keep(chunks, lambda computed: _check(digest, computed))

    def receive_unnamed(self, chunks: Iterable[bytes]) -> Content:
        """Keep bytes whose digest nobody has told."""
        return self._keep(chunks, lambda _: None)

    def _keep(self, chunks: Iterable[bytes], check: Callable[[str], None]) -> Content:
        computed, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="incoming-", delete=False) as stream:
            try:
                for chunk in chunks:
                    computed.update(chunk)
                    size += stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
                digest = computed.hexdigest()
                check(digest)
                target = self.folder / digest
                Path(stream.name).replace(target)
            except BaseException:
                Path(stream.name).unlink()
                raise
        return Content(digest, size, str(target), spooled=True)


def _check(digest: str, computed: str) -> None:
    if computed != digest:
        raise InvalidInput(f"The bytes do not have the digest {digest}.", target=digest)
