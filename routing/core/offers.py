"""Offers: made, ringing, answered, connected, and every way in which they end before. What comes after: `talks`."""

from __future__ import annotations

from routing.core import (
    agents,
    callback,
    capacity,
    commands,
    consult,
    contacts,
    emit,
    estimate,
    interrupt,
    known,
    quota,
    talks,
    wellbeing,
)
from routing.core.domain import Domain
from routing.core.events import OfferAnswered, OfferConnected, OfferEnded, OfferRinging
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, leg_id
from routing.core.model import AnswerMode, CallbackOrder, Channel, OfferState, PreConnect
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.states import OFFER, follow

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CANCELED, CONSULTING, PENDING, WRAPPING = (
    OfferState.ACCEPTED, OfferState.CANCELED, OfferState.CONSULTING, OfferState.PENDING, OfferState.WRAPPING)
VOICE = Channel.VOICE
NONE = PreConnect.NONE
CALLER_FIRST = CallbackOrder.CALLER_FIRST
PRESS_ONE, SINGLE_SWITCH = AnswerMode.PRESS_ONE, AnswerMode.SINGLE_SWITCH

RING_GRACE_S = 3.0
"""Asterisk ends the ringing by itself after the profile's time. Should its word never come, the engine ends it."""

BRIEF_S = 30.0
"""The longest way from an answered phone to the connection: the spoken brief and the wait for key 1."""

TIMERS = ("vanish", "ring", "brief", "dial")
"""Deadlines of an offer. They stand still while the link is down."""

REFUSED = frozenset({"busy", "rejected"})
"""The phone itself said no: "do not disturb", a key, no codec in common. `failed` is the word for a gap in what we
know, and `hangup` is a person who was there."""

BY_CEILING = wellbeing.BY_CEILING
"""Tier of an offer beyond the agent's limit: it must be taken by a key."""


def make(d: Domain, contact: Contact, record: AgentRecord, level: int, runners_up: tuple[AgentId, ...],
         strategy: str = "longest_idle", score: float = 0.0, tier: int = 0) -> None:
    """Reserve the contact for the agent (both of a pair) and have the phone ring."""
    now, seat, service, matching = d.now, record.seat, contact.service, d.matching
    voice = contact.channel is VOICE
    assert seat is not None
    if voice and record.offers:
        _clear_way(d, record)
    partner = record.partner if voice and record.lead else None
    ring_s = record.profile.ring_timeout_s
    if partner is not None:
        if partner.offers:
            _clear_way(d, partner)
        ring_s = max(ring_s, partner.profile.ring_timeout_s)
    number = OfferId(d.next_offer)
    d.next_offer = number + 1
    offer = Offer(number, contact, record, seat, now, ring_s, contact.step, level,
                  d.costs.get(contact.channel, capacity.WHOLE), voice, partner, tier)
    idle_s, ready, signed = now - record.idle_since, matching.ready, matching.signed_in
    by_state = tuple(d.by_state)
    matching.part(contact)
    contacts.follow_contact(contact, "offered")
    offer.service = service.id
    d.offers[number] = contact.offer = offer
    if matching.quotas:
        quota.count(matching, offer)
    record.talked_until = None
    capacity.take(d, record, offer)
    if service.load:
        wellbeing.offered(d, offer)
    agents.change(d, record, "offered", "")
    if partner is not None:
        partner.talked_until = None
        capacity.take(d, partner, offer)
        agents.change(d, partner, "offered", "")
    emit.offered(
        d, offer, idle_s=idle_s, runners_up=runners_up, agents_ready=ready, agents_signed_in=signed,
        waiting=d.lines[service.id].size, strategy=strategy, score=score, by_state=by_state,
        preferred=contact.preferred is record, partner=None if partner is None else partner.id)
    if tier == BY_CEILING:
        wellbeing.by_ceiling(d, offer)
    if contact.callback:
        offer.calls_back, offer.caller_first = True, service.callback is CALLER_FIRST
        if offer.caller_first:
            callback.dial(d, offer)
            return
    ring(d, offer)


def ring(d: Domain, offer: Offer) -> None:
    """Have the phone of the agent (of both of a pair) ring."""
    now, number, contact, agent, partner = d.now, offer.id, offer.contact, offer.agent.agent, offer.partner
    profile, outside = offer.agent.profile, agent.outside
    by_key = outside or offer.tier == BY_CEILING
    tells = profile.pre_connect is not NONE
    d.commands.append(emit.new_offer_command(
        offer, answer_mode=PRESS_ONE if by_key else profile.answer_mode, brief=by_key or (tells and profile.brief),
        waited_s=now - contact.waits_from(), reading_s=profile.reading_s if tells else 0.0,
        partner=None if partner is None else _partner(offer, partner), outside=outside, comfort=profile.comfort,
        first="" if contact.introducer is None or partner is not None else leg_id(contact.introducer.id, contact.id)))
    if offer.voice and not outside:  # an outside number takes its time to ring
        d.timers.set(("vanish", number), now + d.centre.reacts_s)
    d.timers.set(("ring", number), now + offer.ring_s + RING_GRACE_S)


