"""``terrazul model``: the registry."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from terrazul.cli import deletion, model_deployment
from terrazul.cli.command import Subparsers, UsageError, add_group, add_verb, pair, workspace_options
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.model_choice import add_verb_on_model, model_id_of, version_of
from terrazul.cli.output import Column, show
from terrazul.cli.wording import moment, size, text
from terrazul.cli.workspace_choice import choose
from terrazul.core.errors import WebserviceException
from terrazul.sdk import model_files
from terrazul.sdk.client import Client
from terrazul.sdk.model import Model, address_of, register, search
from terrazul.sdk.model_record import Description, new_model
from terrazul.sdk.resource_configuration import ResourceConfiguration
from terrazul.sdk.run import artifact_path
from terrazul.sdk.workspace import Workspace
from terrazul.wire import model as wire
from terrazul.wire.codec import to_plain
from terrazul.wire.deletion import Selection
from terrazul.wire.lineage import Edge

_FEW = 20


def _files(row: Dict[str, Any]) -> str:
    told = [f"{file['path']} ({size(file['size'])})" for file in row["files"][:_FEW]]
    more = len(row["files"]) - len(told)
    return text(told + ([f"and {more} more"] if more else []))


def _made_with(row: Dict[str, Any]) -> str:
    edges = [each for each in row["lineage"] if (each["user_type"], each["user_id"]) == ("model", row["id"])]
    return text([f"{each['used_type']} {each['used_id']} ({each['role']})" for each in edges])


def _used_by(row: Dict[str, Any]) -> str:
    edges = [each for each in row["lineage"] if (each["used_type"], each["used_id"]) == ("model", row["id"])]
    return text([f"{each['user_type']} {each['user_id']} ({each['role']})" for each in edges])


def _asked(wanted: Dict[str, Any]) -> str:
    return text({name: amount for name, amount in wanted.items() if amount is not None})


_LIST = (
    Column("model", "id"),
    Column("framework", "framework"),
    Column("tags", "tags"),
    Column("files", "file_count"),
    Column("size", "size", size),
    Column("made", "created_at", moment),
    Column("run", "run_id"),
)
_SHOW = (
    Column("model", "id"),
    Column("description", "description"),
    Column("framework", "framework"),
    Column("framework version", "framework_version"),
    Column("flavors", "mlflow.flavors"),
    Column("tags", "tags"),
    Column("properties", "properties"),
    Column("files", "", _files),
    Column("size", "size", size),
    Column("asks for", "resource_configuration", _asked),
    Column("sample input", "sample_input_dataset_id"),
    Column("sample output", "sample_output_dataset_id"),
    Column("made", "created_at", moment),
    Column("made by", "created_by"),
    Column("experiment", "experiment_name"),
    Column("made with", "", _made_with),
    Column("used by", "", _used_by),
)


def add_parser(subparsers: Subparsers) -> None:
    """The parsers of all verbs."""
    verbs = add_group(subparsers, "model", "Models: files under a name and a version.")
    _add_register(verbs)
    _add_list(verbs)
    showing = add_verb_on_model(verbs, "show", _show, "Show a model, with what it was made with and who uses it.")
    showing.add_argument("-n", "--model-name", metavar="NAME", help="The newest model of this name that fits.")
    showing.add_argument("--version", type=int, metavar="NUMBER", help="This version of the name.")
    showing.add_argument("--run-id", metavar="ID", help="The newest one of the name that comes from this run.")
    _add_update(verbs)
    download = add_verb_on_model(
        verbs, "download", _download, "Download a model into a folder. Every file is checked against its SHA-256."
    )
    download.add_argument("-t", "--target-dir", metavar="FOLDER", default=".", help="Where to. Default: here.")
    download.add_argument("--overwrite", action="store_true", help="Replace what lies there.")
    delete = add_verb_on_model(
        verbs,
        "delete",
        _delete,
        "Delete a version of a model that nothing uses. It is not given again, unless all of the name goes.",
    )
    delete.add_argument("--all-versions", action="store_true", help="All versions, and the name, which is free then.")
    deletion.add_options(delete)
    model_deployment.add_verbs(verbs)


def _add_register(verbs: Subparsers) -> None:
    parser = add_verb(
        verbs,
        "register",
        _register,
        "Register a file or folder, of this disk or of a run, as the next version of a name.",
        example="terrazul model register -n diabetes --run-id RUN --asset-path outputs/model.pkl --tag stage=test",
    )
    parser.add_argument("-n", "--name", metavar="NAME", required=True, help="Its name.")
    parser.add_argument("-p", "--model-path", metavar="PATH", help="The file or folder on this disk.")
    parser.add_argument(
        "--asset-path", metavar="PATH", help="The file or folder of the run, such as outputs/model.pkl."
    )
    parser.add_argument("--run-id", metavar="ID", help="The run that it comes from.")
    parser.add_argument(
        "-f", "--run-metadata-file", metavar="FILE", help="The file in which `run submit-script -t` named the run."
    )
    parser.add_argument("-d", "--description", metavar="TEXT", help="What it is about.")
    parser.add_argument("--model-framework", metavar="NAME", help="Such as ScikitLearn, Onnx, TensorFlow.")
    parser.add_argument("--model-framework-version", metavar="VERSION", help="The framework's version.")
    _text_options(parser, "--tag", "--property")
    _other_options(parser)
    parser.add_argument("-t", "--output-metadata-file", metavar="FILE", help="Write a JSON file that names the model.")
    workspace_options(parser)


def _add_list(verbs: Subparsers) -> None:
    parser = add_verb(
        verbs,
        "list",
        _list,
        "List models, newest first.",
        example="terrazul model list --latest --tag stage=test -o json --query '[].id'",
    )
    parser.add_argument("-n", "--model-name", metavar="NAME", help="Only those of this name.")
    parser.add_argument("-l", "--latest", action="store_true", help="Of each name only the newest that fits.")
    parser.add_argument("--tag", metavar="KEY[=VALUE]", action="append", help="Only those with this tag.")
    parser.add_argument("--property", metavar="KEY[=VALUE]", action="append", help="Only those with this property.")
    parser.add_argument("--run-id", metavar="ID", help="Only those that come from this run.")
    parser.add_argument("--dataset-id", metavar="ID", help="Only those that name this dataset.")
    parser.add_argument("--model-framework", metavar="NAME", help="Only those of this framework.")
    workspace_options(parser)


def _add_update(verbs: Subparsers) -> None:
    parser = add_verb_on_model(verbs, "update", _update, "Change what describes a version of a model.")
    _text_options(parser, "--add-tag", "--add-property")
    parser.add_argument("--remove-tag", metavar="KEY", action="append", help="Remove a tag. May stand several times.")
    parser.add_argument("-d", "--description", metavar="TEXT", help="What it is about.")
    _other_options(parser)


def _text_options(parser: argparse.ArgumentParser, tag: str, property_: str) -> None:
    parser.add_argument(
        tag, metavar="KEY[=VALUE]", action="append", type=pair, default=[], help="Set a tag. May stand several times."
    )
    parser.add_argument(
        property_,
        metavar="KEY[=VALUE]",
        action="append",
        type=pair,
        default=[],
        help="Add a property, which keeps its value. May stand several times.",
    )


def _other_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cc", type=float, metavar="NUMBER", help="Cores that it asks for when it is deployed.")
    parser.add_argument("--gb", type=float, metavar="NUMBER", help="Gigabytes of memory that it asks for.")
    parser.add_argument("--gc", type=int, metavar="NUMBER", help="Graphics devices that it asks for.")
    parser.add_argument("--sample-input-dataset-id", metavar="ID", help="A dataset of inputs for it.")
    parser.add_argument("--sample-output-dataset-id", metavar="ID", help="A dataset of its outputs.")


def _register(arguments: argparse.Namespace) -> int:
    run_id = arguments.run_id or _run_of(arguments.run_metadata_file)
    if bool(arguments.model_path) == bool(arguments.asset_path) or (arguments.asset_path and not run_id):
        message = "A model is a file or folder of this disk, or one of a run."
        raise UsageError(message, hint="Pass --model-path, or --asset-path with --run-id.")
    workspace = choose(arguments)
    about = Description(
        tags=dict(arguments.tag),
        properties=dict(arguments.property),
        model_framework=arguments.model_framework,
        model_framework_version=arguments.model_framework_version,
        description=arguments.description,
        sample_input_dataset=arguments.sample_input_dataset_id,
        sample_output_dataset=arguments.sample_output_dataset_id,
        resource_configuration=_resources(arguments),
    )
    if arguments.model_path:
        files = model_files.send(workspace.client, model_files.locations_of(arguments.model_path))
        new = new_model(arguments.name, about, files, run_id)
    else:
        new = new_model(arguments.name, about, run_id=run_id, artifact_path=artifact_path(arguments.asset_path))
    model = register(workspace, new)
    if arguments.output_metadata_file:
        _write_metadata(Path(arguments.output_metadata_file), workspace, model.id)
    show(arguments, _told(workspace.client, model.id), _SHOW)
    return ExitCode.GOOD


def _list(arguments: argparse.Namespace) -> int:
    query = {
        "name": arguments.model_name,
        "tag": arguments.tag,
        "property": arguments.property,
        "run_id": arguments.run_id,
        "dataset_id": arguments.dataset_id,
        "framework": arguments.model_framework,
        "latest": arguments.latest,
    }
    show(arguments, [*search(choose(arguments).client, query)], _LIST, nothing="There are no such models.")
    return ExitCode.GOOD


def _show(arguments: argparse.Namespace) -> int:
    workspace = choose(arguments)
    if arguments.model_name:
        found = Model(workspace, arguments.model_name, version=arguments.version, run_id=arguments.run_id).id
    else:
        found = model_id_of(arguments)
    show(arguments, _told(workspace.client, found), _SHOW)
    return ExitCode.GOOD


def _update(arguments: argparse.Namespace) -> int:
    model_id, client = version_of(arguments), choose(arguments).client
    wanted = _resources(arguments)
    change = wire.ModelChange(
        set_tags=dict(arguments.add_tag),
        remove_tags=arguments.remove_tag or [],
        add_properties=dict(arguments.add_property),
        description=arguments.description,
        sample_input_dataset_id=arguments.sample_input_dataset_id,
        sample_output_dataset_id=arguments.sample_output_dataset_id,
        resource_configuration=None if wanted is None else wanted.to_wire(),
    )
    client.patch(wire.Model, address_of(model_id), change)
    show(arguments, _told(client, model_id), _SHOW)
    return ExitCode.GOOD


def _download(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    model = client.get(wire.Model, address_of(model_id_of(arguments)))
    try:
        path = model_files.download(client, model, Path(arguments.target_dir), exist_ok=arguments.overwrite)
    except WebserviceException as error:
        hint = error.hint if arguments.overwrite else "Add --overwrite to have it replaced."
        raise WebserviceException(error.message, target=error.target, hint=hint) from None
    show(arguments, path)
    return ExitCode.GOOD


def _delete(arguments: argparse.Namespace) -> int:
    client = choose(arguments).client
    if arguments.all_versions:
        name = model_id_of(arguments)
        what = f"all versions of the model {name}"
        return deletion.carry_out(arguments, client, Selection(model_ids=[name]), what, several=True)
    model = client.get(wire.Model, address_of(version_of(arguments)))
    return deletion.carry_out(arguments, client, Selection(model_ids=[model.id]), f"the model {model.id}")


def _told(client: Client, model_id: str) -> Dict[str, Any]:
    model = client.get(wire.Model, address_of(model_id))
    lineage = client.get(List[Edge], address_of(model.id) + "/lineage")
    return {**to_plain(model), "lineage": to_plain(lineage)}


def _resources(arguments: argparse.Namespace) -> Optional[ResourceConfiguration]:
    wanted: Tuple[Optional[float], Optional[float], Optional[int]] = (arguments.cc, arguments.gb, arguments.gc)
    return None if wanted == (None, None, None) else ResourceConfiguration(*wanted)


def _run_of(file: Optional[str]) -> Optional[str]:
    """The run that a metadata file names."""
    if file is None:
        return None
    try:
        return str(json.loads(Path(file).read_text(encoding="utf-8"))["runId"])
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{file} names no run."
        raise UsageError(
            message, target=file, hint="It is JSON with runId; `run submit-script -t` writes it."
        ) from None


def _write_metadata(file: Path, workspace: Workspace, model_id: str) -> None:
    """The file with which v1's later steps (deploying) find the model."""
    content = {
        "modelId": model_id,
        "workspaceName": workspace.name,
        "resourceGroupName": workspace.resource_group,
        "subscriptionId": workspace.subscription_id,
    }
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
