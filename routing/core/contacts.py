"""Contacts: their place in line, the steps of what they need, their deadlines, and their one end.

A contact that waits has one deadline, the earliest of: the end of its step or of the preferred agent's time, the moment
before which it is not offered, the emergency ceiling, overflow. It is set after the assignment, for those who were not
offered at once: a caller who finds an agent free costs no deadline. While a phone rings nothing of this happens; what
has come due meanwhile is due at once when the contact looks again.

Overflow comes last of all that is due in a tick, after the assignment: whom an agent can have by then is not sent away.
"""

from __future__ import annotations

from operator import attrgetter

from routing.core import admission, callback_index, emit, preferred
from routing.core.changes import PlaceChanged
from routing.core.commands import Overflow
from routing.core.declare import CALLER, blank
from routing.core.domain import Domain
from routing.core.model import ContactState, Outcome, Service
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.requirement import clamp_step, lasts
from routing.core.states import CONTACT, follow
from routing.core.stored import FIELDS

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
CANCELED, PENDING, RESERVED = ContactState.CANCELED, ContactState.PENDING, ContactState.RESERVED
ANSWERED = Outcome.ANSWERED

WAITING = (PENDING, RESERVED)

OVERFLOW_AGAIN_S = 15.0
"""A caller who should be in the safety net and is still in line is sent there again: the first try may have met a
refusal or a link just lost. Longer than an action in doubt takes to be looked up (5 s and the look)."""

REDIAL_S = 10.0
"""A phone that has just stopped ringing is left alone for this long. The next call would come into the end of the one
before when the agent is gone or the caller took the callback back."""

TIMER = "wait"
"""Kind of a contact's deadline."""


def follow_contact(contact: Contact, trigger: str) -> None:
    """The next state by the table, and the next version."""
    try:
        contact.state = CONTACT[contact.state, trigger]
    except KeyError:
        follow(CONTACT, "contact", contact.id, contact.state, trigger)
    contact.version += 1


def enter(d: Domain, contact: Contact) -> None:
    """Into the line of the service, at the place that age and priority give, and among those who look for an agent."""
    service = contact.service
    contact.key = start, number = contact.line_key()
    d.lines[service.id].add((start, number, contact))
    if contact.callback:
        callback_index.add_callback(d, contact)
    elif d.callbacks:
        d.changes.append(PlaceChanged(contact))
    if contact.state is PENDING:
        look(d, contact)
        d.fresh.append(contact)  # its deadline is set after the next assignment


def look(d: Domain, contact: Contact) -> None:
    """A pending contact looks for an agent as its present step says, unless its time has not come."""
    if contact.not_before > d.now \
            or (contact.callback and (contact.leg or contact.kept_by or (d.quiet and not contact.anytime))):
        return
    matching = d.matching
    if contact.preferred is not None:
        matching.join_personal(contact, contact.preferred)
    else:
        matching.join(matching.group(contact), contact)


def look_anew(d: Domain, contact: Contact) -> None:
    """What a pending contact looks for has changed."""
    if contact.group is not None:
        d.matching.part(contact)
    look(d, contact)


def lift(d: Domain, contact: Contact) -> None:
    """Take a waiting contact out of the line for a moment; `enter` puts it back."""
    if contact.group is not None:
        d.matching.part(contact)
    start, number = contact.key
    d.lines[contact.service.id].remove((start, number, contact))
    if contact.callback:
        callback_index.remove_callback(d, contact)
    if contact.armed:
        contact.armed = False
        d.timers.cancel((TIMER, contact.id))


def leave_line(d: Domain, contact: Contact) -> None:
    """Out of the line for good: talking, gone or left."""
    lift(d, contact)
    if contact.preferred is not None:
        preferred.forget(contact)


def settle(d: Domain) -> None:
    """After the assignment: those who have come to wait and were not offered get their deadline."""
    fresh, d.fresh = d.fresh, []
    for contact in fresh:
        if contact.state is PENDING:
            arm(d, contact)


