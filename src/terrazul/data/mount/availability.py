"""Whether this machine can mount."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Optional

_DEVICE = Path("/dev/fuse")


def hindrance() -> Optional[str]:
    """Why there can be no mount here, in a sentence; ``None`` where there can."""
    if not (_DEVICE.exists() and os.access(_DEVICE, os.R_OK | os.W_OK)):
        return f"{_DEVICE} is not there, or not for this user."
    if find_spec("mfusepy") is None:
        return "The library mfusepy is not installed; the extra terrazul[mount] brings it."
    try:
        import mfusepy  # noqa: F401, PLC0415  # optional, and it looks for the system's library when it is imported
    except OSError as problem:
        return f"The system's library libfuse cannot be used: {problem}"
    return None