def _partner(offer: Offer, record: AgentRecord) -> commands.Partner:
    assert record.seat is not None
    agent, profile = record.agent, record.profile
    by_key = agent.outside or offer.tier == BY_CEILING
    return commands.Partner(record.id, record.seat, PRESS_ONE if by_key else profile.answer_mode,
                            by_key or profile.brief, profile.reading_s, agent.outside, profile.comfort)


def _clear_way(d: Domain, record: AgentRecord) -> None:
    """A call comes: what rings beside it (it can be interrupted, or the call would not come) looks for others. The seat
    stays, whatever was told meanwhile: the phone there may be in use, and the call was meant for this one."""
    later, record.next_seat = record.next_seat, None
    for offer in list(record.offers.values()):
        if offer.state is PENDING:
            rescind(d, offer, "call")
            close(d, offer, "taken_back", "call", keep_idle=True)
    record.next_seat = later


def disarm(d: Domain, offer: Offer) -> None:
    """The offer has no deadline any more."""
    timers = d.timers
    if offer.calls_back:  # what was heard of the agent and what of the caller come in any order
        for timer in TIMERS:
            timers.cancel((timer, offer.id))
        return
    if offer.rang_at is None:
        timers.cancel(("vanish", offer.id))
    if offer.answered_at is None:
        timers.cancel(("ring", offer.id))
    else:
        timers.cancel(("brief", offer.id))


def rescind(d: Domain, offer: Offer, reason: str) -> None:
    """Have the agent's leg ended."""
    contact = offer.contact
    d.commands.append(commands.Rescind(offer.id, contact.id, reason, contact.node, contact.channel,
                                       offer.partner is not None, offer.dialling))


def close(d: Domain, offer: Offer, trigger: str, reason: str, *, to: str = "released", to_reason: str = "",
          keep_idle: bool = False, by: AgentRecord | None = None) -> None:
    """An offer ends without a connection. `to`: the agent's trigger; of a pair, that of the one `by` whom it ended
    (None: of both). The contact looks again unless it is gone."""
    record, contact, partner = offer.agent, offer.contact, offer.partner
    offer.state = follow(OFFER, "offer", offer.id, offer.state, trigger)
    disarm(d, offer)
    del d.offers[offer.id]
    if offer.quota is not None:
        quota.uncount(d.matching, offer)
    if offer.voice:
        agents.leg_over(d, offer.seat)
        if partner is not None and partner.seat is not None:
            agents.leg_over(d, partner.seat)
    for one in (record,) if partner is None else (record, partner):
        capacity.release(d, one, offer)
        if one.profile.rest_gap_s and not keep_idle:
            wellbeing.gap(d, one)
        if by is None or by is one:
            one_to, why = to, to_reason or reason
        else:
            one_to, why = "released", reason
        if one.misses and one.misses >= one.profile.misses_allowed and one_to == "released":
            one_to, why = "missed_too_often", "refusals" if one is by and reason in REFUSED else "misses"
        agents.change(d, one, one_to, why, keep_idle=keep_idle)
    if offer.dialling:
        callback.rests(d, contact)
    stays = offer.state is not CANCELED
    if stays:
        contacts.back(d, contact)
    offer.reason, offer.ended_at = reason, d.now
    emit.offer_closed(
        d, offer, state=offer.state, rang_s=0.0 if offer.rang_at is None else d.now - offer.rang_at,
        contact_version=contact.version if stays else None)
    if stays:
        contacts.again(d, contact)


def cancel(d: Domain, offer: Offer) -> None:
    """The contact is gone while the phone rings: the agent is free at once, with the place among the idle."""
    rescind(d, offer, "contact_gone")
    close(d, offer, "contact_gone", "contact_gone", keep_idle=True)


def take_back(d: Domain, record: AgentRecord, reason: str, to: str, to_reason: str) -> None:
    """The agent signs out or takes a break: whatever rings is taken back."""
    for offer in list(record.offers.values()):
        if offer.state is PENDING:
            rescind(d, offer, reason)
            close(d, offer, "taken_back", reason, to=to, to_reason=to_reason, by=record)


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
    close(d, offer, "not_answered", reason, to_reason="missed", by=by if len(absent) == 1 else None)


def _picked_up(offer: Offer, record: AgentRecord) -> bool:
    return offer.answered_at is not None if record is offer.agent else offer.partner_answered


def _declined(d: Domain, offer: Offer, reason: str, by: AgentRecord) -> None:
    """A phone that refuses stands in the same row as one that is left to ring: nobody need press a key for it, and it
    would be offered the same call every few seconds as long as the caller waits."""
    by.not_before = max(by.not_before, d.now + agents.DECLINE_GAP_S)
    if offer.tier == BY_CEILING:
        wellbeing.refused(d, offer)
    elif reason in REFUSED:
        by.misses += 1
    close(d, offer, "declined", reason, by=by)


