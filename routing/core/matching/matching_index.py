"""Index agents and contacts: which fit each other, without looking at all, and what changed since the last assignment.

After each assignment no waiting contact could be given to a ready agent. The next assignment therefore looks only at
later changes. These are agents who became ready (`newly_ready`), and groups that got a contact or were released
(`dirty_groups`). The cost of a choice follows the number of groups that this agent or contact touches. It never follows
the number of agents or contacts.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from routing.core.matching import skill_requirement, strategies
from routing.core.matching.agent_cohort import CALLS, CHANNEL_SETS, LOADS, Cohort, Placement, agent_in_pools
from routing.core.matching.agent_pool import ALL_CHANNELS, ALL_RANKS, CHANNEL_BIT, DISTRESS, Group, Pool, Quota
from routing.core.matching.distress_pool import DistressPool, burden_of, find_step
from routing.core.matching.protocols import RankedAgent, ReadyAgent, WaitingContact
from routing.core.matching.reserve import Reserve
from routing.core.matching.skill_requirement import Requirement, step_duration_s
from routing.core.matching.sorted_queue import LineKey
from routing.core.model.centre_model import HEAVY_LOAD, LOAD_MAX, Agent, Channel, Needs, Service
from routing.core.model.ids import AgentId, ServiceId, SkillId

EXTRA_POOLS_MAX = 32
"""Limit of pools that only the needs or topics of single contacts have asked for. Every pool costs each agent a slot.
Beyond the limit the oldest pool without a waiting contact is dropped."""


class IndexedAgent(ReadyAgent, Protocol):
    """An agent with the fields that this index keeps at the agent. Only the index sets them."""

    cohort: Cohort[Any, Any] | None
    placement: Placement[Any, Any] | None
    placement_code: int
    open_channels: int
    personal_pools: tuple[Pool[Any, Any], ...]
    key: LineKey | None
    ranking_keys: tuple[LineKey, ...]
    is_signed_in: bool
    present_channels: int
    serves: tuple[ServiceId, ...]


class IndexedContact(WaitingContact, Protocol):
    """A contact with the fields that this index keeps at the contact."""

    entry: tuple[float, int, Any]
    """Virtual start, number and the contact itself: its place among contacts of the same weight."""
    group: Group[Any, Any] | None
    displaced_from: tuple[Group[Any, Any], ...]
    step: int

    @property
    def timed_step(self) -> int:
        """Return the step that the contact has reached by time."""


DISTRESS_CALLS_ONLY = (LOADS ** 4 + 1) * CHANNEL_SETS
"""Part of the code of a placement: more than all loads and channels can make."""

ASKED_LAST = 2 * DISTRESS_CALLS_ONLY
"""Part of the code of a placement: more than all other parts can make."""

PoolKey = tuple[int, Requirement, str, int, tuple[Requirement, ...]]
"""Channel, requirement, strategy, heavy load and the steps of a distress service: equal keys share a pool."""

A = TypeVar("A", bound=IndexedAgent)
C = TypeVar("C", bound=IndexedContact)


class Matching(Generic[A, C]):
    """The index of agents and contacts. Build it again from the centre's settings at each reload.

    `half_life_s` is the half-life of handled time, for the strategies that count it. `load_half_life_s` is that of the
    distress load.
    """

    def __init__(self, services: Iterable[Service], agents: Iterable[Agent] = (), half_life_s: float = 3600.0,
                 load_half_life_s: float = 5400.0) -> None:
        self._services = tuple(services)
        self._excluded = skill_requirement.excluded_by(agents)
        self.half_life_s = half_life_s
        self.burden = partial(_burden_key, load_half_life_s)
        """Key of the agents in the tiers of distress services that only the burden orders."""
        self._pools: dict[PoolKey, Pool[A, C]] = {}
        self._extra_pools: OrderedDict[PoolKey, Pool[A, C]] = OrderedDict()
        self._groups: dict[tuple[object, ...], Group[A, C]] = {}
        self._shared: dict[tuple[object, ...], Group[A, C]] = {}
        self._requirements: dict[tuple[object, ...], Requirement] = {}
        self._cohorts: dict[tuple[object, ...], Cohort[A, C]] = {}
        self._signed_in_agents: dict[A, None] = {}
        self.counts_offers = False
        """Whether the strategy of a service needs the number of contacts that an agent was offered."""
        self.quotas: dict[ServiceId, Quota] = {}
        """Quotas of the services with a limit of contacts at agents."""
        self.waiting_groups: dict[Group[A, C], None] = {}
        """Groups in which a contact waits."""
        self.late_count = 0
        """Number of waiting groups of callbacks that were held back."""
        self.distress_count = 0
        """Number of waiting groups of people in distress who are there."""
        self.dirty_groups: dict[Group[A, C], None] = {}
        """Groups that the next assignment must look at."""
        self.version = 0
        """Grows with every new group. A placement of an older version finds its groups again."""
        self._latest: LineKey = (float("-inf"), 0)
        """The greatest key that any agent ever had in a ready queue."""
        self.newly_ready: dict[A, None] = {}
        """Agents that the next assignment must look at. They are not in their ready queues yet."""
        self.groups_to_review: dict[Group[A, C], None] = {}
        """Groups whose step perhaps no agent who is signed in can meet any more, or one can meet it again."""
        self.presence_changed = True
        """Whether the first agent of a rank has come, or the last one has gone, since the last look. A new index has
        had no look: other settings may leave nobody for a contact, even for one that rings at an agent."""
        self.ready_count = 0
        """Number of agents who could be offered something now."""
        self.signed_in_count = 0
        self.reserves: tuple[Reserve, ...] = ()
        """The services that keep agents free."""
        self.closed_reserves = 0
        """Those of them whose free agents may take no other contacts now, as bits."""
        self.keeping_all = False
        """Whether one of them keeps all agents who are there for it, so that other contacts never get these."""
        keeping = [service for service in self._services if service.keeps_free]
        self._reserve_sets = 1 << len(keeping)
        for service in self._services:
            self.add_pools(service)
        self.reserves = tuple(
            Reserve(service, self._distress_pool(Channel.VOICE, service, spare=False), 1 << number)
            for number, service in enumerate(keeping))
        self.closed_reserves = sum([one.bit for one in self.reserves])

    def add_pools(self, service: Service) -> None:
        """Build a pool for everything that callers of a service may ask for."""
        if service.distress:
            self._distress_pool(Channel.VOICE, service, spare=False)
            self.counts_offers |= service.strategy == "fewest_contacts"
            return
        if service.max_talking is not None:
            self.quotas.setdefault(service.id, Quota(service.max_talking))
        self.counts_offers |= service.strategy == "fewest_contacts"
        for step in range(len(service.steps)):
            self._pool_for(Channel.VOICE, service, self.requirement_for(service, step), spare=False)

    # -- contacts ------------------------------------------------------------------------------------------------

    def requirement_for(self, service: Service, step: int, needs: Needs = (),
                    topics: frozenset[str] = frozenset()) -> Requirement:
        """Return what a contact of this service, with its own needs and topics, asks for in this step.

        In distress the steps only rank, so every step asks for the same.
        """
        if topics:
            topics &= self._excluded
        key = service.id, step, needs, topics
        found = self._requirements.get(key)
        if found is None:
            if service.distress:
                found = skill_requirement.build_fit(service, needs, topics, self._excluded)
            else:
                found = skill_requirement.build_requirement(service, step, needs, topics, self._excluded)
            # Needs of single contacts are many and rarely equal, so these requirements are not remembered.
            if needs or topics:
                return found
            self._requirements[key] = found
        return found

    def requirement_of(self, contact: WaitingContact, step: int | None = None) -> Requirement:
        """Return what a contact asks for in its present step, or in another step of its service."""
        return self.requirement_for(contact.service, contact.step if step is None else step, contact.needs,
            contact.topics)

    def group_of(self, contact: WaitingContact, step: int | None = None) -> Group[A, C]:
        """Return the group of a contact in its present step, or in another step of its service."""
        if step is None:
            step = contact.step
        needs, topics = contact.needs, contact.topics
        if topics:
            topics &= self._excluded
        if needs or topics:
            return self._new_group(contact, step, needs, topics)
        key = (contact.node, contact.channel, contact.service.id, step, contact.beyond_ceiling, contact.deferred,
               contact.callback and contact.service.distress)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = self._new_group(contact, step, needs, topics)
        return group

    def _new_group(self, contact: WaitingContact, step: int, needs: Needs, topics: frozenset[str]) -> Group[A, C]:
        # 1. The pool, which may be shared with services that ask for more or less of the same skill.
        service, spare = contact.service, bool(needs or topics)
        if service.distress:
            return self._distress_group(contact, self._distress_pool(contact.channel, service, needs, topics,
                spare=spare))
        wanted = self.requirement_for(service, step, needs, topics)
        pool = self._pool_for(contact.channel, service, wanted, spare=spare)
        # 2. The ranks that will do. A shared pool has every level of its one skill, so the group names those it
        # accepts.
        levels, may_relax = ALL_RANKS, step_duration_s(service, step) is not None
        if pool.requirement is not wanted and pool.requirement != wanted:
            levels = 0
            for level in range(wanted.needs[0][1], 101):
                levels |= 1 << pool.strategy.rank(_NOBODY, level)
        # 3. The group. Services whose contacts wait by the same rules share one.
        quota = self.quotas.get(service.id)
        key = contact.node, pool, levels, contact.beyond_ceiling, may_relax, service.weight, quota, contact.deferred
        group = self._shared.get(key)
        if group is None:
            group = Group(contact.node, pool, levels, contact.beyond_ceiling, may_relax, service.weight, quota,
                contact.deferred)
            self._share_group(key, group)
        return group

    def _distress_group(self, contact: WaitingContact, pool: Pool[A, C], *, beside: bool = False) -> Group[A, C]:
        # No quota: no limit of contacts keeps a caller in distress waiting. Beyond the limit of an agent only a first
        # phone rings.
        urgent = contact.beyond_ceiling and not beside
        key = contact.node, pool, urgent, contact.service.weight, contact.callback, beside
        group = self._shared.get(key)
        if group is None:
            ranks = (1 << pool.range_bits) - 1
            group = Group(contact.node, pool, ranks, urgent, False, contact.service.weight, None,
                called_back=contact.callback, beside=beside)
            self._share_group(key, group)
        return group

    def search_beside(self, contact: C) -> None:
        """Add a contact in distress, for which a phone rings, to those that seek one more phone."""
        service, needs, topics = contact.service, contact.needs, contact.topics & self._excluded
        pool = self._distress_pool(contact.channel, service, needs, topics, spare=bool(needs or topics))
        self.add_contact(self._distress_group(contact, pool, beside=True), contact)

    def _share_group(self, key: tuple[object, ...], group: Group[A, C]) -> None:
        self._shared[key] = group
        group.pool.groups.append(group)
        group.restrict(self.closed_reserves)
        self.version += 1

    def step_of(self, contact: WaitingContact, skills: Mapping[SkillId, int]) -> tuple[int, int]:
        """Return the first step of a distress service that an agent who fits meets, and the level there.

        An agent who only meets the floor counts to the last step.
        """
        steps = self._steps_of(contact.service, contact.needs, contact.topics & self._excluded)
        step, level = find_step(steps, self.requirement_of(contact), skills)
        return min(step, len(steps) - 1), level

    def _steps_of(self, service: Service, needs: Needs, topics: frozenset[str]) -> tuple[Requirement, ...]:
        return tuple([skill_requirement.build_requirement(service, step, needs, topics, self._excluded)
                      for step in range(len(service.steps))])

    def first_servable_step(self, contact: WaitingContact, step: int = 0) -> int:
        """Return the first step, from `step` on, that an agent who is signed in could meet.

        The last step counts as met.
        """
        while self.group_of(contact, step).is_unservable:
            step += 1
        return step

    def is_manned(self, contact: WaitingContact, step: int = 0) -> bool:
        """Return whether an agent is there who could take the contact, now or later, in this step or a later one."""
        return any(self._has_taker(self.group_of(contact, later)) for later in range(step, len(contact.service.steps)))

    def _has_taker(self, group: Group[A, C]) -> bool:
        """Return whether an agent is there who fits and is not kept free for ever. Looks at agents only if some are."""
        if not group.is_manned or group.distress or not self.keeping_all:
            return group.is_manned
        return any(record.present_channels & group.pool.channel and self.spared_share(record)
                   for kind in self.cohorts_of(group) for record in kind.agents)

    def spared_share(self, record: A) -> float:
        """Return the share of an agent who is there that contacts outside distress may have, from 0 to 1.

        An agent who is not there for calls, or has said "not now", is kept free for nobody.
        """
        kind = record.cohort
        if kind is None or not kind.reserves or not record.present_channels & CALLS:
            return 1.0
        return min([one.spared_share for one in kind.reserves if one.counts_agent(record)], default=1.0)

    def share_when_come(self, agent: Agent) -> float:
        """Return the share of an agent of the team that contacts outside distress may have after the sign-in."""
        skills, banned = dict(agent.skills), agent.profile.no_topics
        return min([one.share_with(1) for one in self.reserves
                    if one.pool.channel & sum(CHANNEL_BIT[channel] for channel in agent.profile.channels)
                    and one.pool.rank_of(agent, skills, banned) is not None], default=1.0)

    def share_agents(self, one: Group[A, C], other: Group[A, C]) -> bool:
        """Return whether an agent who is signed in fits the contacts of both groups. Looks at each cohort."""
        return any(kind.fits_group(other) for kind in self.cohorts_of(one))

    def cohorts_of(self, group: Group[A, C]) -> Iterator[Cohort[A, C]]:
        """Yield the cohorts whose agents fit the contacts of a group and are signed in."""
        return (kind for kind in self._cohorts.values() if kind.agents and kind.fits_group(group))

    def cohorts(self) -> Iterator[dict[A, None]]:
        """Yield the agents who are signed in, by cohort."""
        return (one.agents for one in self._cohorts.values() if one.agents)

    def search(self, contact: C) -> None:
        """Add a contact to the group of the step in force: the first one that an agent who is signed in could meet.

        The index remembers the steps before it. As soon as an agent could meet one of them, the contact is searched
        for there again.
        """
        first = contact.timed_step
        group = self.group_of(contact, first)
        contact.step = first
        if group.may_relax and group.is_unservable:
            contact.step = self.first_servable_step(contact, first)
            contact.displaced_from = tuple([self.group_of(contact, step) for step in range(first, contact.step)])
            for one in contact.displaced_from:
                one.displaced[contact] = None
            group = self.group_of(contact)
        self.add_contact(group, contact)

    def add_contact(self, group: Group[A, C], contact: C) -> None:
        """Add a contact to a group, at its place by `contact.entry`."""
        contact.group = group
        entry, head = contact.entry, group.head
        group.queue.add(entry)
        # The group is listed as waiting only while it has a contact.
        if head is None:
            group.head = entry
            self.waiting_groups[group] = group.pool.waiting[group] = None
            if group.late:
                self.late_count += 1
            if group.precedence == DISTRESS:
                self.distress_count += 1
        elif entry < head:
            group.head = entry
        self.dirty_groups[group] = None
        # No agent who is signed in fits: the next assignment lets the contact go to its next step.
        if group.may_relax and not group.pool.signed_in_mask & group.levels:
            self.groups_to_review[group] = None

    def add_personal(self, contact: C, record: A) -> None:
        """Add a contact to the personal pool of one agent. The caller of this method must know that the two fit."""
        service = contact.service
        channel, load = CHANNEL_BIT[contact.channel], service.load if service.load >= HEAVY_LOAD else 0
        distress = service.distress
        pool = next((one for one in record.personal_pools if one.channel == channel and one.load == load
                     and one.distress is distress), None)
        if pool is None:
            pool = Pool(channel, _ANYBODY, strategies.STRATEGIES["longest_idle"], load, record, distress=distress,
                reserve_sets=1 if distress else self._reserve_sets)
            record.personal_pools = (*record.personal_pools, pool)
            # An agent who is ready already must be found in the new pool too.
            if record.key is not None and record not in self.newly_ready:
                pool.mask = self._personal_bit(pool, record)
        quota = self.quotas.get(service.id)
        late, called_back = contact.deferred and not distress, contact.callback and distress
        key = contact.node, contact.beyond_ceiling, service.weight, quota, late, called_back
        group = pool.personal.get(key)
        if group is None:
            group = pool.personal[key] = Group(contact.node, pool, 1, contact.beyond_ceiling, False, service.weight,
                quota, late, called_back)
        # Personal groups are not shared, so nobody told them which agents are kept free.
        group.restrict(self.closed_reserves)
        self.add_contact(group, contact)

    def remove_contact(self, contact: C) -> None:
        """Remove a contact from its group. Do nothing if the contact is in none."""
        group = contact.group
        if group is None:
            return
        contact.group = None
        if contact.displaced_from:
            for one in contact.displaced_from:
                one.displaced.pop(contact, None)
            contact.displaced_from = ()
        head = group.head
        # Nearly always the head leaves, which needs no search.
        if head is not None and head[2] is contact:
            group.head = head = group.queue.pop()
        else:
            group.queue.remove(contact.entry)
        if head is None:
            pool = group.pool
            del self.waiting_groups[group], pool.waiting[group]
            if group.late:
                self.late_count -= 1
            if group.precedence == DISTRESS:
                self.distress_count -= 1
            # A personal pool lives only while a contact waits for its agent.
            if pool.owner is not None and not pool.waiting:
                pool.owner.personal_pools = tuple(one for one in pool.owner.personal_pools if one is not pool)

    def mark_all_dirty(self) -> None:
        """Have the next assignment look at every group, because links or rules have changed."""
        self.dirty_groups.update(self.waiting_groups)

    # -- pools ---------------------------------------------------------------------------------------------------

    def _pool_for(self, channel: Channel, service: Service, wanted: Requirement, *, spare: bool) -> Pool[A, C]:
        strategy = strategies.find_strategy(service.strategy)
        # 1. Contacts that ask for one skill share a pool for all its levels. The rank tells the level.
        if strategy.by_level and len(wanted.needs) == 1 and not wanted.where and not wanted.topics:
            wanted = Requirement(((wanted.needs[0][0], 0),))
        key = CHANNEL_BIT[channel], wanted, strategy.name, service.load if service.load >= HEAVY_LOAD else 0, ()
        pool = self._pools.get(key)
        # 2. A new pool gives every cohort one slot more.
        if pool is None:
            pool = Pool(key[0], wanted, strategy, key[3], reserve_sets=self._reserve_sets)
            self._add_pool(key, pool, spare=spare)
        # 3. A pool that a service asks for is never dropped.
        elif not spare:
            self._extra_pools.pop(key, None)
        return pool

    def _distress_pool(self, channel: Channel, service: Service, needs: Needs = (),
                       topics: frozenset[str] = frozenset(), *, spare: bool) -> Pool[A, C]:
        strategy = strategies.find_strategy(service.strategy)
        wanted, steps = self.requirement_for(service, 0, needs, topics), self._steps_of(service, needs, topics)
        key = CHANNEL_BIT[channel], wanted, strategy.name, service.load if service.load >= HEAVY_LOAD else 0, steps
        pool = self._pools.get(key)
        if pool is None:
            pool = DistressPool(key[0], wanted, steps, strategy, key[3], self.burden)
            self._add_pool(key, pool, spare=spare)
        elif not spare:
            self._extra_pools.pop(key, None)
        return pool

    def _add_pool(self, key: PoolKey, pool: Pool[A, C], *, spare: bool) -> None:
        """Add a pool, and give the cohorts that fit one slot more. Agents stay in their other pools."""
        self._pools[key] = pool
        self._fill_pool(pool)
        if spare:
            self._extra_pools[key] = pool
            self._drop_extra_pools()

    def _fill_pool(self, pool: Pool[A, C]) -> None:
        """Give a new pool its agents."""
        stand = []
        for kind in self._cohorts.values():
            rank = kind.add_pool(pool)
            for record in kind.agents if rank is not None else ():
                assert rank is not None
                pool.count_signed_in(rank, 1)
                if record.present_channels & pool.channel and pool.count_present(rank, 1):
                    self.presence_changed = True
                if record.key is not None and record not in self.newly_ready:
                    stand.append(record)
        # In the order of their places each agent goes to the end of a ready queue.
        stand.sort(key=_idle_key)
        for record in stand:
            self._insert_into(pool, record)

    def _insert_into(self, pool: Pool[A, C], record: A) -> None:
        """Put an agent who is in ready queues into the last slot that the agent's placement got."""
        key, standing = record.key, record.placement
        assert key is not None and standing is not None
        if standing.idle_slots and standing.idle_slots[-1][0] is pool:
            _, bit, _, line = standing.idle_slots[-1]
        elif standing.keyed_slots and standing.keyed_slots[-1][1][0] is pool:
            of, (_, bit, _, line) = standing.keyed_slots[-1]
            key = of(record, self.half_life_s), record.index
            # Without other slots of this kind the agent may still have keys of an earlier placement.
            record.ranking_keys = (*record.ranking_keys[:len(standing.keyed_slots) - 1], key)
        # The channels or the load limits of the agent keep these contacts away.
        else:
            return
        line.add(record, key)
        pool.mask |= bit

    def _drop_extra_pools(self) -> None:
        """Drop extra pools beyond the limit. The newest pool always stays."""
        for key, pool in list(self._extra_pools.items())[:-1]:
            if len(self._extra_pools) <= EXTRA_POOLS_MAX:
                return
            if not pool.waiting:
                del self._extra_pools[key], self._pools[key]
                self._empty_pool(pool)
                self._shared = {name: group for name, group in self._shared.items() if group.pool is not pool}

    def _empty_pool(self, pool: Pool[A, C]) -> None:
        """Take the slot of a pool that is dropped away from its agents."""
        for record in self._signed_in_agents:
            standing = record.placement
            # Keys are in the order of the slots, so the key of this slot goes too.
            if standing is not None and standing.keyed_slots and record.key is not None \
                    and record not in self.newly_ready:
                record.ranking_keys = tuple([one for one, (_, place) in zip(
                    record.ranking_keys, standing.keyed_slots, strict=True) if place[0] is not pool])
        for kind in self._cohorts.values():
            kind.remove_pool(pool)

    # -- agents --------------------------------------------------------------------------------------------------

    def _cohort_of(self, agent: Agent) -> Cohort[A, C]:
        profile = agent.profile
        key = agent.skills, profile.channels, profile.max_concurrency, profile.no_topics
        kind = self._cohorts.get(key)
        if kind is None:
            kind = Cohort(agent, self._pools.values(), self.reserves)
            kind.serves = tuple(service.id for service in self._services if any(
                skill_requirement.level_of(self.requirement_for(service, step), kind.skills,
                    profile.no_topics) is not None
                for step in range(len(service.steps))))
            self._cohorts[key] = kind
        return kind

    def sign_in(self, record: A) -> None:
        """Count an agent as signed in. The counts decide whether a step can be met at all."""
        kind = record.cohort = self._cohort_of(agent_in_pools(record))
        record.placement, record.placement_code = None, -1
        record.is_signed_in, record.serves = True, kind.serves
        self.signed_in_count += 1
        self._signed_in_agents[record] = kind.agents[record] = None
        for pool, rank in kind.slots:
            if not pool.signed_in_by_rank.get(rank):
                self.groups_to_review.update(dict.fromkeys([
                    group for group in pool.groups if group.displaced and group.levels >> rank & 1]))
            pool.count_signed_in(rank, 1)
        if record.present_channels:
            self._count_present(record, record.present_channels, 1)
        if kind.reserves:
            for reserve in kind.reserves:
                reserve.signed_in += 1
            self._review_reserves()
            self._review_kept()

    def sign_out(self, record: A) -> None:
        """Stop counting an agent as signed in. Do nothing if the agent was not counted."""
        kind = record.cohort
        if record.is_signed_in and kind is not None:
            self.unindex_agent(record)
            self.signed_in_count -= 1
            del self._signed_in_agents[record], kind.agents[record]
            self.set_present(record, 0)
            if kind.reserves:
                for reserve in kind.reserves:
                    reserve.signed_in -= 1
                self._review_reserves()
                self._review_kept()
            for pool, rank in kind.slots:
                pool.count_signed_in(rank, -1)
                # The last agent of a rank has left: waiting contacts may have nobody in this step any more.
                if not pool.signed_in_by_rank[rank] and pool.waiting:
                    self.groups_to_review.update(pool.waiting)
        record.cohort, record.placement, record.is_signed_in = None, None, False

    def set_present(self, record: A, channels: int) -> None:
        """Count an agent who is signed in as there for these channels, and as gone for all others.

        An agent on a break or not responding is gone for all channels, one with an unreachable phone for calls.
        """
        before = record.present_channels
        if before != channels and record.is_signed_in:
            record.present_channels = channels
            self._count_present(record, before & ~channels, -1)
            self._count_present(record, channels & ~before, 1)

    def _count_present(self, record: A, channels: int, by: int) -> None:
        kind = record.cohort
        assert kind is not None
        if channels:
            for pool, rank in kind.slots:
                if pool.channel & channels and pool.count_present(rank, by):
                    self.presence_changed = True
            if kind.reserves and channels & CALLS:
                for reserve in kind.reserves:
                    if reserve.counts_agent(record):
                        reserve.there += by
                self._review_kept()
            # Of one rank some agents may be kept free and others not, so each of them counts.
            elif self.keeping_all:
                self.presence_changed = True

    def set_declining(self, record: A, declines: bool) -> None:
        """Count an agent as one who has said "not now", or no more. Such an agent is kept free for no heavy service."""
        if record.declines_heavy is declines:
            return
        record.declines_heavy = declines
        kind = record.cohort
        if kind is not None and kind.reserves and record.present_channels & CALLS:
            for reserve in kind.reserves:
                if reserve.pool.load:
                    reserve.there += -1 if declines else 1
            self._review_kept()

    def _review_kept(self) -> None:
        """Find out whether a service keeps all agents who are there for it. Agents may be there for others since."""
        before, self.keeping_all = self.keeping_all, any(not one.spared_share for one in self.reserves)
        if before or self.keeping_all:
            self.presence_changed = True

    def index_agent(self, record: A, channels: int = ALL_CHANNELS) -> None:
        """Make an agent ready for contacts of these channels (bits of `CHANNEL_BIT`).

        While a contact waits the agent is only added to `newly_ready`. The agent enters the ready queues when the next
        assignment finds no contact for them.
        """
        # 1. The code of the placement. Without a limit for normal offers there is none for the other tiers.
        code = channels
        if record.max_load_normal < LOAD_MAX:
            code += (((record.max_load_normal * LOADS + record.max_load_last_resort) * LOADS
                + record.max_load_emergency) * LOADS + record.max_load_distress + 1) * CHANNEL_SETS
        if record.distress_calls_only:
            code += DISTRESS_CALLS_ONLY
        if record.asked_last:
            code += ASKED_LAST
        # 2. The placement, which agents of a cohort share and which rarely changes.
        if code != record.placement_code:
            kind = record.cohort
            assert kind is not None
            standing = kind.placements.get(code)
            if standing is None:
                standing = kind.placements[code] = kind.placement_for(record, channels)
            record.placement, record.placement_code, record.open_channels = standing, code, channels
        # 3. The entry. With a waiting contact the assignment decides first, so that an offer costs no entry and
        # removal.
        record.key = record.idle_since, record.index
        self.ready_count += 1
        if self.reserves and record.placement is not None:
            self._count_free(record.placement.kept_for, 1)
        if self.waiting_groups:
            self.newly_ready[record] = None
        else:
            self._insert_agent(record)

    def _insert_agent(self, record: A) -> None:
        key, standing = record.key, record.placement
        assert key is not None and standing is not None
        # Nearly always the agent became idle later than all others, and goes to the end of each ready queue. The loop
        # does what `ReadyQueue.add` does, without a call for each slot.
        if key > self._latest:
            self._latest = key
            for pool, bit, prompt, _ in standing.idle_slots:
                if not prompt:
                    pool.mask |= bit
                prompt[record] = key
        else:
            for pool, bit, _, line in standing.idle_slots:
                line.add(record, key)
                pool.mask |= bit
        if standing.keyed_slots:
            keys: list[LineKey] = []
            for of, (pool, bit, _, line) in standing.keyed_slots:
                keys.append((of(record, self.half_life_s), record.index))
                line.add(record, keys[-1])
                pool.mask |= bit
            record.ranking_keys = tuple(keys)
        if record.personal_pools:
            for pool in record.personal_pools:
                pool.mask = self._personal_bit(pool, record)

    def _personal_bit(self, pool: Pool[A, C], record: A) -> int:
        closed = record.distress_calls_only and not pool.distress and bool(pool.channel & CALLS)
        tier = pool.tier_for(record) if pool.channel & record.open_channels and not closed else None
        assert record.placement is not None
        return 0 if tier is None else 1 << pool.queue_number(0, tier, record.placement.kept_for)

    def _count_free(self, kept_for: int, by: int) -> None:
        """Count an agent who is free for these services in (+1) or out (-1)."""
        if not kept_for:
            return
        for reserve in self.reserves:
            if reserve.bit & kept_for:
                reserve.free += by
        self._review_reserves()

    def _review_reserves(self) -> None:
        """Find the services whose free agents may take no other contacts, and tell the groups of other contacts."""
        before, closed = self.closed_reserves, sum([one.bit for one in self.reserves if one.is_closed])
        if closed == before:
            return
        self.closed_reserves = closed
        for group in (*self._shared.values(), *self.waiting_groups):
            if not group.distress:
                group.restrict(closed)
        # Agents who were kept free may take what waits now.
        if before & ~closed:
            self.dirty_groups.update(dict.fromkeys(group for group in self.waiting_groups if not group.distress))

    def settle_agents(self) -> None:
        """Put the agents of `newly_ready` into their ready queues, and let the assignment look at the contacts that
        wait there.
        """
        for record in self.newly_ready:
            self._insert_agent(record)
            for pool, _ in self.slots_of(record):
                self.dirty_groups.update(pool.waiting)
        self.newly_ready.clear()

    def groups_served(self, record: A) -> tuple[Group[A, C], ...]:
        """Return the groups that an agent serves, or will serve once settled. In most of them no contact waits."""
        standing = record.placement
        assert standing is not None
        # New groups came since the placement was asked last.
        if standing.version != self.version:
            standing.version = self.version
            standing.groups = tuple([group for pool, bit in self.slots_of(record) for group in pool.groups
                                     if bit & group.all_ranges])
        if record.personal_pools:
            return (*standing.groups, *(group for pool in record.personal_pools for group in pool.waiting
                                        if self._personal_bit(pool, record) & group.all_ranges))
        return standing.groups

    def slots_of(self, record: A) -> Iterator[tuple[Pool[A, C], int]]:
        """Yield the pools of an agent, or those after settling, each with the bit of the ready queue there."""
        standing = record.placement
        assert standing is not None
        for pool, bit, _, _ in standing.idle_slots:
            yield pool, bit
        for _, (pool, bit, _, _) in standing.keyed_slots:
            yield pool, bit
        for pool in record.personal_pools:
            yield pool, self._personal_bit(pool, record)

    def unindex_agent(self, record: A) -> None:
        """Take an agent out of the ready queues. Do nothing if the agent was not ready."""
        key, standing = record.key, record.placement
        if key is None or standing is None:
            return
        record.key = None
        self.ready_count -= 1
        if self.reserves:
            self._count_free(standing.kept_for, -1)
        # The agent was not in a queue yet.
        if self.newly_ready and record in self.newly_ready:
            del self.newly_ready[record]
            return
        # An agent is in `in_order` or in `out_of_order`. The first is far more usual, so a miss may cost an exception.
        for pool, bit, prompt, line in standing.idle_slots:
            try:
                del prompt[record]
            except KeyError:
                line.out_of_order.remove((*key, record))
            if not prompt and not line.out_of_order.size:
                pool.mask ^= bit
        if standing.keyed_slots:
            for (_, (pool, bit, _, line)), at in zip(standing.keyed_slots, record.ranking_keys, strict=True):
                line.remove(record, at)
                if not line:
                    pool.mask ^= bit
        if record.personal_pools:
            for pool in record.personal_pools:
                pool.mask = 0


def _burden_key(load_half_life_s: float, record: RankedAgent, _half_life_s: float) -> float:
    return burden_of(record, load_half_life_s)


def _idle_key(record: IndexedAgent) -> LineKey:
    return record.key or (0.0, 0)


_NOBODY = Agent(AgentId(""), ())
"""An agent for questions in which only the level counts."""

_ANYBODY = Requirement(())
"""Requirement of a personal pool. Its contacts were found to fit before."""
