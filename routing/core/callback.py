"""Callbacks: the caller hangs up and keeps the place in line. `since` is the virtual start of the wait.

A callback is offered when the caller has hung up and the wished-for moment has come. The agent takes the offer, then
the shell dials the caller; who does not take it (`CallbackFailed`) is tried again after `Service.callback_retry_s`, at
most `callback_tries` times in all. A failed try is no miss of the agent, who keeps the place among the idle. A caller
who calls again for the same service while the callback waits takes over its age: the callback is merged.
"""

from __future__ import annotations

from routing.core import contacts, facts, offers
from routing.core.domain import Domain
from routing.core.events import CallbackAsked, CallbackFailed
from routing.core.ids import ServiceId
from routing.core.model import Channel, ContactState, OfferState, Outcome
from routing.core.records import Contact, Offer

DIAL_S = 60.0
"""Dialling a caller lasts at most so long, on top of an offer's other times: their phone rings for half a minute and a
mobile network may take ten seconds to find it. After it the try has failed, whatever was not heard."""

MERGED = "merged"
"""Key of the end of a callback whose caller has called again."""


def asked(d: Domain, event: CallbackAsked) -> None:
    """A waiting caller wants to be called back. A phone that rings for them is let go: their word is final. Said of
    one who does not wait, or twice, it changes nothing."""
    contact = d.contacts.get(event.contact)
    if contact is None or contact.callback or contact.channel is not Channel.VOICE \
            or contact.state not in contacts.WAITING:
        return
    contact.callback, contact.urgent = True, False
    contact.not_before = d.now + max(0.0, event.after_s)
    joins(d, contact)
    if contact.offer is not None:
        offers.rescind(d, contact.offer, "callback")
        offers.close(d, contact.offer, "taken_back", "callback", keep_idle=True)
    else:
        contacts.look_anew(d, contact)
        d.fresh.append(contact)
    _tell(d, contact, "asked")


def gone(d: Domain, contact: Contact) -> None:
    """The caller has hung up and waits to be called."""
    if contact.leg:
        contact.leg = ""
        if contact.group is None and contact.state is ContactState.PENDING:
            contacts.look(d, contact)
            d.fresh.append(contact)


def failed(d: Domain, event: CallbackFailed) -> None:
    """The caller did not take it: the agent is free at once, the next try comes later."""
    offer = d.offers.get(event.offer)
    if offer is not None and offer.state is OfferState.PENDING and offer.contact.callback:
        give_up(d, offer, event.reason)


def give_up(d: Domain, offer: Offer, reason: str) -> None:
    """This try has failed."""
    contact, service = offer.contact, offer.contact.service
    contact.tries += 1
    contact.not_before = d.now + service.callback_retry_s
    offers.rescind(d, offer, "callback_failed")
    offers.close(d, offer, "taken_back", f"callback_{reason}", to_reason="callback_failed", keep_idle=True)
    _tell(d, contact, reason)
    if contact.tries >= service.callback_tries:
        contacts.end_waiting(d, contact, "gone", Outcome.CALLBACK_FAILED, d.now)


def _tell(d: Domain, contact: Contact, reason: str) -> None:
    contact.version += 1
    d.facts.append(facts.CallbackChanged(
        *d.stamp(), contact.id, contact.version, contact.service.id, contact.tries, contact.not_before, reason))


def merge(d: Domain, contact: Contact) -> None:
    """A caller who calls again takes over the age and the points of every callback that waits for them."""
    if contact.channel is not Channel.VOICE:
        return
    for waiting in list(d.callbacks.get(_name(contact), ())):
        contact.since = min(contact.since, waiting.since)
        contact.priority = max(contact.priority, waiting.priority)
        if waiting.offer is not None:
            offers.cancel(d, waiting.offer)
        contacts.end_waiting(d, waiting, "left", Outcome.LEFT, d.now, MERGED)


def joins(d: Domain, contact: Contact) -> None:
    """A callback is in line: it takes no room there, and its caller may call again."""
    d.deferred[contact.service.id] = d.deferred.get(contact.service.id, 0) + 1
    if contact.caller_hash:
        d.callbacks.setdefault(_name(contact), {})[contact] = None


def parts(d: Domain, contact: Contact) -> None:
    """A callback is out of the line."""
    d.deferred[contact.service.id] -= 1
    name = _name(contact)
    waiting = d.callbacks.get(name)
    if waiting is not None:
        waiting.pop(contact, None)
        if not waiting:
            del d.callbacks[name]


def _name(contact: Contact) -> tuple[str, ServiceId]:
    return contact.caller_hash, contact.service.id