def arm(d: Domain, contact: Contact) -> None:
    """The next moment at which something about this waiting contact changes by itself."""
    at = _next(d, contact)
    if at is not None:
        contact.armed = True
        d.timers.set((TIMER, contact.id), at, contact.number)
    elif contact.armed:
        contact.armed = False
        d.timers.cancel((TIMER, contact.id))


def _next(d: Domain, contact: Contact) -> float | None:
    found = [at for at in (_step_ends(contact), _ceiling(contact), _overflows(d, contact)) if at is not None]
    if contact.not_before > d.now:
        found.append(contact.not_before)
    return min(found, default=None)


def due(d: Domain, contact: Contact) -> None:
    """A deadline has come. While a phone rings, it waits until the contact looks again."""
    contact.armed = False
    if contact.state is not PENDING:
        return
    if contact.group is None:
        look(d, contact)
    _make_up(d, contact)
    if _too_long(d, contact):
        d.overdue[contact] = None
    else:
        arm(d, contact)


def _make_up(d: Domain, contact: Contact) -> None:
    """Steps that have run out, and the ceiling."""
    while (ends := _step_ends(contact)) is not None and ends <= d.now:
        if contact.preferred is not None:
            end_preferred_wait(d, contact, ends)
        else:
            next_step(d, contact, "expired")
    ceiling = _ceiling(contact)
    if ceiling is not None and ceiling <= d.now:
        contact.urgent = True
        if contact.group is not None:
            look_anew(d, contact)


def _step_ends(contact: Contact) -> float | None:
    if contact.preferred is not None:
        own_s = contact.preferred_s
        return contact.step_at + (contact.service.preferred_s if own_s is None else own_s)
    stays = lasts(contact.service, contact.step)
    return None if stays is None else contact.step_at + stays


def _ceiling(contact: Contact) -> float | None:
    """A callback has no ceiling: its caller is not on the line."""
    limit = contact.service.ceiling_s
    return None if limit is None or contact.urgent or contact.callback else contact.waits_from() + limit


def _overflows(d: Domain, contact: Contact) -> float | None:
    """When the wait in this service gets too long. Never in distress, never for a callback: nobody is on the line; nor
    while the caller's agent asks somebody of this service: the caller is still the agent's."""
    limit = contact.service.overflow_s
    if limit is None or contact.service.distress or contact.callback or contact.introducer is not None \
            or not d.link_up(contact.node):
        return None
    return max(contact.entered_at + limit, contact.not_overflowed_before)


def _too_long(d: Domain, contact: Contact) -> bool:
    at = _overflows(d, contact)
    return at is not None and at <= d.now


def next_step(d: Domain, contact: Contact, reason: str) -> None:
    """Ask for less: the next step of the service. The floor is in every step and stays."""
    stays = lasts(contact.service, contact.step)
    if contact.state is not PENDING or stays is None:
        return
    contact.step_at = contact.step_at + stays if reason == "expired" else d.now
    contact.step += 1
    stepped(d, contact, reason)


def stepped(d: Domain, contact: Contact, reason: str) -> None:
    """A waiting contact asks for something else: tell it and look anew."""
    contact.version += 1
    if contact.group is not None:
        look_anew(d, contact)
    d.fresh.append(contact)
    d.mark(contact)
    emit.stepped(
        d, contact=contact.id, version=contact.version, service=contact.service.id, step=contact.step, reason=reason)


_NUMBER = attrgetter("number")


def overflow(d: Domain) -> bool:
    """Those who have waited too long and still wait after everything that was due: to other services with the age they
    have, where somebody may have them at once. True: some have moved, so look again. Only when there is nowhere to go
    any more, the others to the safety net."""
    overdue = [contact for contact in d.overdue if contact.state is PENDING and _too_long(d, contact)]
    overdue.sort(key=_NUMBER)  # where there is room for one of two, it is for the one that came first
    d.overdue = {}
    for contact in overdue:
        to = admission.onward(d, contact.service, contact.visited)
        if to is None:
            d.overdue[contact] = None
        else:
            contact.visited = (*contact.visited, contact.service.id)
            move(d, contact, to, "overflow")
    if len(d.overdue) < len(overdue):
        return True
    d.overdue = {}
    for contact in overdue:
        to_net(d, contact)
        arm(d, contact)
    return False


