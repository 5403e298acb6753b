"""Project the facts of a node into metrics and queue_log, and restore the engine after a start.

A node that stands by follows the facts of who leads, so both stand where they stood when it leads, and so do the
notices of desks. Otherwise routing comes first: the facts from before the start are read behind it, in portions. The
facts of live turns wait in the store meanwhile, and are read there in their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from desk.live.notices import NoticeBoard
from metrics.prometheus.recorder import MetricsRecorder
from metrics.queue_log.lines import CallerId, hide_callerid, mask_number
from metrics.queue_log.log_file import Rotation
from metrics.queue_log.writer import QueueLog
from routing.core.engine import Engine
from routing.core.model.centre_model import PHONE_CHANNELS, WAITING_STATES, AgentState, Centre
from routing.core.model.facts import AgentChanged, Ended, Fact
from routing.core.model.ids import ContactId
from routing.core.model.reasons import PHONE_DROPS
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store.callers.number_keys import NumberKeys
from routing.store.reader import LoadedState, load_state
from routing.store.store import Store
from santral.centre.config import NodeConfig

log = structlog.get_logger()

PAST_MAX = 100_000
"""Most facts that a start reads for the metrics alone. They cover some 10,000 contacts, more than arrive during the
longest talk (two hours), and take six to ten seconds behind the routing. The bound is needed because a year has 80
million facts, and /metrics waits. If the past is longer, the counters begin at 0, as after a purge."""

PORTION = 200
"""Facts that are projected in one go, in some milliseconds: a call that comes meanwhile waits no longer than that."""

FOLLOW_S = 1.0
"""Pause of a standby that has read all facts. A take-over reads the facts of this time behind the routing."""


class Projections:
    """Metrics and queue_log, which get each stored fact once and in order."""

    def __init__(self, centre: Centre, queue_log: QueueLog) -> None:
        self._in_force: Callable[[], Centre] = lambda: centre
        """Return the present centre: that of the engine once it is restored."""
        self.recorder = MetricsRecorder(centre, in_force=lambda: self._in_force(), version=version("santral"))
        self.queue_log = queue_log
        self.notices = NoticeBoard()
        """Notices of the followed facts. A desk reads only later facts before the first call."""
        self.up_to_date = asyncio.Event()
        """Set once the past has been read. Until then the counters mean nothing."""
        self._began = False
        """The first fact to read is known."""
        self._waiting: list[tuple[float, ContactId]] = []
        """Callers who waited when the reading began, with the time of their arrival."""
        self._last = self._own = 0
        """The last fact from before the start, and the last of the start itself."""
        self._started_at = 0.0
        self._first = 0
        """The first fact that was read. 0 before it."""
        self.read = 0
        """The last fact that was projected."""
        self._missed = 0
        """The last live fact that came before the past was read."""
        self._past_ended = self._present = False
        """Whether the facts from before the start are projected, and those of the start."""

    @classmethod
    def from_config(cls, config: NodeConfig, state: Path, numbers: NumberKeys) -> Projections:
        """Build the projections by the settings."""
        wanted = config.settings.queue_log
        # 1. Choose how much of a number queue_log shows.
        masked_callerid: CallerId = hide_callerid
        if wanted.callerid == "full":
            masked_callerid = numbers.decrypt_number
        elif wanted.callerid == "masked":
            def masked_callerid(box: str) -> str:
                return mask_number(numbers.decrypt_number(box))
        # 2. Build both.
        most = None if wanted.rotate_mb is None else wanted.rotate_mb * 1_000_000
        rotation = Rotation(wanted.rotate == "daily", most, wanted.keep_days, ZoneInfo(config.settings.centre.timezone))
        return cls(config.centre, QueueLog(state / wanted.path, masked_callerid, asternic=wanted.compat == "asternic",
                                           rotation=rotation))

    async def follow_facts(self, store: Store) -> None:
        """Project the facts that another node stores, until cancelled. `restore_engine` and `read_past` go on there."""
        loop = asyncio.get_running_loop()
        if not self._began:
            self._begin_reading(await store.run_query(load_state))
        while True:
            facts = await store.facts_after(self.read, PORTION)
            began = loop.time()
            if facts:
                self._project_past(facts)
                self.notices.add_facts(facts)
            # The looks at the lease come first.
            await asyncio.sleep(loop.time() - began if facts else FOLLOW_S)

    async def restore_engine(self, engine: Engine, store: Store, centre: Centre, clock: Callable[[], float]) -> int:
        """Start the engine with the stored state, and store that. Return the number of the last fact before this start.
        """
        loaded = await store.load_state()
        if not self._began:
            self._begin_reading(loaded)
        self._in_force = lambda: engine.centre
        now = self._started_at = clock()
        started = Started(centre, **loaded._asdict())
        engine.handle(started, now)
        if repairs := engine.take_repairs():
            log.error("store.repaired", rows=[f"{type(row).__name__} {row[0]}" for row in repairs])
            await store.repair_rows(repairs)
        changes, own = engine.take_changes(), engine.take_facts()
        await store.commit(RunnerTurn([(now, started)], own, changes))
        self._last = loaded.next_fact - 1
        self._own = own[-1].seq if own else self._last
        log.info("node.restored", contacts=len(loaded.contacts), offers=len(loaded.offers),
                 facts=self._own - self.read)
        return self._last

    async def read_past(self, store: Store) -> None:
        """Project the facts of the past, those of the start, and those of live turns since then.

        May be called again after an error, and goes on where it was.
        """
        loop = asyncio.get_running_loop()
        while True:
            facts = await store.facts_after(self.read, PORTION)
            began = loop.time()
            if facts:
                self._project_stored(facts)
                # Calls come first: rest for as long as this took.
                await asyncio.sleep(loop.time() - began)
            # A turn may have been stored after the read. Nothing is awaited between this look and the change to live
            # facts.
            elif self._missed <= self.read:
                break
        self._begin_present()
        self.up_to_date.set()

    def note_facts(self, facts: Sequence[Fact]) -> None:
        """Project the facts of a live turn, or leave them to `read_past` while it reads."""
        if not self.up_to_date.is_set():
            self._missed = facts[-1].seq
            return
        # A turn that was stored before the last read is projected already.
        new = facts if facts[0].seq > self.read else [fact for fact in facts if fact.seq > self.read]
        self.recorder.count_facts(new)
        self.queue_log.write_facts(new)

    def _begin_reading(self, loaded: LoadedState) -> None:
        """Choose the first fact to read, by what is alive now."""
        self._began = True
        self.read = _first_fact_read(loaded.next_fact - 1, self.queue_log.done)
        self._waiting = [(one.queued_at, one.contact) for one in loaded.contacts
                         if one.channel in PHONE_CHANNELS and one.state in WAITING_STATES]

    def _project_past(self, facts: Sequence[Fact]) -> None:
        """Project facts from before the start. queue_log writes only the lines that it does not have yet."""
        # Contacts older than the first fact wait already, but none of these facts says so.
        if not self._first:
            self._first = facts[0].seq
            self.queue_log.note_waiting(contact for at, contact in self._waiting if at < facts[0].at)
        self.recorder.count_history(facts)
        self.queue_log.write_facts(facts)
        self.read = facts[-1].seq

    def _project_stored(self, facts: Sequence[Fact]) -> None:
        """Project facts that were read from the store after the start."""
        # 1. Facts of the past build the counters. Those of the start count only what is under way.
        for of_past in (True, False):
            if part := [fact for fact in facts if fact.seq <= self._own and (fact.seq <= self._last) is of_past]:
                if not of_past:
                    self._end_past()
                self._project_past(part)
        # 2. Live facts are of this node.
        if since := [fact for fact in facts if fact.seq > self._own]:
            self._begin_present()
            self.recorder.count_facts(since)
            self.queue_log.write_facts(since)
            self.read = since[-1].seq

    def _end_past(self) -> None:
        """Let the counters begin at 0, once, if older facts were purged or skipped."""
        if not self._past_ended and self._first > 1:
            self.recorder.restart_counts(self._started_at)
        self._past_ended = True

    def _begin_present(self) -> None:
        """Note the start in queue_log, once, after the facts of the start."""
        self._end_past()
        if not self._present:
            self.queue_log.write_start(self._started_at)
        self._present = True


def log_phone_faults(facts: Sequence[Fact]) -> None:
    """Log each phone that has gone out of service because it answers and hangs up."""
    for fact in facts:
        if isinstance(fact, AgentChanged) and fact.state is AgentState.NOT_RESPONDING and fact.reason == PHONE_DROPS \
                and fact.before is not AgentState.NOT_RESPONDING:
            log.warning("agent.phone_dropped", agent=fact.agent, seat=fact.seat, calls=fact.rna_count)


def log_ended_calls(facts: Sequence[Fact]) -> None:
    """Log each call that has ended: id, service, outcome and wait. The id leads to `santral why`."""
    for fact in facts:
        if isinstance(fact, Ended):
            log.info("call.ended", contact=fact.contact, service=fact.service, outcome=fact.outcome.value,
                     wait_s=round(fact.wait_s, 1))


def _first_fact_read(last: int, done: int | None) -> int:
    """Return the fact after which a start begins to read.

    `last` is the last stored fact. `done` is the last fact with lines in queue_log, or None if no queue_log says so.
    """
    return max(0, (last if done is None else min(last, done)) - PAST_MAX)
