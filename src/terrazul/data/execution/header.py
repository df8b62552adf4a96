"""The names of the columns of delimited files."""

from __future__ import annotations

import csv
import shutil
from typing import List, NamedTuple, Sequence

from terrazul.core.errors import DatasetExecutionError
from terrazul.data.execution.preparation import Scratch, SourceFile
from terrazul.data.plan.source import COMBINED, FIRST_FILE, SAME, DelimitedFiles


class Group(NamedTuple):
    """Files that are read together: the names of their columns in their order, and whether they have headers."""

    files: List[SourceFile]
    names: List[str]
    has_header: bool


def groups_of(files: Sequence[SourceFile], source: DelimitedFiles) -> List[Group]:
    """The files that have something in them, in groups. Raises ``DatasetExecutionError`` where headers differ."""
    groups: List[Group] = []
    names: List[str] = []
    for file in files:
        record = first_record(file, source.separator)
        if not record:
            continue
        has_header = source.header in {SAME, COMBINED} or (source.header == FIRST_FILE and not groups)
        own = _names_of(record) if has_header else names or _numbered(record)
        if source.header == SAME and groups and sorted(own) != sorted(names):
            raise _differ(file, own, groups[0].files[0], names)
        names = names or own
        if groups and groups[-1].names == own and groups[-1].has_header == has_header:
            groups[-1].files.append(file)
        else:
            groups.append(Group([file], own, has_header))
    return groups


def first_record(file: SourceFile, separator: str) -> List[str]:
    """The fields of the first record; none for an empty file."""
    try:
        with file.local.open(encoding="utf-8-sig", newline="") as text:
            return next((record for record in csv.reader(text, delimiter=separator) if record), [])
    except (UnicodeError, csv.Error) as error:
        raise unreadable(file, str(error)) from error


def has_rows(file: SourceFile, separator: str) -> bool:
    """Whether there is anything below the header."""
    with file.local.open(encoding="utf-8-sig", newline="", errors="replace") as text:
        records = (record for record in csv.reader(text, delimiter=separator) if record)
        return next(records, None) is not None and next(records, None) is not None


def without_long_header(group: Group, scratch: Scratch) -> Group:
    """The files without their headers, where those take more than a line, which polars would not skip."""
    lines = sum(name.count("\n") for name in group.names)
    if not group.has_header or not lines:
        return group
    return group._replace(files=[_without_lines(file, lines + 1, scratch) for file in group.files], has_header=False)


def _without_lines(file: SourceFile, count: int, scratch: Scratch) -> SourceFile:
    target = scratch.place(".txt")
    with file.local.open("rb") as source, target.open("wb") as sink:
        for _line in range(count):
            source.readline()
        shutil.copyfileobj(source, sink)
    return file._replace(local=target)


def unreadable(file: SourceFile, reason: str) -> DatasetExecutionError:
    """The error for a file that is no text of the encoding."""
    message = f"The file {file.path!r} cannot be read: {reason}."
    hint = "Is its encoding another one? Pass encoding='latin1', for example."
    return DatasetExecutionError(message, target=file.path, hint=hint)


def _names_of(record: Sequence[str]) -> List[str]:
    """The names in a header; what has none gets its number, and what is there twice too."""
    names: List[str] = []
    for place, given in enumerate(record, 1):
        name, number = given or f"Column{place}", 0
        while name in names:
            number += 1
            name = f"{given or f'Column{place}'}_{number}"
        names.append(name)
    return names


def _numbered(record: Sequence[str]) -> List[str]:
    return [f"Column{place}" for place in range(1, len(record) + 1)]


def _differ(file: SourceFile, own: Sequence[str], first: SourceFile, names: Sequence[str]) -> DatasetExecutionError:
    other = [name for name in own if name not in names] or [name for name in names if name not in own]
    message = (
        f"The headers of {first.path!r} and {file.path!r} differ: {', '.join(map(repr, other[:10]))} is in one of them."
    )
    hint = "Pass header=PromoteHeadersBehavior.COMBINE_ALL_FILES_HEADERS to have the columns of all of them."
    return DatasetExecutionError(message, target=file.path, hint=hint)
