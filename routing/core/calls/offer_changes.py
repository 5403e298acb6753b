"""Make offers, let them ring, and close them without a connection.

`answering` handles what happens in between, and `talk_changes` what follows.
"""

from __future__ import annotations

from collections.abc import Iterable

from routing.core import emit
from routing.core.agents import agent_capacity, distress_load, presence
from routing.core.calls import legs
from routing.core.domain import Domain
from routing.core.matching import skill_requirement, talk_quota
from routing.core.matching.agent_cohort import agent_in_pools
from routing.core.matching.agent_pool import CHANNEL_BIT
from routing.core.model import commands
from routing.core.model.centre_model import AnswerMode, CallbackOrder, OfferState, PreConnect
from routing.core.model.ids import AgentId, OfferId, SeatId, leg_id
from routing.core.model.reasons import DECLINES, FOUND, PHONE_DROPS, PRE_CONNECT_HANGUP, RING_NO_ANSWER, UNFIT
from routing.core.model.state_tables import OFFER, CallbackState, LegState, next_state
from routing.core.queueing import contact_queue, second_phone
from routing.core.records import CALLER_DIALLED_FIRST, AgentRecord, Contact, Offer

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
BESIDE, CANCELED, PENDING = OfferState.BESIDE, OfferState.CANCELED, OfferState.PENDING
ANSWERED = LegState.ANSWERED
NONE = PreConnect.NONE
CALLER_FIRST = CallbackOrder.CALLER_FIRST
PRESS_ONE, SINGLE_SWITCH = AnswerMode.PRESS_ONE, AnswerMode.SINGLE_SWITCH

RING_GRACE_S = 3.0
"""Asterisk ends the ringing after the profile's time. If no report comes within this time after it, the engine ends
it."""

PRE_CONNECT_LIMIT_S = 30.0
"""Longest time from an answered phone to the connection: the whisper announcement and the wait for key 1."""

OFFER_TIMERS = ("vanish", "ring", "pre_connect", "dial")
"""Deadlines of an offer. They are frozen while the link is down."""

COUNTED_REASONS = {"busy": DECLINES, "rejected": DECLINES, PRE_CONNECT_HANGUP: PHONE_DROPS}
"""Reasons that count like a ring-no-answer, with the reason of *not responding* if they come last. The phone refused
("do not disturb", a key, no common codec), or answered and hung up. `failed` does not count, because the reason is
unknown. `hangup` does not count, because the phone never answered and the engine may have ended the leg."""

NO_SEAT = SeatId("")
"""Seat of a message that is offered to an agent without a phone."""

BY_CEILING = distress_load.BY_CEILING
"""Tier of an offer beyond the agent's limit, which must be taken by a key."""


def make_offer(d: Domain, contact: Contact, record: AgentRecord, level: int, runners_up: tuple[AgentId, ...],
         strategy: str = "longest_idle", score: float = 0.0, tier: int = 0, step: int | None = None,
         rings_at: float = 0.0, beside: bool = False) -> Offer:
    """Reserve a contact for an agent, or for both of a pair. No phone rings yet: see `ring_moment` and
    `callback_flow`. With `beside` the contact is reserved already, and the offer holds the agent alone."""
    now, seat, service, matching = d.now, record.seat, contact.service, d.matching
    row = d.channels[contact.channel]
    voice = row.needs_phone
    assert seat is not None or not voice
    # 1. A call rescinds what rings next to it, at both of a pair.
    if row.interrupts and record.offers:
        _release_ringing(d, record)
    partner = record.partner if voice and record.leads_pair else None
    ring_s = record.profile.ring_timeout_s
    if partner is not None:
        if partner.offers:
            _release_ringing(d, partner)
        ring_s = max(ring_s, partner.profile.ring_timeout_s)
    # 2. Reserve the contact. The decision record counts agents as they were before this one is busy.
    number = OfferId(d.next_offer)
    d.next_offer = number + 1
    offer = Offer(number, contact, record, seat or NO_SEAT, now, ring_s, contact.step if step is None else step, level,
                  row.cost, voice, partner, tier, BESIDE if beside else PENDING, rings_at=rings_at)
    idle_s, ready, signed = now - record.idle_since, matching.ready_count, matching.signed_in_count
    by_state = tuple(d.by_state)
    matching.remove_contact(contact)
    if not beside:
        contact_queue.follow_contact(contact, "offered")
    offer.service = service.id
    # 3. Reserve the agents.
    _engage_agent(d, offer, "offered")
    if partner is not None:
        partner.last_talk_ended_at = None
        offer.partner_leg = LegState.CALLED
        agent_capacity.take_capacity(d, partner, offer)
        presence.change_state(d, partner, "offered", "")
    emit.offered(d, offer, idle_s, runners_up, ready, signed, d.queues[service.id].size, strategy, score, by_state,
                 beside)
    if tier == BY_CEILING:
        distress_load.emit_ceiling_override(d, offer)
    if contact.callback:
        offer.callback = CALLER_DIALLED_FIRST if service.callback is CALLER_FIRST else CallbackState.AGENT_CALLED
    if service.distress:
        second_phone.seek_phone(d, contact)
    return offer


