"""The vault: seals values, opens them, and changes the master key."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import pkgutil
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from terrazul.core.clock import Clock
from terrazul.core.errors import Conflict, DamagedContent, InvalidInput, VaultClosed
from terrazul.server.sql.database import Database
from terrazul.server.vault import kinds, store
from terrazul.server.vault.cipher import PLAIN, Keyring, MasterKey, Sealed, UnknownKey
from terrazul.server.vault.kind import KeyPlace, Surroundings
from terrazul.server.vault.store import Place
from terrazul.wire.vault import Rotation, VaultStatus

T = TypeVar("T")
_log = logging.getLogger(__name__)
_BATCH = 200
AUTOMATIC = "auto"
_LOST = "Put it back as it was and start the server again. What is lost for good can only be deleted and made anew."


def place_of(kind: str, surroundings: Surroundings) -> KeyPlace:
    """Where master keys are kept: a module of ``kinds``, or the one that the surroundings speak for.

    Raises ``InvalidInput`` for a kind that is not there.
    """
    if kind == AUTOMATIC:
        kind = "environment" if "TERRAZUL_MASTER_KEY" in surroundings.variables else "file"
    known = sorted(each.name for each in pkgutil.iter_modules(kinds.__path__))
    if kind not in known:
        raise InvalidInput(
            f"There is no kind {kind[:80]!r} of place for master keys.",
            target="master_key_kind",
            hint=f"The kinds are {', '.join(known)}; {AUTOMATIC} chooses.",
        )
    place: KeyPlace = importlib.import_module(f"{kinds.__name__}.{kind}").open_place(surroundings)
    return place


class _Batch(NamedTuple):
    """A step of bringing values under the master key that counts."""

    moved: int
    last: int | None
    """The last one that was looked at; None where there are no more."""


class Vault:
    """The sealed values of all workspaces. What a concept keeps secret, it keeps here, under a place of its own."""

    def __init__(self, database: Database, place: KeyPlace, clock: Clock) -> None:
        self._database = database
        self._place = place
        self._clock = clock
        self._ring = Keyring()
        self._closed: VaultClosed | None = VaultClosed("The key vault has not been opened yet.")
        self._resumption: asyncio.Task[Rotation] | None = None
        self._change: asyncio.Task[Rotation] | None = None

    async def start(self) -> None:
        """Get the master key, made where there never was one, and finish a change of it that was broken off.

        Where the key is missing the vault stays closed, and everything else goes on.
        """
        try:
            await self._database.write(self._take_keys)
        except VaultClosed as problem:
            self._closed = problem
            _log.error("The key vault is closed. %s", self.problem)  # the trace tells an administrator nothing
            return
        self._closed = None
        if PLAIN in await self._database.read(store.keys_in_use):
            await self._bring_all_under_current()
            await asyncio.to_thread(self._database.kind.clear_log)
        self._resumption = asyncio.get_running_loop().create_task(self._resume())

    async def stop(self) -> None:
        """Let a change of the master key rest; the next start finishes it."""
        for task in filter(None, (self._change, self._resumption)):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    @property
    def problem(self) -> str:
        """Why the vault is closed; empty where it is open."""
        return "" if self._closed is None else str(self._closed).replace("\n", " ")

    def seal(
        self, connection: Connection, place: Place, value: str, by: str, *, label: str = "", content_type: str = ""
    ) -> bool:
        """Keep a value in a place, part of the caller's transaction; True where there was none.

        Raises ``VaultClosed``.
        """
        current = store.current_key(connection)
        about = store.about(connection, place)
        sealed = self._with_ring(lambda ring: ring.seal(value.encode(), about, current))
        now = self._clock()
        made = {"created_at": now, "created_by": by, "updated_at": now, "updated_by": by}
        described = {"label": label or place.name, "content_type": content_type}
        return store.put(connection, place, {**sealed._asdict(), **described, **made})

    def reveal(self, connection: Connection, place: Place) -> str | None:
        """The value of a place; None where there is none. Raises ``VaultClosed``, or ``DamagedContent``."""
        row = store.find(connection, place)
        if row is None:
            return None
        sealed = Sealed(row.master_key, row.wrapped_key, row.content)
        return self._with_ring(lambda ring: ring.open(sealed, row.about)).decode()

    async def status(self) -> VaultStatus:
        """How the vault stands."""

        def work(connection: Connection) -> VaultStatus:
            used = store.keys_in_use(connection)
            current = store.current_key(connection)
            total = sum(used.values())
            return VaultStatus(self._place.name, current, total, total - used.get(current, 0), self.problem)

        return await self._database.read(work)

    async def rotate(self) -> Rotation:
        """Make a new master key and bring everything under it; who asks meanwhile gets the same answer.

        While it goes on both keys count, so nothing waits. What is broken off goes on at the next start. Raises
        ``Conflict`` where the key can be changed by hand only, ``VaultClosed``.
        """
        self._demand_open()
        if self._place.change_by_hand:
            raise Conflict(f"The master key is in {self._place.name}.", hint=self._place.change_by_hand)
        if self._change is None or self._change.done():
            self._change = asyncio.get_running_loop().create_task(self._change_key())
        return await asyncio.shield(self._change)

    def _demand_open(self) -> None:
        if self._closed is not None:
            raise VaultClosed(self._closed.message, target=self._closed.target, hint=self._closed.hint)

    def _with_ring(self, use: Callable[[Keyring], T]) -> T:
        """Do something with the keys at hand, and once more with what is kept now where one was not among them."""
        self._demand_open()
        try:
            return use(self._ring)
        except UnknownKey:
            self._ring = self._ring.with_keys(self._place.read())
        try:
            return use(self._ring)
        except UnknownKey as unknown:
            raise self._missing({unknown.key_id}) from None

    def _take_keys(self, connection: Connection) -> None:
        used = store.keys_in_use(connection).keys() - {PLAIN}
        keys = self._place.read()
        if not keys and not used:
            keys = [MasterKey.make()]
            self._place.write(keys)
        ring = Keyring(keys)
        if used - ring.ids:
            raise self._missing(used - ring.ids)
        self._ring = ring
        store.set_current_key(connection, keys[0].id)

    def _missing(self, key_ids: set[str]) -> VaultClosed:
        named = " and ".join(sorted(key_ids))
        return VaultClosed(
            f"The master key {named} is missing: {self._place.name} does not hold it, and there are secrets under it.",
            target=named,
            hint=_LOST,
        )

    async def _resume(self) -> Rotation:
        """Bring the rest under the key that counts, after a start."""
        try:
            return await self._bring_all_under_current()
        except Exception:
            _log.exception("Secrets could not be brought under the master key that counts")
            raise

    async def _change_key(self) -> Rotation:
        if self._resumption is not None:
            await asyncio.wait({self._resumption})
        await self._database.write(self._let_a_new_key_count)
        return await self._bring_all_under_current()

    def _let_a_new_key_count(self, connection: Connection) -> None:
        """In a transaction, so that processes that share the database do not write over each other's keys."""
        new = MasterKey.make()
        self._place.write([new, *self._place.read()])
        self._ring = self._ring.with_keys([new])
        store.set_current_key(connection, new.id)

    async def _bring_all_under_current(self) -> Rotation:
        """In batches, each durable by itself; then the older keys are given up, if nothing needs them any more."""
        current = await self._database.read(store.current_key)
        moved, last = 0, 0
        while True:
            batch = await self._database.write(partial(self._bring_some, key_id=current, after=last))
            moved += batch.moved
            if batch.last is None:
                break
            last = batch.last
        remaining = await self._database.write(self._give_up_older_keys)
        return Rotation(current, moved, remaining)

    def _give_up_older_keys(self, connection: Connection) -> int:
        """Keep the key that counts, and what else is in use; returns how many values are not under the former."""
        used, current = store.keys_in_use(connection), store.current_key(connection)
        keys = self._place.read()
        kept = [key for key in keys if key.id == current] + [key for key in keys if key.id in used.keys() - {current}]
        if len(kept) < len(keys) and not self._place.change_by_hand:
            self._place.write(kept)
        return sum(used.values()) - used.get(current, 0)

    def _bring_some(self, connection: Connection, key_id: str, after: int) -> _Batch:
        moved, last = 0, None
        for row in store.not_under(connection, key_id, after, _BATCH):
            last = row.key
            if row.master_key == PLAIN:
                self._database.kind.overwrite_removed(connection)
            sealed = Sealed(row.master_key, row.wrapped_key, row.content)
            try:
                anew = self._with_ring(partial(_reseal, sealed=sealed, about=row.about, key_id=key_id))
            except DamagedContent:
                _log.error("The secret %s is damaged and stays as it is", row.about.decode())
                continue
            moved += store.rewrap(connection, row, anew._asdict())
        return _Batch(moved, last)


def _reseal(ring: Keyring, sealed: Sealed, about: bytes, key_id: str) -> Sealed:
    return ring.reseal(sealed, about, key_id)
