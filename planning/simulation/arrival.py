"""Hold one future contact of a simulation."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from routing.core.model.centre_model import Channel, Needs
from routing.core.model.ids import ServiceId


class Arrival(NamedTuple):
    """A future contact with all its random values."""

    at: float
    service: ServiceId
    handle_s: float
    """Talk time without wrap-up. The wrap-up comes from the agent's profile."""
    patience_s: float = inf
    """Wait after which the caller gives up. With `inf` the caller never does."""
    channel: Channel = Channel.VOICE
    priority: int = 0
    """Points in addition to those of the service."""
    caller: str = ""
    """Keyed hash of the caller. Equal hashes mean the same person."""
    needs: Needs = ()
    """Needs of this contact in every step."""
    topics: frozenset[str] = frozenset()
    """Topics that an agent's profile may exclude."""


NO_ARRIVAL = Arrival(inf, ServiceId(""), 0.0)
"""An arrival that never comes."""
