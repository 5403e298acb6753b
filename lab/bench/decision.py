"""What a routing decision costs: the shipped engine, small and huge, beside a plain scan in the same run.

Twelve skills, two to four each, half of the agents idle. A *call* is the five events from queue entry to the end of
wrap-up, so a figure "per event" has the decision, all facts and the bookkeeping in it. CPU time, the median of several
rounds.
"""

from __future__ import annotations

import gc
import random
import time
from collections import OrderedDict
from collections.abc import Callable
from statistics import median

from lab.bench.row import Row
from routing.core import events as e
from routing.core.commands import Offer
from routing.core.engine import Engine
from routing.core.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.match import Matching
from routing.core.model import Agent, Centre, Channel, Profile, Service, Step
from routing.core.records import AgentRecord, Contact


SKILLS = tuple(SkillId(f"k{number}") for number in range(12))
SERVICES = tuple(Service(ServiceId(skill), skill, (Step(((skill, 1),)),)) for skill in SKILLS)
SMALL, MIDDLE, LARGE = 180, 10_000, 100_000
ROUNDS = 7
CALLS = 1_000
"""Calls of one round: long enough for the clock, short enough for a bench of seconds."""
EVENTS_PER_CALL = 5
PICKS = 2_000
SCANS = 20
"""Plain scans of one round: each costs what hundreds of choices by the index do."""
GROWTH_MAX = 3.5
BEFORE_SCAN_MIN = 300.0
OVER_BARE_MAX = 2.0


def team(size: int) -> tuple[Agent, ...]:
    """Agents who take calls, with two to four of the skills on five levels."""
    rng = random.Random(1)
    profile = Profile(channels=frozenset({Channel.VOICE}), wrapup_s=5.0)
    return tuple(
        Agent(AgentId(f"a{number}"),
              tuple((skill, rng.choice((20, 40, 60, 80, 100))) for skill in rng.sample(SKILLS, rng.randint(2, 4))),
              profile)
        for number in range(size))


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
        self.decisions: list[float] = []
        """CPU seconds of each `handle` that made an offer."""

    def calls(self, count: int) -> None:
        """As many calls from queue entry to completed."""
        handle = self.engine.handle
        for _ in range(count):
            self.number += 1
            self.now += 1.0
            contact = ContactId(str(self.number))
            event = e.ContactQueued(contact, SERVICES[self.rng.randrange(len(SERVICES))].id, "PJSIP/t-1")
            begin = time.perf_counter()
            (offer,) = handle(event, self.now)
            self.decisions.append(time.perf_counter() - begin)
            assert isinstance(offer, Offer)
            handle(e.OfferRinging(offer.offer), self.now)
            handle(e.OfferConnected(offer.offer, contact), self.now)
            handle(e.TalkEnded(offer.offer, "caller"), self.now)
            handle(e.WrapUpEnded(offer.agent), self.now)
            self.engine.take_facts()


