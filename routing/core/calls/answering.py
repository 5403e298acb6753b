"""Follow an offer from the ringing phone to the connection, or to an end without one."""

from __future__ import annotations

from routing.core import emit
from routing.core.agents import agent_capacity, distress_load, presence
from routing.core.calls import callback_flow, consult_transfer, legs, offer_changes, ring_moment, talk_changes
from routing.core.calls.offer_changes import BY_CEILING, COUNTED_REASONS
from routing.core.domain import Domain
from routing.core.events import OfferAnswered, OfferConnected, OfferEnded, OfferRinging
from routing.core.model.centre_model import OfferState
from routing.core.model.ids import ContactId, SeatId
from routing.core.model.reasons import HANGUP, IN_WORDS, LOST, NO_ANSWER, PRE_CONNECT_HANGUP, STALE, TAKEN, TRANSFER
from routing.core.model.state_tables import LEG, LEG_AFTER, OFFER_AFTER, CallbackState, LegState, next_state
from routing.core.queueing import contact_queue, last_agent, second_phone
from routing.core.records import AgentRecord, Offer
from routing.core.waiting_time import expected_wait

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING, WRAPPING = OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.WRAPPING
CALLED, ANSWERED, AWAITING_REBRIDGE = LegState.CALLED, LegState.ANSWERED, LegState.AWAITING_REBRIDGE
AGENT_CALLED = CallbackState.AGENT_CALLED
AFTER_RINGING, AFTER_BRIDGE = LEG_AFTER["rang"], LEG_AFTER["bridged"]
AFTER_CONNECTION = OFFER_AFTER["connected"][OfferState.PENDING]


def on_no_answer(d: Domain, offer: Offer, reason: str, by: AgentRecord | None = None,
                 at: float | None = None) -> None:
    """Close an offer that nobody answered, and count the ring-no-answer.

    After several in a row the agent gets no offers until they return. An offer beyond the agent's limit may ring
    unanswered and is not counted. `by` is the agent of a pair who did not answer; the partner who had answered is not
    counted.
    """
    # A message that nobody answered keeps messages away for a time, never calls.
    if not offer.voice:
        _put_message_off(d, offer, presence.MESSAGE_PAUSE_S)
        offer_changes.close_offer(d, offer, "not_answered", reason, at=at)
        return
    # 1. Find the agents who did not answer. With `by`, the other one counts only if their phone was not picked up
    # either.
    absent = [one for one in distress_load.hearing_agents(offer) if by is None or one is by
        or not _picked_up(offer, one)]
    # 2. Give them a moment before the next offer, and count.
    for one in absent:
        one.not_before = max(one.not_before, d.now + presence.RNA_GAP_S)
    if offer.tier == BY_CEILING:
        distress_load.on_beyond_limit_declined(d, offer)
    else:
        for one in absent:
            one.rna_count += 1
    # 3. Close the offer. If both missed it, the end concerns both.
    offer_changes.close_offer(d, offer, "not_answered", reason, to_reason="missed", by=by if len(absent) == 1 else None,
                              at=at)


def _put_message_off(d: Domain, offer: Offer, pause_s: float) -> None:
    """Offer the agent of a message no other one for a time. The agent's calls come as usual."""
    presence.pause_messages(d, offer.agent, pause_s)
    if offer.tier == BY_CEILING:
        distress_load.on_beyond_limit_declined(d, offer)


def _picked_up(offer: Offer, record: AgentRecord) -> bool:
    return offer.answered_at is not None if record is offer.agent else offer.partner_leg is ANSWERED


