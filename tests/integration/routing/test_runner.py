"""The shell around the engine: what was not stored was not done, and nobody who asks waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

import pytest
from structlog.testing import capture_logs

from routing import runner as module
from routing.channels import Channels
from routing.clock import Clock
from routing.core import emit
from routing.core.domain import Domain
from routing.core.engine import HANDLERS, Engine
from routing.core.event_times import LATE_S
from routing.core.events import (
    AgentResumed,
    AgentSignedIn,
    AgentSkillsChanged,
    BreaksPlanned,
    CallerErased,
    Configured,
    ContactQueued,
    DeskChanged,
    Event,
    HeavyContactsDeclined,
    HoldTick,
    LinkChanged,
    LoadReported,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    RulesOverridden,
    SeatChanged,
)
from routing.core.inbox import AgentView, ContactView, InboxClosed
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    Centre,
    Channel,
    ContactState,
    OfferState,
    Service,
    Step,
)
from routing.core.model.commands import Command, Offer
from routing.core.model.errors import HalfDone, IllegalTransition, SeatTaken
from routing.core.model.facts import Fact, OfferClosed, Offered
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.model.talk_facts import Connected, TalkEndedRecorded
from routing.runner import Runner, RunnerTurn
from tests.until import until_async

pytestmark = pytest.mark.integration

SERVICE = ServiceId("bilgi")
CENTRE = Centre(
    (Service(SERVICE, "Bilgi", (Step(((SkillId("bilgi"), 10),)),), load=3),),
    tuple(Agent(AgentId(name), ((SkillId("bilgi"), 50),)) for name in ("a1", "a2")),
)


class Keeper:
    """Keeps turns in memory; can be slow, and can fail."""

    def __init__(self) -> None:
        self.turns: list[RunnerTurn] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def commit(self, turn: RunnerTurn) -> None:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.turns.append(turn)

    @property
    def facts(self) -> list[Fact]:
        return [fact for turn in self.turns for fact in turn.facts]


class Node:
    """A running runner with what it let out."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.keeper = Keeper()
        self.commands: list[Command] = []
        self.projected: list[Fact] = []
        self.overflows = 0
        self.runner = Runner(Engine(), self.keeper, clock=cast(Clock, clock or Clock()), execute=self._execute,
                             projections=(self.projected.extend,), on_overflow=self._overflow,
                             on_frozen=lambda: [LinkChanged("", up=False)])
        self.task = asyncio.create_task(self.runner.run_forever())

    def _execute(self, commands: Sequence[Command]) -> None:
        self.commands += commands

    def _overflow(self) -> None:
        self.overflows += 1

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, OSError, HalfDone):
            await self.task

    async def __aenter__(self) -> Node:
        self.runner.post(Configured(CENTRE))
        self.runner.post(SeatChanged(SeatId("2001"), reachable=True, in_use=False))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.keeper.gate.set()
        await self.stop()


class Calls:
    """An adapter of the telephone that keeps what it is told to do."""

    channels = frozenset({Channel.VOICE})

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def takes(self, command: Command) -> bool:
        return command.channel is Channel.VOICE

    def execute(self, commands: Sequence[Command]) -> None:
        self.commands += commands

    def live(self) -> None:
        return None

    async def run_session(self) -> None:
        await asyncio.Event().wait()


def queued(name: str) -> ContactQueued:
    return ContactQueued(ContactId(name), SERVICE, leg=f"PJSIP/trunk-{name}")


async def test_an_answer_comes_with_the_view_after_the_commit() -> None:
    async with Node() as node:
        agent = await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        assert isinstance(agent, AgentView)
        assert agent.seat == "2001"
        contact = await node.runner.ask(queued("c1"))
        assert isinstance(contact, ContactView)
        assert [command.contact for command in node.commands if isinstance(command, Offer)] == ["c1"]
        assert node.projected == node.keeper.facts


async def test_who_speaks_of_an_agent_gets_the_agent() -> None:
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        for event in (HeavyContactsDeclined(AgentId("a1")),
                AgentSkillsChanged(AgentId("a1"), ((SkillId("bilgi"), 20),)),
                      RulesOverridden(AgentId("a1"), frozenset({"rest_gap"}), time.time() + 60.0),
                      BreaksPlanned(AgentId("a1"), ())):
            view = await node.runner.ask(event)
            assert isinstance(view, AgentView) and view.agent == "a1"


async def test_nothing_leaves_before_it_is_stored() -> None:
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        node.keeper.gate.clear()
        asking = asyncio.create_task(node.runner.ask(queued("c1")))
        await until_async(lambda: node.runner.status().contacts)
        assert node.commands == []
        assert not any(isinstance(fact, Offered) for fact in node.projected)
        node.keeper.gate.set()
        await asking
        assert len(node.commands) == 1


