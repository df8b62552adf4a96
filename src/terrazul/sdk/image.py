"""Images, as the first releases of v1 had them: here a deployment that is kept under a name and a version."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Dict, List, Mapping, Optional, Sequence, Union
from urllib.parse import quote

from terrazul.core.clock import from_text, to_datetime
from terrazul.core.errors import WebserviceException
from terrazul.core.ids import check_model_name, new_guid
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.console import say, warn
from terrazul.sdk.container_registry import ContainerRegistry
from terrazul.sdk.inference_config import InferenceConfig, ids_of
from terrazul.wire import endpoint as wire
from terrazul.wire.endpoint import ImageChange, NewImage

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

Texts = Union[None, str, Sequence[Any], Mapping[str, str]]
_SUCCEEDED = "Succeeded"
_FLAVOR = "WebApiContainer"


class ImageConfig:
    """How an image is made."""

    def build_create_payload(self, workspace: Workspace, name: str, model_ids: Sequence[str]) -> Dict[str, Any]:
        """What would be kept, as plain data."""
        return self.inference_config().build_create_payload(workspace, name, model_ids)

    def validate_configuration(self) -> None:
        """Raise ``WebserviceException`` for what cannot be used."""
        self.inference_config().validate_configuration()

    def inference_config(self) -> InferenceConfig:
        """The same in the newer form. Raises ``WebserviceException``."""
        message = f"{type(self).__name__} says nothing of an entry script."
        raise WebserviceException(message, hint="Use ContainerImage.image_configuration.")


class ContainerImageConfig(ImageConfig):
    """What ``ContainerImage.image_configuration`` gives."""

    def __init__(
        self,
        execution_script: str,
        runtime: str,
        conda_file: Optional[str] = None,
        docker_file: Optional[str] = None,
        schema_file: Optional[str] = None,
        dependencies: Optional[Sequence[str]] = None,
        enable_gpu: Optional[bool] = None,
        tags: Optional[Mapping[str, str]] = None,
        properties: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
        base_image: Optional[str] = None,
        base_image_registry: Optional[ContainerRegistry] = None,
        allow_absolute_path: bool = False,
        cuda_version: Optional[str] = None,
    ) -> None:
        self.execution_script = execution_script
        self.execution_script_path = execution_script
        self.runtime = runtime
        self.conda_file = conda_file
        self.docker_file = docker_file
        self.schema_file = schema_file
        self.dependencies = list(dependencies or [])
        self.enable_gpu = enable_gpu
        self.tags = dict(tags or {})
        self.properties = dict(properties or {})
        self.description = description
        self.base_image = base_image
        self.base_image_registry = base_image_registry or ContainerRegistry()
        self.allow_absolute_path = allow_absolute_path
        self.cuda_version = cuda_version

    def inference_config(self) -> InferenceConfig:
        """The same in the newer form; with dependencies, the folder of the script is its source directory."""
        if self.docker_file:
            warn("docker_file is not used: the service runs as processes, not in an image.")
        source = "." if self.dependencies else None
        return InferenceConfig(
            self.execution_script,
            self.runtime,
            self.conda_file,
            source_directory=source,
            enable_gpu=self.enable_gpu,
            description=self.description,
            base_image=self.base_image,
            base_image_registry=self.base_image_registry,
            cuda_version=self.cuda_version,
        )

    def create_local_debug_payload(self, workspace: Workspace, model_ids: Sequence[str]) -> Dict[str, Any]:
        """What would be served locally, as plain data."""
        return self.build_create_payload(workspace, "local", model_ids)


class Asset:
    """A file of an image, as v1 lists it."""

    def __init__(self, id: str, mime_type: str, unpack: bool, url: str) -> None:  # noqa: A002  # v1's name
        self.id = id
        self.mime_type = mime_type
        self.unpack = unpack
        self.url = url

    def serialize(self) -> Dict[str, Any]:
        """The asset under v1's keys."""
        return {"id": self.id, "mimeType": self.mime_type, "unpack": self.unpack, "url": self.url}

    @staticmethod
    def deserialize(payload_obj: Mapping[str, Any]) -> Asset:
        """Read what ``serialize`` wrote."""
        return Asset(*(payload_obj.get(key) for key in ("id", "mimeType", "unpack", "url")))  # type: ignore[arg-type]  # as the payload has them


class TargetRuntime:
    """The runtime of an image, as v1 describes it."""

    def __init__(self, properties: Mapping[str, Any], runtime_type: str, targetArchitecture: Optional[str]) -> None:  # noqa: N803  # v1's name
        self.properties = dict(properties)
        self.runtime_type = runtime_type
        self.targetArchitecture = targetArchitecture

    def serialize(self) -> Dict[str, Any]:
        """The runtime under v1's keys."""
        return {
            "properties": self.properties,
            "runtimeType": self.runtime_type,
            "targetArchitecture": self.targetArchitecture,
        }

    @staticmethod
    def deserialize(payload_obj: Mapping[str, Any]) -> TargetRuntime:
        """Read what ``serialize`` wrote."""
        return TargetRuntime(
            payload_obj.get("properties") or {},
            str(payload_obj.get("runtimeType")),
            payload_obj.get("targetArchitecture"),
        )


