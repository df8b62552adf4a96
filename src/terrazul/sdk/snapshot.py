"""Snapshots: the files of a source directory, taken by content and sent only where the server lacks them."""

from __future__ import annotations

import time
from typing import Dict, List, Tuple

from terrazul.core.errors import NotFound, SnapshotException, TooLarge
from terrazul.core.ids import SnapshotId, guid_of_digest
from terrazul.sdk.client import API, Client
from terrazul.sdk.console import warn
from terrazul.sdk.content import SentFiles, send_files
from terrazul.sdk.snapshot_memory import SnapshotMemory
from terrazul.sdk.source_tree import SourceTree, walk
from terrazul.wire.server import ServerInfo
from terrazul.wire.snapshot import Snapshot, SnapshotDelta, SnapshotFile, SnapshotManifest, manifest_digest

_LARGE_BYTES = 300_000_000
_SHOWN_PATHS = 5


def take_snapshot(client: Client, folder: str) -> SnapshotId:
    """Take a folder's files as a snapshot of a workspace; its id, which is that of the content.

    The second snapshot of a folder costs a walk and what changed. What could not be taken is told of in warnings.
    Raises ``SnapshotException`` for a folder that is not there or holds no file, and ``TooLarge``, before anything is
    read or sent, for one that is over the administrator's limit.
    """
    started_ns = time.time_ns()
    tree = walk(folder)
    _check_limit(client, tree)
    _warn_of_size(tree)
    memory = SnapshotMemory.read(tree.root)
    place = f"{client.address.url}{client.prefix}"
    known = {file.path: memory.entries[file.path].digest for file in tree.files if memory.knows(file)}
    if memory.place == place:
        sent, snapshot_id = _take_difference(client, tree, memory, known)
    else:
        sent, snapshot_id = _take_whole(client, tree, known)
    _warn_of_what_is_left_out(tree, sent)
    memory.place, memory.snapshot_id = place, snapshot_id
    memory.remember(sent.files.values(), sent.digests, started_ns)
    memory.write(tree.root)
    return snapshot_id


def _take_whole(client: Client, tree: SourceTree, known: Dict[str, str]) -> Tuple[SentFiles, SnapshotId]:
    sent = send_files(client, tree.files, known)
    manifest = SnapshotManifest(_files_of(tree, sent), tree.excluded)
    return sent, SnapshotId(client.post(Snapshot, "/snapshots", manifest).snapshot_id)


def _take_difference(
    client: Client, tree: SourceTree, memory: SnapshotMemory, known: Dict[str, str]
) -> Tuple[SentFiles, SnapshotId]:
    """Send what the last snapshot does not hold; what it holds, the server has."""
    sent = send_files(client, [file for file in tree.files if file.path not in known])
    sent.digests.update(known)
    sent.files.update((file.path, file) for file in tree.files if file.path in known)
    files = _files_of(tree, sent)
    delta = SnapshotDelta(
        memory.snapshot_id,
        guid_of_digest(manifest_digest(files)),
        changed=[file for file in files if memory.differs(file.path, file.digest, file.mode)],
        removed=sorted(memory.entries.keys() - sent.digests.keys()),
        excluded=tree.excluded,
    )
    try:
        return sent, SnapshotId(client.post(Snapshot, "/snapshots/delta", delta).snapshot_id)
    except NotFound:
        return _take_whole(client, tree, sent.digests)


def _files_of(tree: SourceTree, sent: SentFiles) -> List[SnapshotFile]:
    if not sent.files:
        message = f"The source directory '{tree.root}' holds no file that can be taken."
        raise SnapshotException(message, target=tree.root, hint="Look at its ignore file (.amlignore or .gitignore).")
    files = [SnapshotFile(path, sent.digests[path], file.size, file.mode) for path, file in sent.files.items()]
    return sorted(files, key=lambda file: file.path)


def _check_limit(client: Client, tree: SourceTree) -> None:
    limit = client.within(API).get(ServerInfo, "/server").snapshot_limit
    if limit and _size_of(tree) > limit:
        message = f"{_told_size(tree)}; the administrator's limit is {limit / 1e6:.0f} MB."
        hint = "Leave out by an .amlignore file what the script does not need, or have TERRAZUL_SNAPSHOT_LIMIT raised."
        raise TooLarge(message, target=tree.root, hint=hint)


def _warn_of_size(tree: SourceTree) -> None:
    if _size_of(tree) > _LARGE_BYTES:
        warn(f"{_told_size(tree)}. What the script does not need can be left out by an .amlignore file.")


def _size_of(tree: SourceTree) -> int:
    return sum(file.size for file in tree.files)


def _told_size(tree: SourceTree) -> str:
    biggest = sorted(tree.files, key=lambda file: file.size, reverse=True)[:_SHOWN_PATHS]
    listed = ", ".join(f"{file.path} ({file.size / 1e6:.0f} MB)" for file in biggest)
    size = f"{_size_of(tree) / 1e6:.0f} MB in {len(tree.files)} files"
    return f"The source directory '{tree.root}' holds {size}; the biggest are {listed}"


def _warn_of_what_is_left_out(tree: SourceTree, sent: SentFiles) -> None:
    for notice in tree.notices:
        warn(notice)
    for path, problem in sorted(sent.problems.items()):
        warn(f"'{path}' {problem}; it is left out.")
