"""What a caller does while in a queue or in a talk: still there, hung up, left, gave an earlier place back."""

from __future__ import annotations

from routing.core import callback, callback_index, consult, contacts, estimate, kept, offers, served, talks
from routing.core.changes import CallLost
from routing.core.domain import Domain
from routing.core.events import ContactGone, ContactLeft, ContactTicked, PlaceDeclined
from routing.core.model import ContactState, Outcome
from routing.core.records import Contact

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ASSIGNED = ContactState.ASSIGNED


STEP_S = 5.0
"""An AGI step of the dialplan takes at most 5 s. A sign of the hold loop that comes later than this after the bridge
was sent after it: the talk is over and nobody told us."""


def ticked(d: Domain, event: ContactTicked) -> None:
    """Requeue an assigned contact that is in the hold loop: its talk was dropped. A waiting contact is not changed."""
    contact = d.contacts.get(event.contact)
    if contact is not None and contact.state is ASSIGNED:
        requeue_after_drop(d, contact)


def requeue_after_drop(d: Domain, contact: Contact) -> None:
    """Requeue a contact whose talk was dropped, unless the sign of the hold loop is older than the bridge."""
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
        if asker is not None and asker.consult is not None and not (event.failure or event.dropped) \
                and served.note(d, asker, asker.consult.service, at):
            callback_index.note_served(d, contact, asker.consult.service)  # as at the end of a talk
        _end(d, contact, "gone", outcome, at)
        if event.failure or event.dropped:
            d.changes.append(CallLost(contact, at))


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
    """End a contact that waits. During a consult transfer the caller belongs to the agent who asked."""
    if contact.offer is not None:
        offers.cancel(d, contact.offer)
    asker = contact.introducer
    if asker is None:
        contacts.end_waiting(d, contact, trigger, outcome, at, key)
    else:
        consult.over(d, asker, "caller")
        contacts.end_consulted(d, contact, trigger, asker, at)
