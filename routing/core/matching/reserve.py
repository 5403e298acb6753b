"""Keep agents free for a distress service (`Service.keep_free`).

An agent who is free for the service gets other contacts only while more agents are free for it than it keeps. The
index counts the free agents. Each reserve has one bit, so that a number is a set of reserves.

`spared_share` answers who could really take another contact. The index asks it of the agents who are there, the supply
of an expected wait weights them with it, and `santral check` asks it of the hours of the roster.
"""

from __future__ import annotations

from typing import Any

from routing.core.matching.agent_pool import CHANNEL_BIT, Pool
from routing.core.matching.protocols import ReadyAgent
from routing.core.model.centre_model import Channel, Service

RESERVES_MAX = 4
"""Limit of services with `keep_free`. Each doubles the ready queues of all pools: sixteen sets of services."""


def count_kept(service: Service, signed_in: int) -> int:
    """Return how many agents a service keeps free, of this many who fit and are signed in."""
    # Whole numbers, so that the share is rounded up exactly.
    return service.keep_free - (-signed_in * service.keep_free_percent // 100)


def spared_share(service: Service, there: int, signed_in: int) -> float:
    """Return the share of the agents who are there for a service that other contacts may have at one time.

    It is 0 if the service keeps all of them: even when all are free, none of them gets another contact.
    """
    return max(0, there - count_kept(service, signed_in)) / there if there else 1.0


class Reserve:
    """The agents whom one service keeps free. `pool` holds those who may take its calls."""

    __slots__ = ("bit", "free", "pool", "service", "signed_in", "there")

    def __init__(self, service: Service, pool: Pool[Any, Any], bit: int) -> None:
        self.service, self.pool, self.bit = service, pool, bit
        self.signed_in = 0
        """Agents who fit, have calls in their profile and are signed in."""
        self.free = 0
        """Those of them who could be offered a call of the service now, without the emergency ceiling."""
        self.there = 0
        """Those of them who are there for its calls, free or not (`counts_agent`)."""

    @property
    def is_closed(self) -> bool:
        """Return whether no agent who is free for the service may take other contacts."""
        return self.free <= count_kept(self.service, self.signed_in)

    @property
    def spared_share(self) -> float:
        """Return the share of the agents there that other contacts may have at one time."""
        return spared_share(self.service, self.there, self.signed_in)

    def share_with(self, more: int) -> float:
        """Return the same share when this many more agents will have come."""
        return spared_share(self.service, self.there + more, self.signed_in + more)

    def counts_agent(self, record: ReadyAgent) -> bool:
        """Return whether an agent who fits and is there can become free for the service: no *not now* keeps it away."""
        return not (self.pool.load and record.declines_heavy)

    def holds(self, record: ReadyAgent, channels: int) -> bool:
        """Return whether an agent who fits and may have these channels is free for the service."""
        return bool(channels & CHANNEL_BIT[Channel.VOICE]) and self.pool.tier_for(record) in (0, 1)
