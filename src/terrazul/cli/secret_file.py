"""Secrets that a command takes from a file: they never stand on the command line, which others can see."""

from __future__ import annotations

from pathlib import Path

from terrazul.cli.command import UsageError
from terrazul.core.errors import MissingFile


def read_secret(file: str) -> str:
    """The text of a file, to its last byte. Raises ``MissingFile``, or ``UsageError`` for what is no text."""
    try:
        return decoded(Path(file).read_bytes(), file)
    except OSError as error:
        message = f"The file {file} cannot be read: {error.strerror}."
        raise MissingFile(message, target=file) from error


def decoded(data: bytes, source: str) -> str:
    """Bytes as text. Raises ``UsageError`` for what is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        message = f"What {source} holds is no text in UTF-8."
        raise UsageError(message, hint="Encode it first, for example with `base64`.") from None
