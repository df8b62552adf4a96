"""Where the datastores of users may lie on the server's machine."""

from __future__ import annotations

import os
from pathlib import Path

from terrazul.core.errors import InvalidInput
from terrazul.server.datastore.kind import Surroundings


def check_place(path: Path, surroundings: Surroundings) -> Path:
    """Where a path leads, links followed. Raises ``InvalidInput`` within the server's home, or beyond the roots.

    A folder that the home lies in may be one: what is in the home is none of its files.
    """
    real, home = Path(os.path.realpath(path)), Path(os.path.realpath(surroundings.home))
    if real == home or home in real.parents:
        raise InvalidInput(f"{path} lies in the home of the server, which holds its secrets.", target=str(path)[:80])
    if surroundings.roots is None:
        return real
    roots = [Path(os.path.realpath(root)) for root in surroundings.roots]
    if not any(root == real or root in real.parents for root in roots):
        raise InvalidInput(
            f"{path} lies below none of the folders that an administrator named for data.",
            target=str(path)[:80],
            hint="An administrator can name it: --data-roots /srv/data.",
        )
    return real
