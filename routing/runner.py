"""The shell around the engine: one inbox, one timer, one order of things.

Each turn takes what lies in the inbox, lets the engine handle it, stores what happened in one commit, and only then
lets anything out: commands to Asterisk, answers to those who asked, facts to the projections. What was not stored was
not done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import structlog

from routing.clock import Clock
from routing.core.commands import Command, Offer, Overflow, Rescind
from routing.core.engine import Engine
from routing.core.errors import IllegalTransition, Refused
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    AgentSkilled,
    AgentSpared,
    BreaksPlanned,
    CallbackAsked,
    CallbackReached,
    ContactGone,
    ContactLeft,
    ContactQueued,
    ContactRanked,
    ContactTicked,
    Event,
    PlaceDeclined,
    RulesRelaxed,
    WrapUpAsked,
    WrapUpEnded,
    WrapUpExtended,
)
from routing.core.facts import Fact
from routing.core.ids import ContactId
from routing.core.inbox import AgentView, ContactView, InboxClosed, Status
from routing.core.stored import Change

log = structlog.get_logger()

INBOX_MAX = 20_000
"""Events that may wait. A real call makes about 20, so this is a thousand calls at one moment; above it something is
wrong with us, and the state is read anew from Asterisk instead of trusting a gap."""

BATCH_MAX = 64
"""Events of one commit: a batch of 20 costs a fifth of single commits, and a longer turn would delay the first ring."""

ASK_S = 4.0
"""A caller's step in the dialplan ends after 5 s: the answer comes before, or an error does."""

QUIET_MAX = 256
"""Handled events that changed nothing (ticks) wait for the next commit that is needed anyway, at most so many ..."""

QUIET_S = 5.0
"""... and at most so long."""

SLOWEST_TICK_S = 60.0
"""The timer never sleeps longer, so a wrong deadline cannot stop the engine for ever."""


class Turn(NamedTuple):
    """What one commit holds: handled inputs with their time (None = the timer), the facts they made, and the rows they
    changed."""

    events: Sequence[tuple[float, Event | None]]
    facts: Sequence[Fact]
    changes: Sequence[Change] = ()


class Keeper(Protocol):
    """Where turns are kept (`routing.store`)."""

    async def commit(self, turn: Turn) -> None:
        """Return when the turn is durable; raise when it is not, with nothing of it written."""
        ...


class _Asked(NamedTuple):
    event: Event
    answer: asyncio.Future[ContactView | AgentView | None]


Execute = Callable[[Sequence[Command]], None]
Project = Callable[[Sequence[Fact]], None]
Measure = Callable[[float], None]