async def test_a_view_after_catching_up_shows_all_that_is_stored() -> None:
    async with Node() as node:
        node.keeper.gate.clear()
        node.runner.post(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        caught_up = asyncio.create_task(node.runner.catch_up())
        await until_async(lambda: (view := node.runner.agent_view(AgentId("a1"))) is not None and view.seat is not None)
        assert not caught_up.done(), "the store has not answered"
        node.keeper.gate.set()
        await caught_up
        assert any(AgentSignedIn(AgentId("a1"), SeatId("2001")) in [event for _, event in turn.events]
                   for turn in node.keeper.turns)
        # Nothing waits, so nothing is stored for the question.
        turns = len(node.keeper.turns)
        await node.runner.catch_up()
        assert len(node.keeper.turns) == turns


async def test_a_contact_of_a_channel_without_an_adapter_costs_its_agent_nothing() -> None:
    """No command vanishes: the engine hears that the chat was not offered, and the agent has the next call at once."""
    async with Node() as node:
        calls = Calls()
        channels = Channels([calls], node.runner.post, lambda channels: ())
        node.runner._execute = channels.execute
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        node.runner.post(DeskChanged(AgentId("a1"), True))
        node.runner.post(ContactQueued(ContactId("chat"), SERVICE, channel=Channel.CHAT))
        await until_async(lambda: [one for one in node.projected if isinstance(one, OfferClosed)])
        (closed,) = [one for one in node.projected if isinstance(one, OfferClosed)]
        assert (closed.state, closed.reason) == (OfferState.RESCINDED, "no_adapter")
        await node.runner.ask(queued("call"))
        agent = await node.runner.ask(AgentResumed(AgentId("a1")))
        assert isinstance(agent, AgentView) and agent.rna_count == 0 and agent.state is AgentState.RINGING
        assert [one.contact for one in calls.commands] == ["call"] and channels.refused == {Channel.CHAT: 1}
        assert {one.contact: one.state for one in node.runner.status().contacts} == {
            "chat": ContactState.PENDING, "call": ContactState.RESERVED}


async def test_a_store_that_fails_ends_the_node_and_everybody_is_told() -> None:
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        node.keeper.error = OSError("no space")
        with pytest.raises(InboxClosed):
            await node.runner.ask(queued("c1"))
        with pytest.raises(OSError, match="no space"):
            await node.task
        assert node.commands == []
        with pytest.raises(InboxClosed):
            await node.runner.ask(queued("c2"))


async def test_a_refusal_reaches_the_asker_and_changes_nothing() -> None:
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        kept = len(node.keeper.facts)
        with pytest.raises(SeatTaken):
            await node.runner.ask(AgentSignedIn(AgentId("a2"), SeatId("2001")))
        assert len(node.keeper.facts) == kept
        assert all(event != AgentSignedIn(AgentId("a2"), SeatId("2001"))
                   for turn in node.keeper.turns for _, event in turn.events)


async def test_a_refusal_that_nobody_waits_for_is_told_in_the_log() -> None:
    """The calendar signs people on call in; whom it could not stands nowhere else."""
    async with Node() as node:
        with capture_logs() as told:
            node.runner.post(AgentSignedIn(AgentId("nobody"), SeatId("2001")))
            await node.runner.ask(HoldTick(ContactId("c1")))
        assert [(one["event"], one["kind"], one["code"]) for one in told] == [
            ("engine.request_refused", "AgentSignedIn", "unknown_agent")]


async def test_an_event_refused_half_done_ends_the_node_with_nothing_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(domain: Domain, event: HoldTick) -> None:
        emit.alarm(domain, kind="torn", contact=event.contact, offer=None, agent=None)
        raise IllegalTransition("contact", event.contact, "pending", "torn")

    monkeypatch.setitem(HANDLERS, HoldTick, torn)
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        kept = len(node.keeper.facts)
        with pytest.raises(InboxClosed):
            await node.runner.ask(HoldTick(ContactId("c1")))
        with pytest.raises(HalfDone, match="HoldTick was refused half-done"):
            await node.task
        assert len(node.keeper.facts) == kept


async def test_what_cannot_follow_from_an_event_ends_the_node_with_nothing_stored(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The event has changed things by then: it is no refusal."""
    def torn(domain: Domain) -> None:
        raise IllegalTransition("agent", "a1", "busy", "offered")

    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        kept = len(node.keeper.facts)
        monkeypatch.setattr("routing.core.engine.assign_contacts", torn)
        with pytest.raises(InboxClosed):
            await node.runner.ask(queued("c1"))
        with pytest.raises(HalfDone, match="ContactQueued was refused half-done"):
            await node.task
        assert len(node.keeper.facts) == kept


async def test_an_unknown_contact_has_no_view() -> None:
    async with Node() as node:
        assert await node.runner.ask(HoldTick(ContactId("nobody"))) is None


def kept(node: Node, event: Event) -> bool:
    return any(event == one for turn in node.keeper.turns for _, one in turn.events)


async def test_quiet_events_are_kept_with_the_next_commit_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFERRED_MAX_S", 3600.0)
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        turns = len(node.keeper.turns)
        for _ in range(3):
            await node.runner.ask(HoldTick(ContactId("nobody")))
        assert len(node.keeper.turns) == turns
        await node.stop()
        await node.runner.commit_deferred()
        assert [event for _, event in node.keeper.turns[-1].events] == [HoldTick(ContactId("nobody"))] * 3


async def test_an_erasure_of_a_caller_who_is_not_here_is_in_the_journal_when_it_is_answered(
        monkeypatch: pytest.MonkeyPatch) -> None:
    """The next step of an erasure redacts the journal. An event that came later would keep the hash of the caller."""
    monkeypatch.setattr(module, "DEFERRED_MAX_S", 3600.0)
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        await node.runner.ask(CallerErased("5f2a"))
        assert kept(node, CallerErased("5f2a"))


async def test_quiet_events_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFERRED_MAX_S", 3600.0)
    monkeypatch.setattr(module, "DEFERRED_MAX", 4)
    async with Node() as node:
        for _ in range(5):
            await node.runner.ask(HoldTick(ContactId("nobody")))
        await until_async(lambda: kept(node, HoldTick(ContactId("nobody"))))


async def test_quiet_events_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFERRED_MAX_S", 0.05)
    async with Node() as node:
        await node.runner.ask(HoldTick(ContactId("nobody")))
        await until_async(lambda: kept(node, HoldTick(ContactId("nobody"))))


async def test_a_full_inbox_refuses_and_asks_for_a_resync(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INBOX_MAX", 3)
    async with Node() as node:
        node.keeper.gate.clear()
        for _ in range(10):
            node.runner.post(HoldTick(ContactId("nobody")))
        assert node.runner.refused == 10 + 2 - 3
        assert node.overflows == node.runner.refused
        with pytest.raises(InboxClosed):
            await node.runner.ask(HoldTick(ContactId("nobody")))


async def test_an_asker_is_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_S", 0.05)
    async with Node() as node:
        await until_async(lambda: node.keeper.turns)
        node.keeper.gate.clear()
        with pytest.raises(TimeoutError):
            await node.runner.ask(queued("c1"))


async def test_no_ring_is_too_long_for_a_process_that_was_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent has answered meanwhile, and nobody has read that yet: an offer that was ended would cut the talk."""
    monkeypatch.setattr(module, "PULSE_S", 0.05)
    monkeypatch.setattr(module, "FROZEN_S", 0.3)
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        await node.runner.ask(queued("c1"))
        assert not node.runner.has_just_woken()
        time.sleep(CENTRE.phone_reacts_s + 1.0)  # the whole process is held
        [offer] = node.commands
        assert isinstance(offer, Offer)
        assert node.runner.has_just_woken()
        node.runner.post(OfferConnected(offer.offer, offer.contact))
        view = await node.runner.ask(HoldTick(ContactId("c1")))
        assert isinstance(view, ContactView) and view.state is ContactState.ASSIGNED
        assert node.commands == [offer], "it was not rescinded"


async def test_an_event_that_waits_behind_a_slow_commit_has_its_own_time() -> None:
    """The store waits for its standby while an agent answers and hangs up, so the turns of both begin late."""
    now = [1_800_000_000.0]
    async with Node(lambda: now[0]) as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        await node.runner.ask(queued("c1"))
        [offer] = node.commands
        assert isinstance(offer, Offer)

        async def wait_behind(first: Event, *late: Event) -> None:
            node.keeper.gate.clear()
            node.runner.post(first)
            await until_async(lambda: not node.runner.waiting_count, what="the turn of the first waits for the store")
            for event in late:
                node.runner.post(event)
            now[0] += LATE_S + 0.3
            node.keeper.gate.set()
            await until_async(lambda: not node.runner.waiting_count)

        answered = now[0]
        await wait_behind(OfferRinging(offer.offer), OfferAnswered(offer.offer),
                          OfferConnected(offer.offer, offer.contact))
        await until_async(lambda: Connected in map(type, node.keeper.facts))
        [connected] = [fact for fact in node.keeper.facts if isinstance(fact, Connected)]
        assert (connected.connected_at, connected.at) == (answered, now[0])
        ended = now[0]
        await wait_behind(LoadReported(offer.offer, 1), OfferEnded(offer.offer, "hangup"))
        await until_async(lambda: TalkEndedRecorded in map(type, node.keeper.facts))
        [over] = [fact for fact in node.keeper.facts if isinstance(fact, TalkEndedRecorded)]
        assert over.talk_s == ended - answered


async def test_the_timer_wakes_the_engine() -> None:
    """An offer that nobody hears of again is withdrawn by the engine's own deadline."""
    async with Node() as node:
        await node.runner.ask(AgentSignedIn(AgentId("a1"), SeatId("2001")))
        await node.runner.ask(queued("c1"))
        assert isinstance(node.commands[0], Offer)
        await until_async(lambda: len(node.commands) > 1)
        assert None in [event for turn in node.keeper.turns for _, event in turn.events]
