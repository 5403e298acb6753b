"""Remember who was served recently. A line that is lost without a sound is noticed only after a minute (`rtp_timeout`
of the carrier's endpoint). By then its caller may have called again, been served, and hung up. Such a caller must not
be called back (`follow_up`).

Only talks that ended within the last minute before the loss count. An older talk belonged to another person at the same
telephone, because the lost line still carried a voice at that time. The report of a loss may come much later, after a
lost link or a stopped Asterisk. A starting node knows the talks that are still in wrap-up.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.ids import ServiceId
from routing.core.memory.callers import ServedTalk
from routing.core.model import Service
from routing.core.records import Offer

SERVED_S = 30.0
"""A caller who has talked for this long was served. An agent's greeting and the caller's first sentence take ten
seconds. To hear "this is another desk", or to lose each other, takes at most twice that. One callback too many does
less harm than a promised callback that never comes. The limit is therefore the longer time."""

LATELY_S = 60.0
"""A line may be silent for this long before it counts as lost (`asterisk_conf.plan.Timings.trunk_rtp_s`). On hold it
may be longer. One callback too many does less harm than a promised callback that never comes."""


def was_served(d: Domain, caller_hash: str, service: ServiceId, queued_at: float, lost_at: float) -> bool:
    """Return whether the caller of a lost call was served for `service` in a later call. The lost call came at
    `queued_at` and was lost at `lost_at`. Look at every recent talk, because calls are lost seldom."""
    return any(one.caller_hash == caller_hash and one.service == service and one.queued_at > queued_at
               and one.at >= lost_at - LATELY_S for one in d.caller_memory.recent_talks)


def note(d: Domain, offer: Offer, service: Service, at: float) -> bool:
    """Remember a talk that ended at `at`, and return whether the caller was served in it for `service`. A promised
    callback does not count as a served call."""
    contact = offer.contact
    long = offer.connected_at is not None and at - offer.connected_at >= SERVED_S
    if not long or not offer.voice or offer.callback is not None:
        return False
    if contact.caller_hash:
        d.caller_memory.recent_talks[ServedTalk(contact.caller_hash, service.id, contact.queued_at, at)] = None
    return True
