"""The names of users, groups and roles, and the rules they obey. Pure functions."""

from __future__ import annotations

import re

from terrazul.core.errors import InvalidInput

_USER = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}\Z")
_ROLE = re.compile(r"[A-Za-z0-9][\w .-]{0,63}\Z", re.ASCII)


def user_name(text: str) -> str:
    """The name of a user or a group as it is kept: in lower case. Raises ``InvalidInput``."""
    name = text.strip().casefold()
    if not _USER.match(name):
        raise InvalidInput(
            f"{text[:80]!r} cannot be the name of a user or a group.",
            target=text[:80],
            hint="Use up to 100 letters, digits, '.', '_', '-', '+' and '@', the first a letter or digit.",
        )
    return name


def owner_name(text: str) -> str:
    """The name of who owns the installation, from the name by which the machine knows them."""
    try:
        return user_name(text)
    except InvalidInput:
        return "owner"


def role_name(text: str) -> str:
    """The text as the name of a role. Raises ``InvalidInput``."""
    if not _ROLE.match(text):
        raise InvalidInput(
            f"{text[:80]!r} cannot be the name of a role.",
            target=text[:80],
            hint="Use up to 64 letters, digits, spaces, '.', '_' and '-', the first a letter or digit.",
        )
    return text
