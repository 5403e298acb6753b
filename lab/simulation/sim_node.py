"""Run the shipped engine, runner, dialogues and AMI session as one process of the simulation, which a supervisor
restarts.

The two loops below are those of `santral.standby` and `santral.node`, which know files and addresses that no simulation
has: stand by until the lease is free, then lead until lease or store is lost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ivr.agi.server import FastAgi
from ivr.dialogues import Dialogues
from ivr.suspended_calls import SuspendedCalls
from ivr.suspended_dialogues import SuspendedDialogues
from lab.simulation import sim_centre
from lab.simulation.database import Database
from lab.simulation.history import History
from lab.simulation.network import Network
from lab.simulation.node_store import DatabaseLink, NodeStore
from lab.simulation.schedule import NodePlan
from lab.simulation.virtual_time import ProcessLoop, World
from routing.ami.asterisk_session import AsteriskSession
from routing.ami.fallback.members import changes_members
from routing.ami.fallback.queues import AgentSource
from routing.ami.link import Login
from routing.ami.settings import AsteriskSettings
from routing.channels import Channels
from routing.clock import Clock
from routing.core.engine import Engine
from routing.core.events import AgentSignedIn, Event, HoldTick, LinkChanged
from routing.core.inbox import InboxClosed
from routing.core.model.centre_model import Centre
from routing.core.model.errors import Refused
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, SeatId
from routing.core.stored import Started
from routing.runner import Runner, RunnerTurn
from routing.store.errors import ForeignKeys, LeaseLost, StoreError, StoreUnavailable
from routing.talk_end_watch import TalkEndWatch

LOOK_S = 1.0
"""Pause between two looks of a standby at the lease. The shipped one looks four times as often, which costs time."""
RETRY_S = 1.0
"""Pause before the next try to reach a database that does not answer."""
RESTART_S = (0.5, 3.0)
"""Time until a supervisor has started an ended process again."""
AMI_PORT = 5038
EVENTS = Login("127.0.0.1", AMI_PORT, "santral-events", "secret", events="system,call")
PATIENCE_S = 60.0
"""Longest time of a suspension, as shipped."""


class SimNode:
    """One node, through all its processes."""

    def __init__(self, plan: NodePlan, world: World, network: Network, database: Database, history: History,
                 rng: random.Random, centre: Centre, cel: Path, *, agi_gate: bool, migrates_early: bool) -> None:
        """`agi_gate` is the check before each answer to AGI. `migrates_early` lets it migrate before the lease."""
        self.plan, self._world, self._network, self._database = plan, world, network, database
        self._history, self._rng, self._centre, self._cel = history, rng, centre, cel
        self._agi_gate, self._migrates_early = agi_gate, migrates_early
        self.link = DatabaseLink()
        self.loop: ProcessLoop | None = None
        self.ended: list[ProcessLoop] = []
        """Loops of processes that have ended."""
        self.epoch = 0
        """Epoch of the lease that the process has, or has had. 0 while it stands by."""
        self.runner: Runner | None = None
        self._answers: Answers | None = None
        """Dialogues of the present or last time of leading. None if nobody was answered in it."""
        self._calls: SuspendedCalls | None = None
        self.undecided: list[FastAgi] = []
        """Listeners that answer callers without the lease. Their menus go on to the end."""
        self.find_leader: Callable[[], Awaitable[str]] = find_nobody
        """Return the name of another node that leads, or an empty text."""

    # -- the process -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start a process, unless one runs."""
        if self.loop is not None:
            return
        loop = self.loop = ProcessLoop(self._world, self._network, self.plan.name, self._blame_crash)
        task = loop.create_task(self._serve(loop))
        task.add_done_callback(lambda done: self._on_exit(loop, done))
        loop.wake()
        self._history.note(f"node {self.plan.name} starts")

    def kill(self, restart_s: float | None = None) -> None:
        """Kill the process. The supervisor starts it again after a while."""
        loop, self.loop = self.loop, None
        if loop is None:
            return
        self._history.note(f"node {self.plan.name} is gone")
        loop.kill()
        self.ended.append(loop)
        self.epoch, self.runner, self._answers, self._calls = 0, None, None, None
        self.undecided.clear()
        self._world.call_after(self._rng.uniform(*RESTART_S) if restart_s is None else restart_s, self.start)

    def _on_exit(self, loop: ProcessLoop, done: asyncio.Task[None]) -> None:
        if loop is not self.loop or done.cancelled():
            return
        error = done.exception()
        if not isinstance(error, StoreError | ForeignKeys):
            self._blame_crash(error)
        # The process ends within its own step, so the kill comes right after that.
        self._world.call_at(self._world.now, lambda: self.kill() if loop is self.loop else None)

    def _blame_crash(self, error: BaseException | None) -> None:
        self._history.blame("crash", f"node {self.plan.name}: {describe_error(error)}")

    @property
    def leads(self) -> bool:
        """Return whether the process leads and answers people now."""
        return self.runner is not None and self.runner.is_storing and self.loop is not None \
            and not self.loop.is_frozen

    def request(self, event: Event) -> None:
        """Ask the leader for something, as people do by HTTP. Nobody hears a refusal."""
        loop, runner = self.loop, self.runner
        if loop is None or runner is None:
            return

        async def ask() -> None:
            with suppress(InboxClosed, TimeoutError, Refused):
                await runner.ask(event)
        loop.deliver(lambda: loop.create_task(ask()))

    def sign_in(self, seat: str) -> None:
        """Let an agent sign in."""
        self.request(AgentSignedIn(AgentId(f"a{seat}"), SeatId(seat)))

    # -- standing by and leading -------------------------------------------------------------------------------------

    async def _serve(self, loop: ProcessLoop) -> None:
        began = False
        while True:
            store = NodeStore(loop, self._database, self.link, self._rng, self.plan.revision)
            try:
                await store.open_tables(self._migrates_early)
                while await store.try_lease(self.plan.name, self.plan.keys) is not None:
                    began = True
                    await asyncio.sleep(LOOK_S)
                began = True
                await self._lead(loop, store)
            except* (StoreUnavailable, ForeignKeys, LeaseLost) as errors:
                # A first look that fails ends the process.
                if not began:
                    raise first_error(errors) from None
                self._history.note(f"node {self.plan.name} stands by: {describe_error(errors)}")
                await self._stand_down(loop, first_error(errors))
            finally:
                self.epoch, self.runner = 0, None
                await store.close()
            await asyncio.sleep(RETRY_S)

    async def _lead(self, loop: ProcessLoop, store: NodeStore) -> None:
        assert store.lease.held is not None
        self.epoch, self._answers = store.lease.held.epoch, None
        self._history.note(f"node {self.plan.name} leads in epoch {self.epoch}")
        async with asyncio.TaskGroup() as group:
            group.create_task(store.keep_lease())
            await self._work(loop, store)

    async def _work(self, loop: ProcessLoop, store: NodeStore) -> None:
        # 1. The engine, from the rows. A start asks the store for other values first, such as places of readers.
        clock = Clock(lambda: self._history.wall_at(loop.true_time), loop.time)
        await store.read_value("reader")
        engine, now = Engine(), clock()
        started = Started(self._centre, **(await store.load_state())._asdict())
        engine.handle(started, now)
        if repairs := engine.take_repairs():
            self._history.blame("I4", f"rows contradict each other: {repairs}")
            await store.repair_rows(repairs)
        changes, facts = engine.take_changes(), engine.take_facts()
        await store.commit(RunnerTurn([(now, started)], facts, changes))
        # 2. Runner, Asterisk and dialogues.
        runner = Runner(engine, store, clock=clock, execute=lambda commands: channels.execute(commands),
                        projections=[lambda facts: self._note_agents(session, facts)],
                        on_overflow=lambda: session.request_resync("the inbox was full"),
                        on_frozen=lambda: self._on_frozen(session))
        session = AsteriskSession(
            self._settings(), runner.post, lambda: (engine.live_contacts(), engine.live_offers()),
            started=await store.read_value("asterisk_started"),
            explained=float(await store.read_value("outages_read") or clock()),
            remember=remember_start(runner, store), clock=clock, recorded=store.find_recorded,
            agents=AgentSource(lambda: engine.centre, runner.agent_views), may_act=store.may_act,
            wall=lambda: self._history.wall_at(loop.true_time), steady=loop.time)
        channels = Channels([session], runner.post, engine.live_contacts)
        dialogues = self._build_dialogues(runner, session, clock)
        dialogues.waiting.steady = dialogues.entry.steady = loop.time
        # 3. Work. Callers in the menu outlive the lease.
        if self._calls is not None:
            await self._calls.leave_address()
        answers = self._answers = Answers(dialogues, loop.create_task(dialogues.server.run()))
        if self._agi_gate:
            dialogues.server.may_act = lambda: store.may_act() or answers.suspended
        self.runner = runner
        async with asyncio.TaskGroup() as group:
            group.create_task(runner.run_forever())
            group.create_task(channels.run())

    async def _stand_down(self, loop: ProcessLoop, why: BaseException) -> None:
        """Go on answering callers, unless another node leads or this one has answered nobody."""
        answers = self._answers
        if answers is None:
            return
        if isinstance(why, LeaseLost) and why.taken:
            await answers.end()
            return
        answers.dialogues.server.stop()
        answers.suspended = True
        watch = TalkEndWatch(EVENTS)
        dialogues = SuspendedDialogues(answers.dialogues, watch.was_lost, loop.time)
        self.undecided += dialogues.before, dialogues.server
        if self._calls is not None:
            await self._calls.close()
        self._calls = SuspendedCalls(
            dialogues, watch.run_forever, self.find_leader, PATIENCE_S, do_nothing, answers.end)
        self._calls.begin()

    def _settings(self) -> AsteriskSettings:
        return AsteriskSettings(
            "asterisk", EVENTS, Login("127.0.0.1", AMI_PORT, "santral-actions", "secret"), "4440632", cel=self._cel,
            seats=frozenset(sim_centre.seats(len(self._centre.agents))), unknown_service=sim_centre.USUAL)

    def _build_dialogues(self, runner: Runner, session: AsteriskSession, clock: Callable[[], float]) -> Dialogues:
        async def refuse_pin(agent: AgentId, pin: str) -> bool:
            return False

        return Dialogues(runner, sim_centre.FLOW, sim_centre.NamedSounds(), sim_centre.IVR,
                         seal=lambda number: ("", ""), verify_pin=refuse_pin, agent_by_number=lambda number: None,
                         services=self._centre.services, port=self.plan.port, clock=clock,
                         linked=lambda: session.connected, is_shown=session.expect_channel)

    @staticmethod
    def _on_frozen(session: AsteriskSession) -> Sequence[Event]:
        session.request_resync("this process was frozen")
        return [LinkChanged("asterisk", up=False)]

    @staticmethod
    def _note_agents(session: AsteriskSession, facts: Sequence[Fact]) -> None:
        if session.fallback is not None and any(changes_members(fact) for fact in facts):
            session.fallback.note_change()


