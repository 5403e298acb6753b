"""Handle waiting contacts: their queue position, the search for an agent, and their end.

`wait_deadline` has the deadline of a waiting contact.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.changes import PlaceChanged
from routing.core.domain import Domain
from routing.core.matching.agent_pool import virtual_start
from routing.core.matching.skill_requirement import clamp_step
from routing.core.model.centre_model import ContactState, Outcome, Service, Trigger, WayOut
from routing.core.model.declare import CALLER, blank
from routing.core.model.reasons import SUPERVISOR, TRANSFER
from routing.core.model.state_tables import CONTACT, CONTACT_AFTER, next_state
from routing.core.queueing import callback_dial, callback_index, callback_limits, preferred_agent, second_phone
from routing.core.records import NOT_QUEUED, AgentRecord, Contact, Offer
from routing.core.stored import FIELDS

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
PENDING, RESERVED = ContactState.PENDING, ContactState.RESERVED
ANSWERED = Outcome.ANSWERED

REDIAL_S = 10.0
"""Pause after a phone has stopped ringing. If the agent leaves or the caller withdraws the callback, the next call
would otherwise come into the end of the last one."""

TIMER = "wait"
"""Kind of a contact's deadline (`wait_deadline`)."""


def follow_contact(contact: Contact, trigger: str) -> None:
    """Change the state of a contact by its table, and raise its version."""
    # The common case is a plain lookup. `next_state` raises IllegalTransition with the details.
    try:
        contact.state = CONTACT_AFTER[trigger][contact.state]
    except KeyError:
        next_state(CONTACT, "contact", contact.id, contact.state, trigger)
    contact.version += 1


def enqueue_contact(d: Domain, contact: Contact) -> None:
    """Put a contact into the queue of its service, and start the search for an agent."""
    service = contact.service
    contact.entry = virtual_start(service, contact.since, contact.priority), contact.number, contact
    d.queues[service.id].add(contact.entry)
    if contact.way_out is not None:
        _count_turned_away(d, contact, 1)
    # Only a live call can block callbacks. The reaction looks for those of the same caller.
    if contact.callback:
        callback_index.add_callback(d, contact)
    elif d.callbacks:
        d.changes.append(PlaceChanged(contact))
    if contact.state is PENDING:
        start_search(d, contact)
        # Its deadline is armed after the next assignment.
        d.newly_queued.append(contact)
    # Its phone rings on: one more may be sought from the new place.
    else:
        second_phone.seek_phone(d, contact)


def start_search(d: Domain, contact: Contact) -> None:
    """Put a pending contact into its group, so that agents are found for its present step.

    Do nothing if its time has not come, if its caller was never seen or is in the menu again, or if a supervisor or a
    rule has led it out. A callback also waits until its caller has hung up, has no other call, and quiet hours are
    over. A callback that needs no reserved agent is never offered: its caller is dialled at a look
    (`calls.dial_pacing`).
    """
    if contact.not_before > d.now or contact.in_menu or not contact.shown or contact.farewell or contact.dialling \
            or (contact.way_out is not None and contact.is_turned_away) \
            or (contact.callback and (contact.leg or contact.blocked_by or (d.quiet_hours and not contact.anytime))):
        return
    if contact.callback and contact.service.dials_ahead:
        # The reactions may find the caller on the line in another call. A look is therefore planned after them.
        d.newly_queued.append(contact)
        return
    matching = d.matching
    if contact.preferred is not None:
        contact.step = contact.timed_step
        matching.add_personal(contact, contact.preferred)
    else:
        matching.search(contact)


def restart_search(d: Domain, contact: Contact) -> None:
    """Search again, because the requirement of a pending contact has changed."""
    if contact.group is not None:
        d.matching.remove_contact(contact)
    start_search(d, contact)


def leave_menu(d: Domain, contact: Contact) -> None:
    """Offer a contact again whose caller has left the menu."""
    contact.in_menu = False
    _begin_search(d, contact)


def show_channel(d: Domain, contact: Contact) -> None:
    """Offer a contact from now on, because its caller's channel is known."""
    contact.shown = True
    _begin_search(d, contact)


def _begin_search(d: Domain, contact: Contact) -> None:
    """Search for an agent, now that nothing of the caller's own holds the contact back."""
    d.mark(contact)
    if contact.state is PENDING and contact.group is None:
        start_search(d, contact)
        d.newly_queued.append(contact)


def defer_callback(d: Domain, contact: Contact) -> None:
    """Let a callback that was held back take turns with live callers. Search again next."""
    # The group is that of the old way of waiting.
    if contact.group is not None:
        d.matching.remove_contact(contact)
    contact.deferred = True
    d.mark(contact)


