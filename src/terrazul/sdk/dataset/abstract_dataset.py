"""What tables and files have in common: registering, describing, finding what lies behind."""

from __future__ import annotations

import json
import random
from datetime import datetime
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Dict,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)
from urllib.parse import quote

from terrazul.core.clock import from_text, to_datetime
from terrazul.core.errors import InvalidInput, UserErrorException
from terrazul.data import web
from terrazul.data.files import DatasetFile, files_of_plan
from terrazul.data.plan import check, node
from terrazul.data.plan import plan as plans
from terrazul.data.plan.operation import Operation
from terrazul.data.plan.plan import Plan, is_web
from terrazul.data.plan.rows import Between, Filter, Skip, Take
from terrazul.data.plan.source import SqlQuery
from terrazul.sdk.client import Client, class_of
from terrazul.sdk.dataset.expression import ColumnExpression, node_of
from terrazul.sdk.dataset.reach import Reach, refuse_local
from terrazul.sdk.run_recording import texts_of
from terrazul.wire import dataset as wire
from terrazul.wire.dataset import ARCHIVED, DEPRECATED, ContentComparison, ContentFile, ContentFilePage
from terrazul.wire.datastore import DataFile
from terrazul.wire.lineage import Edge

if TYPE_CHECKING:
    from typing_extensions import Self  # the type checker brings it

    from terrazul.sdk.dataset_consumption import DatasetConsumptionConfig
    from terrazul.sdk.run_data import ForRun
    from terrazul.sdk.workspace import Workspace

D = TypeVar("D", bound="AbstractDataset")
_SEED_BITS = 62
_FEW = 20


