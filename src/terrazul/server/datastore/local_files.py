"""Files below a folder of this machine, from which no path and no link leads out.

Every file is opened part by part below the folder, none of the parts being a link at that moment: what a path means is
found first, and if somebody exchanges a part for a link in between, the file is not opened.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from terrazul.core.clock import to_text
from terrazul.core.errors import AlreadyExists, Conflict, InvalidInput
from terrazul.server.blobs.kinds.local import no_room_told
from terrazul.wire.datastore import DataFile, FolderPage

_CHUNK = 1 << 20
_AT_ONCE = 1000
_WITHOUT_NAME = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")
"""What a path may not hold; files with such names cannot be named, so no list has them."""
_PARTIAL = ".terrazul-{}.part"
_IS_PARTIAL = re.compile(r"\.terrazul-[0-9a-f]{32}\.part\Z")
_NANOSECONDS = 1000


class _Entry(NamedTuple):
    name: str
    is_folder: bool
    info: os.stat_result


class LocalFiles:
    """The files below one folder; ``beyond`` is a folder whose files are none of them. All calls block."""

    def __init__(self, root: Path, beyond: Path | None) -> None:
        self.root = root
        self._beyond = None if beyond is None else Path(os.path.realpath(beyond))

    def check(self, *, create: bool) -> str:
        """Why the folder cannot be used; empty where it can."""
        try:
            if create:
                self.root.mkdir(parents=True, exist_ok=True)
            with os.scandir(self.root) as entries:
                next(entries, None)
        except OSError as error:
            return f"the folder {self.root} cannot be read: {error.strerror}."
        return ""

    def find(self, path: str) -> DataFile | None:
        """The file of a path."""
        info = self._look(path)
        return file_of(path, info) if info is not None and stat.S_ISREG(info.st_mode) else None

    def place_of(self, path: str) -> tuple[Path, os.stat_result] | None:
        """Where a file really lies, and how it is now."""
        real = self._real(path)
        info = None if real is None else self._look(path)
        return None if real is None or info is None or not stat.S_ISREG(info.st_mode) else (real, info)

    def browse(self, folder: str, after: str, limit: int) -> FolderPage:
        """What lies in one folder, beyond a name."""
        real = self._real(folder) if folder else self._root_now()
        entries = (
            [] if real is None else [each for each in self._entries(real, (real, *real.parents)) if each.name > after]
        )
        entries.sort(key=lambda each: each.name)
        page = entries[:limit]
        prefix = f"{folder}/" if folder else ""
        return FolderPage(
            [each.name for each in page if each.is_folder],
            [file_of(prefix + each.name, each.info) for each in page if not each.is_folder],
            page[-1].name if len(entries) > limit else None,
        )

    def walk(self, folder: str, after: str) -> Iterator[list[DataFile]]:
        """All files below a folder (or the one of that path) beyond a path, in the order of their paths."""
        single = self.find(folder) if folder else None
        if single is not None:
            if single.path > after:
                yield [single]
            return
        batch: list[DataFile] = []
        real = self._real(folder) if folder else self._root_now()
        for file in () if real is None else self._below(real, f"{folder}/" if folder else "", after, ()):
            batch.append(file)
            if len(batch) == _AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch

    def open(self, path: str) -> int | None:
        """A descriptor to read a file by; None where there is none."""
        real = self._real(path)
        if real is None:
            return None
        try:
            with self._folder(real.parent, make=False) as parent:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
                descriptor = os.open(real.name, flags, dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InvalidInput(f"{path!r} cannot be read: {error.strerror}.", target=path) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        return descriptor

    def begin(self, path: str) -> LocalWriting:
        """Begin to write a file; folders above it are made."""
        target = self._writable(path)
        with _told(path):
            stack = contextlib.ExitStack()
            parent = stack.enter_context(self._folder(target.parent, make=True))
        try:
            return LocalWriting(path, target.name, parent, stack)
        except BaseException:
            stack.close()
            raise

    def delete(self, path: str) -> DataFile | None:
        """Remove a file, and folders that are empty then; the file as it was."""
        file = self.find(path)
        if file is None:
            return None
        lexical = self._writable(path)
        with _told(path), self._folder(lexical.parent, make=False) as parent:
            os.unlink(lexical.name, dir_fd=parent)
        root = self._root_now()
        for folder in lexical.parents:
            if folder == root or root not in folder.parents:
                break
            try:
                folder.rmdir()
            except OSError:
                break
        return file

    def _root_now(self) -> Path:
        return Path(os.path.realpath(self.root))

    def _real(self, path: str) -> Path | None:
        """Where a path leads, links followed. Raises ``InvalidInput`` where that is not below the folder."""
        root = self._root_now()
        try:
            real = Path(os.path.realpath(root / path, strict=True))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise InvalidInput(f"{path!r} cannot be read: {error.strerror}.", target=path) from None
        if not self._holds(real, root):
            raise InvalidInput(
                f"{path!r} is a link that leads out of the datastore, so it is not followed.",
                target=path,
                hint="Copy the file into the folder, or register the folder that it lies in.",
            )
        return real

    def _writable(self, path: str) -> Path:
        """Where a file of that path is to lie: links of folders are followed, one in the file's place is replaced."""
        folder, _, name = path.rpartition("/")
        root = self._root_now()
        real = Path(os.path.realpath(root / folder))
        if not self._holds(real, root) and real != root:
            raise InvalidInput(f"{folder!r} leads out of the datastore.", target=path)
        return real / name

    def _holds(self, real: Path, root: Path) -> bool:
        inside = root in real.parents or real == root
        hidden = self._beyond is not None and (self._beyond == real or self._beyond in real.parents)
        return inside and not hidden

    @contextlib.contextmanager
    def _folder(self, real: Path, *, make: bool) -> Iterator[int]:
        """A descriptor of a folder below the root, opened part by part without following a link."""
        root = self._root_now()
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        if make:
            root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root, flags)
        try:
            for part in real.relative_to(root).parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=descriptor)
                inner = os.open(part, flags, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _look(self, path: str) -> os.stat_result | None:
        descriptor = self.open(path)
        if descriptor is None:
            return None
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def _below(self, folder: Path, prefix: str, after: str, above: tuple[Path, ...]) -> Iterator[DataFile]:
        entries = self._entries(folder, (*above, folder))
        entries.sort(key=lambda each: each.name + "/" if each.is_folder else each.name)
        for entry in entries:
            path = prefix + entry.name
            if not entry.is_folder:
                if path > after:
                    yield file_of(path, entry.info)
            elif path + "/" > after or after.startswith(path + "/"):
                yield from self._below(Path(os.path.realpath(folder / entry.name)), path + "/", after, (*above, folder))

    def _entries(self, folder: Path, above: tuple[Path, ...]) -> list[_Entry]:
        """What lies in a folder and has a name; links that lead out, or back to a folder above, are left out."""
        try:
            with os.scandir(folder) as found:
                known = [_entry(each) for each in found if not _WITHOUT_NAME.search(each.name)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise InvalidInput(f"The folder {folder.name!r} cannot be read: {error.strerror}.") from None
        root = self._root_now()
        return [entry for entry in filter(None, known) if self._shows(folder, entry, root, above)]

    def _shows(self, folder: Path, entry: _Entry, root: Path, above: tuple[Path, ...]) -> bool:
        if _IS_PARTIAL.match(entry.name):
            return False
        place = folder / entry.name
        if not place.is_symlink():
            return self._beyond is None or place != self._beyond
        real = Path(os.path.realpath(place))
        return self._holds(real, root) and real not in above


class LocalWriting:
    """A file on its way: it lies under another name until it is whole."""

    def __init__(self, path: str, name: str, parent: int, stack: contextlib.ExitStack) -> None:
        self._path = path
        self._name = name
        self._parent = parent
        self._stack = stack
        self._partial = _PARTIAL.format(secrets.token_hex(16))
        self.size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _told(path):
            self._file = os.fdopen(os.open(self._partial, flags, 0o644, dir_fd=parent), "wb")

    def write(self, data: bytes) -> None:
        """Add bytes."""
        with _told(self._path):
            self._file.write(data)
        self.size += len(data)

    def size_there(self) -> int:
        """The size of the file that is there now; 0 without one."""
        try:
            info = os.stat(self._name, dir_fd=self._parent, follow_symlinks=False)
        except FileNotFoundError:
            return 0
        return info.st_size if stat.S_ISREG(info.st_mode) else 0

    def commit(self, *, overwrite: bool) -> DataFile:
        """Put the file into its place, for good. Raises ``AlreadyExists``."""
        with _told(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())
            info = os.fstat(self._file.fileno())
            self._file.close()
            self._put(overwrite=overwrite)
            os.fsync(self._parent)
        self._stack.close()
        return file_of(self._path, info)

    def abort(self) -> None:
        """Forget the file."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            os.unlink(self._partial, dir_fd=self._parent)
        self._stack.close()

    def _put(self, *, overwrite: bool) -> None:
        inside = {"src_dir_fd": self._parent, "dst_dir_fd": self._parent}
        if overwrite:
            os.replace(self._partial, self._name, **inside)  # noqa: PTH105  # within the folder of a descriptor
            return
        try:
            os.link(self._partial, self._name, **inside, follow_symlinks=False)
        except FileExistsError:
            raise AlreadyExists(
                f"{self._path!r} is there already.", target=self._path, hint="Pass overwrite=True to have it replaced."
            ) from None
        os.unlink(self._partial, dir_fd=self._parent)


def read_part(descriptor: int, start: int, size: int) -> Iterator[bytes]:
    """A part of an open file, which is closed after it. Raises ``Conflict`` where it has become shorter."""
    with os.fdopen(descriptor, "rb") as file:
        file.seek(start)
        while size > 0:
            chunk = file.read(min(_CHUNK, size))
            if not chunk:
                raise Conflict("The file has become shorter while it was read.")
            size -= len(chunk)
            yield chunk


def _entry(found: os.DirEntry[str]) -> _Entry | None:
    try:
        info = found.stat()
    except OSError:  # a link to nothing, or gone meanwhile
        return None
    if not stat.S_ISREG(info.st_mode) and not stat.S_ISDIR(info.st_mode):
        return None
    return _Entry(found.name, stat.S_ISDIR(info.st_mode), info)


def file_of(path: str, info: os.stat_result) -> DataFile:
    """What a listing tells of a file of this machine."""
    etag = f"{info.st_mtime_ns:x}-{info.st_size:x}"
    return DataFile(path, info.st_size, to_text(max(0, info.st_mtime_ns // _NANOSECONDS)), etag)


@contextlib.contextmanager
def _told(path: str) -> Iterator[None]:
    """Say what stood in the way of a file. Raises ``InvalidInput``, ``InsufficientStorage``."""
    with no_room_told():
        try:
            yield
        except (PermissionError, NotADirectoryError, IsADirectoryError, FileNotFoundError) as error:
            raise InvalidInput(f"{path!r} cannot be written: {error.strerror}.", target=path) from None
