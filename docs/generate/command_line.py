"""The page of the command line, from its parsers."""

from described import table, words_of

from terrazul.cli import grammar
from terrazul.cli.grammar import Option, Verb
from terrazul.cli.main import COMMANDS, build_parser

_HEAD = """\
# Command line

Generated from the code by `make docs`. `terrazul COMMAND --help` shows the same in the terminal.

Answers go to standard output; everything said beside them goes to standard error. Where a verb has an answer,
`-o json`, `-o yaml` and `-o tsv` give programs the whole of it (the default is `-o table`), and `--query` a part of it,
chosen by a [JMESPath](https://jmespath.org) expression. Tables are coloured on a terminal, unless `NO_COLOR` is set.
With `--debug` an error shows where it comes from. `terrazul completion SHELL` prints a script that completes them.

The exit code is 0 when all is well, 1 when the thing failed, 2 when the command line is wrong, 3 when what was named
does not exist or no server runs, and 130 when it was interrupted.
"""
_EVERYWHERE = {"--help", "--debug", "--output", "--query"}


def page() -> str:
    """The whole page."""
    root = grammar.read(build_parser())
    lines = [_HEAD]
    lines += table(["command", ""], [[_link(verb), words_of(str(verb.path), _summary(verb))] for verb in root.verbs])
    for verb in root.walk():
        if verb.path:
            lines += _section(verb)
    return "\n".join(lines).rstrip() + "\n"


def _summary(verb: Verb) -> str:
    return COMMANDS[verb.path[0]].summary


def _link(verb: Verb) -> str:
    return f"[`{' '.join(verb.path)}`](#terrazul-{'-'.join(verb.path)})"


def _section(verb: Verb) -> list[str]:
    name = " ".join(["terrazul", *verb.path])
    lines = [f"{'#' * (len(verb.path) + 1)} {name}", "", words_of(name, verb.description), ""]
    if verb.verbs:
        rows = [[_link(child), words_of(str(child.path), child.description).partition(". ")[0]] for child in verb.verbs]
        return lines + table(["verb", ""], rows)
    operands = [option.value if option.required else f"[{option.value}]" for option in verb.options if not option.flags]
    lines += ["```", " ".join([name, "[options]", *operands]), "```", ""]
    options = [option for option in verb.options if not _EVERYWHERE.intersection(option.flags)]
    lines += table(["option", ""], [[_words(option), words_of(f"{name} {option}", option.help)] for option in options])
    return lines + (["Example:", "", "```", verb.example, "```", ""] if verb.example else [])


def _words(option: Option) -> str:
    if not option.flags:
        return f"`{option.value}`"
    return ", ".join(f"`{flag}`" for flag in option.flags) + (f" `{option.value}`" if option.value else "")
