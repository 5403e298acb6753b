"""Dial the caller of a callback: for an offer, or without a reserved agent.

`calls.dial_pacing` decides when callers are dialled without an agent. Such a dial has no offer, so the contact itself
knows that it is dialled (`Contact.dialling`). The contact keeps its place and is offered to nobody. A caller who
answers waits like any other, with the age of the callback.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.model import commands
from routing.core.model.centre_model import ContactState
from routing.core.model.ids import AgentId, OfferId
from routing.core.queueing import callback_limits
from routing.core.records import Contact

DIAL_S = 75.0
"""Longest time to dial a caller, after which the try has failed. A mobile network may take ten seconds to find the
phone, which rings for half a minute. The caller then hears a sentence and may have to press a key."""

TIMER = "contact_dial"
"""Kind of the deadline of a dial without an agent."""

LOOK_TIMER = "dial_look"
LOOK_S = 5.0
"""Time between two looks for callers who may be dialled without an agent. It is a small part of the time of a dial."""


def may_dial(d: Domain, contact: Contact) -> bool:
    """Return whether the caller of a callback may be dialled now without a reserved agent."""
    return contact.callback and contact.service.dials_ahead and contact.state is ContactState.PENDING \
        and not contact.dialling and not contact.farewell and not d.is_asleep(contact)


def send_dial(d: Domain, contact: Contact, offer: OfferId | None, agent: AgentId | None) -> None:
    """Have the caller dialled, count the dial and emit the fact."""
    callback_limits.note_dial(d, contact.dial_hash)
    contact.dial_released = False
    service = contact.service
    d.commands.append(commands.DialCaller(
        offer, contact.id, contact.dial_number_encrypted, service.id, contact.since, contact.priority, contact.slow,
        service.callback_press or contact.calls_other_line, contact.node, contact.language))
    emit.callback_dialled(d, offer=offer, contact=contact.id, service=service.id, agent=agent)


def begin_dial(d: Domain, contact: Contact) -> None:
    """Dial the caller of a waiting callback without a reserved agent. Its link must be up."""
    contact.dialling = True
    contact.dials = (*contact.dials, (d.now, False))
    d.timers.set_deadline((TIMER, contact.id), d.now + DIAL_S, contact.number)
    send_dial(d, contact, None, None)
    # A phone that rings is not cut short by the end of the callback's time.
    d.newly_queued.append(contact)
    d.mark(contact)


def end_dial(d: Domain, contact: Contact) -> None:
    """Note that the dial without an agent is over."""
    contact.dialling = False
    d.timers.cancel_deadline((TIMER, contact.id))
    d.mark(contact)


def stop_dial(d: Domain, contact: Contact, reason: str) -> None:
    """Stop dialling a caller without an agent. Do nothing if the caller is not dialled."""
    if contact.dialling:
        end_dial(d, contact)
        d.commands.append(commands.StopDial(contact.id, reason, contact.node, contact.channel))


def note_refusal(d: Domain, contact: Contact) -> None:
    """Note that the owner of the number refuses the callback. Call it before the dial ends."""
    callback_limits.note_refusal(d, contact.dial_hash)
    # The row of an offer tells a later start of the refusal. Without an offer the contact does.
    if contact.dialling:
        contact.dials = (*contact.dials, (d.now, True))


def arm_look(d: Domain) -> None:
    """Have the next look at the callers who may be dialled without an agent, unless a look is planned."""
    if d.timers.deadline_of((LOOK_TIMER, "")) is None:
        d.timers.set_deadline((LOOK_TIMER, ""), d.now + LOOK_S)
