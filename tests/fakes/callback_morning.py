"""The morning after a night of callbacks, by the shipped engine on a virtual clock."""

from __future__ import annotations

import heapq
import random
from typing import NamedTuple

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model import commands
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId


class Pace(NamedTuple):
    """How many people there are, and how long each part of a call takes."""

    agents: int = 20
    callers: int = 1_170
    """Live callers of the morning."""
    busy: float = 0.8
    """Share of the agents' time that live callers take."""
    talk_s: float = 180.0
    wrapup_s: float = 15.0
    rings_s: float = 4.0
    """Time until the agent picks up."""
    picks_up_s: float = 12.0
    """Time from the agent's answer to the caller of a callback, with the words before."""
    equal: bool = False
    """Let all talks last equally long. Else they are exponential."""

    @property
    def gap_s(self) -> float:
        """Mean time between two live callers."""
        return (self.talk_s + self.wrapup_s + self.rings_s) / (self.agents * self.busy)


class Morning(NamedTuple):
    """The wait of the live callers of one morning, and the time of the last callback."""

    mean_s: float
    last_callback_s: float


def build_centre(pace: Pace) -> Centre:
    """Return a centre with one service and equal agents."""
    service = Service(ServiceId("bilgi"), "Bilgi", (Step(((SkillId("bilgi"), 1),)),), callback_max=1_000)
    return Centre((service,), tuple(Agent(AgentId(f"a{n}"), ((SkillId("bilgi"), 50),), Profile(wrapup_s=pace.wrapup_s))
                                    for n in range(pace.agents)))


def play_morning(seed: int, callbacks: int, pace: Pace = Pace(), *, held_back: bool = True) -> Morning:
    """Run one morning. Callbacks that are not `held_back` keep their age, as those of the day do."""
    centre = build_centre(pace)
    service = centre.services[0]
    engine, todo, count = Engine(), [], 0
    came: dict[str, float] = {}
    waits: list[float] = []
    last = [0.0]

    def plan(at: float, event: e.Event) -> None:
        nonlocal count
        count += 1
        heapq.heappush(todo, (at, count, event))

    # 1. The night: everybody hangs up and is promised a call.
    plan(0.0, e.Configured(centre))
    if held_back:
        plan(0.0, e.QuietHoursChanged(True))
    for number in range(callbacks):
        contact = ContactId(f"n{number}")
        plan(1.0 + number, e.ContactQueued(contact, service.id, "PJSIP/n", caller_hash=f"h{number}"))
        plan(1.2 + number, e.CallbackRequested(contact))
        plan(1.4 + number, e.CallerHungUp(contact))
    # 2. The morning: agents sign in, quiet hours end, and live callers come.
    opens = 30_000.0
    for agent in centre.agents:
        plan(opens, e.SeatChanged(SeatId(f"s{agent.id}"), True, False))
        plan(opens, e.AgentSignedIn(agent.id, SeatId(f"s{agent.id}")))
    if held_back:
        plan(opens + 1.0, e.QuietHoursChanged(False))
    rng, at = random.Random(seed), opens + 1.0
    talks = random.Random(seed + 1)
    talk_of: dict[str, float] = {}
    for number in range(pace.callers):
        at += rng.expovariate(1.0 / pace.gap_s)
        contact = ContactId(f"c{number}")
        came[contact] = at
        talk_of[contact] = pace.talk_s if pace.equal else talks.expovariate(1.0 / pace.talk_s)
        plan(at, e.ContactQueued(contact, service.id, "PJSIP/c"))
    # 3. Everything follows from the engine's commands.
    now = 0.0
    while todo or engine.next_deadline() is not None:
        due = engine.next_deadline()
        if not todo or (due is not None and due <= todo[0][0]):
            if due is None or due > opens + 10 * 3600.0:
                break
            now, done = due, engine.tick(due)
        else:
            now, _, event = heapq.heappop(todo)
            done = engine.handle(event, now)
        for command in done:
            match command:
                case commands.Offer(callback=True):
                    plan(now + 0.5, e.OfferRinging(command.offer))
                    plan(now + pace.rings_s, e.CallbackAccepted(command.offer))
                case commands.Offer():
                    plan(now + 0.5, e.OfferRinging(command.offer))
                    plan(now + pace.rings_s, e.OfferConnected(command.offer, command.contact))
                case commands.DialCaller(offer=offer, contact=contact):
                    plan(now + pace.picks_up_s, e.CallbackReached(contact, "PJSIP/n"))
                    plan(now + pace.picks_up_s + 0.5, e.OfferConnected(offer, contact))
        engine.take_changes()
        for fact in engine.take_facts():
            if isinstance(fact, tf.Connected):
                plan(now + talk_of.get(fact.contact, pace.talk_s), e.TalkEnded(fact.offer, "caller"))
                if fact.contact in came:
                    waits.append(now - came[fact.contact])
                else:
                    last[0] = now - opens
    assert len(waits) == len(came)
    return Morning(sum(waits) / len(waits), last[0])
