"""``Dataset``: making datasets and finding them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional, Union

from terrazul.core.errors import InvalidInput
from terrazul.sdk.client import class_of, concept
from terrazul.sdk.dataset.abstract_dataset import AbstractDataset, address_of_name
from terrazul.sdk.dataset.file_factory import FileDatasetFactory
from terrazul.sdk.dataset.tabular_factory import TabularDatasetFactory
from terrazul.sdk.run import in_submitted_run
from terrazul.sdk.unsupported import not_yet, not_yet_property
from terrazul.wire import dataset as wire

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

_OLD = "v1's datasets from before 2019"
_PAGE = 1000


@concept("dataset.dataset")
class Dataset:
    """Makes datasets, by ``Dataset.Tabular`` and ``Dataset.File``, and finds those that are registered."""

    Tabular = TabularDatasetFactory
    File = FileDatasetFactory

    class Scenario:
        """What v1 says a dataset is for."""

        TRAINING = "training"
        VALIDATION = "validation"
        INFERENCING = "inferencing"

    @staticmethod
    def get_by_name(workspace: Workspace, name: str, version: Union[int, str] = "latest", **_: Any) -> Any:
        """The dataset of a name, in its newest version or another one. Raises ``NotFound``."""
        query = {"version": _number(version)}
        return _found(workspace, workspace.client.get(wire.Dataset, address_of_name(str(name)), query))

    @staticmethod
    def get_by_id(workspace: Workspace, id: str, **_: Any) -> Any:  # noqa: A002  # v1's name
        """The dataset of an id. Raises ``NotFound``."""
        return _found(workspace, workspace.client.get(wire.Dataset, f"/datasets/{id}"))

    @staticmethod
    def get_all(workspace: Workspace) -> Dict[str, Any]:
        """The registered datasets by name, each in its newest version, without those that are archived."""
        return {each.name: AbstractDataset.of_known(workspace, each) for each in list_all(workspace)}

    @staticmethod
    def get(
        workspace: Workspace,
        name: Optional[str] = None,
        id: Optional[str] = None,  # noqa: A002  # v1's name
    ) -> Any:
        """The dataset of a name or an id; v1's older way. Raises ``NotFound``."""
        if (name is None) == (id is None):
            message = "A dataset is found by its name or by its id."
            raise InvalidInput(message, target="name", hint="Pass one of the two.")
        return Dataset.get_by_name(workspace, str(name)) if id is None else Dataset.get_by_id(workspace, id)

    __init__ = not_yet("Dataset.__init__", _OLD)
    name: Any = not_yet_property("Dataset.name", _OLD)
    workspace: Any = not_yet_property("Dataset.workspace", _OLD)
    id: Any = not_yet_property("Dataset.id", _OLD)
    definition_version: Any = not_yet_property("Dataset.definition_version", _OLD)
    definition: Any = not_yet_property("Dataset.definition", _OLD)
    is_visible: Any = not_yet_property("Dataset.is_visible", _OLD)
    tags: Any = not_yet_property("Dataset.tags", _OLD)
    description: Any = not_yet_property("Dataset.description", _OLD)
    state: Any = not_yet_property("Dataset.state", _OLD)
    list = not_yet("Dataset.list", _OLD)
    get_definitions = not_yet("Dataset.get_definitions", _OLD)
    get_definition = not_yet("Dataset.get_definition", _OLD)
    from_pandas_dataframe = not_yet("Dataset.from_pandas_dataframe", _OLD)
    from_delimited_files = not_yet("Dataset.from_delimited_files", _OLD)
    auto_read_files = not_yet("Dataset.auto_read_files", _OLD)
    from_parquet_files = not_yet("Dataset.from_parquet_files", _OLD)
    from_excel_files = not_yet("Dataset.from_excel_files", _OLD)
    from_binary_files = not_yet("Dataset.from_binary_files", _OLD)
    from_sql_query = not_yet("Dataset.from_sql_query", _OLD)
    from_json_files = not_yet("Dataset.from_json_files", _OLD)
    register = not_yet("Dataset.register", _OLD)
    update = not_yet("Dataset.update", _OLD)
    update_definition = not_yet("Dataset.update_definition", _OLD)
    to_pandas_dataframe = not_yet("Dataset.to_pandas_dataframe", _OLD)
    to_spark_dataframe = not_yet("Dataset.to_spark_dataframe", _OLD)
    head = not_yet("Dataset.head", _OLD)
    create_snapshot = not_yet("Dataset.create_snapshot", _OLD)
    get_snapshot = not_yet("Dataset.get_snapshot", _OLD)
    delete_snapshot = not_yet("Dataset.delete_snapshot", _OLD)
    get_all_snapshots = not_yet("Dataset.get_all_snapshots", _OLD)
    generate_profile = not_yet("Dataset.generate_profile", _OLD)
    get_profile = not_yet("Dataset.get_profile", _OLD)
    deprecate = not_yet("Dataset.deprecate", _OLD)
    archive = not_yet("Dataset.archive", _OLD)
    reactivate = not_yet("Dataset.reactivate", _OLD)
    compare_profiles = not_yet("Dataset.compare_profiles", _OLD)
    diff = not_yet("Dataset.diff", _OLD)
    sample = not_yet("Dataset.sample", _OLD)
    __getitem__ = not_yet("Dataset.__getitem__", _OLD)


def list_all(workspace: Workspace, *, archived: bool = False) -> Iterator[wire.Dataset]:
    """What a workspace tells of its registered datasets, each in its newest version, the youngest first."""
    page: Optional[str] = None
    while True:
        query = {"archived": archived, "limit": _PAGE, "page": page}
        found = workspace.client.get(wire.DatasetPage, "/datasets", query)
        yield from found.datasets
        page = found.next_page
        if page is None:
            return


def _found(workspace: Workspace, known: wire.Dataset) -> AbstractDataset:
    """A dataset that somebody has asked for; a submitted script that does reads it."""
    if in_submitted_run():
        class_of("submitted_run").of_environment().reads(known.id)
    return AbstractDataset.of_known(workspace, known)


def _number(version: Union[int, str, None]) -> Optional[int]:
    if version is None or version == "latest":
        return None
    if isinstance(version, int) or (version.isascii() and version.isdecimal()):
        return int(version)
    message = f"{version!r} is no version of a dataset."
    raise InvalidInput(message, target="version", hint="Pass a number, or 'latest'.")
