"""Consultations: the agent asks somebody else first, and then gives the caller over or takes them back.

The caller goes on at once, as in a transfer: they wait for the service with their age and are offered to whoever fits,
and the loop they wait in needs no node. Only the agent stays, in the state `consulting`: whoever takes the offer is
connected with them first. From there:

| what happens                               | the caller                              | the agent who asked     |
|--------------------------------------------|-----------------------------------------|-------------------------|
| the agent hangs up, or gives the caller over | goes on to who was asked, or waits on | wraps up, aside         |
| who was asked hangs up                     | is the agent's again                    | talks with them again   |
| the agent takes the caller back, or nobody came within `WAIT_S` | is the agent's again | talks with them again   |
| the caller hangs up                        | has left, answered by the agent who asked | wraps up, aside       |
| the agent's phone is lost                  | as if the agent had hung up             | unreachable             |

On a second line of the phone (`Consult.second_line`) the caller stays with the agent, put on hold by the phone. There
the end of the second line takes the caller back, and the phone's transfer key (REFER) gives the caller over.

All of it happens in the dialplan by itself when a leg ends (`asterisk_conf/templates/extensions/consult.conf`); the
engine follows. Pairs ask nobody, and are not asked: a caller who is offered to a pair goes to them directly.
"""

from __future__ import annotations

from routing.core import (
    agents,
    callback_index,
    commands,
    contacts,
    emit,
    legs,
    offers,
    quota,
    served,
    talks,
    transfer,
    wellbeing,
)
from routing.core.changes import PlaceChanged
from routing.core.declare import STATE
from routing.core.domain import Domain
from routing.core.errors import NotNow
from routing.core.events import ConsultAsked, ConsultEnded
from routing.core.ids import ContactId, leg_id, parse_leg_id
from routing.core.model import OfferState
from routing.core.records import WITH_CONSULTING_AGENT, Consult, Contact, Offer
from routing.core.states import OFFER, ConsultState, follow

WAIT_S = 60.0
"""So long an agent waits for somebody to take the offer; then they have the caller again. The caller has music
meanwhile, and a minute of it is as much as a "one moment please" can mean."""

TIMER = "consult"


def asked(d: Domain, event: ConsultAsked) -> None:
    """The agent asks somebody of a service, or a colleague. Raises `Refused`: then the talk goes on."""
    offer = transfer.talk(d, event.offer)
    if offer.partner is not None:
        raise NotNow(f"offer {event.offer} can ask nobody beside the talk; send the caller on")
    contact = offer.contact
    service, record = transfer.where(d, offer, event.service, event.to)
    if offer.held_since is None:
        talks.hold(d, offer, True)
    d.commands.append(commands.Consult(offer.id, contact.id, service.id, contact.node, event.line, contact.channel))
    offer.state = follow(OFFER, "offer", offer.id, offer.state, "consults")
    legs.follow_leg(offer, "consults")
    if offer.quota is not None:
        quota.uncount(d.matching, offer)
    contacts.follow_contact(contact, "consults")
    contact.introducer = offer
    offer.consult = Consult(contact.service, max(0.0, (offer.connected_at or d.now) - contact.waits_from()), event.line)
    d.mark(offer, STATE)
    d.mark(contact, STATE)
    emit.consulting(
        d, offer=offer.id, contact=contact.id, version=contact.version, agent=offer.agent.id,
        service=contact.service.id, to=service.id)
    d.timers.set((TIMER, offer.id), d.now + WAIT_S)
    contacts.hand_on(d, contact, service, record, transfer.IN_PERSON_S)
    wellbeing.offered(d, offer)  # for this service the caller they have at hand may weigh more


def ended(d: Domain, event: ConsultEnded) -> None:
    """The agent gives the caller over, or takes them back."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not OfferState.CONSULTING:
        raise NotNow(f"offer {event.offer} asks nobody")
    if event.give:
        offers.rescind(d, offer, "consult")  # the leg's end does the rest, with a node or without one
    else:
        take_back(d, offer)


def due(d: Domain, offer: Offer) -> None:
    """Return the caller to the consulting agent if nobody came. Two agents who talk may talk as long as they like."""
    if offer.consult is not None and offer.consult.state is ConsultState.SEEKING:
        take_back(d, offer)


def take_back(d: Domain, offer: Offer) -> None:
    """Have the agent's leg led back to the caller."""
    contact = offer.contact
    returned(d, offer)
    d.commands.append(commands.TakeBack(offer.id, contact.id, contact.node, contact.channel))


