"""``terrazul webhook``."""

from __future__ import annotations

import argparse
from typing import List
from urllib.parse import quote

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.secret_file import read_secret
from terrazul.cli.wording import NOTHING, moment
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import NotFound
from terrazul.core.ids import new_guid
from terrazul.sdk.client import Client
from terrazul.wire.webhook import EVENTS, NewWebhook, Webhook, WebhookTrial, WebhookTrialResult

_COLUMNS = (
    Column("name", "name"),
    Column("id", "webhook_id"),
    Column("url", "url"),
    Column("events", "events", ", ".join),
    Column("state", "state"),
    Column("waiting", "waiting"),
    Column("last arrived", "delivered_at", lambda value: moment(value) if value else NOTHING),
    Column("failure", "failure", lambda value: value or NOTHING),
)
_TRIAL = (
    Column("arrived", "success"),
    Column("status", "status", lambda value: str(value or NOTHING)),
    Column("answer", "body"),
    Column("error", "error", lambda value: value or NOTHING),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "webhook", "Webhooks: addresses that are told what happens in the model registry.")
    create = add_verb(
        verbs,
        "create",
        _create,
        "Have an address told of events.",
        example="terrazul webhook create deploy https://ci.example.com/hook --event model_version_alias.created",
    )
    create.add_argument("name", metavar="NAME", help="Its name.")
    create.add_argument("url", metavar="URL", help="Where to send what happens.")
    create.add_argument(
        "--event",
        metavar="EVENT",
        action="append",
        help=f"What to tell of; may be given several times. Default: all. One of {', '.join(EVENTS)}.",
    )
    create.add_argument("--secret-file", metavar="FILE", help="Sign what is sent with the first line of this file.")
    create.add_argument("--description", metavar="TEXT", default="", help="What it is for.")
    workspace_options(create)

    workspace_options(add_verb(verbs, "list", _list, "List the webhooks of a workspace, and what waits for them."))

    delete = add_verb(verbs, "delete", _delete, "Delete a webhook. What waits for it is not sent.", output=False)
    _webhook(delete)
    delete.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
    workspace_options(delete)

    trial = add_verb(verbs, "test", _test, "Send an example to a webhook now, and show what comes of it.")
    _webhook(trial)
    trial.add_argument("--event", metavar="EVENT", help="What to tell of. Default: its first event.")
    workspace_options(trial)


def _webhook(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("webhook", metavar="NAME", help="Its name, or its id.")


def _create(arguments: argparse.Namespace) -> int:
    secret = read_secret(arguments.secret_file).partition("\n")[0] if arguments.secret_file else ""
    if arguments.secret_file and not secret:
        message = f"The first line of {arguments.secret_file} is empty."
        raise UsageError(message, hint="Write the secret there, or leave out --secret-file.")
    events = list(arguments.event or EVENTS)
    new = NewWebhook(new_guid(), arguments.name, arguments.url, events, arguments.description, secret)
    show(arguments, choose(arguments).client.post(Webhook, "/webhooks", new), _COLUMNS)
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    found = choose(arguments).client.get(List[Webhook], "/webhooks")
    show(arguments, found, _COLUMNS, nothing="There are no webhooks. Make one: terrazul webhook create NAME URL")
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    found = _find(client, arguments.webhook)
    confirm(f"Delete the webhook {found.name} to {found.url}?", yes=arguments.yes)
    client.delete(_address(found))
    note(f"The webhook {found.name} is deleted.")
    return ExitCode.GOOD


def _test(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    address = f"{_address(_find(client, arguments.webhook))}/test"
    result = client.post(WebhookTrialResult, address, WebhookTrial(arguments.event), repeatable=False)
    show(arguments, result, _TRIAL)
    return ExitCode.GOOD if result.success else ExitCode.FAILED


def _find(client: Client, name: str) -> Webhook:
    """The webhook of an id, or the only one of a name. Raises ``NotFound``, ``UsageError`` for several."""
    known = client.get(List[Webhook], "/webhooks")
    found = [each for each in known if name in (each.webhook_id, each.name)]
    if not found:
        message = f"There is no webhook {name!r} in this workspace."
        raise NotFound(message, target=name, hint="`terrazul webhook list` lists what there is.")
    if len(found) > 1:
        message = f"There are {len(found)} webhooks {name!r}."
        raise UsageError(message, hint=f"Name one by its id: {', '.join(each.webhook_id for each in found)}.")
    return found[0]


def _address(webhook: Webhook) -> str:
    return f"/webhooks/{quote(webhook.webhook_id, safe='')}"
