"""Place agents by cohort: agents with the same skills, channels and excluded topics share one set of slots.

The slots of a cohort are found once, at the first sign-in of such an agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic

from routing.core.matching.agent_pool import ALL_CHANNELS, CHANNEL_BIT, Group, Place, Pool
from routing.core.matching.protocols import A, C, ReadyAgent
from routing.core.matching.reserve import Reserve
from routing.core.matching.strategies import Key, longest_idle
from routing.core.model.centre_model import LOAD_MAX, Agent, Channel
from routing.core.model.ids import ServiceId

CALLS = CHANNEL_BIT[Channel.VOICE]

LOADS, CHANNEL_SETS = LOAD_MAX + 1, ALL_CHANNELS + 1
"""Number of values of a load (0 to 5) and of a set of channels. The code of a placement has four loads and one set."""


class Placement(Generic[A, C]):
    """The slots of a cohort for certain channels and load limits, and the groups that are served from there."""

    __slots__ = ("groups", "idle_slots", "kept_for", "keyed_slots", "version")

    def __init__(self, idle: tuple[Place[A, C], ...], keyed: tuple[tuple[Key, Place[A, C]], ...],
                 kept_for: int = 0) -> None:
        self.kept_for = kept_for
        """Set of reserves for which these agents are free, as bits."""
        self.idle_slots = idle
        """Slots where the key is (idle since, index)."""
        self.keyed_slots = keyed
        """Slots where the strategy has a different key, each with that key."""
        self.groups: tuple[Group[A, C], ...] = ()
        """The groups as they were when `Matching.version` was `version`."""
        # No version of the index is negative, so the first question finds the groups.
        self.version = -1


class Cohort(Generic[A, C]):
    """Agents with the same skills, channels and excluded topics. `pools` are all pools of the index."""

    __slots__ = ("agents", "channels", "placements", "reserves", "serves", "skills", "slots")

    def __init__(self, agent: Agent, pools: Iterable[Pool[A, C]], reserves: Iterable[Reserve] = ()) -> None:
        profile = agent.profile
        most = dict(profile.max_concurrency)
        self.skills = dict(agent.skills)
        self.channels = sum(CHANNEL_BIT[channel] for channel in profile.channels if most.get(channel, 1) > 0)
        """Bits of the channels that the profile has."""
        self.slots: tuple[tuple[Pool[A, C], int], ...] = tuple(
            (pool, rank) for pool in pools if pool.channel & self.channels
            and (rank := pool.rank_of(agent, self.skills, profile.no_topics)) is not None)
        """Pools that these agents fit, each with their rank there."""
        self.agents: dict[A, None] = {}
        """Those who are signed in."""
        self.reserves = tuple(one for one in reserves if any(pool is one.pool for pool, _ in self.slots))
        """Reserves that these agents fit."""
        self.serves: tuple[ServiceId, ...] = ()
        """Services that these agents fit in at least one step."""
        self.placements: dict[int, Placement[A, C]] = {}
        """Placements by the code of channels and load limits (`Matching.index_agent`)."""

    def placement_for(self, record: ReadyAgent, channels: int) -> Placement[A, C]:
        """Return the placement of an agent of this cohort who may have contacts of these channels."""
        idle = []
        keyed = []
        kept_for = sum([one.bit for one in self.reserves if one.holds(record, channels)])
        for pool, rank in self.slots:
            # No other call may interrupt a message in distress.
            if record.distress_calls_only and not pool.distress and pool.channel & CALLS:
                continue
            if pool.channel & channels and (tier := pool.tier_for(record)) is not None:
                place, key = pool.slot_for(pool.queue_number(rank, tier, kept_for)), pool.key_for(tier)
                # Most strategies order by idle time. Their slots share one key, so no key is calculated for each of
                # them.
                if key is longest_idle.key:
                    idle.append(place)
                else:
                    keyed.append((key, place))
        return Placement(tuple(idle), tuple(keyed), kept_for)


def agent_for_pair(record: ReadyAgent) -> Agent:
    """Return the agent as the pools see them. An agent who leads a pair takes no topic that the partner excludes."""
    agent, partner = record.agent, record.partner
    # The lead is indexed for both agents, so a topic that the partner excludes must not reach the lead.
    if partner is None or not record.leads_pair or not partner.profile.no_topics:
        return agent
    topics = agent.profile.no_topics | partner.profile.no_topics
    return agent._replace(profile=agent.profile._replace(no_topics=topics))
