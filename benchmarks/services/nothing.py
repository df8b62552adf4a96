"""A server that does nothing: it answers with an empty object, and GET /bytes/N with so many bytes."""

from typing import Any

CHUNK = bytes(1 << 20)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    chunks = [CHUNK] * (int(scope["path"][7:]) // len(CHUNK)) if scope["path"].startswith("/bytes/") else [b"{}"]
    length = str(sum(map(len, chunks))).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
