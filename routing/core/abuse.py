"""Flag abusive callers. An agent flags the caller at hand. From then on `ABUSIVE` is a topic of this contact and of the
caller's next contacts. Profiles may exclude the topic (`no_abusive_history`).

The flag is about talks, not about a person. It expires after `Centre.abusive_days`, and any agent who has the caller
may remove it. The flag is refused where the caller cannot be recognised later (withheld number, anonymous service), so
that no agent relies on it. Callers are keyed hashes, opaque to the engine. Other people may call from the same number.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.errors import CallerUnknown, NotNow
from routing.core.events import AbuseSaid
from routing.core.memory.callers import Abused
from routing.core.model import ContactState, OfferState

ABUSIVE = "abusive"
"""Topic of a contact whose caller was flagged."""
_TOPIC = frozenset({ABUSIVE})

DAY_S = 86_400.0
_WAITING = (ContactState.PENDING, ContactState.RESERVED)


def known(d: Domain, caller_hash: str, topics: frozenset[str]) -> frozenset[str]:
    """Return the topics of a new contact, with `ABUSIVE` if its caller was flagged within `Centre.abusive_days`."""
    flagged = d.caller_memory.abuse.get(caller_hash)
    return topics if flagged is None or flagged.at < d.now - d.centre.abusive_days * DAY_S else topics | _TOPIC


def kept(before: frozenset[str], told: frozenset[str]) -> frozenset[str]:
    """Return the topics of a contact that is queued again. The flag that an agent has set stays."""
    return told | (before & _TOPIC) if told else before


def said(d: Domain, event: AbuseSaid) -> None:
    """Set or remove the flag of the caller that an agent has at hand. Raise NotNow if the caller is with no agent, for
    example waits in a queue again. Raise CallerUnknown if the caller could not be recognised later."""
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
        d.caller_memory.abuse[contact.caller_hash] = Abused(contact.caller_hash, d.now)
    else:
        d.caller_memory.abuse.discard(contact.caller_hash)
    d.mark(contact)
    emit.abuse_noted(
        d, offer=offer.id, contact=contact.id, service=contact.service.id, abusive=event.abusive, topics=contact.topics)