def _on_declined(d: Domain, offer: Offer, reason: str, by: AgentRecord, at: float) -> None:
    """Close an offer that the phone refused, or answered and hung up before the connection.

    Both count like a ring-no-answer. A phone that does so by itself needs no key, so the agent would get the same call
    every few seconds. A declined message only keeps messages away for a moment.
    """
    if not offer.voice:
        _put_message_off(d, offer, presence.MESSAGE_DECLINE_S)
        offer_changes.close_offer(d, offer, "declined", reason, at=at)
        return
    # A phone that refuses at once does so by itself. Later a hand has done it.
    if offer.rang_at is not None and reason in COUNTED_REASONS:
        second_phone.note_act(d, by)
    by.not_before = max(by.not_before, d.now + presence.DECLINE_GAP_S)
    # The caller was still being told, so the agent heard nobody: nothing counts, and the agent keeps the turn.
    if reason == PRE_CONNECT_HANGUP and d.now < offer.contact.words_until:
        offer_changes.close_offer(d, offer, "declined", IN_WORDS, keep_idle=True, by=by, at=at)
        return
    if offer.tier == BY_CEILING:
        distress_load.on_beyond_limit_declined(d, offer)
    elif reason in COUNTED_REASONS:
        by.rna_count += 1
    offer_changes.close_offer(d, offer, "declined", reason, by=by, at=at)


def _on_seat_lost(d: Domain, offer: Offer, reason: str, seat: SeatId, at: float | None = None) -> None:
    """Close an offer whose phone is gone. A desk that took no message gets no other one for a moment."""
    if offer.voice:
        presence.lose_seat(d, seat)
    else:
        presence.pause_messages(d, offer.agent, presence.MESSAGE_DECLINE_S)
    offer_changes.close_offer(d, offer, "rescinded", reason, at=at)


def on_phone_vanished(d: Domain, offer: Offer) -> None:
    """Rescind the offer, because the phone never rang."""
    offer_changes.rescind_offer(d, offer, "vanished")
    _on_seat_lost(d, offer, "vanished", offer.seat)


def on_offer_overdue(d: Domain, offer: Offer) -> None:
    """Rescind an offer whose ringing or whisper announcement lasted too long without a report from Asterisk."""
    offer_changes.rescind_offer(d, offer, STALE)
    on_no_answer(d, offer, STALE)


def on_offer_ringing(d: Domain, event: OfferRinging) -> None:
    """Record that the phone rings."""
    number, rang_at = event
    offer = d.offers.get(number)
    if offer is None or not offer.rings or offer.rang_at is not None or offer.rings_at:
        return
    # The reports may come in another order than the events.
    if offer.answered_at is not None:
        return
    offer.rang_at = _limit_time(d, offer, rang_at)
    offer.leg = AFTER_RINGING.get(offer.leg) or next_state(LEG, "leg", number, offer.leg, "rang")
    d.timers.cancel_deadline(("vanish", number))
    emit.offer_rang(d, offer)


def _limit_time(d: Domain, offer: Offer, at: float | None) -> float:
    """Return the time of a report. A late report names an earlier time than now, but none before the offer."""
    return d.now if at is None else min(d.now, max(at, offer.offered_at))


def on_leg_answered(d: Domain, event: OfferAnswered) -> None:
    """Record that the agent's leg is answered. The whisper announcement may still follow."""
    offer = d.offers.get(event.offer)
    if offer is None or not offer.rings or offer.rings_at:
        return
    # 1. The partner's leg has no deadline: the lead's leg waits for the partner.
    if event.partner:
        if offer.partner_leg is CALLED:
            legs.follow_partner_leg(offer, "answered")
        if offer.partner is not None:
            second_phone.note_act(d, offer.partner)
        return
    if offer.answered_at is not None:
        return
    # 2. Replace the deadline of ringing by the limit until the connection. While the link is down deadlines do not run.
    offer.answered_at = _limit_time(d, offer, event.answered_at)
    legs.follow_leg(offer, "answered")
    second_phone.note_act(d, offer.agent)
    # Somebody is there: no further phone begins to ring.
    if offer.contact.rings_since is not None:
        second_phone.seek_phone(d, offer.contact)
    d.timers.cancel_deadline(("vanish", offer.id))
    d.timers.cancel_deadline(("ring", offer.id))
    if d.can_reach(offer.contact) and not offer.dialling:
        d.timers.set_deadline(("pre_connect", offer.id), d.now + offer_changes.pre_connect_limit_s(offer))


