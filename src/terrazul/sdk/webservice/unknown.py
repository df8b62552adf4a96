"""``UnknownWebservice``: one of a kind that this SDK does not know."""

from __future__ import annotations

from typing import Any, Optional

from terrazul.core.errors import WebserviceException
from terrazul.sdk.webservice.webservice import Webservice


class UnknownWebservice(Webservice):
    """A web service that can be looked at and deleted; for the rest a newer SDK is needed."""

    @property
    def scoring_uri(self) -> Optional[str]:
        """Its address is not known."""
        return None

    def run(self, input: Any) -> Any:  # noqa: A002  # v1's name
        """Raise ``WebserviceException``."""
        del input
        raise self._unknown()

    def update(self, *args: Any) -> None:
        """Raise ``WebserviceException``."""
        del args
        raise self._unknown()

    def get_token(self) -> Any:
        """Raise ``WebserviceException``."""
        raise self._unknown()

    def _unknown(self) -> WebserviceException:
        message = f"The service {self.name} is of a kind that this SDK does not know."
        return WebserviceException(message, target=self.name, hint="Install the version of terrazul that made it.")
