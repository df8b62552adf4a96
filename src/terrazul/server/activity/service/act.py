"""An act: what one request does, as far as it is known, and the lines that it leaves in the log."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from terrazul.core.clock import Clock, to_text
from terrazul.server.activity import store
from terrazul.server.activity.rules import (
    FIRST_ERROR,
    REFUSED,
    Counted,
    Counting,
    Deed,
    Thing,
    by_any_way,
    is_counted,
    is_kept,
    kind_of,
    thing_of_address,
    through,
    told,
    told_id,
)
from terrazul.server.identity.rules import Action, Principal

ACT = "act"
"""Where the state of a request holds its act."""
_FORBIDDEN = 403


class Ledger:
    """Where lines go: the log's clock, and its count of refusals, which threads share."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._refusals = Counting()
        self._writes = Counting()
        self._lock = threading.Lock()

    def take(self, refusal: Deed) -> list[Counted]:
        """Count a refusal; returns what is to be told now."""
        with self._lock:
            return self._refusals.take(refusal, self.clock())

    def take_write(self, deed: Deed) -> list[Counted]:
        """As ``take``, of what somebody has done that is counted."""
        with self._lock:
            return self._writes.take(deed, self.clock())

    def due(self, *, closing: bool = False) -> list[Counted]:
        """What was counted, once its minute is over."""
        with self._lock:
            now = self.clock()
            return [*self._refusals.due(now, closing=closing), *self._writes.due(now, closing=closing)]

    def lines_of(self, counted: Sequence[Counted], correlation_id: str = "") -> list[dict[str, Any]]:
        """Deeds as lines."""
        time = to_text(self.clock())
        return [
            {
                "time": time,
                "workspace_id": each.workspace_id,
                "user": each.user,
                "kind": each.kind,
                "through": each.through,
                "address": each.address,
                "action": each.action,
                "change": each.change,
                "object_type": each.thing.type,
                "object_id": each.thing.id,
                "method": each.method,
                "operation": each.operation,
                "status": each.status,
                "reason": each.reason,
                "count": count,
                "correlation_id": correlation_id,
            }
            for each, count in counted
        ]


class Act:
    """One request. It watches what the request writes, so that a change and its line are on disk together."""

    __slots__ = (
        "_address",
        "_correlation_id",
        "_ledger",
        "_method",
        "_told",
        "action",
        "is_recorded",
        "message_thing",
        "operation",
        "parameters",
        "principal",
        "reason",
        "success",
    )

    def __init__(self, ledger: Ledger, method: str, address: str, correlation_id: str) -> None:
        self._ledger = ledger
        self._method = method
        self._address = address
        self._correlation_id = correlation_id
        self._told = False
        self.is_recorded = False
        """A line of it, as of something that was done, is on disk or goes there with the write that it watches."""
        self.operation = ""
        """Empty while no route is known."""
        self.action: Action | None = None
        self.parameters: Mapping[str, object] = {}
        self.success = 200
        """The status of the route's answer where all goes well."""
        self.principal: Principal | None = None
        self.message_thing: Thing | None = None
        """What the request's message is about, where its address does not say it."""
        self.reason = ""

    def begins(self) -> None:
        """See ``Witness``."""
        self._told = False

    def tell(self, connection: Connection, change: str, kind: str, ids: Sequence[str], reason: str = "") -> None:
        """See ``Witness``. Each thing has a line."""
        own = self._thing
        if own.type in {"", "workspace"} or own in {Thing(kind, each) for each in ids}:
            self._told = True  # these lines say all that the request's own would
        deeds = [self._deed(Thing(kind, told_id(each)), self.success, reason, change) for each in ids]
        if kind == "workspace":
            deeds = [replace(each, workspace_id=each.thing.id) for each in deeds]
        self._add(connection, [Counted(each, 1) for each in deeds])

    def tell_refusal(self, connection: Connection, kind: str, object_id: str, reason: str) -> None:
        """See ``Witness``."""
        self._add(connection, self._ledger.take(self._deed(Thing(kind, told_id(object_id)), _FORBIDDEN, reason)))

    def ends(self, connection: Connection) -> None:
        """See ``Witness``. The line of the request itself goes with its first write."""
        if self.is_recorded or not self._is_kept:
            return
        if not self._told:
            self._add(connection, [Counted(self._deed(self._thing, self.success), 1)])
        self.is_recorded = True

    def is_to_tell(self, status: int) -> bool:
        """Whether a line is still to be written before the request is answered."""
        if not self.operation:
            return status in REFUSED
        if status in REFUSED or (self._is_counted and status < FIRST_ERROR):
            return True
        return self._is_kept and (status >= FIRST_ERROR or not self.is_recorded)

    def conclude(self, status: int) -> list[dict[str, Any]]:
        """The lines that are still to be written."""
        if status in REFUSED:
            counted = self._ledger.take(self._deed(self._thing, status, self.reason))
        elif self._is_counted:
            counted = self._ledger.take_write(by_any_way(self._deed(self._thing, self.success, change="changed")))
        else:  # why something failed may tell what was sent
            counted = [Counted(self._deed(self._thing, status), 1)]
        return self._ledger.lines_of(counted, self._correlation_id)

    @property
    def _is_kept(self) -> bool:
        return bool(self.operation) and is_kept(self._method, self.action)

    @property
    def _is_counted(self) -> bool:
        return bool(self.operation) and is_counted(self.action, self.principal)

    @property
    def _action(self) -> str:
        return self.action.value if self.action else ""

    @property
    def _thing(self) -> Thing:
        return self.message_thing or thing_of_address(self.parameters, self.operation, self._action)

    @property
    def _workspace_id(self) -> str | None:
        named = self.parameters.get("workspace_id")
        return told_id(str(named)).lower() if named else None

    def _add(self, connection: Connection, counted: Sequence[Counted]) -> None:
        if counted:
            store.add(connection, self._ledger.lines_of(counted, self._correlation_id))

    def _deed(self, thing: Thing, status: int, reason: str = "", change: str = "") -> Deed:
        principal = self.principal
        return Deed(
            self._address,
            principal.name if principal else "",
            kind_of(principal),
            through(principal),
            self._workspace_id,
            self._action,
            thing,
            self._method,
            self.operation,
            status,
            told(reason),
            change,
        )


class ServersAct:
    """What the server does by itself, such as purging by age: the things that it makes and removes have lines."""

    def __init__(self, ledger: Ledger, workspace_id: str | None) -> None:
        self._ledger = ledger
        self._workspace_id = workspace_id

    def begins(self) -> None:
        """See ``Witness``."""

    def tell(self, connection: Connection, change: str, kind: str, ids: Sequence[str], reason: str = "") -> None:
        """See ``Witness``."""
        known = ("", "", "server", "", self._workspace_id, "")
        deeds = [Deed(*known, Thing(kind, told_id(each)), "", "", 200, told(reason), change) for each in ids]
        store.add(connection, self._ledger.lines_of([Counted(each, 1) for each in deeds]))

    def tell_refusal(self, connection: Connection, kind: str, object_id: str, reason: str) -> None:
        """See ``Witness``. Nobody refuses the server anything."""

    def ends(self, connection: Connection) -> None:
        """See ``Witness``."""
