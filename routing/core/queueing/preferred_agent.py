"""Let a caller wait a while for the agent of the last talk, before step 0 begins for all.

The agent must be signed in and not away, and must serve the service in one of its steps. The last talk must be within
`Service.preferred_days`. The time (`Service.preferred_s`) counts from the contact's arrival at the service. The wait
ends at once if the agent pauses, signs out, does not respond or gets other skills. It also ends with the first offer,
answered or not. A distress service prefers an agent only if that agent is free at once.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.matching import skill_requirement
from routing.core.matching.agent_cohort import agent_in_pools
from routing.core.matching.agent_pool import CHANNEL_BIT, distress_tier_of
from routing.core.model.centre_model import AWAY_STATES, HEAVY_LOAD, Service
from routing.core.records import AgentRecord, Contact

DAY_S = 86_400.0



def choose_preferred(d: Domain, contact: Contact) -> None:
    """Let a contact that comes to a service wait for its preferred agent, if it has one."""
    service = contact.service
    if service.preferred_s <= 0 or not contact.caller_hash or service.anonymous:
        return
    last = d.caller_memory.last_agents.get(contact.caller_hash)
    if last is None or d.now - last.at > service.preferred_days * DAY_S:
        return
    record = d.agents.get(last.agent)
    if record is not None and can_take(d, contact, record) and may_prefer(d, contact, record, service):
        wait_for_agent(contact, record)


def wait_for_agent(contact: Contact, record: AgentRecord, wait_s: float | None = None) -> None:
    """Let a contact wait for this agent, at most `wait_s` (None for the service's time). The contact must not be in a
    queue."""
    contact.preferred, contact.preferred_s = record, wait_s
    record.awaited_by[contact] = None


def may_prefer(d: Domain, contact: Contact, record: AgentRecord, service: Service) -> bool:
    """Return whether the service lets a contact wait for one agent.

    A distress service does so only if the agent gets the contact at once. Nobody in distress waits next to others who
    are free.
    """
    if not service.distress:
        return True
    tier = distress_tier_of(record, service.load) if service.load >= HEAVY_LOAD else 0
    return record.key is not None and bool(record.open_channels & CHANNEL_BIT[contact.channel]) \
        and tier in (0, 1) and not record.asked_last and d.can_reach(contact)


def can_take(d: Domain, contact: Contact, record: AgentRecord, service: Service | None = None) -> bool:
    """Return whether an agent is there and may take this contact in one step of its service, or of `service`."""
    if not record.is_signed_in or not record.configured or record.state in AWAY_STATES:
        return False
    # Calls for a pair go to the agent who leads it.
    if contact.channel not in record.usable_channels or (record.pair_id and not record.leads_pair):
        return False
    # Each step may ask for other skills, and the contact may reach any of them.
    agent = agent_in_pools(record)
    service = service or contact.service
    return any(skill_requirement.fits_agent(d.matching.requirement_for(service, step, contact.needs, contact.topics),
        agent)
               for step in range(len(service.steps)))


def clear_preferred(contact: Contact) -> None:
    """End the wait of a contact for its preferred agent. Do nothing if there is none."""
    if contact.preferred is not None:
        contact.preferred.awaited_by.pop(contact, None)
        contact.preferred = contact.preferred_s = None