class Answers:
    """The dialogues with callers of one time of leading."""

    def __init__(self, dialogues: Dialogues, listening: asyncio.Task[None]) -> None:
        self.dialogues, self._listening = dialogues, listening
        self.suspended = False
        """The dialogues may go on without the lease."""

    async def end(self) -> None:
        """End them at once."""
        self._listening.cancel()
        await asyncio.wait([self._listening])


async def find_nobody() -> str:
    """Find no other node."""
    return ""


def do_nothing() -> None:
    """Feed no watchdog: nothing restarts a process that stands by."""


def remember_start(runner: Runner, store: NodeStore) -> Callable[[str, float], Coroutine[Any, Any, None]]:
    """Return the function that stores Asterisk's start and the time up to which outage calls are recorded."""
    async def remember(started: str, explained: float) -> None:
        with suppress(InboxClosed, TimeoutError, StoreError):
            await runner.ask(HoldTick(ContactId("")))
            await store.note_value("asterisk_started", started)
            await store.note_value("outages_read", f"{explained:.3f}")
    return remember


def first_error(error: BaseException) -> BaseException:
    """Return the first error inside groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def describe_error(error: BaseException | None) -> str:
    """Return the class, words and place of the first error."""
    found = first_error(error) if error is not None else None
    place = found.__traceback__ if found is not None else None
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_code.co_filename.rpartition('/')[2]}:{place.tb_lineno}" if place else ""
    return f"{type(found).__name__}: {found}{where}"
