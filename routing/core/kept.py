"""Old places: a caller whose call drops in the line and who rings again soon stands where they stood.

Of each caller who hung up, or was lost, while waiting the age and the points are kept for `Service.place_kept_s`, by
the keyed hash of the number. The next call of the same number for the same service has them at once: nobody who is slow
with keys, or in distress, loses a place by not answering a question. Other people may call from the same number, so the
caller is told and may give the place back (`PlaceDeclined`): then the wait counts from the own call. A place is given
once. Never kept: of callbacks (they have their own), of anonymous services, of numbers that are not known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from routing.core.model import PHONE_CHANNELS
from routing.core.stored import OldPlace

if TYPE_CHECKING:
    from routing.core.domain import Domain
    from routing.core.records import Contact

KEPT_MAX = 5_000
"""Places kept; the one that was lost first is forgotten. Half an hour, the longest time a place is kept, in which a
hundred callers a minute hang up is a disaster's worth, and some 200 bytes each are 1 MB."""


class Kept:
    """The last place of each caller who hung up while waiting, at most `KEPT_MAX`."""

    __slots__ = ("_places",)

    def __init__(self) -> None:
        self._places: OrderedDict[str, OldPlace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def note(self, place: OldPlace) -> None:
        """A caller has lost this place."""
        places = self._places
        places[place.caller_hash] = place
        places.move_to_end(place.caller_hash)
        if len(places) > KEPT_MAX:
            places.popitem(last=False)

    def restore(self, places: Iterable[OldPlace]) -> None:
        """Fill it after a restart; they may come in any order."""
        for place in sorted(places, key=lambda one: one.at):
            self.note(place)

    def all(self) -> tuple[OldPlace, ...]:
        """Every place, the one lost first before the others."""
        return tuple(self._places.values())

    def of(self, caller_hash: str) -> OldPlace | None:
        """The place of this caller, whatever the service and the time."""
        return self._places.get(caller_hash)

    def forget(self, caller_hash: str) -> None:
        """It has been given back, or nobody may know it any more."""
        self._places.pop(caller_hash, None)


def keep(d: Domain, contact: Contact, at: float) -> None:
    """A waiting caller is gone since `at`: they may ring again. An old place that this call could have had is there
    still: no line took the call, and what it leaves is no worse."""
    service = contact.service
    if contact.caller_hash and contact.channel in PHONE_CHANNELS and not service.anonymous:
        old, since, priority = d.kept.of(contact.caller_hash), contact.since, contact.priority
        if old is not None and old.at <= contact.queued_at <= old.at + service.place_kept_s \
                and service.id in old.services:
            since, priority = min(since, old.since), max(priority, old.priority)
        d.kept.note(OldPlace(contact.caller_hash, (service.id, *contact.visited), since, priority, at))


def give_back(d: Domain, contact: Contact) -> None:
    """A contact that is about to enter the line has its old place when there is one."""
    place, service = d.kept.of(contact.caller_hash), contact.service
    if place is None or service.id not in place.services or d.now - place.at > service.place_kept_s \
            or service.anonymous or contact.channel not in PHONE_CHANNELS:
        return
    d.kept.forget(contact.caller_hash)
    contact.returned = contact.since, contact.priority
    contact.since = min(contact.since, place.since)  # since when they are here stays: they were off the line between
    contact.priority = max(contact.priority, place.priority)
