"""Keep pools of ready agents, and groups of waiting contacts.

A *pool* holds the ready agents who fit a requirement on a channel. It has one ready queue for each rank, as the
strategy of the pool ranks the agents. An integer has one bit for each ready queue with an agent. Its highest bit is the
best ready queue. A *group* holds waiting contacts that are served from the same pool by the same rules, in their order.
Only heads of groups are ever compared.

A pool for other services of load 3 and more has three *tiers*, each with its own 128 bits. Tier 0 (the highest bits)
has agents who take such a contact like any other. Tier 1 has agents who take it when no other agent is free. Tier 2 has
agents at their limit. Only groups of contacts beyond the emergency ceiling of the service look there. An agent is in no
ready queue for a load beyond `max_load_emergency`.

Pools of distress services order their agents differently (`distress_pool`). Other contacts may have to leave agents
free for distress (`reserve`). For them each pool has one range of bits for each set of such services. Agents who are
free for none of them are in the highest range. `Group.allowed` has the ranges that are open at the moment.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Generic, TypeAlias

from routing.core.matching import skill_requirement
from routing.core.matching.protocols import A, C, LoadLimited
from routing.core.matching.ready_queue import ReadyQueue
from routing.core.matching.skill_requirement import Requirement
from routing.core.matching.sorted_queue import LineKey, SortedQueue
from routing.core.matching.strategies import Key, Strategy
from routing.core.model.centre_model import PHONE_CHANNELS, Agent, Channel, Service
from routing.core.model.ids import SkillId

Place: TypeAlias = "tuple[Pool[A, C], int, OrderedDict[A, LineKey], ReadyQueue[A]]"
"""A pool, the bit of a ready queue there, the `in_order` of that queue, and the queue."""

# Priority and age are one scale, so a single key orders the contacts of a group.
MINUTE_S = 60.0
"""One point of priority counts as one minute of age (the rule of Genesys: minutes in queue plus priority)."""

CHANNEL_BIT = {channel: 1 << number for number, channel in enumerate(Channel)}
"""Bit of each channel. A set of channels is the sum of its bits."""

ALL_CHANNELS = sum(CHANNEL_BIT.values())

BY_PHONE = sum(CHANNEL_BIT[channel] for channel in PHONE_CHANNELS)
"""Bits of the channels that need the phone of the agent's seat."""

TIER_BITS = 128
"""Bits of a tier: one more than the highest rank."""

ALL_RANKS = (1 << TIER_BITS) - 1


def virtual_start(service: Service, since: float, priority: int) -> float:
    """Return the start of a wait with the points as age: the contact with the smallest one is served first.

    Between services of different weights the elapsed time counts too (`Group`).
    """
    return since * service.weight - MINUTE_S * (service.priority + priority)


def tier_of(record: LoadLimited, load: int) -> int | None:
    """Return the tier of an agent for contacts of this load, or None if the agent takes none of them."""
    if load <= record.max_load_normal:
        return 0
    if load <= record.max_load_last_resort:
        return 1
    return 2 if load <= record.max_load_emergency else None


def distress_tier_of(record: LoadLimited, load: int) -> int | None:
    """Return the tier of an agent for distress contacts of this load. Limits of the centre alone only lower it to 1."""
    if load <= record.max_load_normal:
        return 0
    if load <= record.max_load_distress:
        return 1
    return 2 if load <= record.max_load_emergency else None


DISTRESS, DISTRESS_CALLBACK, FURTHER_PHONE, ORDINARY = range(4)
"""Classes of contacts in the order in which they come: distress first, people who are there before callbacks. Then come
further phones of a person for whom one rings."""


def precedence_of(distress: bool, callback: bool, beside: bool = False) -> int:
    """Return the class of a contact: of a distress service or not, on the line or to be called back. With `beside` it
    seeks a further phone."""
    return ORDINARY if not distress else FURTHER_PHONE if beside else DISTRESS_CALLBACK if callback else DISTRESS


