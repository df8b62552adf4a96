"""Clients that send one request after another: ``load.py PORT PATH CONNECTIONS REQUESTS ROWS`` prints seconds.

A path of the Open Inference Protocol is sent its form of the rows.
"""

import asyncio
import json
import random
import sys
import time

import uvloop


async def main(port: int, path: str, connections: int, requests: int, rows: int) -> float:
    """The seconds that all requests took."""
    numbers = random.Random(1)  # noqa: S311  # rows, no secrets
    data = [[numbers.random() for _ in range(10)] for _ in range(rows)]
    tensor = {"name": "data", "shape": [rows, 10], "datatype": "FP64", "data": data}
    body = json.dumps({"inputs": [tensor]} if path.startswith("/v2/") else {"data": data}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    left = requests

    async def client() -> None:
        nonlocal left
        writer = None
        while left > 0:
            left -= 1
            if writer is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode() + body)
            received = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b" 200 " not in received[:20]:
                raise SystemExit(received.decode())
            await reader.readexactly(int(received.split(b"content-length:")[1].split(b"\r\n")[0]))
            if b"connection: close" in received:
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    return time.perf_counter() - begin


if __name__ == "__main__":
    uvloop.install()
    print(asyncio.run(main(int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))))
