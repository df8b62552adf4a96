"""The way from a dataset to its files: through the workspace, on the web, or on this machine."""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from terrazul.core.clock import to_text
from terrazul.core.errors import DatasetValidationError, DatasetWithoutData, InvalidInput
from terrazul.data import web
from terrazul.data.files import DatasetFile
from terrazul.data.pattern import PathPattern
from terrazul.data.plan.plan import is_local, is_web
from terrazul.sdk.datastore.link import DatastoreLink
from terrazul.wire.dataset import DataLocation
from terrazul.wire.datastore import DataFile, FileAccess

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

Progress = Callable[[int], None]


class Reach:
    """Lists and brings the files of datasets of a workspace; without one, those on the web and of this machine."""

    def __init__(self, workspace: Optional[Workspace]) -> None:
        self._workspace = workspace
        self._links: Dict[str, DatastoreLink] = {}

    def list_files(self, location: DataLocation) -> Iterable[DataFile]:
        """The files of one location, by path."""
        if is_web(location):
            return [web.look_at(location.path)]
        if is_local(location):
            return _local_files(location.path)
        return self.link(location.datastore).find(location.path)

    def link(self, datastore: str) -> DatastoreLink:
        """The way to a datastore. Raises ``InvalidInput`` where the workspace is not known."""
        if self._workspace is None:
            message = f"The dataset lies on the datastore {datastore!r}, and its workspace is not known."
            raise InvalidInput(message, target=datastore, hint="Get it with Dataset.get_by_name(workspace, name).")
        if datastore not in self._links:
            self._links[datastore] = DatastoreLink(self._workspace.client, datastore)
        return self._links[datastore]

    def access(self, datastore: str, paths: Sequence[str]) -> List[FileAccess]:
        """The short ways to the bytes of files."""
        return self.link(datastore).access(list(paths), False)

    def fetch(self, datastore: str, files: Sequence[Tuple[DataFile, Path]], progress: Progress) -> None:
        """Bring files to places of this machine."""
        from terrazul.data.access import Download, Transfer  # noqa: PLC0415  # what many scripts never need

        if datastore:
            Transfer(self.link(datastore), progress).download([Download(file, target) for file, target in files])
            return
        for file, target in files:
            web.fetch(file.path, target, progress)

    @contextmanager
    def here(self, files: Sequence[DatasetFile]) -> Iterator[List[Path]]:
        """Places of this machine where the files can be read until the end of the block.

        What lies on this machine is read there; all else comes through its cache.
        """
        from terrazul.data.cache import of_this_machine  # noqa: PLC0415  # as above

        away = [file for file in files if not is_local(location_of(file))]
        if not away:
            yield [Path(file.file.path) for file in files]
            return
        with of_this_machine().lease() as folder:
            self.bring(away, folder, own=False)
            yield [Path(file.file.path) if is_local(location_of(file)) else folder / file.path for file in files]

    def bring(self, files: Sequence[DatasetFile], folder: Path, *, own: bool) -> None:
        """Put files below a folder, under their paths: as the caller's own copies, or for reading only."""
        from terrazul.data import cache, delivery  # noqa: PLC0415  # as above

        local = [file for file in files if is_local(location_of(file))]
        for file in local:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if own:
                cache.copy(Path(file.file.path), target)
            else:
                target.symlink_to(file.file.path)
        rest = [file for file in files if not is_local(location_of(file))]
        workspace_id = self._workspace.workspace_id if self._workspace else ""
        bringer = delivery.Bringer(self, cache.of_this_machine(), workspace_id, _go_on)
        if rest:
            bringer.bring(rest, folder, own=own)

    def beginning(self, file: DatasetFile, target: Path, size: int) -> bool:
        """Write about so many bytes of the beginning of a file; whether that is all of it."""
        if is_local(location_of(file)):
            with Path(file.file.path).open("rb") as source:
                target.write_bytes(source.read(size))
        elif not file.datastore:
            web.fetch(file.file.path, target, most=size)
        else:
            end = min(size, file.file.size)
            with self.link(file.datastore).read(file.file.path, 0, end or None) as chunks:
                target.write_bytes(b"".join(chunks))
        known = file.file.size if file.file.size >= 0 else size + 1
        return known <= target.stat().st_size


def location_of(file: DatasetFile) -> DataLocation:
    """The location of a single file."""
    return DataLocation(file.file.path, file.datastore)


def refuse_local(places: Iterable[DataLocation], what: str) -> None:
    """Raise ``DatasetValidationError`` where data lies on this machine only."""
    for place in places:
        if is_local(place):
            message = f"{place.path!r} is a path of this machine, so the dataset cannot be {what}."
            hint = "Upload it first: Dataset.File.upload_directory(src_dir, (datastore, 'a/folder'))."
            raise DatasetValidationError(message, target=place.path, hint=hint)


def _go_on() -> None:
    return


def _local_files(path: str) -> List[DataFile]:
    """The files of this machine that a path means: a file, all below a folder, or those that a pattern fits."""
    if os.path.isfile(path):  # noqa: PTH113  # a path of the user's, as it is
        return [_local_file(path)]
    plain = path.replace("\\", "/")
    root = _root_of(plain)
    pattern = PathPattern(plain[len(root) :].lstrip("/"))
    found = [
        _local_file(os.path.join(folder, name))  # noqa: PTH118  # as above
        for folder, _folders, names in os.walk(root)
        for name in names
        if pattern.matches(os.path.join(folder, name).replace("\\", "/")[len(root) :].lstrip("/"))  # noqa: PTH118  # as above
    ]
    if not found:
        message = f"There is no file {path!r} on this machine."
        hint = "Paths count from the working directory; '**' in a path means all folders below."
        raise DatasetWithoutData(message, target=path, hint=hint)
    return sorted(found, key=lambda file: file.path)


def _root_of(path: str) -> str:
    """The folder before the first part with a wild sign."""
    parts = path.split("/")
    for place, part in enumerate(parts):
        if "*" in part or "?" in part:
            return "/".join(parts[:place]) or "/"
    return path


def _local_file(path: str) -> DataFile:
    facts = Path(path).stat()
    moment = datetime.fromtimestamp(facts.st_mtime, timezone.utc)
    return DataFile(path, facts.st_size, to_text(int(moment.timestamp() * 1_000_000)))
