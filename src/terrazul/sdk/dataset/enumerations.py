"""v1's words for how delimited files are read."""

from __future__ import annotations

import enum
from typing import Any

from terrazul.data.plan import check
from terrazul.data.plan.source import COMBINED, ENCODINGS, FIRST_FILE, NO_HEADERS, SAME


class PromoteHeadersBehavior(enum.Enum):
    """Which files have headers."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class SkipLinesBehavior(enum.Enum):
    """From which files lines are skipped."""

    NO_ROWS = 0
    FROM_FIRST_FILE_ONLY = 1
    FROM_ALL_FILES = 2


class FileEncoding(enum.Enum):
    """How texts are encoded."""

    UTF8 = 0
    ISO88591 = 1
    LATIN1 = 2
    ASCII = 3
    UTF16 = 4
    UTF32 = 5
    UTF8BOM = 6
    WINDOWS1252 = 7


class FileType(enum.Enum):
    """What v1 takes a file for."""

    GENERIC_CSV = "GenericCSV"
    GENERIC_CSV_NO_HEADER = "GenericCSVNoHeader"
    GENERIC_TSV = "GenericTSV"
    GENERIC_TSV_NO_HEADER = "GenericTSVNoHeader"
    ZIP = "Zip"
    UNKNOWN = "Unknown"


class HistogramCompareMethod(enum.Enum):
    """How v1 compares histograms."""

    WASSERSTEIN = 0
    ENERGY = 1


_HEADERS = {0: NO_HEADERS, 1: FIRST_FILE, 2: COMBINED, 3: SAME}


def header_of(given: Any) -> str:
    """What ``header`` says; True is for all files alike, False for none. Raises ``InvalidInput``."""
    if isinstance(given, bool):
        return SAME if given else NO_HEADERS
    if not isinstance(given, PromoteHeadersBehavior):
        check.refuse("header", given, "True, False or a PromoteHeadersBehavior")
    return _HEADERS[given.value]


def encoding_of(given: Any) -> str:
    """What ``encoding`` says: v1's name of it, Python's usual one, or a ``FileEncoding``. Raises ``InvalidInput``."""
    text = given.name if isinstance(given, FileEncoding) else given
    plain = text.lower().replace("-", "").replace("_", "") if isinstance(text, str) else text
    return check.one_of("encoding", {"cp1252": "windows1252", "utf8sig": "utf8bom"}.get(plain, plain), ENCODINGS)
