"""Web services of every kind: found, followed, called and changed."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union
from urllib.parse import quote

from terrazul.core.clock import from_text, to_datetime
from terrazul.core.errors import AlreadyExists, NotFound, WebserviceException, WebserviceNotFound
from terrazul.sdk.client import Client, Request, class_of, concept
from terrazul.sdk.console import say
from terrazul.sdk.webservice import scoring
from terrazul.wire import endpoint as wire
from terrazul.wire.endpoint import ComputeType, KeyChoice, WebserviceChange, WebserviceKeys, WebserviceState

if TYPE_CHECKING:
    from terrazul.sdk.environment import Environment
    from terrazul.sdk.webservice.configuration import WebserviceDeploymentConfiguration
    from terrazul.sdk.workspace import Workspace

Texts = Union[None, str, Sequence[Any], Mapping[str, str]]

_GLANCE_SECONDS = 0.25
_SILENT_SECONDS = 10.0
_KEY_NAMES = {"primary": "Primary", "secondary": "Secondary"}
_MODULES = {ComputeType.ACI: "webservice.aci", ComputeType.LOCAL: "webservice.local"}


@concept("webservice.webservice")
class Webservice:
    """A web service by its name; the object made is of the class that the service has.

    Raises ``WebserviceException`` (``WebserviceNotFound``) where there is none of that name.
    """

    _COMPUTE_TYPE: Optional[ComputeType] = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Webservice:  # noqa: PYI034  # the class of what is found
        """The object of the class that the web service has."""
        workspace, name = _named(args, kwargs)
        if cls is not Webservice or workspace is None or name is None:
            return super().__new__(cls)
        known = _find(workspace.client, name)
        made = super().__new__(_class_of(known.compute_type))
        made._known = known
        return made

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        if not hasattr(self, "_known"):
            self._known: wire.Webservice = _find(workspace.client, name, self._COMPUTE_TYPE)

    @staticmethod
    def _of(workspace: Workspace, known: wire.Webservice) -> Webservice:
        """The object of a web service that the server told of."""
        kind = _class_of(known.compute_type)
        made = object.__new__(kind)
        made.workspace = workspace
        made._known = known
        return made

    @staticmethod
    def list(
        workspace: Workspace,
        compute_type: Optional[str] = None,
        image_name: Optional[str] = None,
        image_id: Optional[str] = None,
        model_name: Optional[str] = None,
        model_id: Optional[str] = None,
        tags: Texts = None,
        properties: Texts = None,
        image_digest: Optional[str] = None,
    ) -> List[Webservice]:
        """The web services of a workspace that fit the filters; local ones have a list of their own."""
        del image_digest
        query = {
            "model_name": model_name,
            "model_id": model_id,
            "image_id": image_id,
            "tag": _pairs(tags),
            "property": _pairs(properties),
        }
        found = workspace.client.get(List[wire.Webservice], "/webservices", query)
        wanted = str(compute_type).upper() if compute_type else ComputeType.ACI.value
        return [
            Webservice._of(workspace, each)
            for each in found
            if each.compute_type.value == wanted and image_name in {None, each.image_id.partition(":")[0]}
        ]

    @property
    def name(self) -> str:
        """The name."""
        return self._known.name

    @property
    def state(self) -> str:
        """The state when it was last looked at: Transitioning, Healthy, Unhealthy or Failed."""
        return self._known.state.value

    @property
    def scoring_uri(self) -> Optional[str]:
        """The address to which rows are posted."""
        return self._known.scoring_uri

    @property
    def swagger_uri(self) -> Optional[str]:
        """The address of the document that describes the service."""
        return self._known.swagger_uri

    @property
    def compute_type(self) -> str:
        """``ACI`` or ``LOCAL``."""
        return self._known.compute_type.value

    @property
    def auth_enabled(self) -> bool:
        """Whether a key is needed."""
        return self._known.auth_enabled

    @property
    def token_auth_enabled(self) -> bool:
        """Whether it takes tokens that expire."""
        return False

    @property
    def description(self) -> str:
        """A text for people."""
        return self._known.description

    @property
    def tags(self) -> Dict[str, str]:
        """The tags."""
        return dict(self._known.tags)

    @property
    def properties(self) -> Dict[str, str]:
        """The properties, which keep their first value."""
        return dict(self._known.properties)

    @property
    def created_time(self) -> datetime:
        """When it was deployed first."""
        return to_datetime(from_text(self._known.created_at))

    @property
    def updated_time(self) -> datetime:
        """When it was changed last."""
        return to_datetime(from_text(self._known.updated_at))

    @property
    def created_by(self) -> str:
        """Who deployed it."""
        return self._known.created_by

    @property
    def error(self) -> Optional[Dict[str, Any]]:
        """Why it, or its newest revision, does not serve; None where all is well."""
        problem = self._known.error
        return (
            None if problem is None else {"code": problem.code, "message": problem.message, "details": problem.details}
        )

    @property
    def image_id(self) -> Optional[str]:
        """The image that it was deployed from, if any."""
        return self._known.image_id or None

    @property
    def image_digest(self) -> Optional[str]:
        """No image is built here."""
        return None

    @property
    def image(self) -> Any:
        """The image that it was deployed from, if any."""
        if not self._known.image_id:
            return None
        return class_of("image")(self.workspace, id=self._known.image_id)

    @property
    def models(self) -> List[Any]:
        """The models that it serves."""
        kind = class_of("model")
        return [kind(self.workspace, id=each) for each in self._known.deployment.models]

    @property
    def environment(self) -> Environment:
        """The environment that it is served in."""
        environment: Environment = class_of("environment").of_definition(self._known.deployment.environment)
        return environment

    def update_deployment_state(self) -> None:
        """Look again at how the service is."""
        self._known = _find(self._client, self.name)

    def wait_for_deployment(self, show_output: bool = False, timeout_sec: Optional[float] = None) -> None:
        """Wait until the newest revision serves.

        Raises ``WebserviceException`` with the reason, and the traceback of a failed entry script, where it does not,
        or after ``timeout_sec`` seconds.
        """
        give_up = None if timeout_sec is None else time.monotonic() + timeout_sec
        shown = _Shown(show_output)
        while True:
            self.update_deployment_state()
            known = self._known
            shown.show(known)
            if known.serving_revision == known.revision and known.state is WebserviceState.HEALTHY:
                shown.end("Succeeded")
                return
            if known.error is not None and not known.phase:
                shown.end("Failed")
                raise self._failure(known.error)
            if give_up is not None and time.monotonic() > give_up:
                shown.end("Timed out")
                message = f"The service {self.name} was not healthy within {timeout_sec} s; it is {self.state}."
                raise WebserviceException(message, target=self.name, hint="See service.get_logs().")
            time.sleep(_GLANCE_SECONDS)

    def run(self, input_data: Union[str, bytes]) -> Any:
        """Have the service score; the answer's JSON, decoded once. Raises ``WebserviceException`` for a refusal."""
        if not self._known.scoring_uri:
            message = f"The service {self.name} has no address yet."
            raise WebserviceException(message, target=self.name, hint="service.wait_for_deployment() waits for it.")
        return scoring.run(self._known.scoring_uri, input_data, self._current_key, authenticated=self.auth_enabled)

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """The last lines of the service's log."""
        del init
        answer = self._client.send(Request("GET", self._path + "/logs", {"lines": num_lines}))
        return answer.decode("utf-8", "replace")

    def get_keys(self) -> Tuple[str, str]:
        """The primary and the secondary key."""
        keys = self._client.get(WebserviceKeys, self._path + "/keys")
        return keys.primary, keys.secondary

    def regen_key(self, key: str, set_key: Optional[str] = None) -> None:
        """Make a key anew, or set it; when this returns, the old one opens nothing any more.

        ``key`` is ``Primary`` or ``Secondary``. Raises ``WebserviceException`` for another word.
        """
        which = _KEY_NAMES.get(str(key).lower())
        if which is None:
            message = f"There is no key {key!r}."
            raise WebserviceException(message, target="key", hint="Say 'Primary' or 'Secondary'.")
        self._client.post(WebserviceKeys, self._path + "/keys", KeyChoice(which, set_key or ""), repeatable=False)

    def get_token(self) -> Tuple[str, datetime]:
        """Raise ``WebserviceException``: this kind of service takes keys."""
        message = f"The service {self.name} takes keys, not tokens."
        raise WebserviceException(message, target=self.name, hint="Use service.get_keys().")

    def update(self, *args: Any) -> None:
        """Change the service; each kind has its own arguments."""
        del args
        message = f"{type(self).__name__} cannot be updated."
        raise WebserviceException(message, target=self.name)

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._change(WebserviceChange(set_tags=_texts(tags)))

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags, if they are there."""
        self._change(WebserviceChange(remove_tags=[str(tag) for tag in tags]))

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties. Raises ``AlreadyExists`` for one that is there with another value."""
        self._change(WebserviceChange(add_properties=_texts(properties)))

    def delete(self) -> None:
        """End the service and forget it; its name and its port are free then."""
        self._client.delete(self._path)

    def serialize(self) -> Dict[str, Any]:
        """The service under v1's keys."""
        known = self._known
        return {
            "name": known.name,
            "description": known.description,
            "tags": dict(known.tags),
            "properties": dict(known.properties),
            "state": self.state,
            "createdTime": known.created_at,
            "updatedTime": known.updated_at,
            "createdBy": known.created_by,
            "error": self.error,
            "computeType": self.compute_type,
            "workspaceName": self.workspace.name,
            "imageId": self.image_id,
            "modelIds": list(known.deployment.models),
            "authEnabled": known.auth_enabled,
            "scoringUri": known.scoring_uri,
            "swaggerUri": known.swagger_uri,
            "environment": known.deployment.environment.name,
            "revision": known.revision,
            "servingRevision": known.serving_revision,
        }

    @classmethod
    def deserialize(cls, workspace: Workspace, webservice_payload: Mapping[str, Any]) -> Webservice:
        """The service of what ``serialize`` gave, as it is now."""
        return Webservice._of(workspace, _find(workspace.client, str(webservice_payload["name"])))

    @staticmethod
    def check_for_existing_webservice(
        workspace: Workspace,
        name: str,
        overwrite: bool = False,
        request_func: Optional[Callable[..., Any]] = None,
        check_func: Optional[Callable[..., Any]] = None,
    ) -> None:
        """Raise ``WebserviceException`` where the name is taken, unless it is to be overwritten."""
        del request_func, check_func
        if overwrite:
            return
        try:
            _find(workspace.client, name)
        except NotFound:
            return
        raise _taken(name)

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        model_paths: Sequence[str],
        image_config: Any,
        deployment_config: Optional[WebserviceDeploymentConfiguration] = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Register files as models, and deploy them with an image configuration."""
        kind = class_of("model")
        models = [kind.register(workspace, path, _model_name(path)) for path in model_paths]
        return Webservice.deploy_from_model(
            workspace, name, models, image_config, deployment_config, deployment_target, overwrite
        )

    @staticmethod
    def deploy_from_model(
        workspace: Workspace,
        name: str,
        models: Sequence[Any],
        image_config: Any,
        deployment_config: Optional[WebserviceDeploymentConfiguration] = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Deploy models with an image configuration, v1's older form of an inference configuration."""
        service: Webservice = class_of("deployment")(workspace, name, overwrite).deploy(
            models, image_config.inference_config(), deployment_config, deployment_target
        )
        return service

    @staticmethod
    def deploy_from_image(
        workspace: Workspace,
        name: str,
        image: Any,
        deployment_config: Optional[WebserviceDeploymentConfiguration] = None,
        deployment_target: Any = None,
        overwrite: bool = False,
    ) -> Webservice:
        """Deploy what an image holds."""
        service: Webservice = class_of("deployment")(workspace, name, overwrite).deploy_image(
            image, deployment_config, deployment_target
        )
        return service

    @staticmethod
    def deploy_local_from_model(
        workspace: Workspace,
        name: str,
        models: Sequence[Any],
        image_config: Any,
        deployment_config: Optional[WebserviceDeploymentConfiguration] = None,
        wait: bool = False,
    ) -> Webservice:
        """Deploy models as a local web service, with an image configuration."""
        configuration = deployment_config or class_of("webservice.local").deploy_configuration()
        service = Webservice.deploy_from_model(workspace, name, models, image_config, configuration)
        if wait:
            service.wait_for_deployment(show_output=True)
        return service

    @property
    def _client(self) -> Client:
        return self.workspace.client

    @property
    def _path(self) -> str:
        return f"/webservices/{quote(self._known.name, safe='')}"

    def _change(self, change: WebserviceChange) -> None:
        self._known = self._client.patch(wire.Webservice, self._path, change)

    def _current_key(self) -> str:
        return self.get_keys()[0]

    def _failure(self, problem: wire.ServiceError) -> WebserviceException:
        details = f"\n{problem.details.rstrip()}" if problem.details else ""
        serving = self._known.serving_revision
        goes_on = f" Revision {serving} goes on serving." if serving else ""
        message = f"The service {self.name} did not become healthy: {problem.message}{goes_on}{details}"
        return WebserviceException(message, target=self.name, hint=problem.hint or "See service.get_logs().")

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, image_id={self.image_id}, "
            f"compute_type={self.compute_type}, state={self.state}, scoring_uri={self.scoring_uri}, "
            f"tags={self.tags}, properties={self.properties}, created_by={self.created_by})"
        )


