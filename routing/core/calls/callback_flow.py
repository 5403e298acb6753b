"""Handle callbacks: the caller hangs up and keeps the position in the queue. `since` is the virtual start of the wait.

A callback is offered when the caller has hung up, the requested time has come, and quiet hours allow it.

* Agent first: the agent takes the offer (`CallbackAccepted`), then the caller is dialled. The caller is led to the
  agent when on the line (`CallbackReached`).
* Caller first: the agent is kept free while the caller is dialled. The agent's phone rings when the caller is on the
  line.
* Predictive: nobody is reserved. `dial_pacing` dials as many callers as agents are expected to be free.

A caller who is reached waits like any other caller, with the age of the callback. If the agent is lost then, another
agent takes the caller.

A caller who does not answer (`CallbackFailed`) is tried again after `Service.callback_retry_s`, at most
`callback_tries` times in all. A failed try is no ring-no-answer of the agent, who keeps the idle time. A callback that
has not reached its caller after `Centre.callback_hours`, or in the time that the caller has chosen, ends.

A caller who has agreed and is still on the line may choose another time. A hang-up before leaves the callback as it is.

One callback to a number waits at a time. A number that was keyed in and is not that of the call belongs to somebody who
may have asked for nothing: it is not dialled in quiet hours, and key 1 must be pressed. `callback_limits` has the
limits of a day.

A caller who calls again for the same service gets the age of the waiting callback. While that call, or one that comes
to the service by overflow or a transfer, waits or is in talk, the callback is held: the caller's phone is in use. If
the caller is served there, the callback is cancelled. If the caller gives up, the promise holds. The same service is
one in which both have been: the present one, those before an overflow, or that of a consulting agent.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.calls import legs, offer_changes
from routing.core.changes import CallerServed, PlaceChanged
from routing.core.domain import Domain
from routing.core.events import CallbackAccepted, CallbackFailed, CallbackReached, CallbackRequested, QuietHoursChanged
from routing.core.model import commands
from routing.core.model.centre_model import (
    ON_LINE_STATES,
    PHONE_CHANNELS,
    WAITING_STATES,
    CallbackOrder,
    ContactState,
    OfferState,
    Outcome,
)
from routing.core.model.errors import CallbackExists, NoCallback, NumberLeftAlone, WindowPast
from routing.core.model.reasons import REACHED, REFUSED, REPLACED, REQUESTED, STALE, TIME_CHOSEN
from routing.core.model.state_tables import CallbackState
from routing.core.queueing import callback_dial, callback_index, callback_limits, contact_queue
from routing.core.records import Contact, Offer

HOUR_S = 3600.0

MERGED = "merged"
"""Key of the end of a callback whose caller has asked for another one."""

CALLER_ON_LINE = "caller_on_line"
"""Reason why an offer of a callback is rescinded: the caller is on the line."""

SERVED = "served"
"""Key of the end of a callback whose caller was served in a later call."""


def on_callback_requested(d: Domain, event: CallbackRequested) -> None:
    """Make a waiting contact a callback, and rescind an offer that rings for it. Move a callback to a chosen time.

    The event changes nothing if the contact does not wait, or if its caller has hung up already. Raise NoCallback if
    the service has no callbacks or no room for more, and WindowPast if the chosen time is over.
    """
    contact = d.contacts.get(event.contact)
    if contact is None or contact.channel not in PHONE_CHANNELS \
            or contact.state not in WAITING_STATES or contact.consulting_offer is not None:
        return
    if not contact.callback:
        make_callback(d, contact, event)
    elif contact.leg and event.window is not None:
        _move_to_window(d, contact, event.window)


def make_callback(d: Domain, contact: Contact, event: CallbackRequested) -> None:
    """Make a waiting call a callback. Without a hash the number is that of the call.

    Raise NoCallback if the service has no callbacks or no room for more, or if the number may not be called. Raise
    WindowPast if the chosen time is over.
    """
    # 1. Refuse if the service has no callbacks. An anonymous service knows no number.
    service = contact.service
    number = event.caller_hash or contact.caller_hash
    begins, ends = event.window or (d.now, d.now + d.centre.callback_hours * HOUR_S)
    _require_future(d, begins, ends)
    if service.anonymous or service.callback is CallbackOrder.NONE:
        raise NoCallback
    others = _others_to_replace(d, contact, number)
    if len(d.waiting_callbacks.get(service.id, ())) - sum(one.service.id == service.id for one in others) \
            >= service.callback_max:
        raise NoCallback
    # 2. End the callbacks that this one replaces.
    _replace_callbacks(d, contact, others)
    # 3. Make the contact a callback. From now on the wait is the caller's choice, so ceiling and estimate end.
    contact.callback, contact.in_menu, contact.beyond_ceiling, contact.estimate = True, False, False, None
    contact.act = None
    if not contact.leg:
        # Nobody hears the sentence, and no hang-up ends it. The callback would never be served.
        contact.farewell = ""
    contact_queue.on_callback_agreed(d, contact)
    contact.callback_hash, contact.callback_number_encrypted = event.caller_hash, event.number_encrypted
    contact.not_before, contact.expires_at = max(d.now + max(0.0, event.after_s), begins), ends
    contact.anytime = event.anytime and not contact.calls_other_line
    contact.deferred = event.window is not None
    callback_index.add_callback(d, contact)
    # 4. Rescind an offer that rings now: the request is final. Otherwise stop the search until the caller hangs up.
    if contact.offer is not None:
        offer_changes.rescind_contact(d, contact, "callback")
    else:
        contact_queue.restart_search(d, contact)
        d.newly_queued.append(contact)
    # 5. Hold the callback if its caller is on the line in a later call, and emit the fact.
    callback_index.note_new(d)
    emit_callback_changed(d, contact, REQUESTED)


def _require_future(d: Domain, begins: float, ends: float) -> None:
    if ends <= max(begins, d.now):
        raise WindowPast("the time for the callback is over, or ends before it begins; give a later one")


def _move_to_window(d: Domain, contact: Contact, window: tuple[float, float]) -> None:
    """Move a callback to a chosen time. Its caller is still on the line, so nothing rings for it."""
    _require_future(d, *window)
    contact.not_before, contact.expires_at = max(d.now, window[0]), window[1]
    contact.deferred = True
    d.newly_queued.append(contact)
    emit_callback_changed(d, contact, TIME_CHOSEN)


def _others_to_replace(d: Domain, contact: Contact, number: str) -> list[Contact]:
    """Return the callbacks to a number that end if this contact becomes one.

    The owner of the line replaces what somebody else has asked for, and the own callback for the same service. Raise
    NoCallback if another callback to the number stays, or if the number may not be called now.
    """
    if not number:
        return []
    others = list(d.callback_numbers.get(number, ()))
    own_line = number == contact.caller_hash
    for one in others:
        if not own_line or not (one.calls_other_line or one.service.id == contact.service.id):
            raise CallbackExists("a callback to this number waits already")
    if callback_limits.is_left_alone(d, number) or callback_limits.next_dial_at(d, number) > d.now:
        raise NumberLeftAlone("this number is not called again today")
    return others


def _replace_callbacks(d: Domain, contact: Contact, others: list[Contact]) -> None:
    """End callbacks that a new one replaces. The new one takes over the best age and points of the caller's own."""
    since, priority = contact.since, contact.priority
    for one in others:
        own = not one.calls_other_line
        if own:
            since, priority = min(since, one.since), max(priority, one.priority)
        cancel_callback(d, one, MERGED if own else REPLACED)
    if (since, priority) != (contact.since, contact.priority):
        contact_queue.dequeue_temporarily(d, contact)
        contact.since, contact.priority = since, priority
        contact_queue.enqueue_contact(d, contact)
        contact_queue.emit_contact_changed(d, contact, since)