def meets(d: Domain, offer: Offer, introducer: Offer) -> None:
    """Record that the agent of `offer` talks with the agent who asked, before the caller is connected."""
    if offer.talks_first or offer.state is not OfferState.PENDING or offer.partner is not None:
        return
    offers.disarm(d, offer)
    offer.answered_at = d.now
    legs.follow_leg(offer, "met_consulting_agent")
    legs.follow_consult(introducer, "consultant_answered")
    offer.agent.misses = 0
    agents.change(d, offer.agent, "connected", "")


def in_talk(offer: Offer) -> bool:
    """Tell whether the agent of `offer` talks with the agent who asked."""
    return offer.leg is WITH_CONSULTING_AGENT


def is_between_agents(contact: Contact, with_: ContactId) -> bool:
    """This channel is a leg of the same caller's: agents among themselves, early or late, and no stranger."""
    ids = parse_leg_id(with_)
    return ids is not None and ids[1] == contact.id


def of_leg(contact: Contact, with_: ContactId) -> Offer | None:
    """The offer of the agent who asked, if that is their leg."""
    introducer = contact.introducer
    return introducer if introducer is not None and leg_id(introducer.id, contact.id) == with_ else None


def returned(d: Domain, offer: Offer) -> None:
    """Cancel the consult transfer: the caller belongs to the consulting agent again, and other agents are released."""
    contact, consult = offer.contact, offer.consult
    assert consult is not None
    _close(d, offer, "cancelled")
    other = contact.offer
    if other is not None:
        offers.rescind(d, other, "returned")
        offers.close(d, other, "contact_gone", "returned", keep_idle=True)
    contacts.leave_line(d, contact)
    contacts.follow_contact(contact, "returned")
    contact.offer, contact.service, contact.step = offer, d.services.get(consult.service.id, consult.service), 0
    contact.handed_at = (offer.connected_at or d.now) - consult.waited_s  # the wait before this talk is what it was
    if contact.keeps:
        d.changes.append(PlaceChanged(contact))
    offer.state = follow(OFFER, "offer", offer.id, offer.state, "returned")
    legs.follow_leg(offer, "second_line_ended" if consult.second_line else "consult_cancelled")
    offer.turned_at = d.now
    quota.count(d.matching, offer)
    d.mark(offer, STATE)
    d.mark(contact, STATE)
    emit.returned(
        d, offer=offer.id, contact=contact.id, version=contact.version, agent=offer.agent.id,
        service=contact.service.id)
    if offer.held_since is not None:
        talks.hold(d, offer, False)


def together(d: Domain, offer: Offer) -> None:
    """Record that the agent and the caller are in one bridge again."""
    if offer.state is OfferState.CONSULTING:
        returned(d, offer)
    legs.follow_leg(offer, "bridged")
    offer.turned_at = d.now


def over(d: Domain, offer: Offer, by: str, lost: bool = False) -> None:
    """End the consult transfer because the consulting agent or the caller (`by`) has left."""
    contact, record, consult = offer.contact, offer.agent, offer.consult
    assert offer.connected_at is not None and consult is not None
    _close(d, offer, "caller_left" if by == "caller" else "completed")
    if offer.held_since is not None:
        offer.held_s += d.now - offer.held_since
        offer.held_since = None
    offer.state = follow(OFFER, "offer", offer.id, offer.state, "transferred")
    legs.end_legs(offer)
    offer.talk_over_at = d.now
    talks.leave_phone(d, offer, lost)
    talks.leave(d, record, offer, lost)
    if by == talks.TRANSFER and not lost and served.note(d, offer, consult.service, d.now):
        callback_index.note_served(d, contact, consult.service)
    del d.offers[offer.id]
    offer.reason, offer.ended_at, offer.talk_s = by, d.now, d.now - offer.connected_at
    d.mark(offer, STATE)
    emit.introduced(
        d, offer=offer.id, contact=contact.id, agent=record.id, agent_version=record.version,
        service=consult.service.id, to=contact.service.id, channel=contact.channel, by=by, wait_s=consult.waited_s,
        talk_s=offer.talk_s, held_s=offer.held_s, original_position=contact.original_position,
        unknown=by != "caller" and contacts.hide(d, contact))
    if by != "caller":
        contacts.given_over(d, contact)
    if contact.keeps:
        d.changes.append(PlaceChanged(contact))
    other = contact.offer if by != "caller" else None  # with the caller every offer of theirs is over
    if other is not None and in_talk(other):
        legs.follow_leg(other, "consult_completed")
        if d.link_up(contact.node):
            d.timers.set(("brief", other.id), d.now + offers.BRIEF_S)  # on the way to the caller


def _close(d: Domain, offer: Offer, trigger: str) -> None:
    legs.follow_consult(offer, trigger)
    d.timers.cancel((TIMER, offer.id))
    offer.contact.introducer = None
