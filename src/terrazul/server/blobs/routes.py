"""The HTTP of contents."""

from __future__ import annotations

from typing import Any

from litestar import Request, Router, post, put
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from terrazul.server.blobs.parts import Offer
from terrazul.server.blobs.store import not_held
from terrazul.server.http import InjectedPrincipal, InjectedServices, InjectedWorkspace, does, headers_of_download
from terrazul.server.identity.rules import Action, Principal
from terrazul.wire.snapshot import ContentParts, Digests, PartAddress, PartAddresses, PartSizes

_UNLIMITED = None
_SENDING = does(Action.CONTENT_WRITE, within_reach=True)


@post("/missing", operation_id="find_missing_contents", opt=_SENDING, status_code=200)
async def find_missing_contents(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[Digests]
) -> Digests:
    """Those of the digests whose bytes the server does not hold.

    Who sees a part of the workspace only is asked for all that they have not sent themselves.
    """
    return Digests(await services.contents.missing(workspace.key, data.digests, _sender(principal)))


@post(
    "/",
    operation_id="send_contents",
    opt=_SENDING,
    status_code=200,
    request_max_body_size=_UNLIMITED,
)
async def send_contents(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    request: Request[Any, Any, Any],
) -> Digests:
    """Store every content of a pack: for each 32 bytes of SHA-256, 8 bytes of length (big-endian), the bytes."""
    received = await services.contents.receive_pack(workspace.key, request.stream(), bounded=not principal.is_run)
    await services.contents.note_sent(workspace.key, _sender(principal), received)
    return Digests(received)


@put(
    "/{digest:str}",
    operation_id="send_content",
    opt=_SENDING,
    request_max_body_size=_UNLIMITED,
)
async def send_content(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    digest: FromPath[str],
    request: Request[Any, Any, Any],
) -> Digests:
    """Store one content, streamed."""
    length = request.headers.get("content-length", "")
    await services.contents.receive(
        workspace.key,
        digest,
        request.stream(),
        bounded=not principal.is_run,
        announced=int(length) if length.isdecimal() else None,
    )
    await services.contents.note_sent(workspace.key, _sender(principal), [digest])
    return Digests([digest])


@post("/addresses", operation_id="address_contents", opt=_SENDING, status_code=200)
async def address_contents(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[PartSizes]
) -> PartAddresses:
    """Where parts may be put by the client itself, to be joined then; none where the storage takes none."""
    sizes = {each.digest: each.size for each in data.parts}
    offers = await services.parts.offer(workspace.key, sizes, bounded=not principal.is_run, sender=_sender(principal))
    return PartAddresses([_address(each) for each in offers])


def _address(offer: Offer) -> PartAddress:
    if offer.place is None:
        return PartAddress(offer.digest, "")
    return PartAddress(offer.digest, offer.place.url, dict(offer.place.headers))


@post("/join", operation_id="join_contents", opt=_SENDING, status_code=200)
async def join_contents(
    services: InjectedServices,
    workspace: InjectedWorkspace,
    principal: InjectedPrincipal,
    data: JSONBody[ContentParts],
) -> Digests:
    """Make one content of its parts, which were sent or put before; sent twice, it counts once."""
    sender = _sender(principal)
    await services.parts.join(workspace.key, data.digest, data.parts, bounded=not principal.is_run, sender=sender)
    await services.contents.note_sent(workspace.key, sender, [data.digest])
    return Digests([data.digest])


@post("/fetch", operation_id="fetch_contents", opt=does(Action.CONTENT_READ), status_code=200)
async def fetch_contents(
    services: InjectedServices, workspace: InjectedWorkspace, principal: InjectedPrincipal, data: JSONBody[Digests]
) -> Stream:
    """A pack of the contents."""
    if principal.run_id and principal.reach is not None:
        snapshots = await services.runs.snapshots_of(workspace.key, principal.run_id)
        own = await services.snapshots.contents_of(workspace.key, snapshots)
        for digest in data.digests:
            if digest not in own:
                raise not_held(digest)
    stream = await services.contents.read_pack(workspace.key, data.digests)
    return Stream(stream, media_type="application/octet-stream", headers=headers_of_download("contents.pack"))


def _sender(principal: Principal) -> int | None:
    """Who is to have sent what they name, by the key of the user; None for who may name all that is held."""
    return None if principal.reach is None else principal.reach.sender


router = Router(
    "/contents",
    route_handlers=[
        find_missing_contents,
        send_contents,
        send_content,
        address_contents,
        join_contents,
        fetch_contents,
    ],
)
