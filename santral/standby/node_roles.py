"""Lead or stand by: a process on PostgreSQL goes from one to the other and back, as the lease of the store says.

    stand by ──the lease is free──> lead ──lease or store lost──> stand by

A SQLite file has one node. There the process leads, or it ends.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from pathlib import Path

import structlog

from routing.store.callers.number_keys import NumberKeys
from routing.store.database import url_of
from routing.store.errors import LeaseLost, StoreError, StoreUnavailable
from routing.store.store import Store
from santral.centre.config import store_place
from santral.centre.last_known_good import CentreFiles, StartValues
from santral.errors import BadCentre
from santral.node.app import NODE_FILE, Node, Vacate
from santral.node.service_manager import ServiceManager
from santral.secrets import NodeSecrets
from santral.standby.process_signals import ProcessSignals
from santral.standby.waiting_node import WaitingNode

log = structlog.get_logger()

LOST = ("gone", "locked", "busy", "closed", "readonly")
"""Kinds of `StoreUnavailable` after which a node stands by: the database may come back, here or on another server."""


class NodeRoles:
    """One process, which leads and stands by in turn."""

    def __init__(self, files: CentreFiles, start: StartValues, state: Path, name: str) -> None:
        self._files, self._start, self._state, self._name = files, start, state, name
        self._signals, self._manager = ProcessSignals(), ServiceManager()

    async def serve_until_stopped(self) -> None:
        """Work until SIGTERM or SIGINT, and stop in order."""
        self._signals.handle_signals()
        numbers = NumberKeys.load_or_create(NodeSecrets(self._state).folder / "numbers.json")
        place = store_place(self._start[0], self._state)
        if url_of(place).get_backend_name() == "sqlite":
            node = self._build_node(_vacate_nothing)
            store = await Store.open_store(place, node=True)
            try:
                await store.take_lease(self._name, keys=numbers.fingerprint)
                await node.lead_until_stopped(store, self._start[1], numbers)
            finally:
                await store.close()
            return
        waiting = WaitingNode(self._name, numbers.fingerprint, place, self._start[0].settings.listen.http,
                              self._state / NODE_FILE, self._signals.stop, self._manager)
        try:
            while (leading := await waiting.wait_for_lease()) is not None:
                await self._lead_once(leading, waiting, numbers)
                if self._signals.stop.is_set():
                    return
        finally:
            await waiting.close_page()

    async def _lead_once(self, store: Store, waiting: WaitingNode, numbers: NumberKeys) -> None:
        """Lead until the node is stopped, or until lease or store is lost. Raise all other errors."""
        try:
            await self._read_changed_files()
            # A node is built for each time of leading, so it reads clock, files and rows again and remembers nothing.
            await self._build_node(waiting.close_page).lead_until_stopped(store, self._start[1], numbers)
        except Exception as error:
            if not isinstance(first := find_first(error), StoreError) or not is_lost(first):
                raise
            log.error("node.stood_down", node=self._name, why=str(first))
        finally:
            await store.close()
            # A ready node was taken out of the garbage collection.
            gc.unfreeze()

    async def _read_changed_files(self) -> None:
        """Read the centre's files again if they have changed while the node stood by."""
        with suppress(BadCentre):
            if await asyncio.to_thread(self._files.have_changed):
                self._start = await asyncio.to_thread(self._files.choose_files)

    def _build_node(self, vacate: Vacate) -> Node:
        return Node(self._start[0], self._state, self._files, stop=self._signals.stop, again=self._signals.again,
                    manager=self._manager, vacate=vacate)


async def _vacate_nothing() -> None:
    """Give no address free: a node on SQLite never stands by."""


def find_first(error: BaseException) -> BaseException:
    """Return the first error inside the groups that tasks make of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def is_lost(error: StoreError) -> bool:
    """Return whether a node stands by after this error."""
    return isinstance(error, LeaseLost) or (isinstance(error, StoreUnavailable) and error.kind in LOST)