@concept("image")
class Image:
    """An image by name (its newest version unless told) or id. Raises ``WebserviceException`` where there is none."""

    def __init__(
        self,
        workspace: Workspace,
        name: Optional[str] = None,
        id: Optional[str] = None,  # noqa: A002  # v1's name
        tags: Texts = None,
        properties: Texts = None,
        version: Optional[int] = None,
    ) -> None:
        self.workspace = workspace
        self._known = _find(workspace, name, id, tags, properties, version)

    @staticmethod
    def create(workspace: Workspace, name: str, models: Sequence[Any], image_config: ImageConfig) -> Image:
        """Keep models with an image configuration under a name, as its next version."""
        deployment = image_config.inference_config().deployment(workspace.client, ids_of(models))
        new = NewImage(
            check_model_name(name),
            new_guid(),
            deployment,
            getattr(image_config, "description", None) or "",
            {str(key): str(value) for key, value in getattr(image_config, "tags", {}).items()},
            {str(key): str(value) for key, value in getattr(image_config, "properties", {}).items()},
        )
        return _image(workspace, workspace.client.post(wire.Image, "/images", new))

    @staticmethod
    def list(
        workspace: Workspace,
        image_name: Optional[str] = None,
        model_name: Optional[str] = None,
        model_id: Optional[str] = None,
        tags: Texts = None,
        properties: Texts = None,
    ) -> List[Image]:
        """The images of a workspace that fit the filters, newest first."""
        return [
            _image(workspace, each)
            for each in workspace.client.get(List[wire.Image], "/images")
            if image_name in {None, each.name}
            and _has_model(each, model_name, model_id)
            and _has(each.tags, tags)
            and _has(each.properties, properties)
        ]

    @staticmethod
    def image_configuration() -> ImageConfig:
        """Each kind of image has a configuration of its own."""
        return ImageConfig()

    @property
    def name(self) -> str:
        """The name."""
        return self._known.name

    @property
    def version(self) -> int:
        """The version."""
        return self._known.version

    @property
    def id(self) -> str:
        """``name:version``."""
        return self._known.id

    @property
    def tags(self) -> Dict[str, str]:
        """The tags."""
        return dict(self._known.tags)

    @property
    def properties(self) -> Dict[str, str]:
        """The properties, which keep their first value."""
        return dict(self._known.properties)

    @property
    def description(self) -> str:
        """A text for people."""
        return self._known.description

    @property
    def created_time(self) -> datetime:
        """When it was made."""
        return to_datetime(from_text(self._known.created_at))

    @property
    def creation_state(self) -> str:
        """``Succeeded``: nothing has to be built."""
        return _SUCCEEDED

    @property
    def image_location(self) -> str:
        """Where it is: its id in this workspace, since no container image is built."""
        return f"{self.workspace.name}/{self.id}"

    @property
    def image_build_log_uri(self) -> Optional[str]:
        """Nothing is built, so there is no log of it."""
        return None

    @property
    def generated_dockerfile_uri(self) -> Optional[str]:
        """Nothing is built; ``Model.package`` writes a Dockerfile."""
        return None

    @property
    def image_type(self) -> str:
        """v1's type."""
        return "Docker"

    @property
    def image_flavor(self) -> str:
        """v1's flavor."""
        return _FLAVOR

    @property
    def model_ids(self) -> List[str]:
        """The ids of its models."""
        return list(self._known.deployment.models)

    @property
    def models(self) -> List[Any]:
        """Its models."""
        kind = class_of("model")
        return [kind(self.workspace, id=each) for each in self.model_ids]

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Wait until it is made, which it is."""
        if show_output:
            say(f'Image creation operation finished for image {self.id}, operation "{_SUCCEEDED}"')

    def update_creation_state(self) -> None:
        """Look again at how it is."""
        self._known = self.workspace.client.get(wire.Image, self._path)

    def update(self, tags: Mapping[str, str]) -> None:
        """Replace all tags."""
        self._change(ImageChange(replace_tags=dict(tags)))

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._change(ImageChange(set_tags=dict(tags)))

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags, if they are there."""
        self._change(ImageChange(remove_tags=list(tags)))

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties. Raises ``AlreadyExists`` for one that is there with another value."""
        self._change(ImageChange(add_properties=dict(properties)))

    def delete(self) -> None:
        """Forget the image. Raises ``Conflict`` while a web service uses it."""
        self.workspace.client.delete(self._path)

    def serialize(self) -> Dict[str, Any]:
        """The image under v1's keys."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "kvTags": self.tags,
            "properties": self.properties,
            "createdTime": self._known.created_at,
            "creationState": self.creation_state,
            "imageFlavor": self.image_flavor,
            "imageLocation": self.image_location,
            "imageType": self.image_type,
            "modelIds": self.model_ids,
        }

    @classmethod
    def deserialize(cls, workspace: Workspace, image_payload: Mapping[str, Any]) -> Image:
        """The image of what ``serialize`` gave, as it is now."""
        return ContainerImage(workspace, id=str(image_payload["id"]))

    @property
    def _path(self) -> str:
        return f"/images/{quote(self.id, safe='')}"

    def _change(self, change: ImageChange) -> None:
        self._known = self.workspace.client.patch(wire.Image, self._path, change)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id}, tags={self.tags})"


