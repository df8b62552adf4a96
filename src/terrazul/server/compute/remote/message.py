"""The lines of JSON between a server and its agent on a machine, and how places there are named."""

from __future__ import annotations

import secrets

AGENT = "terrazul.server.compute.agent"
"""The program that answers there."""
ID, CALL, ANSWER, ERROR = "id", "call", "answer", "error"
_SEPARATOR = "."


def node_of(machine: str) -> str:
    """An id for a place on a machine, which says where it is."""
    return f"{machine}{_SEPARATOR}{secrets.token_hex(8)}"


def machine_of(node: str) -> str:
    """The machine of such an id."""
    return node.partition(_SEPARATOR)[0]
