"""What becomes of an offer: its phone rings, is answered and connected, or the offer ends before that."""

from __future__ import annotations

from routing.core import (
    agents,
    callback,
    capacity,
    consult,
    contacts,
    emit,
    estimate,
    known,
    legs,
    offers,
    talks,
    wellbeing,
)
from routing.core.domain import Domain
from routing.core.events import OfferAnswered, OfferConnected, OfferEnded, OfferRinging
from routing.core.ids import ContactId, SeatId
from routing.core.model import OfferState
from routing.core.offers import BY_CEILING, REFUSED
from routing.core.records import AgentRecord, Offer
from routing.core.states import AFTER_BRIDGE, LEG, OFFER, CallbackState, LegState, follow

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING, PENDING, WRAPPING = (
    OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.PENDING, OfferState.WRAPPING)
CALLED, ANSWERED, AWAITING_REBRIDGE = LegState.CALLED, LegState.ANSWERED, LegState.AWAITING_REBRIDGE
AGENT_CALLED = CallbackState.AGENT_CALLED


def missed(d: Domain, offer: Offer, reason: str, by: AgentRecord | None = None) -> None:
    """Nobody took it. Enough misses in a row and the agent gets nothing more until they say that they are there. One
    beyond the agent's limit may be left alone: it is no miss. `by`: who of a pair did not come; the other one, who had
    picked up by then, has missed nothing."""
    absent = [one for one in wellbeing.people(offer) if by is None or one is by or not _picked_up(offer, one)]
    for one in absent:
        one.not_before = max(one.not_before, d.now + agents.MISS_GAP_S)
    if offer.tier == BY_CEILING:
        wellbeing.refused(d, offer)
    else:
        for one in absent:
            one.misses += 1
    offers.close(d, offer, "not_answered", reason, to_reason="missed", by=by if len(absent) == 1 else None)


def _picked_up(offer: Offer, record: AgentRecord) -> bool:
    return offer.answered_at is not None if record is offer.agent else offer.partner_leg is ANSWERED


def _declined(d: Domain, offer: Offer, reason: str, by: AgentRecord) -> None:
    """A phone that refuses stands in the same row as one that is left to ring: nobody need press a key for it, and it
    would be offered the same call every few seconds as long as the caller waits."""
    by.not_before = max(by.not_before, d.now + agents.DECLINE_GAP_S)
    if offer.tier == BY_CEILING:
        wellbeing.refused(d, offer)
    elif reason in REFUSED:
        by.misses += 1
    offers.close(d, offer, "declined", reason, by=by)


def _seat_lost(d: Domain, offer: Offer, reason: str, seat: SeatId) -> None:
    """The phone is gone; a desk that took no message is only left alone for a moment."""
    if offer.voice:
        agents.lose_seat(d, seat)
    else:
        offer.agent.not_before = max(offer.agent.not_before, d.now + agents.DECLINE_GAP_S)
    offers.close(d, offer, "taken_back", reason)


def vanished(d: Domain, offer: Offer) -> None:
    """The phone never rang."""
    offers.rescind(d, offer, "vanished")
    _seat_lost(d, offer, "vanished", offer.seat)


def overdue(d: Domain, offer: Offer) -> None:
    """Ringing or brief lasted too long and Asterisk did not say so."""
    offers.rescind(d, offer, "stale")
    missed(d, offer, "stale")


def ringing(d: Domain, event: OfferRinging) -> None:
    """The phone rings."""
    (number,) = event
    offer = d.offers.get(number)
    if offer is None or offer.state is not PENDING or offer.rang_at is not None:
        return
    if offer.answered_at is not None:
        return
    offer.rang_at = d.now
    legs.follow_leg(offer, "rang")
    d.timers.cancel(("vanish", number))
    emit.offer_rang(d, offer)