def dequeue_temporarily(d: Domain, contact: Contact) -> None:
    """Take a waiting contact out of its queue for a moment. `enqueue_contact` puts it back."""
    if contact.group is not None:
        d.matching.remove_contact(contact)
    d.queues[contact.service.id].remove(contact.entry)
    # Contact and entry refer to each other. Cut the cycle, so that the memory is free at once and not at the next
    # collection.
    contact.entry = NOT_QUEUED
    if contact.way_out is not None:
        _count_turned_away(d, contact, -1)
    if contact.callback:
        callback_index.remove_callback(d, contact)
    if contact.deadline_armed:
        contact.deadline_armed = False
        d.timers.cancel_deadline((TIMER, contact.id))


def dequeue_contact(d: Domain, contact: Contact) -> None:
    """Remove a contact from its queue for good."""
    dequeue_temporarily(d, contact)
    contact.closed_offers = ()
    if contact.preferred is not None:
        preferred_agent.clear_preferred(contact)


def set_way_out(d: Domain, contact: Contact, trigger: Trigger, way: WayOut) -> None:
    """Lead a contact in its queue out by a rule. A contact that is turned away takes no room."""
    _count_turned_away(d, contact, -1)
    contact.led_by, contact.way_out = (*contact.led_by, trigger), way
    _count_turned_away(d, contact, 1)
    contact.version += 1
    d.mark(contact)


def forget_way_out(contact: Contact) -> None:
    """Forget what the rules have done, because the contact waits in a new way. The contact must not be in a queue."""
    contact.led_by, contact.way_out, contact.alone_at, contact.not_led_before = (), None, None, 0.0


def on_callback_agreed(d: Domain, contact: Contact) -> None:
    """Forget the way out of a contact in its queue, because the caller has chosen the callback."""
    _count_turned_away(d, contact, -1)
    forget_way_out(contact)


def _count_turned_away(d: Domain, contact: Contact, more: int) -> None:
    if contact.is_turned_away:
        service = contact.service.id
        d.turned_away[service] = d.turned_away.get(service, 0) + more


def emit_stepped(d: Domain, contact: Contact, reason: str) -> None:
    """Emit that a waiting contact asks for something else, and search again."""
    contact.version += 1
    if contact.group is not None:
        restart_search(d, contact)
    d.newly_queued.append(contact)
    d.mark(contact)
    emit.stepped(
        d, contact=contact.id, version=contact.version, service=contact.service.id, step=contact.timed_step,
        reason=reason)


def move_contact(d: Domain, contact: Contact, service: Service, reason: str, to: AgentRecord | None = None,
        wait_s: float | None = None) -> None:
    """Move a contact to another service with its age and points. Steps, rules and ceiling start again.

    If `to` is given, the contact waits up to `wait_s` for this agent first.
    """
    # 1. Read what the fact says about the old queue before the contact leaves it.
    before, waited_s, left_position = contact.service, d.now - contact.entered_at, d.position_of(contact)
    dequeue_temporarily(d, contact)
    if contact.preferred is not None:
        preferred_agent.clear_preferred(contact)
    # 2. Start again in the new service.
    contact.service, contact.timed_step, contact.step_at, contact.entered_at = service, 0, d.now, d.now
    contact.beyond_ceiling, contact.act = False, None
    forget_way_out(contact)
    contact.version += 1
    unknown = anonymise_contact(d, contact)
    if to is None:
        preferred_agent.choose_preferred(d, contact)
    elif preferred_agent.may_prefer(d, contact, to, service):
        preferred_agent.wait_for_agent(contact, to, wait_s)
    # 3. Queue the contact and emit the fact.
    enqueue_contact(d, contact)
    d.mark(contact)
    emit.moved(
        d, contact=contact.id, version=contact.version, before=before.id, service=service.id, channel=contact.channel,
        reason=reason, waited_s=max(0.0, waited_s), position=d.position_of(contact), left_position=left_position,
        caller_anonymised=unknown)


def restart_for_agent(d: Domain, contact: Contact, to: AgentRecord, wait_s: float) -> None:
    """Let a contact wait up to `wait_s` for one agent of its service first. Steps and ceiling start again."""
    dequeue_temporarily(d, contact)
    preferred_agent.clear_preferred(contact)
    if preferred_agent.may_prefer(d, contact, to, contact.service):
        preferred_agent.wait_for_agent(contact, to, wait_s)
    contact.timed_step, contact.step_at, contact.entered_at, contact.beyond_ceiling = 0, d.now, d.now, False
    forget_way_out(contact)
    enqueue_contact(d, contact)
    emit_stepped(d, contact, SUPERVISOR)