def reopen_offer(d: Domain, offer: Offer) -> None:
    """Reserve a waiting contact for the agent of an offer that was over, because its phone talks with the caller.

    Nothing else may ring for the contact, or at the agent's phone.
    """
    contact, record, service, matching = offer.contact, offer.agent, offer.contact.service, d.matching
    # 1. Another phone that answered would take the caller out of the talk.
    rescind_contact(d, contact, FOUND)
    _release_ringing(d, record)
    # 2. Reserve the contact, wherever the caller was thought to be.
    idle_s, by_state = d.now - record.idle_since, tuple(d.by_state)
    offer.state = next_state(OFFER, "offer", offer.id, offer.state, "found")
    legs.follow_leg(offer, "found")
    offer.reason, offer.ended_at, offer.answered_at = "", None, offer.answered_at or d.now
    contact.in_menu, contact.farewell = False, ""
    matching.remove_contact(contact)
    contact_queue.follow_contact(contact, "offered")
    # 3. Engage the agent.
    _engage_agent(d, offer, "found")
    emit.offered(d, offer, idle_s, (), matching.ready_count, matching.signed_in_count, d.queues[service.id].size, FOUND,
                 0.0, by_state, False)


def _engage_agent(d: Domain, offer: Offer, event: str) -> None:
    """Bind contact and agent to each other. `event` is that of the agent's state."""
    record, contact, matching = offer.agent, offer.contact, d.matching
    d.offers[offer.id] = offer
    contact.act = None
    if offer.state is BESIDE:
        contact.beside = (*contact.beside, offer)
    else:
        contact.offer = offer
    if matching.quotas:
        talk_quota.count_offer(matching, offer)
    record.last_talk_ended_at = None
    agent_capacity.take_capacity(d, record, offer)
    if contact.service.load:
        distress_load.on_heavy_offered(d, offer)
    presence.change_state(d, record, event, "")


def ring_agent(d: Domain, offer: Offer) -> None:
    """Let the phone of the agent ring, or those of both of a pair."""
    now, number, contact, agent, partner = d.now, offer.id, offer.contact, offer.agent.agent, offer.partner
    profile, outside = offer.agent.profile, agent.remote
    offer.rung_at = now
    # An outside number may have voicemail, and an offer beyond the limit needs consent: both must be taken by a key.
    by_key = outside or offer.tier == BY_CEILING
    tells = profile.pre_connect is not NONE
    # Pairs are connected directly, without the consulting agent.
    d.commands.append(emit.new_offer_command(
        offer, PRESS_ONE if by_key else profile.answer_mode, by_key or (tells and profile.whispers),
        now - contact.waits_from(), profile.reading_s if tells else 0.0,
        None if partner is None else _partner_command(offer, partner),
        "" if contact.consulting_offer is None or partner is not None
        else leg_id(contact.consulting_offer.id, contact.id)))
    # An outside number may take long to ring, so only inside phones can vanish.
    if offer.voice and not outside:
        d.timers.set_deadline(("vanish", number), now + d.centre.phone_reacts_s)
    d.timers.set_deadline(("ring", number), now + offer.ring_s + RING_GRACE_S)


