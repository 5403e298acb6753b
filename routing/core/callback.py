"""Callbacks: the caller hangs up and keeps the place in line. `since` is the virtual start of the wait.

A callback is offered when the caller has hung up, the wished-for moment has come and no quiet hours keep it. Agent
first: the agent takes the offer (`CallbackTaken`), then the caller is dialled, and led to the agent when they are on
the line (`CallbackReached`). Caller first: the agent is kept free, the caller is dialled, and the agent's phone rings
when they are there. From the moment of being reached they wait as any other caller does, with the age they had:
whatever happens to the agent then, somebody else takes them.

Who does not take it (`CallbackFailed`) is tried again after `Service.callback_retry_s`, at most `callback_tries` times
in all. A failed try is no miss of the agent, who keeps the place among the idle.

A caller who calls again for the same service while the callback waits takes over its age: the callback is merged. Who
comes to that service in a later call by another way (overflow, an agent who sends them on) and is served there is not
called any more either; as long as that call waits or is talked the callback stands still, at its place: their phone is
in use. The same service is one that both have been in: where they wait, where overflow took them from, or where the
agent is who asks somebody about them.
"""

from __future__ import annotations

from collections.abc import Mapping

from routing.core import callback_index, commands, contacts, emit, legs, offers
from routing.core.changes import CallerName, CallerServed, PlaceChanged
from routing.core.domain import Domain
from routing.core.errors import NoCallback
from routing.core.events import CallbackAsked, CallbackFailed, CallbackReached, CallbacksQuiet, CallbackTaken
from routing.core.ids import ContactId, ServiceId
from routing.core.model import PHONE_CHANNELS, CallbackOrder, ContactState, OfferState, Outcome
from routing.core.records import Contact, Offer
from routing.core.states import CallbackState

DIAL_S = 75.0
"""Dialling a caller lasts at most so long: a mobile network may take ten seconds to find the phone, it rings for half a
minute, and who answers hears a sentence and may have to press a key. After it the try has failed, whatever was not
heard."""

LIVE = (ContactState.PENDING, ContactState.RESERVED, ContactState.ASSIGNED)
"""Whoever is in one of these states is on the line, but for a callback."""

MERGED = "merged"
"""Key of the end of a callback whose caller has called again."""

CALLS_US = "calls_us"
"""Why a phone does not ring any more for a callback: its caller is on the line."""

SERVED = "served"
"""Key of the end of a callback whose caller was served in a later call."""


def asked(d: Domain, event: CallbackAsked) -> None:
    """A waiting caller wants to be called back. A phone that rings for them is let go: their word is final. Said of
    one who does not wait, or twice, it changes nothing. Raises NoCallback."""
    contact = d.contacts.get(event.contact)
    if contact is None or contact.callback or contact.channel not in PHONE_CHANNELS \
            or contact.state not in contacts.WAITING or contact.introducer is not None:
        return
    service = contact.service
    if service.anonymous or service.callback is CallbackOrder.NONE \
            or d.deferred.get(service.id, 0) >= service.callback_max:
        raise NoCallback
    contact.callback, contact.urgent, contact.estimate = True, False, None  # from here on the wait is their own wish
    contact.not_before, contact.anytime = d.now + max(0.0, event.after_s), event.anytime
    contact.callback_hash, contact.callback_box = event.caller_hash, event.caller_box
    callback_index.add_callback(d, contact)
    if contact.offer is not None:
        offers.rescind(d, contact.offer, "callback")
        offers.close(d, contact.offer, "taken_back", "callback", keep_idle=True)
    else:
        contacts.look_anew(d, contact)
        d.fresh.append(contact)
    callback_index.note_new(d)  # its caller may be on the line in a later call
    tell(d, contact, "asked")


def gone(d: Domain, contact: Contact) -> None:
    """The caller has hung up and waits to be called."""
    if contact.leg:
        contact.leg = ""
        d.mark(contact)
        if contact.group is None and contact.state is ContactState.PENDING:
            contacts.look(d, contact)
            d.fresh.append(contact)