def on_offer_connected(d: Domain, event: OfferConnected) -> None:
    """Record that the agent and the caller are bridged. A bridge with another caller is handled as a mismatch."""
    number, name, connected_at = event
    offer = d.offers.get(number)
    if offer is None or offer.state is WRAPPING:
        return
    contact, record = offer.contact, offer.agent
    if name != contact.id:
        _on_bridge_mismatch(d, offer, name)
        return
    if not offer.rings:
        consult_transfer.on_rebridged(d, offer)
        return
    # 1. End what came before the bridge: the dialling, the consult transfer, the deadlines of ringing.
    if contact.callback:
        callback_flow.mark_caller_reached(d, contact)
    offer.leg = AFTER_BRIDGE.get(offer.leg) or next_state(LEG, "leg", offer.id, offer.leg, "bridged")
    if offer.partner is not None:
        legs.follow_partner_leg(offer, "bridged")
    _end_other_phones(d, offer)
    for one in distress_load.hearing_agents(offer):
        second_phone.note_act(d, one)
    # A held position or a merge concerned only the wait before this talk.
    contact.own_position, contact.merged = None, False
    if contact.consulting_offer is not None:
        offer_changes.rescind_offer(d, contact.consulting_offer, "consult")
        consult_transfer.complete_consult(d, contact.consulting_offer, TRANSFER)
    offer_changes.cancel_deadlines(d, offer)
    if offer.callback is not None and (offer.dialling or offer.callback is AGENT_CALLED):
        legs.follow_callback(offer, "reached")
    # 2. Change the state of offer and contact.
    offer.state = AFTER_CONNECTION
    at = _limit_time(d, offer, connected_at)
    offer.connected_at = at
    if offer.voice:
        ring_moment.learn_answer(offer, at)
    contact_queue.dequeue_contact(d, contact)
    contact_queue.follow_contact(contact, "connected")
    if contact.caller_hash:
        last_agent.note_last_agent(d, contact, record)
    # 3. Change the state of the agent, or of both of a pair. Count the load first: the fact of the change carries it.
    # Messages tell nothing about the phone, so only a call ends a row of ring-no-answers.
    if offer.voice:
        record.rna_count = 0
    service = contact.service
    if service.load:
        distress_load.on_contact_connected(d, offer)
    if not offer.voice:
        # The agent may get more next to it, after agents who have waited longer.
        record.idle_since = d.now
    presence.change_state(d, record, "connected", "")
    if offer.voice:
        if len(record.offers) > 1:
            agent_capacity.hold_interrupted(d, record)
        if offer.partner is not None:
            offer.partner.rna_count = 0
            presence.change_state(d, offer.partner, "connected", "")
            agent_capacity.hold_interrupted(d, offer.partner)
    # 4. Emit the fact, and learn from the wait.
    wait_s, ring_s = at - contact.waits_from(), at - (offer.offered_at if offer.rang_at is None else offer.rang_at)
    if wait_s < 0.0:
        wait_s = 0.0
    contact.wait_s = wait_s
    if ring_s < 0.0:
        # The report of the ringing came after that of the connection.
        ring_s = 0.0
    emit.connected(
        d, offer, wait_s, ring_s, wait_s <= service.target_s, None if at == d.now else at,
        None if contact.estimate is None else expected_wait.initial_estimate(contact),
        0.0 if offer.answered_at is None else max(0.0, at - offer.answered_at))
    if contact.estimate is not None:
        expected_wait.learn_from_answer(d, contact, at)