def _partner_command(offer: Offer, record: AgentRecord) -> commands.Partner:
    assert record.seat is not None
    agent, profile = record.agent, record.profile
    by_key = agent.remote or offer.tier == BY_CEILING
    return commands.Partner(record.id, record.seat, PRESS_ONE if by_key else profile.answer_mode,
                            by_key or profile.whispers, profile.reading_s, agent.remote, profile.comfort)


def _release_ringing(d: Domain, record: AgentRecord) -> None:
    """Rescind all ringing offers of an agent, because a call comes.

    A pending move to another seat waits until the call is over. The phone there may be in use, and the call is for the
    present seat.
    """
    # Without its next seat the agent stays at the present one when an offer closes.
    later, record.next_seat = record.next_seat, None
    for offer in list(record.offers.values()):
        if offer.rings:
            rescind_offer(d, offer, "call")
            close_offer(d, offer, "rescinded", "call", keep_idle=True)
    record.next_seat = later


def cancel_deadlines(d: Domain, offer: Offer) -> None:
    """Cancel all deadlines of an offer."""
    timers = d.timers
    # Reports of the agent and of the caller come in any order, so any deadline may be set.
    if offer.callback is not None:
        for timer in OFFER_TIMERS:
            timers.cancel_deadline((timer, offer.id))
        return
    if offer.rings_at:
        timers.cancel_deadline(("words", offer.id))
        offer.rings_at = 0.0
        return
    # Otherwise the times tell which deadlines can still be set, which saves work in every call.
    if offer.rang_at is None:
        timers.cancel_deadline(("vanish", offer.id))
    if offer.answered_at is None:
        timers.cancel_deadline(("ring", offer.id))
    else:
        timers.cancel_deadline(("pre_connect", offer.id))


def rescind_offer(d: Domain, offer: Offer, reason: str) -> None:
    """Have the agent's leg ended, if its phone was told to ring."""
    if offer.rings_at:
        return
    contact = offer.contact
    d.commands.append(commands.Rescind(offer.id, contact.id, reason, contact.node, contact.channel,
                                       offer.partner is not None, offer.dialling, not offer.rings))


def rescind_contact(d: Domain, contact: Contact, reason: str) -> None:
    """Rescind all that rings for a contact. Its agents keep the idle time."""
    second_phone.end_ringing(d, contact)
    for offer in contact.ringing_offers:
        rescind_offer(d, offer, reason)
        close_offer(d, offer, "rescinded", reason, keep_idle=True)


def close_offer(d: Domain, offer: Offer, trigger: str, reason: str, *, to: str = "released", to_reason: str = "",
          keep_idle: bool = False, by: AgentRecord | None = None, at: float | None = None) -> None:
    """Close an offer that ends without a connection. The contact searches again unless the caller has left.

    `at` is the true time of the end, if that is known to be earlier than now.
    `to` and `to_reason` are the agent's trigger and its reason. If one agent of a pair caused the end (`by`), they
    apply to that agent alone.
    """
    # 1. End the offer, its legs and its deadlines.
    record, contact, partner = offer.agent, offer.contact, offer.partner
    ended_at = d.now if at is None else at
    if contact.service.distress and trigger != "declined":
        if offer.answered_at is None:
            second_phone.note_absence(d, offer, record, ended_at)
        if partner is not None and offer.partner_leg is not ANSWERED:
            second_phone.note_absence(d, offer, partner, ended_at)
    offer.state = next_state(OFFER, "offer", offer.id, offer.state, trigger)
    legs.end_legs(offer)
    rang = offer.voice and not offer.rings_at
    cancel_deadlines(d, offer)
    del d.offers[offer.id]
    if offer.quota is not None:
        talk_quota.uncount_offer(d.matching, offer)
    if rang:
        presence.on_leg_over(d, offer.seat)
        if partner is not None and partner.seat is not None:
            presence.on_leg_over(d, partner.seat)
    # 2. Release the agents, each by their own trigger.
    for one in (record,) if partner is None else (record, partner):
        agent_capacity.release_capacity(d, one, offer)
        if one.profile.rest_gap_s and not keep_idle:
            distress_load.start_rest_gap(d, one)
        if by is None or by is one:
            one_to, why = to, to_reason or reason
        else:
            one_to, why = "released", reason
        if one.rna_count and one.rna_count >= one.profile.rna_allowed and one_to == "released":
            one_to, why = "rna_limit_reached", COUNTED_REASONS.get(reason, RING_NO_ANSWER) if one is by \
                else RING_NO_ANSWER
        presence.change_state(d, one, one_to, why, keep_idle=keep_idle)
    # 3. Release the contact. It looks again only after the fact that says how the offer ended.
    if offer.dialling:
        contact_queue.delay_redial(d, contact)
    stays = offer.state is not CANCELED
    if stays:
        contact.remember_closed(offer)
    released = _detach_offer(d, contact, offer) and stays
    if released:
        contact_queue.release_reservation(d, contact)
    offer.reason, offer.ended_at = reason, ended_at
    emit.offer_closed(
        d, offer, offer.state, 0.0 if offer.rang_at is None else max(0.0, offer.ended_at - offer.rang_at),
        contact.version if released else None)
    if released:
        contact_queue.resume_search(d, contact)
    elif contact.rings_since is not None:
        second_phone.seek_phone(d, contact)


