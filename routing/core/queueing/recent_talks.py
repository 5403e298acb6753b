"""Remember the callers who were served recently.

A line that is lost without a sound is noticed only after a minute (`rtp_timeout` of the carrier's endpoint). By then
its caller may have called again, been served, and hung up. Such a caller must not be called back (`lost_call`).

Only talks that ended within the last minute before the loss count. During an older talk the lost line still carried a
voice, so that talk was another person's at the same telephone. The report of a loss may come much later, after a lost
link or a stopped Asterisk. A starting node knows the talks that are still in wrap-up.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.memory.callers import ServedTalk
from routing.core.model.centre_model import Service
from routing.core.model.ids import ServiceId
from routing.core.records import Offer

SERVED_MIN_S = 30.0
"""Talk time from which a caller counts as served. An agent's greeting and the caller's first sentence take ten seconds.
To hear "this is another desk", or to lose each other, takes at most twice that. One callback too many does less harm
than a promised callback that never comes. The limit is therefore the longer time."""

SILENCE_MAX_S = 60.0
"""Longest silence of a line before it counts as lost (`asterisk_conf.dialplan_values.Timings.trunk_rtp_s`). Silence on
hold may be longer. One callback too many does less harm than a promised callback that never comes."""


def was_served(d: Domain, caller_hash: str, service: ServiceId, queued_at: float, lost_at: float) -> bool:
    """Return whether the caller of a lost call was served for `service` in a later call.

    The lost call came at `queued_at` and was lost at `lost_at`. The function looks at every recent talk, because calls
    are seldom lost.
    """
    return any(one.caller_hash == caller_hash and one.service == service and one.queued_at > queued_at
               and one.at >= lost_at - SILENCE_MAX_S for one in d.caller_memory.recent_talks)


def note_recent_talk(d: Domain, offer: Offer, service: Service, at: float) -> bool:
    """Remember a talk that ended at `at`, and return whether the caller was served in it for `service`.

    A promised callback does not count as a served call.
    """
    contact = offer.contact
    # A short talk or another channel shows nothing: the caller may still need the promised call.
    long = offer.connected_at is not None and at - offer.connected_at >= SERVED_MIN_S
    if not long or not offer.voice or offer.callback is not None:
        return False
    if contact.caller_hash:
        talk = ServedTalk(contact.caller_hash, service.id, contact.queued_at, at)
        d.caller_memory.recent_talks.set_value(talk, None)
    return True
