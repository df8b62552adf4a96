"""Which model a line speaks about."""

from __future__ import annotations

import argparse

from terrazul.cli.command import Run, Subparsers, UsageError, add_verb, named_once, workspace_options

_HINT = "Give its id, such as diabetes:3; `terrazul model list` shows them."


def add_verb_on_model(
    verbs: Subparsers, name: str, run: Run, description: str, *, output: bool = True
) -> argparse.ArgumentParser:
    """A verb that takes a model's id, v1's way (``--model-id``) or as its operand."""
    parser = add_verb(verbs, name, run, description, output=output)
    parser.add_argument("operand", nargs="?", metavar="MODEL", help="The model's id; the same as --model-id.")
    parser.add_argument("-i", "--model-id", metavar="NAME:VERSION", help="The model's id.")
    workspace_options(parser)
    return parser


def model_id_of(arguments: argparse.Namespace) -> str:
    """The model that a line names. Raises ``UsageError`` where it names none, or two."""
    return named_once(arguments.operand, arguments.model_id, "model", _HINT)


def version_of(arguments: argparse.Namespace) -> str:
    """As ``model_id_of``, for what is done to one version. Raises ``UsageError`` where the line does not say which."""
    model_id = model_id_of(arguments)
    if ":" not in model_id:
        message = f"{model_id!r} does not say which version is meant."
        raise UsageError(message, target=model_id, hint=_HINT)
    return model_id