def anonymise_contact(d: Domain, contact: Contact) -> bool:
    """Forget the numbers of a contact in an anonymous service, and return whether there were any.

    Numbers from before would show who called the service.
    """
    if not contact.service.anonymous or not (contact.caller_hash or contact.callback_hash):
        return False
    blank(contact, FIELDS[Contact], lambda field: field.privacy is not None)
    d.mark(contact, CALLER)
    return True


def release_reservation(d: Domain, contact: Contact) -> None:
    """Release a contact from its offer. The contact never left the queue, so its position stays. Call `resume_search`
    next."""
    contact.offer = None
    second_phone.end_ringing(d, contact)
    follow_contact(contact, "offer_closed")


def resume_search(d: Domain, contact: Contact) -> None:
    """Search again after an offer, and after the fact that says how the offer ended. The offer has used up the wait for
    a preferred agent."""
    if contact.preferred is not None:
        end_preferred_wait(d, contact, d.now)
    start_search(d, contact)
    # A deadline that passed meanwhile is due at once, but the contact is offered first.
    if contact.deadline_armed:
        contact.deadline_armed = False
        d.timers.cancel_deadline((TIMER, contact.id))
    d.newly_queued.append(contact)


def requeue_after_drop(d: Domain, contact: Contact, record: AgentRecord, wait_s: float) -> None:
    """Return a contact to its queue whose talk was dropped, with its age. Step and rules start again.

    The contact waits up to `wait_s` for the agent of the talk first.
    """
    contact.offer = None
    contact.step_at = contact.entered_at = d.now
    forget_way_out(contact)
    if wait_s and preferred_agent.can_take(d, contact, record) and preferred_agent.may_prefer(
            d, contact, record, contact.service):
        preferred_agent.wait_for_agent(contact, record, wait_s)
    enqueue_contact(d, contact)


def requeue_for_transfer(d: Domain, contact: Contact, service: Service, record: AgentRecord | None,
        wait_s: float) -> None:
    """Put a contact into a queue after a transfer, with its age and points. Everything else starts again.

    If `record` is given, the contact waits up to `wait_s` for this agent first.
    """
    # 1. Start again in the new service.
    before = contact.service
    contact.offer, contact.service, contact.timed_step, contact.beyond_ceiling = None, service, 0, False
    if contact.consulting_offer is None:
        # During a consult transfer the caller may return to the talk, so `on_consult_completed` forgets the services.
        contact.visited = ()
    contact.step_at = contact.entered_at = contact.transferred_at = d.now
    forget_way_out(contact)
    if record is not None and preferred_agent.may_prefer(d, contact, record, service):
        preferred_agent.wait_for_agent(contact, record, wait_s)
    # 2. Queue the contact. A caller who may return to the consulting agent is not anonymised yet.
    moved = service.id != before.id
    contact.version += moved
    d.mark(contact)
    unknown = contact.consulting_offer is None and anonymise_contact(d, contact)
    enqueue_contact(d, contact)
    if moved:
        emit.moved(
            d, contact=contact.id, version=contact.version, before=before.id, service=service.id,
            channel=contact.channel, reason=TRANSFER, waited_s=0.0, position=d.position_of(contact),
            caller_anonymised=unknown)


def on_consult_completed(d: Domain, contact: Contact) -> None:
    """Let a caller belong to the queue again after a consult transfer.

    The time of the rules starts now, and earlier services are forgotten.
    """
    contact.entered_at, contact.visited = d.now, ()
    d.mark(contact)
    if contact.state is PENDING:
        d.newly_queued.append(contact)
    # The consultant's phone may still ring, and is the first one now.
    else:
        second_phone.seek_phone(d, contact)


def requeue_after_reload(d: Domain, contact: Contact, service: Service) -> None:
    """Put a contact back into its queue after the settings have changed. Age, step and the start of the step stay.

    The contact must have been taken out by `dequeue_temporarily`.
    """
    contact.service = service
    contact.timed_step = clamp_step(service, contact.timed_step)
    d.mark(contact)
    # In distress a preference lasts only for the moment in which the contact comes.
    if contact.preferred is not None and (
            service.distress or not preferred_agent.can_take(d, contact, contact.preferred)):
        preferred_agent.clear_preferred(contact)
        contact.step_at = d.now
    enqueue_contact(d, contact)


