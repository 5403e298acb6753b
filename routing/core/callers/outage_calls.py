"""Record calls that came and ended while no node listened, so that reports and metrics count every caller once."""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.events import OutageCallFound
from routing.core.model.centre_model import Channel, Outcome, Service
from routing.core.model.errors import UnknownService
from routing.core.model.ids import SeatId
from routing.core.model.reasons import FALLBACK, OUTAGE
from routing.core.queueing import contact_queue
from routing.core.records import Contact


def on_outage_call_found(d: Domain, event: OutageCallFound) -> None:
    """Queue and end a contact at once, with its true times. Do nothing for a contact that is known or was recorded.

    Raise UnknownService if the centre does not have the service.
    """
    # 1. A second look at the same CEL file finds the same calls.
    if event.contact in d.contacts \
            or (event.contact in d.ended_contacts and event.contact not in d.unrecorded_ends):
        return
    service = d.services.get(event.service)
    if service is None:
        raise UnknownService(f"no service {event.service} in the centre; add it to services.yaml and reload")
    d.unrecorded_ends.discard(event.contact)
    # 2. The contact enters and leaves within this event, so no agent is offered to it.
    start, end = min(event.queued_at, d.now), min(event.ended_at, d.now)
    outcome = find_outcome(service, event, end - start)
    contact = Contact(event.contact, service, Channel.VOICE, start, 0, d.take_number(), start, entered_at=start,
                      step_at=start, source=FALLBACK)
    d.contacts[event.contact] = contact
    contact_queue.enqueue_contact(d, contact)
    contact_queue.emit_queued(d, contact)
    # 3. A talk in the fallback queue ends the wait like any other exit.
    if event.answered:
        note_fallback_talk(d, contact, event.seat, event.talk_s)
    contact_queue.end_waiting(d, contact, "exited" if event.answered else "hung_up", outcome, end, OUTAGE)


def find_outcome(service: Service, event: OutageCallFound, wait_s: float) -> Outcome:
    """Return how a call ended for its caller."""
    if event.answered:
        return Outcome.FALLBACK
    if event.failure:
        return Outcome.FAILURE
    return Outcome.ABANDONED_SHORT if wait_s < service.short_abandon_s else Outcome.ABANDONED


def note_fallback_talk(d: Domain, contact: Contact, seat: SeatId, talk_s: float | None) -> None:
    """Note who took the caller in the fallback queue, and how long they talked.

    The agent is who is signed in at the phone: nobody could sign in or out while no node answered.
    """
    phone = d.seats.get(seat)
    if phone is not None and phone.agent is not None:
        contact.agent = phone.agent.id
    contact.fallback_talk_s = talk_s
