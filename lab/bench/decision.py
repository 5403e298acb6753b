"""What a routing decision costs: the shipped engine, small and huge, and with few and many waiting.

Twelve skills, two to four each, half of the agents idle. A *call* is the five events from queue entry to the end of
wrap-up. `event` is the CPU of a whole call by five, the median of several rounds: the dear ones (an offer is made) and
the cheap ones, all facts and the bookkeeping in it, and the making of the events; what that takes alone stands beside
it, measured in the same rounds with answers that were kept. `handle` is the median of single `handle()`s, each timed by
itself, `offer` that of those which make an offer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median

from lab.bench.choice import SERVICES, cpu_us, team
from lab.bench.row import Row
from routing.core import events as e
from routing.core.commands import Command, Offer
from routing.core.engine import Engine
from routing.core.ids import ContactId, SeatId
from routing.core.model import Centre

TAKES_S = 15.0
SMALL, LARGE = 180, 100_000
CALLS = 1_000
"""Calls of one round: long enough for the clock, short enough for a bench of seconds."""
EVENTS_PER_CALL = 5
EVENT_MAX_US = {SMALL: 5.0, LARGE: 12.0}
GROWTH_MAX = 3.5


def house(size: int) -> Engine:
    """An engine with everybody signed in and every second agent in a break."""
    engine = Engine()
    agents = team(size)
    engine.handle(e.Configured(Centre(SERVICES, agents)), 0.0)
    for number, agent in enumerate(agents):
        now = number * 1e-3
        engine.handle(e.SeatChanged(SeatId(f"s{number}"), True, False), now)
        engine.handle(e.AgentSignedIn(agent.id, SeatId(f"s{number}")), now)
        if number % 2:
            engine.handle(e.AgentPaused(agent.id), now)
        engine.take_facts()
    return engine


class Traffic:
    """Calls one after the other, for services by chance."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.rng, self.now, self.number = engine, random.Random(2), 1_000.0, 0

    def calls(self, count: int) -> None:
        """As many calls from queue entry to completed."""
        self._calls(count, self.engine.handle)

    def kept(self, count: int) -> list[list[Command]]:
        """What the engine answered to each event of as many calls."""
        answers: list[list[Command]] = []

        def handle(event: e.Event, now: float) -> list[Command]:
            answers.append(self.engine.handle(event, now))
            return answers[-1]

        self._calls(count, handle)
        return answers

    def alone(self, answers: list[list[Command]]) -> None:
        """Calls to whose events the answer is there already."""
        answer = iter(answers)
        self._calls(len(answers) // EVENTS_PER_CALL, lambda event, now: next(answer))

    def timed(self, count: int) -> tuple[list[float], list[float]]:
        """Seconds of each `handle` of as many calls, and of those that made an offer."""
        every: list[float] = []
        offers: list[float] = []

        def handle(event: e.Event, now: float) -> list[Command]:
            begin = time.perf_counter()
            done = self.engine.handle(event, now)
            every.append(time.perf_counter() - begin)
            if done and isinstance(done[0], Offer):
                offers.append(every[-1])
            return done

        self._calls(count, handle)
        return every, offers

    def _calls(self, count: int, handle: Callable[[e.Event, float], list[Command]]) -> None:
        for _ in range(count):
            self.number += 1
            self.now += 1.0
            contact = ContactId(str(self.number))
            service = SERVICES[self.rng.randrange(len(SERVICES))].id
            (offer,) = handle(e.ContactQueued(contact, service, "PJSIP/t-1"), self.now)
            assert isinstance(offer, Offer)
            handle(e.OfferRinging(offer.offer), self.now)
            handle(e.OfferConnected(offer.offer, contact), self.now)
            handle(e.TalkEnded(offer.offer, "caller"), self.now)
            handle(e.WrapUpEnded(offer.agent), self.now)
            self.engine.take_facts()


def waiting_us(count: int) -> float:
    """A caller comes and one goes, with `count` waiting and nobody ready: cost of an event."""
    engine = Engine()
    engine.handle(e.Configured(Centre(SERVICES, ())), 0.0)
    rng, number = random.Random(3), [0]

    def arrive() -> None:
        number[0] += 1
        engine.handle(e.ContactQueued(ContactId(str(number[0])), rng.choice(SERVICES).id), number[0] * 1.0)

    def turn() -> None:
        for _ in range(CALLS):
            arrive()
            engine.handle(e.ContactGone(ContactId(str(number[0] - count))), number[0] * 1.0)
            engine.take_facts()

    for _ in range(count):
        arrive()
    engine.take_facts()
    return cpu_us((turn, 2 * CALLS))[0]


def rows() -> list[Row]:
    """Cost by size and its growth, and by how many wait."""
    small_traffic, large_traffic = Traffic(house(SMALL)), Traffic(house(LARGE))
    small_traffic.calls(CALLS)
    large_traffic.calls(CALLS)
    answers = small_traffic.kept(CALLS)
    small, large, alone = cpu_us((lambda: small_traffic.calls(CALLS), CALLS * EVENTS_PER_CALL),
                                 (lambda: large_traffic.calls(CALLS), CALLS * EVENTS_PER_CALL),
                                 (lambda: small_traffic.alone(answers), CALLS * EVENTS_PER_CALL))
    (small_each, small_offers), (_, large_offers) = small_traffic.timed(CALLS), large_traffic.timed(CALLS)
    few, many = waiting_us(20), waiting_us(20_000)
    growth = large / small
    return [
        *(Row(f"decision.event.{size}", value, "us", f"the events alone: {alone:.2g} us", None,
              f"<= {EVENT_MAX_US[size]:g} us", value <= EVENT_MAX_US[size])
          for size, value in ((SMALL, small), (LARGE, large))),
        Row("decision.event.growth", large, "us", f"{SMALL} agents: {small:.3g} us", growth, f"<= {GROWTH_MAX}x",
            growth <= GROWTH_MAX),
        Row(f"decision.handle.{SMALL}", median(small_each) * 1e6, "us", "", None, "", None),
        *(Row(f"decision.offer.{size}", median(each) * 1e6, "us", "", None, "", None)
          for size, each in ((SMALL, small_offers), (LARGE, large_offers))),
        Row("decision.waiting.20000", many, "us", f"20 waiting: {few:.3g} us", many / few, f"<= {GROWTH_MAX}x",
            many / few <= GROWTH_MAX),
    ]
