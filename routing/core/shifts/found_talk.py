"""Go on with a talk whose begin no node has seen.

An offer may end for the engine while the agent's phone still rings: the link to Asterisk stalls, or the node freezes.
If the agent answers then, Asterisk connects the caller. A look at Asterisk finds the talk later.

The caller keeps the agent. The offer of the leg is opened again, under its number, and is connected at the true time.
A rule may forbid it: the agent has another call or does not fit any more, or the caller has another place to be.
The leg is ended then, and the caller waits on.
"""

from __future__ import annotations

from routing.core.calls import answering, offer_changes
from routing.core.domain import Domain
from routing.core.events import AgentPaused, OfferConnected, TalkFound
from routing.core.model import commands
from routing.core.model.centre_model import WAITING_STATES, AgentState
from routing.core.model.ids import OfferId
from routing.core.model.reasons import STALE
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.shifts import shift_handlers


def on_offer_connected(d: Domain, event: OfferConnected) -> None:
    """Begin a talk. That of an offer which was over a moment ago is found right here."""
    if event.offer in d.offers:
        answering.on_offer_connected(d, event)
        return
    contact = d.contacts.get(event.contact)
    if contact is not None and _find_closed(contact, event.offer) is not None:
        on_talk_found(d, TalkFound(*event))


def on_talk_found(d: Domain, event: TalkFound) -> None:
    """Connect a waiting contact by the offer whose talk was found, or end the leg."""
    contact = d.contacts.get(event.contact)
    # The view was older than the events before it: the contact is in a talk, or over.
    if contact is None or contact.state not in WAITING_STATES or event.offer in d.offers:
        return
    offer = _find_closed(contact, event.offer)
    if offer is None or not _may_go_on(d, contact, offer):
        d.commands.append(commands.Rescind(event.offer, contact.id, STALE, contact.node, contact.channel,
                                           talks=True))
        return
    # A pause, or the rest of a break, comes after the talk.
    record, paused = offer.agent, offer.agent.state is AgentState.PAUSED
    reason, rest_s = record.reason, max(0.0, record.break_until - d.now)
    offer_changes.reopen_offer(d, offer)
    answering.on_offer_connected(d, OfferConnected(offer.id, contact.id, event.connected_at))
    if paused:
        record.break_s = rest_s
        shift_handlers.pause_agent(d, AgentPaused(record.id, reason))


def _find_closed(contact: Contact, number: OfferId) -> Offer | None:
    return next((one for one in contact.closed_offers if one.id == number), None)


def _may_go_on(d: Domain, contact: Contact, offer: Offer) -> bool:
    """Return whether no rule forbids the talk."""
    record = offer.agent
    return not contact.callback and contact.consulting_offer is None \
        and record.state is not AgentState.SIGNED_OUT and record.seat == offer.seat \
        and not _has_other_call(record) and offer_changes.still_fits(d, offer)


def _has_other_call(record: AgentRecord) -> bool:
    """Return whether the agent has a call that does not only ring, or a partner who would have to be in the talk."""
    return record.partner is not None or any(
        one.voice and not one.rings for one in record.offers.values())
