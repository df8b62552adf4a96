"""The key vault of a workspace: secrets under names."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING, Dict, List, Mapping, Optional, Sequence
from urllib.parse import quote

from terrazul.core.errors import InvalidInput, NotFound
from terrazul.sdk.client import concept
from terrazul.sdk.run import in_submitted_run, patient
from terrazul.wire.vault import NOT_PROVIDED, NewSecret, NewSecrets, Secret, SecretNames, SecretValue

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace


class KeyVaultContentType(str, enum.Enum):
    """What a secret is, as v1 names it; any other text may be given too."""

    not_provided = NOT_PROVIDED
    password = "application/vnd.ms-password"  # noqa: S105  # the name of a content type
    pem_file = "application/x-pem-file"


@concept("keyvault")
class Keyvault:
    """The secrets of a workspace. Names are letters, digits and '-', compared without case.

    Inside of a submitted run values can be read, as whoever submitted it may read them, and nothing can be changed.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def set_secret(self, name: str, value: str, content_type: str = KeyVaultContentType.not_provided) -> None:
        """Keep a value under a name, in the place of the one that is there. Raises ``InvalidInput``."""
        self._put([NewSecret(_text(name, "name"), _text(value, "value"), _plain(content_type))])

    def set_secrets(self, secrets_batch: Mapping[str, str]) -> None:
        """Keep values under names: all of them, or none. Raises ``InvalidInput``."""
        self._put([NewSecret(_text(name, "name"), _text(value, "value")) for name, value in secrets_batch.items()])

    def get_secret(self, name: str) -> str:
        """The value of a name. Raises ``NotFound``."""
        value = self.get_secrets([name])[name]
        if value is None:
            message = f"There is no secret {name!r} in this workspace."
            raise NotFound(message, target=name, hint="keyvault.list_secrets() tells what there is.")
        return value

    def get_secrets(self, secrets: Sequence[str]) -> Dict[str, Optional[str]]:
        """The values by their names; ``None`` for a name that is not there."""
        names = [_text(name, "name") for name in secrets]
        client, path = self.workspace.client, "/secrets/values"
        if in_submitted_run():
            client, path = patient(client), f"/runs/{quote(os.environ['AZUREML_RUN_ID'], safe='')}/secrets"
        found = {each.name: each.value for each in client.post(List[SecretValue], path, SecretNames(names))}
        return {name: found.get(name) for name in names}

    def get_secret_content_type(self, name: str) -> str:
        """The content type of a secret. Raises ``NotFound``."""
        for each in self._list():
            if each.name.lower() == name.lower():
                return each.content_type
        message = f"There is no secret {name!r} in this workspace."
        raise NotFound(message, target=name, hint="keyvault.list_secrets() tells what there is.")

    def delete_secret(self, name: str) -> None:
        """Delete a secret. Raises ``NotFound``."""
        self.workspace.client.delete(f"/secrets/{quote(_text(name, 'name'), safe='')}")

    def delete_secrets(self, secrets: Sequence[str]) -> None:
        """Delete secrets, one after another. Raises ``NotFound`` at the first that is not there."""
        for name in secrets:
            self.delete_secret(name)

    def list_secrets(self) -> List[Dict[str, str]]:
        """The names, each as ``{"name": ...}``; no values."""
        return [{"name": each.name} for each in self._list()]

    def _list(self) -> List[Secret]:
        return self.workspace.client.get(List[Secret], "/secrets")

    def _put(self, secrets: List[NewSecret]) -> None:
        self.workspace.client.post(List[Secret], "/secrets", NewSecrets(secrets))


def _text(given: object, what: str) -> str:
    """The text that was given. Raises ``InvalidInput``, which does not tell it."""
    if not isinstance(given, str):
        message = f"The {what} of a secret is a {type(given).__name__}, and must be a text."
        raise InvalidInput(message, target=what, hint="Turn it into a text, for example with json.dumps().")
    return given


def _plain(content_type: str) -> str:
    return content_type.value if isinstance(content_type, enum.Enum) else _text(content_type, "content type")
