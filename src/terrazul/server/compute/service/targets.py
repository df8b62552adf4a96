"""Making, finding, changing and deleting compute targets."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import ComputeTargetConflict, ComputeTargetException, ComputeTargetNotFound
from terrazul.server.compute import rules, store
from terrazul.server.compute.provider import NodeProvider
from terrazul.server.compute.rules import Settings
from terrazul.server.compute.service.attached import AttachedMachines
from terrazul.server.compute.store import NodeRow, TargetRow
from terrazul.server.identity.rules import Principal
from terrazul.server.sql.database import Database
from terrazul.server.sql.witness import changed, made, removed
from terrazul.wire.compute import (
    CLUSTER,
    LOCAL,
    ON_DEMAND,
    REMOTE,
    ClusterSettings,
    ComputeNode,
    ComputeSize,
    ComputeTarget,
    ComputeTargetChange,
    NewComputeTarget,
    NodeCounts,
    NodeState,
    ProvisioningState,
    RemoteSettings,
)
from terrazul.wire.run_configuration import RunDefinition

THING = "compute_target"
"""What the activity log calls one."""
_TOLD_NAMES = 20
_TOLD_RUNS = 3
Waiting = Callable[[Connection], Mapping[int, Mapping[int, int]]]
"""Counts the runs that wait for a compute target, by its key and by how many nodes they need."""
RunIds = Callable[[Connection, Sequence[int]], Mapping[int, str]]
"""The ids of runs by their keys."""
Notify = Callable[[Connection], None]
"""Has the process that scales look, once the transaction is on disk."""


class ComputeTargets:
    """The compute targets of all workspaces."""

    def __init__(
        self,
        database: Database,
        provider: NodeProvider,
        machines: AttachedMachines,
        waiting: Waiting,
        run_ids: RunIds,
        notify: Notify,
        clock: Clock,
    ) -> None:
        self._database = database
        self._provider = provider
        self._machines = machines
        self._waiting = waiting
        self._run_ids = run_ids
        self._notify = notify
        self._clock = clock

    async def list_all(self, workspace: int) -> list[ComputeTarget]:
        """The compute targets of a workspace, by name."""

        def work(connection: Connection) -> list[ComputeTarget]:
            return self._told(connection, store.list_all(connection, workspace))

        return await self._database.read(work)

    async def get(self, workspace: int, name: str) -> ComputeTarget:
        """The compute target of a name, without case. Raises ``ComputeTargetNotFound``."""
        return await self._database.read(
            lambda connection: self._told(connection, [_existing(connection, workspace, name)])[0]
        )

    async def nodes(self, workspace: int, name: str, by: Principal) -> list[ComputeNode]:
        """The nodes of a compute target, by number, with the runs that the caller may know of.

        Raises ``ComputeTargetNotFound``.
        """

        def work(connection: Connection) -> list[ComputeNode]:
            found = store.nodes_of(connection, _existing(connection, workspace, name).id)
            run_ids = self._run_ids(connection, [each.run for each in found if each.run is not None])
            seen = run_ids if _sees_all_runs(by) else {key: each for key, each in run_ids.items() if each == by.run_id}
            return [_node(each, seen) for each in found]

        return await self._database.read(work)

    def sizes(self) -> list[ComputeSize]:
        """What nodes can have."""
        return self._provider.sizes()

    async def create(self, workspace: int, new: NewComputeTarget, by: str) -> ComputeTarget:
        """Make a compute target, or attach a machine; one of that name is from then on as the new one would be.

        Raises ``ComputeTargetException`` for a name, kind or setting that cannot be, and for a machine that cannot be
        signed in to; ``ComputeTargetConflict`` where the one that is there cannot become so, or is being deleted;
        ``InvalidInput`` for its texts and for an address that may not be called; ``VaultClosed``.
        """
        name = new.name
        rules.check_name(name)
        rules.check_kind(new.kind)
        rules.check_texts(new.tags, new.description)
        rules.check_credential(new.kind, new.credential)
        settings = rules.read_settings(new.settings, rules.SETTINGS[new.kind]())
        if isinstance(settings, RemoteSettings):
            there = await self._database.read(lambda found: store.find(found, workspace, rules.key_of(name)))
            settings = await self._machines.checked(workspace, name, there, settings, new.credential)

        def work(connection: Connection) -> ComputeTarget:
            there = store.find(connection, workspace, rules.key_of(name))
            if there is None:
                self._add(connection, workspace, name, settings, by, tags=new.tags, description=new.description)
                made(connection, THING, name)
            else:
                wanted = self._become(connection, there, settings)
                same = (there.settings, there.tags, there.description) == (wanted, new.tags, new.description)
                if not same or new.kind == REMOTE:
                    values: dict[str, object] = {"settings": wanted, "tags": new.tags, "description": new.description}
                    if new.kind == REMOTE:
                        values |= {"state": ProvisioningState.CREATING.value, "state_since": self._clock()}
                    self._change(connection, there, values, by)
                    changed(connection, THING, there.name)
            if new.credential:
                self._machines.keep(connection, workspace, name, new.credential, by)
            return self._told(connection, [_existing(connection, workspace, name)])[0]

        return await self._database.write(work)

    def _become(self, connection: Connection, there: TargetRow, settings: Settings) -> Settings:
        """The settings that a target gets, which stays the one it is. Raises ``ComputeTargetConflict``."""
        _demand_same(there, settings)
        if isinstance(settings, ClusterSettings) and isinstance(there.settings, ClusterSettings):
            return replace(settings, vm_size=settings.vm_size or there.settings.vm_size)
        nodes = store.nodes_of(connection, there.id)
        if isinstance(settings, RemoteSettings) and isinstance(there.settings, RemoteSettings):
            moved = _place_of(settings) != _place_of(there.settings)
            if moved and any(each.run is not None for each in nodes):
                raise ComputeTargetConflict(
                    f"The compute target {there.name!r} executes a run, so it cannot become another machine or user.",
                    target=there.name,
                    hint="Wait until it has ended, or cancel it.",
                )
            settings = replace(settings, own=there.settings.own)
        for node in nodes:  # each is connected anew, with what counts from now on
            store.move(connection, node.id, None, NodeState.PREPARING, self._clock())
        return settings

    async def change(self, workspace: int, name: str, change: ComputeTargetChange, by: str) -> ComputeTarget:
        """Change how a compute target scales, its tags and its description.

        Raises ``ComputeTargetNotFound``, ``ComputeTargetException`` for settings that cannot be,
        ``ComputeTargetConflict`` for another size or priority, or where it is being deleted.
        """
        rules.check_texts(change.tags, change.description)

        def work(connection: Connection) -> ComputeTarget:
            there = _existing(connection, workspace, name)
            settings = _changed_settings(there, change.settings or {})
            _demand_same(there, settings)
            values: dict[str, Any] = {"settings": settings, "tags": change.tags, "description": change.description}
            self._change(connection, there, {key: value for key, value in values.items() if value is not None}, by)
            return self._told(connection, [_existing(connection, workspace, name)])[0]

        return await self._database.write(work)

    async def delete(self, workspace: int, name: str, by: Principal) -> None:
        """Delete a compute target, with its nodes; runs that wait for it fail.

        Raises ``ComputeTargetNotFound``, ``ComputeTargetConflict`` while it executes runs.
        """

        def work(connection: Connection) -> None:
            row = _existing(connection, workspace, name)
            nodes = store.nodes_of(connection, row.id)
            executing = list({each.run for each in nodes if each.run is not None})
            if executing:
                what = "a run" if len(executing) == 1 else f"{len(executing)} runs"
                told = ", ".join(sorted(self._run_ids(connection, executing).values())[:_TOLD_RUNS])
                what += f" ({told})" if _sees_all_runs(by) else ""
                raise ComputeTargetConflict(
                    f"The compute target {row.name!r} executes {what}, so it cannot be deleted.",
                    target=row.name,
                    hint="Cancel what it executes, or wait until that has ended.",
                )
            self.let_go(connection, row, nodes, by.name)

        await self._database.write(work)

    def let_go(self, connection: Connection, row: TargetRow, nodes: Sequence[NodeRow], by: str) -> None:
        """Begin to delete a target that executes nothing, part of the caller's transaction."""
        if nodes:
            now = self._clock()
            state = {"state": ProvisioningState.DELETING.value, "state_since": now}
            store.change(connection, row.id, {**state, "modified_at": now, "modified_by": by})
        else:
            self.remove(connection, row)
        self._notify(connection)

    def remove(self, connection: Connection, row: TargetRow) -> None:
        """Forget a target that has no nodes, and what it was signed in with, part of the caller's transaction."""
        store.delete(connection, row.id)
        self._machines.forget(connection, row)
        removed(connection, THING, row.name)

    def for_run(self, connection: Connection, workspace: int, wanted: RunDefinition, by: Principal) -> TargetRow | None:
        """The compute target that a run names, part of the transaction that submits it; None for the server's machine.

        For ``amlcompute`` a cluster of the run's size is made, as v1's section of that name describes it. Raises
        ``ComputeTargetNotFound``, ``ComputeTargetConflict`` for one that is being deleted, ``ComputeTargetException``,
        ``RunConfigurationException`` for more nodes than it may have.
        """
        if wanted.target == LOCAL:
            return None
        if rules.key_of(wanted.target) == ON_DEMAND:
            section = wanted.sections.get(ON_DEMAND)
            section = section if isinstance(section, dict) else {}
            row = self._add_on_demand(connection, workspace, section, wanted.node_count, by.name)
        else:
            row = _existing(connection, workspace, wanted.target, tells_others=by.reach is None)
        if row.is_going:
            raise ComputeTargetConflict(
                f"The compute target {row.name!r} is being deleted.", target=row.name, hint="Choose another one."
            )
        rules.check_node_count(row.name, row.settings, wanted.node_count)
        self._notify(connection)
        return row

    def _add_on_demand(
        self, connection: Connection, workspace: int, section: dict[str, Any], nodes: int, by: str
    ) -> TargetRow:
        if section.get("retainCluster"):
            raise ComputeTargetException(
                "A cluster that is made for one run goes with it, so it cannot be retained.",
                target="retainCluster",
                hint="Make a cluster with ComputeTarget.create(...), and name that as the target.",
            )
        wanted = {"vm_size": section.get("vmSize"), "vm_priority": section.get("vmPriority")}
        given = {name: value for name, value in wanted.items() if value is not None}
        fixed = ClusterSettings(max_nodes=nodes, idle_seconds_before_scaledown=0)
        settings = rules.read_settings(given, fixed)
        name = f"{rules.ON_DEMAND_PREFIX}{secrets.token_hex(4)}"
        key = self._add(connection, workspace, name, settings, by, on_demand=True)
        made(connection, THING, name)
        row = store.find_by_key(connection, key)
        if row is None:
            raise _not_found(name, [])
        return row

    def _add(
        self,
        connection: Connection,
        workspace: int,
        name: str,
        settings: Settings,
        by: str,
        *,
        tags: dict[str, str] | None = None,
        description: str = "",
        on_demand: bool = False,
    ) -> int:
        now = self._clock()
        values = {
            "workspace": workspace,
            "key": rules.key_of(name),
            "name": name,
            "kind": CLUSTER if isinstance(settings, ClusterSettings) else REMOTE,
            "settings": settings,
            "tags": tags or {},
            "description": description,
            "state": ProvisioningState.CREATING.value,
            "state_since": now,
            "errors": [],
            "resized_at": now,
            "on_demand": on_demand,
            "created_at": now,
            "created_by": by,
            "modified_at": now,
            "modified_by": by,
        }
        self._notify(connection)
        return store.add(connection, values)

    def _change(self, connection: Connection, row: TargetRow, values: dict[str, Any], by: str) -> None:
        store.change(connection, row.id, {**values, "modified_at": self._clock(), "modified_by": by})
        self._notify(connection)

    def _told(self, connection: Connection, rows: Sequence[TargetRow]) -> list[ComputeTarget]:
        counts = store.counts_of(connection, [row.id for row in rows])
        waiting = self._waiting(connection) if rows else {}
        return [_target(row, counts.get(row.id, NodeCounts()), sum(waiting.get(row.id, {}).values())) for row in rows]


