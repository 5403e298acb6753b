"""Arrivals: new contacts, news of known ones, and other points for one that waits. The rest: `caller_events`."""

from __future__ import annotations

from routing.core import (
    abuse,
    admission,
    callback,
    caller_events,
    contacts,
    estimate,
    kept,
    offers,
    preferred,
)
from routing.core.domain import Domain
from routing.core.errors import UnknownService
from routing.core.events import ContactQueued, ContactRanked
from routing.core.model import ContactState, Service
from routing.core.records import Contact

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ASSIGNED = ContactState.ASSIGNED

def queued(d: Domain, event: ContactQueued) -> None:
    """A new contact, or news of a known one. One that is over stays over: its channel never comes back."""
    name, of, leg, channel, since, priority, caller_hash, caller_box, slow, node, needs, topics, language = event
    if name in d.over and d.is_over(name):
        return
    known = d.contacts.get(name)
    if known is not None:
        _again(d, known, event)
        return
    service, now = d.services.get(of), d.now
    if service is None:
        raise UnknownService(f"no service {of} in the centre; add it to services.yaml and reload")
    if since is None or since > now:
        since = now
    if caller_hash and d.caller_memory.abuse and not service.anonymous:
        topics = abuse.known(d, caller_hash, topics)
    contact = Contact(name, service, channel, since, priority, d.take_number(), now, leg, slow, node, caller_hash,
                      caller_box, needs, topics, language, since, now)
    refused = admission.refuses(d, service) if d.closed or service.max_waiting is not None else ""
    to = admission.onward(d, service, ()) if refused else service
    if caller_hash and to is not None:  # whom no line takes keeps the call that was promised, and the old place
        if d.callbacks:
            callback.merge(d, contact)
        if d.caller_memory.held_positions:
            kept.give_back(d, contact)
    if not refused and service.preferred_s > 0:
        preferred.choose(d, contact)
    d.contacts[name] = contact
    if refused:
        _turn_away(d, contact, refused, to)
        return
    contacts.enter(d, contact)
    contact.estimate = estimate.at_entry(d, contact)
    contacts.emit_queued(d, contact)


def _turn_away(d: Domain, contact: Contact, reason: str, to: Service | None) -> None:
    """The service is full or closed: to another one, else to the net. With the link down nobody can be sent there, so
    the caller waits like any other."""
    if to is None and d.link_up(contact.node):
        contact.not_before = d.now + contacts.OVERFLOW_AGAIN_S
    contacts.enter(d, contact)
    contacts.emit_queued(d, contact)
    if to is not None:
        contact.visited = (contact.service.id,)
        contacts.move(d, contact, to, reason)
    elif contact.not_before > d.now:
        contacts.to_net(d, contact)


def _again(d: Domain, contact: Contact, event: ContactQueued) -> None:
    """Age, priority and version stay; the channel's name, the service, needs and topics may be new. A service that is
    not in the centre (any more) is no reason to lose the caller: the known one stays. So it does when the service named
    is one that the contact overflowed from (the caller's channel does not know), or takes nobody now. A callback whose
    caller has hung up has no channel any more."""
    if contact.state is ASSIGNED:
        caller_events.requeue_after_drop(d, contact)
    if contact.state not in contacts.WAITING or (contact.callback and not contact.leg):
        return
    contact.slow, contact.language = contact.slow or event.slow, event.language or contact.language
    d.mark(contact)
    if event.leg:
        contact.leg = event.leg
    needs, topics = event.needs or contact.needs, abuse.kept(contact.topics, event.topics)
    other = (needs, topics) != (contact.needs, contact.topics)
    service = d.services.get(event.service, contact.service)
    moves = service.id != contact.service.id and service.id not in contact.visited and not contact.callback \
        and not admission.refuses(d, service)
    if contact.offer is not None and (other or moves):  # who rings may be the wrong one now
        offers.rescind(d, contact.offer, "chosen")
        offers.close(d, contact.offer, "taken_back", "chosen", keep_idle=True)
    if other or event.node != contact.node:
        contacts.lift(d, contact)
        contact.node, contact.needs, contact.topics = event.node, needs, topics
        contacts.refit(d, contact, contact.service)
    if other:
        contacts.changed(d, contact)
    if moves:
        contact.visited = ()
        contacts.move(d, contact, service, "chosen")


def ranked(d: Domain, event: ContactRanked) -> None:
    """Other points for a contact that waits. Said again, or of one who does not wait, it changes nothing."""
    contact = d.contacts.get(event.contact)
    if contact is None or contact.state not in contacts.WAITING or contact.priority == event.priority:
        return
    contacts.lift(d, contact)
    contact.priority = event.priority
    contacts.enter(d, contact)
    contacts.changed(d, contact)
