"""Cohorts of agents: agents with the same skills, channels and excluded topics share one set of places, found once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic

from routing.core import requirement
from routing.core.ids import ServiceId
from routing.core.matching.protocols import A, C, RankedAgent, ReadyAgent
from routing.core.model import Agent
from routing.core.pool import ALL_CHANNELS, CHANNEL_BIT, Group, Place, Pool
from routing.core.strategies import longest_idle

LOAD_MAX = 5
LOADS, CHANNEL_SETS = LOAD_MAX + 1, ALL_CHANNELS + 1
"""Number of values of a load (0 to 5) and of a set of channels. The code of a standing has three loads and one set."""

Key = Callable[[RankedAgent, float], float]


class Standing(Generic[A, C]):
    """The places of a kind of agent for certain channels and loads, and the groups that are served from there."""

    __slots__ = ("groups", "idle", "keyed", "version")

    def __init__(self, idle: tuple[Place[A, C], ...], keyed: tuple[tuple[Key, Place[A, C]], ...]) -> None:
        self.idle = idle
        """Places where the key is (idle since, index)."""
        self.keyed = keyed
        """Places where the strategy has another key, each with that key."""
        self.groups: tuple[Group[A, C], ...] = ()
        """The groups as they were when `Matching.version` was `version`."""
        self.version = -1


class Kind(Generic[A, C]):
    """Agents with the same skills, channels and excluded topics. `pools` are all pools of the index."""

    __slots__ = ("channels", "places", "serves", "skills", "standings")

    def __init__(self, agent: Agent, pools: Iterable[Pool[A, C]]) -> None:
        profile = agent.profile
        most = dict(profile.max_concurrency)
        self.skills = dict(agent.skills)
        self.channels = sum(CHANNEL_BIT[channel] for channel in profile.channels if most.get(channel, 1) > 0)
        """Bits of the channels that the profile has."""
        self.places: tuple[tuple[Pool[A, C], int], ...] = tuple(
            (pool, pool.strategy.rank(agent, level)) for pool in pools if pool.channel & self.channels
            and (level := requirement.level(pool.requirement, self.skills, profile.no_topics)) is not None)
        """Pools that such agents fit, each with their rank there."""
        self.serves: tuple[ServiceId, ...] = ()
        """Services that such agents fit in at least one step."""
        self.standings: dict[int, Standing[A, C]] = {}
        """Standings by channels and loads (`match.Matching.stand`)."""

    def standing(self, record: ReadyAgent, channels: int) -> Standing[A, C]:
        """Return the places of an agent of this kind who may have contacts of these channels."""
        idle = []
        keyed = []
        for pool, rank in self.places:
            if pool.channel & channels and (tier := tier_of(record, pool.load)) is not None:
                place = pool.place(pool.number(rank, tier))
                if pool.strategy.key is longest_idle.key:
                    idle.append(place)
                else:
                    keyed.append((pool.strategy.key, place))
        return Standing(tuple(idle), tuple(keyed))


def tier_of(record: ReadyAgent, load: int) -> int | None:
    """Return the tier of an agent for contacts of this load, or None if the agent takes none of them."""
    if load <= record.gladly:
        return 0
    if load <= record.atmost:
        return 1
    return 2 if load <= record.utmost else None


def for_both(record: ReadyAgent) -> Agent:
    """Return the agent as the pools see them. An agent who leads a pair takes no topic that the partner excludes."""
    agent, partner = record.agent, record.partner
    if partner is None or not record.lead or not partner.profile.no_topics:
        return agent
    topics = agent.profile.no_topics | partner.profile.no_topics
    return agent._replace(profile=agent.profile._replace(no_topics=topics))
