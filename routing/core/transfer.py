"""Transfers: an agent sends the caller on, to a service or to another agent.

The caller never loses the place that their age and points give (`since` and priority are kept; what they wait from now
on is told apart, `Contact.waits_from`). The contact stays the same one: the offers it has had, in their order, are the
chain of those who had the caller, and all but the last ended by `transfer`. Whoever comes next is chosen like for any
contact: floor, needs and limits of the new service hold, and what each agent needs.

What cannot be done is refused and changes nothing: the talk goes on. When the telephone has done it already (REFER) and
it cannot be done, the caller waits for their own service again, in front.

The agent who sends the caller on wraps up aside: the contact is not theirs any more.
"""

from __future__ import annotations

from routing.core import admission, contacts, preferred, talks
from routing.core.commands import SendOn
from routing.core.domain import Domain
from routing.core.errors import NotNow, NotOpen, NotThere, Refused, UnknownAgent, UnknownService
from routing.core.events import TransferAsked
from routing.core.ids import AgentId, OfferId, ServiceId
from routing.core.model import OfferState, Service
from routing.core.records import AgentRecord, Offer
from routing.core.states import LegState

IN_PERSON_S = 30.0
"""So long a caller who was sent on to one agent waits for them in person; then anybody of the service may come. An
agent who is in a talk may be done with it by then, and nobody waits for ever for one who is not."""


def asked(d: Domain, event: TransferAsked) -> None:
    """The agent sends the caller on."""
    offer = talk(d, event.offer)
    try:
        service, record = where(d, offer, event.service, event.to)
    except Refused:
        if not event.gone:
            raise
        service, record = offer.contact.service, None
    send_on(d, offer, service, record)


def talk(d: Domain, name: OfferId) -> Offer:
    """The offer of a call that is talked. Raises NotNow."""
    offer = d.offers.get(name)
    if offer is None or offer.state is not OfferState.ACCEPTED or not offer.voice \
            or offer.leg is LegState.AWAITING_REBRIDGE:
        raise NotNow(f"offer {name} is no call that is talked: nobody is there to be sent on")
    return offer


def where(d: Domain, offer: Offer, service_id: ServiceId | None, to: AgentId | None
          ) -> tuple[Service, AgentRecord | None]:
    """To whom. Raises `Refused`."""
    contact = offer.contact
    service = contact.service if service_id is None else d.services.get(service_id)
    if service is None:
        raise UnknownService(f"no service {service_id} in the centre; add it to services.yaml and reload")
    if to is None and service_id is None:
        raise UnknownService("a transfer names a service or an agent")
    if service.id != contact.service.id and admission.refuses(d, service):
        raise NotOpen(f"service {service.id} takes nobody now")
    if to is None:
        return service, None
    record = d.agents.get(to)
    if record is None:
        raise UnknownAgent(f"no agent {to} in the team; add it to the centre and reload")
    if record is offer.agent or record is offer.partner or not preferred.fits(d, contact, record, service):
        raise NotThere(f"agent {record.id} cannot have this contact now")
    return service, record


def send_on(d: Domain, offer: Offer, service: Service, record: AgentRecord | None) -> None:
    """The caller waits again, as before; the agent wraps up."""
    contact = offer.contact
    d.commands.append(SendOn(contact.id, service.id, contact.node, contact.channel))
    talks.talk_over(d, offer, talks.TRANSFER, d.now, to=service)
    contacts.hand_on(d, contact, service, record, IN_PERSON_S)