def _seat_lost(d: Domain, offer: Offer, reason: str, seat: SeatId) -> None:
    """The phone is gone; a desk that took no message is only left alone for a moment."""
    if offer.voice:
        agents.lose_seat(d, seat)
    else:
        offer.agent.not_before = max(offer.agent.not_before, d.now + agents.DECLINE_GAP_S)
    close(d, offer, "taken_back", reason)


def vanished(d: Domain, offer: Offer) -> None:
    """The phone never rang."""
    rescind(d, offer, "vanished")
    _seat_lost(d, offer, "vanished", offer.seat)


def overdue(d: Domain, offer: Offer) -> None:
    """Ringing or brief lasted too long and Asterisk did not say so."""
    rescind(d, offer, "stale")
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
    d.timers.cancel(("vanish", number))
    emit.offer_rang(d, offer)


def answered(d: Domain, event: OfferAnswered) -> None:
    """The agent's leg is up; the brief may still be spoken."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not PENDING:
        return
    if event.partner:
        offer.partner_answered = True  # no deadline is theirs: the leg of the lead waits for them
        return
    if offer.answered_at is not None:
        return
    offer.answered_at = d.now
    d.timers.cancel(("vanish", offer.id))
    d.timers.cancel(("ring", offer.id))
    if d.link_up(offer.contact.node) and not offer.dialling:
        d.timers.set(("brief", offer.id), d.now + brief_s(offer))


def brief_s(offer: Offer) -> float:
    """The longest way from an answered phone to the connection."""
    profile = offer.agent.profile
    # A phone that answers by itself leaves the agent their time to answer after it.
    key_s = offer.ring_s if profile.answer_mode is SINGLE_SWITCH else 0.0
    return BRIEF_S + profile.reading_s + key_s + (0.0 if offer.partner is None else _joining_s(offer))


def _joining_s(offer: Offer) -> float:
    """The longest wait of one of a pair for the other, whose phone may ring, and who may read and press a key, too."""
    assert offer.partner is not None
    profile = offer.partner.profile
    return offer.ring_s * (2 if profile.answer_mode is SINGLE_SWITCH else 1) + profile.reading_s


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
    if contact.callback:
        callback.talks(d, contact)
    offer.introduced = False  # from here on it is the caller they talk with
    contact.returned, contact.merged = None, False  # what they were told of the wait before this talk
    if contact.introducer is not None:
        rescind(d, contact.introducer, "consult")
        consult.over(d, contact.introducer, talks.TRANSFER)
    disarm(d, offer)
    offer.dialling = False
    offer.state = OFFER[PENDING, "connected"]
    at = d.now if connected_at is None else min(d.now, max(connected_at, offer.offered_at))
    offer.connected_at = at
    contacts.leave_line(d, contact)
    contacts.follow_contact(contact, "connected")
    if contact.caller_hash:
        known.spoke(d, contact, record)
    record.misses = 0
    service = contact.service
    if service.load:
        wellbeing.taken(d, offer)
    if not offer.voice:
        record.idle_since = d.now  # beside it they may get more: after those who wait longer
    agents.change(d, record, "connected", "")
    if offer.voice:
        if len(record.offers) > 1:
            interrupt.hold(d, record)
        if offer.partner is not None:
            offer.partner.misses = 0
            agents.change(d, offer.partner, "connected", "")
            interrupt.hold(d, offer.partner)
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
    rescind(d, offer, "mismatch")
    if offer.state is PENDING:
        close(d, offer, "taken_back", "mismatch")


def ended(d: Domain, event: OfferEnded) -> None:
    """The agent's leg is gone, or the partner's."""
    offer = d.offers.get(event.offer)
    if offer is None or (event.partner and offer.partner is None):
        return
    record = offer.partner if event.partner and offer.partner is not None else offer.agent
    if offer.state is CONSULTING:
        consult.over(d, offer, talks.TRANSFER, event.reason == talks.LOST)
    elif offer.introduced and offer.contact.introducer is not None:
        if event.reason == talks.LOST:
            agents.lose_seat(d, offer.seat)
        consult.returned(d, offer.contact.introducer)
    elif offer.state is ACCEPTED and offer.apart:
        talks.talk_over(d, offer, talks.LOST, d.now, seat_lost=event.reason == talks.LOST)
    elif offer.state is ACCEPTED:
        if event.partner:
            _partner_left(d, offer, record, event.reason)
        else:
            talks.talk_over(d, offer, talks.LOST if event.reason == talks.LOST else "agent", d.now)
    elif offer.state is PENDING:
        if offer.partner is not None or offer.dialling:
            rescind(d, offer, "partner")  # the other phone, the caller's, rings in vain
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
        rescind(d, offer, "partner")
