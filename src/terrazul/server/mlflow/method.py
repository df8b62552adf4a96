"""A method of MLflow's protocol: how it is called, who may call it, what it reads, and what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar.di import NamedDependency

from terrazul.core.dataclass import dataclass
from terrazul.server.identity.rules import Action, Principal
from terrazul.server.mlflow.exchange import decode, decode_query
from terrazul.server.mlflow.service import Mlflow
from terrazul.wire.mlflow.answer import Json

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """What every method and route needs: the services, the key of the workspace, and who calls."""

    mlflow: Mlflow
    workspace: int
    principal: Principal


InjectedCall = NamedDependency[Call]


@dataclass(frozen=True)
class Method:
    """One method of the protocol."""

    verbs: tuple[str, ...]
    """The HTTP methods that it takes."""
    name: str
    """What follows ``/mlflow/`` in its address: ``runs/log-metric``."""
    action: Action
    """What one must be allowed in the workspace."""
    shape: type
    """The message that it reads."""
    perform: Callable[[Call, Any], Awaitable[Json | None]]
    """Does it, and gives the answer; None for an empty one."""
    check_size: Callable[[int], None] | None = None
    """Raises for a body of too many bytes."""

    def operation(self, verb: str) -> str:
        """The name of the operation in the OpenAPI document."""
        name = f"mlflow_{self.perform.__name__}"
        return name if verb == self.verbs[0] else f"{name}_by_{verb.lower()}"

    def read(self, verb: str, body: bytes, query: bytes) -> object:
        """The message: in the body, for GET in the query if it has one, for DELETE in either."""
        if self.check_size:
            self.check_size(len(body))
        if (verb == "GET" and (query or not body)) or (verb == "DELETE" and not body):
            return decode_query(query, self.shape)
        return decode(body, self.shape)


def method(
    verbs: str, name: str, action: Action, shape: type[T], check_size: Callable[[int], None] | None = None
) -> Callable[[Callable[[Call, T], Awaitable[Json | None]]], Method]:
    """Makes a function a method; ``verbs`` are its HTTP methods with spaces between them."""

    def declared(perform: Callable[[Call, T], Awaitable[Json | None]]) -> Method:
        return Method(tuple(verbs.split()), name, action, shape, perform, check_size)

    return declared
