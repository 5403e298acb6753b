"""Flag abusive callers.

An agent flags the caller of the present talk. From then on `ABUSIVE` is a topic of this contact and of the caller's
next contacts. Profiles may exclude the topic (`no_abusive_history`).

The flag is about talks, not about a person. It expires after `Centre.abusive_days`, and any agent who has the caller
may remove it. A caller who cannot be recognised later (withheld number, anonymous service) cannot be flagged, so that
no agent relies on it. Callers are keyed hashes, opaque to the engine. Other people may call from the same number.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.events import CallerFlaggedAbusive
from routing.core.memory.callers import Abused
from routing.core.model.centre_model import WAITING_STATES
from routing.core.model.errors import CallerUnknown, NotNow

ABUSIVE = "abusive"
"""Topic of a contact whose caller was flagged."""
_TOPIC = frozenset({ABUSIVE})

DAY_S = 86_400.0


def topics_for(d: Domain, caller_hash: str, topics: frozenset[str]) -> frozenset[str]:
    """Return the topics of a new contact, with `ABUSIVE` if its caller was flagged within `Centre.abusive_days`."""
    flagged = d.caller_memory.abuse.get(caller_hash)
    return topics if flagged is None or flagged.at < d.now - d.centre.abusive_days * DAY_S else topics | _TOPIC


def keep_abuse_topic(before: frozenset[str], told: frozenset[str]) -> frozenset[str]:
    """Return the topics of a contact that is queued again. The flag of an agent stays."""
    return told | (before & _TOPIC) if told else before


def on_caller_flagged_abusive(d: Domain, event: CallerFlaggedAbusive) -> None:
    """Set or remove the flag of the caller at an agent.

    Raise NotNow if the caller is at no agent, for example in a queue again. Raise CallerUnknown if the caller cannot be
    recognised later.
    """
    offer = d.offers.get(event.offer)
    if offer is None or offer.rings or offer.contact.state in WAITING_STATES:
        raise NotNow(f"offer {event.offer} has no caller to flag: the caller is with no agent")
    contact = offer.contact
    if not contact.caller_hash or contact.service.anonymous:
        raise CallerUnknown(f"contact {contact.id} has no number by which its caller can be recognised later")
    # The topic may come from an earlier contact, so the flag of this contact alone does not tell.
    if contact.abusive is event.abusive and (ABUSIVE in contact.topics) is event.abusive:
        return
    contact.abusive = event.abusive
    contact.topics = contact.topics | _TOPIC if event.abusive else contact.topics - _TOPIC
    if event.abusive:
        d.caller_memory.abuse.set_value(contact.caller_hash, Abused(contact.caller_hash, d.now))
    else:
        d.caller_memory.abuse.discard(contact.caller_hash)
    d.mark(contact)
    emit.abuse_noted(
        d, offer=offer.id, contact=contact.id, service=contact.service.id, abusive=event.abusive, topics=contact.topics)