def start_callback_wait(d: Domain, contact: Contact) -> None:
    """Start the wait for the call, because the caller has hung up."""
    if contact.leg or contact.farewell:
        contact.leg = contact.farewell = ""
        d.mark(contact)
        if contact.group is None and contact.state is ContactState.PENDING:
            contact_queue.start_search(d, contact)
            d.newly_queued.append(contact)


def on_callback_accepted(d: Domain, event: CallbackAccepted) -> None:
    """Dial the caller for the agent who has taken the offer. Connect a caller who is on the line already."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not OfferState.PENDING:
        return
    if offer.callback is CallbackState.AGENT_CALLED:
        legs.follow_callback(offer, "taken")
        dial_caller(d, offer)
    elif offer.callback is CallbackState.CALLER_THERE:
        _connect_caller(d, offer)


def dial_caller(d: Domain, offer: Offer) -> None:
    """Dial the caller of an offer."""
    contact = offer.contact
    offer_changes.cancel_deadlines(d, offer)
    offer.dialled_at = d.now
    # While the link is down, deadlines do not run (`settings.on_link_changed`).
    if d.link_up(contact.node):
        d.timers.set_deadline(("dial", offer.id), d.now + callback_dial.DIAL_S)
    callback_dial.send_dial(d, contact, offer.id, offer.agent.id)
    d.mark(offer)


def on_callback_reached(d: Domain, event: CallbackReached) -> None:
    """Make a callback a live caller, who is on the line. The overflow time starts now, because nobody waited on the
    line before."""
    contact = d.contacts.get(event.contact)
    if contact is None or not contact.callback or contact.state not in WAITING_STATES:
        return
    # 1. Make the contact a caller like any other.
    _become_live_caller(d, contact, event.leg)
    # 2. Go on with the offer: none yet, one that dials this caller, or one that rings at the agent.
    offer = contact.offer
    if offer is None:
        contact_queue.restart_search(d, contact)
        d.newly_queued.append(contact)
    elif offer.dialling:
        offer_changes.cancel_deadlines(d, offer)
        first = offer.callback is CallbackState.CALLER_DIALLED_FIRST
        legs.follow_callback(offer, "reached")
        if first:
            offer_changes.ring_agent(d, offer)
        else:
            _connect_caller(d, offer)
    elif offer.callback is not None:
        legs.follow_callback(offer, "reached")
    emit_callback_changed(d, contact, REACHED)


def mark_caller_reached(d: Domain, contact: Contact) -> None:
    """Make a callback a live caller who talks with the agent already.

    The report that the caller was reached was lost, or a restart came in between. From now on no later call of the
    caller may cancel the contact.
    """
    _become_live_caller(d, contact, contact.leg or contact.id)
    emit_callback_changed(d, contact, REACHED)


def _become_live_caller(d: Domain, contact: Contact, leg: str) -> None:
    # The index must forget the callback before its fields change, because they are its keys.
    callback_index.remove_callback(d, contact)
    contact.callback, contact.leg, contact.not_before, contact.entered_at = False, leg, 0.0, d.now
    contact.deferred = False
    if contact.dialling:
        callback_dial.end_dial(d, contact)
    callback_index.unlink_callback(contact)
    d.changes.append(PlaceChanged(contact))


def _connect_caller(d: Domain, offer: Offer) -> None:
    """Connect the agent and the caller, who are both on the line. The limit is that of a whisper announcement."""
    contact = offer.contact
    d.commands.append(commands.ConnectCallback(
        offer.id, contact.id, contact.leg, contact.node, offer.partner is not None))
    if d.link_up(contact.node):
        d.timers.set_deadline(("pre_connect", offer.id), d.now + offer_changes.PRE_CONNECT_LIMIT_S)


def on_callback_failed(d: Domain, event: CallbackFailed) -> None:
    """Fail the try of a caller who did not answer. The agent is free at once, and the next try comes later."""
    if event.offer is None:
        contact = d.contacts.get(event.contact)
        if contact is None or not contact.callback or not (contact.dialling or contact.dial_released):
            return
        contact.dial_released = False
        # The agent was taken away from a caller who had picked up, and another one is called for the same callback.
        if contact.offer is not None:
            fail_try(d, contact.offer, event.reason)
        else:
            fail_dial(d, contact, event.reason)
        return
    offer = d.offers.get(event.offer)
    if offer is not None and offer.state is OfferState.PENDING and offer.contact.callback:
        fail_try(d, offer, event.reason)


def on_dial_overdue(d: Domain, offer: Offer) -> None:
    """Fail the try of an offer whose dialling lasted too long without a report from Asterisk."""
    fail_try(d, offer, STALE)


def fail_try(d: Domain, offer: Offer, reason: str) -> None:
    """Fail a callback try: close the offer, and end the contact after the last try."""
    contact = offer.contact
    _count_failed_try(d, contact, reason)
    offer_changes.rescind_offer(d, offer, "callback_failed")
    offer_changes.close_offer(d, offer, "rescinded", f"callback_{reason}", to_reason="callback_failed", keep_idle=True)
    legs.follow_callback(offer, "failed")
    _end_after_failed_try(d, contact, reason)


def on_contact_dial_overdue(d: Domain, contact: Contact) -> None:
    """Fail a try without a reserved agent that lasted too long without a report from Asterisk."""
    fail_dial(d, contact, STALE)


def fail_dial(d: Domain, contact: Contact, reason: str) -> None:
    """Fail a callback try without a reserved agent, and end the contact after the last try."""
    _count_failed_try(d, contact, reason)
    # Without a report the caller's phone may still ring.
    if reason == STALE:
        callback_dial.stop_dial(d, contact, "callback_failed")
    else:
        callback_dial.end_dial(d, contact)
    contact_queue.delay_redial(d, contact)
    # A caller who had picked up when the agent was taken away may be offered again by now.
    contact_queue.restart_search(d, contact)
    d.newly_queued.append(contact)
    _end_after_failed_try(d, contact, reason)


def _count_failed_try(d: Domain, contact: Contact, reason: str) -> None:
    """Count a failed try before its offer closes or its dial ends: the next try would otherwise come at once."""
    if reason == REFUSED:
        callback_dial.note_refusal(d, contact)
    contact.tries += 1
    contact.not_before = d.now + contact.service.callback_retry_s


def _end_after_failed_try(d: Domain, contact: Contact, reason: str) -> None:
    """Emit the failed try, and end the contact after the last one.

    The second refusal of a day ends all callbacks to the number.
    """
    emit_callback_changed(d, contact, reason)
    if reason == REFUSED and callback_limits.is_left_alone(d, contact.dial_hash):
        for one in list(d.callback_numbers[contact.dial_hash]):
            _end_callback(d, one, "hung_up", Outcome.CALLBACK_FAILED, REFUSED)
    elif contact.tries >= contact.service.callback_tries:
        contact_queue.end_waiting(d, contact, "hung_up", Outcome.CALLBACK_FAILED, d.now)


def on_quiet_hours_changed(d: Domain, event: QuietHoursChanged) -> None:
    """Begin or end quiet hours. A caller who is being dialled stays dialled."""
    if d.quiet_hours is event.on:
        return
    d.quiet_hours = event.on
    for contact in d.contacts.values():
        if contact.callback and contact.state is ContactState.PENDING:
            # The next callers came later, but would all wait behind the callbacks of a night.
            if not event.on and not contact.anytime and not contact.deferred:
                contact_queue.defer_callback(d, contact)
            contact_queue.restart_search(d, contact)
            d.newly_queued.append(contact)


def emit_callback_changed(d: Domain, contact: Contact, reason: str) -> None:
    """Emit what happened to a callback (`CallbackChanged.reason`)."""
    contact.version += 1
    d.mark(contact)
    emit.callback_changed(
        d, contact=contact.id, version=contact.version, service=contact.service.id, tries=contact.tries,
        not_before=contact.not_before, reason=reason, callback=contact.callback, leg=contact.leg,
        anytime=contact.anytime, callback_hash=contact.callback_hash,
        callback_number_encrypted=contact.callback_number_encrypted)


def take_over_age(d: Domain, contact: Contact) -> None:
    """Give a caller who calls again the best age and points of the waiting callbacks, which stay: the caller may give
    up."""
    if contact.channel not in PHONE_CHANNELS:
        return
    for waiting in list(d.callbacks.get((contact.caller_hash, contact.service.id), ())):
        contact.since = min(contact.since, waiting.since)
        contact.priority = max(contact.priority, waiting.priority)
        contact.merged = True
        # The line is in use, so even a phone that rings for the callback is called in vain.
        if waiting.offer is not None:
            offer_changes.rescind_offer(d, waiting.offer, CALLER_ON_LINE)
            offer_changes.close_offer(d, waiting.offer, "rescinded", CALLER_ON_LINE, keep_idle=True)
        elif waiting.dialling:
            callback_dial.stop_dial(d, waiting, CALLER_ON_LINE)
            contact_queue.delay_redial(d, waiting)
            d.newly_queued.append(waiting)
        # Hold the callback before the caller hears a position. `review_blocks` would do so later.
        if waiting.queued_at < contact.queued_at:
            contact.blocks_callbacks = (*contact.blocks_callbacks, waiting)
            _block_callback(d, waiting, contact)


def cancel_needless(d: Domain, served: CallerServed) -> None:
    """Cancel callbacks that a call has made unnecessary: same caller, same service, queued before the call.

    Later callbacks belong to other people and stay. So do those queued next to a callback to the same number: one
    telephone, and two people who were promised a call.
    """
    for name in served.names:
        for waiting in list(d.callbacks.get(name, ())):
            if waiting.queued_at < served.queued_at:
                cancel_callback(d, waiting, SERVED)


def review_blocks(d: Domain, contact: Contact) -> None:
    """Hold the callbacks whose caller is on the line in this contact, and release the others.

    Only callbacks queued before the contact can be its caller's, as in `cancel_needless`.
    """
    # 1. Find the callbacks of the caller. During a consult transfer the service of the consulting agent counts too.
    found: dict[Contact, None] = {}
    if not contact.callback and contact.channel in PHONE_CHANNELS and contact.state in ON_LINE_STATES:
        asker = contact.consulting_offer
        asks = contact.service if asker is None or asker.consult is None else asker.consult.service
        for name in callback_index.list_names(contact, contact.service.id, asks.id):
            for waiting in d.callbacks.get(name, ()):
                if waiting.queued_at < contact.queued_at:
                    found[waiting] = None
    # 2. Release those that this contact held before, and hold the new ones.
    before, contact.blocks_callbacks = contact.blocks_callbacks, tuple(found)
    for waiting in before:
        if waiting not in found:
            _unblock_callback(d, waiting, contact)
    for waiting in found:
        if waiting not in before:
            _block_callback(d, waiting, contact)


def _block_callback(d: Domain, waiting: Contact, by: Contact) -> None:
    """Hold a callback whose caller is on the line. A phone that is being dialled rings on: the caller may hear and
    answer it."""
    waiting.blocked_by = (*waiting.blocked_by, by)
    offer = waiting.offer
    if offer is None:
        if waiting.group is not None:
            d.matching.remove_contact(waiting)
    elif not offer.dialling:
        offer_changes.rescind_offer(d, offer, CALLER_ON_LINE)
        offer_changes.close_offer(d, offer, "rescinded", CALLER_ON_LINE, keep_idle=True)


def _unblock_callback(d: Domain, waiting: Contact, by: Contact) -> None:
    """Release a callback after a call of its caller. The phone gets a pause, or the next call would come into the old
    one's end."""
    waiting.blocked_by = tuple(one for one in waiting.blocked_by if one is not by)
    if not waiting.blocked_by:
        contact_queue.delay_redial(d, waiting)
        if waiting.state is ContactState.PENDING:
            # `wait_deadline.on_deadline` starts the search when the pause is over.
            d.newly_queued.append(waiting)


def cancel_callback(d: Domain, waiting: Contact, why: str) -> None:
    """Cancel a callback that is no longer needed. `why` is the key of its end."""
    _end_callback(d, waiting, "exited", Outcome.LEFT, why)


def _end_callback(d: Domain, waiting: Contact, trigger: str, outcome: Outcome, why: str) -> None:
    offer_changes.cancel_offers(d, waiting)
    contact_queue.end_waiting(d, waiting, trigger, outcome, d.now, why)
