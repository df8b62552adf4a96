"""Names of files inside a run, a snapshot or a model: relative, ``/`` between the parts, never out of their root."""

from __future__ import annotations

import re
import unicodedata
from typing import Sequence

from terrazul.core.errors import InvalidInput

_PATH_LIMIT = 1024
_PART_LIMIT = 255
_SCHEME = re.compile(r"[A-Za-z]:|file:|[A-Za-z][A-Za-z0-9+.-]*://", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_relative_path(text: str) -> str:
    """The text as a path inside a root.

    Refused are: absolute paths, drives and URLs, ``..`` and ``.`` parts (also written with full-width or other dots
    that normalise to them), empty parts, back-slashes, control characters, and what is longer than 1024 bytes in all or
    255 bytes in a part. Raises ``InvalidInput``.
    """
    problem = _problem_of(text)
    if problem:
        message = f"The path {text[:120]!r} is not valid: {problem}."
        raise InvalidInput(message, target=text[:120], hint="Give a relative path with '/' between its parts.")
    return text


def check_tree(paths: Sequence[str], whole: str) -> None:
    """Refuse paths that no folder can hold: one that stands twice, or is both a file and a folder.

    ``whole`` is what they belong to, such as ``snapshot``. Raises ``InvalidInput``.
    """
    files = set(paths)
    if len(files) < len(paths):
        message = f"The {whole} names a path twice."
        raise InvalidInput(message, target="files")
    folders = {path.rpartition("/")[0] for path in files}
    while folders:
        clash = files & folders
        if clash:
            message = f"The {whole} has {min(clash)!r} as a file and as a folder."
            raise InvalidInput(message, target=min(clash))
        folders = {folder.rpartition("/")[0] for folder in folders} - {""}


def _problem_of(text: str) -> str:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return "it is not Unicode text"
    problems = {
        "it is empty": not text,
        f"it is longer than {_PATH_LIMIT} bytes": size > _PATH_LIMIT,
        "it contains a control character": _CONTROL.search(text),
        "it contains a back-slash": "\\" in text,
        "it is not relative": text.startswith("/") or _SCHEME.match(text),
    }
    for problem, holds in problems.items():
        if holds:
            return problem
    return next(filter(None, map(_problem_of_part, text.split("/"))), "")


def _problem_of_part(part: str) -> str:
    if not part:
        return "it has an empty part"
    if unicodedata.normalize("NFKC", part) in {".", ".."}:
        return "it has a part '.' or '..'"
    if len(part.encode("utf-8")) > _PART_LIMIT:
        return f"a part is longer than {_PART_LIMIT} bytes"
    return ""
