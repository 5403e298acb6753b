"""What callers do, as the engine hears of it: queued, still there, gone, left; and other points for one who waits."""

from __future__ import annotations

from routing.core import (
    abuse,
    admission,
    callback,
    contacts,
    emit,
    estimate,
    follow_up,
    kept,
    offers,
    preferred,
    served,
    talks,
)
from routing.core.domain import Domain
from routing.core.errors import UnknownService
from routing.core.events import ContactGone, ContactLeft, ContactQueued, ContactRanked, ContactTicked, PlaceDeclined
from routing.core.model import ContactState, Outcome, Service
from routing.core.records import Contact

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ASSIGNED = ContactState.ASSIGNED

STEP_S = 5.0
"""An AGI step of the dialplan takes at most 5 s. A sign of the hold loop that comes later than this after the bridge
was sent after it: the talk is over and nobody told us."""


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
    if caller_hash and d.abuse and not service.anonymous:
        topics = abuse.known(d, caller_hash, topics)
    contact = Contact(name, service, channel, since, priority, d.take_number(), now, leg, slow, node, caller_hash,
                      caller_box, needs, topics, language, since, now)
    refused = admission.refuses(d, service) if d.closed or service.max_waiting is not None else ""
    to = admission.onward(d, service, ()) if refused else service
    if caller_hash and to is not None:  # whom no line takes keeps the call that was promised, and the old place
        if d.callbacks:
            callback.merge(d, contact)
        if d.kept:
            kept.give_back(d, contact)
    if not refused and service.preferred_s > 0:
        preferred.choose(d, contact)
    d.contacts[name] = contact
    if refused:
        _turn_away(d, contact, refused, to)
        return
    contacts.enter(d, contact)
    contact.estimate = estimate.at_entry(d, contact)
    tell(d, contact)


def tell(d: Domain, contact: Contact) -> None:
    """A new contact is in line."""
    position = contact.original_position = 1 if d.lines[contact.service.id].size == 1 else d.position(contact)
    emit.queued(
        d, contact, position=position, entered_at=None if contact.entered_at == contact.since else contact.entered_at)


def _turn_away(d: Domain, contact: Contact, reason: str, to: Service | None) -> None:
    """The service is full or closed: to another one, else to the net. With the link down nobody can be sent there, so
    the caller waits like any other."""
    if to is None and d.link_up(contact.node):
        contact.not_before = d.now + contacts.OVERFLOW_AGAIN_S
    contacts.enter(d, contact)
    tell(d, contact)
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
        _cut(d, contact)
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


def ticked(d: Domain, event: ContactTicked) -> None:
    """Nothing new about a caller who waits. One who should be talking and is in the hold loop was cut off."""
    contact = d.contacts.get(event.contact)
    if contact is not None and contact.state is ASSIGNED:
        _cut(d, contact)


def _cut(d: Domain, contact: Contact) -> None:
    offer = contact.offer
    if offer is not None and talks.still_waits(offer, d.now, STEP_S):
        offers.rescind(d, offer, "stale")
        talks.talk_over(d, offer, talks.LOST, d.now, seat_lost=False)


def gone(d: Domain, event: ContactGone) -> None:
    """The caller's channel is gone; also of one we never heard of, whose queue entry may still be on its way. A
    callback goes on without it."""
    contact = d.contacts.get(event.contact)
    if contact is None:
        d.remember_over(event.contact)
        return
    at = d.now if event.ended_at is None else min(event.ended_at, d.now)
    offer = contact.offer
    if contact.state is ASSIGNED and offer is not None:
        talks.talk_over(d, offer, talks.DROPPED if event.failure or event.dropped else "caller", at)
    elif contact.state not in contacts.WAITING:
        return
    elif contact.callback:
        callback.gone(d, contact)
    else:
        short = at - contact.waits_from() < contact.service.short_abandon_s
        outcome = Outcome.FAILURE if event.failure else Outcome.ABANDONED_SHORT if short else Outcome.ABANDONED
        if contact.handed_at is None:
            estimate.gave_up(d, contact, at)
        if contact.introducer is None:
            kept.keep(d, contact, at)
        asker = contact.introducer
        if asker is not None and asker.came_from is not None and not (event.failure or event.dropped) \
                and served.note(d, asker, asker.came_from, at) and d.callbacks:
            callback.served(d, contact, asker.came_from)  # as at the end of a talk: they have put it down themselves
        _end(d, contact, "gone", outcome, at)
        if event.failure or event.dropped:
            follow_up.lost(d, contact, at)


def left(d: Domain, event: ContactLeft) -> None:
    """The caller left the line alive, or takes a callback back. Said of one who talks, it is old news."""
    contact = d.contacts.get(event.contact)
    if contact is not None and contact.state in contacts.WAITING:
        _end(d, contact, "left", Outcome.OVERFLOW if event.reason == "net" else Outcome.LEFT, d.now, event.key)


def declined(d: Domain, event: PlaceDeclined) -> None:
    """The wait counts from the caller's own call. Said twice, or of one who has no old place, it changes nothing."""
    contact = d.contacts.get(event.contact)
    if contact is None or contact.returned is None or contact.state not in contacts.WAITING:
        return
    contacts.lift(d, contact)
    contact.since, contact.priority = contact.returned
    contact.returned = contact.estimate = None
    contacts.enter(d, contact)
    contacts.changed(d, contact, contact.since)


def _end(d: Domain, contact: Contact, trigger: str, outcome: Outcome, at: float, key: str = "") -> None:
    if contact.offer is not None:
        offers.cancel(d, contact.offer)
    contacts.end_waiting(d, contact, trigger, outcome, at, key)
