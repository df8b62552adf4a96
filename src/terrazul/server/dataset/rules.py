"""What must hold of datasets, and of what lies behind them. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from terrazul.core.clock import from_text
from terrazul.core.errors import DatasetValidationError, InvalidInput, NotATable, NotFound, TooLarge
from terrazul.data.identity import digest_of_files
from terrazul.data.plan.plan import Plan, is_web, read
from terrazul.server.datastore.rules import key_of
from terrazul.wire.dataset import (
    ACTIVE,
    ARCHIVED,
    DEPRECATED,
    TABULAR,
    ContentComparison,
    ContentFile,
    ContentSummary,
    DatasetChange,
    DatasetDefinition,
    NewDataset,
)
from terrazul.wire.dataset_profile import FORM, NewDatasetProfile
from terrazul.wire.datastore import DataFile
from terrazul.wire.lineage import Edge

DATASET, DATASTORE = "dataset", "datastore"
LOCATION = "location"
"""The role of the datastore on which the data of a dataset lies."""
STATES = (ACTIVE, DEPRECATED, ARCHIVED)
_LONGEST_NAME = 255
_MOST_TAGS = 1000
_LARGEST_VERSION = 999_999_999
_MOST_WEB_FILES = 10_000
_MOST_EXAMPLES = 20
_LARGEST_PROFILE = 16 << 20
_HTTP = ("http://", "https://")


class Content(NamedTuple):
    """The files behind a version, by datastore and path, and what sums them up."""

    files: list[ContentFile]
    digest: str
    size: int
    data_changed_at: str


def check_new(new: NewDataset) -> Plan:
    """The plan of a dataset that is to be saved. Raises ``InvalidInput``, ``DatasetValidationError``."""
    plan = read(new.definition)
    for location in plan.locations:
        if not location.datastore and not is_web(location):
            raise DatasetValidationError(
                f"{location.path[:200]!r} is a path of one machine, where nobody else finds it.",
                target=location.path[:200],
                hint="Upload it first: Dataset.File.upload_directory(src_dir, (datastore, 'folder')).",
            )
    if new.name:
        check_name(new.name)
    check_tags(new.tags)
    if len(new.files) > _MOST_WEB_FILES:
        raise InvalidInput(f"A dataset has at most {_MOST_WEB_FILES} web addresses.", target="files")
    for file in new.files:
        if not file.path.lower().startswith(_HTTP):
            raise InvalidInput(
                f"{file.path[:200]!r} is no web address.",
                target="files",
                hint="The server itself lists what lies on datastores.",
            )
    return plan


def check_name(name: str) -> None:
    """Raise ``InvalidInput`` for a text that is no name of a dataset."""
    if not name.strip() or name != name.strip() or len(name) > _LONGEST_NAME or "/" in name or not name.isprintable():
        raise InvalidInput(
            f"The dataset name {name[:80]!r} is not valid.",
            target=name[:80],
            hint=f"Use 1 to {_LONGEST_NAME} printable characters without '/', no space at its ends.",
        )


def check_version(name: str, version: int | None) -> None:
    """Raise ``NotFound`` for a number that no version has."""
    if version is not None and not 1 <= version <= _LARGEST_VERSION:
        raise NotFound(
            f"The dataset {name[:80]!r} has no version {version}.", target=name[:80], hint="Versions count from 1."
        )


def check_tags(tags: dict[str, str]) -> None:
    """Raise ``InvalidInput`` for tags that cannot be kept."""
    if len(tags) > _MOST_TAGS or any(not key for key in tags):
        raise InvalidInput(f"A dataset has at most {_MOST_TAGS} tags, none of them without a key.", target="tags")


def check_change(change: DatasetChange, dataset_id: str) -> None:
    """Raise ``InvalidInput`` for a change that cannot be made."""
    check_tags({**(change.replace_tags or {}), **change.set_tags})
    if change.state is not None and change.state not in STATES:
        raise InvalidInput(f"{change.state[:80]!r} is no state.", target="state", hint=f"Use {', '.join(STATES)}.")
    if change.deprecated_by and change.state != DEPRECATED:
        raise InvalidInput(
            "Only a deprecated dataset has another one that takes its place.",
            target="deprecated_by",
            hint=f"Set the state to {DEPRECATED!r} with it.",
        )
    if change.deprecated_by == dataset_id:
        raise InvalidInput("A dataset cannot take its own place.", target="deprecated_by", hint="Name another one.")


def digest_of(definition: DatasetDefinition) -> str:
    """What tells definitions apart."""
    return hashlib.sha256(msgspec.json.encode(definition, order="sorted")).hexdigest()


def content_of(listed: Iterable[tuple[str, DataFile]]) -> Content:
    """The content that files make, each with its datastore; a file that two locations name is one."""
    known = {(store, file.path): file for store, file in listed}
    digest = digest_of_files((store, file) for (store, _path), file in known.items())
    files = [
        ContentFile(path, file.size, store, file.modified_at, file.etag)
        for (store, path), file in sorted(known.items())
    ]
    times = [each.modified_at for each in files if each.modified_at]
    return Content(
        files,
        digest,
        sum(each.size for each in files),
        max(times, key=from_text) if times else "",
    )


def summary_of(content: Content, seen_at: str) -> ContentSummary:
    """A content in a few figures."""
    return ContentSummary(len(content.files), content.size, content.digest, seen_at, content.data_changed_at)


def compare(before: Sequence[ContentFile], now: Content, seen_at: str) -> ContentComparison:
    """What has become of files."""
    old = {(each.datastore, each.path): each for each in before}
    new = {(each.datastore, each.path): each for each in now.files}
    removed = [key for key in old if key not in new]
    added = [key for key in new if key not in old]
    changed = [key for key in old if key in new and not is_same(old[key], new[key])]
    told = [("removed", each) for each in removed]
    told += [("added", each) for each in added]
    told += [("changed", each) for each in changed]
    examples = [f"{word} {path}" for word, (_store, path) in told[:_MOST_EXAMPLES]]
    return ContentComparison(not told, len(added), len(removed), len(changed), examples, summary_of(now, seen_at))


def is_same(old: ContentFile, new: ContentFile) -> bool:
    """Whether a file has the bytes that it had: by its etag where the store gives one, else by its time and size."""
    if old.size != new.size:
        return False
    if old.etag and new.etag:
        return old.etag == new.etag
    return old.modified_at == new.modified_at


def compare_kept(before: Sequence[ContentFile], after: Sequence[ContentFile], seen_at: str) -> ContentComparison:
    """How the files behind one version differ from those behind another one."""
    return compare(before, content_of((each.datastore, as_listed(each)) for each in after), seen_at)


def as_listed(file: ContentFile) -> DataFile:
    """A kept file as its datastore lists it."""
    return DataFile(file.path, file.size, file.modified_at, file.etag)


def check_profile(new: NewDatasetProfile, plan: Plan) -> None:
    """Raise ``InvalidInput``, ``TooLarge`` for a profile that cannot be kept, ``NotATable`` for one of files."""
    check_table(plan)
    if new.profile.form != FORM:
        raise InvalidInput(
            f"The profile is written in the form {new.profile.form}, and this server reads {FORM}.",
            target="form",
            hint="Use an SDK of the server's version.",
        )
    if len(msgspec.json.encode(new)) > _LARGEST_PROFILE:
        raise TooLarge(
            f"The profile of {len(new.profile.columns)} columns is larger than {_LARGEST_PROFILE >> 20} MiB.",
            target="profile",
            hint="Keep fewer columns: dataset.keep_columns([...]).",
        )


def check_table(plan: Plan) -> None:
    """Raise ``NotATable`` for a dataset of files."""
    if plan.type != TABULAR:
        raise NotATable(
            "The dataset is one of files, which have no columns.",
            target="type",
            hint="Make a table of the files first: Dataset.Tabular.from_delimited_files((datastore, 'a/path')).",
        )


def edges_of(dataset_id: str, plan: Plan) -> list[Edge]:
    """The datastores that a dataset uses."""
    stores = dict.fromkeys(key_of(location.datastore) for location in plan.locations if location.datastore)
    return [Edge(DATASET, dataset_id, DATASTORE, store, LOCATION) for store in stores]


def plain(content: Content) -> list[Any]:
    """The files of a content as they are kept."""
    return [[each.datastore, each.path, each.size, each.modified_at, each.etag] for each in content.files]


def files_from_plain(kept: Sequence[Sequence[Any]]) -> list[ContentFile]:
    """Read what ``plain`` wrote."""
    return [ContentFile(path, size, store, modified_at, etag) for store, path, size, modified_at, etag in kept]
