"""Place agents by cohort: agents with the same skills, channels and excluded topics share one set of slots.

The slots of a cohort are found once, at the first sign-in of such an agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple

from routing.core.matching.agent_pool import ALL_CHANNELS, CHANNEL_BIT, Group, Place, Pool
from routing.core.matching.protocols import A, C, ReadyAgent
from routing.core.matching.reserve import Reserve
from routing.core.matching.strategies import Key, longest_idle
from routing.core.model.centre_model import LOAD_MAX, Agent, Channel
from routing.core.model.ids import ServiceId

CALLS = CHANNEL_BIT[Channel.VOICE]

LOADS, CHANNEL_SETS = LOAD_MAX + 1, ALL_CHANNELS + 1
"""Number of values of a load (0 to 5) and of a set of channels. The code of a placement has four loads and one set."""


class LoadLimits(NamedTuple):
    """The load limits of an agent (`protocols.LoadLimited`)."""

    max_load_normal: int
    max_load_last_resort: int
    max_load_emergency: int
    max_load_distress: int


class Placement(Generic[A, C]):
    """The slots of a cohort for certain channels and load limits, and the groups that are served from there."""

    __slots__ = ("asked_last", "channels", "distress_calls_only", "groups", "idle_slots", "kept_for", "keyed_slots",
                 "limits", "version")

    def __init__(self, record: ReadyAgent, channels: int, kept_for: int = 0) -> None:
        self.channels, self.distress_calls_only = channels, record.distress_calls_only
        self.asked_last = record.asked_last
        self.limits = LoadLimits(record.max_load_normal, record.max_load_last_resort, record.max_load_emergency,
                                 record.max_load_distress)
        """Limits of the agents who share this placement."""
        self.kept_for = kept_for
        """Set of reserves for which these agents are free, as bits."""
        self.idle_slots: tuple[Place[A, C], ...] = ()
        """Slots where the key is (idle since, index)."""
        self.keyed_slots: tuple[tuple[Key, Place[A, C]], ...] = ()
        """Slots where the strategy has a different key, each with that key."""
        self.groups: tuple[Group[A, C], ...] = ()
        """The groups as they were when `Matching.version` was `version`."""
        # No version of the index is negative, so the first question finds the groups.
        self.version = -1

    def add_slot(self, pool: Pool[A, C], rank: int) -> None:
        """Add the slot in a pool behind the others, if contacts of the pool may come to these agents."""
        # No other call may interrupt a message in distress.
        if self.distress_calls_only and not pool.distress and pool.channel & CALLS:
            return
        if pool.channel & self.channels and (tier := pool.tier_for(self.limits)) is not None:
            number = pool.queue_number(rank, tier, self.kept_for, self.asked_last)
            place, key = pool.slot_for(number), pool.key_for(tier)
            # Most strategies order by idle time. Their slots share one key, so no key is calculated for each of them.
            if key is longest_idle.key:
                self.idle_slots = (*self.idle_slots, place)
            else:
                self.keyed_slots = (*self.keyed_slots, (key, place))

    def remove_slot(self, pool: Pool[A, C]) -> None:
        """Remove the slot in a pool, if there is one."""
        self.idle_slots = tuple([one for one in self.idle_slots if one[0] is not pool])
        self.keyed_slots = tuple([one for one in self.keyed_slots if one[1][0] is not pool])
        self.version = -1


class Cohort(Generic[A, C]):
    """Agents with the same skills, channels and excluded topics. `pools` are all pools of the index."""

    __slots__ = ("_agent", "agents", "channels", "placements", "reserves", "serves", "skills", "slots")

    def __init__(self, agent: Agent, pools: Iterable[Pool[A, C]], reserves: Iterable[Reserve] = ()) -> None:
        self._agent, profile = agent, agent.profile
        most = dict(profile.max_concurrency)
        self.skills = dict(agent.skills)
        self.channels = sum(CHANNEL_BIT[channel] for channel in profile.channels if most.get(channel, 1) > 0)
        """Bits of the channels that these agents can have now."""
        self.slots: tuple[tuple[Pool[A, C], int], ...] = tuple(
            (pool, rank) for pool in pools if (rank := self._rank_in(pool)) is not None)
        """Pools that these agents fit, each with their rank there."""
        self.agents: dict[A, None] = {}
        """Those who are signed in."""
        self.reserves = tuple(one for one in reserves if any(pool is one.pool for pool, _ in self.slots))
        """Reserves that these agents fit."""
        self.serves: tuple[ServiceId, ...] = ()
        """Services that these agents fit in at least one step."""
        self.placements: dict[int, Placement[A, C]] = {}
        """Placements by the code of channels and load limits (`Matching.index_agent`)."""

    def _rank_in(self, pool: Pool[A, C]) -> int | None:
        """Return the rank of these agents in a pool, or None if they do not fit."""
        if not pool.channel & self.channels:
            return None
        return pool.rank_of(self._agent, self.skills, self._agent.profile.no_topics)

    def find_rank(self, pool: Pool[A, C]) -> int | None:
        """Return the rank of these agents in a pool of the index, or None if they do not fit."""
        return next((rank for one, rank in self.slots if one is pool), None)

    def fits_group(self, group: Group[A, C]) -> bool:
        """Return whether these agents fit the contacts of a group. In a personal group only its owner counts."""
        if group.pool.owner is not None:
            return group.pool.owner in self.agents
        return any(pool is group.pool and group.levels >> rank & 1 for pool, rank in self.slots)

    def add_pool(self, pool: Pool[A, C]) -> int | None:
        """Give these agents a slot in a new pool. Return their rank there, or None if they do not fit."""
        rank = self._rank_in(pool)
        if rank is not None:
            self.slots = (*self.slots, (pool, rank))
            for placement in self.placements.values():
                placement.add_slot(pool, rank)
        return rank

    def remove_pool(self, pool: Pool[A, C]) -> None:
        """Take the slot of a pool away."""
        if any(one is pool for one, _ in self.slots):
            self.slots = tuple([one for one in self.slots if one[0] is not pool])
            for placement in self.placements.values():
                placement.remove_slot(pool)

    def placement_for(self, record: ReadyAgent, channels: int) -> Placement[A, C]:
        """Return the placement of an agent of this cohort who may have contacts of these channels."""
        kept_for = sum([one.bit for one in self.reserves if one.holds(record, channels)])
        found: Placement[A, C] = Placement(record, channels, kept_for)
        for pool, rank in self.slots:
            found.add_slot(pool, rank)
        return found


def agent_in_pools(record: ReadyAgent) -> Agent:
    """Return the agent as the pools see them: with the channels that are usable now, and for a lead without the topics
    that the partner excludes."""
    agent, partner, channels = record.agent, record.partner, record.usable_channels
    profile = agent.profile
    if channels != profile.channels:
        profile = profile._replace(channels=channels)
    # The lead is indexed for both agents, so a topic that the partner excludes must not reach the lead.
    if partner is not None and record.leads_pair and partner.profile.no_topics:
        profile = profile._replace(no_topics=profile.no_topics | partner.profile.no_topics)
    return agent if profile is agent.profile else agent._replace(profile=profile)