def _sees_all_runs(by: Principal) -> bool:
    return not by.is_run and by.reach is None


def _existing(connection: Connection, workspace: int, name: str, *, tells_others: bool = True) -> TargetRow:
    row = store.find(connection, workspace, rules.key_of(name))
    if row is None:
        others = store.list_all(connection, workspace) if tells_others else []
        raise _not_found(name, [each.name for each in others if not each.on_demand])
    return row


def _not_found(name: str, others: Sequence[str]) -> ComputeTargetNotFound:
    return ComputeTargetNotFound(
        f"There is no compute target {name[:80]!r} in this workspace.",
        target=name[:80],
        hint=f"The targets are: {', '.join([LOCAL, *others[:_TOLD_NAMES]])}. ComputeTarget.create(...) or "
        "`terrazul computetarget create amlcompute` makes one, ComputeTarget.attach(...) attaches a machine.",
    )


def _changed_settings(there: TargetRow, given: dict[str, Any]) -> Settings:
    """What a target has once these settings are changed. Raises ``ComputeTargetException``."""
    settings = rules.read_settings(given, there.settings)
    before = there.settings
    if (
        isinstance(settings, RemoteSettings)
        and isinstance(before, RemoteSettings)
        and replace(settings, max_concurrent_runs=before.max_concurrent_runs) != before
    ):
        raise ComputeTargetException(
            f"The machine of {there.name!r} can only be changed by attaching it again, which signs in to it.",
            target=there.name,
            hint="ComputeTarget.attach(...) with its name does; max_concurrent_runs can be changed here.",
        )
    return settings


