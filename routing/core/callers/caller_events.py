"""Handle what a caller does in a queue or a talk: a hold tick, a hang-up, an exit, a declined position."""

from __future__ import annotations

from routing.core.callers import outage_calls
from routing.core.calls import callback_flow, consult_transfer, offer_changes, ring_moment, talk_changes
from routing.core.changes import CallLost
from routing.core.domain import Domain
from routing.core.events import (
    CallerHungUp,
    ContactExited,
    FallbackEntered,
    HeldPositionDeclined,
    HoldTick,
    ReturnedToMenu,
)
from routing.core.model.centre_model import WAITING_STATES, ContactState, Outcome, WayOut
from routing.core.model.reasons import DEFLECTED, DROPPED, FALLBACK, LOST, MESSAGE, RULE, STALE, WITHDRAWN
from routing.core.queueing import callback_index, contact_queue, held_position, recent_talks
from routing.core.records import Contact
from routing.core.waiting_time import expected_wait

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ASSIGNED, PENDING = ContactState.ASSIGNED, ContactState.PENDING

AGI_STEP_S = 5.0
"""Longest AGI step of the dialplan. A hold tick later than this after the bridge was sent after the bridge. The talk
has then ended without a report."""


FALLBACK_S = 120.0
"""Longest time without an offer for a caller in the fallback queue: a round of 30 s, and the longest ring of 60 s after
it. The tick that follows comes at once."""


def on_hold_tick(d: Domain, event: HoldTick) -> None:
    """Return a contact to its queue that is in the hold loop instead of its talk, the menu or the fallback queue.

    Another waiting contact does not change.
    """
    contact = d.contacts.get(event.contact)
    if contact is None:
        return
    if contact.words_until > d.now:
        ring_moment.set_words(d, contact, d.now)
    if contact.state is ASSIGNED:
        requeue_after_drop(d, contact)
    elif contact.in_menu:
        contact_queue.leave_menu(d, contact)
    elif contact.not_before > d.now and contact.state is PENDING and not contact.callback:
        _delay_offers(d, contact, d.now)


def on_fallback_entered(d: Domain, event: FallbackEntered) -> None:
    """Offer a waiting contact to nobody while its caller is in the fallback queue, where a phone may ring."""
    contact = d.contacts.get(event.contact)
    if contact is not None and contact.state is PENDING and not contact.callback:
        _delay_offers(d, contact, d.now + FALLBACK_S)


def _delay_offers(d: Domain, contact: Contact, until: float) -> None:
    contact.not_before = until
    contact_queue.restart_search(d, contact)
    d.newly_queued.append(contact)
    d.mark(contact)


def requeue_after_drop(d: Domain, contact: Contact) -> None:
    """Return a contact to its queue whose talk was dropped, unless the hold tick is older than the bridge."""
    offer = contact.offer
    if offer is not None and talk_changes.still_waits(offer, d.now, AGI_STEP_S):
        offer_changes.rescind_offer(d, offer, STALE)
        talk_changes.end_talk(d, offer, LOST, d.now, seat_lost=False)


