"""The HTTP of images."""

from __future__ import annotations

from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does
from terrazul.server.identity.rules import Action
from terrazul.wire.endpoint import Image, ImageChange, NewImage


@get("/", operation_id="list_images", opt=does(Action.ENDPOINT_READ))
async def list_images(services: InjectedServices, workspace: InjectedWorkspace) -> list[Image]:
    """All versions of all images, newest first."""
    return await services.images.list_all(workspace.key)


@post("/", operation_id="register_image", opt=does(Action.ENDPOINT_WRITE), status_code=200)
async def register_image(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[NewImage]
) -> Image:
    """Keep a deployment as the next version of a name; sent twice, it counts once."""
    return await services.images.register(workspace.key, data, principal.name)


@get("/{image_id:str}", operation_id="get_image", opt=does(Action.ENDPOINT_READ))
async def get_image(services: InjectedServices, workspace: InjectedWorkspace, image_id: FromPath[str]) -> Image:
    """An image by `name:version`, or the newest of a name."""
    return await services.images.get(workspace.key, image_id)


@patch("/{image_id:str}", operation_id="change_image", opt=does(Action.ENDPOINT_WRITE))
async def change_image(
    services: InjectedServices, workspace: InjectedWorkspace, image_id: FromPath[str], data: JSONBody[ImageChange]
) -> Image:
    """Change what describes an image."""
    return await services.images.change(workspace.key, image_id, data)


@delete("/{image_id:str}", operation_id="delete_image", opt=does(Action.ENDPOINT_DELETE))
async def delete_image(services: InjectedServices, workspace: InjectedWorkspace, image_id: FromPath[str]) -> None:
    """Remove an image that no web service is deployed from."""
    await services.images.delete(workspace.key, image_id)


router = Router("/images", route_handlers=[list_images, register_image, get_image, change_image, delete_image])
