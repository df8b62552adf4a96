"""``terrazul service``: web services, and serving an entry script with nothing else running."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, List

from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, pair, workspace_options
from terrazul.cli.confirmation import confirm
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import Column, is_for_people, note, show
from terrazul.cli.wording import moment, printable
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import WebserviceException
from terrazul.wire import endpoint as wire
from terrazul.wire.endpoint import KeyChoice, WebserviceChange, WebserviceKeys

if TYPE_CHECKING:
    from terrazul.sdk.webservice.webservice import Webservice

_LIST = (
    Column("name", "name"),
    Column("state", "state"),
    Column("type", "compute_type"),
    Column("revision", "serving_revision"),
    Column("models", "deployment.models"),
    Column("address", "scoring_uri"),
    Column("changed", "updated_at", moment),
)
_SHOW = (
    Column("name", "name"),
    Column("state", "state"),
    Column("phase", "phase"),
    Column("failure", "error.message"),
    Column("details", "error.details", lambda details: str(details).rstrip().rpartition("\n")[2]),
    Column("type", "compute_type"),
    Column("address", "scoring_uri"),
    Column("swagger", "swagger_uri"),
    Column("key needed", "auth_enabled"),
    Column("models", "deployment.models"),
    Column("entry script", "deployment.entry_script"),
    Column("environment", "deployment.environment.name"),
    Column("revision", "revision"),
    Column("serving", "serving_revision"),
    Column("workers", "workers"),
    Column("cores", "settings.cpu_cores"),
    Column("memory in GB", "settings.memory_gb"),
    Column("description", "description"),
    Column("tags", "tags"),
    Column("properties", "properties"),
    Column("made", "created_at", moment),
    Column("made by", "created_by"),
    Column("changed", "updated_at", moment),
)
_KEYS = (Column("primary", "primary"), Column("secondary", "secondary"))
_SERVE = """\
Serve an entry script on this machine, without a platform. The environment variables are those of v1's inference server:
AZUREML_MODEL_DIR, AML_APP_ROOT, WORKER_COUNT, SCORING_TIMEOUT_MS, AML_CORS_ORIGINS and so on. The exit code is 3 where
the script cannot serve."""


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "service", "Web services: finding, calling, changing and ending them.")
    listing = add_verb(verbs, "list", _list, "List the web services of a workspace.")
    listing.add_argument("--model-name", metavar="NAME", help="Only those that serve a model of this name.")
    listing.add_argument("--model-id", metavar="ID", help="Only those that serve this model.")
    listing.add_argument("--compute-type", choices=[each.value for each in wire.ComputeType], help="Only this type.")
    listing.add_argument("--tag", metavar="KEY[=VALUE]", action="append", help="Only those with this tag.")
    listing.add_argument("--property", metavar="KEY[=VALUE]", action="append", help="Only those with this property.")
    workspace_options(listing)
    _named(add_verb(verbs, "show", _show, "Show a web service."))
    run = _named(
        add_verb(
            verbs,
            "run",
            _run,
            "Have a web service score, and print what it answers.",
            example="terrazul service run -n diabetes -d '{\"data\": [[0.1, 0.2]]}'",
        )
    )
    run.add_argument("-d", "--input-data", metavar="TEXT", required=True, help="The body; @FILE reads it, - is input.")
    _add_update(verbs)
    delete = _named(add_verb(verbs, "delete", _delete, "End a web service and forget it.", output=False))
    delete.add_argument("--yes", action="store_true", help="Do not ask.")
    _named(add_verb(verbs, "get-keys", _get_keys, "Show the two keys of a web service."))
    regenerate = _named(add_verb(verbs, "regen-key", _regenerate, "Make a key anew; the old one is dead at once."))
    regenerate.add_argument("-k", "--key", choices=("Primary", "Secondary"), required=True, help="Which one.")
    regenerate.add_argument("-s", "--set-key", metavar="KEY", help="Set it to this instead of a random one.")
    logs = _named(add_verb(verbs, "get-logs", _logs, "Print the log of a web service.", output=False))
    logs.add_argument("-l", "--num-lines", type=int, default=5000, metavar="N", help="How many lines. Default: 5000.")
    _add_serve(verbs)


def _named(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("-n", "--name", metavar="NAME", required=True, help="Its name.")
    workspace_options(parser)
    return parser


def _add_update(verbs: Subparsers) -> None:
    parser = _named(
        add_verb(
            verbs,
            "update",
            _update,
            "Change a web service. What it serves changes when the new revision is healthy, and not before.",
            example="terrazul service update -n diabetes -m diabetes:2 --ic inferenceconfig.json",
        )
    )
    parser.add_argument("-m", "--model", metavar="NAME:VERSION", action="append", help="What to serve; several may be.")
    parser.add_argument("--ic", "--inference-config-file", dest="inference", metavar="FILE", help="Its JSON file.")
    parser.add_argument(
        "--ae", "--auth-enabled", dest="auth", choices=("true", "false"), help="Whether a key is needed."
    )
    parser.add_argument("--add-tag", metavar="KEY[=VALUE]", action="append", type=pair, help="Set a tag.")
    parser.add_argument("--remove-tag", metavar="KEY", action="append", help="Remove a tag.")
    parser.add_argument("--add-property", metavar="KEY[=VALUE]", action="append", type=pair, help="Add a property.")
    parser.add_argument("--description", metavar="TEXT", help="What it is about.")
    parser.add_argument("--no-wait", action="store_true", help="Return at once instead of following.")


def _add_serve(verbs: Subparsers) -> None:
    parser = add_verb(
        verbs,
        "serve",
        _serve,
        _SERVE,
        example="terrazul service serve --entry-script score.py --model-dir model --port 5001",
        output=False,
    )
    parser.add_argument("--entry-script", metavar="FILE", help="The script with init() and run().")
    parser.add_argument("--driver", choices=("sklearn", "mlflow"), help="Serve a model without an entry script.")
    parser.add_argument("--model-dir", metavar="FOLDER", help="Where the model lies: AZUREML_MODEL_DIR.")
    parser.add_argument("--port", metavar="PORT", help="Default: 5001; 0 takes a free one.")
    parser.add_argument("--host", metavar="ADDRESS", help="Address to listen on. Default: this machine only.")
    parser.add_argument("--worker-count", metavar="N", help="Processes that score. Default: WORKER_COUNT, or 1.")
    parser.add_argument("--python", metavar="FILE", help="The interpreter of the script. Default: this one.")
    parser.add_argument("--max-batch-size", metavar="N", help="Requests that run_batch() is given at once. Default: 1.")
    parser.add_argument("--queue-limit", metavar="N", help="Requests that may wait. Default: 256.")
    parser.add_argument("--memory-gb", metavar="GB", help="Memory of all workers together. Default: no limit.")
    parser.add_argument("--key-file", metavar="FILE", help="Ask for a key: one of those in this file, one a line.")
    parser.add_argument("--key", metavar="KEY", action="append", help="Ask for this key, which others see in `ps`.")
    parser.add_argument("--certificate", metavar="FILE", help="Serve HTTPS with this certificate (PEM).")
    parser.add_argument("--certificate-key", metavar="FILE", help="Its private key, where it is a file of its own.")
    parser.add_argument("--config-file", metavar="FILE", help="JSON with the variables of v1's inference server.")
    parser.add_argument("--log", metavar="FILE", help="Where to log. Default: standard error.")


def _list(arguments: argparse.Namespace) -> int:
    query = {
        "model_name": arguments.model_name,
        "model_id": arguments.model_id,
        "compute_type": arguments.compute_type,
        "tag": arguments.tag,
        "property": arguments.property,
    }
    found = choose(arguments).client.get(List[wire.Webservice], "/webservices", query)
    show(arguments, found, _LIST, nothing="No web service is deployed here.")
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    show(arguments, _find(arguments)._known, _SHOW)  # noqa: SLF001  # the wire's form is what is printed
    return ExitCode.GOOD


def _run(arguments: argparse.Namespace) -> int:
    show(arguments, _find(arguments).run(_body(arguments.input_data)))
    return ExitCode.GOOD


def _body(text: str) -> str:
    if text == "-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    file = Path(text[1:])
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The file {file} cannot be read: {error}."
        raise UsageError(message, target=str(file)) from None


def _update(arguments: argparse.Namespace) -> int:
    from terrazul.cli.deployment_file import inference_config_of  # noqa: PLC0415  # only this verb needs it

    service = _find(arguments)
    client, models = service.workspace.client, arguments.model
    deployment = None
    if arguments.inference:
        configuration = inference_config_of(Path(arguments.inference), service.workspace)
        deployment = configuration.deployment(client, models or service._known.deployment.models)  # noqa: SLF001  # as in _show
    change = WebserviceChange(
        deployment=deployment,
        models=None if deployment is not None else models,
        settings=None if arguments.auth is None else {"auth_enabled": arguments.auth == "true"},
        description=arguments.description,
        set_tags=dict(arguments.add_tag or []),
        remove_tags=arguments.remove_tag or [],
        add_properties=dict(arguments.add_property or []),
    )
    if change == WebserviceChange():
        message = "Nothing is said that should change."
        raise UsageError(message, hint="See `terrazul service update --help`.")
    client.patch(wire.Webservice, f"/webservices/{service.name}", change)
    return follow(service, arguments, leave=arguments.no_wait)


def _delete(arguments: argparse.Namespace) -> int:
    service = _find(arguments)
    confirm(f"End and delete the web service {service.name}?", yes=arguments.yes)
    service.delete()
    note(f"The web service {service.name} is deleted.")
    return ExitCode.GOOD


def _get_keys(arguments: argparse.Namespace) -> int:
    service = _find(arguments)
    show(arguments, service.workspace.client.get(WebserviceKeys, f"/webservices/{service.name}/keys"), _KEYS)
    return ExitCode.GOOD


def _regenerate(arguments: argparse.Namespace) -> int:
    service = _find(arguments)
    choice = KeyChoice(arguments.key, arguments.set_key or "")
    path = f"/webservices/{service.name}/keys"
    show(arguments, service.workspace.client.post(WebserviceKeys, path, choice, repeatable=False), _KEYS)
    return ExitCode.GOOD


def _logs(arguments: argparse.Namespace) -> int:
    for line in _find(arguments).get_logs(arguments.num_lines).splitlines():
        print(printable(line))
    return ExitCode.GOOD


def _serve(arguments: argparse.Namespace) -> int:
    """Become the program that serves, so that signals reach it and its exit code is ours."""
    line = [sys.executable, "-m", "terrazul.scoring.serve"]
    for name, value in vars(arguments).items():
        if name in {"command", "verb", "run", "debug"} or value is None:
            continue
        for each in value if isinstance(value, list) else [value]:
            line += [f"--{name.replace('_', '-')}", str(each)]
    os.execv(sys.executable, line)  # noqa: S606  # becoming the program is the purpose


def follow(service: Webservice, arguments: argparse.Namespace, *, leave: bool) -> int:
    """Wait until a web service is as it was asked to be, with its phases on the screen; the exit code."""
    if not leave:
        try:
            service.wait_for_deployment(show_output=is_for_people(arguments))
        except WebserviceException as error:
            note(error.message)
            note(error.hint or "")
            return ExitCode.FAILED
    service.update_deployment_state()
    show(arguments, service._known, _SHOW)  # noqa: SLF001  # as in _show
    return ExitCode.GOOD


def _find(arguments: argparse.Namespace) -> Webservice:
    from terrazul.sdk.webservice.webservice import Webservice as SdkWebservice  # noqa: PLC0415  # not for `list`

    return SdkWebservice(choose(arguments), arguments.name)