def to_net(d: Domain, contact: Contact) -> None:
    """Have the caller sent to the safety net. Until they have left they stay in line."""
    contact.not_overflowed_before = d.now + OVERFLOW_AGAIN_S
    d.commands.append(Overflow(contact.id, contact.leg, contact.node, contact.channel))


def move(d: Domain, contact: Contact, service: Service, reason: str) -> None:
    """To another service with its age and own points; steps, overflow and ceiling are the new one's."""
    before, waited_s, left_position = contact.service, d.now - contact.entered_at, d.position(contact)
    lift(d, contact)
    if contact.preferred is not None:
        preferred.forget(contact)
    contact.service, contact.step, contact.step_at, contact.entered_at = service, 0, d.now, d.now
    contact.urgent = False
    contact.version += 1
    unknown = hide(d, contact)
    preferred.choose(d, contact)
    enter(d, contact)
    d.mark(contact)
    emit.moved(
        d, contact=contact.id, version=contact.version, before=before.id, service=service.id, channel=contact.channel,
        reason=reason, waited_s=max(0.0, waited_s), position=d.position(contact), left_position=left_position,
        unknown=unknown)


def hide(d: Domain, contact: Contact) -> bool:
    """Whoever comes to an anonymous service is nobody's number from here on: what was known before could tell who spoke
    there. Whether anything was."""
    if not contact.service.anonymous or not (contact.caller_hash or contact.callback_hash):
        return False
    blank(contact, FIELDS[Contact], lambda field: field.hash or field.number)
    d.mark(contact, CALLER)
    return True


def back(d: Domain, contact: Contact) -> None:
    """A reserved contact has lost its offer. It never left the line, so its place is the same. `again` has it look."""
    contact.offer = None
    follow_contact(contact, "offer_closed")


def again(d: Domain, contact: Contact) -> None:
    """Look again, after the fact that says how the offer ended. What the contact had of a preferred agent is used up:
    that was the offer."""
    if contact.preferred is not None:
        end_preferred_wait(d, contact, d.now)
    look(d, contact)
    if contact.armed:  # what has come due meanwhile is due at once, but who looks again is offered first
        contact.armed = False
        d.timers.cancel((TIMER, contact.id))
    d.fresh.append(contact)


def cut(d: Domain, contact: Contact) -> None:
    """The talk was cut: into the line again with the old age. The step and the time to overflow begin anew."""
    contact.offer = None
    contact.step_at = contact.entered_at = d.now
    enter(d, contact)


def hand_on(d: Domain, contact: Contact, service: Service, record: AgentRecord | None, wait_s: float) -> None:
    """An agent has sent the caller on: into the line of this service with the old age and own points; `record`: the
    agent who is waited for in person, so long. Everything else begins anew."""
    before = contact.service
    contact.offer, contact.service, contact.step, contact.urgent = None, service, 0, False
    if contact.introducer is None:
        contact.visited = ()  # else of the talk that it may be back in: until `given_over`
    contact.step_at = contact.entered_at = contact.handed_at = d.now
    contact.not_overflowed_before = 0.0
    if record is not None:
        preferred.wait_for(contact, record, wait_s)
    moved = service.id != before.id
    contact.version += moved
    d.mark(contact)
    unknown = contact.introducer is None and hide(d, contact)  # who is only asked about may be the agent's again
    enter(d, contact)
    if moved:
        emit.moved(
            d, contact=contact.id, version=contact.version, before=before.id, service=service.id,
            channel=contact.channel, reason="transfer", waited_s=0.0, position=d.position(contact), unknown=unknown)


def given_over(d: Domain, contact: Contact) -> None:
    """Whom their agent has asked about is the agent's no more: the time to overflow begins, by whatever way
    they came."""
    contact.entered_at, contact.visited = d.now, ()
    d.mark(contact)
    if contact.state is PENDING:
        d.fresh.append(contact)


