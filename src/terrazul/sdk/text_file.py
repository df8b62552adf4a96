"""Text files that a user names."""

from __future__ import annotations

from pathlib import Path

from terrazul.core.errors import MissingFile, UserErrorException


def read(file: Path) -> str:
    """The text of a file in UTF-8. Raises ``MissingFile``, and ``UserErrorException`` where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        message = f"There is no file '{file}'."
        raise MissingFile(message, target=str(file), hint=f"It is looked for as {file.absolute()}.") from error
    except OSError as error:
        message = f"The file '{file}' cannot be read: {error.strerror}."
        raise UserErrorException(message, target=str(file)) from error
    except UnicodeDecodeError as error:
        message = f"The file '{file}' is not text in UTF-8."
        raise UserErrorException(message, target=str(file), hint="Save it in UTF-8.") from error