def answered(d: Domain, event: OfferAnswered) -> None:
    """The agent's leg is up; the brief may still be spoken."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not PENDING:
        return
    if event.partner:
        if offer.partner_leg is CALLED:
            legs.follow_partner_leg(offer, "answered")  # no deadline is theirs: the leg of the lead waits for them
        return
    if offer.answered_at is not None:
        return
    offer.answered_at = d.now
    legs.follow_leg(offer, "answered")
    d.timers.cancel(("vanish", offer.id))
    d.timers.cancel(("ring", offer.id))
    if d.link_up(offer.contact.node) and not offer.dialling:
        d.timers.set(("brief", offer.id), d.now + offers.brief_s(offer))


def connected(d: Domain, event: OfferConnected) -> None:
    """Agent and caller are together, if it is really this caller."""
    number, name, connected_at = event
    offer = d.offers.get(number)
    if offer is None or offer.state is WRAPPING:
        return
    contact, record = offer.contact, offer.agent
    if name != contact.id:
        _with_another(d, offer, name)
        return
    if offer.state is not PENDING:
        consult.together(d, offer)
        return
    # 1. End what came before the bridge: the dialling, the consult transfer, the deadlines of ringing.
    if contact.callback:
        callback.talks(d, contact)
    offer.leg = AFTER_BRIDGE.get(offer.leg) or follow(LEG, "leg", offer.id, offer.leg, "bridged")
    if offer.partner is not None:
        legs.follow_partner_leg(offer, "bridged")
    contact.returned, contact.merged = None, False  # what they were told of the wait before this talk
    if contact.introducer is not None:
        offers.rescind(d, contact.introducer, "consult")
        consult.over(d, contact.introducer, talks.TRANSFER)
    offers.disarm(d, offer)
    if offer.callback is not None and (offer.dialling or offer.callback is AGENT_CALLED):
        legs.follow_callback(offer, "reached")
    # 2. Move offer and contact on. Asterisk may tell of the bridge late, but never before the offer.
    offer.state = OFFER[PENDING, "connected"]
    at = d.now if connected_at is None else min(d.now, max(connected_at, offer.offered_at))
    offer.connected_at = at
    contacts.leave_line(d, contact)
    contacts.follow_contact(contact, "connected")
    if contact.caller_hash:
        known.spoke(d, contact, record)
    # 3. Move the agent on, or both of a pair. What the contact weighs counts before their change is told.
    record.misses = 0
    service = contact.service
    if service.load:
        wellbeing.taken(d, offer)
    if not offer.voice:
        record.idle_since = d.now  # beside it they may get more: after those who wait longer
    agents.change(d, record, "connected", "")
    if offer.voice:
        if len(record.offers) > 1:
            capacity.hold_interrupted(d, record)
        if offer.partner is not None:
            offer.partner.misses = 0
            agents.change(d, offer.partner, "connected", "")
            capacity.hold_interrupted(d, offer.partner)
    # 4. Tell of it, and learn from the wait.
    wait_s, ring_s = at - contact.waits_from(), at - (offer.offered_at if offer.rang_at is None else offer.rang_at)
    if wait_s < 0.0:
        wait_s = 0.0
    contact.wait_s = wait_s
    if ring_s < 0.0:
        ring_s = 0.0  # the connection came to be known before the ringing did
    emit.connected(
        d, offer, wait_s=wait_s, ring_s=ring_s, within=wait_s <= service.target_s,
        connected_at=None if at == d.now else at, estimate=None if contact.estimate is None else estimate.told(contact),
        pre_connect_s=0.0 if offer.answered_at is None else max(0.0, at - offer.answered_at))
    if contact.estimate is not None:
        estimate.came_true(d, contact, at)


def _with_another(d: Domain, offer: Offer, name: ContactId) -> None:
    """The agent is together with somebody else than the offer's caller: with an agent who asks about them, or that must
    not be."""
    contact = offer.contact
    if consult.is_between_agents(contact, name):
        introducer = consult.of_leg(contact, name)
        if introducer is not None and introducer is not offer:
            consult.meets(d, offer, introducer)
        return
    emit.alarm(d, kind="bridge_mismatch", contact=name, offer=offer.id, agent=offer.agent.id)
    offers.rescind(d, offer, "mismatch")
    if offer.state is PENDING:
        offers.close(d, offer, "taken_back", "mismatch")


def ended(d: Domain, event: OfferEnded) -> None:
    """The agent's leg is gone, or the partner's."""
    offer = d.offers.get(event.offer)
    if offer is None or (event.partner and offer.partner is None):
        return
    record = offer.partner if event.partner and offer.partner is not None else offer.agent
    if offer.state is CONSULTING:
        consult.over(d, offer, talks.TRANSFER, event.reason == talks.LOST)
    elif offer.contact.introducer is not None and consult.in_talk(offer):
        if event.reason == talks.LOST:
            agents.lose_seat(d, offer.seat)
        consult.returned(d, offer.contact.introducer)
    elif offer.state is ACCEPTED and offer.leg is AWAITING_REBRIDGE:
        talks.talk_over(d, offer, talks.LOST, d.now, seat_lost=event.reason == talks.LOST)
    elif offer.state is ACCEPTED:
        if event.partner:
            _partner_left(d, offer, record, event.reason)
        else:
            talks.talk_over(d, offer, talks.LOST if event.reason == talks.LOST else "agent", d.now)
    elif offer.state is PENDING:
        if offer.partner is not None or offer.dialling:
            offers.rescind(d, offer, "partner")  # the other phone, the caller's, rings in vain
        if event.reason == "no_answer":
            missed(d, offer, event.reason, record)
        elif event.reason in ("unreachable", talks.LOST):
            _seat_lost(d, offer, event.reason, offer.seat if record.seat is None else record.seat)
        else:
            _declined(d, offer, event.reason, record)


def _partner_left(d: Domain, offer: Offer, partner: AgentRecord, reason: str) -> None:
    """Without the partner the talk does not go on. If their phone was lost the caller looks again, as after any lost
    phone; else the agent's leg is ended, and the talk with it."""
    if reason == talks.LOST and partner.seat is not None:
        agents.lose_seat(d, partner.seat)
        talks.talk_over(d, offer, talks.LOST, d.now, seat_lost=False)
    else:
        offers.rescind(d, offer, "partner")
