"""The morning after a night with sixty callbacks: the shipped engine on a virtual clock, with and without them.

Both mornings have the same callers with the same talks. The centre has 20 agents, who are busy four fifths of the time.
"""

from __future__ import annotations

import heapq
import random
from typing import NamedTuple

import pytest

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model import commands
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId

pytestmark = pytest.mark.property

AGENTS, CALLBACKS, HOURS = 20, 60, 4.0
TALK_S, WRAPUP_S, BUSY, PICKS_UP_S, RINGS_S = 180.0, 15.0, 0.8, 12.0, 4.0
SEEDS = range(8)
AT_MOST = 1.5


class Morning(NamedTuple):
    """The wait of the live callers of one morning, and the time of the last callback."""

    mean_s: float
    last_callback_s: float


def morning(seed: int, *, callbacks: int, held_back: bool, share: float = Centre((), ()).callback_share) -> Morning:
    """Run one morning. Callbacks that are not `held_back` keep their age, as those of the day do."""
    service = Service(ServiceId("bilgi"), "Bilgi", (Step(((SkillId("bilgi"), 1),)),), callback_max=1_000)
    agents = tuple(Agent(AgentId(f"a{n}"), ((SkillId("bilgi"), 50),), Profile(wrapup_s=WRAPUP_S))
                   for n in range(AGENTS))
    engine, todo, count = Engine(), [], 0
    dialled: set[int] = set()
    came: dict[str, float] = {}
    waits: list[float] = []
    last = [0.0]

    def plan(at: float, event: e.Event) -> None:
        nonlocal count
        count += 1
        heapq.heappush(todo, (at, count, event))

    # 1. The night: everybody hangs up and is promised a call.
    plan(0.0, e.Configured(Centre((service,), agents, callback_share=share)))
    if held_back:
        plan(0.0, e.QuietHoursChanged(True))
    for number in range(callbacks):
        contact = ContactId(f"n{number}")
        plan(1.0 + number, e.ContactQueued(contact, service.id, "PJSIP/n", caller_hash=f"h{number}"))
        plan(1.2 + number, e.CallbackRequested(contact))
        plan(1.4 + number, e.CallerHungUp(contact))
    # 2. The morning: agents sign in, quiet hours end, and live callers come.
    opens = 30_000.0
    for agent in agents:
        plan(opens, e.SeatChanged(SeatId(f"s{agent.id}"), True, False))
        plan(opens, e.AgentSignedIn(agent.id, SeatId(f"s{agent.id}")))
    if held_back:
        plan(opens + 1.0, e.QuietHoursChanged(False))
    rng, at = random.Random(seed), opens + 1.0
    talks = random.Random(seed + 1)
    talk_of: dict[str, float] = {}
    rate = AGENTS * BUSY / (TALK_S + WRAPUP_S + RINGS_S)
    while (at := at + rng.expovariate(rate)) < opens + HOURS * 3600.0:
        contact = ContactId(f"c{len(came)}")
        came[contact], talk_of[contact] = at, talks.expovariate(1.0 / TALK_S)
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
                    plan(now + RINGS_S, e.CallbackAccepted(command.offer))
                case commands.Offer():
                    plan(now + 0.5, e.OfferRinging(command.offer))
                    plan(now + RINGS_S, e.OfferConnected(command.offer, command.contact))
                case commands.DialCaller(offer=offer, contact=contact):
                    dialled.add(offer)
                    plan(now + PICKS_UP_S, e.CallbackReached(contact, "PJSIP/n"))
                    plan(now + PICKS_UP_S + 0.5, e.OfferConnected(offer, contact))
        engine.take_changes()
        for fact in engine.take_facts():
            if isinstance(fact, tf.Connected):
                plan(now + talk_of.get(fact.contact, TALK_S), e.TalkEnded(fact.offer, "caller"))
                if fact.contact in came:
                    waits.append(now - came[fact.contact])
                else:
                    last[0] = now - opens
    assert len(waits) == len(came)
    return Morning(sum(waits) / len(waits), last[0])


def test_live_callers_of_the_morning_after_wait_no_more_than_half_as_long_again() -> None:
    without = [morning(seed, callbacks=0, held_back=True) for seed in SEEDS]
    turns = [morning(seed, callbacks=CALLBACKS, held_back=True) for seed in SEEDS]
    before = [morning(seed, callbacks=CALLBACKS, held_back=False) for seed in SEEDS]

    def mean(found: list[Morning]) -> float:
        return sum(one.mean_s for one in found) / len(found)

    base = mean(without)
    print(f"\nlive callers' mean wait: {base:.1f} s without callbacks, {mean(turns):.1f} s in turns "
          f"({mean(turns) / base:.2f}x), {mean(before):.1f} s by age alone ({mean(before) / base:.2f}x); last callback "
          f"after {max(one.last_callback_s for one in turns) / 60:.0f} min, "
          f"{max(one.last_callback_s for one in before) / 60:.0f} min by age")
    assert mean(turns) <= AT_MOST * base
    assert mean(before) > mean(turns), "the rule does something"
    assert all(one.last_callback_s > 0.0 for one in turns)
