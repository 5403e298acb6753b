"""What the indexes must know of their members, and nothing else of them.

An index holds agents of type `A` and contacts of type `C`. It only reads what stands here, so it depends on no record
of the engine. What the index itself keeps at its members is in `match.IndexedAgent` and `match.IndexedContact`.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from routing.core.line import LineKey
from routing.core.model import Agent, Channel, Needs, Profile, Service


class RankedAgent(Protocol):
    """An agent as the strategies order them. None of it changes while the agent is indexed."""

    idle_since: float
    """Unix seconds."""
    offered: float
    """Contacts offered, decayed to `offered_at`."""
    offered_at: float
    occupied: float
    """Handled seconds, decayed to `occupied_at`."""
    occupied_at: float


class ReadyAgent(RankedAgent, Protocol):
    """An agent as the pools place them. Two different agents are never equal."""

    agent: Agent
    index: int
    """Place in the centre's list: the last tie-break."""
    lead: bool
    """The agent is offered calls for both of a pair."""
    gladly: int
    """Contacts of a service up to this load are in tier 0."""
    atmost: int
    """Contacts up to this load are in tier 1."""
    utmost: int
    """Contacts up to this load are in tier 2. Beyond it the agent is in no line."""

    @property
    def partner(self) -> Partner | None:
        """Return the other agent of the pair."""


class Partner(Protocol):
    """The other agent of a pair: no topic that their profile excludes may come to the pair."""

    profile: Profile


class WaitingContact(Protocol):
    """A contact as the groups order it."""

    @property
    def service(self) -> Service:
        """Return the service it waits for."""

    @property
    def channel(self) -> Channel:
        """Return the channel it came by."""

    @property
    def step(self) -> int:
        """Return the present step of its service."""

    @property
    def needs(self) -> Needs:
        """Return the skills that this contact needs in every step."""

    @property
    def topics(self) -> frozenset[str]:
        """Return the topics that profiles may exclude."""

    @property
    def node(self) -> str:
        """Return the Asterisk that has its channel."""

    @property
    def urgent(self) -> bool:
        """Return whether it has waited beyond the emergency ceiling of its service."""

    @property
    def key(self) -> LineKey:
        """Return its place among contacts of the same weight."""


A = TypeVar("A", bound=ReadyAgent)
C = TypeVar("C", bound=WaitingContact)