class Quota:
    """Count how many contacts of a service are at agents, with the limit."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit, self.taken = limit, 0


class Pool(Generic[A, C]):
    """Agents who fit a requirement on a channel, or one agent in person (`owner`)."""

    __slots__ = (
        "_slots",
        "channel",
        "distress",
        "groups",
        "key",
        "load",
        "mask",
        "name",
        "owner",
        "personal",
        "present_by_rank",
        "present_mask",
        "ranks_by",
        "ready_queues",
        "requirement",
        "reserve_sets",
        "signed_in_by_rank",
        "signed_in_mask",
        "strategy",
        "waiting",
    )

    def __init__(self, channel: int, requirement: Requirement, strategy: Strategy, load: int,
                 owner: A | None = None, *, distress: bool = False, reserve_sets: int = 1) -> None:
        self.channel = channel
        """Bit of the channel."""
        self.requirement = requirement
        self.strategy, self.name, self.key = strategy, strategy.name, strategy.key
        self.ranks_by = requirement.needs[0][0] if requirement.needs and not requirement.by_where else None
        """Skill whose level ranks the agents, or None if more than one skill decides."""
        self.load = load
        """Load of the services that look here if it is heavy, else 0."""
        self.owner = owner
        self.distress = distress
        self.reserve_sets = reserve_sets
        """Number of sets of services for which agents may be kept free. 1 if no service keeps any."""
        self.ready_queues: dict[int, ReadyQueue[A]] = {}
        self._slots: dict[int, Place[A, C]] = {}
        self.mask = 0
        """Bit n is set if ready queue n has an agent."""
        self.signed_in_by_rank: dict[int, int] = {}
        """Number of agents who are signed in, by rank."""
        self.signed_in_mask = 0
        """Bit n is set if an agent of rank n is signed in."""
        self.present_by_rank: dict[int, int] = {}
        """Number of agents who are there, by rank (`Matching.set_present`)."""
        self.present_mask = 0
        """Bit n is set if an agent of rank n is there."""
        self.groups: list[Group[A, C]] = []
        """All groups that are served from here, without the personal ones."""
        self.waiting: dict[Group[A, C], None] = {}
        """Groups in which a contact waits."""
        self.personal: dict[tuple[object, ...], Group[A, C]] = {}
        """Groups of the owner's pool."""

    def slot_for(self, number: int) -> Place[A, C]:
        """Return the slot of a ready queue.

        All agents in the queue share this value, so a choice reads little cold memory.
        """
        found = self._slots.get(number)
        if found is None:
            line: ReadyQueue[A] = ReadyQueue()
            self.ready_queues[number] = line
            found = self._slots[number] = self, 1 << number, line.in_order, line
        return found

    def queue_number(self, rank: int, tier: int, kept_for: int = 0, asked_last: bool = False) -> int:
        """Return the number of the ready queue of a rank in a tier, for agents who are free for a set of services.

        Only distress asks some agents last.
        """
        number = rank + TIER_BITS * (2 - tier) if self.load else rank
        return number + self.range_bits * (self.reserve_sets - 1 - kept_for) if self.reserve_sets > 1 else number

    @property
    def range_bits(self) -> int:
        """Return the number of bits of one set of services."""
        return 3 * TIER_BITS if self.load else TIER_BITS

    def rank_of(self, agent: Agent, skills: Mapping[SkillId, int], excluded: frozenset[str]) -> int | None:
        """Return the rank of an agent with these skills here, or None if the agent does not fit."""
        level = skill_requirement.level_of(self.requirement, skills, excluded)
        return None if level is None else self.strategy.rank(agent, level)

    def tier_for(self, record: LoadLimited) -> int | None:
        """Return the tier of an agent here, or None if the agent takes none of these contacts."""
        return (distress_tier_of if self.distress else tier_of)(record, self.load)

    def key_for(self, _tier: int) -> Key:
        """Return the function that orders the agents of one rank in a tier."""
        return self.key

    def allowed_tiers(self, levels: int, urgent: bool) -> int:
        """Return the bits of the ready queues of these ranks that may serve a contact, in one range of bits.

        Tiers 0 and 1 are open to every heavy contact, tier 2 only to those beyond the emergency ceiling.
        """
        if not self.load:
            return levels
        return levels << 2 * TIER_BITS | levels << TIER_BITS | (levels if urgent else 0)

    def count_signed_in(self, rank: int, by: int) -> None:
        """Count an agent of this rank in (+1) or out (-1)."""
        count = self.signed_in_by_rank.get(rank, 0) + by
        self.signed_in_by_rank[rank] = count
        if count:
            self.signed_in_mask |= 1 << rank
        else:
            self.signed_in_mask &= ~(1 << rank)

    def count_present(self, rank: int, by: int) -> bool:
        """Count an agent of this rank as there (+1) or gone (-1). Return whether it is the first or the last one."""
        count = self.present_by_rank.get(rank, 0) + by
        self.present_by_rank[rank] = count
        before = self.present_mask
        self.present_mask = before | 1 << rank if count else before & ~(1 << rank)
        return self.present_mask != before

    def first_agent(self, allowed: int) -> A:
        """Return the best agent in the allowed ready queues. There must be one."""
        if self.owner is not None:
            return self.owner
        # The highest bit that is set in both is the best rank with an agent.
        line = self.ready_queues[(self.mask & allowed).bit_length() - 1]
        # `in_order` alone gives its first agent in constant time. The merge of both parts is needed only after a
        # return.
        return next(iter(line if line.out_of_order.size else line.in_order))

    def agents_in_order(self, allowed: int) -> Iterator[A]:
        """Yield the agents in the allowed ready queues, the best first."""
        mask = self.mask & allowed
        while mask:
            number = mask.bit_length() - 1
            yield from self.ready_queues[number]
            mask ^= 1 << number

    def best_agents(self, allowed: int, limit: int) -> list[A]:
        """Return at most `limit` agents in the allowed ready queues, the best first."""
        mask = self.mask & allowed
        if self.owner is not None:
            return [self.owner] if mask else []
        found: list[A] = []
        while mask:
            number = mask.bit_length() - 1
            line = self.ready_queues[number]
            found += islice(line if line.out_of_order.size else line.in_order, limit)
            if len(found) >= limit:
                del found[limit:]
                break
            mask ^= 1 << number
        return found


