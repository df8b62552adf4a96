"""How a verb is made: its parser, the options that all share, how wrong lines are told."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import TYPE_CHECKING, Callable, Iterable, NoReturn, Optional, Tuple

from terrazul.cli.exit_code import ExitCode
from terrazul.core.errors import InvalidInput

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # it has no public name
else:
    Subparsers = object

Run = Callable[[argparse.Namespace], int]
FORMATS = ("table", "json", "yaml", "tsv")

_CHOICE = re.compile(r"invalid choice: '?(?P<given>[^' ]+)'? \((?:choose from|maybe)(?P<known>.*)\)")


class UsageError(InvalidInput):
    """The command line cannot be understood."""

    code = "usage"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are raised, with the nearest word for one that is not known."""

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError``."""
        wrong = _CHOICE.search(message)
        if wrong:
            known = re.findall(r"[\w-]+", wrong["known"])
            message = f"{wrong['given']!r} is not one of: {', '.join(known)}."
            raise UsageError(message, hint=suggestion(wrong["given"], known) or f"See `{self.prog} --help`.")
        message = message[:1].upper() + message[1:] + "."
        raise UsageError(message, hint=f"See `{self.prog} --help`.")


def add_group(subparsers: Subparsers, name: str, description: str) -> Subparsers:
    """A word with verbs of its own below it, such as `run`."""
    parser = subparsers.add_parser(
        name, help=description, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )

    def show_verbs(_arguments: argparse.Namespace) -> int:
        parser.print_help()
        return ExitCode.USAGE

    parser.set_defaults(run=show_verbs)
    return parser.add_subparsers(title="verbs", dest="verb", metavar="VERB")


def add_verb(
    subparsers: Subparsers, name: str, run: Run, description: str, *, example: str = "", output: bool = True
) -> argparse.ArgumentParser:
    """A verb that calls ``run``; the first sentence of its description stands in the list above it.

    With ``output`` it prints its answer through ``cli.output`` and takes that module's options.
    """
    parser = subparsers.add_parser(
        name,
        help=description.partition(". ")[0].rstrip(".") + ".",
        description=description,
        epilog=f"example:\n  {example}" if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="Show where errors come from.")
    if output:
        _add_output_options(parser)
    return parser


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o", "--output", choices=FORMATS, default="table", help="How the answer is printed. Default: table."
    )
    group.add_argument("--query", metavar="JMESPATH", help="Print only what this JMESPath expression selects.")


def workspace_options(parser: argparse.ArgumentParser, *, path: bool = True) -> None:
    """The options with which a verb finds its workspace."""
    group = parser.add_argument_group("workspace", "Without these the workspace of the nearest config.json is taken.")
    group.add_argument("-w", "--workspace-name", metavar="NAME", help="Name of the workspace.")
    group.add_argument("-g", "--resource-group", metavar="NAME", help="Resource group of the workspace.")
    group.add_argument("--subscription-id", metavar="ID", help="Subscription of the workspace.")
    if path:
        group.add_argument(
            "--path", metavar="FOLDER", default=".", help="Folder in which config.json is looked for. Default: here."
        )


def named_once(operand: Optional[str], option: Optional[str], noun: str, hint: str) -> str:
    """The id that a line gives, as its operand or by an option. Raises ``UsageError`` where it gives none, or two."""
    if operand and option and operand != option:
        message = f"Two {noun}s are named: {operand!r} and {option!r}."
        raise UsageError(message, hint="Name one.")
    if not (operand or option):
        message = f"No {noun} is named."
        raise UsageError(message, hint=hint)
    return operand or option or ""


def pair(text: str) -> Tuple[str, str]:
    """``key=value`` of an option as a pair; a key alone has the empty value."""
    key, _, value = text.partition("=")
    if not key:
        message = f"{text!r} is not of the form key=value"
        raise argparse.ArgumentTypeError(message)
    return key, value


def suggestion(word: str, known: Iterable[str]) -> str:
    """``Did you mean ...?`` where something like the word is known, else nothing."""
    nearest = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean `{nearest[0]}`?" if nearest else ""