def cpu_us(work: Callable[[], object], count: int) -> float:
    """CPU microseconds of one of `count` pieces of work; the median of the rounds, without the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        found = []
        for _ in range(ROUNDS):
            begin = time.process_time()
            work()
            found.append((time.process_time() - begin) / count * 1e6)
    finally:
        gc.enable()
    return median(found)


def per_event_us(traffic: Traffic) -> float:
    """Cost of one event of a call."""
    traffic.calls(CALLS)
    return cpu_us(lambda: traffic.calls(CALLS), CALLS * EVENTS_PER_CALL)


class Scan:
    """The yardstick: look at every agent."""

    def __init__(self, agents: tuple[Agent, ...]) -> None:
        self.agents = [(dict(agent.skills), number % 2 == 0, number * 1e-3) for number, agent in enumerate(agents)]

    def pick(self, skill: SkillId) -> int:
        """Index of the best level, then longest idle."""
        best, best_level, best_idle = -1, 0, 0.0
        for index, (skills, idle, since) in enumerate(self.agents):
            if idle:
                level = skills.get(skill, 0)
                if level > best_level or (level == best_level and level and since < best_idle):
                    best, best_level, best_idle = index, level, since
        return best


class Bare:
    """The second yardstick: an `OrderedDict` for each skill and level, a mask of levels for each skill."""

    def __init__(self, agents: tuple[Agent, ...]) -> None:
        self.skills = [agent.skills for agent in agents]
        self.mask = dict.fromkeys(SKILLS, 0)
        self.lines: dict[tuple[SkillId, int], OrderedDict[int, None]] = {}
        for index in range(0, len(agents), 2):
            self.stand(index)

    def stand(self, index: int) -> None:
        """An agent becomes idle."""
        for skill, level in self.skills[index]:
            line = self.lines.get((skill, level))
            if line is None:
                line = self.lines[skill, level] = OrderedDict()
            line[index] = None
            self.mask[skill] |= 1 << level

    def leave(self, index: int) -> None:
        """An agent becomes busy."""
        for skill, level in self.skills[index]:
            line = self.lines[skill, level]
            del line[index]
            if not line:
                self.mask[skill] &= ~(1 << level)

    def turns(self) -> None:
        """Choose the best, make them busy and idle again."""
        for number in range(PICKS):
            skill = SKILLS[number % len(SKILLS)]
            index = next(iter(self.lines[skill, self.mask[skill].bit_length() - 1]))
            self.leave(index)
            self.stand(index)


def choices_us(size: int) -> tuple[float, float, float]:
    """One choice with its bookkeeping: by the engine's index, by the bare one, by the plain scan (which only chooses).
    The first and the last must choose the same agents."""
    agents = team(size)
    matching, bare, scan = Matching(SERVICES), Bare(agents), Scan(agents)
    for number, agent in enumerate(agents):
        record = AgentRecord(agent, number, idle_since=number * 1e-3)
        matching.sign_in(record)
        if number % 2 == 0:
            matching.stand(record)
    groups = [matching.group(Contact(ContactId("0"), service, Channel.VOICE, 0.0, 0, 0, 0.0)) for service in SERVICES]
    for group, skill in zip(groups, SKILLS, strict=True):
        assert group.pool.first(group.allowed).index == scan.pick(skill)
    now = [size * 1.0]

    def choose() -> None:
        for number in range(PICKS):
            group = groups[number % len(groups)]
            record = group.pool.first(group.allowed)
            matching.leave(record)
            now[0] += 1.0
            record.idle_since = now[0]
            matching.stand(record)

    return (cpu_us(choose, PICKS), cpu_us(bare.turns, PICKS),
            cpu_us(lambda: [scan.pick(SKILLS[number % len(SKILLS)]) for number in range(SCANS)], SCANS))


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
    return cpu_us(turn, 2 * CALLS)


def rows() -> list[Row]:
    """Cost by size, growth, and the index beside the scan."""
    small_traffic, large_traffic = Traffic(house(SMALL)), Traffic(house(LARGE))
    small, large = per_event_us(small_traffic), per_event_us(large_traffic)
    fast, bare, slow = choices_us(MIDDLE)
    few, many = waiting_us(20), waiting_us(20 * 1_000)
    growth = large / small
    decision = median(small_traffic.decisions) * 1e6
    return [
        Row(f"decision.event.{SMALL}", small, "us", "", None, "", None),
        Row(f"decision.event.{LARGE}", large, "us", f"{SMALL} agents: {small:.3g} us", growth, f"<= {GROWTH_MAX}x",
            growth <= GROWTH_MAX),
        Row(f"decision.offer.{SMALL}", decision, "us", "", None, "", None),
        Row(f"decision.index.{MIDDLE}", fast, "us", f"bare index: {bare:.3g} us", fast / bare,
            f"<= {OVER_BARE_MAX:g}x", fast / bare <= OVER_BARE_MAX),
        Row(f"decision.scan.{MIDDLE}", fast, "us", f"plain scan: {slow:.3g} us", slow / fast,
            f">= {BEFORE_SCAN_MIN:g}x", slow / fast >= BEFORE_SCAN_MIN),
        Row("decision.waiting.20000", many, "us", f"20 waiting: {few:.3g} us", many / few, f"<= {GROWTH_MAX}x",
            many / few <= GROWTH_MAX),
    ]