class _Factory:
    """v1 has the factories as attributes of every dataset; they are made of the classes that are made here."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        return class_of(f"dataset.{self._name}_factory")


class AbstractDataset:
    """A dataset: where data lies and what is done with it. It never changes; its methods make others."""

    Tabular = _Factory("tabular")
    File = _Factory("file")
    _types: ClassVar[Dict[str, Type[AbstractDataset]]] = {}

    def __init__(self) -> None:
        message = f"{type(self).__name__} objects are made by Dataset.Tabular and Dataset.File."
        raise UserErrorException(message, hint="Dataset.Tabular.from_delimited_files(path), for example.")

    def __init_subclass__(cls, kind: str = "") -> None:
        """Enter a class under the type that it stands for."""
        if kind:
            cls._types[kind] = cls

    @classmethod
    def of(cls: Type[D], plan: Plan, workspace: Optional[Workspace], known: Optional[wire.Dataset] = None) -> D:
        """The dataset of a plan, for Terrazul's own modules; ``known`` is what the workspace knows of it."""
        made = cls.__new__(cls)
        made.begin(plan, workspace, known)
        return made

    def begin(self, plan: Plan, workspace: Optional[Workspace], known: Optional[wire.Dataset]) -> None:
        """Be the dataset of a plan, for Terrazul's own modules."""
        self._plan = plan
        self._workspace = workspace
        self._known = known

    @staticmethod
    def of_known(workspace: Workspace, known: wire.Dataset) -> AbstractDataset:
        """The dataset that a workspace tells of, for Terrazul's own modules."""
        return AbstractDataset._types[known.definition.type].of(plans.read(known.definition), workspace, known)

    @staticmethod
    def get_by_name(workspace: Workspace, name: str, version: Union[int, str] = "latest", **_: Any) -> Any:
        """The dataset of a name, in its newest version or another one. Raises ``NotFound``."""
        return class_of("dataset.dataset").get_by_name(workspace, name, version)

    @staticmethod
    def get_by_id(workspace: Workspace, id: str, **_: Any) -> Any:  # noqa: A002  # v1's name
        """The dataset of an id. Raises ``NotFound``."""
        return class_of("dataset.dataset").get_by_id(workspace, id)

    @staticmethod
    def get_all(workspace: Workspace) -> Dict[str, Any]:
        """The registered datasets by name, each in its newest version."""
        found: Dict[str, Any] = class_of("dataset.dataset").get_all(workspace)
        return found

    @property
    def id(self) -> Optional[str]:
        """The id; None for a dataset that no workspace knows."""
        return self._known.id if self._known else None

    @property
    def name(self) -> Optional[str]:
        """The name; None for a dataset that is not registered."""
        return (self._known.name if self._known else "") or None

    @property
    def version(self) -> Optional[int]:
        """The version; None for a dataset that is not registered."""
        return (self._known.version if self._known else 0) or None

    @property
    def description(self) -> Optional[str]:
        """The description."""
        return (self._known.description if self._known else "") or None

    @property
    def tags(self) -> Dict[str, str]:
        """The tags."""
        return dict(self._known.tags) if self._known else {}

    @property
    def state(self) -> Optional[str]:
        """``active``, ``deprecated`` or ``archived``; None for a dataset that no workspace knows. Terrazul's own."""
        return self._known.state if self._known else None

    @property
    def definition(self) -> wire.DatasetDefinition:
        """What it is, as plain data; Terrazul's own."""
        return plans.write(self._plan)

    @property
    def workspace(self) -> Optional[Workspace]:
        """The workspace; None where it lies on no datastore, and is not registered. Terrazul's own."""
        return self._workspace

    @property
    def data_changed_time(self) -> Optional[datetime]:
        """When the youngest file behind it was changed; None where nobody tells. It looks now."""
        if isinstance(self._plan.source, SqlQuery):
            return None
        times = [file.file.modified_at for file in self.dataset_files() if file.file.modified_at]
        return to_datetime(max(map(from_text, times))) if times else None

    @property
    def partition_keys(self) -> Optional[List[str]]:
        """The columns whose values stand in the paths of the files; None for no such columns."""
        return self._plan.partition_keys or None

    def get_partition_key_values(self, partition_keys: Optional[Sequence[str]] = None) -> List[Dict[str, Any]]:
        """Every combination of values that the paths of the files have, each once."""
        known = self._plan.partition_keys
        wanted = list(known if partition_keys is None else partition_keys)
        if not known or not wanted or not set(wanted) <= set(known):
            message = f"The dataset has no partition keys {', '.join(wanted) or '(none were named)'}."
            hint = f"Its keys are {', '.join(known)}." if known else "Pass partition_format when you make it."
            raise UserErrorException(message, target="partition_keys", hint=hint)
        found = {tuple(file.partition[name] for name in wanted): None for file in self.dataset_files()}
        return [dict(zip(wanted, values)) for values in found]

    def register(
        self,
        workspace: Workspace,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Mapping[str, Any]] = None,
        create_new_version: bool = False,
    ) -> Any:
        """Register it under a name; the registered dataset.

        A name keeps its version while definition and files are the same. Raises ``AlreadyExists`` where the name stands
        for another definition, unless ``create_new_version``; ``DatasetValidationError`` where there is nothing behind
        it, or only files of this machine.
        """
        self._check_workspace(workspace)
        refuse_local(self._plan.locations, "registered")
        files = [web.look_at(place.path) for place in self._plan.locations if is_web(place)]
        new = wire.NewDataset(
            self.definition, str(name), description or "", texts_of(tags or {}), bool(create_new_version), files
        )
        return self.of_known(workspace, workspace.client.post(wire.Dataset, "/datasets", new))

    def save(self, workspace: Optional[Workspace] = None) -> str:
        """Have the workspace know it without a name; its id. Terrazul's own.

        Raises ``DatasetValidationError`` where it lies on this machine, ``InvalidInput`` where no workspace is known.
        """
        chosen = workspace or self._workspace
        if chosen is None:
            message = "The dataset belongs to no workspace."
            raise InvalidInput(message, target="workspace", hint="Register it, or pass the workspace.")
        if self._known is not None and self._workspace is not None:
            self._check_workspace(chosen)
            return self._known.id
        self._check_workspace(chosen)
        refuse_local(self._plan.locations, "used in a run")
        new = wire.NewDataset(self.definition)
        self._known = chosen.client.post(wire.Dataset, "/datasets", new)
        self._workspace = chosen
        return self._known.id

    def for_run(self, workspace: Optional[Workspace] = None) -> ForRun:
        """What a run is told of it among the arguments of its script; Terrazul's own."""
        self.save(workspace)
        return self._consumed("direct").for_run(workspace)

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """It under the name by which a script finds it."""
        from terrazul.sdk.dataset_consumption import DatasetConsumptionConfig  # noqa: PLC0415  # it knows runs

        return DatasetConsumptionConfig(name, self)

    def update(self, description: Optional[str] = None, tags: Optional[Mapping[str, Any]] = None) -> Any:
        """Set the description and the tags, which take the place of all that are there; the dataset."""
        replaced = None if tags is None else texts_of(tags)
        return self._change(wire.DatasetChange(description, replaced))

    def add_tags(self, tags: Optional[Mapping[str, Any]] = None) -> Any:
        """Set tags; those that are there get the new value. The dataset."""
        return self._change(wire.DatasetChange(set_tags=texts_of(tags or {})))

    def remove_tags(self, tags: Optional[Sequence[str]] = None) -> Any:
        """Remove tags, if they are there; the dataset."""
        keys = [tags] if isinstance(tags, str) else list(tags or ())
        return self._change(wire.DatasetChange(remove_tags=keys))

    def deprecate(self, by: Union[AbstractDataset, str, None] = None) -> Any:
        """Say that it should be used no more, and which one takes its place; the dataset. Terrazul's own."""
        successor = by.id if isinstance(by, AbstractDataset) else by
        return self._change(wire.DatasetChange(state=DEPRECATED, deprecated_by=successor or ""))

    def archive(self) -> Any:
        """Leave it out of lists; the dataset. Terrazul's own."""
        return self._change(wire.DatasetChange(state=ARCHIVED))

    def reactivate(self) -> Any:
        """Take back that it is deprecated or archived; the dataset. Terrazul's own."""
        return self._change(wire.DatasetChange(state=wire.ACTIVE))

    def unregister_all_versions(self) -> None:
        """Take the name from all its versions. The data stays, and so does what runs and models tell of."""
        client, known = self._registered()
        if not known.name:
            message = "The dataset has no name that could be taken from it."
            raise UserErrorException(message, target=known.id, hint="Only registered datasets have one.")
        client.delete(address_of_name(known.name))
        self._known = None

    def changes(self) -> ContentComparison:
        """What has become of the files behind this version since it was registered; Terrazul's own.

        Raises ``NotFound`` where nobody has looked at them then.
        """
        client, known = self._registered()
        found = client.get(ContentComparison, f"/datasets/{known.id}/comparison")
        gone, changed = self._web_changes(client, known.id)
        examples = [*gone, *changed, *found.examples][:_FEW]
        return ContentComparison(
            found.is_unchanged and not gone and not changed,
            found.added,
            found.removed + len(gone),
            found.changed + len(changed),
            examples,
            found.now,
        )

    def content(self) -> Iterator[ContentFile]:
        """The files behind this version as they were when it was registered; Terrazul's own."""
        client, known = self._registered()
        return _content(client, known.id)

    def files(self) -> List[DataFile]:
        """The files behind it, as they are now; Terrazul's own."""
        return [file.file for file in self.dataset_files()]

    def __getitem__(self, key: str) -> ColumnExpression:
        """A column, for conditions: ``dataset["age"] > 40``."""
        return ColumnExpression(node.Column(check.text("The name of a column", key)))

    def take(self, count: int) -> Self:
        """The first of its rows or files."""
        return self._then(Take(count))

    def skip(self, count: int) -> Self:
        """All but the first of its rows or files."""
        return self._then(Skip(count))

    def take_sample(self, probability: float, seed: Optional[int] = None) -> Self:
        """Each of its rows or files with a probability; the same ones for the same seed."""
        return self._then(Between(0.0, check.fraction("probability", probability), _seed(seed)))

    def random_split(self, percentage: float, seed: Optional[int] = None) -> Tuple[Self, Self]:
        """Two datasets that have no row (or file) in common, and all of them together; the first about so large.

        The same seed makes the same two. ``percentage`` is a number between 0 and 1.
        """
        lower, chosen = check.fraction("percentage", percentage), _seed(seed)
        return self._then(Between(0.0, lower, chosen)), self._then(Between(lower, 1.0, chosen))

    def filter(self, expression: ColumnExpression) -> Self:
        """The rows (or files) of which a condition is true, such as ``dataset["age"] > 40``."""
        return self._then(Filter(node_of(expression)))

    def get_lineage(self) -> List[Edge]:
        """What the dataset was made with, who uses it, and what came of the runs that read it; Terrazul's own."""
        if self._workspace is None:
            return []
        return self._workspace.client.get(List[Edge], f"/datasets/{self.save()}/lineage")

    def _then(self, step: Operation) -> Self:
        return self.of(self._plan.then(step), self._workspace)

    @property
    def plan(self) -> Plan:
        """What is done with the data, for Terrazul's own modules."""
        return self._plan

    @property
    def reach(self) -> Reach:
        """The way to the files, for Terrazul's own modules."""
        return Reach(self._workspace)

    def dataset_files(self) -> List[DatasetFile]:
        """The files behind it, with their names and partitions, for Terrazul's own modules."""
        return files_of_plan(self._plan, self.reach.list_files)

    def _consumed(self, mode: str, path_on_compute: Optional[str] = None) -> DatasetConsumptionConfig:
        from terrazul.sdk.dataset_consumption import automatic  # noqa: PLC0415  # as in as_named_input

        return automatic(self, mode, path_on_compute)

    def _check_workspace(self, workspace: Workspace) -> None:
        mine = self._workspace
        has_store = any(place.datastore for place in self._plan.locations)
        if mine is not None and has_store and mine.workspace_id != workspace.workspace_id:
            message = f"The dataset lies on datastores of the workspace {mine.name!r}, not of {workspace.name!r}."
            hint = f"Register a datastore for the same place in {workspace.name!r}, and make the dataset on that."
            raise UserErrorException(message, target=workspace.name, hint=hint)

    def _change(self, change: wire.DatasetChange) -> Self:
        client, known = self._registered()
        self._known = client.patch(wire.Dataset, f"/datasets/{known.id}", change)
        return self

    def _registered(self) -> Tuple[Client, wire.Dataset]:
        if self._known is None or self._workspace is None:
            message = "The dataset is not registered."
            raise UserErrorException(message, hint="Register it first: dataset = dataset.register(workspace, name).")
        return self._workspace.client, self._known

    def _web_changes(self, client: Client, dataset_id: str) -> Tuple[List[str], List[str]]:
        """What has become of the files at web addresses, which the server does not call."""
        gone: List[str] = []
        changed: List[str] = []
        if any(map(is_web, self._plan.locations)):
            for old in _content(client, dataset_id):
                if old.datastore:
                    continue
                try:
                    new = web.look_at(old.path)
                except UserErrorException:
                    gone.append(f"removed {old.path}")
                    continue
                same = (new.etag == old.etag) if new.etag and old.etag else new.modified_at == old.modified_at
                if new.size != old.size or not same:
                    changed.append(f"changed {old.path}")
        return gone, changed

    def __repr__(self) -> str:
        """As v1 shows it: JSON with source, definition and registration."""
        told: Dict[str, Any] = {
            "source": [_place_text(place) for place in self._plan.locations],
            "definition": [step.operation for step in self.definition.steps],
        }
        if self._known is not None:
            told["registration"] = {
                "id": self.id,
                "name": self.name,
                "version": self.version,
                "description": self.description,
                "tags": self.tags,
                "workspace": repr(self._workspace),
            }
        return f"{type(self).__name__}\n{json.dumps(told, indent=2, ensure_ascii=False)}"


def address_of_name(name: str) -> str:
    """The address of a registered name within its workspace."""
    return f"/datasets/by-name/{quote(name, safe='')}"


def _content(client: Client, dataset_id: str) -> Iterator[ContentFile]:
    page: Optional[str] = None
    while True:
        found = client.get(ContentFilePage, f"/datasets/{dataset_id}/files", {"page": page})
        yield from found.files
        page = found.next_page
        if page is None:
            return


def _place_text(place: wire.DataLocation) -> str:
    return f"('{place.datastore}', '{place.path}')" if place.datastore else place.path


def _seed(seed: Optional[int]) -> int:
    """The seed, or one that nobody has thought of."""
    return random.SystemRandom().getrandbits(_SEED_BITS) if seed is None else seed
