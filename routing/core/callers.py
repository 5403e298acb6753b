"""What callers do, as the engine hears of it: queued, still there, gone, left."""

from __future__ import annotations

from routing.core import contacts, facts, offers
from routing.core.domain import Domain
from routing.core.errors import UnknownService
from routing.core.events import ContactGone, ContactLeft, ContactQueued, ContactTicked
from routing.core.model import ContactState, Outcome
from routing.core.records import Contact

STEP_S = 5.0
"""An AGI step of the dialplan takes at most 5 s. A sign of the hold loop that comes later than this after the bridge
was sent after it: the talk is over and nobody told us."""


def queued(d: Domain, event: ContactQueued) -> None:
    """A new contact, or news of a known one. One that is over stays over: its channel never comes back."""
    if d.is_over(event.contact):
        return
    service = d.services.get(event.service)
    contact = d.contacts.get(event.contact)
    if contact is not None:
        _again(d, contact, event)
        return
    if service is None:
        raise UnknownService(f"no service {event.service} in the centre; add it to services.yaml and reload")
    since = d.now if event.since is None else min(event.since, d.now)
    contact = Contact(
        event.contact, service, event.channel, since, event.priority, d.take_number(), d.now, event.leg, event.slow,
        event.node, event.caller_hash, event.caller_box)
    d.contacts[contact.id] = contact
    contacts.enter(d, contact)
    contact.original_position = d.position(contact)
    d.facts.append(facts.Queued(
        *d.stamp(), contact.id, contact.version, service.id, contact.channel, since, contact.priority,
        contact.original_position, contact.leg, contact.caller_hash, contact.caller_box, contact.slow, contact.node))


def _again(d: Domain, contact: Contact, event: ContactQueued) -> None:
    """Age, priority and version stay; the channel's name and the service may be new. A service that is not in the
    centre (any more) is no reason to lose the caller: the known one stays."""
    if contact.state is ContactState.ASSIGNED:
        _cut(d, contact)
    if contact.state not in contacts.WAITING:
        return
    service = d.services.get(event.service, contact.service)
    contact.slow = contact.slow or event.slow
    if event.leg:
        contact.leg = event.leg
    if service is not contact.service or event.node != contact.node:
        runs_out = contacts.lift(d, contact)
        contact.node = event.node
        contacts.refit(d, contact, service, runs_out)


def ticked(d: Domain, event: ContactTicked) -> None:
    """Nothing new about a caller who waits. One who should be talking and is in the hold loop was cut off."""
    contact = d.contacts.get(event.contact)
    if contact is not None and contact.state is ContactState.ASSIGNED:
        _cut(d, contact)


def _cut(d: Domain, contact: Contact) -> None:
    offer = contact.offer
    if offer is not None and offers.still_waits(offer, d.now, STEP_S):
        offers.rescind(d, offer, "stale")
        offers.talk_over(d, offer, offers.LOST, d.now, seat_lost=False)


def gone(d: Domain, event: ContactGone) -> None:
    """The caller's channel is gone; also of one we never heard of, whose queue entry may still be on its way."""
    contact = d.contacts.get(event.contact)
    if contact is None:
        d.remember_over(event.contact)
        return
    at = d.now if event.ended_at is None else min(event.ended_at, d.now)
    offer = contact.offer
    if contact.state is ContactState.ASSIGNED and offer is not None:
        offers.talk_over(d, offer, "caller", at)
    elif contact.state in contacts.WAITING:
        short = at - contact.since < contact.service.short_abandon_s
        outcome = Outcome.FAILURE if event.failure else Outcome.ABANDONED_SHORT if short else Outcome.ABANDONED
        _end(d, contact, "gone", outcome, at)


def left(d: Domain, event: ContactLeft) -> None:
    """The caller left the line alive. Said of one who talks, it is old news."""
    contact = d.contacts.get(event.contact)
    if contact is not None and contact.state in contacts.WAITING:
        _end(d, contact, "left", Outcome.OVERFLOW if event.reason == "net" else Outcome.LEFT, d.now, event.key)


def _end(d: Domain, contact: Contact, trigger: str, outcome: Outcome, at: float, key: str = "") -> None:
    if contact.offer is not None:
        offers.cancel(d, contact.offer)
    contacts.end_waiting(d, contact, trigger, outcome, at, key)
