"""Handle consult transfers: the agent speaks with a colleague first, then completes or cancels the transfer.

The caller is requeued at once, as in a blind transfer: with the same age, and offered to any suitable agent. The hold
loop needs no node. The consulting agent stays, in the state `consulting`. The agent who takes the offer is connected
with the consulting agent first. From there:

| event                                       | the caller                                 | the consulting agent  |
|---------------------------------------------|--------------------------------------------|-----------------------|
| the consulting agent hangs up, or completes | goes on to the consultant, or waits        | detached wrap-up      |
| the consultant hangs up                     | returns to the consulting agent            | talks with the caller |
| the consulting agent cancels                | returns to the consulting agent            | talks with the caller |
| `CONSULT_WAIT_S` passes without an answer   | returns to the consulting agent            | talks with the caller |
| the caller hangs up                         | has left, answered by the consulting agent | detached wrap-up      |
| the consulting agent's phone is lost        | as if the consulting agent had hung up     | unreachable           |

On a second line of the phone (`Consult.second_line`) the caller stays with the agent, on hold at the phone. The end of
the second line then cancels the transfer, and the phone's transfer key (REFER) completes it.

The dialplan does all of it without a node when a leg ends (`asterisk_conf/templates/extensions/consult.conf`), and the
engine follows. Pairs neither consult nor are consulted: a caller who is offered to a pair is connected directly.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.agents import distress_load, presence
from routing.core.calls import blind_transfer, legs, offer_changes, talk_changes
from routing.core.changes import PlaceChanged
from routing.core.domain import Domain
from routing.core.events import ConsultEndRequested, ConsultRequested
from routing.core.matching import talk_quota
from routing.core.model import commands
from routing.core.model.centre_model import OfferState
from routing.core.model.declare import STATE
from routing.core.model.errors import NotNow
from routing.core.model.ids import ContactId, leg_id, parse_leg_id
from routing.core.model.reasons import TRANSFER
from routing.core.model.state_tables import OFFER, ConsultState, next_state
from routing.core.queueing import callback_index, contact_queue, recent_talks, second_phone
from routing.core.records import WITH_CONSULTING_AGENT, Consult, Contact, Offer

CONSULT_WAIT_S = 60.0
"""Longest wait of a consulting agent for an answer, after which the caller returns. The caller hears music meanwhile,
and a minute is the most that "one moment please" can mean."""

TIMER = "consult"


def on_consult_requested(d: Domain, event: ConsultRequested) -> None:
    """Start a consult transfer to a service or a colleague. Raise `Refused` if it is impossible, and change nothing."""
    # 1. Check everything that may be refused, before anything changes.
    offer = blind_transfer.talking_offer(d, event.offer)
    if offer.partner is not None:
        raise NotNow(f"offer {event.offer} cannot consult; use a blind transfer")
    contact = offer.contact
    service, record = blind_transfer.resolve_target(d, offer, event.service, event.to)
    blind_transfer.require_somebody(d, offer, service, record, event.confirmed)
    # 2. Hold the caller. The agent keeps the offer, but it no longer counts in the quota of the service.
    if offer.held_since is None:
        talk_changes.set_hold(d, offer, True)
    d.commands.append(commands.StartConsult(
        offer.id, contact.id, service.id, contact.node, event.on_second_line, contact.channel))
    offer.state = next_state(OFFER, "offer", offer.id, offer.state, "consult_started")
    legs.follow_leg(offer, "consult_started")
    if offer.quota is not None:
        talk_quota.uncount_offer(d.matching, offer)
    # 3. Link contact and offer, and keep the wait and service of the talk for the case that the caller returns.
    contact_queue.follow_contact(contact, "consult_started")
    contact.consulting_offer = offer
    offer.consult = Consult(
        contact.service, max(0.0, (offer.connected_at or d.now) - contact.waits_from()), event.on_second_line,
        d.now)
    d.mark(offer, STATE)
    d.mark(contact, STATE)
    emit.consulting(
        d, offer=offer.id, contact=contact.id, version=contact.version, agent=offer.agent.id,
        service=contact.service.id, to=service.id)
    # 4. Requeue the caller.
    d.timers.set_deadline((TIMER, offer.id), d.now + CONSULT_WAIT_S)
    contact_queue.requeue_for_transfer(d, contact, service, record, blind_transfer.PERSONAL_WAIT_S)
    # In the new service the caller may have another load for the consulting agent.
    distress_load.on_heavy_offered(d, offer)


def on_consult_end_requested(d: Domain, event: ConsultEndRequested) -> None:
    """Complete or cancel the consult transfer. Raise NotNow if the agent has none."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not OfferState.CONSULTING:
        raise NotNow(f"offer {event.offer} has no consult transfer")
    if event.complete:
        # The end of the leg does the rest, with or without a node.
        offer_changes.rescind_offer(d, offer, "consult")
    else:
        return_agent(d, offer)


def on_consult_timeout(d: Domain, offer: Offer) -> None:
    """Return the caller to the consulting agent if nobody came. Two agents who talk have no limit."""
    if offer.consult is not None and offer.consult.state is ConsultState.SEEKING:
        return_agent(d, offer)


def return_agent(d: Domain, offer: Offer) -> None:
    """Cancel the consult transfer, and have the agent's leg led back to the caller."""
    contact = offer.contact
    cancel_consult(d, offer)
    d.commands.append(commands.CancelConsult(offer.id, contact.id, contact.node, contact.channel))


