"""What every deployment configuration has."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional

from terrazul.core.errors import WebserviceException
from terrazul.sdk.console import say
from terrazul.wire.endpoint import ComputeType, ServiceSettings, WebserviceKeys

_KEY_LIMIT = 512


class Request(NamedTuple):
    """A configuration as the server takes it."""

    compute_type: ComputeType
    settings: ServiceSettings
    keys: Optional[WebserviceKeys] = None
    port: Optional[int] = None
    location: str = ""


class WebserviceDeploymentConfiguration:
    """How a web service is deployed; made by ``AciWebservice.deploy_configuration`` and its like."""

    def __init__(
        self,
        type: Any,  # noqa: A002  # v1's name
        description: Optional[str] = None,
        tags: Optional[Mapping[str, str]] = None,
        properties: Optional[Mapping[str, str]] = None,
        primary_key: Optional[str] = None,
        secondary_key: Optional[str] = None,
        location: Optional[str] = None,
    ) -> None:
        self._webservice_type = type
        self.description = description
        self.tags = tags
        self.properties = properties
        self.primary_key = primary_key
        self.secondary_key = secondary_key
        self.location = location

    def validate_configuration(self) -> None:
        """Raise ``WebserviceException`` for keys that cannot be used."""
        for name, key in (("primary_key", self.primary_key), ("secondary_key", self.secondary_key)):
            if key is not None and not (0 < len(key) <= _KEY_LIMIT and key.isascii() and key.isprintable()):
                message = f"The {name} cannot be used."
                raise WebserviceException(message, target=name, hint=f"Use 1 to {_KEY_LIMIT} printable characters.")

    def print_deploy_configuration(self) -> None:
        """Show what would be asked for."""
        for name, value in self.shown().items():
            if value is not None:
                say(f"{name}: {value}")

    def shown(self) -> Dict[str, Any]:
        """What there is to show: no key."""
        return {"description": self.description, "tags": self.tags, "properties": self.properties}

    def request(self) -> Request:
        """The configuration as the server takes it. Raises ``WebserviceException`` for what cannot be."""
        message = f"{type(self).__name__} cannot be deployed here."
        raise WebserviceException(message, hint="Use AciWebservice or LocalWebservice.")

    def keys(self) -> Optional[WebserviceKeys]:
        """The keys of the caller's own choice."""
        if self.primary_key is None and self.secondary_key is None:
            return None
        return WebserviceKeys(self.primary_key or "", self.secondary_key or "")

    @classmethod
    def validate_image(cls, image: Any) -> None:
        """Raise ``WebserviceException`` where an image is none."""
        if image is None:
            message = "No image is given."
            raise WebserviceException(message, target="image", hint="Pass what ContainerImage.create gave.")
