"""``LocalWebservice``: a web service for trying out, with states of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, cast

from terrazul.core.errors import NotFound, WebserviceException
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.inference_config import InferenceConfig, ids_of
from terrazul.sdk.webservice.configuration import Request, WebserviceDeploymentConfiguration
from terrazul.sdk.webservice.webservice import Webservice
from terrazul.wire import endpoint as wire
from terrazul.wire.endpoint import ComputeType, ServiceSettings, WebserviceChange, WebserviceState

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_HIGHEST_PORT = 65535


@concept("webservice.local")
class LocalWebservice(Webservice):
    """A web service on the server's machine, without limits of cores and memory, at a port that one can choose."""

    NETWORK_NAME = "azureml-local"
    STATE_DELETED = "deleted"
    STATE_DEPLOYING = "deploying"
    STATE_FAILED = "failed"
    STATE_RUNNING = "running"
    STATE_UNKNOWN = "unknown"

    _COMPUTE_TYPE = ComputeType.LOCAL

    def __init__(self, workspace: Workspace, name: str, must_exist: bool = True) -> None:
        self._local_name = name
        self._deleted = False
        try:
            super().__init__(workspace, name)
        except WebserviceException:
            if must_exist:
                raise
            self.workspace = workspace

    @staticmethod
    def deploy_configuration(
        port: Optional[int] = None, worker_count: Optional[int] = None
    ) -> LocalWebserviceDeploymentConfiguration:
        """How to deploy: at a port (a free one unless told), with a number of processes that score (1)."""
        return LocalWebserviceDeploymentConfiguration(port, worker_count)

    @staticmethod
    def list(  # type: ignore[override]  # v1's local list has arguments of its own
        workspace: Workspace,
        model_name: Optional[str] = None,
        model_id: Optional[str] = None,
        all: Any = None,  # noqa: A002  # v1's name
    ) -> List[LocalWebservice]:
        """The local web services of a workspace."""
        del all
        query = {"compute_type": ComputeType.LOCAL.value, "model_name": model_name, "model_id": model_id}
        found = workspace.client.get(List[wire.Webservice], "/webservices", query)
        return [cast("LocalWebservice", Webservice._of(workspace, each)) for each in found]  # noqa: SLF001  # its own base

    @property
    def name(self) -> str:
        """The name."""
        return self._known.name if hasattr(self, "_known") else self._local_name

    @property
    def state(self) -> str:
        """``deploying``, ``running``, ``failed``, ``deleted`` or ``unknown``."""
        if getattr(self, "_deleted", False):
            return self.STATE_DELETED
        if not hasattr(self, "_known"):
            return self.STATE_UNKNOWN
        return {
            WebserviceState.TRANSITIONING: self.STATE_DEPLOYING,
            WebserviceState.HEALTHY: self.STATE_RUNNING,
        }.get(self._known.state, self.STATE_FAILED)

    @property
    def port(self) -> int:
        """The port it answers at."""
        return self._known.port

    def update_deployment_state(self, must_exist: bool = False) -> None:
        """Look again at how the service is. Raises ``WebserviceException`` where it has gone and must exist."""
        try:
            super().update_deployment_state()
        except NotFound:
            self._deleted = True
            if must_exist:
                raise

    def update(
        self,
        models: Optional[Sequence[Any]] = None,
        image_config: Any = None,
        deployment_config: Optional[LocalWebserviceDeploymentConfiguration] = None,
        wait: bool = False,
        inference_config: Optional[InferenceConfig] = None,
    ) -> None:
        """Serve other models or another inference configuration, as a new revision.

        Raises ``WebserviceException`` where another port is asked for: deploy anew for that.
        """
        if image_config is not None and inference_config is None:
            inference_config = image_config.inference_config()
        if deployment_config is not None and deployment_config.port not in {None, self.port}:
            message = f"The service {self.name} answers at port {self.port}, and keeps it."
            raise WebserviceException(message, target="port", hint="Delete it and deploy it at the other port.")
        wanted = None if models is None else ids_of(models)
        if inference_config is not None:
            deployment = inference_config.deployment(self._client, wanted or self._known.deployment.models)
            self._inference_config = inference_config
            self._change(WebserviceChange(deployment=deployment))
        elif wanted is not None:
            self._change(WebserviceChange(models=wanted))
        else:
            message = f"Nothing is given to change of the service {self.name}."
            raise WebserviceException(message, target=self.name, hint="Pass models or inference_config.")
        if wait:
            self.wait_for_deployment(show_output=True)

    def reload(self, wait: bool = False) -> None:
        """Serve the source directory as it is now; where it is not known here, start the workers anew."""
        known: Optional[InferenceConfig] = getattr(self, "_inference_config", None)
        if known is not None:
            self._change(WebserviceChange(deployment=known.deployment(self._client, self._known.deployment.models)))
        else:
            self._known = self._client.post(wire.Webservice, self._path + "/reload", repeatable=False)
        if wait or known is not None:
            self.wait_for_deployment()

    def delete(self, delete_cache: bool = True, delete_image: bool = False, delete_volume: bool = True) -> None:
        """End the service and forget it."""
        del delete_cache, delete_image, delete_volume
        super().delete()
        self._deleted = True

    def deploy_to_cloud(
        self,
        name: Optional[str] = None,
        deployment_config: Optional[WebserviceDeploymentConfiguration] = None,
        deployment_target: Any = None,
    ) -> Webservice:
        """Deploy what this service serves under another configuration, as an ACI service unless told."""
        service: Webservice = class_of("deployment")(self.workspace, name or self.name, False).deploy_as_it_is(
            self._known.deployment, deployment_config, deployment_target
        )
        return service

    def get_logs(self, num_lines: int = 5000, raw: bool = False) -> str:
        """The last lines of the service's log."""
        del raw
        return super().get_logs(num_lines)

    def get_keys(self) -> Tuple[str, str]:
        """Raise ``WebserviceException``: a local service asks for no key."""
        raise self._without("keys")

    def regen_key(self, key: str, set_key: Optional[str] = None) -> None:
        """Raise ``WebserviceException``: a local service asks for no key."""
        del key, set_key
        raise self._without("keys")

    def serialize(self) -> Dict[str, Any]:
        """The service under v1's keys."""
        return {**super().serialize(), "port": self.port}

    @classmethod
    def deserialize(cls, workspace: Workspace, webservice_payload: Mapping[str, Any]) -> LocalWebservice:
        """The service of what ``serialize`` gave, as it is now."""
        return cls(workspace, str(webservice_payload["name"]))

    def _without(self, what: str) -> WebserviceException:
        message = f"The local service {self.name} has no {what}: whoever reaches it may use it."
        return WebserviceException(message, target=self.name, hint="Deploy with AciWebservice and auth_enabled=True.")


class LocalWebserviceDeploymentConfiguration(WebserviceDeploymentConfiguration):
    """What ``LocalWebservice.deploy_configuration`` gives."""

    def __init__(self, port: Optional[int] = None, worker_count: Optional[int] = None) -> None:
        super().__init__(LocalWebservice)
        self.port = port
        self.worker_count = worker_count
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise ``WebserviceException`` for a port that is none."""
        if self.port is not None and not 0 < self.port <= _HIGHEST_PORT:
            message = f"{self.port!r} is not a port."
            raise WebserviceException(message, target="port", hint=f"Use 1 to {_HIGHEST_PORT}, or leave it out.")

    def shown(self) -> Dict[str, Any]:
        """What there is to show."""
        return {"port": self.port, "workers": self.worker_count or 1}

    def request(self) -> Request:
        """The configuration as the server takes it."""
        settings = ServiceSettings(worker_count=self.worker_count or 1, cpu_cores=None, memory_gb=None)
        return Request(ComputeType.LOCAL, settings, None, self.port)
