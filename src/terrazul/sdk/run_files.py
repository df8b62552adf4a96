"""The files of a run: up and down, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Iterator, List, Mapping, Sequence, Tuple, Union, cast

from terrazul.core.clock import now
from terrazul.core.errors import InvalidInput, NotFound
from terrazul.core.paths import check_relative_path
from terrazul.sdk.client import Client, Request
from terrazul.sdk.content import SentFiles, SourceFile, fetch_file, send_bytes, send_files, send_stream, source_file
from terrazul.sdk.writer import Writer
from terrazul.wire.artifact import Artifact
from terrazul.wire.write import NewArtifact

_CHUNK = 1 << 20
_IN_MEMORY = 8 << 20

Source = Union[str, "os.PathLike[str]", BinaryIO]


class RunFiles:
    """The files of one run."""

    def __init__(self, client: Client, writer: Writer, run_id: str) -> None:
        self._client = client
        self._writer = writer
        self._run_id = run_id

    def names(self) -> List[str]:
        """The names of all files, sorted."""
        return [artifact.path for artifact in self.list("")]

    def list(self, prefix: str) -> List[Artifact]:
        """The files whose names begin so."""
        self._writer.flush()
        return self._client.get(List[Artifact], f"/runs/{self._run_id}/artifacts", {"prefix": prefix})

    def upload(self, name: str, source: Source) -> None:
        """Add a file, from a path or an open stream.

        Raises ``AlreadyExists`` for a name that is taken, ``InvalidInput`` for a name or source that cannot be used.
        """
        check_relative_path(name)
        if hasattr(source, "read"):
            digest, size = self._send_stream(cast("BinaryIO", source))
            self._writer.write(NewArtifact(self._run_id, name, digest, size, now()))
        else:
            self.upload_many({name: os.fspath(cast("str", source))})

    def upload_bytes(self, name: str, data: bytes) -> None:
        """Add a file of these bytes; one of the same name is replaced."""
        digest = send_bytes(self._client, data)
        self._writer.put(NewArtifact(self._run_id, check_relative_path(name), digest, len(data), now(), overwrite=True))

    def upload_many(self, locations: Mapping[str, str]) -> None:
        """Add files: name to path on the disk. Raises as ``upload``; those that are fine are added nevertheless."""
        files = [source_file(check_relative_path(name), location) for name, location in locations.items()]
        sent = send_files(self._client, files)
        self._name(files, sent)
        for path, problem in sent.problems.items():
            message = f"'{locations[path]}' {problem}."
            raise InvalidInput(message, target=locations[path])

    def upload_folder(self, name: str, folder: str) -> None:
        """Add all files below a folder under a name. Raises ``InvalidInput`` where there is no such folder."""
        root = Path(folder)
        if not root.is_dir():
            message = f"'{folder}' is not a folder."
            raise InvalidInput(message, target=str(folder), hint="A single file is sent with upload_file.")
        prefix = name.strip("/")
        self.upload_many({f"{prefix}/{path.relative_to(root).as_posix()}": str(path) for path in files_below(root)})

    def download(self, name: str, target: Path) -> None:
        """Write a file of the run to the disk. Raises ``NotFound``."""
        for artifact in self.list(name):
            if artifact.path == name:
                self._fetch(artifact, target)
                return
        message = f"File with path {name} was not found in run {self._run_id}."
        raise NotFound(message, target=name, hint="run.get_file_names() lists its files.")

    def download_many(self, prefix: str, folder: Path, *, keep_prefix: bool) -> List[Path]:
        """Write all files whose names begin so below a folder; where they are then."""
        written = []
        for artifact in self.list(prefix):
            path = check_relative_path(artifact.path)
            name = path if keep_prefix else path[len(prefix) :].lstrip("/")
            target = folder / check_relative_path(name or path.rpartition("/")[2])
            self._fetch(artifact, target)
            written.append(target)
        return written

    def _fetch(self, artifact: Artifact, target: Path) -> None:
        request = Request("GET", f"/runs/{self._run_id}/artifact", {"path": artifact.path})
        fetch_file(self._client, request, target, artifact.digest, artifact.size)

    def _name(self, files: Sequence[SourceFile], sent: SentFiles) -> None:
        """Record the files that the server has the bytes of."""
        numbers = []
        for file in files:
            if file.path in sent.digests:
                size = sent.files[file.path].size
                record = NewArtifact(self._run_id, file.path, sent.digests[file.path], size, now())
                numbers.append(self._writer.put(record, awaited=True))
        self._writer.settle(numbers)

    def _send_stream(self, stream: BinaryIO) -> Tuple[str, int]:
        """Send what a stream holds, over a file, since its digest must be known before."""
        import tempfile  # noqa: PLC0415  # seldom needed, and a script's first line must come soon

        digest = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as spool:
            for chunk in _chunks(stream):
                digest.update(chunk)
                spool.write(chunk)
            size = spool.tell()
            send_stream(self._client, cast("BinaryIO", spool), size, digest.hexdigest())
        return digest.hexdigest(), size


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        chunk: Union[bytes, str] = stream.read(_CHUNK)
        if not chunk:
            return
        yield chunk.encode("utf-8") if isinstance(chunk, str) else chunk


def files_below(root: Path) -> Iterator[Path]:
    """Every file of a folder and of the folders below it."""
    for folder, _, names in os.walk(root):
        yield from (path for path in (Path(folder, name) for name in sorted(names)) if path.is_file())
