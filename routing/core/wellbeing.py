"""What contacts weigh on agents: the distress load, rest after heavy contacts, and "not now"."""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.records import AgentRecord, Offer


def allow(d: Domain, record: AgentRecord) -> None:
    """Say how heavy a contact may be for this agent now: `gladly`, `atmost`, `utmost`. To be called before the agent is
    put into their places."""


def taken(d: Domain, offer: Offer) -> None:
    """The agent is together with the contact: it weighs from now on. To be called before the agent's change is told."""


def handled(d: Domain, record: AgentRecord, offer: Offer) -> None:
    """A contact is done, wrap-up and all. To be called before the agent's change is told."""
