"""The command line as data: what completion offers and the reference tells."""

from __future__ import annotations

import argparse
from dataclasses import field
from typing import Iterator, List, Tuple

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class Option:
    """An option (with its flags) or an operand (without)."""

    flags: Tuple[str, ...]
    value: str
    """What stands for the value in the help; empty for a switch."""
    help: str
    choices: Tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Verb:
    """A word of the command line with all that may follow it."""

    path: Tuple[str, ...]
    description: str
    example: str
    options: List[Option] = field(default_factory=list)
    verbs: List[Verb] = field(default_factory=list)

    def walk(self) -> Iterator[Verb]:
        """This verb and all below it, in the order of the help."""
        yield self
        for verb in self.verbs:
            yield from verb.walk()


def read(parser: argparse.ArgumentParser, path: Tuple[str, ...] = ()) -> Verb:
    """The grammar of a parser."""
    options: List[Option] = []
    verbs: List[Verb] = []
    for action in parser._actions:  # noqa: SLF001  # argparse has no public way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # as above
            verbs += [read(child, (*path, name)) for name, child in action.choices.items()]
        elif action.help != argparse.SUPPRESS:
            options.append(_option(action))
    example = (parser.epilog or "").partition("\n")[2].strip() if path else ""
    return Verb(path, parser.description or "", example, options, verbs)


def _option(action: argparse.Action) -> Option:
    takes_value = action.nargs != 0
    choices = tuple(map(str, action.choices)) if action.choices else ()
    value = ""
    if takes_value:
        value = str(action.metavar or ("|".join(choices) if choices else action.dest.upper()))
    help_text = (action.help or "") % {"default": action.default} if "%(" in (action.help or "") else action.help or ""
    return Option(tuple(action.option_strings), value, help_text, choices, bool(action.required))
