"""Callers who were abusive. An agent says so of a caller at hand; from then on `ABUSIVE` is a topic of this contact and
of the caller's next ones, which profiles may exclude (`no_abusive_history`).

It is a word about talks, not about a person: after `Centre.abusive_days` it counts no more, and whoever has the caller
may take it back. Where nobody knows the caller (withheld number, anonymous service) it is refused, so that nobody
relies on it. Callers are keyed hashes, opaque to the engine; others may call from the same number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from routing.core import emit
from routing.core.errors import CallerUnknown, NotNow
from routing.core.events import AbuseSaid
from routing.core.model import ContactState, OfferState
from routing.core.stored import Abused

if TYPE_CHECKING:
    from routing.core.domain import Domain

ABUSIVE = "abusive"
"""The topic."""
_TOPIC = frozenset({ABUSIVE})

CALLERS_MAX = 20_000
"""Callers remembered; the one it was said of longest ago is forgotten. A month of a full house has 500,000 talks: one
in a hundred is 5,000, so these are four months, and with some 200 bytes each 4 MB."""
DAY_S = 86_400.0
_WAITING = (ContactState.PENDING, ContactState.RESERVED)


class Abuse:
    """When it was last said of whom, at most `CALLERS_MAX`."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last)

    def note(self, caller_hash: str, at: float) -> None:
        """It is said now."""
        last = self._last
        last[caller_hash] = at
        last.move_to_end(caller_hash)
        if len(last) > CALLERS_MAX:
            last.popitem(last=False)

    def restore(self, rows: Iterable[Abused]) -> None:
        """Fill it after a restart; the rows may come in any order."""
        for row in sorted(rows, key=lambda one: one.at):
            self.note(row.caller_hash, row.at)

    def forget(self, caller_hash: str) -> None:
        """It was never said of this caller."""
        self._last.pop(caller_hash, None)

    def all(self) -> tuple[Abused, ...]:
        """What a restart is told."""
        return tuple(Abused(caller, at) for caller, at in self._last.items())

    def since(self, caller_hash: str, oldest: float) -> bool:
        """Whether it was said of this caller, not before `oldest`."""
        at = self._last.get(caller_hash)
        return at is not None and at >= oldest


def known(d: Domain, caller_hash: str, topics: frozenset[str]) -> frozenset[str]:
    """The topics of a new contact of this caller."""
    return topics | _TOPIC if d.abuse.since(caller_hash, d.now - d.centre.abusive_days * DAY_S) else topics


def kept(before: frozenset[str], told: frozenset[str]) -> frozenset[str]:
    """The topics of a contact that is told of again: what an agent has said of it stays."""
    return told | (before & _TOPIC) if told else before


def said(d: Domain, event: AbuseSaid) -> None:
    """An agent says it, or takes it back. Of one who waits somewhere meanwhile it cannot be said: raises NotNow. Raises
    CallerUnknown where nobody would be known again."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is OfferState.PENDING or offer.contact.state in _WAITING:
        raise NotNow(f"offer {event.offer} has no caller at hand of whom something could be said")
    contact = offer.contact
    if not contact.caller_hash or contact.service.anonymous:
        raise CallerUnknown(f"contact {contact.id} has no number by which its caller would be known again")
    if contact.abusive is event.abusive and (ABUSIVE in contact.topics) is event.abusive:
        return
    contact.abusive = event.abusive
    contact.topics = contact.topics | _TOPIC if event.abusive else contact.topics - _TOPIC
    if event.abusive:
        d.abuse.note(contact.caller_hash, d.now)
    else:
        d.abuse.forget(contact.caller_hash)
    d.mark(contact)
    emit.abuse_noted(
        d, offer=offer.id, contact=contact.id, service=contact.service.id, abusive=event.abusive, topics=contact.topics)
