"""Taking in what an import brings."""

from __future__ import annotations

from litestar import Router, post
from litestar.params import JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.importing import ImportAnswer, ImportBatch


@post("", operation_id="import_batch", opt=does(Action.IMPORT_WRITE), status_code=200)
async def import_batch(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[ImportBatch]
) -> ImportAnswer:
    """Take in experiments, logged models and models under the ids, numbers and times that they bring."""
    return await services.importing.take(workspace.key, data, principal)


router = Router("/imports", route_handlers=[import_batch])
