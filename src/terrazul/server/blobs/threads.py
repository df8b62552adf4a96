"""Threads for bytes: a storage far away may let many wait, and nobody else is to wait with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
_MOST = 64
_threads = ThreadPoolExecutor(_MOST, thread_name_prefix="bytes")


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a call gives that may wait for a disk or a storage."""
    return await asyncio.get_running_loop().run_in_executor(_threads, partial(work, *args, **kwargs))
