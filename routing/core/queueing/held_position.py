"""Hold the queue position of a caller whose call drops while waiting, for a new call soon after.

The age and points of a caller who hung up or was lost while waiting are held for `Service.position_held_s`. The key is
the keyed hash of the number. The next call from the number for the same service gets both at once. No question is asked
first: a caller who is slow with keys, or in distress, must not lose a position by not answering.

Other people may call from the same number. The caller is therefore told, and may decline the position
(`HeldPositionDeclined`). The wait then counts from the new call. A position is restored once. No position is held for
callbacks, which keep their position anyway, for anonymous services, or for unknown numbers.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.memory.callers import OldPlace
from routing.core.model.centre_model import PHONE_CHANNELS
from routing.core.records import Contact


def hold_position(d: Domain, contact: Contact, at: float) -> None:
    """Hold the position of a caller who left the queue at `at` by a hang-up or a lost call.

    An older position that this call could have restored still exists if no queue took the call. The better age and
    points of the two are held.
    """
    service = contact.service
    if contact.caller_hash and contact.channel in PHONE_CHANNELS and not service.anonymous:
        held, caller = d.caller_memory.held_positions, contact.caller_hash
        old, since, priority = held.get(caller), contact.since, contact.priority
        if old is not None and old.at <= contact.queued_at <= old.at + service.position_held_s \
                and service.id in old.services:
            since, priority = min(since, old.since), max(priority, old.priority)
        held.set_value(caller, OldPlace(caller, (service.id, *contact.visited), since, priority, at))


def restore_position(d: Domain, contact: Contact) -> None:
    """Restore the held position of a contact that is about to enter a queue, if there is one."""
    held, service = d.caller_memory.held_positions, contact.service
    place = held.get(contact.caller_hash)
    if place is None or service.id not in place.services or d.now - place.at > service.position_held_s \
            or service.anonymous or contact.channel not in PHONE_CHANNELS:
        return
    held.discard(contact.caller_hash)
    contact.own_position = contact.since, contact.priority
    # The entry time stays, because the caller was off the line in between.
    contact.since = min(contact.since, place.since)
    contact.priority = max(contact.priority, place.priority)
