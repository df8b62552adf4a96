"""What must hold of secrets. Pure.

No message tells what was given: who takes name and value for each other must not find the value in a log.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from terrazul.core.errors import InvalidInput
from terrazul.wire.vault import NewSecret

_NAME = re.compile(r"[A-Za-z0-9-]{1,127}\Z")
_VALUE_LIMIT = 25_600
_TYPE_LIMIT = 255
_MOST_AT_ONCE = 100


def key_of(name: str) -> str:
    """The text under which a secret is unique: its name without case, as in v1. Raises ``InvalidInput``."""
    if not _NAME.match(name):
        raise InvalidInput(
            "The name of a secret is not valid.", target="name", hint="Use 1 to 127 letters, digits and '-'."
        )
    return name.lower()


def check_names(names: Sequence[str]) -> None:
    """Raise ``InvalidInput`` for names of which one is not valid, or more than can be asked for at once."""
    if len(names) > _MOST_AT_ONCE:
        raise InvalidInput(
            f"{len(names)} secrets are too many at once.", target="names", hint=f"Name at most {_MOST_AT_ONCE}."
        )
    for name in names:
        key_of(name)


def check_new(secrets: Sequence[NewSecret]) -> None:
    """Raise ``InvalidInput`` for secrets that cannot be kept."""
    check_names([each.name for each in secrets])
    if len({key_of(each.name) for each in secrets}) < len(secrets):
        raise InvalidInput("A secret is named twice.", target="name", hint="Names are compared without case.")
    for each in secrets:
        size = len(each.value.encode())
        if size > _VALUE_LIMIT:
            raise InvalidInput(
                f"The value of the secret {each.name} has {size} bytes.",
                target=each.name,
                hint=f"A value has at most {_VALUE_LIMIT} bytes; keep larger things encrypted elsewhere.",
            )
        if len(each.content_type) > _TYPE_LIMIT or not each.content_type.isprintable():
            raise InvalidInput(
                f"The content type of the secret {each.name} is not valid.",
                target=each.name,
                hint=f"Use up to {_TYPE_LIMIT} printable characters.",
            )
