"""The compatibility tables of the documentation: one page for each top module of v1, and a summary."""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterable, Iterator, List, Tuple

from terrazul.compatibility import status, surface
from terrazul.compatibility.differences import DIFFERENCES
from terrazul.compatibility.status import Status, Support

_GENERATED = "<!-- Written by `make compatibility`; a test holds it to the code. -->"
_HOW = """\
Each name of the v1 SDK's public surface, with how far it works here. *By use* weighs a name by the number of files that
use it, among 801 public notebooks and scripts. What is *not yet* imports as in v1 and raises `CapabilityNotAvailable`
on use; `terrazul check FOLDER` tells what that means for your own code."""
_SHARES = "| {} | names | works | differs | not yet | works or differs, by use |\n|---|--:|--:|--:|--:|--:|"
_MEMBERS = "| name | files | status |\n|---|--:|---|"

Row = Tuple[str, surface.Member, Status]


def pages() -> Dict[str, str]:
    """The text of each page by its file name; the summary is ``README.md``."""
    tops: Dict[str, List[surface.Module]] = {}
    for module in surface.modules():
        tops.setdefault(_top(module.name), []).append(module)
    public = {top: modules for top, modules in tops.items() if not _is_private(top)}
    written = {f"{top}.md": _page(top, modules) for top, modules in public.items()}
    return {"README.md": _summary(public), **written}


def _top(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _is_private(module: str) -> bool:
    return any(part.startswith("_") for part in module.split("."))


def _rows(module: surface.Module) -> Iterator[Row]:
    for member in (*module.functions.values(), *module.constants.values()):
        yield member.name, member, status.of(f"{module.name}.{member.name}")
    for facts in module.classes.values():
        yield from _rows_of_class(facts)


def _rows_of_class(facts: surface.Class) -> Iterator[Row]:
    for member in facts.members.values():
        yield f"{facts.name}.{member.name}", member, status.of(facts.home, member.name)


def _counts(label: str, rows: Iterable[Row]) -> str:
    names: Counter[Support] = Counter()
    uses: Counter[Support] = Counter()
    for _, member, found in rows:
        names[found.support] += 1
        uses[found.support] += member.uses
    all_uses = sum(uses.values())
    share = f"{100 * (all_uses - uses[Support.NOT_YET]) / all_uses:.0f} %" if all_uses else "-"
    cells = [label, str(sum(names.values())), *(str(names[support]) for support in Support), share]
    return f"| {' | '.join(cells)} |"


def _summary(tops: Dict[str, List[surface.Module]]) -> str:
    everything = [row for modules in tops.values() for module in modules for row in _rows(module)]
    shares = [
        _counts(f"[{top}]({top}.md)", (row for module in modules for row in _rows(module)))
        for top, modules in tops.items()
    ]
    head = [_GENERATED, "# Compatibility with the v1 SDK", _HOW]
    return _join([*head, _table(_SHARES.format("modules"), [*shares, _counts("**all**", everything)]), *_differences()])


def _differences() -> Iterator[str]:
    if DIFFERENCES:
        yield "## What differs"
        yield "\n".join(f"* `{name}`: {note}" for name, note in sorted(DIFFERENCES.items()))


def _page(top: str, modules: List[surface.Module]) -> str:
    defining = [module for module in modules if any(_rows(module))]
    shares = _table(_SHARES.format("module"), [_counts(f"`{module.name}`", _rows(module)) for module in defining])
    sections = [block for module in defining for block in _module_section(module)]
    return _join([_GENERATED, f"# {top}", "[What the columns say](README.md)", shares, *sections])


def _module_section(module: surface.Module) -> Iterator[str]:
    yield f"## {module.name}"
    plain = [row for row in _rows(module) if "." not in row[0]]
    if plain:
        yield _members(plain)
    for facts in sorted(module.classes.values(), key=lambda facts: (-facts.uses, facts.name)):
        yield from _class_section(facts)


def _class_section(facts: surface.Class) -> Iterator[str]:
    whole = status.of(facts.home)
    yield f"### {facts.name}\nUsed in {facts.uses} files. {_words(whole) if whole.note else _extent(facts)}."
    if whole.support is Support.NOT_YET:
        yield ", ".join(f"`{name}`" for name in facts.members)
    elif facts.members:
        yield _members(_rows_of_class(facts))


def _extent(facts: surface.Class) -> str:
    missing = sum(found.support is Support.NOT_YET for _, _, found in _rows_of_class(facts))
    return f"{missing} of {len(facts.members)} members are not there yet" if missing else "Works"


def _members(rows: Iterable[Row]) -> str:
    ordered = sorted(rows, key=lambda row: (-row[1].uses, row[0]))
    return _table(_MEMBERS, [f"| `{name}` | {member.uses} | {_words(found)} |" for name, member, found in ordered])


def _words(found: Status) -> str:
    word = found.support.value.capitalize()
    return f"{word}: {found.note}" if found.note else word


def _table(head: str, rows: List[str]) -> str:
    return "\n".join([head, *rows])


def _join(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"
