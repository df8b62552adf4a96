"""Deploying: from models and configurations to a web service under a name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from terrazul.core.errors import AlreadyExists, CapabilityNotAvailable, WebserviceException
from terrazul.core.ids import check_webservice_name, new_guid
from terrazul.sdk.client import Request as HttpRequest
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.conda_dependencies import CondaDependencies
from terrazul.sdk.environment import Environment
from terrazul.sdk.inference_config import InferenceConfig, ids_of
from terrazul.sdk.model_environment import packages_of
from terrazul.sdk.webservice.configuration import Request, WebserviceDeploymentConfiguration
from terrazul.sdk.webservice.webservice import Webservice, taken
from terrazul.wire import endpoint as wire
from terrazul.wire.endpoint import Deployment, Driver, NewWebservice
from terrazul.wire.model import Model as WireModel

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_SKLEARN = "ScikitLearn"
_TARGET_HERE = "AciWebservice and LocalWebservice run on the server's machine."


@concept("deployment")
class NamedDeployment:
    """A deployment under a name. Raises ``WebserviceException`` for a name that cannot be one."""

    def __init__(self, workspace: Workspace, name: str, overwrite: bool) -> None:
        self._workspace = workspace
        self._name = check_webservice_name(name)
        self._overwrite = overwrite

    def deploy(
        self,
        models: Any,
        inference_config: Optional[InferenceConfig],
        configuration: Optional[WebserviceDeploymentConfiguration],
        target: Any,
    ) -> Webservice:
        """Deploy models with an entry script, or without one those that need none."""
        _check_target(target)
        ids = ids_of(models)
        if inference_config is None:
            return self._send(NewWebservice(**self._common(configuration), deployment=self._without_script(ids)))
        deployment = inference_config.deployment(self._workspace.client, ids)
        service = self._send(NewWebservice(**self._common(configuration), deployment=deployment))
        service._inference_config = inference_config  # type: ignore[attr-defined]  # noqa: SLF001  # for reload
        return service

    def deploy_image(
        self, image: Any, configuration: Optional[WebserviceDeploymentConfiguration], target: Any
    ) -> Webservice:
        """Deploy what an image holds."""
        _check_target(target)
        WebserviceDeploymentConfiguration.validate_image(image)
        return self._send(NewWebservice(**self._common(configuration), image_id=str(image.id)))

    def deploy_as_it_is(
        self, deployment: Deployment, configuration: Optional[WebserviceDeploymentConfiguration], target: Any
    ) -> Webservice:
        """Deploy what another web service serves."""
        _check_target(target)
        return self._send(NewWebservice(**self._common(configuration), deployment=deployment))

    def _common(self, configuration: Optional[WebserviceDeploymentConfiguration]) -> Dict[str, Any]:
        used = configuration if configuration is not None else class_of("webservice.aci").deploy_configuration()
        if not isinstance(used, WebserviceDeploymentConfiguration):
            message = f"{type(used).__name__} is not a deployment configuration."
            raise WebserviceException(message, target="deployment_config", hint=_TARGET_HERE)
        request: Request = used.request()
        return {
            "name": self._name,
            "deployment_id": new_guid(),
            "compute_type": request.compute_type,
            "settings": request.settings,
            "port": request.port,
            "keys": request.keys,
            "description": used.description or "",
            "tags": {str(key): str(value) for key, value in (used.tags or {}).items()},
            "properties": {str(key): str(value) for key, value in (used.properties or {}).items()},
            "overwrite": self._overwrite,
        }

    def _send(self, new: NewWebservice) -> Webservice:
        client = self._workspace.client
        try:
            made = client.post(wire.Webservice, "/webservices", new)
        except AlreadyExists as error:
            raise taken(error, self._name) from error
        return Webservice._of(self._workspace, made)  # noqa: SLF001  # the package's own way to make one

    def _without_script(self, ids: List[str]) -> Deployment:
        """What serves one model in a format that needs no entry script."""
        if len(ids) != 1:
            message = f"Without an inference configuration exactly one model is deployed, not {len(ids)}."
            raise WebserviceException(message, target="inference_config", hint="Pass an InferenceConfig.")
        model = self._workspace.client.get(WireModel, f"/models/{ids[0]}")
        if model.mlflow is not None:
            return Deployment([model.id], environment=self._environment_of(model).definition(), driver=Driver.MLFLOW)
        if model.framework == _SKLEARN:
            packages = ["scikit-learn" + (f"=={model.framework_version}" if model.framework_version else ""), "numpy"]
            environment = Environment("sklearn-model")
            environment.python.conda_dependencies = CondaDependencies.create(pip_packages=packages)
            return Deployment([model.id], environment=environment.definition(), driver=Driver.SKLEARN)
        message = f"The model {model.id} ({model.framework}) needs an entry script to be served."
        hint = "Pass an InferenceConfig. Without one, models in MLflow's format and scikit-learn's are served."
        raise WebserviceException(message, target=model.id, hint=hint)

    def _environment_of(self, model: WireModel) -> Environment:
        """The environment that a model in MLflow's format brings along."""
        folder = str((model.mlflow or {}).get("folder", "")).strip("/")
        prefix = f"{folder}/" if folder else ""
        names = [file.path[len(prefix) :] for file in model.files if file.path.startswith(prefix)]
        environment = Environment(f"{model.name}-environment")
        environment.python.conda_dependencies = packages_of(
            model.id, names, lambda name: self._file(model, prefix + name)
        )
        return environment

    def _file(self, model: WireModel, path: str) -> str:
        answer = self._workspace.client.send(HttpRequest("GET", f"/models/{model.id}/file", {"path": path}))
        return answer.decode("utf-8")


def deploy(
    workspace: Workspace,
    name: str,
    models: Any,
    inference_config: Optional[InferenceConfig] = None,
    deployment_config: Optional[WebserviceDeploymentConfiguration] = None,
    deployment_target: Any = None,
    overwrite: bool = False,
    show_output: bool = False,
) -> Webservice:
    """Deploy models as a web service; it starts in the background, and ``wait_for_deployment`` follows it.

    Raises ``WebserviceException`` where the name is taken and not to be overwritten, or something given cannot be used.
    """
    service = NamedDeployment(workspace, name, overwrite).deploy(
        models, inference_config, deployment_config, deployment_target
    )
    if show_output:
        service.wait_for_deployment(show_output=True)
    return service


def print_configuration(
    models: Any,
    inference_config: InferenceConfig,
    deployment_config: Optional[WebserviceDeploymentConfiguration],
    deployment_target: Any,
) -> None:
    """Show what a deployment would be."""
    from terrazul.sdk.console import say  # noqa: PLC0415  # beside its only use

    del deployment_target
    say(json.dumps({"models": ids_of(models), "entry script": inference_config.entry_script}, indent=4))
    if deployment_config is not None:
        deployment_config.print_deploy_configuration()


def _check_target(target: Any) -> None:
    if target is not None:
        message = f"Deploying to {type(target).__name__} needs inference clusters, which Terrazul does not have yet."
        raise CapabilityNotAvailable(message, target="deployment_target", hint=_TARGET_HERE)
