"""Ignore files: which paths of a folder are left out, by git's rules (``gitwildmatch``)."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Pattern, Tuple

from terrazul.core.dataclass import dataclass

_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": "\\s", "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}  # fmt: skip
_NEVER = "(?!)"
_WILD = re.compile(r"[*?\[\\]")


@dataclass(frozen=True)
class _Rule:
    expression: str
    negated: bool
    folders_only: bool


@dataclass(frozen=True)
class _Group:
    """Neighbouring rules that decide alike, as one expression."""

    expression: Pattern[str]
    ignores: bool
    folders_only: bool


class IgnoreRules:
    """The rules of one ignore file; the last rule that matches a path decides.

    As in git, nothing below an ignored folder can be brought back, so a walk need not enter it.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        rules = [rule for rule in (_rule(line) for line in lines) if rule]
        self._groups = _groups(rules)

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """True when the path (relative, ``/`` between its parts) is left out, the folders above it being kept."""
        for group in self._groups:
            if (is_folder or not group.folders_only) and group.expression.match(path):
                return group.ignores
        return False


def _groups(rules: List[_Rule]) -> List[_Group]:
    """The rules from the last to the first, neighbours of one kind joined."""
    groups: List[_Group] = []
    pending: List[_Rule] = []
    for rule in reversed(rules):
        if pending and (rule.negated, rule.folders_only) != (pending[0].negated, pending[0].folders_only):
            groups.append(_group(pending))
            pending = []
        pending.append(rule)
    return [*groups, _group(pending)] if pending else groups


def _group(rules: List[_Rule]) -> _Group:
    joined = "|".join(rule.expression for rule in rules)
    return _Group(re.compile(f"(?s:{joined})\\Z"), not rules[0].negated, rules[0].folders_only)


def _rule(line: str) -> Optional[_Rule]:
    pattern = _without_trailing_spaces(line.rstrip("\r\n"))
    if not pattern or pattern.startswith("#"):
        return None
    negated = pattern.startswith("!")
    pattern = pattern[1:] if negated else pattern
    folders_only = pattern.endswith("/")
    pattern = pattern[:-1] if folders_only else pattern
    if not pattern:
        return None
    anchored = "/" in pattern
    body = _translate(pattern)
    body = body[1:] if pattern.startswith("/") and body != _NEVER else body
    return _Rule(body if anchored else "(?:.*/)?" + body, negated, folders_only)


def _without_trailing_spaces(line: str) -> str:
    """The line without spaces at its end, but for one that a back-slash keeps."""
    bare = line.rstrip(" ")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2
    return bare + " " if escaped and len(bare) < len(line) else bare


def _translate(pattern: str) -> str:
    """The pattern as a regular expression."""
    parts: List[str] = []
    at = 0
    while at < len(pattern):
        piece, at = _piece(pattern, at)
        parts.append(piece)
    return _NEVER if _NEVER in parts else "".join(parts)


def _piece(pattern: str, at: int) -> Tuple[str, int]:
    """The expression of what stands at a position, and where the next piece begins."""
    character = pattern[at]
    if character == "*":
        return _stars(pattern, at)
    if character == "?":
        return "[^/]", at + 1
    if character == "[":
        return _bracket(pattern, at)
    if character == "\\":
        return (re.escape(pattern[at + 1]), at + 2) if at + 1 < len(pattern) else (_NEVER, at + 1)
    return re.escape(character), at + 1


def _stars(pattern: str, at: int) -> Tuple[str, int]:
    end = at
    while end < len(pattern) and pattern[end] == "*":
        end += 1
    # git compares a literal beginning apart, so two stars after one count as if they stood at the start
    at_start = pattern[at - 1 : at] in {"", "/"} or not _WILD.search(pattern[:at])
    if end - at < 2 or not at_start or "/" not in pattern:  # noqa: PLR2004  # two stars
        return "[^/]*", end
    if end == len(pattern):
        return (".+" if pattern[at - 1 : at] == "/" else ".*"), end
    if pattern[end] == "/":
        return "(?:.*/)?", end + 1
    return "[^/]*", end


def _bracket(pattern: str, at: int) -> Tuple[str, int]:
    """A set of characters; one that is not closed matches nothing, as in git."""
    at += 1
    negated = pattern[at : at + 1] in {"!", "^"}
    at += negated
    items: List[str] = []
    first = True
    while first or pattern[at : at + 1] != "]":
        first = False
        if at >= len(pattern):
            return _NEVER, len(pattern)
        item, at = _set_item(pattern, at)
        items.append(item)
    if _NEVER in items:
        return _NEVER, len(pattern)
    inner = "".join(items)
    if negated:
        return f"[^/{inner}]", at + 1
    return (f"(?!/)[{inner}]" if inner else _NEVER), at + 1


def _set_item(pattern: str, at: int) -> Tuple[str, int]:
    named = re.compile(r"\[:([^\]:]*):\]").match(pattern, at)
    if named:
        return _CLASSES.get(named[1], _NEVER), named.end()
    low, at = _set_character(pattern, at)
    if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in {"", "]"}:
        high, at = _set_character(pattern, at + 1)
        return (f"{re.escape(low)}-{re.escape(high)}" if low <= high else re.escape(low)), at
    return re.escape(low), at


def _set_character(pattern: str, at: int) -> Tuple[str, int]:
    if pattern[at] == "\\" and at + 1 < len(pattern):
        at += 1
    return pattern[at], at + 1