def _end_other_phones(d: Domain, offer: Offer) -> None:
    """Let the offer of the first bridge hold the caller, and end what else rings. The other agents are ready at once.
    """
    contact = offer.contact
    second_phone.end_ringing(d, contact)
    if contact.beside:
        others = [one for one in contact.ringing_offers if one is not offer]
        if offer is not contact.offer:
            second_phone.promote_offer(d, contact, offer)
        for one in others:
            offer_changes.rescind_offer(d, one, TAKEN)
            offer_changes.close_offer(d, one, "rescinded", TAKEN, keep_idle=True)


def _on_bridge_mismatch(d: Domain, offer: Offer, name: ContactId) -> None:
    """Handle a bridge of the agent's leg with a channel other than the offer's caller.

    During a consult transfer the other channel is the consulting agent's leg. Otherwise raise the `bridge_mismatch`
    alarm and end the leg.
    """
    contact = offer.contact
    if consult_transfer.is_between_agents(contact, name):
        consulting_offer = consult_transfer.consulting_offer_of_leg(contact, name)
        if consulting_offer is not None and consulting_offer is not offer:
            consult_transfer.on_consultant_answered(d, offer, consulting_offer)
        return
    emit.alarm(d, kind="bridge_mismatch", contact=name, offer=offer.id, agent=offer.agent.id)
    offer_changes.rescind_offer(d, offer, "mismatch")
    if offer.rings:
        offer_changes.close_offer(d, offer, "rescinded", "mismatch")


def on_leg_ended(d: Domain, event: OfferEnded) -> None:
    """Handle the end of the agent's leg, or of the partner's."""
    offer = d.offers.get(event.offer)
    if offer is None or (event.partner and offer.partner is None):
        return
    # The state of the offer decides what the end means.
    record = offer.partner if event.partner and offer.partner is not None else offer.agent
    at = _limit_time(d, offer, event.ended_at)
    # 1. The consulting agent hung up, which completes the transfer.
    if offer.state is CONSULTING:
        consult_transfer.complete_consult(d, offer, TRANSFER, event.reason == LOST)
    # 2. The consultant hung up, so the caller returns to the consulting agent.
    elif offer.contact.consulting_offer is not None and consult_transfer.is_with_consulting_agent(offer):
        if event.reason == LOST:
            presence.lose_seat(d, offer.seat)
        consult_transfer.cancel_consult(d, offer.contact.consulting_offer)
    # 3. The agent left before the caller was bridged again, so the caller waits again.
    elif offer.state is ACCEPTED and offer.leg is AWAITING_REBRIDGE:
        talk_changes.end_talk(d, offer, LOST, at, seat_lost=event.reason == LOST)
    # 4. The talk is over, or the partner of a pair has left it.
    elif offer.state is ACCEPTED:
        if event.partner:
            _on_partner_left(d, offer, record, event.reason, at)
        else:
            talk_changes.end_talk(d, offer, LOST if event.reason == LOST else "agent", at)
    # 5. The offer was not accepted.
    elif offer.rings:
        if offer.partner is not None or offer.dialling:
            # The other phone, the partner's or the caller's, would ring in vain.
            offer_changes.rescind_offer(d, offer, "partner")
        if event.reason == NO_ANSWER:
            on_no_answer(d, offer, event.reason, record, at)
        elif event.reason in ("unreachable", LOST):
            _on_seat_lost(d, offer, event.reason, offer.seat if record.seat is None else record.seat, at)
        else:
            hung_up = event.reason == HANGUP and offer.voice and _picked_up(offer, record)
            _on_declined(d, offer, PRE_CONNECT_HANGUP if hung_up else event.reason, record, at)


def _on_partner_left(d: Domain, offer: Offer, partner: AgentRecord, reason: str, at: float) -> None:
    """End the talk, which does not go on without the partner.

    If the partner's phone was lost, the caller waits again, as after any lost phone. Otherwise end the agent's leg,
    which ends the talk.
    """
    if reason == LOST and partner.seat is not None:
        presence.lose_seat(d, partner.seat)
        talk_changes.end_talk(d, offer, LOST, at, seat_lost=False)
    else:
        offer_changes.rescind_offer(d, offer, "partner")
