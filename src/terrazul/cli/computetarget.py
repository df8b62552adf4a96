"""``terrazul computetarget``."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any, Dict, List
from urllib.parse import quote

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, named_once, pair, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, note, show
from terrazul.cli.wording import NOTHING, moment, plural
from terrazul.cli.workspace_choice import choose
from terrazul.sdk.client import Client
from terrazul.sdk.compute.configuration import RemoteComputeAttachConfiguration
from terrazul.wire.compute import CLUSTER, REMOTE, ComputeNode, ComputeTarget, ComputeTargetChange, NewComputeTarget

_NAME_HINT = "`terrazul computetarget list` lists them."


def _scale(target: Dict[str, Any]) -> str:
    settings = target["settings"]
    if target["kind"] == REMOTE:
        return plural(settings["max_concurrent_runs"], "run")
    return f"{settings['min_nodes']} to {settings['max_nodes']}"


def _counts(nodes: Dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in nodes.items() if count) or "none"


_COLUMNS = (
    Column("name", "name"),
    Column("kind", "kind"),
    Column("state", "state"),
    Column("scales", "", _scale),
    Column("nodes", "nodes", _counts),
    Column("waiting", "waiting"),
    Column("size", "settings.vm_size", lambda value: value or NOTHING),
    Column("idle seconds", "settings.idle_seconds_before_scaledown"),
    Column("errors", "errors", "; ".join),
    Column("changed", "modified_at", moment),
)
_MACHINE_COLUMNS = (
    Column("address", "settings.address"),
    Column("port", "settings.port"),
    Column("user", "settings.username"),
    Column("host key", "settings.host_key"),
)
_NODE_COLUMNS = (
    Column("node", "number"),
    Column("state", "state"),
    Column("run", "run_id", lambda value: value or NOTHING),
    Column("since", "since", moment),
    Column("problem", "problem", lambda value: value or NOTHING),
    Column("id", "node_id"),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "computetarget", "Compute targets: clusters and machines that runs are executed on.")
    _add_create(add_group(verbs, "create", "Make a compute target."))
    _add_attach(add_group(verbs, "attach", "Attach a machine that is there."))
    workspace_options(add_verb(verbs, "list", _list, "List the compute targets of a workspace."))
    _named(add_verb(verbs, "show", _show, "Show a compute target, with how many nodes it has in which state."))
    _named(add_verb(verbs, "nodes", _nodes, "List the nodes of a compute target, with the runs that they execute."))
    _add_update(add_group(verbs, "update", "Change how a compute target scales."))
    delete = add_verb(verbs, "delete", _delete, "Delete a compute target. Runs that wait for it fail.", output=False)
    delete.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
    _named(delete)
    about = "Forget a machine that was attached. Runs that wait for it fail."
    detach = add_verb(verbs, "detach", _detach, about, output=False)
    detach.add_argument("-y", "--yes", action="store_true", help="Do not ask.")
    _named(detach)


def _add_attach(kinds: Subparsers) -> None:
    attach = add_verb(
        kinds,
        "remote",
        _attach,
        "Attach a machine over SSH, which is signed in to at once. One of that name is this machine from then on. "
        "Without a private key the password is asked for, or read from standard input.",
        example="terrazul computetarget attach remote -n vm -a vm.example -u me --private-key-file ~/.ssh/id_ed25519",
    )
    _named(attach)
    attach.add_argument("-a", "--address", metavar="HOST", required=True, help="The machine's name or IP address.")
    attach.add_argument("--ssh-port", metavar="PORT", type=int, default=22, help="Where its sshd answers. Default: 22.")
    attach.add_argument("-u", "--username", metavar="USER", required=True, help="Who is signed in there.")
    attach.add_argument("-p", "--password", help="That user's password; others on this machine may see it here.")
    attach.add_argument("--private-key-file", metavar="FILE", help="A private key that lets the user in.")
    attach.add_argument("--private-key-passphrase", metavar="TEXT", help="The passphrase of that key.")
    attach.add_argument(
        "--host-key-fingerprint",
        metavar="SHA256:...",
        default="",
        help="By which host key it is known, as `ssh-keygen -l` writes it. Default: by the first that it shows.",
    )
    attach.add_argument(
        "--max-concurrent-runs", metavar="NUMBER", type=int, default=1, help="Runs at once there. Default: 1."
    )
    attach.add_argument("--remote-folder", metavar="PATH", help="Terrazul's folder there. Default: .terrazul/remote.")
    attach.add_argument("--description", metavar="TEXT", default="", help="What it is for.")
    attach.add_argument(
        "--tag", metavar="KEY=VALUE", type=pair, action="append", default=[], help="A tag; may be given several times."
    )


def _add_create(kinds: Subparsers) -> None:
    create = add_verb(
        kinds,
        "amlcompute",
        _create,
        "Make a cluster, whose nodes come when runs wait. One of that name scales as it is told from then on.",
        example="terrazul computetarget create amlcompute -n cpu-cluster --max-nodes 4",
    )
    _named(create)
    create.add_argument(
        "-s", "--vm-size", metavar="SIZE", default="", help="Any name of a size; it is kept and told. Default: none."
    )
    create.add_argument(
        "-p",
        "--vm-priority",
        choices=("dedicated", "lowpriority"),
        default="dedicated",
        help="Kept and told. Default: dedicated.",
    )
    _scaling(create)
    create.add_argument("--description", metavar="TEXT", default="", help="What it is for.")
    create.add_argument(
        "--tag", metavar="KEY=VALUE", type=pair, action="append", default=[], help="A tag; may be given several times."
    )


def _add_update(kinds: Subparsers) -> None:
    update = add_verb(
        kinds,
        "amlcompute",
        _update,
        "Change how a cluster scales. What is not named stays.",
        example="terrazul computetarget update amlcompute -n cpu-cluster --max-nodes 8",
    )
    _named(update)
    _scaling(update)


def _scaling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--min-nodes", metavar="NUMBER", type=int, help="So many nodes stay. Default of a new one: 0.")
    parser.add_argument("--max-nodes", metavar="NUMBER", type=int, help="The most nodes. Default of a new one: 4.")
    parser.add_argument(
        "-i",
        "--idle-seconds-before-scaledown",
        metavar="SECONDS",
        type=int,
        help="So long a node is idle before it goes. Default of a new one: 1800.",
    )


def _named(parser: argparse.ArgumentParser) -> None:
    """The name of a compute target, in either form, and the options of its workspace."""
    parser.add_argument("target", metavar="NAME", nargs="?", help="The compute target.")
    parser.add_argument("-n", "--name", metavar="NAME", help="The same.")
    workspace_options(parser)


def _create(arguments: argparse.Namespace) -> int:
    settings = {"vm_size": arguments.vm_size, "vm_priority": arguments.vm_priority, **_given(arguments)}
    new = NewComputeTarget(_name(arguments), CLUSTER, settings, dict(arguments.tag), arguments.description)
    show(arguments, choose(arguments).client.post(ComputeTarget, "/computes", new), _COLUMNS)
    return ExitCode.GOOD


def _attach(arguments: argparse.Namespace) -> int:
    name = _name(arguments)
    given = arguments.password
    configuration = RemoteComputeAttachConfiguration(
        arguments.username,
        address=arguments.address,
        ssh_port=arguments.ssh_port,
        password=given if given or arguments.private_key_file else _asked_password(arguments),
        private_key_file=arguments.private_key_file,
        private_key_passphrase=arguments.private_key_passphrase,
        host_key_fingerprint=arguments.host_key_fingerprint,
        max_concurrent_runs=arguments.max_concurrent_runs,
        remote_folder=arguments.remote_folder or "",
        tags=dict(arguments.tag),
        description=arguments.description,
    )
    client = choose(arguments).client
    attached = client.post(ComputeTarget, "/computes", configuration.request(name))
    show(arguments, attached, _COLUMNS + _MACHINE_COLUMNS)
    return ExitCode.GOOD


def _asked_password(arguments: argparse.Namespace) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"Password of {arguments.username} on {arguments.address}: ")
    return sys.stdin.readline().rstrip("\r\n")


def _update(arguments: argparse.Namespace) -> int:
    settings = _given(arguments)
    if not settings:
        message = "Nothing to change is named."
        raise UsageError(message, hint="See `terrazul computetarget update amlcompute --help`.")
    change = ComputeTargetChange(settings)
    show(arguments, choose(arguments).client.patch(ComputeTarget, _address(arguments), change), _COLUMNS)
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    found = choose(arguments).client.get(List[ComputeTarget], "/computes")
    nothing = "There are no clusters; runs go to `local`. Make one: terrazul computetarget create amlcompute -n NAME"
    show(arguments, found, _COLUMNS, nothing=nothing)
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    found = _find(choose(arguments).client, arguments)
    show(arguments, found, _COLUMNS + (_MACHINE_COLUMNS if found.kind == REMOTE else ()))
    return ExitCode.GOOD


def _nodes(arguments: argparse.Namespace) -> int:
    found = choose(arguments).client.get(List[ComputeNode], f"{_address(arguments)}/nodes")
    show(arguments, found, _NODE_COLUMNS, nothing="It has no nodes; they come when runs wait.")
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    found = _find(client, arguments)
    what = f" {plural(found.waiting, 'run')} that wait for it fail." if found.waiting else ""
    confirm(f"Delete the compute target {found.name}?{what}", yes=arguments.yes)
    client.delete(_address(arguments))
    note(f"The compute target {found.name} is deleted.")
    return ExitCode.GOOD


def _detach(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    found = _find(client, arguments)
    if found.kind != REMOTE:
        message = f"The compute target {found.name} was made here, not attached."
        raise UsageError(message, hint=f"terrazul computetarget delete {found.name}")
    what = f" {plural(found.waiting, 'run')} that wait for it fail." if found.waiting else ""
    confirm(f"Detach the machine {found.name}?{what}", yes=arguments.yes)
    client.delete(_address(arguments))
    note(f"The machine {found.name} is detached.")
    return ExitCode.GOOD


def _find(client: Client, arguments: argparse.Namespace) -> ComputeTarget:
    return client.get(ComputeTarget, _address(arguments))


def _address(arguments: argparse.Namespace) -> str:
    return f"/computes/{quote(_name(arguments), safe='')}"


def _name(arguments: argparse.Namespace) -> str:
    return named_once(arguments.target, arguments.name, "compute target", _NAME_HINT)


def _given(arguments: argparse.Namespace) -> Dict[str, int]:
    """The numbers that the line gives."""
    names = ("min_nodes", "max_nodes", "idle_seconds_before_scaledown")
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
