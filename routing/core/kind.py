"""Where agents stand: those with the same skills, channels and excluded topics are of a kind, found once."""

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
"""Values of a load (0 to 5) and of a set of channels: a standing is coded by three of the one and one of the other."""

Key = Callable[[RankedAgent, float], float]


class Standing(Generic[A, C]):
    """The places of a kind of agent for certain channels and loads, and the groups that are served from there."""

    __slots__ = ("groups", "idle", "keyed", "version")

    def __init__(self, idle: tuple[Place[A, C], ...], keyed: tuple[tuple[Key, Place[A, C]], ...]) -> None:
        self.idle = idle
        """Where the key is (idle since, index)."""
        self.keyed = keyed
        """Where the strategy has another one, each with it."""
        self.groups: tuple[Group[A, C], ...] = ()
        """As they were when `Matching.version` was `version`."""
        self.version = -1


class Kind(Generic[A, C]):
    """Agents with the same skills, channels and excluded topics. `pools`: all that there are."""

    __slots__ = ("channels", "places", "serves", "skills", "standings")

    def __init__(self, agent: Agent, pools: Iterable[Pool[A, C]]) -> None:
        profile = agent.profile
        most = dict(profile.max_concurrency)
        self.skills = dict(agent.skills)
        self.channels = sum(CHANNEL_BIT[channel] for channel in profile.channels if most.get(channel, 1) > 0)
        """Bits of the channels their profile has."""
        self.places: tuple[tuple[Pool[A, C], int], ...] = tuple(
            (pool, pool.strategy.rank(agent, level)) for pool in pools if pool.channel & self.channels
            and (level := requirement.level(pool.requirement, self.skills, profile.no_topics)) is not None)
        """Pools they fit, each with their rank there."""
        self.serves: tuple[ServiceId, ...] = ()
        """Services they fit in at least one step."""
        self.standings: dict[int, Standing[A, C]] = {}
        """By channels and loads, see `match.Matching.stand`."""

    def standing(self, record: ReadyAgent, channels: int) -> Standing[A, C]:
        """Where an agent of this kind stands who may have contacts of these channels."""
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
    """The tier in which an agent stands for contacts of this load; None: not at all."""
    if load <= record.gladly:
        return 0
    if load <= record.atmost:
        return 1
    return 2 if load <= record.utmost else None


def for_both(record: ReadyAgent) -> Agent:
    """The agent as the pools see them: who leads a pair takes no topic that the other one excludes."""
    agent, partner = record.agent, record.partner
    if partner is None or not record.lead or not partner.profile.no_topics:
        return agent
    topics = agent.profile.no_topics | partner.profile.no_topics
    return agent._replace(profile=agent.profile._replace(no_topics=topics))
