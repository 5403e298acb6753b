"""Who was served lately: a line that is lost without a sound is known to be lost after a minute only (`rtp_timeout` of
the carrier's endpoint), and by then its caller may have rung in again, been served, and be gone. Nobody calls them then
(`follow_up`).

Only talks of the last minute before the loss count: an older one was somebody else's at the same telephone, for a line
that still carried a voice then is that of who is on it. When the loss is told is another matter: with a lost link, or a
stopped Asterisk, it may be long after. A node that starts knows of those that are still wrapped up.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.ids import ServiceId
from routing.core.memory.callers import ServedTalk
from routing.core.model import Service
from routing.core.records import Offer

SERVED_S = 30.0
"""Who has talked for so long was served. An agent's greeting and the caller's first sentence take ten seconds, to be
told "this is another desk" or to lose each other no longer than twice that. A call too many harms less than one that
was promised and never comes, so it is the longer time."""

LATELY_S = 60.0
"""So long a line may be silent before it counts as lost (`asterisk_conf.plan.Timings.trunk_rtp_s`); on hold, where it
may be longer, a call too many harms less than one that was promised and never comes."""


def was_served(d: Domain, caller_hash: str, service: ServiceId, queued_at: float, lost_at: float) -> bool:
    """Return whether the caller of a lost call was served for `service` in a later call. The lost call came at
    `queued_at` and was lost at `lost_at`. Looks at every recent talk: calls are lost seldom."""
    return any(one.caller_hash == caller_hash and one.service == service and one.queued_at > queued_at
               and one.at >= lost_at - LATELY_S for one in d.caller_memory.recent_talks)


def note(d: Domain, offer: Offer, service: Service, at: float) -> bool:
    """Whether the caller was served for this service in a talk that ended at `at`: then it is remembered. A call back
    that was promised stands for nothing else."""
    contact = offer.contact
    if offer.connected_at is None or at - offer.connected_at < SERVED_S or not offer.voice or offer.calls_back:
        return False
    if contact.caller_hash:
        d.caller_memory.recent_talks[ServedTalk(contact.caller_hash, service.id, contact.queued_at, at)] = None
    return True
