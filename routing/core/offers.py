"""Offers: made, rung, and closed without a connection. In between: `answering`; after it: `talks`."""

from __future__ import annotations

from routing.core import agents, capacity, commands, contacts, emit, legs, quota, wellbeing
from routing.core.domain import Domain
from routing.core.ids import AgentId, OfferId, leg_id
from routing.core.model import AnswerMode, CallbackOrder, OfferState, PreConnect
from routing.core.records import CALLER_DIALLED_FIRST, AgentRecord, Contact, Offer
from routing.core.states import OFFER, CallbackState, LegState, follow

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
CANCELED, PENDING = OfferState.CANCELED, OfferState.PENDING
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
         strategy: str = "longest_idle", score: float = 0.0, tier: int = 0) -> Offer:
    """Reserve the contact for the agent (both of a pair). No phone rings yet: see `ring` and `callback.dial`."""
    now, seat, service, matching = d.now, record.seat, contact.service, d.matching
    row = d.channels[contact.channel]
    voice = row.needs_phone
    assert seat is not None
    # 1. A call rescinds what rings next to it, at both of a pair.
    if row.interrupts and record.offers:
        _clear_way(d, record)
    partner = record.partner if voice and record.lead else None
    ring_s = record.profile.ring_timeout_s
    if partner is not None:
        if partner.offers:
            _clear_way(d, partner)
        ring_s = max(ring_s, partner.profile.ring_timeout_s)
    # 2. Reserve the contact. What the decision record counts is counted before the agent is busy.
    number = OfferId(d.next_offer)
    d.next_offer = number + 1
    offer = Offer(number, contact, record, seat, now, ring_s, contact.step, level,
                  row.cost, voice, partner, tier)
    idle_s, ready, signed = now - record.idle_since, matching.ready, matching.signed_in
    by_state = tuple(d.by_state)
    matching.part(contact)
    contacts.follow_contact(contact, "offered")
    offer.service = service.id
    d.offers[number] = contact.offer = offer
    if matching.quotas:
        quota.count(matching, offer)
    # 3. Reserve the agents.
    record.talked_until = None
    capacity.take(d, record, offer)
    if service.load:
        wellbeing.offered(d, offer)
    agents.change(d, record, "offered", "")
    if partner is not None:
        partner.talked_until = None
        offer.partner_leg = LegState.CALLED
        capacity.take(d, partner, offer)
        agents.change(d, partner, "offered", "")
    emit.offered(
        d, offer, idle_s=idle_s, runners_up=runners_up, agents_ready=ready, agents_signed_in=signed,
        waiting=d.lines[service.id].size, strategy=strategy, score=score, by_state=by_state,
        preferred=contact.preferred is record, partner=None if partner is None else partner.id)
    if tier == BY_CEILING:
        wellbeing.by_ceiling(d, offer)
    if contact.callback:
        offer.callback = CALLER_DIALLED_FIRST if service.callback is CALLER_FIRST else CallbackState.AGENT_CALLED
    return offer


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
    if offer.callback is not None:  # what was heard of the agent and what of the caller come in any order
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
    # 1. End the offer, its legs and its deadlines.
    record, contact, partner = offer.agent, offer.contact, offer.partner
    offer.state = follow(OFFER, "offer", offer.id, offer.state, trigger)
    legs.end_legs(offer)
    disarm(d, offer)
    del d.offers[offer.id]
    if offer.quota is not None:
        quota.uncount(d.matching, offer)
    if offer.voice:
        agents.leg_over(d, offer.seat)
        if partner is not None and partner.seat is not None:
            agents.leg_over(d, partner.seat)
    # 2. Release the agents, each by their own trigger.
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
    # 3. Release the contact. It looks again only after the fact that says how the offer ended.
    if offer.dialling:
        contacts.delay_redial(d, contact)
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
