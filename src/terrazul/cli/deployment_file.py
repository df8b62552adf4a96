"""v1's files of a deployment: ``inferenceconfig.json`` and ``deploymentconfig.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from terrazul.cli.command import UsageError, suggestion
from terrazul.sdk.environment import Environment
from terrazul.sdk.inference_config import InferenceConfig
from terrazul.sdk.webservice.aci import AciWebservice
from terrazul.sdk.webservice.local import LocalWebservice

if TYPE_CHECKING:
    from terrazul.sdk.webservice.configuration import WebserviceDeploymentConfiguration
    from terrazul.sdk.workspace import Workspace

_INFERENCE_KEYS = {
    "entryScript", "runtime", "condaFile", "sourceDirectory", "environment", "extraDockerfileSteps", "enableGpu",
    "description", "baseImage", "baseImageRegistry", "cudaVersion",
}  # fmt: skip
_DEPLOYMENT_KEYS = {
    "computeType", "containerResourceRequirements", "authEnabled", "appInsightsEnabled", "port", "sslEnabled",
    "sslCertPemFile", "sslKeyPemFile", "sslCname", "dnsNameLabel", "location", "keys", "description", "tags",
    "properties", "workerCount", "collectModelData", "vnetName", "subnetName", "cmkVaultBaseUrl", "cmkKeyName",
    "cmkKeyVersion",
}  # fmt: skip
_RESOURCE_KEYS = {"cpu", "memoryInGB"}
_ACI, _LOCAL = "ACI", "LOCAL"


def inference_config_of(file: Path, workspace: Workspace) -> InferenceConfig:
    """The inference configuration of a file; its paths are seen from here, as v1 sees them.

    Raises ``UsageError`` for a file that is not of that form.
    """
    content = _read(file, _INFERENCE_KEYS)
    if not content.get("entryScript"):
        message = f"{file} names no entryScript."
        raise UsageError(message, target=str(file), hint='Write {"entryScript": "score.py", …}.')
    return InferenceConfig(
        content["entryScript"],
        runtime=content.get("runtime"),
        conda_file=content.get("condaFile"),
        extra_docker_file_steps=content.get("extraDockerfileSteps"),
        source_directory=content.get("sourceDirectory"),
        enable_gpu=content.get("enableGpu"),
        description=content.get("description"),
        base_image=content.get("baseImage"),
        cuda_version=content.get("cudaVersion"),
        environment=_environment(file, content.get("environment"), workspace),
    )


def deployment_config_of(file: Path) -> WebserviceDeploymentConfiguration:
    """The deployment configuration of a file. Raises ``UsageError`` for a file that is not of that form."""
    content = _read(file, _DEPLOYMENT_KEYS)
    kind = str(content.get("computeType", _ACI)).upper()
    if kind == _LOCAL:
        return LocalWebservice.deploy_configuration(content.get("port"), content.get("workerCount"))
    if kind != _ACI:
        message = f"{file} asks for the compute type {content['computeType']!r}, which Terrazul does not have yet."
        raise UsageError(message, target=str(file), hint="Use ACI or LOCAL: both are the server's machine.")
    resources = _section(file, content, "containerResourceRequirements", _RESOURCE_KEYS)
    keys = _section(file, content, "keys", {"primaryKey", "secondaryKey"})
    return AciWebservice.deploy_configuration(
        cpu_cores=resources.get("cpu"),
        memory_gb=resources.get("memoryInGB"),
        tags=content.get("tags"),
        properties=content.get("properties"),
        description=content.get("description"),
        location=content.get("location"),
        auth_enabled=content.get("authEnabled"),
        ssl_enabled=content.get("sslEnabled"),
        enable_app_insights=content.get("appInsightsEnabled"),
        ssl_cert_pem_file=content.get("sslCertPemFile"),
        ssl_key_pem_file=content.get("sslKeyPemFile"),
        ssl_cname=content.get("sslCname"),
        dns_name_label=content.get("dnsNameLabel"),
        primary_key=keys.get("primaryKey"),
        secondary_key=keys.get("secondaryKey"),
        collect_model_data=content.get("collectModelData"),
        cmk_vault_base_url=content.get("cmkVaultBaseUrl"),
        cmk_key_name=content.get("cmkKeyName"),
        cmk_key_version=content.get("cmkKeyVersion"),
        vnet_name=content.get("vnetName"),
        subnet_name=content.get("subnetName"),
        worker_count=content.get("workerCount"),
    )


def _environment(file: Path, content: Any, workspace: Workspace) -> Optional[Environment]:
    """An environment as the file has it: whole, or by the name (and version) of a registered one."""
    if content is None:
        return None
    if isinstance(content, str):
        return Environment.get(workspace, content)
    if not isinstance(content, dict):
        message = f"The environment in {file} is neither a name nor an object."
        raise UsageError(message, target=str(file))
    if set(content) <= {"name", "version"} and content.get("name"):
        return Environment.get(workspace, content["name"], content.get("version"))
    return Environment.from_plain(content)


def _section(file: Path, content: Mapping[str, Any], name: str, known: Any) -> Dict[str, Any]:
    section = content.get(name) or {}
    if not isinstance(section, dict):
        message = f"{name} in {file} is not an object."
        raise UsageError(message, target=str(file))
    _check(file, section, known)
    return section


def _read(file: Path, known: Any) -> Dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        message = f"The file {file} cannot be read: {error.strerror}."
        raise UsageError(message, target=str(file)) from None
    except ValueError as error:
        message = f"{file} is not JSON: {error}."
        raise UsageError(message, target=str(file)) from None
    if not isinstance(content, dict):
        message = f"{file} is not a JSON object."
        raise UsageError(message, target=str(file))
    _check(file, content, known)
    return content


def _check(file: Path, content: Mapping[str, Any], known: Any) -> None:
    for key in content:
        if key not in known and not key.startswith("$"):
            message = f"{file} has the key {key!r}, which is not known."
            raise UsageError(
                message, target=key, hint=suggestion(key, known) or f"Known are {', '.join(sorted(known))}."
            )
