"""The HTTP of datastores: registering, finding, testing and unregistering them."""

from __future__ import annotations

from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody

from terrazul.server.datastore.service.datastores import By
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action, ObjectType
from terrazul.wire.datastore import ConnectionTest, Datastore, DatastoreKind, NewDatastore


@get("/datastore-kinds", operation_id="list_datastore_kinds", opt=does(Action.SERVER_READ, ObjectType.SERVER))
async def list_datastore_kinds(services: InjectedServices) -> list[DatastoreKind]:
    """What can be registered as a datastore, and the fields of each kind."""
    return services.datastores.kinds()


@get("/", operation_id="list_datastores", opt=does(Action.DATASTORE_READ))
async def list_datastores(services: InjectedServices, workspace: InjectedWorkspace) -> list[Datastore]:
    """All datastores of the workspace, without their credentials."""
    return await services.datastores.list_all(workspace)


@post("/", operation_id="register_datastore", opt=does(Action.DATASTORE_WRITE), status_code=200)
async def register_datastore(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[NewDatastore]
) -> Datastore:
    """Register a datastore, once it was reached; the credential goes to the key vault. Sent twice, it counts once."""
    owns_machine = principal.is_admin and not principal.is_restricted
    return await services.datastores.register(workspace, data, By(principal.name, owns_machine))


@get("/{datastore_name:str}", operation_id="get_datastore", opt=does(Action.DATASTORE_READ))
async def get_datastore(
    services: InjectedServices, workspace: InjectedWorkspace, datastore_name: FromPath[str]
) -> Datastore:
    """A datastore, without its credential."""
    return await services.datastores.get(workspace, datastore_name)


@delete("/{datastore_name:str}", operation_id="unregister_datastore", opt=does(Action.DATASTORE_WRITE))
async def unregister_datastore(
    services: InjectedServices, workspace: InjectedWorkspace, datastore_name: FromPath[str]
) -> None:
    """Forget a datastore and its credential. Its data stays; 409 where something uses it."""
    await services.datastores.unregister(workspace, datastore_name)


@post(
    "/{datastore_name:str}/default",
    operation_id="set_default_datastore",
    opt=does(Action.DATASTORE_WRITE),
    status_code=200,
)
async def set_default_datastore(
    services: InjectedServices, workspace: InjectedWorkspace, datastore_name: FromPath[str]
) -> Datastore:
    """Make a datastore the default of the workspace."""
    return await services.datastores.set_default(workspace, datastore_name)


@post("/{datastore_name:str}/test", operation_id="test_datastore", opt=does(Action.DATASTORE_WRITE), status_code=200)
async def try_datastore(
    services: InjectedServices, workspace: InjectedWorkspace, datastore_name: FromPath[str]
) -> ConnectionTest:
    """Go towards a datastore now, step by step, and tell how far one gets."""
    return await services.datastores.test(workspace, datastore_name)


router = Router(
    "/datastores",
    route_handlers=[
        list_datastores,
        register_datastore,
        get_datastore,
        unregister_datastore,
        set_default_datastore,
        try_datastore,
    ],
)