def _detach_offer(d: Domain, contact: Contact, offer: Offer) -> bool:
    """Take a closed offer from its contact. Return whether no other phone rings for it."""
    if offer is not contact.offer:
        contact.beside = tuple([one for one in contact.beside if one is not offer])
        return False
    if contact.beside:
        second_phone.promote_offer(d, contact, contact.beside[0])
        return False
    return True


def cancel_offers(d: Domain, contact: Contact) -> None:
    """Cancel all that rings for a caller who has left. The agents are free at once and keep the idle time."""
    second_phone.end_ringing(d, contact)
    for offer in contact.ringing_offers:
        rescind_offer(d, offer, "caller_hung_up")
        close_offer(d, offer, "caller_hung_up", "caller_hung_up", keep_idle=True)


def rescind_ringing(d: Domain, record: AgentRecord, reason: str, to: str, to_reason: str) -> None:
    """Rescind all ringing offers of an agent who signs out or takes a break."""
    for offer in list(record.offers.values()):
        if offer.rings:
            rescind_offer(d, offer, reason)
            close_offer(d, offer, "rescinded", reason, to=to, to_reason=to_reason, by=record)


def rescind_unfit(d: Domain, offers: Iterable[Offer]) -> None:
    """Rescind the offers whose agent no longer fits, after skills, profiles or services have changed.

    The contact searches again at once, and the agent keeps the idle time. An agent who talks with the consulting agent
    keeps the contact.
    """
    for offer in list(offers):
        if offer.rings and not offer.talks_first and not still_fits(d, offer):
            rescind_offer(d, offer, UNFIT)
            close_offer(d, offer, "rescinded", UNFIT, keep_idle=True)


def still_fits(d: Domain, offer: Offer) -> bool:
    """Return whether the agent of an offer may still have its contact, by skills, profile and floor."""
    contact, record = offer.contact, offer.agent
    bit = CHANNEL_BIT[contact.channel]
    if not all(one.allowed_channels & bit for one in distress_load.hearing_agents(offer)):
        return False
    # The preferred agent may fit any step. Another agent was chosen by the step of the offer.
    service = contact.service
    steps = range(len(service.steps)) if contact.preferred is record \
        else (skill_requirement.clamp_step(service, offer.step),)
    agent = agent_in_pools(record)
    return any(skill_requirement.fits_agent(
        d.matching.requirement_for(service, step, contact.needs, contact.topics), agent) for step in steps)


def pre_connect_limit_s(offer: Offer) -> float:
    """Return the longest time from the answered phone to the connection."""
    profile = offer.agent.profile
    # A phone that answers by itself leaves the agent their time to answer after it.
    key_s = offer.ring_s if profile.answer_mode is SINGLE_SWITCH else 0.0
    return PRE_CONNECT_LIMIT_S + profile.reading_s + key_s \
        + (0.0 if offer.partner is None else _partner_wait_limit_s(offer))


def _partner_wait_limit_s(offer: Offer) -> float:
    """Return the longest wait of one agent of a pair for the partner. The partner's phone may ring, and the partner may
    read and press a key."""
    assert offer.partner is not None
    profile = offer.partner.profile
    return offer.ring_s * (2 if profile.answer_mode is SINGLE_SWITCH else 1) + profile.reading_s
