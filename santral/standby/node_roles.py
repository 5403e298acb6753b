"""Lead or stand by: a process on PostgreSQL goes from one to the other and back, as the lease of the store says.

    stand by ──the lease is free──> lead ──lease or store lost, or handed over──> stand by

While the database is away, a node that led is *suspended*: it stands by, and answers its callers without a decision.
A SQLite file has one node. There the process leads, or it ends.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Coroutine
from pathlib import Path

import structlog

from centres.settings import Settings
from ivr.suspended_calls import SuspendedCalls
from ivr.suspended_dialogues import SuspendedDialogues
from routing.act_history import ActHistory
from routing.ami.errors import AuthFailed
from routing.store.callers.number_keys import NumberKeys
from routing.store.database import url_of
from routing.store.disk_reserve import DiskReserve
from routing.store.errors import LeaseLost, StoreError, StoreUnavailable
from routing.store.store import Store
from routing.talk_end_watch import TalkEndWatch
from santral.centre.config import NodeConfig, place_of_store
from santral.centre.last_known_good import CentreFiles, StartValues
from santral.errors import AsteriskFailure
from santral.node.app import NODE_FILE, Node, Vacate
from santral.node.projections import Projections
from santral.node.service_manager import ServiceManager
from santral.node.supervision import run_supervised
from santral.secrets import NodeSecrets
from santral.standby.fact_follower import FactFollower
from santral.standby.hand_over import HandOver
from santral.standby.node_proofs import NodeProofs
from santral.standby.peer_nodes import PeerNodes
from santral.standby.process_signals import ProcessSignals
from santral.standby.waiting_node import WaitingNode, describe_node

log = structlog.get_logger()

LOST = ("gone", "locked", "busy", "closed", "readonly")
"""Kinds of `StoreUnavailable` after which a node stands by: the database may come back, here or on another server."""


class NodeRoles:
    """One process, which leads and stands by in turn."""

    def __init__(self, files: CentreFiles, settings: Settings, start: StartValues | None, state: Path,
                 name: str, history: ActHistory | None = None) -> None:
        """`start` is None for files or prompts that are not good. On a SQLite file they must be good. `history` notes
        each act, or is None."""
        self._files, self._settings, self._state, self._name = files, settings, state, name
        self._proofs = NodeProofs(files, state, settings.asterisk.ami, start)
        self._history = history
        self._signals, self._manager = ProcessSignals(), ServiceManager()
        self._peers, self._follower = PeerNodes(name), FactFollower(self._proofs, state)
        self._calls: SuspendedCalls | None = None
        self._forgetting: set[asyncio.Task[None]] = set()
        """Nodes that have led and whose menus go on."""
        self._leads = False
        self._reserve = DiskReserve(state)

    async def serve_until_stopped(self) -> None:
        """Work until SIGTERM or SIGINT, and stop in order."""
        self._signals.handle_signals()
        watch = asyncio.create_task(self._reserve.watch_disk(), name="reserve")
        try:
            await self._serve_in_turn()
        finally:
            watch.cancel()
            await asyncio.wait([watch])

    async def _serve_in_turn(self) -> None:
        place = place_of_store(self._settings, self._state)
        if url_of(place).get_backend_name() == "sqlite":
            await self._lead_on_file(place)
            return
        waiting = WaitingNode(self._name, self._proofs, place, self._settings.listen.http, self._state / NODE_FILE,
                              self._signals.stop, self._manager, lambda: self._calls is not None and self._calls.serves,
                              self._follower.follow_store,
                              demands_standby=self._settings.store.require_standby, make_room=self._reserve.make_room)
        try:
            while await self._lead_next(waiting):
                # The node that has led is garbage in cycles, and the next one would freeze it with its own objects.
                gc.collect()
        finally:
            await waiting.close_page()
            self._follower.close()
            if self._calls is not None:
                await self._calls.close()
            await asyncio.gather(*self._forgetting)

    async def _lead_next(self, waiting: WaitingNode) -> bool:
        """Wait for the lease and lead once. Return whether the process goes on. Its store is then forgotten."""
        store = await waiting.wait_for_lease()
        if store is not None:
            await self._lead_once(store, waiting)
        return store is not None and not self._signals.stop.is_set()

    async def _lead_on_file(self, place: str | Path) -> None:
        """Lead on a SQLite file, which has one node: it proves nothing ahead, and ends with the first error."""
        assert self._proofs.start is not None
        config, sounds = self._proofs.start
        numbers = NumberKeys.load_or_create(NodeSecrets(self._state).folder / "numbers.json")
        node = self._build_node(config, _vacate_nothing, self._signals.stop)
        store = await Store.open_store(place, node=True, make_room=self._reserve.make_room)
        try:
            await store.take_lease(self._name, keys=numbers.fingerprint)
            told = Projections.from_config(config, self._state, numbers)
            await node.lead_until_stopped(store, sounds, numbers, told)
        finally:
            await node.end_dialogues()
            await store.close()

    async def _lead_once(self, store: Store, waiting: WaitingNode) -> None:
        """Lead until the node is stopped, hands over, or loses lease, store or Asterisk. Raise all other errors."""
        proofs, since = self._proofs, time.time()
        following = asyncio.create_task(self._peers.follow_store(store), name="peers")

        async def vacate() -> None:
            await waiting.close_page()
            if self._calls is not None:
                await self._calls.leave_address()

        # Files may have changed since the last proof.
        await asyncio.to_thread(proofs.read_changed_files)
        assert proofs.start is not None and proofs.numbers is not None
        config, sounds = proofs.start
        # A node is built for each time of leading, so it reads clock, files and rows again and remembers nothing.
        stop = asyncio.Event()
        node = self._build_node(config, vacate, stop)
        ending = asyncio.create_task(self._watch_end(node, stop), name="end")
        store.describe_node(lambda: describe_node(
            "leader", since, http=self._settings.listen.http, keys=proofs.keys, asterisk=node.reaches_asterisk,
            secrets=proofs.read_marks()))
        goes_on = stopped = False
        self._leads = True
        try:
            told = await self._follower.take_projections(store, config, proofs.numbers)
            await node.lead_until_stopped(store, sounds, proofs.numbers, told)
            goes_on = stopped = True
        except Exception as error:
            first = find_first(error)
            if isinstance(first, AuthFailed | AsteriskFailure):
                proofs.note_failure(str(first))
            elif not isinstance(first, StoreError) or not is_lost(first):
                raise
            log.error("node.stood_down", node=self._name, why=str(first))
            goes_on = isinstance(first, StoreError) and not (isinstance(first, LeaseLost) and first.taken) \
                and await self._suspend_calls(node)
        finally:
            self._leads = False
            if not goes_on:
                await node.end_dialogues()
            following.cancel()
            ending.cancel()
            await asyncio.wait([following, ending])
            await store.close()
            # A ready node was taken out of the garbage collection.
            gc.unfreeze()
        if stopped:
            self._forget_later(node.finish_dialogues())

    async def _watch_end(self, node: Node, stop: asyncio.Event) -> None:
        """Set `stop` when the process shall end, or when another node reaches Asterisk and this one does not."""
        async def hand_over() -> None:
            name = await HandOver(lambda: node.asterisk_silent_s, self._peers.find_proved_standby).wait_until_due()
            # Only a log-in at Asterisk makes this node fit again.
            self._proofs.note_failure(f"this node reaches no Asterisk at {self._settings.asterisk.ami}")
            log.warning("node.handed_over", node=self._name, to=name, asterisk=self._settings.asterisk.ami)
            stop.set()

        # An error in the search for a better node must not leave this one deaf to the end of the process.
        handing = asyncio.create_task(run_supervised("hand-over", hand_over), name="hand-over")
        try:
            await self._signals.stop.wait()
            stop.set()
        finally:
            handing.cancel()
            await asyncio.wait([handing])

    def _forget_later(self, forgetting: Coroutine[None, None, None]) -> None:
        """Let menus of a node that has led go on, while this process stands by or ends."""
        task = asyncio.create_task(forgetting, name="forget")
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _suspend_calls(self, node: Node) -> bool:
        """Go on answering the callers of a node that has just stood down. Return whether it answered any."""
        if (before := node.suspend_dialogues()) is None:
            return False
        watch = TalkEndWatch(node.events_login())
        dialogues = SuspendedDialogues(before, watch.was_lost)
        if self._calls is not None:
            await self._calls.close()
        self._calls = SuspendedCalls(
            dialogues, watch.run_forever, self._peers.find_leader, self._settings.store.patience_s,
            self._manager.feed_watchdog, node.end_dialogues)
        self._calls.begin()
        self._forget_later(self._forget_calls(self._calls, node))
        return True

    async def _forget_calls(self, calls: SuspendedCalls, node: Node) -> None:
        """Let go of a suspended node when its last menu has ended: it is as large as a node that leads."""
        await calls.wait_ended()
        await node.finish_dialogues()
        if self._calls is calls:
            self._calls = None
        del calls, node
        # Callers of a node that leads again do not wait for a collection. The next one comes when it has led.
        if not self._leads:
            gc.collect()

    def _build_node(self, config: NodeConfig, vacate: Vacate, stop: asyncio.Event) -> Node:
        return Node(config, self._state, self._files, stop=stop, again=self._signals.again,
                    manager=self._manager, vacate=vacate, history=self._history,
                    hands_over=lambda: bool(self._peers.addresses))


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
