"""Declare which properties of agents and contacts the indexes read.

An index holds agents of type `A` and contacts of type `C`. It reads only these properties, so it depends on no record
of the engine. The fields that the index itself sets are in `matching_index.IndexedAgent` and
`matching_index.IndexedContact`.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from routing.core.model.centre_model import Agent, Channel, Needs, Profile, Service


class RankedAgent(Protocol):
    """An agent as the strategies order them. No field changes while the agent is indexed."""

    idle_since: float
    """Unix seconds."""
    offered: float
    """Contacts offered, decayed to `offered_at`."""
    offered_at: float
    occupied: float
    """Handled seconds, decayed to `occupied_at`."""
    occupied_at: float
    load: float
    """Distress load at `load_at`."""
    load_at: float


class LoadLimited(Protocol):
    """An agent with limits for the load of contacts, as `ReadyAgent` explains them."""

    @property
    def max_load_normal(self) -> int:
        """Return the greatest load in tier 0."""

    @property
    def max_load_last_resort(self) -> int:
        """Return the greatest load in tier 1."""

    @property
    def max_load_emergency(self) -> int:
        """Return the greatest load in tier 2."""

    @property
    def max_load_distress(self) -> int:
        """Return the greatest load of contacts in distress."""


class ReadyAgent(RankedAgent, Protocol):
    """An agent as the pools place them. Two different agents are never equal."""

    agent: Agent
    index: int
    """Place in the centre's list: the last tie-break."""
    leads_pair: bool
    """The agent is offered calls for both of a pair."""
    max_load_normal: int
    """Contacts of a service up to this load are in tier 0."""
    max_load_last_resort: int
    """Contacts up to this load are in tier 1."""
    max_load_emergency: int
    """Contacts up to this load are in tier 2. Beyond it the agent is in no ready queue."""
    asked_last: bool
    """In distress all others come before the agent."""
    distress_calls_only: bool
    """Of all calls only those in distress come to the agent."""
    declines_heavy: bool
    """The agent, or the partner of a lead, has said "not now" to heavy contacts."""
    max_load_distress: int
    """Contacts of distress services up to this load are at most in tier 1."""

    @property
    def partner(self) -> Partner | None:
        """Return the other agent of the pair."""

    @property
    def usable_channels(self) -> frozenset[Channel]:
        """Return the channels of the profile for which the agent has what it takes now."""


class Partner(Protocol):
    """The other agent of a pair. No topic that the partner's profile excludes may come to the pair."""

    profile: Profile


class WaitingContact(Protocol):
    """A contact as the groups order it."""

    @property
    def service(self) -> Service:
        """Return the service that the contact waits for."""

    @property
    def channel(self) -> Channel:
        """Return the channel of the contact."""

    @property
    def step(self) -> int:
        """Return the step of the service in which an agent is sought now."""

    @property
    def needs(self) -> Needs:
        """Return the skills that this contact needs in every step."""

    @property
    def topics(self) -> frozenset[str]:
        """Return the topics that profiles may exclude."""

    @property
    def node(self) -> str:
        """Return the Asterisk that has the channel of the contact."""

    @property
    def deferred(self) -> bool:
        """Return whether the contact is a callback that was held back. It takes turns with other contacts."""

    @property
    def callback(self) -> bool:
        """Return whether the caller is not on the line and will be called back."""

    @property
    def beyond_ceiling(self) -> bool:
        """Return whether the contact has waited beyond the emergency ceiling of its service."""


A = TypeVar("A", bound=ReadyAgent)
C = TypeVar("C", bound=WaitingContact)
