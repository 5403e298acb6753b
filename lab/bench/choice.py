"""The pure choices with the upkeep of their indexes: which agent a contact gets, and which contact an agent gets.

Beside each in the same run: a bare index (only what such a choice needs, at its best: one strategy, one channel, no
limits) and a plain scan, which looks at everybody. Every one of them chooses the same, or the measure ends.
"""

from __future__ import annotations

import gc
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from math import inf
from statistics import median

from lab.bench.row import Row
from routing.core.assign import turn_of
from routing.core.domain import Domain
from routing.core.ids import AgentId, ContactId, ServiceId, SkillId
from routing.core.match import Matching
from routing.core.model import Agent, Channel, Profile, Service, Step
from routing.core.records import AgentRecord, Contact, ContactGroup, Index

TAKES_S = 10.0
SKILLS = tuple(SkillId(f"k{number}") for number in range(12))
SERVICES = tuple(Service(ServiceId(skill), skill, (Step(((skill, 1),)),)) for skill in SKILLS)
LEVELS = (20, 40, 60, 80, 100)
PICKS = 20_000
SCANS = 20
"""Plain scans of one round: each costs what hundreds of choices by the index do."""
SETS = 40
"""Different requirements of those who wait."""
ROUNDS = 7
SIZES = (180, 10_000, 100_000)
SCANNED = 10_000
BEFORE_SCAN_MIN = 300.0
OVER_BARE_MAX = 2.0


def cpu_us(*works: tuple[Callable[[], object], int], after: Callable[[], object] | None = None) -> list[float]:
    """For each (work, pieces in it): CPU microseconds of one piece, the median of the rounds. In each round every work
    has its turn, so what disturbs the machine disturbs all; without the garbage collector. `after` each, uncounted."""
    found: list[list[float]] = [[] for _ in works]
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for (work, count), one in zip(works, found, strict=True):
                begin = time.process_time()
                work()
                one.append((time.process_time() - begin) / count * 1e6)
                if after is not None:
                    after()
    finally:
        gc.enable()
    return [median(one) for one in found]


def team(size: int) -> tuple[Agent, ...]:
    """Agents who take calls, with two to four of the skills on five levels. Nobody is due a break: whoever measures
    goes through hours of traffic and follows no deadlines."""
    rng = random.Random(1)
    profile = Profile(channels=frozenset({Channel.VOICE}), wrapup_s=5.0, max_continuous_s=inf)
    return tuple(
        Agent(AgentId(f"a{number}"),
              tuple((skill, rng.choice(LEVELS)) for skill in rng.sample(SKILLS, rng.randint(2, 4))), profile)
        for number in range(size))


class Person:
    """An agent as the plain scan sees them."""

    __slots__ = ("idle", "since", "skills")

    def __init__(self, agent: Agent, idle: bool, since: float) -> None:
        self.skills, self.idle, self.since = dict(agent.skills), idle, since


class Scan:
    """The yardstick: look at every agent."""

    def __init__(self, agents: tuple[Agent, ...], every: int) -> None:
        self.people = [Person(agent, number % every == 0, number * 1e-3) for number, agent in enumerate(agents)]

    def pick(self, skill: SkillId) -> int:
        """Index of the best level, then longest idle."""
        best, best_level, best_idle = -1, 0, 0.0
        for index, person in enumerate(self.people):
            if person.idle:
                level = person.skills.get(skill, 0)
                if level > best_level or (level == best_level and level and person.since < best_idle):
                    best, best_level, best_idle = index, level, person.since
        return best

    def turns(self) -> None:
        """Choose, and no upkeep: a flag costs nothing beside it."""
        for number in range(SCANS):
            self.pick(SKILLS[number % len(SKILLS)])


