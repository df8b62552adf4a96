"""What a plain text means by YAML 1.1: number, truth, time, nothing, or the text itself."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta, timezone
from typing import Dict, Union

Scalar = Union[None, bool, int, float, str, date, datetime]

_WORDS: Dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **{form: True for word in ("yes", "true", "on") for form in (word, word.capitalize(), word.upper())},
    **{form: False for word in ("no", "false", "off") for form in (word, word.capitalize(), word.upper())},
    **{sign + form: math.inf for sign in ("", "+") for form in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(
    r"[-+]?(?:0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*(?P<sixties>(?::[0-5]?[0-9])+)?)\Z", re.ASCII
)
_FLOAT = re.compile(
    r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?P<sixties>(?::[0-5]?[0-9])+)\.[0-9_]*)\Z",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?"
    r"(?:[ \t]*(Z|([-+])(\d\d?)(?::(\d\d))?))?\Z",
    re.ASCII,
)
_START_OF_OTHER_THAN_TEXT = re.compile(r"[-+.0-9~nNyYtTfFoO]|\Z")


def resolve(text: str) -> Scalar:
    """The value of a plain text. Raises ``ValueError`` where it looks like a number or a time and is none."""
    if not _START_OF_OTHER_THAN_TEXT.match(text):
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return _integer(text)
    if _FLOAT.match(text):
        return _float(text)
    if _DATE.match(text):
        return date(int(text[:4]), int(text[5:7]), int(text[8:]))
    return _time(text) if _TIME.match(text) else text


def _integer(text: str) -> int:
    digits = text.replace("_", "")
    sign = -1 if digits[0] == "-" else 1
    digits = digits.lstrip("+-")
    if ":" in digits:
        return sign * int(_sixties(digits))
    if digits.startswith(("0b", "0x")):
        return sign * int(digits, 0)
    return sign * int(digits, 8 if digits.startswith("0") else 10)


def _float(text: str) -> float:
    digits = text.replace("_", "")
    if ":" not in digits:
        return float(digits)
    sign = -1.0 if digits[0] == "-" else 1.0
    return sign * _sixties(digits.lstrip("+-"))


def _sixties(digits: str) -> float:
    total = 0.0
    for part in digits.split(":"):
        total = total * 60 + float(part)
    return total


def _time(text: str) -> datetime:
    match = _TIME.match(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    microsecond = int((match[7] or "")[:6].ljust(6, "0"))
    moment = datetime(year, month, day, hour, minute, second, microsecond)  # noqa: DTZ001  # as PyYAML: no zone told
    if not match[8]:
        return moment
    offset = timedelta(hours=int(match[10] or 0), minutes=int(match[11] or 0))
    return moment.replace(tzinfo=timezone(-offset if match[9] == "-" else offset))