class Runner:
    """Owns the engine. Implements `routing.core.inbox.Inbox`.

    `execute` takes commands and returns at once (it carries them out in its own tasks). `projections` get the facts of
    each turn in order, after the commit. `measure` gets the seconds of each decision. `on_overflow` is called when the
    inbox had to refuse an event: the state must be read anew from Asterisk.
    """

    def __init__(self, engine: Engine, keeper: Keeper, *, clock: Clock, execute: Execute,
                 projections: Sequence[Project] = (), measure: Measure | None = None,
                 on_overflow: Callable[[], None] | None = None) -> None:
        self._engine = engine
        self._keeper = keeper
        self._clock = clock
        self._execute = execute
        self._projections = projections
        self._measure = measure
        self._on_overflow = on_overflow
        self._inbox: deque[Event | _Asked] = deque()
        self._wake = asyncio.Event()
        self._quiet: list[tuple[float, Event | None]] = []
        self._quiet_since = 0.0
        self._closed = False
        self.refused = 0
        """Events that the full inbox did not take."""

    # -- the inbox ---------------------------------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        """Hand over and forget."""
        if self._closed:
            return
        if len(self._inbox) >= INBOX_MAX:
            self.refused += 1
            if self.refused == 1 or self.refused % 1000 == 0:
                log.error("inbox.full", refused=self.refused)
            if self._on_overflow is not None:
                self._on_overflow()
            return
        self._inbox.append(event)
        self._wake.set()

    async def ask(self, event: Event) -> ContactView | AgentView | None:
        """Hand over, wait until it is handled and stored, get the view of what it was about."""
        if self._closed or len(self._inbox) >= INBOX_MAX:
            raise InboxClosed("the node does not take requests now")
        answer: asyncio.Future[ContactView | AgentView | None] = asyncio.get_running_loop().create_future()
        self._inbox.append(_Asked(event, answer))
        self._wake.set()
        async with asyncio.timeout(ASK_S):
            return await answer

    @property
    def keeping(self) -> bool:
        """What is handed over is stored; false for good once the store has failed or the node ends."""
        return not self._closed

    @property
    def waiting(self) -> int:
        """Events that wait for the engine."""
        return len(self._inbox)

    def status(self) -> Status:
        """What is true now."""
        return self._engine.status(self._clock())

    def contact(self, contact: ContactId) -> ContactView | None:
        """One contact as it is now."""
        return self._engine.contact(contact, self._clock())

    # -- the loop ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until cancelled, or until a turn cannot be kept: then the error of the store comes out, every waiter
        has got `InboxClosed`, and the memory of this process is worth nothing any more."""
        try:
            while True:
                await self._wait()
                await self._turn()
        finally:
            self._closed = True
            self._fail_waiters()

    async def flush(self) -> None:
        """Keep what still waits for a commit (at an orderly end, after `run` was cancelled)."""
        if self._quiet:
            events, self._quiet = self._quiet, []
            await self._keeper.commit(Turn(events, ()))

    async def _wait(self) -> None:
        if self._inbox:
            await asyncio.sleep(0)
            return
        self._wake.clear()
        now = self._clock()
        deadline = self._engine.next_deadline()
        delay = SLOWEST_TICK_S if deadline is None else min(max(deadline - now, 0.0), SLOWEST_TICK_S)
        if self._quiet:
            delay = min(delay, max(self._quiet_since + QUIET_S - now, 0.0))
        if delay <= 0:
            await asyncio.sleep(0)
            return
        timer = asyncio.get_running_loop().call_later(delay, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    async def _turn(self) -> None:
        asked: list[tuple[_Asked, Exception | None]] = []
        try:
            await self._take(asked, self._clock())
        except BaseException:
            self._closed = True
            for item, _ in asked:
                _fail(item)
            raise

    async def _take(self, asked: list[tuple[_Asked, Exception | None]], now: float) -> None:
        handled: list[tuple[float, Event | None]] = []
        commands: list[Command] = []
        deadline = self._engine.next_deadline()
        if deadline is not None and deadline <= now:
            commands += self._engine.tick(now)
            handled.append((now, None))
        for _ in range(min(len(self._inbox), BATCH_MAX)):
            item = self._inbox[0]  # in the inbox until it is handled: whoever asked is told when that fails
            event = item.event if isinstance(item, _Asked) else item
            error = self._handle(event, now, commands)
            self._inbox.popleft()
            if error is None:
                handled.append((now, event))
            if isinstance(item, _Asked):
                asked.append((item, error))
            elif isinstance(error, Refused):  # nobody is there to be told
                log.warning("engine.refused", kind=type(event).__name__, code=error.code)
        if len(commands) > 1:
            commands = _kept(commands)
        changes, facts = self._engine.take_changes(), self._engine.take_facts()
        await self._keep(handled, facts, changes, now, at_once=bool(facts or changes or commands))
        if commands:
            self._execute(commands)
        self._answer(asked, now)
        if facts:
            for project in self._projections:
                project(facts)

    def _handle(self, event: Event, now: float, commands: list[Command]) -> Exception | None:
        before = asyncio.get_running_loop().time()
        try:
            commands += self._engine.handle(event, now)
        except Refused as error:
            return error
        except IllegalTransition as error:
            log.warning("engine.illegal", kind=error.kind, state=error.state, trigger=error.event)
            return error
        if self._measure is not None:
            self._measure(asyncio.get_running_loop().time() - before)
        return None

    async def _keep(self, handled: list[tuple[float, Event | None]], facts: Sequence[Fact],
                    changes: Sequence[Change], now: float, *, at_once: bool) -> None:
        """`at_once`: something changed, or something leaves. Every commit looks at the lease, so a node that was frozen
        while another took over lets no command out."""
        if not self._quiet:
            self._quiet_since = now
        self._quiet += handled
        if not at_once and len(self._quiet) < QUIET_MAX and now < self._quiet_since + QUIET_S:
            return
        if not self._quiet and not at_once:
            return
        turn = Turn(self._quiet, facts, changes)
        self._quiet = []
        await self._keeper.commit(turn)

    def _answer(self, asked: list[tuple[_Asked, Exception | None]], now: float) -> None:
        for item, error in asked:
            if item.answer.done():
                continue
            if error is not None:
                item.answer.set_exception(error)
            else:
                item.answer.set_result(self._view(item.event, now))

    def _view(self, event: Event, now: float) -> ContactView | AgentView | None:
        match event:
            case (ContactQueued() | ContactTicked() | ContactGone() | ContactLeft() | ContactRanked() | CallbackAsked()
                  | CallbackReached() | PlaceDeclined()):
                return self._engine.contact(event.contact, now)
            case (AgentSignedIn() | AgentSignedOut() | AgentPaused() | AgentResumed() | WrapUpEnded() | WrapUpExtended()
                  | WrapUpAsked() | AgentSpared() | AgentSkilled() | RulesRelaxed() | BreaksPlanned()):
                return self._engine.agent(event.agent, now)
            case _:
                return None

    def _fail_waiters(self) -> None:
        for item in self._inbox:
            if isinstance(item, _Asked):
                _fail(item)
        self._inbox.clear()


def _kept(commands: list[Command]) -> list[Command]:
    """Without the orders that take callers to the safety net for whom a phone rings since then, at the end of the turn.
    The timer speaks first in a turn; the agent who became free may be told behind it, and nothing has left yet. The
    engine takes such an order for one that was lost on its way."""
    rings: dict[ContactId, bool] = {}
    kept: list[Command] = []
    for command in reversed(commands):
        if isinstance(command, Offer | Rescind):
            rings.setdefault(command.contact, isinstance(command, Offer))
        if not (isinstance(command, Overflow) and rings.get(command.contact)):
            kept.append(command)
    return kept[::-1]


def _fail(item: _Asked) -> None:
    if not item.answer.done():
        item.answer.set_exception(InboxClosed("the node is going down"))
        # Nobody may be waiting any more (the asker timed out): the error is not lost news then.
        item.answer.exception()


