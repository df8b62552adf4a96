"""Models: files under a name and a version, kept by the registry of a workspace."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import quote, urlencode

from terrazul.core.clock import from_text, to_datetime
from terrazul.core.errors import InvalidInput, ModelNotFound, NotFound, WebserviceException
from terrazul.core.ids import check_model_name
from terrazul.sdk import model_files, model_record
from terrazul.sdk.client import Client, QueryValue, class_of, concept
from terrazul.sdk.console import say
from terrazul.sdk.resource_configuration import ResourceConfiguration
from terrazul.sdk.run import in_submitted_run, patient
from terrazul.sdk.run_recording import texts_of
from terrazul.sdk.run_search import Texts, pairs
from terrazul.sdk.unsupported import not_yet
from terrazul.sdk.writer import writer_of
from terrazul.wire import model as wire
from terrazul.wire.lineage import Edge

if TYPE_CHECKING:
    from terrazul.sdk.inference_config import InferenceConfig
    from terrazul.sdk.model_package import ModelPackage
    from terrazul.sdk.run import Run
    from terrazul.sdk.webservice.configuration import WebserviceDeploymentConfiguration
    from terrazul.sdk.webservice.webservice import Webservice
    from terrazul.sdk.workspace import Workspace

_PAGE = 255
_LARGEST_PAGE = 1000
_MIME_TYPE = "application/x-python"


@concept("model")
class Model:
    """A version of a model; made by ``register`` and ``Run.register_model``, found by name, id, version and so on.

    Of several that fit the newest is taken. Raises ``ModelNotFound``, which is v1's ``WebserviceException`` and
    ``ModelNotFoundException`` in one.
    """

    class Framework:
        """The names of well-known frameworks; any other text is taken too."""

        CUSTOM = "Custom"
        TENSORFLOW = "TensorFlow"
        SCIKITLEARN = "ScikitLearn"
        ONNX = "Onnx"
        TFKERAS = "TfKeras"
        PYTORCH = "PyTorch"
        MULTI = "Multi"

    def __init__(
        self,
        workspace: Workspace,
        name: Optional[str] = None,
        id: Optional[str] = None,  # noqa: A002  # v1's name
        tags: Texts = None,
        properties: Texts = None,
        version: Optional[int] = None,
        run_id: Optional[str] = None,
        model_framework: Optional[str] = None,
        expand: bool = True,
        **kwargs: Any,
    ) -> None:
        del expand
        record: Optional[wire.Model] = kwargs.get("_record")
        if record is None:
            wanted = _query(name, tags, properties, run_id, model_framework)
            record = _find(workspace.client, wanted, id, version)
        self._initialize(workspace, record)

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str,
        model_name: str,
        tags: Optional[Mapping[str, Any]] = None,
        properties: Optional[Mapping[str, Any]] = None,
        description: Optional[str] = None,
        datasets: Optional[model_record.Datasets] = None,
        model_framework: Optional[str] = None,
        model_framework_version: Optional[str] = None,
        child_paths: Optional[Sequence[str]] = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> Model:
        """Register a file or folder of this machine's disk as the next version of a name.

        What the registry has of the bytes already is not sent again. Raises ``ModelPathNotFound`` for a path that is
        not there, ``InvalidInput`` for a name that is not valid.
        """
        check_model_name(model_name)
        say(f"Registering model {model_name}")
        files = model_files.send(workspace.client, model_files.locations_of(str(model_path), child_paths))
        about = model_record.Description(
            tags=tags,
            properties=properties,
            description=description,
            datasets=datasets,
            model_framework=model_framework,
            model_framework_version=model_framework_version,
            sample_input_dataset=sample_input_dataset,
            sample_output_dataset=sample_output_dataset,
            resource_configuration=resource_configuration,
        )
        return register(workspace, model_record.new_model(model_name, about, files=files))

    @staticmethod
    def list(
        workspace: Workspace,
        name: Optional[str] = None,
        tags: Texts = None,
        properties: Texts = None,
        run_id: Optional[str] = None,
        latest: bool = False,
        dataset_id: Optional[str] = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: Optional[str] = None,
    ) -> List[Model]:
        """The models that fit the filters, newest first; with ``latest`` the newest one of each name that fits.

        A filter on tags or properties holds keys, or pairs ``[key, value]``.
        """
        del expand
        query = _query(name, tags, properties, run_id, model_framework)
        query.update(dataset_id=dataset_id, latest=latest)
        return [Model(workspace, _record=record) for record in search(workspace.client, query, page_count)]

    @staticmethod
    def get_model_path(model_name: str, version: Optional[int] = None, _workspace: Optional[Workspace] = None) -> str:
        """Where the file or folder of a model is on this machine.

        Inside of a submitted run, and with ``_workspace``, it is downloaded below ``azureml-models/``: without a
        version always the latest, with one only where it is not there yet. Otherwise it is looked for below
        ``azureml-models/`` (of ``AML_APP_ROOT``, if that is set), where deployed scripts find their models, and then
        here.

        Raises ``ModelNotFoundException``, and ``WebserviceException`` for a version that is no integer.
        """
        if version is not None and type(version) is not int:
            message = f"The version of a model is an integer, not {version!r}."
            raise WebserviceException(message, target=str(model_name))
        workspace = _workspace_of_run() if _workspace is None and in_submitted_run() else _workspace
        if workspace is None:
            return model_files.local_path(model_name, version)
        return Model._get_model_path_remote(model_name, version, workspace)

    @staticmethod
    def _get_model_path_remote(model_name: str, version: Optional[int], workspace: Workspace) -> str:
        """v1 code calls this name: the path of a model of the registry, downloaded where it is not there."""
        there = None if version is None else model_files.cached(model_name, version)
        if there is not None:
            return there
        model = Model(workspace, model_name, version=version)
        return model.download(str(model_files.cache_folder(model.name, model.version)), exist_ok=True)

    def download(self, target_dir: str = ".", exist_ok: bool = False, exists_ok: Optional[bool] = None) -> str:
        """Write the model into a folder; the path of its file or folder there.

        It appears when all of it has arrived, and every file is checked against its SHA-256. Raises
        ``WebserviceException`` where there is something of that name, unless ``exist_ok``.
        """
        exist_ok = exist_ok if exists_ok is None else exists_ok
        return model_files.download(self.workspace.client, self._whole(), Path(target_dir), exist_ok=exist_ok)

    def update(
        self,
        tags: Optional[Mapping[str, Any]] = None,
        description: Optional[str] = None,
        sample_input_dataset: Any = None,
        sample_output_dataset: Any = None,
        resource_configuration: Optional[ResourceConfiguration] = None,
    ) -> None:
        """Set what is given; the tags take the place of all tags that are there."""
        self._change(
            wire.ModelChange(
                replace_tags=None if tags is None else texts_of(tags),
                description=description,
                sample_input_dataset_id=model_record.id_or_none(sample_input_dataset),
                sample_output_dataset_id=model_record.id_or_none(sample_output_dataset),
                resource_configuration=model_record.to_wire(resource_configuration),
            )
        )

    def update_tags_properties(
        self,
        add_tags: Optional[Mapping[str, Any]] = None,
        remove_tags: Optional[Sequence[str]] = None,
        add_properties: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """Set and remove tags, and add properties; all of it or nothing.

        Raises ``AlreadyExists`` for a property that has another value.
        """
        self._change(
            wire.ModelChange(
                set_tags=texts_of(add_tags or {}),
                remove_tags=_keys(remove_tags),
                add_properties=texts_of(add_properties or {}),
            )
        )

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; those that are there get the new value."""
        self.update_tags_properties(add_tags=tags)

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags, if they are there."""
        self.update_tags_properties(remove_tags=tags)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties. Raises ``AlreadyExists`` for one that has another value."""
        self.update_tags_properties(add_properties=properties)

    def add_dataset_references(self, datasets: model_record.Datasets) -> None:
        """Note further datasets of the model, each with its role."""
        self._change(wire.ModelChange(add_datasets=model_record.references(datasets)))

    def delete(self) -> None:
        """Delete this version for good; its number is not given again.

        Raises ``ModelInUse`` (v1's ``WebserviceException``) with the list of the users where it has some.
        """
        self.workspace.client.delete(address_of(self.id))

    def get_sas_urls(self) -> Dict[str, str]:
        """The address of each file, by its path.

        Unlike v1's they carry no signature: who opens one sends ``Authorization: Bearer <token>``.
        """
        return {file.path: f"{self.url}/file?{urlencode({'path': file.path})}" for file in self._whole().files}

    def get_lineage(self) -> List[Edge]:
        """What the model was made with (run, snapshot, datasets, parent), and what uses it; Terrazul's own."""
        return self.workspace.client.get(List[Edge], address_of(self.id) + "/lineage")

    def serialize(self) -> Dict[str, Any]:
        """As v1's dictionary."""
        resources = self.resource_configuration
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "description": self.description,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "tags": self.tags,
            "properties": self.properties,
            "createdTime": self.created_time.isoformat(),
            "createdBy": self.created_by,
            "mimeType": self.mime_type,
            "unpack": self.unpack,
            "url": self.url,
            "experimentName": self.experiment_name,
            "runId": self.run_id,
            "datasets": [{"name": each.role, "id": each.dataset_id} for each in self._record.datasets],
            "sampleInputDatasetId": self._record.sample_input_dataset_id or None,
            "sampleOutputDatasetId": self._record.sample_output_dataset_id or None,
            "resourceRequirements": None if resources is None else resources.serialize(),
            "parentModelId": self.parent_id,
            "derivedModelIds": self.derived_model_ids,
        }

    @staticmethod
    def deserialize(workspace: Workspace, model_payload: Mapping[str, Any]) -> Model:
        """The object of such a dictionary. Raises ``WebserviceException`` for one that is not of that form."""
        try:
            record = model_record.record_of(model_payload)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            message = f"The model payload cannot be read: {type(error).__name__}: {error}."
            raise WebserviceException(message, hint="Pass what model.serialize() gave.") from error
        return Model(workspace, _record=record)

    @property
    def run(self) -> Optional[Run]:
        """The run that the model comes from, if any."""
        return None if self.run_id is None else self.workspace.get_run(self.run_id)

    @property
    def datasets(self) -> List[Tuple[str, Any]]:
        """The datasets of the model, each after its role; what has an ``id`` alone where one is not known any more."""
        return [(each.role, self._dataset(each.dataset_id)) for each in self._record.datasets]

    @property
    def sample_input_dataset(self) -> Any:
        """The sample of its input, if there is one."""
        return self._dataset(self._record.sample_input_dataset_id)

    @property
    def sample_output_dataset(self) -> Any:
        """The sample of its output, if there is one."""
        return self._dataset(self._record.sample_output_dataset_id)

    def _dataset(self, dataset_id: str) -> Any:
        return model_record.dataset(self.workspace, dataset_id) if dataset_id else None

    @property
    def unpack(self) -> bool:
        """Whether the model is a folder, which v1 packs and unpacks on its way."""
        return "/" in self._whole().files[0].path

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: Sequence[Any],
        inference_config: Optional[InferenceConfig] = None,
        deployment_config: Optional[WebserviceDeploymentConfiguration] = None,
        deployment_target: Any = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> Webservice:
        """Deploy models as a web service; it starts in the background, and ``wait_for_deployment`` follows it.

        Without an inference configuration, a model in MLflow's format or of scikit-learn is served as it is. Raises
        ``WebserviceException`` where the name is taken and not to be overwritten, or something cannot be used.
        """
        from terrazul.sdk import deployment  # noqa: PLC0415  # it knows models, and scripts that train need none of it

        return deployment.deploy(
            workspace, name, models, inference_config, deployment_config, deployment_target, overwrite, show_output
        )

    @staticmethod
    def package(
        workspace: Workspace,
        models: Sequence[Any],
        inference_config: Optional[InferenceConfig] = None,
        generate_dockerfile: bool = False,
        image_name: Optional[str] = None,
        image_label: Optional[str] = None,
    ) -> ModelPackage:
        """Package models with an entry script; ``save`` then writes a folder with a Dockerfile.

        Raises ``CapabilityNotAvailable`` unless ``generate_dockerfile`` is set: no image is built here.
        """
        from terrazul.sdk import model_package  # noqa: PLC0415  # as in deploy

        return model_package.package(workspace, models, inference_config, generate_dockerfile, image_name, image_label)

    @staticmethod
    def print_configuration(
        models: Sequence[Any],
        inference_config: InferenceConfig,
        deployment_config: Optional[WebserviceDeploymentConfiguration],
        deployment_target: Any,
    ) -> None:
        """Show what a deployment would be."""
        from terrazul.sdk import deployment  # noqa: PLC0415  # as in deploy

        deployment.print_configuration(models, inference_config, deployment_config, deployment_target)

    profile = staticmethod(not_yet("Model.profile", "model profiling"))

    def _initialize(self, workspace: Workspace, record: wire.Model) -> None:
        self.workspace = workspace
        self._record = record
        self.id = record.id
        self.name = record.name
        self.version = record.version
        self.description = record.description
        self.tags = dict(record.tags)
        self.properties = dict(record.properties)
        self.model_framework = record.framework
        self.model_framework_version = record.framework_version or None
        self.created_by = record.created_by
        self.created_time: datetime = to_datetime(from_text(record.created_at))
        self.mime_type = _MIME_TYPE
        self.url = f"{workspace.client.address.url}{workspace.client.prefix}/models/{record.id}"
        self.run_id = record.run_id
        self.experiment_name = record.experiment_name or None
        wanted = record.resource_configuration
        self.resource_configuration: Optional[ResourceConfiguration] = None
        if wanted is not None:
            self.resource_configuration = ResourceConfiguration(wanted.cpu, wanted.memory_in_gb, wanted.gpu)
        self.parent_id = record.parent_id or None
        self.mlflow = record.mlflow
        """For a model in MLflow's format its flavors, signature and folder; Terrazul's own."""
        self.derived_model_ids = [*record.derived_ids]

    def _change(self, change: wire.ModelChange) -> None:
        record = self.workspace.client.patch(wire.Model, address_of(self.id), change)
        self._initialize(self.workspace, record)

    def _whole(self) -> wire.Model:
        """The record with its files, which lists leave out."""
        if not self._record.files:
            self._record = self.workspace.client.get(wire.Model, address_of(self.id))
        return self._record

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id}, version={self.version}, "
            f"tags={self.tags}, properties={self.properties})"
        )