class Bare:
    """The second yardstick: an `OrderedDict` for each skill and level, a mask of levels for each skill; for each agent
    the lines are found beforehand."""

    def __init__(self, agents: tuple[Agent, ...], every: int) -> None:
        self.mask = [0] * len(SKILLS)
        self.lines: dict[tuple[int, int], OrderedDict[int, None]] = {}
        self.places = [[self._place(SKILLS.index(skill), level) for skill, level in agent.skills] for agent in agents]
        for index in range(0, len(agents), every):
            self.stand(index)

    def _place(self, skill: int, level: int) -> tuple[int, int, OrderedDict[int, None]]:
        return skill, 1 << level, self.lines.setdefault((skill, level), OrderedDict())

    def stand(self, index: int) -> None:
        """An agent becomes idle."""
        mask = self.mask
        for skill, bit, line in self.places[index]:
            if not line:
                mask[skill] |= bit
            line[index] = None

    def leave(self, index: int) -> None:
        """An agent becomes busy."""
        mask = self.mask
        for skill, bit, line in self.places[index]:
            del line[index]
            if not line:
                mask[skill] ^= bit

    def pick(self, skill: int) -> int:
        """Index of the best level, then longest idle."""
        return next(iter(self.lines[skill, self.mask[skill].bit_length() - 1]))

    def turns(self) -> None:
        """Choose the best, make them busy and idle again."""
        for number in range(PICKS):
            index = self.pick(number % len(SKILLS))
            self.leave(index)
            self.stand(index)


def of_agents(size: int, every: int = 2) -> tuple[float, float, float]:
    """One choice among `size` agents, of whom one in `every` is idle: CPU microseconds of the engine's index, of the
    bare one, of the plain scan."""
    agents = team(size)
    matching: Index = Matching(SERVICES)
    bare, scan = Bare(agents, every), Scan(agents, every)
    for number, agent in enumerate(agents):
        record = AgentRecord(agent, number, idle_since=number * 1e-3)
        matching.sign_in(record)
        if number % every == 0:
            matching.stand(record)
    groups = [matching.group(_contact(service, 0)) for service in SERVICES]
    for number, (group, skill) in enumerate(zip(groups, SKILLS, strict=True)):
        if not group.pool.first(group.allowed).index == bare.pick(number) == scan.pick(skill):
            raise AssertionError(f"three ways to choose for {skill}, and not the same agent")
    now = [size * 1.0]

    def choose() -> None:
        for number in range(PICKS):
            group = groups[number % len(groups)]
            record = group.pool.first(group.allowed)
            matching.leave(record)
            now[0] += 1.0
            record.idle_since = now[0]
            matching.stand(record)

    engine, yardstick, slow = cpu_us((choose, PICKS), (bare.turns, PICKS), (scan.turns, SCANS))
    return engine, yardstick, slow


def _contact(service: Service, number: int) -> Contact:
    contact = Contact(ContactId(str(number)), service, Channel.VOICE, float(number), 0, number, float(number))
    contact.key = contact.line_key()
    return contact


def _wanted() -> tuple[Service, ...]:
    """Forty different requirements: one to three skills at a level."""
    rng, found = random.Random(4), dict[tuple[tuple[SkillId, int], ...], None]()
    while len(found) < SETS:
        found[tuple((skill, rng.choice(LEVELS[:3])) for skill in sorted(rng.sample(SKILLS, rng.randint(1, 3))))] = None
    return tuple(Service(ServiceId(f"q{number}"), "q", (Step(needs),)) for number, needs in enumerate(found))


class Caller:
    """Who waits, as the plain scan sees them."""

    __slots__ = ("key", "needs")

    def __init__(self, needs: tuple[tuple[SkillId, int], ...], key: int) -> None:
        self.needs, self.key = needs, key


