"""``terrazul completion``: a script with which a shell completes commands, verbs, options and their choices."""

from __future__ import annotations

import argparse
import shlex
from typing import Dict, Iterator, List

from terrazul.cli import grammar
from terrazul.cli.command import Subparsers, add_verb
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.grammar import Option, Verb

_BASH = """\
# Completion of terrazul for bash. In ~/.bashrc: source <(terrazul completion bash)
_terrazul_words() {{
    case "$1" in
{cases}
    esac
}}
_terrazul() {{
    local path="" choices="" previous="${{COMP_WORDS[COMP_CWORD-1]}}" word
    for word in "${{COMP_WORDS[@]:1:$((COMP_CWORD - 1))}}"; do
        if [[ "$word" != -* && -n "$(_terrazul_words "${{path:+$path }}$word")" ]]; then
            path="${{path:+$path }}$word"
        fi
    done
    if [[ "$previous" == -* ]]; then
        choices="$(_terrazul_words "$path $previous")"
    fi
    COMPREPLY=($(compgen -W "${{choices:-$(_terrazul_words "$path")}}" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _terrazul terrazul
"""
_ZSH = """\
# Completion of terrazul for zsh. In ~/.zshrc, after compinit: source <(terrazul completion zsh)
autoload -U +X bashcompinit && bashcompinit
"""
_FISH = """\
# Completion of terrazul for fish: terrazul completion fish > ~/.config/fish/completions/terrazul.fish
function __terrazul_path
    string match -v -- '-*' (commandline -opc)[2..-1]
end
function __terrazul_at
    set -l path (__terrazul_path)
    test (count $argv) -eq 0; or string match -q -- "$argv *" "$path "
end
function __terrazul_group
    set -l path (__terrazul_path)
    test "$path" = "$argv"
end
complete -c terrazul -f
"""


def add_parser(subparsers: Subparsers) -> None:
    """The verb's parser."""
    parser = add_verb(
        subparsers,
        "completion",
        run,
        "Print a script that completes commands in your shell.",
        example="source <(terrazul completion bash)",
        output=False,
    )
    parser.add_argument("shell", choices=list(_SCRIPTS), help="The shell.")


def run(arguments: argparse.Namespace) -> int:
    """Print the script for a shell."""
    from terrazul.cli.main import build_parser  # noqa: PLC0415  # main imports a verb's module when the verb is used

    print(_SCRIPTS[arguments.shell](grammar.read(build_parser())), end="")
    return ExitCode.GOOD


def _bash(root: Verb) -> str:
    cases = [
        f"        {shlex.quote(path)}) echo {shlex.quote(' '.join(words))} ;;" for path, words in _words(root).items()
    ]
    return _BASH.format(cases="\n".join(cases))


def _zsh(root: Verb) -> str:
    return _ZSH + _bash(root).partition("\n")[2]


def _fish(root: Verb) -> str:
    return _FISH + "\n".join(line for verb in root.walk() for line in _fish_lines(verb)) + "\n"


def _words(root: Verb) -> Dict[str, List[str]]:
    """What may follow each path, and each option with choices."""
    words: Dict[str, List[str]] = {}
    for verb in root.walk():
        path = " ".join(verb.path)
        flags = [flag for option in verb.options for flag in option.flags if flag.startswith("--")]
        operands = [choice for option in verb.options if not option.flags for choice in option.choices]
        words[path] = [child.path[-1] for child in verb.verbs] + operands + flags
        for option in verb.options:
            if option.choices:
                words.update({f"{path} {flag}": list(option.choices) for flag in option.flags})
    return words


def _fish_lines(verb: Verb) -> Iterator[str]:
    at = " ".join(verb.path)
    for child in verb.verbs:
        yield f"complete -c terrazul -n '__terrazul_group {at}' -a {child.path[-1]} -d {_fish_text(child.description)}"
    for option in verb.options:
        yield f"complete -c terrazul -n '__terrazul_at {at}' {_fish_option(option)} -d {_fish_text(option.help)}"


def _fish_option(option: Option) -> str:
    flags = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags]
    if option.choices:
        return " ".join([*flags, "-x" if flags else "-f", "-a", _fish_text(" ".join(option.choices))])
    return " ".join([*flags, *(["-r"] if flags and option.value else []), *(["-F"] if option.value else [])])


def _fish_text(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
