"""Transfer a caller blindly: to a service, to an agent, or to an agent of a service.

The caller keeps the position that age and points give, because `since` and priority are kept. Only the wait is counted
from the transfer (`Contact.waits_from`). The contact stays the same, and its offers in order are the chain of the
agents. All offers but the last end by `transfer`. The next agent is chosen like for any contact: the floor, needs and
limits of the new service apply, and the agents' profiles too.

An impossible transfer is refused and changes nothing, so the talk goes on. So is the first request of one into a
distress service or out of one, and of one to where nobody is: only the same request once more transfers. If the
telephone has already transferred the caller (REFER), the caller returns to the front of the present service.

The agent who transfers gets a detached wrap-up, because the contact no longer belongs to them.
"""

from __future__ import annotations

from routing.core.calls import talk_changes
from routing.core.domain import Domain
from routing.core.events import TransferRequested
from routing.core.matching.agent_pool import CHANNEL_BIT
from routing.core.model.centre_model import OfferState, Service
from routing.core.model.commands import BlindTransfer
from routing.core.model.errors import (
    EntersDistress,
    LeavesDistress,
    NobodyThere,
    NotNow,
    NotOpen,
    NotThere,
    Refused,
    UnknownAgent,
    UnknownService,
)
from routing.core.model.ids import AgentId, OfferId, ServiceId
from routing.core.model.reasons import TRANSFER
from routing.core.model.state_tables import LegState
from routing.core.queueing import admission, contact_queue, preferred_agent, service_rules
from routing.core.records import AgentRecord, Contact, Offer

PERSONAL_WAIT_S = 30.0
"""Longest wait of a transferred caller for one agent. After it any agent of the service may take the caller. An agent
may finish a talk within this time. For one who does not, no caller should wait for ever."""


def on_transfer_requested(d: Domain, event: TransferRequested) -> None:
    """Transfer the caller to the requested service or agent."""
    offer = talking_offer(d, event.offer)
    try:
        service, record = resolve_target(d, offer, event.service, event.to)
        require_somebody(d, offer, service, record, event.confirmed or event.gone)
        _require_same_class(offer.contact.service, service, event.confirmed or event.gone)
    except Refused:
        # The telephone has already ended the talk, so a refusal would leave the caller without an agent.
        if not event.gone:
            raise
        service, record = offer.contact.service, None
    transfer_blind(d, offer, service, record)


def talking_offer(d: Domain, name: OfferId) -> Offer:
    """Return the offer of a call in talk. Raise NotNow if the offer is not one."""
    offer = d.offers.get(name)
    if offer is None or offer.state is not OfferState.ACCEPTED or not offer.voice \
            or offer.leg is LegState.AWAITING_REBRIDGE:
        raise NotNow(f"offer {name} is not a call in talk, so there is no caller to transfer")
    return offer


def resolve_target(d: Domain, offer: Offer, service_id: ServiceId | None,
                   to: AgentId | None) -> tuple[Service, AgentRecord | None]:
    """Return the service and the agent of a transfer. Raise `Refused` if the target cannot take the contact."""
    service, record = find_target(d, offer.contact, service_id, to)
    if record is not None and (record is offer.agent or record is offer.partner):
        raise NotThere(f"agent {record.id} has this contact already")
    return service, record


def require_somebody(d: Domain, offer: Offer, service: Service, record: AgentRecord | None, confirmed: bool) -> None:
    """Raise NobodyThere if nobody is at the target of a transfer, unless the agent has confirmed it."""
    there = service_rules.is_manned(d, offer.contact, service) if record is None \
        else bool(record.present_channels & CHANNEL_BIT[offer.contact.channel])
    if not (there or confirmed):
        raise NobodyThere(f"nobody is there for service {service.id}; repeat the request to transfer all the same")


def _require_same_class(before: Service, service: Service, confirmed: bool) -> None:
    """Raise EntersDistress or LeavesDistress if the transfer would do so, unless the agent has confirmed it."""
    if before.distress is not service.distress and not confirmed:
        error = EntersDistress if service.distress else LeavesDistress
        raise error(f"service {service.id} has another order than {before.id}; repeat the request to transfer")


def find_target(d: Domain, contact: Contact, service_id: ServiceId | None,
                to: AgentId | None) -> tuple[Service, AgentRecord | None]:
    """Return the service and the agent that somebody named for a contact. Raise `Refused` if they cannot take it."""
    service = contact.service if service_id is None else d.services.get(service_id)
    if service is None:
        raise UnknownService(f"no service {service_id} in the centre; add it to services.yaml and reload")
    if to is None and service_id is None:
        raise UnknownService("a transfer needs a service or an agent")
    # A closed or full service may keep its own callers.
    if service.id != contact.service.id and admission.refusal_reason(d, service):
        raise NotOpen(f"service {service.id} takes no callers now")
    if to is None:
        return service, None
    record = d.agents.get(to)
    if record is None:
        raise UnknownAgent(f"no agent {to} in the team; add it to the centre and reload")
    if not preferred_agent.can_take(d, contact, record, service):
        raise NotThere(f"agent {record.id} cannot take this contact now")
    return service, record


def transfer_blind(d: Domain, offer: Offer, service: Service, record: AgentRecord | None) -> None:
    """End the talk and requeue the caller. The agent gets a wrap-up."""
    contact = offer.contact
    d.commands.append(BlindTransfer(contact.id, service.id, contact.node, contact.channel))
    talk_changes.end_talk(d, offer, TRANSFER, d.now, to=service)
    contact_queue.requeue_for_transfer(d, contact, service, record, PERSONAL_WAIT_S)