def on_consultant_answered(d: Domain, offer: Offer, consulting_offer: Offer) -> None:
    """Record that the agent of `offer` talks with the consulting agent, before the caller is connected."""
    if offer.talks_first or offer.state is not OfferState.PENDING or offer.partner is not None:
        return
    offer_changes.cancel_deadlines(d, offer)
    offer.answered_at = d.now
    legs.follow_leg(offer, "met_consulting_agent")
    legs.follow_consult(consulting_offer, "consultant_answered")
    offer.agent.rna_count = 0
    second_phone.note_act(d, offer.agent)
    presence.change_state(d, offer.agent, "connected", "")


def is_with_consulting_agent(offer: Offer) -> bool:
    """Return whether the agent of `offer` talks with the consulting agent."""
    return offer.leg is WITH_CONSULTING_AGENT


def is_between_agents(contact: Contact, with_: ContactId) -> bool:
    """Return whether a channel is an agent's leg for this caller. Agents of one caller may meet early or late."""
    ids = parse_leg_id(with_)
    return ids is not None and ids[1] == contact.id


def consulting_offer_of_leg(contact: Contact, with_: ContactId) -> Offer | None:
    """Return the consulting agent's offer if the channel is that agent's leg, else None."""
    found = contact.consulting_offer
    return found if found is not None and leg_id(found.id, contact.id) == with_ else None


def cancel_consult(d: Domain, offer: Offer) -> None:
    """Cancel the consult transfer: the caller belongs to the consulting agent again, and other agents are released."""
    # 1. End the consult transfer and the offer to the consultant.
    contact, consult = offer.contact, offer.consult
    assert consult is not None
    _close_consult(d, offer, "cancelled")
    other = contact.offer
    if other is not None:
        offer_changes.rescind_offer(d, other, "consult_cancelled")
        offer_changes.close_offer(d, other, "caller_hung_up", "consult_cancelled", keep_idle=True)
    # 2. Give the contact back to the consulting agent: service and wait are those of the talk before.
    contact_queue.dequeue_contact(d, contact)
    contact_queue.follow_contact(contact, "consult_cancelled")
    contact.offer, contact.service, contact.timed_step = offer, d.services.get(consult.service.id, consult.service), 0
    contact.transferred_at = (offer.connected_at or d.now) - consult.waited_s
    if contact.blocks_callbacks:
        d.changes.append(PlaceChanged(contact))
    # 3. Let the talk go on. On a second line the bridge with the caller still exists.
    offer.state = next_state(OFFER, "offer", offer.id, offer.state, "consult_cancelled")
    legs.follow_leg(offer, "second_line_ended" if consult.second_line else "consult_cancelled")
    offer.bridge_changed_at = d.now
    talk_quota.count_offer(d.matching, offer)
    # 4. Emit the fact, and end the hold.
    d.mark(offer, STATE)
    d.mark(contact, STATE)
    emit.returned(
        d, offer=offer.id, contact=contact.id, version=contact.version, agent=offer.agent.id,
        service=contact.service.id)
    if offer.held_since is not None:
        talk_changes.set_hold(d, offer, False)


def on_rebridged(d: Domain, offer: Offer) -> None:
    """Record that the agent and the caller are bridged again."""
    # The dialplan returned the caller without a node.
    if offer.state is OfferState.CONSULTING:
        cancel_consult(d, offer)
    legs.follow_leg(offer, "bridged")
    offer.bridge_changed_at = d.now


def complete_consult(d: Domain, offer: Offer, by: str, lost: bool = False) -> None:
    """End the consult transfer because the consulting agent or the caller (`by`) has left."""
    # 1. End the talk of the consulting agent, whose wrap-up is detached.
    contact, record, consult = offer.contact, offer.agent, offer.consult
    assert offer.connected_at is not None and consult is not None
    _close_consult(d, offer, "caller_left" if by == "caller" else "completed")
    if offer.held_since is not None:
        offer.held_s += d.now - offer.held_since
        offer.held_since = None
    offer.state = next_state(OFFER, "offer", offer.id, offer.state, "transferred")
    legs.end_legs(offer)
    offer.talk_ended_at = d.now
    talk_changes.leave_phone(d, offer, lost)
    talk_changes.leave_talk(d, record, offer, lost)
    # 2. Note that the caller was served, and close the offer. The names are read before the caller may be anonymised.
    if by == TRANSFER and not lost and recent_talks.note_recent_talk(d, offer, consult.service, d.now):
        callback_index.note_served(d, contact, consult.service)
    del d.offers[offer.id]
    offer.reason, offer.ended_at, offer.talk_s = by, d.now, d.now - offer.connected_at
    d.mark(offer, STATE)
    emit.consult_completed(
        d, offer=offer.id, contact=contact.id, agent=record.id, agent_version=record.version,
        service=consult.service.id, to=contact.service.id, channel=contact.channel, by=by, wait_s=consult.waited_s,
        talk_s=offer.talk_s, held_s=offer.held_s, original_position=contact.original_position,
        caller_anonymised=by != "caller" and contact_queue.anonymise_contact(d, contact))
    # 3. Let the caller go on: to the consultant, or in the queue.
    if by != "caller":
        contact_queue.on_consult_completed(d, contact)
    if contact.blocks_callbacks:
        d.changes.append(PlaceChanged(contact))
    # If the caller has left, the offer to the consultant ends elsewhere.
    other = contact.offer if by != "caller" else None
    if other is not None and is_with_consulting_agent(other):
        legs.follow_leg(other, "consult_completed")
        if d.link_up(contact.node):
            d.timers.set_deadline(("pre_connect", other.id), d.now + offer_changes.PRE_CONNECT_LIMIT_S)


def _close_consult(d: Domain, offer: Offer, trigger: str) -> None:
    legs.follow_consult(offer, trigger)
    d.timers.cancel_deadline((TIMER, offer.id))
    offer.contact.consulting_offer = None
