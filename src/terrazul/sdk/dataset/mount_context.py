"""A folder in which the files of a dataset are found for a while."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, List, Optional

from terrazul.core.errors import UserErrorException
from terrazul.data.files import DatasetFile
from terrazul.sdk.dataset.reach import Reach


class MountContext:
    """The files of a dataset in a folder, for reading, between ``start`` and ``stop``; v1's name for it.

    What lies on this machine is read there, and all else is brought through the cache of this machine.
    """

    def __init__(self, list_files: Callable[[], List[DatasetFile]], reach: Reach, mount_point: Optional[str]) -> None:
        self._list_files = list_files
        self._reach = reach
        self._wanted = mount_point
        self._folder: Optional[Path] = None
        self._open: Optional[ExitStack] = None

    @property
    def mount_point(self) -> str:
        """The folder."""
        if self._folder is None:
            self._folder = Path(self._wanted).absolute() if self._wanted else Path(tempfile.mkdtemp(prefix="terrazul-"))
        return str(self._folder)

    def start(self) -> None:
        """Make the files appear. Raises ``UserErrorException`` where the folder is not empty."""
        if self._open is not None:
            return
        folder = Path(self.mount_point)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            message = f"{str(folder)!r} is not an empty folder."
            raise UserErrorException(message, target=str(folder), hint="Name another mount_point.")
        files = self._list_files()
        with ExitStack() as opened:
            if not folder.exists() or not self._wanted:
                opened.callback(_remove_empty, folder)
            folder.mkdir(parents=True, exist_ok=True)
            places = opened.enter_context(self._reach.here(files))
            for file, place in zip(files, places):
                self._show(opened, folder, file.path, place)
            self._open = opened.pop_all()

    def stop(self) -> None:
        """Take the files away again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _show(self, opened: ExitStack, folder: Path, path: str, place: Path) -> None:
        target = folder / path
        for parent in reversed(target.relative_to(folder).parents[:-1]):
            if not (folder / parent).exists():
                (folder / parent).mkdir()
                opened.callback(_remove_empty, folder / parent)
        target.symlink_to(place.absolute())
        opened.callback(target.unlink)

    def __enter__(self) -> MountContext:  # noqa: PYI034  # typing.Self is younger than Python 3.8
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
