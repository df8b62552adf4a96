"""What must hold of datastores. Pure; no message tells a credential."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from terrazul.core.errors import Conflict, InvalidInput
from terrazul.server.datastore.kind import Field
from terrazul.wire.datastore import DataFile, FolderPage, NewDatastore, Query

BUILT_IN = ("workspaceblobstore", "workspacefilestore")
"""Every workspace has them, in the server's own storage; the first is the default until another one is."""
LOCAL_FOLDER = "LocalFolder"
MOST_PATHS = 1000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_TEXT_LIMIT = 4096
_CREDENTIAL_LIMIT = 25_600
_QUERY_LIMIT = 100_000
_LONGEST_QUERY_SECONDS = 3600
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


def key_of(name: str) -> str:
    """The text under which a datastore is unique: its name without case. Raises ``InvalidInput``."""
    if not _NAME.match(name):
        raise InvalidInput(
            f"{name[:80]!r} is no name of a datastore.", target="name", hint="Use up to 255 letters, digits, '_', '-'."
        )
    return name.lower()


def check_not_built_in(key: str, what: str) -> None:
    """Raise ``Conflict`` for a datastore that comes with the workspace."""
    if key in BUILT_IN:
        raise Conflict(f"{key} comes with the workspace and cannot be {what}.", target=key)


def check_new(new: NewDatastore, settings: Mapping[str, Field], credential: Mapping[str, Field]) -> None:
    """Raise ``InvalidInput`` unless all fields are known, of their type, and none that must be there is missing."""
    _check_fields(new.kind, "setting", new.settings, settings)
    given = new.credential or {}
    _check_fields(new.kind, "credential field", given, credential)
    if sum(len(value.encode()) for value in given.values()) > _CREDENTIAL_LIMIT:
        raise InvalidInput(f"A credential has at most {_CREDENTIAL_LIMIT} bytes.", target="credential")


def _check_fields(kind: str, what: str, given: Mapping[str, Any], known: Mapping[str, Field]) -> None:
    listed = ", ".join(known) or "none"
    for name, value in given.items():
        field = known.get(name)
        if field is None:
            raise InvalidInput(
                f"{kind} has no {what} {name[:80]!r}.", target=name[:80], hint=f"What there is: {listed}."
            )
        if type(value) is not field.type:
            raise InvalidInput(f"The {what} {name!r} of {kind} must be of type {field.type.__name__}.", target=name)
        if not (str(value).isprintable() or (field.has_lines and "\0" not in str(value))):
            raise InvalidInput(f"The {what} {name!r} of {kind} holds a control character.", target=name)
        if what == "setting" and len(str(value)) > _TEXT_LIMIT:
            raise InvalidInput(f"The setting {name!r} has more than {_TEXT_LIMIT} characters.", target=name)
    for name, field in known.items():
        if field.is_required and given.get(name) in {None, ""}:
            raise InvalidInput(f"{kind} needs the {what} {name!r}.", target=name, hint=field.about)


def check_query(query: Query) -> None:
    """Raise ``InvalidInput`` for a query that cannot be sent."""
    if not query.text.strip() or len(query.text) > _QUERY_LIMIT or "\0" in query.text:
        raise InvalidInput(f"A query has 1 to {_QUERY_LIMIT} characters, and none of code 0.", target="text")
    if not 1 <= query.timeout_seconds <= _LONGEST_QUERY_SECONDS:
        raise InvalidInput(
            f"A query may take 1 to {_LONGEST_QUERY_SECONDS} seconds, not {query.timeout_seconds}.",
            target="timeout_seconds",
        )


def check_number_of_paths(count: int) -> None:
    """Raise ``InvalidInput`` for more files than can be asked for at once."""
    if count > MOST_PATHS:
        raise InvalidInput(f"{count} files are too many at once.", target="paths", hint=f"Name at most {MOST_PATHS}.")


def read_range(header: str | None) -> tuple[int | None, int | None]:
    """Start and end (exclusive) of what a ``Range`` header asks for; a negative start counts from the end.

    What cannot be read asks for everything, as HTTP has it.
    """
    match = _RANGE.match(header or "")
    if match is None or match.groups() == ("", ""):
        return None, None
    first, last = match.groups()
    if not first:
        return (-int(last), None) if int(last) else (0, 0)
    return int(first), int(last) + 1 if last else None


def span_of(start: int | None, end: int | None, size: int) -> tuple[int, int]:
    """First byte and number of bytes of a part of a file. Raises ``InvalidInput`` for one that lies outside."""
    if start is None:
        return 0, size
    first = max(0, size + start) if start < 0 else start
    last = size if end is None else min(end, size)
    if first >= last:
        raise InvalidInput(f"That range lies outside of the file's {size} bytes.", target="Range")
    return first, last - first


def folder_page(folders: Collection[str], files: Mapping[str, DataFile], after: str, limit: int) -> FolderPage:
    """One page of what lies in a folder, by the names in it: those beyond ``after``, in their order."""
    known = set(folders)
    names = sorted(name for name in {*known, *files} if name > after)
    page = names[:limit]
    return FolderPage(
        [name for name in page if name in known],
        [files[name] for name in page if name in files],
        page[-1] if len(names) > limit else None,
    )
