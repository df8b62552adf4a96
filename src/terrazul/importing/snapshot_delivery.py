"""Sending what runs were made from: archives of files, each once, whoever shares it."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, List, Optional

from terrazul.core.errors import InvalidInput, SnapshotException, TooLarge
from terrazul.core.paths import check_relative_path
from terrazul.importing.findings import Findings
from terrazul.importing.progress import Bar
from terrazul.sdk.client import Client
from terrazul.sdk.content import SourceFile, send_files
from terrazul.wire.snapshot import Snapshot, SnapshotFile, SnapshotManifest

_PLAIN, _EXECUTABLE = 0o644, 0o755
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
"""What ``zipfile`` raises for archives that are cut off, damaged, locked, or packed in a way that it does not know."""


class SnapshotDelivery:
    """Makes snapshots of archives."""

    def __init__(self, client: Client, findings: Findings, bar: Bar, *, dry: bool) -> None:
        self._client = client
        self._findings = findings
        self._bar = bar
        self._dry = dry
        self._known: Dict[Path, Optional[str]] = {}

    def take(self, archive: Path, run_id: str, here: Optional[str]) -> Optional[str]:
        """The id of the snapshot for a run that has the one ``here``, or none; ``None`` where it cannot come."""
        if archive not in self._known:
            self._findings.snapshots.add(new=here is None)
            self._known[archive] = here
        if here is None and self._known[archive] is None and not self._dry:
            self._known[archive] = self._make(archive, f"run {run_id}")
        return here or self._known[archive]

    def _make(self, archive: Path, thing: str) -> Optional[str]:
        """Send an archive; nothing is left out that was taken there."""
        try:
            with TemporaryDirectory() as folder, zipfile.ZipFile(archive) as opened:
                files = self._unpacked(opened, Path(folder), thing)
                sent = send_files(self._client, files, tell=self._bar.add_bytes)
                manifest = [
                    SnapshotFile(each.path, sent.digests[each.path], each.size, each.mode)
                    for each in sorted(files)
                    if each.path in sent.digests
                ]
            for path, problem in sent.problems.items():
                self._findings.problem(thing, f"the file {path!r} of its snapshot {problem}")
            return self._client.post(Snapshot, "/snapshots", SnapshotManifest(manifest)).snapshot_id
        except _UNREADABLE as error:
            self._findings.problem(thing, f"its snapshot {archive.name} cannot be read: {error}")
        except (InvalidInput, SnapshotException, TooLarge) as error:
            self._findings.problem(thing, f"its snapshot {archive.name} cannot come: {error.message}")
        return None

    def _unpacked(self, archive: zipfile.ZipFile, folder: Path, thing: str) -> List[SourceFile]:
        """The files of an archive, on the disk under numbers, so that no name of theirs leads anywhere."""
        found: Dict[str, SourceFile] = {}
        for number, entry in enumerate(archive.infolist()):
            if entry.is_dir():
                continue
            try:
                path = check_relative_path(entry.filename)
            except InvalidInput as error:
                self._findings.problem(thing, f"a file of its snapshot cannot come: {error.message}")
                continue
            place = folder / str(number)
            with archive.open(entry) as packed, place.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
            status = place.stat()
            mode = _EXECUTABLE if entry.external_attr >> 16 & stat.S_IXUSR else _PLAIN
            found[path] = SourceFile(path, str(place), status.st_size, status.st_mtime_ns, status.st_ino, mode)
        return list(found.values())
