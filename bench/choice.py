"""The pure choices with the upkeep of their indexes: an agent for a contact, and a contact for an agent.

Each is compared in the same run with a bare index and a plain scan. The bare index has only what such a choice needs:
one strategy, one channel, no limits. The plain scan looks at everybody. All of them must choose the same, or the
measurement stops.
"""

from __future__ import annotations

import gc
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from math import inf
from statistics import median

from bench.row import Row
from routing.core.assignment import group_for_agent
from routing.core.domain import Domain
from routing.core.matching.agent_pool import virtual_start
from routing.core.matching.matching_index import Matching
from routing.core.model.centre_model import Agent, Channel, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.records import AgentRecord, Contact, ContactGroup, Index

TAKES_S = 10.0
SKILLS = tuple(SkillId(f"k{number}") for number in range(12))
SERVICES = tuple(Service(ServiceId(skill), skill, (Step(((skill, 1),)),)) for skill in SKILLS)
LEVELS = (20, 40, 60, 80, 100)
PICKS = 20_000
SCANS = 20
"""Plain scans of one round. Each costs as much as hundreds of choices by the index."""
SETS = 40
"""Different requirements of the waiting callers."""
ROUNDS = 7
SIZES = (180, 10_000, 100_000)
SCANNED = 10_000
OVER_BARE_MAX = 2.0


def cpu_us(*works: tuple[Callable[[], object], int], after: Callable[[], object] | None = None) -> list[float]:
    """Return the CPU microseconds of one piece for each (work, pieces in it), as the median of the rounds.

    Each round runs every work once, so that other load affects all of them. The garbage collector is off. `after` runs
    after each work and is not counted.
    """
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


def build_team(size: int) -> tuple[Agent, ...]:
    """Build agents who take calls, with two to four of the skills on five levels.

    Nobody is due for a break, because a measurement passes hours of traffic and follows no deadlines.
    """
    rng = random.Random(1)
    profile = Profile(channels=frozenset({Channel.VOICE}), wrapup_s=5.0, max_continuous_s=inf)
    return tuple(
        Agent(AgentId(f"a{number}"),
              tuple((skill, rng.choice(LEVELS)) for skill in rng.sample(SKILLS, rng.randint(2, 4))), profile)
        for number in range(size))


def build_record(agent: Agent, number: int, idle_since: float = 0.0) -> AgentRecord:
    """Build the record of an agent with a phone. Without one no call would come."""
    return AgentRecord(agent, number, idle_since=idle_since, seat=SeatId(f"s{number}"))


class ScannedAgent:
    """An agent as the plain scan sees it."""

    __slots__ = ("idle", "since", "skills")

    def __init__(self, agent: Agent, idle: bool, since: float) -> None:
        self.skills, self.idle, self.since = dict(agent.skills), idle, since


class FullScan:
    """The yardstick that looks at every agent."""

    def __init__(self, agents: tuple[Agent, ...], every: int) -> None:
        self.people = [ScannedAgent(agent, number % every == 0, number * 1e-3) for number, agent in enumerate(agents)]

    def pick_agent(self, skill: SkillId) -> int:
        """Return the index of the agent with the best level, then the longest idle time."""
        best, best_level, best_idle = -1, 0, 0.0
        for index, person in enumerate(self.people):
            if person.idle:
                level = person.skills.get(skill, 0)
                if level > best_level or (level == best_level and level and person.since < best_idle):
                    best, best_level, best_idle = index, level, person.since
        return best

    def run_picks(self) -> None:
        """Choose without upkeep, which would only set a flag."""
        for number in range(SCANS):
            self.pick_agent(SKILLS[number % len(SKILLS)])


