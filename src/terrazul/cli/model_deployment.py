"""``terrazul model deploy`` and ``package``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from terrazul.cli.command import Subparsers, UsageError, add_verb, pair, workspace_options
from terrazul.cli.exit_code import ExitCode
from terrazul.cli.output import is_for_people, note
from terrazul.cli.service import follow
from terrazul.cli.workspace_choice import choose

if TYPE_CHECKING:
    from terrazul.sdk.inference_config import InferenceConfig
    from terrazul.sdk.webservice.configuration import WebserviceDeploymentConfiguration
    from terrazul.sdk.workspace import Workspace

_DEPLOY = """\
Deploy models as a web service, and follow it until it is healthy. What is not in the files may be said by options. A
model in MLflow's format, and one of scikit-learn, needs no entry script. The exit code is 1 where it does not become
healthy."""
_ENTRY_OPTIONS = ("entry_script", "runtime", "conda_file", "source_directory", "environment")


def add_verbs(verbs: Subparsers) -> None:
    """The parsers of both verbs."""
    deploy = add_verb(
        verbs,
        "deploy",
        _deploy,
        _DEPLOY,
        example="terrazul model deploy -n diabetes -m diabetes:1 --ic inferenceconfig.json --dc deploymentconfig.json",
    )
    deploy.add_argument("-n", "--name", metavar="NAME", required=True, help="The name of the web service.")
    _inference_options(deploy)
    deploy.add_argument("--dc", "--deploy-config-file", dest="deployment", metavar="FILE", help="Its JSON file.")
    deploy.add_argument("--ct", "--compute-target", dest="target", metavar="NAME", help="aci or local. Default: aci.")
    deploy.add_argument("--port", type=int, metavar="PORT", help="Of a local service. Default: a free one.")
    deploy.add_argument("--cc", "--cpu-cores", dest="cores", type=float, metavar="N", help="Cores. Default: 0.1.")
    deploy.add_argument("--gb", "--memory-gb", dest="memory", type=float, metavar="GB", help="Memory. Default: 0.5.")
    deploy.add_argument("--workers", type=int, metavar="N", help="Processes that score. Default: 1.")
    deploy.add_argument(
        "--ae", "--auth-enabled", dest="auth", choices=("true", "false"), help="Whether a key is needed."
    )
    deploy.add_argument("--tag", metavar="KEY[=VALUE]", action="append", type=pair, help="Set a tag.")
    deploy.add_argument("--property", metavar="KEY[=VALUE]", action="append", type=pair, help="Add a property.")
    deploy.add_argument("--description", metavar="TEXT", help="What it is about.")
    deploy.add_argument("--overwrite", action="store_true", help="Take the place of the web service of that name.")
    deploy.add_argument("--no-wait", action="store_true", help="Return at once instead of following.")
    workspace_options(deploy)

    package = add_verb(
        verbs,
        "package",
        _package,
        "Write models with their entry script into a folder with a Dockerfile, which builds and runs elsewhere.",
        example="terrazul model package -m diabetes:1 --ic inferenceconfig.json --output-path package",
        output=False,
    )
    _inference_options(package)
    package.add_argument("--output-path", metavar="FOLDER", required=True, help="Where to.")
    workspace_options(package)


def _inference_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--model", metavar="NAME:VERSION", action="append", help="A model; several may be given.")
    parser.add_argument("--ic", "--inference-config-file", dest="inference", metavar="FILE", help="Its JSON file.")
    parser.add_argument("--entry-script", metavar="FILE", help="The script with init() and run().")
    parser.add_argument("--runtime", metavar="NAME", help="v1's older form: python.")
    parser.add_argument("--conda-file", metavar="FILE", help="The conda file of the environment.")
    parser.add_argument("--source-dir", dest="source_directory", metavar="FOLDER", help="What lies beside the script.")
    parser.add_argument(
        "-e", "--environment-name", dest="environment", metavar="NAME", help="A registered environment."
    )
    parser.add_argument("--ev", "--environment-version", dest="version", metavar="VERSION", help="Its version.")


def _deploy(arguments: argparse.Namespace) -> int:
    from terrazul.sdk.deployment import deploy  # noqa: PLC0415  # only this verb needs it

    workspace = choose(arguments)
    inference = _inference(arguments, workspace)
    service = deploy(
        workspace,
        arguments.name,
        _models(arguments),
        inference,
        _configuration(arguments),
        overwrite=arguments.overwrite,
    )
    if is_for_people(arguments):
        note(f"{service.name} will answer at {service.scoring_uri}")
    return follow(service, arguments, leave=arguments.no_wait)


def _package(arguments: argparse.Namespace) -> int:
    from terrazul.sdk.model_package import package  # noqa: PLC0415  # only this verb needs it

    workspace = choose(arguments)
    made = package(workspace, _models(arguments), _inference(arguments, workspace), generate_dockerfile=True)
    made.save(arguments.output_path)
    note(f"Written to {arguments.output_path}. Build it with: docker build {arguments.output_path}")
    return ExitCode.GOOD


def _models(arguments: argparse.Namespace) -> Any:
    """The models, each in its newest version where none is said."""
    if not arguments.model and not (arguments.inference or arguments.entry_script):
        message = "Neither a model nor an entry script is named."
        raise UsageError(message, hint="Name a model with -m, an entry script with --entry-script or --ic.")
    return arguments.model or []


def _inference(arguments: argparse.Namespace, workspace: Workspace) -> Optional[InferenceConfig]:
    from terrazul.cli.deployment_file import inference_config_of  # noqa: PLC0415  # only these verbs need it
    from terrazul.sdk.environment import Environment  # noqa: PLC0415  # as above
    from terrazul.sdk.inference_config import InferenceConfig as SdkConfig  # noqa: PLC0415  # as above

    said = [name for name in _ENTRY_OPTIONS if getattr(arguments, name)]
    if arguments.inference:
        if said:
            message = f"--ic is given, and --{said[0].replace('_', '-')} too."
            raise UsageError(message, hint="Say it in the file, or leave the file out.")
        return inference_config_of(Path(arguments.inference), workspace)
    if not arguments.entry_script:
        if said:
            message = f"--{said[0].replace('_', '-')} is given without an entry script."
            raise UsageError(message, hint="Name it with --entry-script.")
        return None
    environment = None
    if arguments.environment:
        environment = Environment.get(workspace, arguments.environment, arguments.version)
    elif arguments.conda_file and not arguments.runtime:
        environment = Environment.from_conda_specification("inference", arguments.conda_file)
    return SdkConfig(
        arguments.entry_script,
        runtime=arguments.runtime,
        conda_file=arguments.conda_file if environment is None else None,
        source_directory=arguments.source_directory,
        environment=environment,
    )


def _configuration(arguments: argparse.Namespace) -> WebserviceDeploymentConfiguration:
    from terrazul.cli.deployment_file import deployment_config_of  # noqa: PLC0415  # only this verb needs it
    from terrazul.sdk.webservice.aci import AciWebservice  # noqa: PLC0415  # as above
    from terrazul.sdk.webservice.local import LocalWebservice  # noqa: PLC0415  # as above

    if arguments.deployment:
        configuration = deployment_config_of(Path(arguments.deployment))
    else:
        target = (arguments.target or "aci").lower()
        if target not in {"aci", "local"}:
            message = f"There is no compute target {target!r} for web services."
            raise UsageError(message, target=target, hint="Say aci or local: both are the server's machine.")
        if target == "local":
            configuration = LocalWebservice.deploy_configuration(arguments.port, arguments.workers)
        else:
            configuration = AciWebservice.deploy_configuration(
                cpu_cores=arguments.cores, memory_gb=arguments.memory, worker_count=arguments.workers
            )
    if arguments.auth is not None and hasattr(configuration, "auth_enabled"):
        configuration.auth_enabled = arguments.auth == "true"
    if arguments.description is not None:
        configuration.description = arguments.description
    configuration.tags = {**(configuration.tags or {}), **dict(arguments.tag or [])}
    configuration.properties = {**(configuration.properties or {}), **dict(arguments.property or [])}
    return configuration
