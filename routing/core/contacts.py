"""Contacts: their place in line, the steps of what they need, and their one end."""

from __future__ import annotations

from routing.core import facts
from routing.core.commands import Overflow
from routing.core.domain import Domain
from routing.core.match import clamp_step, lasts
from routing.core.model import ContactState, Outcome, Service
from routing.core.records import Contact
from routing.core.states import CONTACT, follow

WAITING = (ContactState.PENDING, ContactState.RESERVED)

OVERFLOW_AGAIN_S = 15.0
"""A caller who should be in the safety net and is still in line is sent there again: the first try may have met a
refusal or a link just lost. Longer than an action in doubt takes to be looked up (5 s and the look)."""


def follow_contact(contact: Contact, trigger: str) -> None:
    """The next state by the table, and the next version."""
    contact.state = follow(CONTACT, "contact", contact.id, contact.state, trigger)
    contact.version += 1


def enter(d: Domain, contact: Contact) -> None:
    """Into the line of the service, at the place that age and priority give, and among those who look for an agent."""
    contact.key = contact.line_key()
    d.line(contact.service.id).add((*contact.key, contact))
    if contact.state is ContactState.PENDING:
        look(d, contact)
    arm_step(d, contact)
    arm_overflow(d, contact)


def look(d: Domain, contact: Contact) -> None:
    """A pending contact looks for an agent as its present step says."""
    d.matching.join(d.matching.group(contact.node, contact.channel, contact.service, contact.step), contact)


def leave_line(d: Domain, contact: Contact) -> None:
    """Out of the line: talking, gone or left."""
    d.matching.part(contact)
    d.line(contact.service.id).remove((*contact.key, contact))
    d.timers.cancel(("step", contact.id))
    d.timers.cancel(("overflow", contact.id))


def arm_step(d: Domain, contact: Contact) -> None:
    """The present step begins to run out."""
    stays = lasts(contact.service, contact.step)
    if stays is None:
        d.timers.cancel(("step", contact.id))
    else:
        d.timers.set(("step", contact.id), d.now + stays)


def next_step(d: Domain, contact: Contact) -> None:
    """Ask for less: the next step of the service. The floor is in every step and stays."""
    if contact.state not in WAITING or lasts(contact.service, contact.step) is None:
        return
    contact.step += 1
    if contact.group is not None:
        d.matching.part(contact)
        look(d, contact)
    arm_step(d, contact)


def arm_overflow(d: Domain, contact: Contact) -> None:
    """The caller goes to the safety net when the wait gets too long. Never in distress."""
    limit = contact.service.overflow_s
    if limit is None or contact.service.distress:
        d.timers.cancel(("overflow", contact.id))
    else:
        d.timers.set(("overflow", contact.id), max(d.now, contact.since + limit, contact.not_overflowed_before))


def overflow(d: Domain, contact: Contact) -> None:
    """The wait got too long. While a phone rings for the caller, or the link is down, it comes after that."""
    if contact.state is ContactState.PENDING and d.link_up(contact.node):
        contact.not_overflowed_before = d.now + OVERFLOW_AGAIN_S
        arm_overflow(d, contact)
        d.commands.append(Overflow(contact.id, contact.leg, contact.node))


def back(d: Domain, contact: Contact) -> None:
    """A reserved contact has lost its offer and looks again. It never left the line, so its place is the same."""
    contact.offer = None
    follow_contact(contact, "offer_closed")
    look(d, contact)
    arm_overflow(d, contact)


def lift(d: Domain, contact: Contact) -> float | None:
    """Take a waiting contact out of the line for a moment; when its present step runs out. `refit` puts it back."""
    runs_out = d.timers.at(("step", contact.id))
    leave_line(d, contact)
    return runs_out


def refit(d: Domain, contact: Contact, service: Service, runs_out: float | None) -> None:
    """Back into the line after service, node or settings have changed: the same age, and in the same service the same
    step until the same moment."""
    same = service.id == contact.service.id
    contact.service = service
    contact.step = clamp_step(service, contact.step) if same else 0
    enter(d, contact)
    if same and runs_out is not None and lasts(service, contact.step) is not None:
        d.timers.set(("step", contact.id), runs_out)


def end_waiting(d: Domain, contact: Contact, trigger: str, outcome: Outcome, at: float, key: str = "") -> None:
    """The end of a contact that was never answered."""
    position = d.position(contact)
    leave_line(d, contact)
    contact.offer = None
    follow_contact(contact, trigger)
    _ended(d, contact, outcome, max(0.0, at - contact.since), position, key, at)
    del d.contacts[contact.id]


def end_answered(d: Domain, contact: Contact, wait_s: float, at: float) -> None:
    """The end of a talk is the caller's end; the record stays until the agent's wrap-up is over."""
    contact.version += 1
    _ended(d, contact, Outcome.ANSWERED, wait_s, 0, "", at)


def _ended(d: Domain, contact: Contact, outcome: Outcome, wait_s: float, position: int, key: str, at: float) -> None:
    d.remember_over(contact.id)
    d.facts.append(facts.Ended(
        *d.stamp(), contact.id, contact.version, contact.state, contact.service.id, contact.channel, outcome, wait_s,
        position, contact.original_position, key, at if at < d.now else None))
