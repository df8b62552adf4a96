"""What a password must be, how long a session lives, and how wrong attempts are slowed down. Pure functions."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from typing import NamedTuple

from terrazul.core.errors import InvalidInput

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
CODE_LIFETIME = MINUTE
LEAST_LENGTH = 12
_MOST_BYTES = 1024
_LEAST_BESIDE_THE_NAME = 8
_LEAST_DIFFERENT = 4
_LONGEST_PAUSE = 15 * 60
_IPV6_NETWORK = 64
REMEMBERED = DAY
"""How long wrong attempts count from the last on."""


def check_password(name: str, password: str) -> None:
    """Raise ``InvalidInput`` for what must not be the password of a user."""
    if len(password) < LEAST_LENGTH:
        raise InvalidInput(
            f"The password has fewer than {LEAST_LENGTH} characters.", target="password", hint="Take several words."
        )
    if len(password.encode("utf-8", "surrogatepass")) > _MOST_BYTES:
        raise InvalidInput(f"The password has more than {_MOST_BYTES} bytes.", target="password")
    if not password.isprintable():
        raise InvalidInput("The password has characters that nobody can type.", target="password")
    plain = password.casefold()
    if name in plain and len(plain.replace(name, "")) < _LEAST_BESIDE_THE_NAME:
        raise InvalidInput(
            "The password is little more than the user's name.", target="password", hint="Take several words."
        )
    if len(set(plain)) < _LEAST_DIFFERENT:
        raise InvalidInput(
            f"The password has fewer than {_LEAST_DIFFERENT} different characters.",
            target="password",
            hint="Take several words.",
        )


class Lifetime(NamedTuple):
    """How long a session lives, in microseconds."""

    idle: int
    """Since it was used last."""
    most: int
    """Since it was opened."""

    def end(self, created_at: int, seen_at: int) -> int:
        """When a session ends, if nothing more is heard of it."""
        return min(created_at + self.most, seen_at + self.idle)

    @property
    def noting(self) -> int:
        """How old the note of its last use may become."""
        return min(MINUTE, self.idle // 10)


class Attempts(NamedTuple):
    """Whom attempts to sign in are counted for."""

    subject: str
    free: int
    """How many may go wrong before the first pause."""
    counts_on: bool
    """Whether those before still count when one is right: somebody's own name must not wash an address clean."""

    def pause(self, wrong: int) -> int:
        """How many microseconds to wait after so many wrong attempts: twice as long after each."""
        beyond = wrong - self.free
        return 0 if beyond < 0 else min(2 ** min(beyond, 30), _LONGEST_PAUSE) * SECOND


def attempts_of_name(name: str) -> Attempts:
    """Those with a name; kept by its hash, since people type passwords into the wrong field."""
    return Attempts(f"name {hashlib.sha256(name.encode()).hexdigest()}", 5, counts_on=False)


def attempts_from(address: str) -> Attempts:
    """Those from an address; who has one of IPv6 has all of its network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return Attempts("address", 30, counts_on=True)
    if parsed.version == 6:  # noqa: PLR2004  # as it is called
        mapped = getattr(parsed, "ipv4_mapped", None)
        network = mapped or ipaddress.ip_network((parsed, _IPV6_NETWORK), strict=False)
        return Attempts(f"address {network}", 30, counts_on=True)
    return Attempts(f"address {parsed}", 30, counts_on=True)


def csrf_token_of(session: str) -> str:
    """What a page must send with changes: only who has read an answer to this session's cookie knows it."""
    return hmac.new(session.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_token(given: str, session: str) -> bool:
    """Whether a page sent what belongs to a session."""
    return hmac.compare_digest(given.encode(), csrf_token_of(session).encode())
