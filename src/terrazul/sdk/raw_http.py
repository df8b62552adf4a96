"""``@rawhttp``: an entry script asks for the request itself, not for its body. Flask is not needed for asking."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

requested = False
"""Whether anything was decorated in this process; the scoring worker reads it, as v1's server does."""

_Run = TypeVar("_Run", bound=Callable[..., Any])


def rawhttp(func: _Run) -> _Run:
    """Have ``run`` called with the request (method, headers, query, body), as Flask shows it.

    It counts for the whole process, whatever function it decorates.
    """
    global requested  # noqa: PLW0603  # one switch for the process is the contract
    requested = True
    return func
