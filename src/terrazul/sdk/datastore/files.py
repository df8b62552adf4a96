"""Datastores that hold files: uploading, downloading, looking, and references to what lies in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence, Union

from terrazul.core.errors import InvalidInput, MissingFile
from terrazul.core.paths import check_relative_path
from terrazul.data.pattern import normal
from terrazul.sdk.client import class_of
from terrazul.sdk.console import Progress, say
from terrazul.sdk.datastore.abstract import AbstractDatastore
from terrazul.sdk.run_files import files_below
from terrazul.wire.datastore import DataFile, FolderPage

if TYPE_CHECKING:
    from terrazul.data.access import Download, Upload
    from terrazul.sdk.data_reference import DataReference

_NAMED = 5


class FileDatastore(AbstractDatastore):
    """A datastore that holds files."""

    def path(self, path: Optional[str] = None, data_reference_name: Optional[str] = None) -> DataReference:
        """A reference to a file or folder of it; without a path, to all of it."""
        reference: DataReference = class_of("data_reference")(self, data_reference_name, path)
        return reference

    def as_download(self, path_on_compute: Optional[str] = None) -> DataReference:
        """All of it, to be downloaded to where a run is executed."""
        return self.path().as_download(path_on_compute)

    def as_upload(self, path_on_compute: Optional[str] = None) -> DataReference:
        """All of it, as the place to which a run uploads."""
        return self.path().as_upload(path_on_compute)

    def as_mount(self) -> DataReference:
        """All of it, as a folder where a run is executed."""
        return self.path().as_mount()

    def upload(
        self, src_dir: str, target_path: Optional[str] = None, overwrite: bool = False, show_progress: bool = True
    ) -> DataReference:
        """Upload all files below a folder; a reference to where they are.

        A file that is there already stays, unless ``overwrite``. Raises ``MissingFile`` for a folder that is not there.
        """
        root = Path(src_dir)
        if not root.is_dir():
            message = f"The folder '{src_dir}' does not exist."
            raise MissingFile(message, target=str(src_dir), hint="Name a folder; upload_files() takes files.")
        return self._upload(list(files_below(root)), root, target_path, overwrite, show_progress)

    def upload_files(
        self,
        files: Sequence[Union[str, os.PathLike[str]]],
        relative_root: Optional[str] = None,
        target_path: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> DataReference:
        """Upload files; a reference to where they are.

        Their paths count from ``relative_root`` on, without it from the folder that all of them lie in. A file that is
        there already stays, unless ``overwrite``. Raises ``MissingFile``, ``InvalidInput``.
        """
        if isinstance(files, (str, os.PathLike)):
            message = "files is one path, and must be a list of paths."
            raise InvalidInput(message, target="files", hint=f"Pass files=[{str(files)!r}].")
        sources = [Path(os.path.abspath(file)) for file in files]  # noqa: PTH100  # `resolve` would follow links
        missing = [str(given) for given, source in zip(files, sources) if not source.is_file()]
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            message = f"No such file: {', '.join(missing[:_NAMED])}{more}."
            raise MissingFile(message, target=missing[0], hint="Nothing was uploaded. Paths count from here.")
        root = Path(os.path.abspath(relative_root)) if relative_root else _common(sources)  # noqa: PTH100  # as above
        outside = next((source for source in sources if root not in source.parents), None)
        if outside is not None:
            message = f"The file '{outside}' does not lie below the relative_root '{root}'."
            raise InvalidInput(message, target=str(outside))
        return self._upload(sources, root, target_path, overwrite, show_progress)

    def download(
        self, target_path: str, prefix: Optional[str] = None, overwrite: bool = False, show_progress: bool = True
    ) -> int:
        """Download the files whose paths begin with ``prefix``, or all, under their paths; how many were downloaded.

        A file that is on the disk already stays, unless ``overwrite``; even then one of the same size and time is not
        fetched again. So a download that was broken off goes on where it was.
        """
        from terrazul.data.access import Download, Transfer, is_here  # noqa: PLC0415  # what many scripts never need

        root = Path(target_path)
        found = list(self.files(self._meant_by(prefix)))
        wanted = [Download(file, root / check_relative_path(file.path)) for file in found]
        due = [each for each in wanted if not (is_here(each) if overwrite else each.target.exists())]
        progress = Progress("Downloading", sum(each.file.size for each in due)) if show_progress else None
        _check_room(root, due)
        try:
            Transfer(self.link, progress.add if progress else None).download(due)
        finally:
            if progress:
                progress.close()
        if show_progress:
            say(_told("Downloaded", len(due), len(wanted) - len(due)))
        return len(due)

    def files(self, pattern: str = "") -> Iterator[DataFile]:
        """The files that a pattern means, by path; Terrazul's own.

        ``*`` and ``?`` stand within a part, ``**`` over parts, and a folder for all files below it.
        """
        return self.link.find(pattern)

    def browse(self, folder: str = "") -> FolderPage:
        """What lies in one folder; Terrazul's own."""
        return self.link.browse(folder)

    def delete(self, path: str) -> None:
        """Delete a file for good. Raises ``DataNotFound``; Terrazul's own."""
        self.link.delete(path)

    def _upload(
        self, sources: List[Path], root: Path, target_path: Optional[str], overwrite: bool, show_progress: bool
    ) -> DataReference:
        from terrazul.data.access import Transfer, Upload  # noqa: PLC0415  # as above

        target = normal(target_path) if target_path else ""
        prefix = f"{target}/" if target else ""
        uploads = [
            Upload(source, check_relative_path(prefix + source.relative_to(root).as_posix()), source.stat().st_size)
            for source in sources
        ]
        there = set() if overwrite else self._there(uploads, target)
        due = [each for each in uploads if each.path not in there]
        progress = Progress("Uploading", sum(each.size for each in due)) if show_progress else None
        try:
            stayed = Transfer(self.link, progress.add if progress else None).upload(due, overwrite)
        finally:
            if progress:
                progress.close()
        if show_progress:
            say(_told("Uploaded", len(due) - len(stayed), len(uploads) - len(due) + len(stayed)))
        return self.path(target or None)

    def _meant_by(self, prefix: Optional[str]) -> str:
        """The pattern of v1's prefix, which need not end at the end of a part."""
        bare = (prefix or "").lstrip("/")
        return f"{bare}*/**" if bare and not bare.endswith("/") else bare

    def _there(self, uploads: Sequence[Upload], target: str) -> set[str]:
        """Those of the paths that are there already; of few files each is asked for when it is sent."""
        if len(uploads) <= _NAMED:
            return set()
        return {file.path for file in self.files(target)}


def _common(sources: Sequence[Path]) -> Path:
    folders = {str(source.parent) for source in sources}
    return Path(os.path.commonpath(sorted(folders))) if folders else Path()


def _check_room(root: Path, due: Sequence[Download]) -> None:
    from terrazul.data.access import free_bytes  # noqa: PLC0415  # as above

    wanted = sum(each.file.size for each in due)
    free = free_bytes(root.absolute())
    if wanted > free:
        message = f"{wanted} bytes are to be downloaded, and the disk of '{root}' has room for {free}."
        raise InvalidInput(message, target=str(root), hint="Free some space, or choose another target_path.")


def _told(verb: str, count: int, stayed: int) -> str:
    noun = "file" if count == 1 else "files"
    beside = f"; {stayed} more were there already and stayed" if stayed else ""
    return f"{verb} {count} {noun}{beside}."