def set_points(d: Domain, contact: Contact, points: int) -> None:
    """Change the points of a waiting contact."""
    # The queue is sorted by a key that contains the points.
    dequeue_temporarily(d, contact)
    contact.priority = points
    enqueue_contact(d, contact)
    emit_contact_changed(d, contact)


def emit_contact_changed(d: Domain, contact: Contact, since: float | None = None) -> None:
    """Emit changed points, needs or topics of a contact, or (`since`) a changed start of its wait."""
    contact.version += 1
    d.mark(contact)
    emit.contact_changed(
        d, contact=contact.id, version=contact.version, service=contact.service.id, priority=contact.priority,
        needs=contact.needs, topics=contact.topics, position=d.position_of(contact), since=since)


def emit_queued(d: Domain, contact: Contact) -> None:
    """Emit that a new contact has entered a queue."""
    # A queue of one needs no search for the position.
    position = contact.original_position = 1 if d.queues[contact.service.id].size == 1 else d.position_of(contact)
    emit.queued(d, contact, position, None if contact.entered_at == contact.since else contact.entered_at)


def end_waiting(d: Domain, contact: Contact, trigger: str, outcome: Outcome, at: float, key: str = "") -> None:
    """End a waiting contact. A consult transfer must have ended before (`consult_transfer.complete_consult`)."""
    # The position is lost when the contact leaves the queue.
    position = d.position_of(contact)
    _end_place(d, contact, trigger)
    _end_in_queue(d, contact, outcome, max(0.0, at - contact.waits_from()), position, key, at)
    del d.contacts[contact.id]


def end_consulted(d: Domain, contact: Contact, trigger: str, asker: Offer, at: float) -> None:
    """End a contact whose caller left during a consult transfer. `asker` is the consulting agent's offer, which
    answered."""
    consult = asker.consult
    assert consult is not None
    _end_place(d, contact, trigger)
    contact.service = d.services.get(consult.service.id, consult.service)
    _end_in_queue(d, contact, ANSWERED, consult.waited_s, 0, "", at)
    del d.contacts[contact.id]


def _end_place(d: Domain, contact: Contact, trigger: str) -> None:
    callback_dial.stop_dial(d, contact, "caller_hung_up")
    dequeue_contact(d, contact)
    second_phone.end_ringing(d, contact)
    contact.offer = None
    follow_contact(contact, trigger)
    if contact.blocked_by:
        callback_index.unlink_callback(contact)
    # Callbacks of the caller may go on now.
    if contact.blocks_callbacks:
        d.changes.append(PlaceChanged(contact))


def end_preferred_wait(d: Domain, contact: Contact, at: float) -> None:
    """End the wait for the preferred agent. Step 0 of the service begins, as of `at`."""
    preferred_agent.clear_preferred(contact)
    contact.step_at = at
    emit_stepped(d, contact, "preferred")


def review_preferred(d: Domain, record: AgentRecord) -> None:
    """End the wait of contacts for an agent who cannot take them any more."""
    # The end of a wait removes the contact from the mapping.
    for contact in list(record.awaited_by):
        if contact.state is not RESERVED and not _may_still_wait(d, contact, record):
            end_preferred_wait(d, contact, d.now)


def _may_still_wait(d: Domain, contact: Contact, record: AgentRecord) -> bool:
    return preferred_agent.can_take(d, contact, record) \
        and preferred_agent.may_prefer(d, contact, record, contact.service)


def delay_redial(d: Domain, contact: Contact) -> None:
    """Give the caller's phone a pause, because it was being dialled or its caller has just hung up.

    A number that was dialled as often as a day allows gets a longer one.
    """
    contact.not_before = max(contact.not_before, d.now + REDIAL_S, callback_limits.next_dial_at(d, contact.dial_hash))
    d.mark(contact)


def end_answered(d: Domain, contact: Contact, wait_s: float, at: float) -> None:
    """End a contact whose talk is over. The record stays until the agent's wrap-up is over."""
    contact.version += 1
    d.ended_contacts.set_value(contact.id, d.now)
    contact.outcome, contact.ended_at = ANSWERED, at
    emit.ended(d, contact, wait_s, 0, "", at if at < d.now else None)


def _end_in_queue(d: Domain, contact: Contact, outcome: Outcome, wait_s: float, position: int, key: str,
        at: float) -> None:
    d.ended_contacts.set_value(contact.id, d.now)
    contact.outcome, contact.ended_at, contact.wait_s = outcome, at, wait_s
    emit.ended(d, contact, wait_s, position, key, at if at < d.now else None)
