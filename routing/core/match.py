"""The index of agents and contacts: which fit each other, without looking at everybody, and what changed since the last
assignment.

After each assignment no waiting contact could be given to a ready agent. The next assignment therefore looks only at
what came since. These are agents who became ready (`fresh`), and groups that got a contact or were released
(`calling`). The cost of a choice follows the number of groups that this agent or contact touches. It never follows the
number of agents or contacts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from routing.core import requirement, strategies
from routing.core.ids import AgentId, ServiceId
from routing.core.kind import CHANNEL_SETS, LOAD_MAX, LOADS, Kind, Standing, for_both, tier_of
from routing.core.line import LineKey
from routing.core.matching.protocols import ReadyAgent, WaitingContact
from routing.core.model import Agent, Channel, Needs, Service
from routing.core.pool import ALL_CHANNELS, ALL_RANKS, CHANNEL_BIT, HEAVY, Group, Pool, Quota
from routing.core.requirement import Requirement, lasts

SPARE_POOLS = 32
"""Limit of pools that only the needs or topics of single contacts have asked for. Every pool costs each agent a place.
Beyond the limit the oldest pool in which no contact waits is dropped."""


class IndexedAgent(ReadyAgent, Protocol):
    """An agent with the fields that this index keeps at the agent. Only the index sets them."""

    kind: Kind[Any, Any] | None
    standing: Standing[Any, Any] | None
    code: int
    channels: int
    own: tuple[Pool[Any, Any], ...]
    key: LineKey | None
    keys: tuple[LineKey, ...]
    signed: bool
    serves: tuple[ServiceId, ...]


class IndexedContact(WaitingContact, Protocol):
    """A contact with the field that this index keeps at the contact."""

    group: Group[Any, Any] | None


A = TypeVar("A", bound=IndexedAgent)
C = TypeVar("C", bound=IndexedContact)


class Matching(Generic[A, C]):
    """The index of agents and contacts. Build it again from the centre's settings at each reload. `half_life_s` is the
    half-life of handled time, for the strategies that count it."""

    def __init__(self, services: Iterable[Service], agents: Iterable[Agent] = (), half_life_s: float = 3600.0) -> None:
        self._services = tuple(services)
        self._excluded = requirement.excluded_by(agents)
        self.half_life_s = half_life_s
        self._pools: dict[tuple[int, Requirement, str, int], Pool[A, C]] = {}
        self._spare: OrderedDict[tuple[int, Requirement, str, int], Pool[A, C]] = OrderedDict()
        self._groups: dict[tuple[object, ...], Group[A, C]] = {}
        self._shared: dict[tuple[object, ...], Group[A, C]] = {}
        self._requirements: dict[tuple[object, ...], Requirement] = {}
        self._kinds: dict[tuple[object, ...], Kind[A, C]] = {}
        self._signed: dict[A, None] = {}
        self.counts_offers = False
        """A strategy of a service needs the number of contacts that an agent was offered."""
        self.quotas: dict[ServiceId, Quota] = {}
        """Quotas of the services with a limit of contacts at agents."""
        self.active: dict[Group[A, C], None] = {}
        """Groups in which a contact waits."""
        self.calling: dict[Group[A, C], None] = {}
        """Groups that the next assignment must look at."""
        self.version = 0
        """Grows with every new group. A standing of an older version finds its groups again."""
        self._latest: LineKey = (float("-inf"), 0)
        """The greatest key that any agent ever had in a line."""
        self.fresh: dict[A, None] = {}
        """Agents that the next assignment must look at. They are not in their lines yet."""
        self.unmet: dict[Group[A, C], None] = {}
        """Groups whose step perhaps no agent who is signed in can meet."""
        self.ready = 0
        """Number of agents who could be offered something now."""
        self.signed_in = 0
        for service in self._services:
            self.cover(service)

    def cover(self, service: Service) -> None:
        """Build a pool for everything that callers of a service may ask for."""
        if service.max_talking is not None:
            self.quotas.setdefault(service.id, Quota(service.max_talking))
        self.counts_offers |= service.strategy == "fewest_contacts"
        for step in range(len(service.steps)):
            self._pool(Channel.VOICE, service, self.requirement(service, step), spare=False)

    # -- contacts ------------------------------------------------------------------------------------------------

    def requirement(self, service: Service, step: int, needs: Needs = (),
                    topics: frozenset[str] = frozenset()) -> Requirement:
        """Return what a contact of this service, with its own needs and topics, asks for in this step."""
        if topics:
            topics &= self._excluded
        key = service.id, step, needs, topics
        found = self._requirements.get(key)
        if found is None:
            found = requirement.asked(service, step, needs, topics, self._excluded)
            if needs or topics:
                return found  # of single contacts: not worth remembering
            self._requirements[key] = found
        return found

    def requirement_of(self, contact: WaitingContact, step: int | None = None) -> Requirement:
        """Return what a contact asks for in its present step, or in another step of its service."""
        return self.requirement(contact.service, contact.step if step is None else step, contact.needs, contact.topics)

    def group(self, contact: WaitingContact, step: int | None = None) -> Group[A, C]:
        """Return the group of a contact in its present step, or in another step of its service."""
        if step is None:
            step = contact.step
        needs, topics = contact.needs, contact.topics
        if topics:
            topics &= self._excluded
        if needs or topics:
            return self._new_group(contact, step, needs, topics)
        key = contact.node, contact.channel, contact.service.id, step, contact.urgent
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = self._new_group(contact, step, needs, topics)
        return group

    def _new_group(self, contact: WaitingContact, step: int, needs: Needs, topics: frozenset[str]) -> Group[A, C]:
        service, spare = contact.service, bool(needs or topics)
        wanted = self.requirement(service, step, needs, topics)
        pool = self._pool(contact.channel, service, wanted, spare=spare)
        levels, may_relax = ALL_RANKS, lasts(service, step) is not None
        if pool.requirement is not wanted and pool.requirement != wanted:  # the pool has every level of the one skill
            levels = 0
            for level in range(wanted.needs[0][1], 101):
                levels |= 1 << pool.strategy.rank(_NOBODY, level)
        quota = self.quotas.get(service.id)
        key = contact.node, pool, levels, contact.urgent, may_relax, service.weight, quota
        group = self._shared.get(key)
        if group is None:
            group = Group(contact.node, pool, levels, contact.urgent, may_relax, service.weight, quota)
            self._shared[key] = group
            pool.groups.append(group)
            self.version += 1
        return group

    def met(self, contact: WaitingContact) -> int:
        """Return the first step, from the present one on, that an agent who is signed in could meet. The last step
        counts as met."""
        step = contact.step
        while self.group(contact, step).unmet:
            step += 1
        return step

    def sample(self, most: int) -> list[A]:
        """Return at most `most` of the agents who are signed in, those with the longest session first."""
        return list(islice(self._signed, most))

    def join(self, group: Group[A, C], contact: C) -> None:
        """Add a contact to a group, at its place by `contact.key`."""
        contact.group = group
        start, number = contact.key
        entry, head = (start, number, contact), group.head
        group.line.add(entry)
        if head is None:
            group.head = entry
            self.active[group] = group.pool.waiting[group] = None
        elif entry < head:
            group.head = entry
        self.calling[group] = None
        if group.may_relax and not group.pool.signed_mask & group.levels:
            self.unmet[group] = None

    def join_personal(self, contact: C, record: A) -> None:
        """Add a contact to the personal pool of one agent. The caller of this method must know that the two fit."""
        service = contact.service
        channel, load = CHANNEL_BIT[contact.channel], service.load if service.load >= HEAVY else 0
        pool = next((one for one in record.own if one.channel == channel and one.load == load), None)
        if pool is None:
            pool = Pool(channel, _ANYBODY, strategies.STRATEGIES["longest_idle"], load, record)
            record.own = (*record.own, pool)
            if record.key is not None and record not in self.fresh:
                pool.mask = self._own_bit(pool, record)
        quota = self.quotas.get(service.id)
        key = contact.node, contact.urgent, service.weight, quota
        group = pool.personal.get(key)
        if group is None:
            group = pool.personal[key] = Group(contact.node, pool, 1, contact.urgent, False, service.weight, quota)
        self.join(group, contact)

    def part(self, contact: C) -> None:
        """Remove a contact from its group. Do nothing if the contact is in none."""
        group = contact.group
        if group is None:
            return
        contact.group = None
        head = group.head
        if head is not None and head[2] is contact:  # nearly always
            group.head = head = group.line.pop()
        else:
            start, number = contact.key
            group.line.remove((start, number, contact))
        if head is None:
            pool = group.pool
            del self.active[group], pool.waiting[group]
            if pool.owner is not None and not pool.waiting:
                pool.owner.own = tuple(one for one in pool.owner.own if one is not pool)

    def refresh(self) -> None:
        """Have the next assignment look at every group, because links or rules have changed."""
        self.calling.update(self.active)

    # -- pools ---------------------------------------------------------------------------------------------------

    def _pool(self, channel: Channel, service: Service, wanted: Requirement, *, spare: bool) -> Pool[A, C]:
        strategy = strategies.named(service.strategy)
        if strategy.by_level and len(wanted.needs) == 1 and not wanted.where and not wanted.topics:
            wanted = Requirement(((wanted.needs[0][0], 0),))
        key = CHANNEL_BIT[channel], wanted, strategy.name, service.load if service.load >= HEAVY else 0
        pool = self._pools.get(key)
        if pool is not None and not spare:
            self._spare.pop(key, None)
        if pool is None:
            pool = Pool(key[0], wanted, strategy, key[3])
            with_agents = list(self._signed)
            stood = self._clear(with_agents)
            self._pools[key] = pool
            if spare:
                self._spare[key] = pool
                self._give_up_spare()
            self._fill(with_agents, stood)
        return pool

    def _give_up_spare(self) -> None:
        """Bound the pools of single contacts. The newest pool always stays."""
        for key, pool in list(self._spare.items())[:-1]:
            if len(self._spare) <= SPARE_POOLS:
                return
            if not pool.waiting:
                del self._spare[key], self._pools[key]
                self._shared = {name: group for name, group in self._shared.items() if group.pool is not pool}

    def _clear(self, records: Iterable[A]) -> list[A]:
        """Remove all agents from the pools. Return those who were in lines, in the order in which they must be added
        again."""
        self.settle()
        stood = sorted((record for record in records if record.key is not None), key=_by_idle)
        for record in records:
            self.sign_out(record)
        self._kinds.clear()
        return stood

    def _fill(self, records: Iterable[A], stood: Iterable[A]) -> None:
        for record in records:
            self.sign_in(record)
        for record in stood:
            self.stand(record, record.channels)
        self.settle()

    # -- agents --------------------------------------------------------------------------------------------------

    def _kind(self, agent: Agent) -> Kind[A, C]:
        profile = agent.profile
        key = agent.skills, profile.channels, profile.max_concurrency, profile.no_topics
        kind = self._kinds.get(key)
        if kind is None:
            kind = Kind(agent, self._pools.values())
            kind.serves = tuple(service.id for service in self._services if any(
                requirement.level(self.requirement(service, step), kind.skills, profile.no_topics) is not None
                for step in range(len(service.steps))))
            self._kinds[key] = kind
        return kind

    def sign_in(self, record: A) -> None:
        """Count an agent as signed in. The counts decide whether a step can be met at all."""
        kind = record.kind = self._kind(for_both(record))
        record.standing, record.code = None, -1
        record.signed, record.serves = True, kind.serves
        self.signed_in += 1
        self._signed[record] = None
        for pool, rank in kind.places:
            pool.sign(rank, 1)

    def sign_out(self, record: A) -> None:
        """Stop counting an agent as signed in. Do nothing if the agent was not counted."""
        kind = record.kind
        if record.signed and kind is not None:
            self.leave(record)
            self.signed_in -= 1
            del self._signed[record]
            for pool, rank in kind.places:
                pool.sign(rank, -1)
                if not pool.signed[rank] and pool.waiting:
                    self.unmet.update(pool.waiting)
        record.kind, record.standing, record.signed = None, None, False

    def stand(self, record: A, channels: int = ALL_CHANNELS) -> None:
        """Make an agent ready for contacts of these channels (bits of `CHANNEL_BIT`). While a contact waits the agent
        goes to `fresh` only. The agent enters the lines when the next assignment finds nothing for them."""
        code = channels
        if record.gladly < LOAD_MAX:  # else the other two are not less
            code += ((record.gladly * LOADS + record.atmost) * LOADS + record.utmost + 1) * CHANNEL_SETS
        if code != record.code:
            kind = record.kind
            assert kind is not None
            standing = kind.standings.get(code)
            if standing is None:
                standing = kind.standings[code] = kind.standing(record, channels)
            record.standing, record.code, record.channels = standing, code, channels
        record.key = record.idle_since, record.index
        self.ready += 1
        if self.active:
            self.fresh[record] = None
        else:
            self._insert(record)

    def _insert(self, record: A) -> None:
        key, standing = record.key, record.standing
        assert key is not None and standing is not None
        if key > self._latest:  # nearly always: later than everybody, so at the end of every line
            self._latest = key
            for pool, bit, prompt, _ in standing.idle:  # what ReadyLine.add does, without a call for each place
                if not prompt:
                    pool.mask |= bit
                prompt[record] = key
        else:
            for pool, bit, _, line in standing.idle:
                line.add(record, key)
                pool.mask |= bit
        if standing.keyed:
            keys: list[LineKey] = []
            for of, (pool, bit, _, line) in standing.keyed:
                keys.append((of(record, self.half_life_s), record.index))
                line.add(record, keys[-1])
                pool.mask |= bit
            record.keys = tuple(keys)
        if record.own:
            for pool in record.own:
                pool.mask = self._own_bit(pool, record)

    def _own_bit(self, pool: Pool[A, C], record: A) -> int:
        tier = tier_of(record, pool.load) if pool.channel & record.channels else None
        return 0 if tier is None else 1 << pool.number(0, tier)

    def settle(self) -> None:
        """Put the agents of `fresh` into their lines, and have the assignment look at the contacts that wait there."""
        for record in self.fresh:
            self._insert(record)
            for pool, _ in self.places(record):
                self.calling.update(pool.waiting)
        self.fresh.clear()

    def reach(self, record: A) -> tuple[Group[A, C], ...]:
        """Return the groups that an agent serves, or will serve once settled. In most of them no contact waits."""
        standing = record.standing
        assert standing is not None
        if standing.version != self.version:
            standing.version = self.version
            standing.groups = tuple([group for pool, bit in self.places(record) for group in pool.groups
                                     if bit & group.allowed])
        if record.own:
            return (*standing.groups, *(group for pool in record.own for group in pool.waiting
                                        if self._own_bit(pool, record) & group.allowed))
        return standing.groups

    def places(self, record: A) -> Iterator[tuple[Pool[A, C], int]]:
        """Yield the pools of an agent, or those after settling, each with the bit of the line there."""
        standing = record.standing
        assert standing is not None
        for pool, bit, _, _ in standing.idle:
            yield pool, bit
        for _, (pool, bit, _, _) in standing.keyed:
            yield pool, bit
        for pool in record.own:
            yield pool, self._own_bit(pool, record)

    def leave(self, record: A) -> None:
        """Take an agent out of the lines. Do nothing if the agent was not ready."""
        key, standing = record.key, record.standing
        if key is None or standing is None:
            return
        record.key = None
        self.ready -= 1
        if self.fresh and record in self.fresh:
            del self.fresh[record]
            return
        for pool, bit, prompt, line in standing.idle:
            try:
                del prompt[record]
            except KeyError:
                line.late.remove((*key, record))
            if not prompt and not line.late.size:
                pool.mask ^= bit
        if standing.keyed:
            for (_, (pool, bit, _, line)), at in zip(standing.keyed, record.keys, strict=True):
                line.remove(record, at)
                if not line:
                    pool.mask ^= bit
        if record.own:
            for pool in record.own:
                pool.mask = 0


def _by_idle(record: IndexedAgent) -> LineKey:
    return record.key or (0.0, 0)


_NOBODY = Agent(AgentId(""), ())
"""Stands for any agent where only the level counts."""

_ANYBODY = Requirement(())
"""Requirement of a personal pool: contacts in it were found to fit before."""