class Waiting:
    """So many callers for forty requirements, and a thousand agents who become free one after the other: each takes the
    oldest who fits. By the engine's index, by a queue for each requirement with the fitting ones listed for each agent,
    and by a look at every caller."""

    def __init__(self, count: int) -> None:
        rng, services, agents = random.Random(5), _wanted(), team(1_000)
        self.domain = Domain(1, 1)
        self.matching = self.domain.matching = Matching(services)
        self.domain.now, self.number = float(10 * count), count
        self.queues: list[deque[int]] = [deque() for _ in services]
        self.callers: list[Caller] = []
        for number in range(count):
            which = rng.randrange(SETS)
            contact = _contact(services[which], number)
            self.matching.join(self.matching.group(contact), contact)
            self.queues[which].append(number)
            self.callers.append(Caller(services[which].steps[0].needs, number))
        self.skills = [dict(agent.skills) for agent in agents]
        self.fitting = [[which for which, service in enumerate(services)
                         if all(skills.get(skill, -1) >= level for skill, level in service.steps[0].needs)]
                        for skills in self.skills]
        self.turn = [number for number, fitting in enumerate(self.fitting) if fitting]
        self.records = {number: AgentRecord(agents[number], number) for number in self.turn}
        for record in self.records.values():
            self.matching.sign_in(record)
            self.matching.stand(record)
        self.took: list[tuple[ContactGroup, Contact]] = []
        self.left: list[int] = []
        self.turns = min(count // 4, PICKS)
        self._check()

    def _check(self) -> None:
        """All three give an agent the same caller."""
        for agent in self.turn[:100]:
            group = turn_of(self.domain, self.records[agent])
            chosen = None if group is None or group.head is None else group.head[1]
            heads = [self.queues[which][0] for which in self.fitting[agent] if self.queues[which]]
            if not chosen == min(heads, default=None) == self.look(agent):
                raise AssertionError(f"three ways to choose for agent {agent}, and not the same caller")

    def by_engine(self) -> None:
        """Whose turn it is, and out of the line."""
        part, domain, records, turn, took = self.matching.part, self.domain, self.records, self.turn, self.took
        for number in range(self.turns):
            group = turn_of(domain, records[turn[number % len(turn)]])
            if group is not None and group.head is not None:
                contact = group.head[2]
                part(contact)
                took.append((group, contact))

    def by_queues(self) -> None:
        """The same with a bare index."""
        queues, fitting, turn, left = self.queues, self.fitting, self.turn, self.left
        for number in range(self.turns):
            best, first = -1, 0
            for which in fitting[turn[number % len(turn)]]:
                queue = queues[which]
                if queue and (best < 0 or queue[0] < first):
                    best, first = which, queue[0]
            if best >= 0:
                queues[best].popleft()
                left.append(best)

    def look(self, agent: int) -> int | None:
        """A look at every caller: does the agent fit, is this one older."""
        skills, first = self.skills[agent], None
        for caller in self.callers:
            for skill, level in caller.needs:
                if skills.get(skill, -1) < level:
                    break
            else:
                if first is None or caller.key < first:
                    first = caller.key
        return first

    def by_looking(self) -> None:
        """Choose only."""
        for number in range(SCANS):
            self.look(self.turn[number % len(self.turn)])

    def refill(self) -> None:
        """As many like them come."""
        for group, contact in self.took:
            self.number += 1
            contact.key = (float(self.number), self.number)
            self.matching.join(group, contact)
        for which in self.left:
            self.queues[which].append(self.number)
            self.number += 1
        self.took.clear()
        self.left.clear()

    def costs(self) -> tuple[float, float, float]:
        """CPU microseconds of one choice: by the engine's index, by the bare one, by a look at everybody."""
        engine, bare, slow = cpu_us((self.by_engine, self.turns), (self.by_queues, self.turns),
                                    (self.by_looking, SCANS), after=self.refill)
        return engine, bare, slow


def rows() -> list[Row]:
    """Both choices, beside a bare index and a plain scan."""
    found: list[Row] = []
    for size in SIZES:
        engine, bare, scan = of_agents(size)
        found.append(Row(f"choice.agent.{size}", engine, "us", f"bare index: {bare:.3g} us", engine / bare,
                         f"<= {OVER_BARE_MAX:g}x", engine / bare <= OVER_BARE_MAX))
        if size == SCANNED:
            found.append(_scan("choice.agent.scan", engine, scan, goal=True))
    engine, _, scan = of_agents(SCANNED, 20)
    found.append(_scan("choice.agent.scan.5%idle", engine, scan, goal=False))
    for count in (20, 2_000, 20_000):
        engine, bare, scan = Waiting(count).costs()
        found.append(Row(f"choice.caller.{count}", engine, "us", f"bare index: {bare:.3g} us", engine / bare, "", None))
        if count == 2_000:
            found.append(_scan("choice.caller.scan", engine, scan, goal=True))
    return found


def _scan(name: str, engine: float, scan: float, *, goal: bool) -> Row:
    return Row(name, engine, "us", f"plain scan: {scan:.4g} us", scan / engine,
               f">= {BEFORE_SCAN_MIN:g}x" if goal else "", scan / engine >= BEFORE_SCAN_MIN if goal else None)
