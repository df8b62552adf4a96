"""What stands in for a v1 member whose capability Terrazul does not have yet."""

from __future__ import annotations

from typing import Any, NoReturn

from terrazul.core.errors import CapabilityNotAvailable


class NotYet:
    """A v1 member that can be seen and named, and raises ``CapabilityNotAvailable`` when it is used.

    On a class it serves as a method of any kind; ``NotYetProperty`` is its counterpart for what is not called.
    """

    __terrazul_unsupported__ = True

    def __init__(self, name: str, capability: str) -> None:
        self.name = name
        self.__terrazul_capability__ = capability
        self.__doc__ = f"v1's ``{name}``; Terrazul does not have {capability} yet."

    def refuse(self) -> NoReturn:
        """Say that the capability is not there yet."""
        raise CapabilityNotAvailable(
            f"{self.name} needs {self.__terrazul_capability__}, which Terrazul does not have yet.",
            target=self.name,
            hint="docs/compatibility lists what works; `terrazul check FOLDER` tells it for your own code.",
        )

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Raise ``CapabilityNotAvailable``."""
        self.refuse()


class NotYetProperty(NotYet):
    """As ``NotYet``, for a property or an attribute: reading it from an object raises, setting it there is allowed."""

    def __get__(self, instance: object, owner: object) -> NotYetProperty:
        if instance is not None:
            self.refuse()
        return self


def not_yet(name: str, capability: str) -> Any:
    """A stand-in for the v1 function or method of that name."""
    return NotYet(name, capability)
