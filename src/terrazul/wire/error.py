"""An error on its way from the server."""

from __future__ import annotations

from typing import Optional

from terrazul.core.dataclass import dataclass


@dataclass(frozen=True)
class ErrorBody:
    """The JSON body of every answer with a status of 400 and more."""

    code: str
    message: str
    target: Optional[str] = None
    hint: Optional[str] = None
    correlation_id: Optional[str] = None
