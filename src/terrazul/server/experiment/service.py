"""What one can do with experiments."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.core.errors import AlreadyExists, Forbidden, InvalidInput
from terrazul.core.ids import check_experiment_name, new_guid
from terrazul.server.experiment import store
from terrazul.server.experiment.rules import folders_in
from terrazul.server.identity.rules import Principal, refusal_of
from terrazul.server.sql.database import Database
from terrazul.wire.experiment import Experiment, ExperimentChange, ExperimentFolder, NewExperiment

_VIEWS = {"active": False, "archived": True, "all": None, "deleted": None}


class Experiments:
    """The experiments of all workspaces."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def create(self, workspace: int, new: NewExperiment, principal: Principal) -> Experiment:
        """The experiment of that name; made where there is none. Raises ``Forbidden`` out of the caller's folders."""
        check_experiment_name(new.name)
        check_reach(principal, new.name)

        def work(connection: Connection) -> Experiment:
            found = store.find_by_name(connection, workspace, new.name)
            if found:
                return found.experiment
            now = self._clock()
            made = Experiment(new_guid(), new.name, new.description, new.tags, to_text(now), principal.name)
            return store.add(connection, workspace, made, now).experiment

        return await self._database.write(work)

    async def list_all(
        self, workspace: int, name: str | None, view: str, folder: str | None, principal: Principal
    ) -> list[Experiment]:
        """Experiments that the caller sees, newest first, those of a folder where one is named.

        ``view`` is ``active``, ``archived``, ``all``, or ``deleted`` for those that can be restored.
        """
        if view not in _VIEWS:
            raise InvalidInput(
                f"{view!r} is not a view of experiments.",
                target=view[:80],
                hint="Use active, archived, all or deleted.",
            )
        return await self._database.read(
            partial(
                store.list_all,
                workspace=workspace,
                name=name,
                folder=(folder or "").strip("/"),
                archived=_VIEWS[view],
                deleted=view == "deleted",
                among=None if principal.reach is None or principal.is_run else principal.reach.folders,
            )
        )

    async def folders(
        self, workspace: int, folder: str, view: str, principal: Principal, only: str | None = None
    ) -> list[ExperimentFolder]:
        """The folders of experiments in a folder (or of the first level), by path; those of one experiment if given."""
        found = await self.list_all(workspace, None, view, folder, principal)
        return folders_in(folder, [each for each in found if only in {None, each.experiment_id}])

    async def get(self, workspace: int, experiment_id: str) -> Experiment:
        """The experiment of an id. Raises ``NotFound``."""
        find = partial(store.existing, workspace=workspace, experiment_id=experiment_id)
        return (await self._database.read(find)).experiment

    async def change(
        self, workspace: int, experiment_id: str, change: ExperimentChange, principal: Principal
    ) -> Experiment:
        """Change what describes an experiment.

        Raises ``AlreadyExists`` for a name that is taken, ``Forbidden`` for one out of the caller's folders.
        """

        def work(connection: Connection) -> Experiment:
            row = store.existing(connection, workspace, experiment_id)
            check_reach(principal, row.experiment.name)
            values: dict[str, Any] = {}
            if change.name is not None and change.name != row.experiment.name:
                check_experiment_name(change.name)
                check_reach(principal, change.name)
                if store.find_by_name(connection, workspace, change.name):
                    raise AlreadyExists(
                        f"There is an experiment {change.name!r} already.",
                        target=change.name,
                        hint="Take another name.",
                    )
                values["name"] = change.name
            if change.description is not None:
                values["description"] = change.description
            if change.archived is not None:
                values["archived_at"] = self._clock() if change.archived else None
            if change.set_tags or change.remove_tags:
                kept = {key: value for key, value in row.experiment.tags.items() if key not in change.remove_tags}
                values["tags"] = {**kept, **change.set_tags}
            if values:
                store.change(connection, row.key, {**values, "updated_at": self._clock()})
            return store.existing(connection, workspace, experiment_id).experiment

        return await self._database.write(work)


def check_reach(principal: Principal, name: str) -> None:
    """Raise ``Forbidden`` for the name of an experiment that would lie outside of where the caller may do this."""
    reason = refusal_of(principal, name)
    if reason:
        raise Forbidden(reason, target=name[:80])