class Group(Generic[A, C]):
    """Contacts of one node that wait for the same agents by the same rules, in their order.

    The order is that of `since * weight - 60 * points` (`virtual_start`). To compare groups, `now * weight` is
    subtracted. The result is the age times the weight plus a minute for each point, negative, so the smallest goes
    first.
    """

    __slots__ = ("all_ranges", "allowed", "beside", "displaced", "distress", "head", "late", "levels", "may_relax",
                 "node", "pool", "precedence", "queue", "quota", "weight")

    def __init__(self, node: str, pool: Pool[A, C], levels: int, urgent: bool, may_relax: bool, weight: float,
                 quota: Quota | None, late: bool = False, called_back: bool = False, beside: bool = False) -> None:
        self.late = late
        """The contacts are callbacks that were held back (`Contact.deferred`)."""
        self.beside = beside
        """A phone rings for each of the contacts, and one more is sought (`queueing.second_phone`)."""
        self.node = node
        self.pool = pool
        self.levels = levels
        """Bits of the ranks that meet the requirement."""
        tiers = pool.allowed_tiers(levels, urgent)
        self.all_ranges = sum([tiers << pool.range_bits * number for number in range(pool.reserve_sets)])
        """Bits of the ready queues that may serve the group if no agent is kept free."""
        self.allowed = self.all_ranges
        """Those of them that may serve the group now."""
        self.distress = pool.distress
        self.precedence = precedence_of(pool.distress, called_back, beside)
        """Class of the contacts: the smallest comes first, whatever the age."""
        self.may_relax = may_relax
        """Whether the contacts of the group have a next step."""
        self.weight = weight
        self.quota = quota
        self.queue: SortedQueue[tuple[float, int, C]] = SortedQueue()
        self.head: tuple[float, int, C] | None = None
        """First entry of the queue. Every assignment reads it, so it is a field."""
        self.displaced: dict[C, None] = {}
        """Contacts of this step that wait in a later one, because no agent who is signed in meets this step."""

    @property
    def is_unservable(self) -> bool:
        """Return whether there is a next step and no agent who is signed in could meet this one."""
        return self.may_relax and not self.pool.signed_in_mask & self.levels

    def restrict(self, closed: int) -> None:
        """Let agents who are free for one of these services serve the group no more. All others may serve the group.

        `closed` is a set of services that keep agents free, as bits.
        """
        pool = self.pool
        if pool.reserve_sets > 1:
            whole = (1 << pool.range_bits) - 1
            self.allowed = self.all_ranges & sum([
                whole << pool.range_bits * (pool.reserve_sets - 1 - kept_for)
                for kept_for in range(pool.reserve_sets) if not kept_for & closed])

    @property
    def is_manned(self) -> bool:
        """Return whether an agent who fits is there, free or not."""
        return bool(self.pool.present_mask & self.levels)

    @property
    def has_ready_agent(self) -> bool:
        """Return whether an agent could take the first of these contacts now."""
        return bool(self.pool.mask & self.allowed)

    def count_signed_in(self) -> int:
        """Return how many agents who fit are signed in. Looks at each rank."""
        return sum(count for rank, count in self.pool.signed_in_by_rank.items() if count and self.levels >> rank & 1)
