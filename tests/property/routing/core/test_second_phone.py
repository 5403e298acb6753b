"""Further phones in distress on random calls: engine and oracle agree, and callers and agents see what is promised."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from routing.core import events as e
from routing.core.model.centre_model import (
    OFFER_WITH_AGENT,
    RINGING_OFFER,
    Agent,
    AnswerMode,
    Centre,
    Channel,
    OfferState,
    Profile,
    Service,
    Step,
)
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from tests.oracle.side_by_side import SideBySide

pytestmark = pytest.mark.property

SKILL = SkillId("psy")
SERVICES = (
    Service(ServiceId("psy"), "Psikososyal destek", (Step(((SKILL, 70),)), Step(((SKILL, 50),))), floor=((SKILL, 20),),
            load=3, distress=True, preferred_s=8.0, keep_free=1, ceiling_s=30.0),
    Service(ServiceId("info"), "Bilgi", (Step(((SKILL, 1),)),)))
AGENTS = 7
STEPS = 600
ENDINGS = ("no_answer", "no_answer", "busy", "rejected", "unreachable", "failed", "hangup", "lost")
SEEN = ("talks next to which others rang", "further phones that were first", "phones that took the first one's place",
        "agents asked last", "agents asked last no more", "offer rescinded taken", "offer timeout no_answer",
        "offer canceled caller_hung_up", "offer rescinded paused", "offer rescinded signed_out", "restarts",
        "late clocks", "offer rescinded found")


class Line:
    """A small centre with many absent counsellors."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        agents = tuple(Agent(AgentId(f"a{number}"), ((SKILL, rng.choice((30, 60, 90))),), Profile(
            ring_timeout_s=rng.choice((10.0, 15.0, 25.0)) + number / 128, wrapup_s=rng.choice((0.0, 4.0 + number / 64)),
            rest_gap_s=rng.choice((0.0, 0.0, 2.0 + number / 64)), rna_allowed=rng.choice((1, 2, 3)),
            answer_mode=rng.choice(tuple(AnswerMode)), max_continuous_s=1e9,
            pair_id="p" if number > 4 and seed % 3 == 0 else "",
            max_concurrency=rng.choice((((Channel.VOICE, 1),), ((Channel.VOICE, 1), (Channel.CHAT, 2)))),
            capacity=rng.choice((100, 100, 230))), remote=number == 3)
            for number in range(AGENTS))
        self.side = SideBySide(Centre(SERVICES, agents, second_phone_s=3.0))
        self.numbers = 0
        for number in range(AGENTS):
            self.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
            self.tell(e.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
            self.tell(e.DeskChanged(AgentId(f"a{number}"), number % 2 > 0))

    def tell(self, event: e.Event) -> None:
        self.side.tell(event)
        self.check()

    def step(self) -> None:
        rng, side = self.rng, self.side
        side.pass_time(side.now + rng.expovariate(0.8), late=rng.random() < 0.1)
        self.check()
        callers, offers = list(side.house.callers.values()), list(side.house.offers.values())
        ringing = [one for one in offers if one.state in RINGING_OFFER]
        roll = rng.random()
        if roll < 0.12 and len(callers) < 6:
            self.numbers += 1
            self.tell(e.ContactQueued(
                ContactId(f"17.{self.numbers}"), rng.choice(SERVICES[:1] * 3 + SERVICES[1:]).id,
                f"PJSIP/{self.numbers}", rng.choice((Channel.VOICE,) * 9 + (Channel.CHAT,)),
                caller_hash=f"h{rng.randint(1, 4)}"))
        elif roll < 0.36 and ringing:
            self.tell(e.OfferRinging(rng.choice(ringing).id))
        elif roll < 0.40 and ringing:
            self.tell(e.OfferAnswered(rng.choice(ringing).id, rng.random() < 0.2))
        elif roll < 0.48 and ringing:
            one = rng.choice(ringing)
            self.tell(e.OfferConnected(one.id, one.caller.id))
        elif roll < 0.53 and ringing:
            self.tell(e.OfferEnded(rng.choice(ringing).id, rng.choice(ENDINGS)))
        elif roll < 0.72 and offers:
            self.tell(e.TalkEnded(rng.choice(offers).id, rng.choice(("caller", "agent", "lost"))))
        elif roll < 0.75 and callers:
            self.tell(rng.choice((
                e.CallerHungUp(rng.choice(callers).id), e.ContactPrioritised(rng.choice(callers).id, rng.randint(0, 3)),
                e.ReturnedToMenu(rng.choice(callers).id), e.HoldTick(rng.choice(callers).id))))
        elif roll < 0.78:
            closed = [one for caller in callers for one in caller.closed]
            if closed:
                one = rng.choice(closed)
                self.tell(e.TalkFound(one.id, one.caller.id, None))
        elif roll < 0.95:
            self.tell(self._act(AgentId(f"a{rng.randrange(AGENTS)}")))
        elif roll < 0.98:
            self.tell(e.SeatChanged(SeatId(f"s{rng.randrange(AGENTS)}"), rng.random() < 0.9, False))
        elif roll < 0.99:
            self.tell(e.LinkChanged("", rng.random() < 0.6))
        else:
            side.restart()
            side.seen["restarts"] += 1
            self.tell(e.LinkChanged("", True))
            for number in range(AGENTS):
                self.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))

    def _act(self, agent: AgentId) -> e.Event:
        return self.rng.choice((
            e.AgentPaused(agent, "pause"), e.AgentResumed(agent), e.AgentResumed(agent), e.AgentResumed(agent),
            e.AgentSignedOut(agent), e.AgentSignedIn(agent, SeatId(f"s{agent[1:]}")),
            e.AgentSignedIn(agent, SeatId(f"s{agent[1:]}")), e.WrapUpEnded(agent), e.HeavyContactsDeclined(agent)))

    def check(self) -> None:
        """Check what callers and agents see."""
        d = self.side.engine._domain
        for contact in d.contacts.values():
            phones = [one for one in d.offers.values() if one.contact is contact and one.state in RINGING_OFFER]
            assert len(phones) <= 3
            assert sum(one.state is OfferState.PENDING for one in phones) == (1 if phones else 0)
            further = [one for one in phones if one.state is OfferState.BESIDE]
            assert not further or (contact.service.distress and contact.channel is Channel.VOICE)
            assert not any(one.agent.agent.remote or one.partner for one in further)
        held: Counter[str] = Counter(one.agent.id for one in d.offers.values()
                                     if one.state in OFFER_WITH_AGENT and one.voice)
        assert all(count == 1 for count in held.values())


def run_line(seed: int, steps: int = STEPS) -> Counter[str]:
    line = Line(seed)
    for _ in range(steps):
        line.step()
    return line.side.seen


def test_engine_and_oracle_ring_the_same_phones() -> None:
    seen: Counter[str] = Counter()
    for seed in range(10):
        seen += run_line(seed)
    assert not [name for name in SEEN if not seen[name]], {name: seen[name] for name in SEEN}


@pytest.mark.long
def test_engine_and_oracle_ring_the_same_phones_in_many_lines() -> None:
    for seed in range(100, 500):
        run_line(seed)
