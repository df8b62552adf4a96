"""The registry as MLflow knows it, over the models that the SDK registers: names, versions, aliases, stages."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import AlreadyExists, Forbidden, NotFound
from terrazul.core.ids import check_model_name
from terrazul.server.identity.rules import OWN_RUNS_ONLY, Principal
from terrazul.server.mlflow import registry_store as store
from terrazul.server.mlflow.registry_store import NO_STAGE, NameRow, VersionRow
from terrazul.server.mlflow.selection import Page, Wanted, select
from terrazul.server.mlflow.service.experiments import page_size
from terrazul.server.mlflow.service.registry_search import NAME_SCHEMA, NAMES, VERSION_SCHEMA, VERSIONS
from terrazul.server.mlflow.service.registry_source import files_of_source
from terrazul.server.model import store as models
from terrazul.server.model.event import place_in_registry
from terrazul.server.model.service import Models
from terrazul.server.model.store import model, registered_model
from terrazul.server.run.search.grammar import parse, parse_order
from terrazul.server.run.service.reach import find_within_reach
from terrazul.server.run.service.search import in_time
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import removed
from terrazul.server.webhook.rules import alias_created, alias_deleted, registered_model_created
from terrazul.server.webhook.service.outbox import Outbox
from terrazul.wire.mlflow import rules
from terrazul.wire.mlflow.error import InvalidParameter, missing
from terrazul.wire.mlflow.message import NameChoice, Pair, Search, VersionChoice
from terrazul.wire.model import ModelChange, ModelFile, NewModel

T = TypeVar("T")
STAGES = (NO_STAGE, "Staging", "Production", "Archived")
_TAG_LIMIT = 100_000
_ALIAS_LIMIT = 255
_ALIAS = re.compile(r"[\w-]+\Z")
_RESERVED_ALIAS = re.compile(r"(?:latest|v\d+)\Z", re.IGNORECASE)
_VERSION = re.compile(r"[1-9][0-9]{0,8}\Z")


class WholeVersion(NamedTuple):
    """A version with what is shown of it."""

    row: VersionRow
    tags: dict[str, str]
    aliases: list[str]
    uri: str


class WholeName(NamedTuple):
    """A registered model with what is shown of it; of each stage the newest version."""

    row: NameRow
    tags: dict[str, str]
    aliases: dict[str, int]
    latest: list[WholeVersion]


class MlflowRegistry:
    """The registered models of all workspaces."""

    def __init__(self, database: Database, registry: Models, outbox: Outbox, clock: Clock) -> None:
        self._database = database
        self._models = registry
        self._outbox = outbox
        self._clock = clock

    async def create_name(self, workspace: int, new: NameChoice, principal: Principal) -> WholeName:
        """Make a registered model without versions. Raises ``AlreadyExists`` for a name that is taken."""
        _check_name(new.name)
        _check_tags(new.tags)

        def work(connection: Connection) -> WholeName:
            if store.find_name(connection, workspace, new.name):
                raise AlreadyExists(f"Registered Model (name={new.name}) already exists.", target=new.name)
            now = self._clock()
            store.add_name(connection, workspace, new.name, now, principal.name)
            row = _name(connection, workspace, new.name)
            store.describe(connection, workspace, row.key, new.description or "", now)
            store.name_tag.set(connection, workspace, row.key, _texts(new.tags))
            told = registered_model_created(new.name, _texts(new.tags), new.description or "")
            self._outbox.add(connection, workspace, [told])
            return _whole_names(connection, [_name(connection, workspace, new.name)])[0]

        return await self._database.write(work)

    async def get_name(self, workspace: int, name: str) -> WholeName:
        """The registered model of a name. Raises ``NotFound``."""

        def work(connection: Connection) -> WholeName:
            return _whole_names(connection, [_name(connection, workspace, name)])[0]

        return await self._database.read(work)

    async def change_name(self, workspace: int, change: NameChoice) -> WholeName:
        """Change the name or the description of a registered model."""
        if change.new_name:
            _check_name(change.new_name)

        def work(connection: Connection, row: NameRow) -> None:
            if change.new_name and change.new_name != row.name:
                if store.find_name(connection, workspace, change.new_name):
                    raise AlreadyExists(f"Registered Model (name={change.new_name}) already exists.")
                store.rename(connection, row.key, change.new_name)
            text = row.description if change.description is None else change.description
            store.describe(connection, workspace, row.key, text, self._clock())

        await self._at_name(workspace, change.name, work)
        return await self.get_name(workspace, change.new_name or change.name)

    async def delete_name(self, workspace: int, name: str) -> None:
        """Remove a registered model with all its versions. Raises ``ModelInUse`` where something uses one."""
        row = (await self.get_name(workspace, name)).row
        for version in await self._database.read(lambda connection: store.versions(connection, workspace, name)):
            await self._models.delete(workspace, f"{name}:{version.version}")

        def work(connection: Connection) -> None:
            store.delete_name(connection, row.key)
            removed(connection, "model", name)

        await self._database.write(work)

    async def set_name_tag(self, workspace: int, asked: NameChoice) -> None:
        """Set a tag of a registered model."""
        _check_tags([Pair(asked.key, asked.value)])
        texts = {asked.key: asked.value}
        await self._at_name(
            workspace, asked.name, lambda connection, row: store.name_tag.set(connection, workspace, row.key, texts)
        )

    async def delete_name_tag(self, workspace: int, asked: NameChoice) -> None:
        """Remove a tag of a registered model; one that is not there is no error."""
        await self._at_name(
            workspace, asked.name, lambda connection, row: store.name_tag.remove(connection, row.key, [asked.key])
        )

    async def set_alias(self, workspace: int, asked: NameChoice, principal: Principal) -> None:
        """Let an alias stand for a version."""
        check_alias(asked.alias)

        def work(connection: Connection, row: NameRow) -> None:
            version = _own_version(connection, workspace, asked.name, asked.version, principal)
            store.set_alias(connection, workspace, row.key, asked.alias, version.version)
            self._outbox.add(connection, workspace, [alias_created(row.name, asked.alias, version.version)])

        await self._at_name(workspace, asked.name, work)

    async def delete_alias(self, workspace: int, asked: NameChoice) -> None:
        """Remove an alias; one that is not there is no error."""

        def work(connection: Connection, row: NameRow) -> None:
            if store.remove_alias(connection, row.key, asked.alias):
                self._outbox.add(connection, workspace, [alias_deleted(row.name, asked.alias)])

        await self._at_name(workspace, asked.name, work)

    async def of_alias(self, workspace: int, name: str, alias: str) -> WholeVersion:
        """The version that an alias stands for. Raises ``NotFound``."""

        def work(connection: Connection) -> WholeVersion:
            row = _name(connection, workspace, name)
            if alias.lower() == "latest":
                newest = store.newest_of_stages(connection, [row.key])
                version = newest[0].version if newest else None
            else:
                version = store.aliases(connection, [row.key]).get(row.key, {}).get(alias)
            if version is None:
                raise InvalidParameter(f"Registered model alias {alias} not found.", target=alias)
            return _whole_versions(connection, [_version(connection, workspace, name, str(version))])[0]

        return await self._database.read(work)

    async def search_names(self, workspace: int, asked: Search) -> Page[WholeName]:
        """A page of registered models, by name unless another order is asked for."""
        limit = page_size(asked.max_results, 100, 1000)
        condition = parse(asked.filter, NAME_SCHEMA)
        order = parse_order(asked.order_by or ["name ASC"], NAME_SCHEMA)

        wanted = Wanted(condition, order, limit, asked.page_token)

        def work(connection: Connection) -> Page[WholeName]:
            page = select(connection, NAMES, wanted, registered_model.c.workspace == workspace)
            return Page(_whole_names(connection, store.names_of(connection, page.things)), page.following)

        return await self._database.read(lambda connection: in_time(connection, work))

    async def latest(self, workspace: int, asked: NameChoice) -> list[WholeVersion]:
        """Of each stage (or of those asked for) the newest version."""
        for stage in asked.stages:
            check_stage(stage)
        wanted = {stage.lower() for stage in asked.stages}
        found = (await self.get_name(workspace, asked.name)).latest
        return [each for each in found if not wanted or each.row.stage.lower() in wanted]

    async def create_version(self, workspace: int, new: VersionChoice, principal: Principal) -> WholeVersion:
        """Register files of a run or of a logged model as the next version of a name. No byte is copied."""
        _check_name(new.name)
        _check_tags(new.tags)
        if not new.source:
            raise missing("source")

        def look(connection: Connection) -> list[ModelFile]:
            _name(connection, workspace, new.name)
            return files_of_source(connection, workspace, new, principal)

        files = await self._database.read(look)
        run_id = new.run_id or None
        registration = NewModel(
            new.name, uuid.uuid4().hex, files=files, run_id=run_id, description=new.description or "",
            tags=_texts(new.tags),
        )  # fmt: skip
        made = await self._models.register(workspace, registration, principal, source=new.source)

        def note(connection: Connection) -> WholeVersion:
            row = _name(connection, workspace, new.name)
            told = {"source": new.source, "run_link": new.run_link, "model_id": new.model_id}
            store.set_origin(connection, workspace, row.key, made.version, told)
            return _whole_versions(connection, [_version(connection, workspace, new.name, str(made.version))])[0]

        return await self._database.write(note)

    async def get_version(self, workspace: int, name: str, version: str) -> WholeVersion:
        """A version. Raises ``NotFound``."""
        return await self._database.read(
            lambda connection: _whole_versions(connection, [_version(connection, workspace, name, version)])[0]
        )

    async def change_version(self, workspace: int, asked: VersionChoice, principal: Principal) -> WholeVersion:
        """Change the description of a version."""
        await self._check_own(workspace, asked, principal)
        if asked.description is not None:
            change = ModelChange(description=asked.description)
            await self._models.change(workspace, f"{asked.name}:{asked.version}", change)
        return await self.get_version(workspace, asked.name, asked.version)

    async def delete_version(self, workspace: int, asked: VersionChoice) -> None:
        """Remove a version for good. Raises ``ModelInUse`` where something uses it."""
        row = (await self.get_version(workspace, asked.name, asked.version)).row
        await self._models.delete(workspace, f"{row.name}:{row.version}")

    async def set_version_tag(self, workspace: int, asked: VersionChoice, principal: Principal) -> None:
        """Set a tag of a version."""
        _check_tags([Pair(asked.key, asked.value)])
        await self._check_own(workspace, asked, principal)
        change = ModelChange(set_tags={asked.key: asked.value})
        await self._models.change(workspace, f"{asked.name}:{asked.version}", change)

    async def delete_version_tag(self, workspace: int, asked: VersionChoice, principal: Principal) -> None:
        """Remove a tag of a version; one that is not there is no error."""
        await self._check_own(workspace, asked, principal)
        await self._models.change(workspace, f"{asked.name}:{asked.version}", ModelChange(remove_tags=[asked.key]))

    async def come_to_stage(self, workspace: int, asked: VersionChoice, principal: Principal) -> WholeVersion:
        """Bring a version to a stage; the others of that stage are archived if that is asked for."""
        stage = check_stage(asked.stage)
        if asked.archive_existing_versions and stage not in STAGES[1:3]:
            raise InvalidParameter(
                f"'archive_existing_versions' is only allowed for the stages {STAGES[1]} and {STAGES[2]}."
            )

        def work(connection: Connection) -> WholeVersion:
            row = _own_version(connection, workspace, asked.name, asked.version, principal)
            for other in store.versions(connection, workspace, asked.name) if asked.archive_existing_versions else []:
                if other.stage == stage and other.version != row.version:
                    _own_version(connection, workspace, asked.name, str(other.version), principal)
                    store.set_origin(connection, workspace, row.registered_model, other.version, {"stage": STAGES[3]})
            store.set_origin(connection, workspace, row.registered_model, row.version, {"stage": stage})
            models.change(connection, row.key, {"modified_at": self._clock()})
            return _whole_versions(connection, [_version(connection, workspace, asked.name, asked.version)])[0]

        return await self._database.write(work)

    async def search_versions(self, workspace: int, asked: Search) -> Page[WholeVersion]:
        """A page of versions, the last changed first unless another order is asked for."""
        limit = page_size(asked.max_results, 10_000, 200_000)
        condition = parse(asked.filter, VERSION_SCHEMA)
        order = parse_order(asked.order_by, VERSION_SCHEMA)

        wanted = Wanted(condition, order, limit, asked.page_token)

        def work(connection: Connection) -> Page[WholeVersion]:
            page = select(connection, VERSIONS, wanted, model.c.workspace == workspace)
            return Page(_whole_versions(connection, store.versions_of(connection, page.things)), page.following)

        return await self._database.read(lambda connection: in_time(connection, work))

    async def _check_own(self, workspace: int, asked: VersionChoice, principal: Principal) -> None:
        await self._database.read(
            lambda connection: _own_version(connection, workspace, asked.name, asked.version, principal)
        )

    async def _at_name(self, workspace: int, name: str, change: Callable[[Connection, NameRow], None]) -> None:
        await self._database.write(lambda connection: change(connection, _name(connection, workspace, name)))


def _name(connection: Connection, workspace: int, name: str) -> NameRow:
    if not name:
        raise missing("name")
    row = store.find_name(connection, workspace, name)
    if row is None:
        raise NotFound(f"Registered Model with name={name[:200]} not found", target=name[:200])
    return row


def _version(connection: Connection, workspace: int, name: str, version: str) -> VersionRow:
    if not name:
        raise missing("name")
    if not _VERSION.match(version):
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{version[:40]}'.", target="version")
    row = store.find_version(connection, workspace, name, int(version))
    if row is None:
        raise NotFound(
            f"Model Version (name={name[:200]}, version={version}) not found", target=f"{name}:{version}"[:200]
        )
    return row


def _own_version(connection: Connection, workspace: int, name: str, version: str, principal: Principal) -> VersionRow:
    """A version that the caller may change: a run those that it registered. Raises ``Forbidden`` for others."""
    row = _version(connection, workspace, name, version)
    if principal.run_id is not None:
        if row.run_id is None:
            raise Forbidden(OWN_RUNS_ONLY, target=f"{name}:{version}")
        find_within_reach(connection, workspace, row.run_id, principal)
    return row


def _whole_names(connection: Connection, rows: Sequence[NameRow]) -> list[WholeName]:
    keys = [row.key for row in rows]
    tags, aliases = store.name_tag.of(connection, keys), store.aliases(connection, keys)
    latest: dict[int, dict[str, WholeVersion]] = {}
    for version in _whole_versions(connection, store.newest_of_stages(connection, keys)):
        latest.setdefault(version.row.registered_model, {}).setdefault(version.row.stage, version)
    return [
        WholeName(row, tags.get(row.key, {}), aliases.get(row.key, {}), list(latest.get(row.key, {}).values()))
        for row in rows
    ]


def _whole_versions(connection: Connection, rows: Sequence[VersionRow]) -> list[WholeVersion]:
    tags = store.tags_of_versions(connection, [row.key for row in rows])
    aliases = store.aliases(connection, list({row.registered_model for row in rows}))
    return [
        WholeVersion(
            row,
            tags.get(row.key, {}),
            [name for name, version in aliases.get(row.registered_model, {}).items() if version == row.version],
            _uri_of(row),
        )
        for row in rows
    ]


def _uri_of(row: VersionRow) -> str:
    return place_in_registry(row.name, row.version, row.mlflow)


def _check_name(name: str) -> None:
    if not name:
        raise missing("name")
    check_model_name(name)


def check_stage(stage: str) -> str:
    """The stage as it is written. Raises ``InvalidParameter`` for a word that is none."""
    for each in STAGES:
        if each.lower() == stage.lower():
            return each
    raise InvalidParameter(
        f"Invalid Model Version stage: {stage[:40]}. Value must be one of {', '.join(STAGES)}.", target="stage"
    )


def check_alias(alias: str) -> None:
    """Raise ``InvalidParameter`` for an alias that the protocol does not allow."""
    if not alias:
        raise InvalidParameter("Registered model alias name cannot be empty.", target="alias")
    if not _ALIAS.match(alias):
        raise InvalidParameter(
            f"Invalid alias name: '{alias[:80]}'. Names may only contain alphanumerics, underscores (_), and dashes "
            "(-)."
        )
    rules.check_length("Registered model alias name", _ALIAS_LIMIT, alias)
    if _RESERVED_ALIAS.match(alias):
        raise InvalidParameter(f"Alias name '{alias}' is reserved.", target="alias")


def _check_tags(tags: Sequence[Pair]) -> None:
    for each in tags:
        rules.check_key(each.key, "key")
        rules.check_length("key", rules.KEY_LIMIT, each.key)
        rules.check_length("value", _TAG_LIMIT, each.value)


def _texts(pairs: Sequence[Pair]) -> dict[str, str]:
    return {each.key: each.value for each in pairs}