def _place_of(settings: RemoteSettings) -> tuple[str, int, str, str]:
    return settings.address.lower(), settings.port, settings.username, settings.folder


def _demand_same(there: TargetRow, settings: Settings) -> None:
    """Raise ``ComputeTargetConflict`` unless only what can be changed differs."""
    if there.is_going:
        raise ComputeTargetConflict(
            f"The compute target {there.name!r} is being deleted.",
            target=there.name,
            hint="Wait until it is gone, or take another name.",
        )
    if type(there.settings) is not type(settings):
        raise ComputeTargetConflict(
            f"The compute target {there.name!r} is there, and of the kind {there.kind}.",
            target=there.name,
            hint="Take another name, or delete (detach) it first.",
        )
    for what in ("vm_size", "vm_priority") if isinstance(settings, ClusterSettings) else ():
        has, wanted = getattr(there.settings, what), getattr(settings, what)
        if has and wanted and has.lower() != wanted.lower():
            raise ComputeTargetConflict(
                f"The compute target {there.name!r} is there with the {what} {has!r}, which cannot become {wanted!r}.",
                target=there.name,
                hint="Delete it first, or take another name.",
            )


def _target(row: TargetRow, nodes: NodeCounts, waiting: int) -> ComputeTarget:
    return ComputeTarget(
        name=row.name,
        kind=row.kind,
        settings=asdict(row.settings),
        tags=row.tags,
        description=row.description,
        state=row.state,
        state_since=to_text(row.state_since),
        errors=row.errors,
        nodes=nodes,
        resized_at=to_text(row.resized_at),
        waiting=waiting,
        on_demand=row.on_demand,
        created_at=to_text(row.created_at),
        created_by=row.created_by,
        modified_at=to_text(row.modified_at),
        modified_by=row.modified_by,
    )


def _node(row: NodeRow, run_ids: Mapping[int, str]) -> ComputeNode:
    run_id = None if row.run is None else run_ids.get(row.run)
    return ComputeNode(row.node_id, row.number, NodeState(row.state), to_text(row.since), run_id, row.problem)
