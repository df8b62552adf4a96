"""Master keys in the variable ``TERRAZUL_MASTER_KEY`` of the server, for who has a place of their own for secrets."""

from __future__ import annotations

from collections.abc import Sequence

from terrazul.core.errors import Conflict, InvalidInput, VaultClosed
from terrazul.server.vault.cipher import MasterKey
from terrazul.server.vault.kind import Surroundings

VARIABLE = "TERRAZUL_MASTER_KEY"


class EnvironmentPlace:
    """Keys with commas between them, the one that counts first."""

    name = f"the variable {VARIABLE}"
    change_by_hand = (
        f"Put a new key and a comma before the one in {VARIABLE} and start the server again: everything is brought "
        "under the new one by itself. Then take the old one out."
    )

    def __init__(self, value: str) -> None:
        self._value = value

    def read(self) -> list[MasterKey]:
        """The keys of the variable."""
        texts = [text for text in self._value.split(",") if text.strip()]
        hint = f"Set {VARIABLE} to 32 bytes in base64, and start the server again."
        if not texts:
            raise VaultClosed(f"The variable {VARIABLE} is not set.", target=VARIABLE, hint=hint)
        try:
            return [MasterKey.of_text(text) for text in texts]
        except InvalidInput as problem:
            raise VaultClosed(
                f"The variable {VARIABLE} holds no master key: {problem.message}", target=VARIABLE, hint=hint
            ) from None

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Raise ``Conflict``: a process cannot change how it will be started."""
        del keys
        raise Conflict(f"The master key is in {self.name}.", target=VARIABLE, hint=self.change_by_hand)


def open_place(surroundings: Surroundings) -> EnvironmentPlace:
    """The variable of this process."""
    return EnvironmentPlace(surroundings.variables.get(VARIABLE, ""))
