"""Arm and handle the deadline of a waiting contact.

A waiting contact has one deadline, the earliest of these:

* the end of its step, or of the wait for the preferred agent
* the time before which it is not offered
* the emergency ceiling
* a rule of the service (`service_rules`)
* the end of a callback that has not reached its caller, unless the caller's phone rings

The deadline is armed after the assignment. A caller who finds a free agent therefore costs no deadline. While a phone
rings no deadline is handled. A deadline that passes meanwhile is due at once when the search resumes.

A rule is the last action of a tick, after the assignment. A contact that an agent can take by then stays.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.matching.skill_requirement import step_duration_s
from routing.core.model.centre_model import WAITING_STATES, ContactState, Outcome, Trigger
from routing.core.model.reasons import EXPIRED
from routing.core.queueing import callback_dial, contact_queue
from routing.core.records import Contact

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
PENDING = ContactState.PENDING
NOBODY, WAITED = Trigger.NOBODY, Trigger.WAITED

NOBODY_S = 15.0
"""Time without anybody before a rule holds for a contact that waits. A gap between two shifts is shorter."""


def arm_new_contacts(d: Domain) -> None:
    """Arm the deadlines of contacts that have started to wait and were not offered by the assignment.

    Plan a look if the caller of such a contact may be dialled without a reserved agent.
    """
    fresh, d.newly_queued = d.newly_queued, []
    for contact in fresh:
        service = contact.service
        # Also of a contact that already rings: its preferred agent may fit another step, and nobody else this one.
        if service.when_nobody is not None and contact.state in WAITING_STATES:
            note_alone(d, contact, service.distress or d.matching.is_manned(contact, contact.timed_step))
        if contact.state is PENDING:
            arm_deadline(d, contact)
            if callback_dial.may_dial(d, contact):
                callback_dial.arm_look(d)


def arm_deadline(d: Domain, contact: Contact) -> None:
    """Arm the next deadline of a waiting contact, or cancel its deadline if nothing is left to happen."""
    at = _next_deadline(d, contact)
    if at is not None:
        contact.deadline_armed = True
        # The number is the place among deadlines of the same moment: the first to arrive comes first.
        d.timers.set_deadline((contact_queue.TIMER, contact.id), at, contact.number)
    elif contact.deadline_armed:
        contact.deadline_armed = False
        d.timers.cancel_deadline((contact_queue.TIMER, contact.id))


def _next_deadline(d: Domain, contact: Contact) -> float | None:
    found = [at for at in (_step_end(contact), _ceiling_at(contact), _rule_at(d, contact)) if at is not None]
    if contact.not_before > d.now:
        found.append(contact.not_before)
    if contact.callback and not contact.dialling:
        found.append(contact.expires_at)
    return min(found, default=None)


def on_deadline(d: Domain, contact: Contact) -> None:
    """Handle the deadline of a contact. While a phone rings, the deadline waits until the search resumes."""
    contact.deadline_armed = False
    if contact.state is not PENDING:
        return
    # A callback that has not reached its caller in time ends.
    if contact.callback and contact.expires_at <= d.now and not contact.dialling:
        contact_queue.end_waiting(d, contact, "hung_up", Outcome.CALLBACK_FAILED, d.now, EXPIRED)
        return
    # The contact was not offered before this time.
    if contact.group is None:
        contact_queue.start_search(d, contact)
    _apply_expired_steps(d, contact)
    # The tick applies rules after the assignment.
    if is_rule_due(d, contact):
        d.rules_due[contact] = None
    else:
        arm_deadline(d, contact)


def _apply_expired_steps(d: Domain, contact: Contact) -> None:
    """Pass the steps that have expired, and the emergency ceiling."""
    # A late clock may have passed several steps. Each one begins where the last one ended.
    while (ends := _step_end(contact)) is not None and ends <= d.now:
        if contact.preferred is not None:
            contact_queue.end_preferred_wait(d, contact, ends)
        else:
            _end_step(d, contact, ends)
    ceiling = _ceiling_at(contact)
    if ceiling is not None and ceiling <= d.now:
        contact.beyond_ceiling = True
        if contact.group is not None:
            contact_queue.restart_search(d, contact)


def _step_end(contact: Contact) -> float | None:
    if contact.preferred is not None:
        own_s = contact.preferred_s
        return contact.step_at + (contact.service.preferred_s if own_s is None else own_s)
    stays = step_duration_s(contact.service, contact.timed_step)
    return None if stays is None else contact.step_at + stays


def _ceiling_at(contact: Contact) -> float | None:
    """Return the time of the emergency ceiling, or None. A callback has none, because its caller is not on the line."""
    limit = contact.service.ceiling_s
    return None if limit is None or contact.beyond_ceiling or contact.callback else contact.waits_from() + limit


def _rule_at(d: Domain, contact: Contact) -> float | None:
    """Return the time from which a rule of the service leads the contact, or None.

    No rule holds for distress, for callbacks, and while the caller belongs to an agent who consults.
    """
    service = contact.service
    if service.when_waited is None and contact.alone_at is None:
        return None
    if service.distress or contact.callback or contact.in_menu or contact.farewell or contact.is_turned_away \
            or contact.consulting_offer is not None or not d.can_reach(contact):
        return None
    found = [at for at in (_alone_until(contact), _waited_until(contact)) if at is not None]
    return max(min(found), contact.not_led_before) if found else None


def _alone_until(contact: Contact) -> float | None:
    """Return the time from which nobody has been there long enough, or None. At the arrival that is at once."""
    if contact.alone_at is None or contact.service.when_nobody is None or NOBODY in contact.led_by:
        return None
    return contact.alone_at if contact.alone_at <= contact.entered_at else contact.alone_at + NOBODY_S


def _waited_until(contact: Contact) -> float | None:
    rule = contact.service.when_waited
    return None if rule is None or WAITED in contact.led_by else contact.entered_at + rule.over_s


def is_rule_due(d: Domain, contact: Contact) -> bool:
    """Return whether a rule of the service leads the contact now."""
    at = _rule_at(d, contact)
    return at is not None and at <= d.now


def due_trigger(d: Domain, contact: Contact) -> Trigger:
    """Return the reason of the rule that is due."""
    alone = _alone_until(contact)
    return NOBODY if alone is not None and alone <= d.now else WAITED


def note_alone(d: Domain, contact: Contact, manned: bool) -> None:
    """Note whether somebody is there for a contact."""
    contact.alone_at = None if manned else d.now if contact.alone_at is None else contact.alone_at


def _end_step(d: Domain, contact: Contact, at: float) -> None:
    """Move a pending contact to the next step of its service, which asks for less. The floor is part of every step."""
    # The step ends on time, even if the clock is late.
    contact.step_at = at
    contact.timed_step += 1
    contact_queue.emit_stepped(d, contact, "expired")