class BareIndex:
    """The yardstick with an `OrderedDict` for each skill and level, and a mask of levels for each skill.

    The queues of each agent are found in advance.
    """

    def __init__(self, agents: tuple[Agent, ...], every: int) -> None:
        self.mask = [0] * len(SKILLS)
        self.lines: dict[tuple[int, int], OrderedDict[int, None]] = {}
        self.places = [[self._slot_of(SKILLS.index(skill), level) for skill, level in agent.skills] for agent in agents]
        for index in range(0, len(agents), every):
            self.add_idle(index)

    def _slot_of(self, skill: int, level: int) -> tuple[int, int, OrderedDict[int, None]]:
        return skill, 1 << level, self.lines.setdefault((skill, level), OrderedDict())

    def add_idle(self, index: int) -> None:
        """Add an agent who becomes idle."""
        mask = self.mask
        for skill, bit, line in self.places[index]:
            if not line:
                mask[skill] |= bit
            line[index] = None

    def remove_idle(self, index: int) -> None:
        """Remove an agent who becomes busy."""
        mask = self.mask
        for skill, bit, line in self.places[index]:
            del line[index]
            if not line:
                mask[skill] ^= bit

    def pick_agent(self, skill: int) -> int:
        """Return the index of the agent with the best level, then the longest idle time."""
        return next(iter(self.lines[skill, self.mask[skill].bit_length() - 1]))

    def run_picks(self) -> None:
        """Choose the best agents, and make each of them busy and idle again."""
        for number in range(PICKS):
            index = self.pick_agent(number % len(SKILLS))
            self.remove_idle(index)
            self.add_idle(index)


def measure_agent_choice(size: int, every: int = 2) -> tuple[float, float, float]:
    """Measure one choice among `size` agents, of whom one in `every` is idle.

    Return CPU microseconds of the engine's index, of the bare index and of the plain scan.
    """
    # 1. Fill the three with the same agents.
    agents = build_team(size)
    matching: Index = Matching(SERVICES)
    bare, scan = BareIndex(agents, every), FullScan(agents, every)
    for number, agent in enumerate(agents):
        record = build_record(agent, number, idle_since=number * 1e-3)
        matching.sign_in(record)
        if number % every == 0:
            matching.index_agent(record)
    # 2. Stop unless all three choose the same agent.
    groups = [matching.group_of(_build_contact(service, 0)) for service in SERVICES]
    for number, (group, skill) in enumerate(zip(groups, SKILLS, strict=True)):
        if not group.pool.first_agent(group.allowed).index == bare.pick_agent(number) == scan.pick_agent(skill):
            raise AssertionError(f"three ways to choose for {skill}, and not the same agent")
    now = [size * 1.0]

    # 3. Measure the choice with the upkeep of the index.
    def run_picks() -> None:
        for number in range(PICKS):
            group = groups[number % len(groups)]
            record = group.pool.first_agent(group.allowed)
            matching.unindex_agent(record)
            now[0] += 1.0
            record.idle_since = now[0]
            matching.index_agent(record)

    engine, yardstick, slow = cpu_us((run_picks, PICKS), (bare.run_picks, PICKS), (scan.run_picks, SCANS))
    return engine, yardstick, slow


def _build_contact(service: Service, number: int) -> Contact:
    contact = Contact(ContactId(str(number)), service, Channel.VOICE, float(number), 0, number, float(number))
    contact.entry = virtual_start(service, contact.since, contact.priority), number, contact
    return contact


def _draw_requirements() -> tuple[Service, ...]:
    """Draw forty different requirements of one to three skills, each at a level."""
    rng, found = random.Random(4), dict[tuple[tuple[SkillId, int], ...], None]()
    while len(found) < SETS:
        found[tuple((skill, rng.choice(LEVELS[:3])) for skill in sorted(rng.sample(SKILLS, rng.randint(1, 3))))] = None
    return tuple(Service(ServiceId(f"q{number}"), "q", (Step(needs),)) for number, needs in enumerate(found))


class ScannedCaller:
    """A waiting caller as the plain scan sees it."""

    __slots__ = ("key", "needs")

    def __init__(self, needs: tuple[tuple[SkillId, int], ...], key: int) -> None:
        self.needs, self.key = needs, key


