"""A call that is lost is followed up when the caller has agreed: the agent asks them in the talk and says so.

Lost is a call that the network ended (`talks.DROPPED`) or that went away with its Asterisk: not one that a person has
put down. The caller is called back then as one who asked for it in the line (`callback`), with the age they had, in
quiet hours too, and at once. A silent line is known to be lost after a minute only: who has rung in again by then is
not called, and has that age in line; nor is who was served in such a call meanwhile (`served`). It is a contact of its
own, `f<contact>`: the talk that was lost was answered and stays so in the records. Consent is for one
call: what was agreed ends with it.
"""

from __future__ import annotations

from routing.core import callback, contacts, emit, served, transfer
from routing.core.domain import Domain
from routing.core.errors import NoCallback
from routing.core.events import FollowUpAgreed
from routing.core.ids import ContactId
from routing.core.model import PHONE_CHANNELS, Channel, ContactState
from routing.core.records import Contact


def agreed(d: Domain, event: FollowUpAgreed) -> None:
    """The caller agrees, or does not any more. Raises NotNow outside a call that is talked, NoCallback when this caller
    can not be called back: then nobody may be promised it."""
    offer = transfer.talk(d, event.offer)
    contact = offer.contact
    if event.agreed and not _can(contact):
        raise NoCallback
    if contact.follow_up is not event.agreed:
        contact.follow_up = event.agreed
        d.mark(contact)
        emit.follow_up_set(d, offer=offer.id, contact=contact.id, service=contact.service.id, agreed=event.agreed)


def promise_callback(d: Domain, contact: Contact, at: float) -> None:
    """Have the caller of a contact called back whose call was lost at `at`, if they have agreed to it."""
    name = ContactId(f"f{contact.id}")
    if not contact.follow_up or not _can(contact) or name in d.contacts or name in d.over:
        return
    again = _again(d, contact)
    for one in again:
        _take_place(d, one, contact)
    if again or served.was_served(d, contact.caller_hash, contact.service.id, contact.queued_at, at):
        return
    new = Contact(name, contact.service, Channel.VOICE, contact.since, contact.priority, d.take_number(), d.now, "",
                  contact.slow, contact.node, contact.caller_hash, contact.caller_box, contact.needs, contact.topics,
                  contact.language, contact.since, d.now)
    new.callback, new.anytime, new.not_before = True, True, d.now + contacts.REDIAL_S
    new.callback_hash, new.callback_box = contact.callback_hash, contact.callback_box
    d.contacts[name] = new
    contacts.enter(d, new)
    contacts.emit_queued(d, new)
    callback.tell(d, new, "asked")


def _again(d: Domain, lost: Contact) -> list[Contact]:
    """The caller's later calls that wait or are talked. A callback in another line is none: that phone is free."""
    name = lost.caller_hash
    return [one for one in d.contacts.values() if name and one.caller_hash == name and one.channel in PHONE_CHANNELS
            and one.queued_at > lost.queued_at
            and (one.state in contacts.WAITING or one.state is ContactState.ASSIGNED)
            and (not one.callback or one.service.id == lost.service.id)]


def _take_place(d: Domain, one: Contact, lost: Contact) -> None:
    """Who waits for the same service has the age and the points of the lost call."""
    since, priority = min(one.since, lost.since), max(one.priority, lost.priority)
    if one.state not in contacts.WAITING or one.service.id != lost.service.id \
            or (since, priority) == (one.since, one.priority):
        return
    contacts.lift(d, one)
    one.since, one.priority = since, priority
    contacts.enter(d, one)
    contacts.changed(d, one, since)


def _can(contact: Contact) -> bool:
    """Whether the caller can be called."""
    service = contact.service
    return service.follows_up and not service.anonymous and bool(contact.callback_hash or contact.caller_hash)
