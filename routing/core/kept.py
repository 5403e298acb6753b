"""Old places: a caller whose call drops in the line and who rings again soon stands where they stood.

Of each caller who hung up, or was lost, while waiting the age and the points are kept for `Service.place_kept_s`, by
the keyed hash of the number. The next call of the same number for the same service has them at once: nobody who is slow
with keys, or in distress, loses a place by not answering a question. Other people may call from the same number, so the
caller is told and may give the place back (`PlaceDeclined`): then the wait counts from the own call. A place is given
once. Never kept: of callbacks (they have their own), of anonymous services, of numbers that are not known.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.model import Channel
from routing.core.records import Contact
from routing.core.stored import OldPlace


def keep(d: Domain, contact: Contact, at: float) -> None:
    """A waiting caller is gone since `at`: they may ring again. An old place that this call could have had is there
    still: no line took the call, and what it leaves is no worse."""
    service = contact.service
    if contact.caller_hash and contact.channel is Channel.VOICE and not service.anonymous:
        held, caller = d.caller_memory.held_positions, contact.caller_hash
        old, since, priority = held.get(caller), contact.since, contact.priority
        if old is not None and old.at <= contact.queued_at <= old.at + service.place_kept_s \
                and service.id in old.services:
            since, priority = min(since, old.since), max(priority, old.priority)
        held[caller] = OldPlace(caller, (service.id, *contact.visited), since, priority, at)


def give_back(d: Domain, contact: Contact) -> None:
    """A contact that is about to enter the line has its old place when there is one."""
    held, service = d.caller_memory.held_positions, contact.service
    place = held.get(contact.caller_hash)
    if place is None or service.id not in place.services or d.now - place.at > service.place_kept_s \
            or service.anonymous or contact.channel is not Channel.VOICE:
        return
    del held[contact.caller_hash]
    contact.returned = contact.since, contact.priority
    contact.since = min(contact.since, place.since)  # since when they are here stays: they were off the line between
    contact.priority = max(contact.priority, place.priority)
