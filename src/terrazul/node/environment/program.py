"""Where uv is."""

from __future__ import annotations

import threading

_asking = threading.Lock()


def uv() -> str:
    """The path of uv's program.

    One thread asks at a time: the ``sysconfig`` of older Pythons gives half of its variables while it first reads them.
    """
    with _asking:
        from uv import find_uv_bin  # noqa: PLC0415  # an environment that is there needs no uv

        return find_uv_bin()
