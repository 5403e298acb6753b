"""Keep agents free for a distress service (`Service.keep_free`).

An agent who is free for the service gets other contacts only while more agents are free for it than it keeps. The
index counts the free agents. Each reserve has one bit, so that a number is a set of reserves.
"""

from __future__ import annotations

from typing import Any

from routing.core.matching.agent_pool import CHANNEL_BIT, Pool
from routing.core.matching.protocols import ReadyAgent
from routing.core.model.centre_model import Channel, Service

RESERVES_MAX = 4
"""Limit of services with `keep_free`. Each doubles the ready queues of all pools: sixteen sets of services."""


class Reserve:
    """The agents whom one service keeps free. `pool` holds those who may take its calls."""

    __slots__ = ("bit", "free", "least", "percent", "pool", "signed_in")

    def __init__(self, service: Service, pool: Pool[Any, Any], bit: int) -> None:
        self.pool, self.bit = pool, bit
        self.least, self.percent = service.keep_free, service.keep_free_percent
        self.signed_in = 0
        """Agents who fit, have calls in their profile and are signed in."""
        self.free = 0
        """Those of them who could be offered a call of the service now, without the emergency ceiling."""

    @property
    def is_closed(self) -> bool:
        """Return whether no agent who is free for the service may take other contacts."""
        # Whole numbers, so that the share is rounded up exactly.
        return self.free <= self.least - (-self.signed_in * self.percent // 100)

    def holds(self, record: ReadyAgent, channels: int) -> bool:
        """Return whether an agent who fits and may have these channels is free for the service."""
        return bool(channels & CHANNEL_BIT[Channel.VOICE]) and self.pool.tier_for(record) in (0, 1)
