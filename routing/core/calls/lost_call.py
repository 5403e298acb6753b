"""Call back a caller whose call was lost, if the caller has agreed in the talk.

A call is lost if the network ended it (`reasons.DROPPED`) or if its Asterisk ended. A call that a person has hung
up is not lost. The caller is called back as if by a request in the queue (`callback_flow`): with the same age, at once,
and in quiet hours too.

A silent line is known to be lost only after a minute. A caller who has called again by then is not called back, and
gets the age in the queue instead. A caller who was served in such a call meanwhile (`recent_talks`) is not called back
either.

The callback is a separate contact, `f<contact>`, because the lost talk stays answered in the records. The agreement
applies to one call and ends with it.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.calls import blind_transfer, callback_flow
from routing.core.domain import Domain
from routing.core.events import FollowUpAgreed
from routing.core.model.centre_model import ON_LINE_STATES, PHONE_CHANNELS, WAITING_STATES, Channel
from routing.core.model.errors import NoCallback
from routing.core.model.ids import ContactId
from routing.core.model.reasons import REQUESTED
from routing.core.queueing import callback_limits, contact_queue, recent_talks
from routing.core.records import Contact


def on_follow_up_agreed(d: Domain, event: FollowUpAgreed) -> None:
    """Record whether the caller agrees to a callback after a lost call.

    Raise NotNow outside a talk. Raise NoCallback if this caller cannot be called back, so that no agent promises it.
    """
    offer = blind_transfer.talking_offer(d, event.offer)
    contact = offer.contact
    if event.agreed and not _can_follow_up(contact):
        raise NoCallback
    if contact.follow_up is not event.agreed:
        contact.follow_up = event.agreed
        d.mark(contact)
        emit.follow_up_set(d, offer=offer.id, contact=contact.id, service=contact.service.id, agreed=event.agreed)


def promise_callback(d: Domain, contact: Contact, at: float) -> None:
    """Queue a callback to the caller of a call that was lost at `at`, if the caller has agreed."""
    # 1. Return if there was no agreement, or the callback exists: the loss may be reported twice.
    name = ContactId(f"f{contact.id}")
    if not contact.follow_up or not _can_follow_up(contact) or name in d.contacts or name in d.ended_contacts:
        return
    # 2. Give the age to later calls of the caller. A caller who has called again needs no callback.
    again = _later_calls(d, contact)
    for one in again:
        _take_position(d, one, contact)
    if callback_limits.is_left_alone(d, contact.dial_hash):
        return
    if again or recent_talks.was_served(d, contact.caller_hash, contact.service.id, contact.queued_at, at):
        return
    # 3. Queue the callback. The phone may still be in the lost call, so it gets a pause first.
    new = Contact(name, contact.service, Channel.VOICE, contact.since, contact.priority, d.take_number(), d.now, "",
                  contact.slow, contact.node, contact.caller_hash, contact.number_encrypted, contact.needs,
                  contact.topics,
                  contact.language, contact.since, d.now)
    new.callback, new.anytime = True, True
    new.expires_at = d.now + d.centre.callback_hours * callback_flow.HOUR_S
    new.callback_hash, new.callback_number_encrypted = contact.callback_hash, contact.callback_number_encrypted
    contact_queue.delay_redial(d, new)
    d.contacts[name] = new
    contact_queue.enqueue_contact(d, new)
    contact_queue.emit_queued(d, new)
    callback_flow.emit_callback_changed(d, new, REQUESTED)


def _later_calls(d: Domain, lost: Contact) -> list[Contact]:
    """Return the caller's later calls that wait or are in talk. A callback for another service leaves the phone free
    and does not count."""
    name = lost.caller_hash
    return [one for one in d.contacts.values() if name and one.caller_hash == name and one.channel in PHONE_CHANNELS
            and one.queued_at > lost.queued_at
            and one.state in ON_LINE_STATES
            and (not one.callback or one.service.id == lost.service.id)]


def _take_position(d: Domain, one: Contact, lost: Contact) -> None:
    """Give the age and points of the lost call to a contact that waits for the same service."""
    since, priority = min(one.since, lost.since), max(one.priority, lost.priority)
    if one.state not in WAITING_STATES or one.service.id != lost.service.id \
            or (since, priority) == (one.since, one.priority):
        return
    contact_queue.dequeue_temporarily(d, one)
    one.since, one.priority = since, priority
    contact_queue.enqueue_contact(d, one)
    contact_queue.emit_contact_changed(d, one, since)


def _can_follow_up(contact: Contact) -> bool:
    """Return whether the service follows up lost calls and the caller's number is known."""
    service = contact.service
    return service.follows_up and not service.anonymous and bool(contact.callback_hash or contact.caller_hash)
