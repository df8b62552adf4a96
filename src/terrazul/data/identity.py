"""What tells the files behind a dataset from others."""

from __future__ import annotations

import hashlib
import json
from typing import Dict, Iterable, Tuple

from terrazul.wire.datastore import DataFile


def digest_of_files(files: Iterable[Tuple[str, DataFile]]) -> str:
    """The SHA-256 over files, each with its datastore; a file that two locations name is one.

    Where a file has changed, by size, etag or time, it is another one.
    """
    known: Dict[Tuple[str, str], DataFile] = {(store, file.path): file for store, file in files}
    facts = [(store, path, file.size, file.etag, file.modified_at) for (store, path), file in sorted(known.items())]
    text = json.dumps(facts, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
