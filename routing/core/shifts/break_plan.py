"""Begin and end the breaks of agents, by the plan of the day and by the clock.

`break_rules` has the rules.
"""

from __future__ import annotations

from routing.core.agents import break_rules, presence
from routing.core.domain import Domain
from routing.core.events import AgentPaused, BreaksPlanned
from routing.core.model.centre_model import AWAY_STATES, AgentState
from routing.core.model.errors import OutOfRange
from routing.core.records import AgentRecord
from routing.core.shifts import shift_handlers

PLANNED_MAX = 24
"""Limit of breaks in one plan: a day with one every hour."""


def on_breaks_planned(d: Domain, event: BreaksPlanned) -> None:
    """Replace the agent's break plan of the day.

    A break that has begun does not begin again, and one that is over is skipped. A break that should have begun, and is
    not over yet, begins for the rest of its time.
    """
    record = presence.require_agent(d, event.agent)
    _check_plan(event)
    record.breaks = tuple(one for one in event.breaks if one[1] > d.now and one[0] > record.break_begun)
    # The guard was set for the old plan.
    d.timers.cancel_deadline(("guard", record.id))
    if record.state is AgentState.SIGNED_OUT:
        return
    break_rules.schedule_next_break(d, record)
    presence.update_placement(d, record)
    if record.breaks and record.breaks[0][0] <= d.now:
        on_break_due(d, record)


def on_agent_paused(d: Domain, event: AgentPaused) -> None:
    """Pause an agent at their own request.

    A break may wait for the end of the talk. If the agent gives a different reason, the break becomes the agent's own
    pause, which only the agent ends.
    """
    record = presence.signed_in_agent(d, event.agent)
    reason = break_rules.find_reason(d, event.reason).id
    if record.break_s and record.pause_pending != reason:
        record.break_s, record.load_state_changed = 0.0, True
    shift_handlers.pause_agent(d, AgentPaused(record.id, reason))


def _check_plan(event: BreaksPlanned) -> None:
    if len(event.breaks) > PLANNED_MAX:
        raise OutOfRange(f"{len(event.breaks)} breaks planned for agent {event.agent}; at most {PLANNED_MAX} a day")
    before = float("-inf")
    for start, end in event.breaks:
        if not (before <= start < end <= start + break_rules.BREAK_MAX_S):
            raise OutOfRange(f"breaks of agent {event.agent}: {start:.0f} to {end:.0f} overlaps with the one before, "
                             f"ends before it begins or takes more than {break_rules.BREAK_MAX_S:.0f} s; "
                             "give them in order")
        before = end


def _short_break_s(d: Domain, record: AgentRecord) -> float:
    """Return the length of a short break that is due, or 0 if none begins now."""
    if break_rules.is_rested_by(d, record, break_rules.short_break_at(record)):
        return 0.0
    service = None if record.pause_pending or record.leave_pending else break_rules.find_needed_service(d, record)
    if service is None:
        return d.centre.micro_break_s
    break_rules.postpone_short_break(d, record, service)
    return 0.0


def on_break_due(d: Domain, record: AgentRecord) -> None:
    """Begin or end a break of an agent, because the timer of the agent's day has fired."""
    # 1. The end of a break. A new plan may come while a break lasts, and changes nothing about it.
    if record.break_until:
        if record.break_until <= d.now:
            record.rna_count = 0
            presence.change_state(d, record, "released", "resumed")
        else:
            break_rules.schedule_next_break(d, record)
        return
    # 2. Planned breaks that are due. Of several the one that lasts longest counts.
    length = 0.0
    while not break_rules.is_at_work(record) and record.breaks and record.breaks[0][0] <= d.now:
        (start, end), *rest = record.breaks
        record.breaks, record.break_begun, record.load_state_changed = tuple(rest), start, True
        length = max(length, end - d.now)
    # 3. An agent who signs out after the talk keeps the break in case the sign-out is cancelled.
    works = record.state not in AWAY_STATES
    if length > 0.0 and works and record.leave_pending:
        record.break_s = max(record.break_s, length)
    # 4. A short break, if no planned one began.
    if length <= 0.0 and works and not record.break_s and d.now >= break_rules.short_break_at(record):
        length = _short_break_s(d, record)
    # 5. If a break waits for the end of the talk already, the longer of the two counts.
    if record.break_s:
        record.break_s = max(record.break_s, length)
    # 6. Begin the break, or set the next timer.
    if length > 0.0 and works and not record.pause_pending and not record.leave_pending:
        record.break_s = length
        shift_handlers.pause_agent(d, AgentPaused(record.id, d.centre.break_reason.id))
        # A planned break may come while this one waits for the end of the talk.
        break_rules.schedule_next_break(d, record)
    else:
        break_rules.schedule_next_break(d, record)
        if record.load_state_changed:
            presence.emit_request(d, record)
        # A break that kept offers away may just have been skipped.
        presence.update_placement(d, record)
