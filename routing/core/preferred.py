"""Preferred agents: a caller waits a while in person for who spoke with them last, before step 0 begins for all.

The agent must be signed in, not away, serve the service in one of its steps, and have spoken with the caller within
`Service.preferred_days`. The time (`Service.preferred_s`) counts from the moment the contact came to the service. It is
over at once when the agent goes on a break, signs out, does not respond or has another duty, and with the first offer:
an agent who has let it ring has had their turn.
"""

from __future__ import annotations

from routing.core import requirement
from routing.core.domain import Domain
from routing.core.kind import for_both
from routing.core.model import AgentState, Service
from routing.core.records import AgentRecord, Contact

DAY_S = 86_400.0

AWAY = (AgentState.SIGNED_OUT, AgentState.PAUSED, AgentState.NOT_RESPONDING)
"""Of these agents nobody knows when they are back. A phone that is busy or gone for a moment is waited for."""


def choose(d: Domain, contact: Contact) -> None:
    """Have a contact that comes to a service wait for its preferred agent, if it has one."""
    service = contact.service
    if service.preferred_s <= 0 or not contact.caller_hash or service.anonymous:
        return
    last = d.caller_memory.last_agents.get(contact.caller_hash)
    if last is None or d.now - last.at > service.preferred_days * DAY_S:
        return
    record = d.agents.get(last.agent)
    if record is not None and fits(d, contact, record):
        wait_for(contact, record)


def wait_for(contact: Contact, record: AgentRecord, wait_s: float | None = None) -> None:
    """Have a contact wait for this agent in person, so long (None: as its service says). It is not in line yet."""
    contact.preferred, contact.preferred_s = record, wait_s
    record.wanted_by[contact] = None


def fits(d: Domain, contact: Contact, record: AgentRecord, service: Service | None = None) -> bool:
    """The agent is there and may have this contact in one of the steps of its service, or of another one."""
    if not record.signed or not record.configured or record.state in AWAY:
        return False
    profile = record.profile
    if contact.channel not in profile.channels or (record.pair_id and not record.lead):
        return False
    agent = for_both(record)
    service = service or contact.service
    return any(requirement.fits(d.matching.requirement(service, step, contact.needs, contact.topics), agent)
               for step in range(len(service.steps)))


def forget(contact: Contact) -> None:
    """The contact does not wait for anybody in person any more."""
    if contact.preferred is not None:
        contact.preferred.wanted_by.pop(contact, None)
        contact.preferred = contact.preferred_s = None