def register(workspace: Workspace, new: wire.NewModel) -> Model:
    """Send a registration, after everything that this process recorded before."""
    writer_of(workspace.client).flush()
    return Model(workspace, _record=patient(workspace.client).post(wire.Model, "/models", new))


def _query(
    name: Optional[str], tags: Texts, properties: Texts, run_id: Optional[str], framework: Optional[str]
) -> Dict[str, QueryValue]:
    return {
        "name": name,
        "tag": pairs(tags),
        "property": pairs(properties),
        "run_id": run_id,
        "framework": framework,
    }


def _find(client: Client, wanted: Dict[str, QueryValue], model_id: Optional[str], version: Optional[int]) -> wire.Model:
    """The newest model that fits. Raises ``ModelNotFound``, in the words that v1 code looks for."""
    hint = None
    filters = {key: value for key, value in wanted.items() if value is not None}
    try:
        if model_id is not None:
            return client.get(wire.Model, address_of(str(model_id)))
        if set(filters) == {"name"}:
            name = str(filters["name"])
            return client.get(wire.Model, address_of(name if version is None else f"{name}:{version}"))
        for record in search(client, {**wanted, "latest": version is None}):
            if version is None or str(record.version) == str(version):
                return record
    except (NotFound, InvalidInput) as error:
        hint = error.hint
    asked = {"id": model_id, **filters, "version": version}
    told = ", ".join(f"{key} {value}" for key, value in asked.items() if value is not None)
    message = f"ModelNotFound: Model with {told or 'any name'} not found in provided workspace."
    raise ModelNotFound(message, target=str(model_id or wanted["name"] or ""), hint=hint)


def address_of(model_id: str) -> str:
    """Where a model is, by ``name:version`` or by its name alone."""
    return f"/models/{quote(model_id, safe=':')}"


def search(client: Client, query: Mapping[str, QueryValue], page_size: int = _PAGE) -> Iterator[wire.Model]:
    """The models that fit a query of the server's list, newest first, fetched as they are asked for."""
    page: Optional[str] = None
    limit = max(1, min(page_size, _LARGEST_PAGE))
    while True:
        found = client.get(wire.ModelPage, "/models", {**query, "limit": limit, "page": page})
        yield from found.models
        page = found.next_page
        if page is None:
            return


def _workspace_of_run() -> Workspace:
    workspace: Workspace = class_of("submitted_run").of_environment().experiment.workspace
    return workspace


def _keys(keys: Union[str, Sequence[str], None]) -> List[str]:
    return [keys] if isinstance(keys, str) else [str(key) for key in keys or ()]
