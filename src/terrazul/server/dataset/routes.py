"""The HTTP of datasets."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.dataset import ContentComparison, ContentFilePage, Dataset, DatasetChange, DatasetPage, NewDataset
from terrazul.wire.dataset_profile import DatasetDifference, DatasetHead, KeptDatasetProfile, NewDatasetProfile


@get("/", operation_id="list_datasets", opt=does(Action.DATASET_READ))
async def list_datasets(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    archived: FromQuery[bool] = False,
    limit: FromQuery[int] = 100,
    page: FromQuery[str | None] = None,
) -> DatasetPage:
    """The registered datasets, each in its newest version, the youngest first; with `archived` those too."""
    return await services.datasets.list_all(workspace, limit, page, archived=archived)


@post("/", operation_id="save_dataset", opt=does(Action.DATASET_WRITE), status_code=200)
async def save_dataset(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[NewDataset]
) -> Dataset:
    """Keep a definition, and register it where it has a name; sent twice, it counts once."""
    return await services.datasets.save(workspace, data, principal.name)


@get("/{dataset_id:str}", operation_id="get_dataset", opt=does(Action.DATASET_READ))
async def get_dataset(services: InjectedServices, workspace: InjectedWorkspace, dataset_id: FromPath[str]) -> Dataset:
    """The dataset of an id."""
    return await services.datasets.get(workspace, dataset_id)


@patch("/{dataset_id:str}", operation_id="change_dataset", opt=does(Action.DATASET_WRITE))
async def change_dataset(
    services: InjectedServices, workspace: InjectedWorkspace, dataset_id: FromPath[str], data: JSONBody[DatasetChange]
) -> Dataset:
    """Change what describes a version: description, tags, whether it is deprecated or archived."""
    return await services.datasets.change(workspace, dataset_id, data)


@get("/{dataset_id:str}/files", operation_id="list_dataset_files", opt=does(Action.DATASET_READ))
async def list_dataset_files(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    dataset_id: FromPath[str],
    page: FromQuery[str | None] = None,
) -> ContentFilePage:
    """The files behind a version, as they were when it was registered."""
    return await services.datasets.files(workspace, dataset_id, page)


@get("/{dataset_id:str}/comparison", operation_id="compare_dataset", opt=does(Action.DATASET_READ))
async def compare_dataset(
    services: InjectedServices, workspace: InjectedWorkspace, dataset_id: FromPath[str]
) -> ContentComparison:
    """What has become of the files behind a version since it was registered."""
    return await services.datasets.compare(workspace, dataset_id)


@get("/{dataset_id:str}/profile", operation_id="get_dataset_profile", opt=does(Action.DATA_READ))
async def get_dataset_profile(
    services: InjectedServices, workspace: InjectedWorkspace, dataset_id: FromPath[str], check: FromQuery[bool] = False
) -> KeptDatasetProfile:
    """What the columns hold, as it was found last; with `check` it is looked whether the files have changed since."""
    return await services.dataset_profiles.get(workspace, dataset_id, check=check)


@put("/{dataset_id:str}/profile", operation_id="keep_dataset_profile", opt=does(Action.DATASET_WRITE))
async def keep_dataset_profile(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    dataset_id: FromPath[str],
    data: JSONBody[NewDatasetProfile],
) -> KeptDatasetProfile:
    """Keep what the columns hold, in the place of what is there; sent twice, it counts once."""
    return await services.dataset_profiles.keep(workspace, dataset_id, data, principal.name)


@get("/{dataset_id:str}/head", operation_id="get_dataset_head", opt=does(Action.DATA_READ))
async def get_dataset_head(
    services: InjectedServices, workspace: InjectedWorkspace, dataset_id: FromPath[str], rows: FromQuery[int] = 20
) -> DatasetHead:
    """The columns and the first rows, as far as the beginning of the data holds them."""
    return await services.dataset_looking.head(workspace, dataset_id, rows)


@get("/{dataset_id:str}/difference", operation_id="compare_datasets", opt=does(Action.DATA_READ))
async def compare_datasets(
    services: InjectedServices, workspace: InjectedWorkspace, dataset_id: FromPath[str], other: FromQuery[str]
) -> DatasetDifference:
    """How another dataset differs from this one: by the profiles of both, and by the files behind each."""
    return await services.dataset_profiles.compare(workspace, dataset_id, other)


@get("/by-name/{name:str}", operation_id="get_dataset_version", opt=does(Action.DATASET_READ))
async def get_dataset_version(
    services: InjectedServices, workspace: InjectedWorkspace, name: FromPath[str], version: FromQuery[int | None] = None
) -> Dataset:
    """A version of a name, or the newest one."""
    return await services.datasets.get_version(workspace, name, version)


@get("/by-name/{name:str}/versions", operation_id="list_dataset_versions", opt=does(Action.DATASET_READ))
async def list_dataset_versions(
    services: InjectedServices, workspace: InjectedWorkspace, name: FromPath[str]
) -> list[Dataset]:
    """All versions of a name, the newest first."""
    return await services.datasets.versions(workspace, name)


@delete("/by-name/{name:str}", operation_id="unregister_dataset", opt=does(Action.DATASET_DELETE))
async def unregister_dataset(
    services: InjectedServices, workspace: InjectedWorkspace, name: FromPath[str], version: FromQuery[int | None] = None
) -> None:
    """Take the name from all versions, or from one. No data is touched."""
    await services.datasets.unregister(workspace, name, version)
    services.remover.wake()


router = Router(
    "/datasets",
    route_handlers=[
        list_datasets,
        save_dataset,
        get_dataset,
        change_dataset,
        list_dataset_files,
        compare_dataset,
        get_dataset_profile,
        keep_dataset_profile,
        get_dataset_head,
        compare_datasets,
        get_dataset_version,
        list_dataset_versions,
        unregister_dataset,
    ],
)