class WaitingQueue:
    """Callers for forty requirements, and a thousand agents who become free one after the other.

    Each agent takes the oldest caller who fits. The engine's index, a queue for each requirement with the fitting ones
    listed for each agent, and a scan of every caller choose in turn.
    """

    def __init__(self, count: int) -> None:
        rng, services, agents = random.Random(5), _draw_requirements(), build_team(1_000)
        self.domain = Domain(1, 1)
        self.matching = self.domain.matching = Matching(services)
        self.domain.now, self.number = float(10 * count), count
        self.queues: list[deque[int]] = [deque() for _ in services]
        self.callers: list[ScannedCaller] = []
        for number in range(count):
            which = rng.randrange(SETS)
            contact = _build_contact(services[which], number)
            self.matching.add_contact(self.matching.group_of(contact), contact)
            self.queues[which].append(number)
            self.callers.append(ScannedCaller(services[which].steps[0].needs, number))
        self.skills = [dict(agent.skills) for agent in agents]
        self.fitting = [[which for which, service in enumerate(services)
                         if all(skills.get(skill, -1) >= level for skill, level in service.steps[0].needs)]
                        for skills in self.skills]
        self.turn = [number for number, fitting in enumerate(self.fitting) if fitting]
        self.records = {number: build_record(agents[number], number) for number in self.turn}
        for record in self.records.values():
            self.matching.sign_in(record)
            self.matching.index_agent(record)
        self.took: list[tuple[ContactGroup, Contact]] = []
        self.left: list[int] = []
        self.turns = min(count // 4, PICKS)
        self._check_agreement()

    def _check_agreement(self) -> None:
        """Check that all three give an agent the same caller."""
        for agent in self.turn[:100]:
            group = group_for_agent(self.domain, self.records[agent])
            chosen = None if group is None or group.head is None else group.head[1]
            heads = [self.queues[which][0] for which in self.fitting[agent] if self.queues[which]]
            if not chosen == min(heads, default=None) == self.scan_callers(agent):
                raise AssertionError(f"three ways to choose for agent {agent}, and not the same caller")

    def pick_by_engine(self) -> None:
        """Choose the next contact of each agent and remove it from its queue."""
        part, domain, records, turn, took = (self.matching.remove_contact, self.domain, self.records, self.turn,
                                             self.took)
        for number in range(self.turns):
            group = group_for_agent(domain, records[turn[number % len(turn)]])
            if group is not None and group.head is not None:
                contact = group.head[2]
                part(contact)
                took.append((group, contact))

    def pick_by_queues(self) -> None:
        """Choose and remove with a bare index."""
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

    def scan_callers(self, agent: int) -> int | None:
        """Scan every caller and return the oldest one who fits the agent."""
        skills, first = self.skills[agent], None
        for caller in self.callers:
            for skill, level in caller.needs:
                if skills.get(skill, -1) < level:
                    break
            else:
                if first is None or caller.key < first:
                    first = caller.key
        return first

    def pick_by_scan(self) -> None:
        """Choose without removing."""
        for number in range(SCANS):
            self.scan_callers(self.turn[number % len(self.turn)])

    def refill_queue(self) -> None:
        """Add as many callers of the same kind as were taken."""
        for group, contact in self.took:
            self.number += 1
            contact.entry = float(self.number), self.number, contact
            self.matching.add_contact(group, contact)
        for which in self.left:
            self.queues[which].append(self.number)
            self.number += 1
        self.took.clear()
        self.left.clear()

    def measure_costs(self) -> tuple[float, float, float]:
        """Return CPU microseconds of one choice by the engine's index, by the bare index and by a scan."""
        engine, bare, slow = cpu_us((self.pick_by_engine, self.turns), (self.pick_by_queues, self.turns),
                                    (self.pick_by_scan, SCANS), after=self.refill_queue)
        return engine, bare, slow


def measure_rows() -> list[Row]:
    """Measure both choices against a bare index and a plain scan."""
    found: list[Row] = []
    for size in SIZES:
        engine, bare, scan = measure_agent_choice(size)
        found.append(Row(f"choice.agent.{size}", engine, "us", f"bare index: {bare:.3g} us", engine / bare,
                         f"<= {OVER_BARE_MAX:g}x", engine / bare <= OVER_BARE_MAX))
        if size == SCANNED:
            found.append(_scan_row("choice.agent.scan", engine, scan))
    engine, _, scan = measure_agent_choice(SCANNED, 20)
    found.append(_scan_row("choice.agent.scan.5%idle", engine, scan))
    for count in (20, 2_000, 20_000):
        engine, bare, scan = WaitingQueue(count).measure_costs()
        found.append(Row(f"choice.caller.{count}", engine, "us", f"bare index: {bare:.3g} us", engine / bare, "", None))
        if count == 2_000:
            found.append(_scan_row("choice.caller.scan", engine, scan))
    return found


def _scan_row(name: str, engine: float, scan: float) -> Row:
    return Row(name, engine, "us", f"plain scan: {scan:.4g} us", scan / engine, "", None)