def taken(d: Domain, event: CallbackTaken) -> None:
    """The agent waits for the caller, who may have come by another way meanwhile."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not OfferState.PENDING:
        return
    if offer.callback is CallbackState.AGENT_CALLED:
        legs.follow_callback(offer, "taken")
        dial(d, offer)
    elif offer.callback is CallbackState.CALLER_THERE:
        _join(d, offer)


def dial(d: Domain, offer: Offer) -> None:
    """Call the caller."""
    contact = offer.contact
    offers.disarm(d, offer)
    offer.dialled_at = d.now
    if d.link_up(contact.node):
        d.timers.set(("dial", offer.id), d.now + DIAL_S)
    service = contact.service
    d.commands.append(commands.Dial(
        offer.id, contact.id, contact.box, service.id, contact.since, contact.priority, contact.slow,
        service.callback_press, contact.node, contact.language))
    d.mark(offer)
    emit.callback_dialled(d, offer=offer.id, contact=contact.id, service=service.id, agent=offer.agent.id)


def reached(d: Domain, event: CallbackReached) -> None:
    """The caller is on the line. Overflow counts from now: before, nobody waited on the line."""
    contact = d.contacts.get(event.contact)
    if contact is None or not contact.callback or contact.state not in contacts.WAITING:
        return
    _there(d, contact, event.leg)
    offer = contact.offer
    if offer is None:
        contacts.look_anew(d, contact)
        d.fresh.append(contact)
    elif offer.dialling:
        offers.disarm(d, offer)
        first = offer.callback is CallbackState.CALLER_DIALLED_FIRST
        legs.follow_callback(offer, "reached")
        if first:
            offers.ring(d, offer)
        else:
            _join(d, offer)
    elif offer.callback is not None:
        legs.follow_callback(offer, "reached")
    tell(d, contact, "reached")


def talks(d: Domain, contact: Contact) -> None:
    """Its caller talks with the agent and was not heard to be reached (the word of it was lost, or a restart came in
    between): they are a caller as any other from here on, whom no later call of theirs may end."""
    _there(d, contact, contact.leg or contact.id)
    tell(d, contact, "reached")


def _there(d: Domain, contact: Contact, leg: str) -> None:
    callback_index.remove_callback(d, contact)
    contact.callback, contact.leg, contact.not_before, contact.entered_at = False, leg, 0.0, d.now
    callback_index.unlink_callback(contact)
    d.changes.append(PlaceChanged(contact))


def _join(d: Domain, offer: Offer) -> None:
    """Both are there. What keeps them apart now lasts no longer than a brief."""
    contact = offer.contact
    d.commands.append(commands.Join(offer.id, contact.id, contact.leg, contact.node, offer.partner is not None))
    if d.link_up(contact.node):
        d.timers.set(("brief", offer.id), d.now + offers.BRIEF_S)


def failed(d: Domain, event: CallbackFailed) -> None:
    """The caller did not take it: the agent is free at once, the next try comes later."""
    offer = d.offers.get(event.offer)
    if offer is not None and offer.state is OfferState.PENDING and offer.contact.callback:
        give_up(d, offer, event.reason)


def overdue(d: Domain, offer: Offer) -> None:
    """Dialling lasted too long and Asterisk did not say so."""
    give_up(d, offer, "stale")


def give_up(d: Domain, offer: Offer, reason: str) -> None:
    """This try has failed."""
    contact, service = offer.contact, offer.contact.service
    contact.tries += 1
    contact.not_before = d.now + service.callback_retry_s
    offers.rescind(d, offer, "callback_failed")
    offers.close(d, offer, "taken_back", f"callback_{reason}", to_reason="callback_failed", keep_idle=True)
    legs.follow_callback(offer, "failed")
    tell(d, contact, reason)
    if contact.tries >= service.callback_tries:
        contacts.end_waiting(d, contact, "gone", Outcome.CALLBACK_FAILED, d.now)


def quiet(d: Domain, event: CallbacksQuiet) -> None:
    """Quiet hours begin or end. Who is being dialled is dialled."""
    if d.quiet is event.on:
        return
    d.quiet = event.on
    for contact in d.contacts.values():
        if contact.callback and contact.state is ContactState.PENDING:
            contacts.look_anew(d, contact)
            d.fresh.append(contact)


def tell(d: Domain, contact: Contact, reason: str) -> None:
    """What became of a callback (`CallbackChanged.reason`)."""
    contact.version += 1
    d.mark(contact)
    emit.callback_changed(
        d, contact=contact.id, version=contact.version, service=contact.service.id, tries=contact.tries,
        not_before=contact.not_before, reason=reason, callback=contact.callback, leg=contact.leg,
        anytime=contact.anytime, callback_hash=contact.callback_hash, callback_box=contact.callback_box)


def merge(d: Domain, contact: Contact) -> None:
    """A caller who calls again takes over the age and the points of every callback that waits for them."""
    if contact.channel not in PHONE_CHANNELS:
        return
    for waiting in list(d.callbacks.get((contact.caller_hash, contact.service.id), ())):
        contact.since = min(contact.since, waiting.since)
        contact.priority = max(contact.priority, waiting.priority)
        contact.merged = True
        call_off(d, waiting, MERGED)


def cancel_needless(d: Domain, served: CallerServed) -> None:
    """Cancel callbacks that a call has made unnecessary: same caller, same service, queued before the call.

    Later callbacks belong to other people and stay. So do those queued next to a callback to the same number: one
    telephone, and two people who were promised a call.
    """
    for name in served.names:
        for waiting in list(d.callbacks.get(name, ())):
            if waiting.queued_at < served.queued_at:
                call_off(d, waiting, SERVED)


def review_blocks(d: Domain, contact: Contact) -> None:
    """Find the callbacks that must wait while the caller of this contact is on the line; let the others go on.

    Only callbacks queued before the contact can be its caller's, as in `cancel_needless`.
    """
    found: dict[Contact, None] = {}
    if not contact.callback and contact.channel in PHONE_CHANNELS and contact.state in LIVE:
        asker = contact.introducer
        asks = contact.service if asker is None or asker.consult is None else asker.consult.service
        for name in callback_index.list_names(contact, contact.service.id, asks.id):
            for waiting in d.callbacks.get(name, ()):
                if waiting.queued_at < contact.queued_at:
                    found[waiting] = None
    before, contact.keeps = contact.keeps, tuple(found)
    for waiting in before:
        if waiting not in found:
            _release(d, waiting, contact)
    for waiting in found:
        if waiting not in before:
            _keep(d, waiting, contact)


def list_blocked(d: Domain, asked: Mapping[ContactId, ServiceId]) -> set[ContactId]:
    """Return the callbacks that `review_blocks` would block, before any contact is in a queue: for a start.

    `asked` holds the service of each agent who asks somebody, by contact. The function looks at every contact.
    """
    list_names = callback_index.list_names
    last: dict[CallerName, float] = {}
    for contact in d.contacts.values():
        if not contact.callback and contact.channel in PHONE_CHANNELS and contact.state in LIVE:
            for name in list_names(contact, contact.service.id, asked.get(contact.id, contact.service.id)):
                last[name] = max(contact.queued_at, last.get(name, contact.queued_at))
    return {contact.id for contact in d.contacts.values() if contact.callback and any(
        last.get(name, contact.queued_at) > contact.queued_at for name in list_names(contact, contact.service.id))}


def _keep(d: Domain, waiting: Contact, by: Contact) -> None:
    """The caller is on the line. A phone of theirs that is being dialled rings on: they may hear it, and take it."""
    waiting.kept_by = (*waiting.kept_by, by)
    offer = waiting.offer
    if offer is None:
        if waiting.group is not None:
            d.matching.part(waiting)
    elif not offer.dialling:
        offers.rescind(d, offer, CALLS_US)
        offers.close(d, offer, "taken_back", CALLS_US, keep_idle=True)


def _release(d: Domain, waiting: Contact, by: Contact) -> None:
    """A call of theirs is over. Their phone is left alone for a moment: the next one would come into its end."""
    waiting.kept_by = tuple(one for one in waiting.kept_by if one is not by)
    if not waiting.kept_by:
        contacts.delay_redial(d, waiting)
        if waiting.state is ContactState.PENDING:
            d.fresh.append(waiting)  # `contacts.due` looks when the moment is over


def call_off(d: Domain, waiting: Contact, why: str) -> None:
    """A callback that nobody needs any more is out of the line; `why`: the key of its end."""
    if waiting.offer is not None:
        offers.cancel(d, waiting.offer)
    contacts.end_waiting(d, waiting, "left", Outcome.LEFT, d.now, why)
