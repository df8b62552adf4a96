"""Signing in: by password, by a code or by a provider, and the sessions that it opens."""

from __future__ import annotations

from typing import Optional

from terrazul.core.dataclass import dataclass

CSRF_HEADER = "Terrazul-Csrf-Token"
"""With which a request that a session's cookie signs in says that its page wants the change."""


@dataclass(frozen=True)
class NewSession:
    """Who wants to sign in: by name and password, or by a code."""

    name: str = ""
    password: str = ""
    code: str = ""
    """As ``terrazul open`` prints it, behind ``#code=``."""


@dataclass(frozen=True)
class Session:
    """What somebody opened by signing in; the cookie that carries it is known to that browser alone."""

    session_id: str
    user: str
    method: str
    """How it was opened: ``password``, ``code`` or ``single sign-on``."""
    address: str
    """From where it was opened."""
    created_at: str
    seen_at: str
    """When it was used last, to the minute."""
    expires_at: str
    """When it ends, if nothing more is heard of it."""
    is_current: bool
    """Whether this request came by it."""


@dataclass(frozen=True)
class SignedIn:
    """The caller's own session."""

    session: Session
    csrf_token: str
    """Goes along, in the header ``Terrazul-Csrf-Token``, with each request that changes something."""


@dataclass(frozen=True)
class NewPassword:
    """A password that is to take the place of the one before."""

    password: str
    current: Optional[str] = None
    """The one before, where somebody who has one changes it for themselves."""


@dataclass(frozen=True)
class SignInCode:
    """Signs its user in once, and soon."""

    code: str
    expires_at: str
