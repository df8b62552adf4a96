"""What all datastores share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Dict, Optional, Type, TypeVar

from terrazul.core.errors import CredentialHidden
from terrazul.sdk.client import class_of
from terrazul.sdk.datastore.link import DatastoreLink, address_of
from terrazul.wire import datastore as wire
from terrazul.wire.datastore import ConnectionTest

if TYPE_CHECKING:
    from terrazul.sdk.workspace import Workspace

D = TypeVar("D", bound="AbstractDatastore")


class AbstractDatastore:
    """A datastore of a workspace. Objects of it are made by ``Datastore`` and by ``Workspace.datastores``."""

    _kinds: ClassVar[Dict[str, Type[AbstractDatastore]]] = {}

    def __init__(self, workspace: Workspace, name: str, datastore_type: str) -> None:
        self.begin(workspace, wire.Datastore(name, datastore_type, {}, "None", False, False, "", "", ""))

    def __init_subclass__(cls, kind: str = "") -> None:
        """Enter a class under the kind that it stands for."""
        if kind:
            cls._kinds[kind] = cls

    def begin(self, workspace: Workspace, known: wire.Datastore) -> None:
        """Be the object of a datastore, for Terrazul's own modules."""
        self._workspace = workspace
        self._known = known
        self._name = known.name
        self._datastore_type = known.kind

    @staticmethod
    def of(workspace: Workspace, known: wire.Datastore) -> AbstractDatastore:
        """The object of a datastore, of the class of its kind."""
        cls = AbstractDatastore._kinds.get(known.kind, AbstractDatastore)
        made = cls.__new__(cls)
        made.begin(workspace, known)
        return made

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return self._workspace

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def datastore_type(self) -> str:
        """The kind, by v1's name where it has one: ``AzureBlob``."""
        return self._datastore_type

    @property
    def credential_type(self) -> Optional[str]:
        """What it is reached with, in a word such as ``AccountKey``; ``None`` where it needs nothing."""
        return None if self._known.credential_type == "None" else self._known.credential_type

    @property
    def settings(self) -> Dict[str, Any]:
        """All that it was registered with but the credential; Terrazul's own."""
        return dict(self._known.settings)

    @property
    def is_default(self) -> bool:
        """Whether it is the default of its workspace, as far as this object knows; Terrazul's own."""
        return self._known.is_default

    def set_as_default(self) -> None:
        """Make it the default of its workspace."""
        self._known = self._workspace.client.post(wire.Datastore, f"{address_of(self._name)}/default")

    def unregister(self) -> None:
        """Forget it and its credential; the data stays. Raises ``Conflict`` where a dataset uses it."""
        self._workspace.client.delete(address_of(self._name))

    def test(self) -> ConnectionTest:
        """Go towards it now, step by step; how far one gets, and why no further. Terrazul's own."""
        return self._workspace.client.post(ConnectionTest, f"{address_of(self._name)}/test", repeatable=False)

    @property
    def link(self) -> DatastoreLink:
        """The way to its bytes, for Terrazul's own modules."""
        return DatastoreLink(self._workspace.client, self._name)

    def _setting(self, name: str) -> Any:
        return self._known.settings.get(name)

    def _hidden(self, field: str, *credential_types: str) -> None:
        """None where it was registered without such a credential. Raises ``CredentialHidden`` where it was with one."""
        if self._known.credential_type in credential_types:
            message = f"The {field} of the datastore {self._name} is in the key vault, which shows it to nobody."
            hint = "The server uses it: upload, download, datasets. Keep a copy by keyvault.set_secret to read it."
            raise CredentialHidden(message, target=self._name, hint=hint)

    def __repr__(self) -> str:
        shown = {"name": self._name, "datastore_type": self._datastore_type, **self._known.settings}
        facts = ", ".join(f"{name}={value!r}" for name, value in shown.items() if value not in {None, ""})
        return f"{type(self).__name__}({facts})"


def datastore_of(workspace: Workspace, name: str) -> AbstractDatastore:
    """The datastore of a name. Raises ``NotFound``."""
    found: AbstractDatastore = class_of("datastore.datastore").get(workspace, name)
    return found
