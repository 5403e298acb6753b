"""Stand by: look at the lease of the store, answer HTTP as a standby, and return when this node leads."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import structlog

from desk.server import HttpServer, build_standby
from metrics.prometheus.series import StandbySeries
from routing.store.database import MakeRoom, make_none
from routing.store.errors import (
    ForeignKeys,
    LeaseHeld,
    LeaseLost,
    LongMigrationDue,
    StoreConflict,
    StoreError,
    StoreUnavailable,
)
from routing.store.lease.lease_row import TTL_S
from routing.store.lease.node_rows import write_barred
from routing.store.migrate import HEAD
from routing.store.store import Store
from routing.store.threads.database_threads import START_S
from santral.node.service_manager import ServiceManager
from santral.secrets import write_private
from santral.standby.node_proofs import NodeProofs

log = structlog.get_logger()

LOOK_S = 0.25
"""Pause between two looks at the lease. A look is one short question, and callers wait for a node meanwhile."""

OVER_S = 0.01
"""Time from the end of a lease to the look at it: the database gives its times in milliseconds."""

NO_STANDBY = "no synchronous standby"
"""Reason of a node whose settings demand a standby of the database. It ends a first start, as a wrong URL does."""

RETRY_S = 0.25
"""Pause before the next try to reach a database that does not answer. Callers wait for it too."""

BARRED_S = TTL_S / 2
"""Pause before the next try of a node that cannot use the store as it is. Its name must not expire meanwhile."""


def describe_node(role: str, since: float, *, http: str = "", keys: str = "", why: str = "",
                  asterisk: bool | None = None, secrets: Mapping[str, str] | None = None) -> str:
    """Return the description that a node gives of itself in the store.

    `now` shows how far its clock is off. `secrets` has the mark of each file of secrets.
    """
    return json.dumps({"role": role, "version": version("santral"), "since": round(since, 3), "http": http,
                       "keys": keys, "why": why, "asterisk": asterisk, "tables": HEAD, "now": round(time.time(), 3),
                       "secrets": secrets or {}})


def find_bar(error: StoreError) -> str:
    """Return why a node may not lead after this error, or an empty text for a fault of the database."""
    if isinstance(error, ForeignKeys):
        return "wrong keys"
    if isinstance(error, LongMigrationDue):
        return "the tables need santral store upgrade"
    if isinstance(error, StoreUnavailable) and error.kind == "alone":
        return NO_STANDBY
    if isinstance(error, StoreUnavailable) and error.kind == "unknown":
        return "no release has made the tables"
    return "older than the tables" if isinstance(error, StoreUnavailable) and error.kind == "newer" else ""


class WaitingNode:
    """A node that stands by. One object serves the whole life of the process."""

    def __init__(self, name: str, proofs: NodeProofs, place: str | Path, http: str, where: Path, stop: asyncio.Event,
                 manager: ServiceManager, is_suspended: Callable[[], bool],
                 follow: Callable[[Store], Coroutine[None, None, None]], *, demands_standby: bool = False,
                 make_room: MakeRoom = make_none) -> None:
        """`where` is the file that tells commands the address of this state's node. `is_suspended` tells whether this
        node answers callers meanwhile. `follow` follows the facts of a store until it is cancelled. `demands_standby`
        and `make_room` are for `Store.open_store`."""
        self._demands_standby, self._make_room = demands_standby, make_room
        self._name, self._proofs, self._place, self._http, self._where = name, proofs, place, http, where
        self._stop, self._manager, self._is_suspended, self._follow = stop, manager, is_suspended, follow
        self._following: asyncio.Task[None] | None = None
        self._page: HttpServer | None = None
        self._named = False
        """This process has had its name before."""
        self._began = False
        """A first look has succeeded, so errors of the database end the process no more."""
        self._leader: LeaseHeld | None = None
        self._why = ""
        """Reason why this node may not lead, or empty."""

    async def wait_for_lease(self) -> Store | None:
        """Return a store whose lease this node holds, or None if the node is stopped. Proofs are renewed meanwhile.

        Raise the errors of the store if the first look fails, and `NameTaken` if another process has the name. Keys or
        tables that do not fit bar the node, and do not end it.
        """
        proving = asyncio.create_task(self._proofs.keep_proving(), name="proofs")
        try:
            return await self._look_until_free()
        finally:
            proving.cancel()
            await asyncio.wait([proving])

    async def _look_until_free(self) -> Store | None:
        proofs, since, store = self._proofs, time.time(), None
        try:
            if self._began:
                # A node that has stood down answers at once: a database that is away may hold its first look for long.
                await self._stand_by()
            while not self._stop.is_set():
                pause_s = LOOK_S
                try:
                    if store is None:
                        store = await self._open_store(since)
                    await proofs.wait_first()
                    self._note_why(proofs.why)
                    # A take-over waits for no proof: what the last ones showed counts.
                    fit = proofs.is_fit
                    self._leader = await store.try_lease(self._name, proofs.keys, only_look=not fit)
                    if self._leader is not None:
                        # The lease of a frozen leader ends at a known moment.
                        pause_s = min(LOOK_S, self._leader.expires_in_s + OVER_S)
                    if fit and self._leader is None:
                        await self._end_following()
                        self._began, found, store = True, store, None
                        return found
                    # Files and keys are good now, and another node writes the facts.
                    if fit and self._following is None:
                        self._following = asyncio.create_task(self._follow(store), name="facts")
                except (StoreUnavailable, ForeignKeys, LongMigrationDue, LeaseLost) as error:
                    bar, self._leader, pause_s = find_bar(error), None, RETRY_S
                    if not self._began and bar in ("", NO_STANDBY):
                        raise
                    # A lost name is claimed again, and the answer tells whether another process has it.
                    self._note_why(str(error))
                    await self._end_following()
                    if store is not None:
                        await store.close()
                        store = None
                    if bar:
                        await self._tell_barred(bar, since)
                        pause_s = BARRED_S
                await self._stand_by()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause_s)
            self._manager.notify_stopping()
            return None
        finally:
            await self._end_following()
            if store is not None:
                await store.close()

    async def _end_following(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
            await asyncio.wait([following])

    async def close_page(self) -> None:
        """Give the address of HTTP free. Safe to repeat."""
        page, self._page = self._page, None
        if page is not None:
            self._where.unlink(missing_ok=True)
            await page.stop_listening()

    async def _open_store(self, since: float) -> Store:
        # The watchdog is not fed meanwhile, so a server that is frozen is not waited for as at a start.
        store = await Store.open_store(self._place, node=True, within_s=TTL_S if self._began else START_S,
                                       demands_standby=self._demands_standby, make_room=self._make_room)
        store.describe_node(lambda: self._describe(since, self._proofs.why))
        try:
            await store.claim_name(self._name, self._proofs.keys, again=self._named)
            self._named = True
        except BaseException:
            await store.close()
            raise
        return store

    async def _stand_by(self) -> None:
        """Tell that this node stands by, once, and that it is alive, after each look."""
        self._began = True
        if self._page is None:
            self._page = HttpServer(build_standby(self._tell_leader, StandbySeries(version("santral")).render_page,
                                                  self._is_suspended, self._proofs.prove_reach))
            address = await self._page.start_listening(self._http)
            write_private(self._where, json.dumps({"http": address}))
            log.info("node.standby_begun", says="stands by", node=self._name, http=address,
                     leader=None if self._leader is None else self._leader.node)
            self._manager.notify_ready()
        self._manager.feed_watchdog()

    def _note_why(self, why: str) -> None:
        if why != self._why:
            self._why = why
            log.warning("node.standby_barred", node=self._name, why=why) if why else \
                log.info("node.standby_resumed", node=self._name)

    def _describe(self, since: float, why: str) -> str:
        return describe_node("barred" if why else "standby", since, http=self._http, keys=self._proofs.keys, why=why,
                             asterisk=self._proofs.asterisk_answers, secrets=self._proofs.read_marks())

    async def _tell_barred(self, why: str, since: float) -> None:
        """Write into the store why this node cannot use it. Raise `NameTaken` if another process has the name."""
        with suppress(StoreUnavailable, StoreConflict):
            await asyncio.to_thread(write_barred, self._place, self._name, self._describe(since, why))
            self._named = True

    def _tell_leader(self) -> str:
        """Return where the leader is, for a client that came to the wrong node."""
        held = self._leader
        if held is None:
            return "no leader is known"
        with suppress(ValueError, AttributeError):
            if address := json.loads(held.about).get("http"):
                return f"node {held.node!r} leads at http://{address}"
        return f"node {held.node!r} leads"
