"""A model as it travels, and as v1 writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from terrazul.core.clock import from_text, to_text
from terrazul.core.errors import InvalidInput, NotFound
from terrazul.core.ids import check_model_name, new_guid
from terrazul.sdk.resource_configuration import ResourceConfiguration
from terrazul.sdk.run_recording import texts_of
from terrazul.wire import model as wire

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

Datasets = Sequence[Tuple[str, Any]]
"""Pairs of a role and a dataset (or the id of one)."""

_CUSTOM = "Custom"


class DatasetOfModel(NamedTuple):
    """A dataset that a model names."""

    id: str


class Description(NamedTuple):
    """What a registration says of a model besides its name and files."""

    tags: Optional[Mapping[str, Any]] = None
    properties: Optional[Mapping[str, Any]] = None
    model_framework: Optional[str] = None
    model_framework_version: Optional[str] = None
    description: Optional[str] = None
    datasets: Optional[Datasets] = None
    sample_input_dataset: Any = None
    sample_output_dataset: Any = None
    resource_configuration: Optional[ResourceConfiguration] = None


def new_model(
    name: str,
    about: Description,
    files: Sequence[wire.ModelFile] = (),
    run_id: Optional[str] = None,
    artifact_path: str = "",
) -> wire.NewModel:
    """A registration as it travels, with an id of its own. Raises ``InvalidInput`` for a name that is not valid."""
    return wire.NewModel(
        name=check_model_name(name),
        registration_id=new_guid(),
        files=[*files],
        run_id=run_id,
        artifact_path=artifact_path,
        description=about.description or "",
        tags=texts_of(about.tags or {}),
        properties=texts_of(about.properties or {}),
        framework=about.model_framework or _CUSTOM,
        framework_version=str(about.model_framework_version or ""),
        sample_input_dataset_id=id_or_none(about.sample_input_dataset) or "",
        sample_output_dataset_id=id_or_none(about.sample_output_dataset) or "",
        resource_configuration=to_wire(about.resource_configuration),
        datasets=references(about.datasets or ()),
    )


def record_of(payload: Mapping[str, Any]) -> wire.Model:
    """What v1's dictionary of a model tells."""
    resources = ResourceConfiguration.deserialize(payload.get("resourceRequirements"))
    created_at = payload.get("createdTime")
    time = to_text(from_text(str(created_at)) if created_at else 0)
    return wire.Model(
        id=payload["id"],
        name=payload["name"],
        version=int(payload["version"]),
        description=payload.get("description") or "",
        tags=texts_of(payload.get("tags") or payload.get("kvTags") or {}),
        properties=texts_of(payload.get("properties") or {}),
        framework=payload.get("framework") or _CUSTOM,
        framework_version=payload.get("frameworkVersion") or "",
        file_count=0,
        size=0,
        created_at=time,
        created_by=payload.get("createdBy") or "",
        modified_at=time,
        run_id=payload.get("runId"),
        experiment_name=payload.get("experimentName") or "",
        sample_input_dataset_id=payload.get("sampleInputDatasetId") or "",
        sample_output_dataset_id=payload.get("sampleOutputDatasetId") or "",
        resource_configuration=to_wire(resources),
        datasets=[wire.DatasetReference(each["name"], each["id"]) for each in payload.get("datasets") or []],
        parent_id=payload.get("parentModelId") or "",
        derived_ids=[*(payload.get("derivedModelIds") or [])],
    )


def references(datasets: Datasets) -> List[wire.DatasetReference]:
    """Pairs of a role and a dataset as references. Raises ``InvalidInput`` for what are no pairs."""
    given: Sequence[Any] = datasets
    if any(isinstance(each, str) or len(each) != 2 for each in given):  # noqa: PLR2004  # a pair
        message = "The datasets of a model are pairs of a role and a dataset."
        raise InvalidInput(message, target="datasets", hint="Pass [('training', dataset)].")
    return [wire.DatasetReference(str(role), _dataset_id(dataset)) for role, dataset in datasets]


def _dataset_id(dataset: Any) -> str:
    return dataset if isinstance(dataset, str) else str(getattr(dataset, "id", None) or "")


def id_or_none(dataset: Any) -> Optional[str]:
    """The id of a dataset, if there is one."""
    return None if dataset is None else _dataset_id(dataset)


def dataset(workspace: Workspace, dataset_id: str) -> Any:
    """The dataset of an id; what has the id alone where the workspace has no such dataset."""
    from urllib.parse import quote  # noqa: PLC0415  # most models have none

    from terrazul.sdk.dataset.abstract_dataset import AbstractDataset  # noqa: PLC0415  # as above
    from terrazul.wire.dataset import Dataset  # noqa: PLC0415  # as above

    try:
        known = workspace.client.get(Dataset, f"/datasets/{quote(dataset_id, safe='')}")
    except NotFound:
        return DatasetOfModel(dataset_id)
    return AbstractDataset.of_known(workspace, known)


def to_wire(wanted: Optional[ResourceConfiguration]) -> Optional[wire.ResourceConfiguration]:
    """The resources that a model asks for, as they travel."""
    return None if wanted is None else wanted.to_wire()