class ContainerImage(Image):
    """An image that serves models by an entry script."""

    assets: ClassVar[List[Asset]] = []
    """Nothing is copied into an image."""

    @staticmethod
    def image_configuration(  # type: ignore[override]  # v1's kinds have arguments of their own
        execution_script: str,
        runtime: str,
        conda_file: Optional[str] = None,
        docker_file: Optional[str] = None,
        schema_file: Optional[str] = None,
        dependencies: Optional[Sequence[str]] = None,
        enable_gpu: Optional[bool] = None,
        tags: Optional[Mapping[str, str]] = None,
        properties: Optional[Mapping[str, str]] = None,
        description: Optional[str] = None,
        base_image: Optional[str] = None,
        base_image_registry: Optional[ContainerRegistry] = None,
        cuda_version: Optional[str] = None,
    ) -> ContainerImageConfig:
        """An entry script with its runtime and conda file."""
        return ContainerImageConfig(
            execution_script, runtime, conda_file, docker_file, schema_file, dependencies, enable_gpu, tags,
            properties, description, base_image, base_image_registry, cuda_version=cuda_version,
        )  # fmt: skip

    @property
    def driver_program(self) -> str:
        """The entry script."""
        return self._known.deployment.entry_script

    @property
    def target_runtime(self) -> TargetRuntime:
        """The runtime."""
        return TargetRuntime({"environment": self._known.deployment.environment.name}, "Python", None)

    def run(self, input_data: Any) -> Any:
        """Serve the image for a moment on the server's machine, and have it score once."""
        name = f"try-{new_guid()[:8]}"
        service = class_of("webservice.webservice").deploy_from_image(
            self.workspace, name, self, class_of("webservice.local").deploy_configuration()
        )
        try:
            service.wait_for_deployment()
            return service.run(input_data)
        finally:
            service.delete()


class UnknownImage(Image):
    """An image of a kind that this SDK does not know."""

    @property
    def image_flavor(self) -> str:
        """Not known."""
        return "Unknown"

    def run(self) -> Any:
        """Raise ``WebserviceException``."""
        message = f"The image {self.id} is of a kind that this SDK does not know."
        raise WebserviceException(message, target=self.id, hint="Install the version of terrazul that made it.")


def _image(workspace: Workspace, known: wire.Image) -> Image:
    """The object of an image that the server told of."""
    image = object.__new__(ContainerImage)
    image.workspace = workspace
    image._known = known  # it is being made
    return image


def _find(
    workspace: Workspace,
    name: Optional[str],
    image_id: Optional[str],
    tags: Texts,
    properties: Texts,
    version: Optional[int],
) -> wire.Image:
    wanted = image_id or (f"{name}:{version}" if name and version is not None else name)
    if not wanted:
        message = "No image is named."
        raise WebserviceException(message, target="name", hint="Pass its name or id.")
    for each in workspace.client.get(List[wire.Image], "/images"):
        if wanted in {each.id, each.name} and _has(each.tags, tags) and _has(each.properties, properties):
            return each
    message = f"ImageNotFound: Image with id {wanted} not found in provided workspace"
    raise WebserviceException(message, target=wanted, hint="Image.list(workspace) shows what there is.")


def _has_model(image: wire.Image, name: Optional[str], model_id: Optional[str]) -> bool:
    ids = image.deployment.models
    names = [each.rpartition(":")[0] for each in ids]
    return (name is None or name in names) and (model_id is None or model_id in ids)


def _has(there: Mapping[str, str], wanted: Texts) -> bool:
    """Whether tags or properties fit a filter: ``key``, ``[key]``, ``[[key, value]]`` or a dictionary."""
    if not wanted:
        return True
    pairs = wanted.items() if isinstance(wanted, Mapping) else [wanted] if isinstance(wanted, str) else wanted
    for each in pairs:
        key, value = (each, None) if isinstance(each, str) else (each[0], each[1])
        if key not in there or (value is not None and there[key] != str(value)):
            return False
    return True
