"""Who was served lately: a line that is lost without a sound is known to be lost after a minute only (`rtp_timeout` of
the carrier's endpoint), and by then its caller may have rung in again, been served, and be gone. Nobody calls them then
(`follow_up`).

Only talks of the last minute before the loss count: an older one was somebody else's at the same telephone, for a line
that still carried a voice then is that of who is on it. When the loss is told is another matter: with a lost link, or a
stopped Asterisk, it may be long after. A node that starts knows of those that are still wrapped up.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from routing.core.ids import ServiceId

if TYPE_CHECKING:
    from routing.core.domain import Domain
    from routing.core.model import Service
    from routing.core.records import Offer

SERVED_S = 30.0
"""Who has talked for so long was served. An agent's greeting and the caller's first sentence take ten seconds, to be
told "this is another desk" or to lose each other no longer than twice that. A call too many harms less than one that
was promised and never comes, so it is the longer time."""

LATELY_S = 60.0
"""So long a line may be silent before it counts as lost (`asterisk_conf.plan.Timings.trunk_rtp_s`); on hold, where it
may be longer, a call too many harms less than one that was promised and never comes."""


TALKS_MOST = 5_000
"""Talks that are remembered; the one that was told first is forgotten. A loss is told when its link is up again: 200
agents have so many in an hour and a half at four minutes each, and some 200 bytes each are 1 MB."""


class Served(NamedTuple):
    """A talk in which a caller was served."""

    caller_hash: str
    service: ServiceId
    queued_at: float
    """When the call came."""
    at: float
    """When the talk ended."""


class Lately:
    """The last talks in which a caller whose number is known was served, at most `TALKS_MOST`."""

    __slots__ = ("_talks",)

    def __init__(self) -> None:
        self._talks: deque[Served] = deque(maxlen=TALKS_MOST)

    def __len__(self) -> int:
        return len(self._talks)

    def note(self, talk: Served) -> None:
        """A caller was served."""
        self._talks.append(talk)

    def since(self, caller_hash: str, service: ServiceId, queued_at: float, lost_at: float) -> bool:
        """Whether the caller of a call that came at `queued_at` and was lost at `lost_at` was served for this service
        in a later one. Looks at every talk: calls are lost seldom."""
        return any(one.caller_hash == caller_hash and one.service == service and one.queued_at > queued_at
                   and one.at >= lost_at - LATELY_S for one in self._talks)

    def forget(self, caller_hash: str) -> None:
        """Nobody may know this caller any more."""
        self._talks = deque((one for one in self._talks if one.caller_hash != caller_hash), TALKS_MOST)


def note(d: Domain, offer: Offer, service: Service, at: float) -> bool:
    """Whether the caller was served for this service in a talk that ended at `at`: then it is remembered. A call back
    that was promised stands for nothing else."""
    contact = offer.contact
    long = offer.connected_at is not None and at - offer.connected_at >= SERVED_S
    if not long or not offer.voice or offer.callback is not None:
        return False
    if contact.caller_hash:
        d.lately.note(Served(contact.caller_hash, service.id, contact.queued_at, at))
    return True