def refit(d: Domain, contact: Contact, service: Service) -> None:
    """Back into the line, lifted before, after settings have changed: the same age and the same step since the same
    moment, as the new rules say."""
    contact.service = service
    contact.step = clamp_step(service, contact.step)
    d.mark(contact)
    if contact.preferred is not None and not preferred.fits(d, contact, contact.preferred):
        preferred.forget(contact)
        contact.step_at = d.now
    enter(d, contact)


def changed(d: Domain, contact: Contact, since: float | None = None) -> None:
    """Points, needs or topics of a contact that is back in line are other ones, or (`since`) the start of its wait."""
    contact.version += 1
    d.mark(contact)
    emit.contact_changed(
        d, contact=contact.id, version=contact.version, service=contact.service.id, priority=contact.priority,
        needs=contact.needs, topics=contact.topics, position=d.position(contact), since=since)


def emit_queued(d: Domain, contact: Contact) -> None:
    """Emit the fact that a new contact has entered a queue."""
    position = contact.original_position = 1 if d.lines[contact.service.id].size == 1 else d.position(contact)
    emit.queued(
        d, contact, position=position, entered_at=None if contact.entered_at == contact.since else contact.entered_at)


def end_waiting(d: Domain, contact: Contact, trigger: str, outcome: Outcome, at: float, key: str = "") -> None:
    """End a contact that waits. A consult transfer of its caller must have ended before (`consult.over`)."""
    position = d.position(contact)
    _end_place(d, contact, trigger)
    _ended(d, contact, outcome, max(0.0, at - contact.waits_from()), position, key, at)
    del d.contacts[contact.id]


def end_consulted(d: Domain, contact: Contact, trigger: str, asker: Offer, at: float) -> None:
    """End a contact whose caller left during a consult transfer: answered by `asker`, the offer of the agent who asked.
    """
    consult = asker.consult
    assert consult is not None
    _end_place(d, contact, trigger)
    contact.service = d.services.get(consult.service.id, consult.service)
    _ended(d, contact, ANSWERED, consult.waited_s, 0, "", at)
    del d.contacts[contact.id]


def _end_place(d: Domain, contact: Contact, trigger: str) -> None:
    leave_line(d, contact)
    contact.offer = None
    follow_contact(contact, trigger)
    if contact.kept_by:
        callback_index.unlink_callback(contact)
    if contact.keeps:
        d.changes.append(PlaceChanged(contact))


def end_preferred_wait(d: Domain, contact: Contact, at: float) -> None:
    """End the wait for the preferred agent. Step 0 of the service begins, as of `at`."""
    preferred.forget(contact)
    contact.step_at = at
    stepped(d, contact, "preferred")


def review_preferred(d: Domain, record: AgentRecord) -> None:
    """Let contacts look elsewhere that wait in person for an agent who cannot have them any more."""
    for contact in list(record.wanted_by):
        if contact.state is not RESERVED and not preferred.fits(d, contact, record):
            end_preferred_wait(d, contact, d.now)


def delay_redial(d: Domain, contact: Contact) -> None:
    """Leave the caller's phone alone for a moment: it was being dialled, or its caller has just hung up."""
    contact.not_before = max(contact.not_before, d.now + REDIAL_S)
    d.mark(contact)


def end_answered(d: Domain, contact: Contact, wait_s: float, at: float) -> None:
    """The end of a talk is the caller's end; the record stays until the agent's wrap-up is over."""
    contact.version += 1
    _ended(d, contact, ANSWERED, wait_s, 0, "", at)


def _ended(d: Domain, contact: Contact, outcome: Outcome, wait_s: float, position: int, key: str, at: float) -> None:
    d.remember_over(contact.id)
    contact.outcome, contact.ended_at = outcome, at if at < d.now else d.now
    if contact.state is CANCELED:
        contact.wait_s = wait_s
    emit.ended(
        d, contact, outcome=outcome, wait_s=wait_s, position=position, key=key, ended_at=at if at < d.now else None)
