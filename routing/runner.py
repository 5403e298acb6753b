"""Run the engine: one inbox, one timer, one order of events.

Each turn takes events from the inbox, lets the engine handle them, and stores the results in one commit. Only then do
results leave: commands to Asterisk, answers to requests, facts to the projections. A result that was not stored never
happened.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import structlog

from routing.clock import Clock
from routing.core.engine import Engine
from routing.core.event_times import LATE_S, with_time
from routing.core.events import (
    ActUndone,
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    AgentSkillsChanged,
    BreaksPlanned,
    CallbackReached,
    CallbackRequested,
    CallerErased,
    CallerHungUp,
    ContactExited,
    ContactPrioritised,
    ContactQueued,
    DeskChanged,
    Event,
    HeavyContactsDeclined,
    HeldPositionDeclined,
    HoldTick,
    MoveRequested,
    PageReturned,
    ReturnedToMenu,
    RulesOverridden,
    WithdrawalRequested,
    WorkingHoursPlanned,
    WrapUpEnded,
    WrapUpExtended,
    WrapUpRequested,
)
from routing.core.inbox import (
    AgentView,
    ColleagueView,
    ContactView,
    DeskView,
    InboxClosed,
    QueueLoad,
    QueueStatus,
    Status,
)
from routing.core.model.centre_model import PauseReason
from routing.core.model.commands import Command
from routing.core.model.errors import IllegalTransition, Refused, SnapshotError
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.stored import Change

log = structlog.get_logger()

INBOX_MAX = 20_000
"""Events that may wait.

A real call makes about 20, so this is a thousand calls at one moment. More of them mean a fault of this node. The state
is then read again from Asterisk, because a gap cannot be trusted.
"""

BATCH_MAX = 64
"""Events of one commit. A batch of 20 costs a fifth of single commits, and a longer turn would delay the first ring."""

ASK_S = 4.0
"""A caller's step in the dialplan ends after 5 s, so an answer or an error must come earlier."""

DEFERRED_MAX = 256
"""Most handled events that changed nothing (ticks) and wait for the next commit that is needed anyway."""

DEFERRED_MAX_S = 5.0
"""Longest wait of such events."""

SLOWEST_TICK_S = 60.0
"""Longest sleep of the timer, so that a wrong deadline cannot stop the engine forever."""

PULSE_S = 0.5
"""Pause between two looks at the clock, which show that this process was frozen."""

FROZEN_S = 1.4
"""Lateness of such a look from which the process counts as frozen.

A phone that has not reported ringing for 2 s is taken for gone (`Centre.phone_reacts_s`), so such a freeze must
be noticed. A busy machine holds a process for less, and each notice costs a look at Asterisk.
"""

WOKE_S = 2.0
"""Time after a freeze in which dialogues find that Asterisk has led their callers on."""


class RunnerTurn(NamedTuple):
    """Content of one commit: handled inputs with their times (None is the timer), their facts, and the changed rows."""

    events: Sequence[tuple[float, Event | None]]
    facts: Sequence[Fact]
    changes: Sequence[Change] = ()


class TurnStore(Protocol):
    """Keep turns (`routing.store`)."""

    async def commit(self, turn: RunnerTurn) -> None:
        """Return when the turn is durable. Raise if nothing of it was written."""
        ...


class _SnapshotDue:
    """A place in the inbox at which the whole state of the engine is written."""


class _Waiter(NamedTuple):
    event: Event | None
    """None waits only until everything before it is handled and stored."""
    answer: asyncio.Future[ContactView | AgentView | None]


class _Arrival(NamedTuple):
    """Something in the inbox, with the time at which it came."""

    item: Event | _Waiter | _SnapshotDue
    at: float


Execute = Callable[[Sequence[Command]], None]
Project = Callable[[Sequence[Fact]], None]
ObserveTurn = Callable[[Sequence[Event], Sequence[Fact]], None]
Measure = Callable[[float], None]


