"""A call that is lost is followed up when the caller has agreed: the agent asks them in the talk and says so.

Lost is a call that the network ended (`talks.DROPPED`) or that went away with its Asterisk: not one that a person has
put down. The caller is called back then as one who asked for it in the line (`callback`), with the age they had, in
quiet hours too, and at once. It is a contact of its own, `f<contact>`: the talk that was lost was answered and stays so
in the records. Consent is for one call: what was agreed ends with it.
"""

from __future__ import annotations

from routing.core import callback, callers, contacts, talk_facts, transfer
from routing.core.domain import Domain
from routing.core.errors import NoCallback
from routing.core.events import FollowUpAgreed
from routing.core.ids import ContactId
from routing.core.model import Channel
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
        d.facts.append(talk_facts.FollowUpSet(*d.stamp(), offer.id, contact.id, contact.service.id, event.agreed))


def lost(d: Domain, contact: Contact) -> None:
    """The call of this contact, which is over, was lost."""
    name = ContactId(f"f{contact.id}")
    if not contact.follow_up or not _can(contact) or name in d.contacts or name in d.over:
        return
    new = Contact(name, contact.service, Channel.VOICE, contact.since, contact.priority, d.take_number(), d.now, "",
                  contact.slow, contact.node, contact.caller_hash, contact.caller_box, contact.needs, contact.topics,
                  contact.since, d.now, language=contact.language)
    new.callback, new.anytime, new.not_before = True, True, d.now + callback.REDIAL_S
    new.callback_hash, new.callback_box = contact.callback_hash, contact.callback_box
    d.contacts[name] = new
    contacts.enter(d, new)
    callers.tell(d, new)
    callback.tell(d, new, "asked")


def _can(contact: Contact) -> bool:
    """Whether the caller can be called."""
    service = contact.service
    return service.follows_up and not service.anonymous and bool(contact.callback_hash or contact.caller_hash)