class _Shown:
    """What a person sees while a deployment goes on."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._begun_at = self._shown_at = time.monotonic()
        self._last = ""

    def show(self, known: wire.Webservice) -> None:
        """A line for each phase, and one again for a phase that takes long."""
        phase = known.phase or ("starting" if known.state is WebserviceState.TRANSITIONING else "")
        now = time.monotonic()
        if self._wanted and phase and (phase != self._last or now > self._shown_at + _SILENT_SECONDS):
            self._last, self._shown_at = phase, now
            say(f"{self._seconds()} {phase}")

    def end(self, word: str) -> None:
        """How it ended."""
        if self._wanted:
            say(f"{self._seconds()} {word}")

    def _seconds(self) -> str:
        return f"{time.monotonic() - self._begun_at:6.1f} s"


def _named(args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tuple[Any, Any]:
    workspace = args[0] if args else kwargs.get("workspace")
    name = args[1] if len(args) > 1 else kwargs.get("name")
    return workspace, name


def _find(client: Client, name: str, compute_type: Optional[ComputeType] = None) -> wire.Webservice:
    try:
        known = client.get(wire.Webservice, f"/webservices/{quote(name, safe='')}")
    except NotFound as error:
        raise _not_found(name, error.hint) from None
    if compute_type not in {None, known.compute_type}:
        raise _not_found(name, f"There is one of that name, of the type {known.compute_type.value}.")
    return known


def _not_found(name: str, hint: Optional[str]) -> WebserviceException:
    message = f"WebserviceNotFound: Webservice with name {name} not found in provided workspace"
    return WebserviceNotFound(message, target=name, hint=hint)


def _taken(name: str) -> WebserviceException:
    message = f"There is a service {name!r} already."
    return WebserviceException(message, target=name, hint="Pass overwrite=True to take its place, or another name.")


def taken(error: AlreadyExists, name: str) -> WebserviceException:
    """The error of v1 for a name that is taken."""
    del error
    return _taken(name)


def _class_of(compute_type: ComputeType) -> Type[Webservice]:
    kind: Type[Webservice] = class_of(_MODULES[compute_type])
    return kind


def _pairs(texts: Texts) -> Optional[List[str]]:
    """A filter as the server reads it, from ``key``, ``[key]``, ``[[key, value]]`` or a dictionary."""
    if not texts:
        return None
    if isinstance(texts, str):
        return [texts]
    if isinstance(texts, Mapping):
        return [f"{key}={value}" for key, value in texts.items()]
    return [each if isinstance(each, str) else "=".join(map(str, each)) for each in texts]


def _texts(values: Mapping[str, Any]) -> Dict[str, str]:
    return {str(key): "" if value is None else str(value) for key, value in values.items()}


def _model_name(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