class Runner:
    """Own the engine, as the `Inbox` of `routing.core.inbox`.

    `execute` takes commands and returns at once, because it carries them out in its own tasks. `projections` get the
    facts of each turn in order, after the commit. `observe_turn` gets the handled events and the facts of each turn
    after that, also of a turn without facts. `measure` gets the seconds of each decision. `on_overflow` is called
    if the inbox had to refuse an event: the state must then be read again from Asterisk. `on_turn` is called after each
    turn, and at least every `idle_s` seconds. `on_frozen` is called if the process was frozen. The engine handles the
    events that it returns before any deadline: what happened meanwhile has not been read yet.
    """

    def __init__(self, engine: Engine, keeper: TurnStore, *, clock: Clock, execute: Execute,
                 projections: Sequence[Project] = (), measure: Measure | None = None,
                 on_overflow: Callable[[], None] | None = None, on_turn: Callable[[], None] | None = None,
                 observe_turn: ObserveTurn | None = None,
                 on_frozen: Callable[[], Sequence[Event]] = tuple) -> None:
        self._engine = engine
        self._keeper = keeper
        self._clock = clock
        self._execute = execute
        self._projections = projections
        self._measure = measure
        self._on_overflow = on_overflow
        self._on_turn = on_turn
        self._observe_turn = observe_turn
        self._on_frozen = on_frozen
        self._pulse_at = clock()
        self._frozen = False
        self._woke_at = -math.inf
        """End of the last freeze."""
        self._inbox: deque[_Arrival] = deque()
        self._wake = asyncio.Event()
        self._deferred_events: list[tuple[float, Event | None]] = []
        self._deferred_since = 0.0
        self._closed = False
        self.idle_s = SLOWEST_TICK_S
        """Longest time between two turns. A watchdog wants a shorter one."""
        self.refused = 0
        """Events that the full inbox did not take."""

    # -- the inbox ---------------------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        """Hand over an event without waiting."""
        if self._closed:
            return
        if len(self._inbox) >= INBOX_MAX:
            self.refused += 1
            # Logged once and then each thousandth time, because the log must survive a flood.
            if self.refused == 1 or self.refused % 1000 == 0:
                log.error("inbox.overflowed", refused=self.refused)
            if self._on_overflow is not None:
                self._on_overflow()
            return
        self._inbox.append(_Arrival(event, self._clock()))
        self._wake.set()

    async def ask(self, event: Event) -> ContactView | AgentView | None:
        """Hand over an event, wait until it is handled and stored, and return the view of its subject."""
        return await self._wait_for(event)

    async def catch_up(self) -> None:
        """Wait until all events that were handed over before are handled and stored."""
        await self._wait_for(None)

    async def _wait_for(self, event: Event | None) -> ContactView | AgentView | None:
        if self._closed or len(self._inbox) >= INBOX_MAX:
            raise InboxClosed("the node does not take requests now")
        answer: asyncio.Future[ContactView | AgentView | None] = asyncio.get_running_loop().create_future()
        self._inbox.append(_Arrival(_Waiter(event, answer), self._clock()))
        self._wake.set()
        async with asyncio.timeout(ASK_S):
            return await answer

    def write_snapshot(self) -> None:
        """Have the whole state of the engine written into the journal, after the events that wait now.

        A replay may begin there, and a purge may cut the journal there.
        """
        if not self._closed:
            self._inbox.append(_Arrival(_SnapshotDue(), self._clock()))
            self._wake.set()

    @property
    def is_storing(self) -> bool:
        """Return whether events are stored. This is false for good after a failure of the store or at the node's end.
        """
        return not self._closed

    @property
    def waiting_count(self) -> int:
        """Return the number of events that wait for the engine."""
        return len(self._inbox)

    def status(self) -> Status:
        """Return the present state."""
        return self._engine.status(self._clock())

    def agent_views(self) -> tuple[AgentView, ...]:
        """Return all agents as they are now."""
        return self._engine.agent_views()

    def queue_status(self) -> QueueStatus:
        """Return all services as they are now."""
        return self._engine.queue_status(self._clock())

    def queue_load(self, service: str) -> QueueLoad | None:
        """Return the load of a service as it is now."""
        return self._engine.queue_load(service, self._clock())

    def contact_view(self, contact: ContactId) -> ContactView | None:
        """Return one contact as it is now."""
        return self._engine.contact_view(contact, self._clock())

    def agent_view(self, agent: AgentId) -> AgentView | None:
        """Return one agent as they are now."""
        return self._engine.agent_view(agent, self._clock())

    def desk_view(self, agent: AgentId) -> DeskView | None:
        """Return what the desk of one agent shows."""
        return self._engine.desk_view(agent, self._clock())

    def colleagues_of(self, agent: AgentId) -> tuple[ColleagueView, ...]:
        """Return the other agents who are signed in."""
        return self._engine.colleagues_of(agent)

    def callbacks_for(self, agent: AgentId) -> tuple[ContactView, ...]:
        """Return the waiting callbacks of the services that the agent serves."""
        return self._engine.callbacks_for(agent, self._clock())

    def agent_at_seat(self, seat: SeatId) -> AgentView | None:
        """Return the agent who is signed in at a seat."""
        return self._engine.agent_at_seat(seat, self._clock())

    def agent_of_offer(self, offer: OfferId) -> AgentView | None:
        """Return the agent of a live offer."""
        return self._engine.agent_of_offer(offer, self._clock())

    def pause_reasons(self) -> tuple[PauseReason, ...]:
        """Return the table of pause reasons in force."""
        return self._engine.centre.pause_reasons

    def now(self) -> float:
        """Return the time of the engine."""
        return self._clock()

    # -- the loop ----------------------------------------------------------------------------------------------------

    async def run_forever(self) -> None:
        """Work until cancelled, or until a turn cannot be kept.

        In that case the error of the store comes out, and every waiter gets `InboxClosed`. The memory of this process
        is then worthless.
        """
        self._pulse_at = self._clock()
        pulse = asyncio.create_task(self._watch_clock(), name="runner clock")
        try:
            while True:
                await self._wait_for_work()
                await self._run_turn()
                if self._on_turn is not None:
                    self._on_turn()
        finally:
            pulse.cancel()
            self._closed = True
            self._fail_waiters()

    async def _watch_clock(self) -> None:
        while True:
            await asyncio.sleep(PULSE_S)
            self._look_at_clock()

    def _look_at_clock(self) -> None:
        """Note a freeze. This is asked again before a deadline is handled, because a late timer may come later."""
        now = self._clock()
        if now - self._pulse_at > PULSE_S + FROZEN_S:
            self._frozen = True
            self._pulse_at = self._woke_at = now
        elif now - self._pulse_at >= PULSE_S:
            self._pulse_at = now

    def has_just_woken(self) -> bool:
        """Return whether this process was frozen until a moment ago."""
        self._look_at_clock()
        return self._clock() - self._woke_at < WOKE_S

    async def commit_deferred(self) -> None:
        """Keep the events that still wait for a commit, at an orderly end after `run_forever` was cancelled."""
        if self._deferred_events:
            events, self._deferred_events = self._deferred_events, []
            await self._keeper.commit(RunnerTurn(events, ()))

    async def _wait_for_work(self) -> None:
        # Even under load, adapters get their turn of the loop.
        if self._inbox:
            await asyncio.sleep(0)
            return
        self._wake.clear()
        now = self._clock()
        deadline = self._engine.next_deadline()
        delay = self.idle_s if deadline is None else min(max(deadline - now, 0.0), self.idle_s)
        if self._deferred_events:
            delay = min(delay, max(self._deferred_since + DEFERRED_MAX_S - now, 0.0))
        if delay <= 0:
            await asyncio.sleep(0)
            return
        # The timer sets the same event as a new input, so one wait serves both.
        timer = asyncio.get_running_loop().call_later(delay, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _run_turn(self) -> None:
        asked: list[tuple[_Waiter, Exception | None]] = []
        try:
            await self._take_events(asked, self._clock())
        # The memory is ahead of the store now, so nobody may get an answer from it.
        except BaseException:
            self._closed = True
            for item, _ in asked:
                _fail_waiter(item)
            raise

    async def _take_events(self, asked: list[tuple[_Waiter, Exception | None]], now: float) -> None:
        handled: list[tuple[float, Event | None]] = []
        commands: list[Command] = []
        # 1. The timer comes first: what is due by now happened before the events. After a freeze nobody knows that.
        self._look_at_clock()
        deadline = self._engine.next_deadline()
        if self._frozen:
            self._frozen, deadline = False, None
            self._inbox.extendleft(_Arrival(event, now) for event in reversed(self._on_frozen()))
        if deadline is not None and deadline <= now:
            commands += self._engine.tick(now)
            handled.append((now, None))
        # 2. Handle a batch. An event stays in the inbox until then, so that its waiter hears of a failure.
        for _ in range(min(len(self._inbox), BATCH_MAX)):
            item, at = self._inbox[0]
            if isinstance(item, _SnapshotDue):
                self._inbox.popleft()
                self._take_snapshot(handled, now)
                continue
            event = item.event if isinstance(item, _Waiter) else item
            if event is not None and now - at > LATE_S:
                # A turn before this one was stored slowly, and nothing of the event's time may be lost by that.
                event = with_time(event, at)
            error = None if event is None else self._handle_event(event, now, commands)
            self._inbox.popleft()
            if error is None and event is not None:
                handled.append((now, event))
            if isinstance(item, _Waiter):
                asked.append((item, error))
            elif isinstance(error, Refused):  # nobody waits for the answer
                log.warning("engine.request_refused", kind=type(event).__name__, code=error.code)
        # 3. Keep the turn before anything leaves.
        changes, facts = self._engine.take_changes(), self._engine.take_facts()
        # An erasure redacts the journal next, so its own event must be there: the event has the caller's hash.
        erases = any(isinstance(event, CallerErased) for _, event in handled)
        await self._commit_turn(handled, facts, changes, now, at_once=bool(facts or changes or commands or erases))
        # 4. Let the results out: commands first, because a phone waits for them.
        if commands:
            self._execute(commands)
        self._answer_waiters(asked, now)
        if facts:
            for project in self._projections:
                project(facts)
        if self._observe_turn is not None:
            self._observe_turn([event for _, event in handled if event is not None], facts)

    def _take_snapshot(self, handled: list[tuple[float, Event | None]], now: float) -> None:
        before = asyncio.get_running_loop().time()
        try:
            started = self._engine.take_snapshot()
        # The journal stays longer than it should, and nothing else is lost.
        except SnapshotError as error:
            log.error("journal.snapshot_failed", why=str(error))
            return
        handled.append((now, started))
        log.info("journal.snapshot_taken", characters=len(started.state), callers=len(started.callers),
                 seconds=round(asyncio.get_running_loop().time() - before, 3))

    def _handle_event(self, event: Event, now: float, commands: list[Command]) -> Exception | None:
        before = asyncio.get_running_loop().time()
        try:
            commands += self._engine.handle(event, now)
        except Refused as error:
            return error
        except IllegalTransition as error:
            log.warning("engine.transition_rejected", kind=error.kind, state=error.state, trigger=error.event)
            return error
        if self._measure is not None:
            self._measure(asyncio.get_running_loop().time() - before)
        return None

    async def _commit_turn(self, handled: list[tuple[float, Event | None]], facts: Sequence[Fact],
                           changes: Sequence[Change], now: float, *, at_once: bool) -> None:
        """Commit the turn, or defer it if nothing changed. `at_once` means that something changed, leaves, or is read.

        Every commit checks the lease. So a node that was frozen while another one took over lets no command out.
        """
        if not self._deferred_events:
            self._deferred_since = now
        self._deferred_events += handled
        if not at_once and len(self._deferred_events) < DEFERRED_MAX and now < self._deferred_since + DEFERRED_MAX_S:
            return
        if not self._deferred_events and not at_once:
            return
        turn = RunnerTurn(self._deferred_events, facts, changes)
        self._deferred_events = []
        await self._keeper.commit(turn)

    def _answer_waiters(self, asked: list[tuple[_Waiter, Exception | None]], now: float) -> None:
        for item, error in asked:
            if item.answer.done():
                continue
            if error is not None:
                item.answer.set_exception(error)
            else:
                item.answer.set_result(self._view_of(item.event, now))

    def _view_of(self, event: Event | None, now: float) -> ContactView | AgentView | None:
        match event:
            case (ContactQueued() | HoldTick() | CallerHungUp() | ContactExited() | ContactPrioritised()
                  | CallbackRequested() | CallbackReached() | HeldPositionDeclined() | ReturnedToMenu()
                  | MoveRequested() | ActUndone() | WithdrawalRequested()):
                return self._engine.contact_view(event.contact, now)
            case (AgentSignedIn() | AgentSignedOut() | AgentPaused() | AgentResumed() | WrapUpEnded() | WrapUpExtended()
                  | WrapUpRequested() | PageReturned() | DeskChanged() | HeavyContactsDeclined() | AgentSkillsChanged()
                  | RulesOverridden() | BreaksPlanned() | WorkingHoursPlanned()):
                return self._engine.agent_view(event.agent, now)
            case _:
                return None

    def _fail_waiters(self) -> None:
        for item, _ in self._inbox:
            if isinstance(item, _Waiter):
                _fail_waiter(item)
        self._inbox.clear()


def _fail_waiter(item: _Waiter) -> None:
    if not item.answer.done():
        item.answer.set_exception(InboxClosed("the node is going down"))
        # Perhaps nobody waits any more, after a time-out. The error is then no lost news.
        item.answer.exception()


