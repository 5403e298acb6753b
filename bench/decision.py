"""Cost of a routing decision of the shipped engine: small and huge teams, few and many waiting callers.

There are twelve skills, two to four for each agent, and half of the agents are idle. A *call* is the five events from
queue entry to the end of wrap-up.

`event` is the CPU of a whole call divided by five, the median of several rounds. It averages the expensive events,
which make an offer, and the cheap ones. Facts, bookkeeping and the making of the events are included. The cost of
making the events alone is shown next to it, measured in the same rounds with stored answers. `handle` is the median of
single `handle()` calls, and `offer` the median of those that make an offer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median

from bench.choice import SERVICES, build_team, cpu_us
from bench.row import Row
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model.centre_model import Centre
from routing.core.model.commands import Command, Offer
from routing.core.model.ids import ContactId, SeatId

TAKES_S = 15.0
SMALL, LARGE = 180, 100_000
CALLS = 1_000
"""Calls of one round: long enough for the clock, short enough for a benchmark of seconds."""
EVENTS_PER_CALL = 5
EVENT_MAX_US = {SMALL: 5.0, LARGE: 12.0}
GROWTH_MAX = 3.5


def build_engine(size: int) -> Engine:
    """Build an engine with everybody signed in and every second agent on a break."""
    engine = Engine()
    agents = build_team(size)
    engine.handle(e.Configured(Centre(SERVICES, agents)), 0.0)
    for number, agent in enumerate(agents):
        now = number * 1e-3
        engine.handle(e.SeatChanged(SeatId(f"s{number}"), True, False), now)
        engine.handle(e.AgentSignedIn(agent.id, SeatId(f"s{number}")), now)
        if number % 2:
            engine.handle(e.AgentPaused(agent.id), now)
        engine.take_facts()
    return engine


class CallTraffic:
    """Calls one after the other, for random services."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.rng, self.now, self.number = engine, random.Random(2), 1_000.0, 0

    def run_calls(self, count: int) -> None:
        """Run `count` calls from queue entry to the end of wrap-up."""
        self._drive_calls(count, self.engine.handle)

    def run_and_record(self, count: int) -> list[list[Command]]:
        """Run `count` calls and return the engine's answer to each event."""
        answers: list[list[Command]] = []

        def record_answer(event: e.Event, now: float) -> list[Command]:
            answers.append(self.engine.handle(event, now))
            return answers[-1]

        self._drive_calls(count, record_answer)
        return answers

    def run_without_engine(self, answers: list[list[Command]]) -> None:
        """Run calls whose answers are given, without the engine."""
        answer = iter(answers)
        self._drive_calls(len(answers) // EVENTS_PER_CALL, lambda event, now: next(answer))

    def run_timed(self, count: int) -> tuple[list[float], list[float]]:
        """Run `count` calls and return the seconds of each `handle`, and of those that made an offer."""
        every: list[float] = []
        offers: list[float] = []

        def time_answer(event: e.Event, now: float) -> list[Command]:
            begin = time.perf_counter()
            done = self.engine.handle(event, now)
            every.append(time.perf_counter() - begin)
            if done and isinstance(done[0], Offer):
                offers.append(every[-1])
            return done

        self._drive_calls(count, time_answer)
        return every, offers

    def _drive_calls(self, count: int, handle: Callable[[e.Event, float], list[Command]]) -> None:
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
    """Return the cost of an event while `count` callers wait and nobody is ready: one caller comes and one goes."""
    engine = Engine()
    engine.handle(e.Configured(Centre(SERVICES, ())), 0.0)
    rng, number = random.Random(3), [0]

    def add_caller() -> None:
        number[0] += 1
        engine.handle(e.ContactQueued(ContactId(str(number[0])), rng.choice(SERVICES).id), number[0] * 1.0)

    def run_turns() -> None:
        for _ in range(CALLS):
            add_caller()
            engine.handle(e.CallerHungUp(ContactId(str(number[0] - count))), number[0] * 1.0)
            engine.take_facts()

    for _ in range(count):
        add_caller()
    engine.take_facts()
    return cpu_us((run_turns, 2 * CALLS))[0]


def measure_rows() -> list[Row]:
    """Measure the cost by team size with its growth, and by the number of waiting callers."""
    small_traffic, large_traffic = CallTraffic(build_engine(SMALL)), CallTraffic(build_engine(LARGE))
    small_traffic.run_calls(CALLS)
    large_traffic.run_calls(CALLS)
    answers = small_traffic.run_and_record(CALLS)
    small, large, alone = cpu_us((lambda: small_traffic.run_calls(CALLS), CALLS * EVENTS_PER_CALL),
                                 (lambda: large_traffic.run_calls(CALLS), CALLS * EVENTS_PER_CALL),
                                 (lambda: small_traffic.run_without_engine(answers), CALLS * EVENTS_PER_CALL))
    (small_each, small_offers), (_, large_offers) = small_traffic.run_timed(CALLS), large_traffic.run_timed(CALLS)
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
