"""v1's names whose capability Terrazul does not have yet: they are there, and say so when they are used."""

from __future__ import annotations

from typing import Any, NoReturn, Optional

from terrazul.core.errors import CapabilityNotAvailable

MARK = "__terrazul_unsupported__"
_CLUSTER = "Run it on a cluster: ComputeTarget.create(ws, name, AmlCompute.provisioning_configuration(...))."
_INSTEAD = {
    "Azure Batch": _CLUSTER,
    "Azure Data Explorer": "Read the data with the database's own client in a script, or register it as a datastore.",
    "Azure Data Factory": "Copy the data in a script: dataset.download(...) and datastore.upload_files(...).",
    "Azure Data Lake Analytics": "Query the data in a script, with Dataset.Tabular or a library such as polars.",
    "Azure Databricks": _CLUSTER,
    "Azure HDInsight": _CLUSTER,
    "Azure Synapse": _CLUSTER,
    "compute instances": "Work on the machine itself, and submit to 'local' or to a cluster.",
    "compute targets on other machines": "Attach the machine: ComputeTarget.attach(ws, name, "
    "RemoteCompute.attach_configuration(username, address=..., private_key_file=...)).",
    "inference clusters on Kubernetes": "Deploy with AciWebservice.deploy_configuration(...), without a target.",
    "Kubernetes": _CLUSTER,
}
"""What to use meanwhile, by the capability that is missing."""


def tell_not_yet(name: str, capability: str) -> NoReturn:
    """Raise ``CapabilityNotAvailable`` for a v1 name."""
    message = f"{name} needs {capability}, which Terrazul does not have yet."
    hint = _INSTEAD.get(capability, "docs/compatibility tells what works today.")
    raise CapabilityNotAvailable(message, target=name, hint=hint)


class NotYet:
    """A callable member; as an attribute of a class it is method, class method and static method in one."""

    __terrazul_unsupported__ = True

    def __init__(self, name: str, capability: str) -> None:
        self.__name__ = name.rpartition(".")[2]
        self.__qualname__ = name
        self.__doc__ = f"Not yet: needs {capability}."
        self.capability = capability

    def __call__(self, *_: object, **__: object) -> NoReturn:
        """Raise ``CapabilityNotAvailable``."""
        tell_not_yet(self.__qualname__, self.capability)

    def __repr__(self) -> str:
        return f"<{self.__qualname__}: not yet, needs {self.capability}>"


class NotYetProperty:
    """A property: looked at on the class it gives itself (so tools see the mark), on an object it raises."""

    __terrazul_unsupported__ = True

    def __init__(self, name: str, capability: str) -> None:
        self.__name__ = name.rpartition(".")[2]
        self.__qualname__ = name
        self.__doc__ = f"Not yet: needs {capability}."
        self.capability = capability

    def __get__(self, instance: Optional[object], owner: type) -> Any:
        if instance is None:
            return self
        tell_not_yet(self.__qualname__, self.capability)

    def __set__(self, instance: object, value: object) -> NoReturn:
        tell_not_yet(self.__qualname__, self.capability)


def not_yet(name: str, capability: str) -> NotYet:
    """A member of v1, such as ``Run.register_model``, that raises ``CapabilityNotAvailable`` when it is called."""
    return NotYet(name, capability)


def not_yet_property(name: str, capability: str) -> NotYetProperty:
    """As ``not_yet``, for what v1 has as a property."""
    return NotYetProperty(name, capability)
