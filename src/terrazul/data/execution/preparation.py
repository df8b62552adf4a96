"""Makes files such that polars reads them: UTF-8, not compressed, and with a name that stands for itself."""

from __future__ import annotations

import codecs
import gzip
import os
import shutil
from pathlib import Path
from types import MappingProxyType
from typing import IO, Mapping, NamedTuple, cast

from terrazul.core.errors import DatasetExecutionError
from terrazul.data.plan.source import ENCODINGS

_CHUNK = 1 << 20
_TAIL = 1 << 12
_GZIP = b"\x1f\x8b"
_AS_THEY_ARE = frozenset({"utf8", "utf8bom", "ascii"})
_WILD = frozenset("*?[")


class SourceFile(NamedTuple):
    """A file whose rows are read."""

    local: Path
    """Where it lies on this machine."""
    path: str
    """What errors and the column ``Path`` call it."""
    partition: Mapping[str, object] = MappingProxyType({})


class Scratch:
    """A folder for what is made on the way; whoever made it removes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def place(self, suffix: str = "") -> Path:
        """A path at which nothing lies yet."""
        while True:
            self._made += 1
            place = self._folder / f"{self._made:06d}{suffix}"
            if not place.exists() and not place.is_symlink():
                return place


def as_text(file: SourceFile, encoding: str, scratch: Scratch) -> SourceFile:
    """The file in UTF-8 and not compressed; written anew where it is not so.

    Raises ``DatasetExecutionError`` where its bytes are not of the encoding.
    """
    is_packed = _begins_with(file.local, _GZIP)
    if encoding in _AS_THEY_ARE and not is_packed:
        return with_plain_name(without_last_blank_lines(file, scratch), scratch)
    target = scratch.place(".txt")
    try:
        with _open(file.local, is_packed=is_packed) as source, target.open("wb") as sink:
            if encoding in _AS_THEY_ARE:
                shutil.copyfileobj(source, sink, _CHUNK)
            else:
                _transcode(source, sink, encoding)
    except (UnicodeError, EOFError, OSError) as error:
        message = f"The file {file.path!r} cannot be read as {encoding}: {error}."
        hint = "Name its encoding: encoding='latin1', for example."
        raise DatasetExecutionError(message, exception=error, target=file.path, hint=hint) from error
    return without_last_blank_lines(file._replace(local=target), scratch)


def without_last_blank_lines(file: SourceFile, scratch: Scratch) -> SourceFile:
    """The file without blank lines at its end, which would be rows without values."""
    with file.local.open("rb") as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(max(0, size - _TAIL))
        tail = source.read()
        blank = len(tail) - len(tail.rstrip(b"\r\n"))
        if tail[len(tail) - blank :].count(b"\n") <= 1:
            return file
        target = scratch.place(".txt")
        source.seek(0)
        with target.open("wb") as sink:
            left = size - blank
            while left:
                chunk = source.read(min(_CHUNK, left))
                sink.write(chunk)
                left -= len(chunk)
            sink.write(b"\n")
    return file._replace(local=target)


def with_plain_name(file: SourceFile, scratch: Scratch) -> SourceFile:
    """The file under a name without signs that polars takes for a pattern."""
    if not _WILD & set(str(file.local)):
        return file
    target = scratch.place(file.local.suffix.translate(dict.fromkeys(map(ord, _WILD))))
    try:
        target.symlink_to(file.local.absolute())
    except OSError:
        shutil.copyfile(file.local, target)
    return file._replace(local=target)


def _transcode(source: IO[bytes], sink: IO[bytes], encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(ENCODINGS[encoding])()
    while True:
        chunk = source.read(_CHUNK)
        sink.write(decoder.decode(chunk, final=not chunk).encode())
        if not chunk:
            return


def _open(path: Path, *, is_packed: bool) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path) if is_packed else path.open("rb"))  # closed by the caller


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(mark)) == mark