def on_caller_hung_up(d: Domain, event: CallerHungUp) -> None:
    """End the talk or the wait of a caller whose channel is gone. A callback goes on without the channel, if that was
    ever seen.

    An unknown contact is remembered as ended, because its queue entry may still arrive.
    """
    contact = d.contacts.get(event.contact)
    if contact is None:
        if event.contact not in d.ended_contacts:
            d.unrecorded_ends.set_value(event.contact, d.now)
        d.ended_contacts.set_value(event.contact, d.now)
        return
    # 1. A talk ends. Both cases of a lost line may lead to a follow-up call.
    at = d.now if event.ended_at is None else min(event.ended_at, d.now)
    offer = contact.offer
    if contact.state is ASSIGNED and offer is not None:
        talk_changes.end_talk(d, offer, DROPPED if event.failure or event.dropped else "caller", at)
    elif contact.state not in WAITING_STATES:
        return
    # 2. The caller of a callback hangs up as intended. A caller who was withdrawn or led out has heard good-bye.
    elif contact.callback and contact.shown:
        callback_flow.start_callback_wait(d, contact)
    elif contact.farewell:
        if contact.way_out is WayOut.GOODBYE:
            end_wait(d, contact, "exited", Outcome.TURNED_AWAY, at, contact.led_by[-1].value)
        else:
            end_wait(d, contact, "exited", Outcome.LEFT, at, WITHDRAWN)
    else:
        # 3. A wait ends. A wait after a transfer is of another kind and does not teach the forecast. A contact whose
        # channel was never seen may be forged, so it teaches nothing and leaves no position.
        short = at - contact.waits_from() < contact.service.short_abandon_s
        outcome = Outcome.FAILURE if event.failure else Outcome.TURNED_AWAY if contact.is_turned_away \
            else Outcome.ABANDONED_SHORT if short else Outcome.ABANDONED
        if contact.transferred_at is None and contact.shown:
            expected_wait.learn_from_abandon(d, contact, at)
        if contact.consulting_offer is None and contact.shown:
            held_position.hold_position(d, contact, at)
        # 4. During a consult transfer the caller was in a talk before, and may count as served.
        asker = contact.consulting_offer
        if asker is not None and asker.consult is not None and not (event.failure or event.dropped) \
                and recent_talks.note_recent_talk(d, asker, asker.consult.service, at):
            callback_index.note_served(d, contact, asker.consult.service)
        end_wait(d, contact, "hung_up", outcome, at,
                 contact.led_by[-1].value if outcome is Outcome.TURNED_AWAY else "")
        if event.failure or event.dropped:
            d.changes.append(CallLost(contact, at))


def on_contact_exited(d: Domain, event: ContactExited) -> None:
    """End the wait of a caller who left the queue alive, or who withdraws a callback. Do nothing for a caller in
    talk."""
    contact = d.contacts.get(event.contact)
    if contact is not None and contact.state in WAITING_STATES:
        at = d.now if event.exited_at is None else min(event.exited_at, d.now)
        if event.reason == FALLBACK:
            outage_calls.note_fallback_talk(d, contact, event.seat, event.talk_s)
        end_wait(d, contact, "exited", _find_exit(event), at, event.key)


def _find_exit(event: ContactExited) -> Outcome:
    """Return how a call ended whose caller left the queue alive. A message that a rule has asked for is no refusal."""
    if event.reason == FALLBACK:
        return Outcome.FALLBACK
    if event.reason == DEFLECTED or (event.reason == RULE and event.key != MESSAGE):
        return Outcome.TURNED_AWAY
    return Outcome.LEFT


def on_returned_to_menu(d: Domain, event: ReturnedToMenu) -> None:
    """Offer a contact to nobody while its caller chooses again. The phone that rings for it stops, and nothing counts
    against its agent.

    Do nothing for a callback, or for a caller whose agent consults: they have no choice to take back.
    """
    contact = d.contacts.get(event.contact)
    if contact is None or contact.state not in WAITING_STATES or contact.callback \
            or contact.consulting_offer is not None:
        return
    contact.in_menu = True
    offer_changes.rescind_contact(d, contact, "chosen")
    d.matching.remove_contact(contact)
    d.mark(contact)


def on_held_position_declined(d: Domain, event: HeldPositionDeclined) -> None:
    """Give up the held position, so that the wait counts from the caller's new call. Do nothing if there is none."""
    contact = d.contacts.get(event.contact)
    if contact is None or contact.own_position is None or contact.state not in WAITING_STATES:
        return
    contact_queue.dequeue_temporarily(d, contact)
    contact.since, contact.priority = contact.own_position
    # The estimate was for the held position.
    contact.own_position = contact.estimate = None
    contact_queue.enqueue_contact(d, contact)
    contact_queue.emit_contact_changed(d, contact, contact.since)


def end_wait(d: Domain, contact: Contact, trigger: str, outcome: Outcome, at: float, key: str = "") -> None:
    """End a waiting contact. During a consult transfer the caller belongs to the consulting agent."""
    offer_changes.cancel_offers(d, contact)
    asker = contact.consulting_offer
    if asker is None:
        contact_queue.end_waiting(d, contact, trigger, outcome, at, key)
    else:
        consult_transfer.complete_consult(d, asker, "caller")
        contact_queue.end_consulted(d, contact, trigger, asker, at)
