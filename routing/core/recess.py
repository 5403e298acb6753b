"""The agent's breaks begin and end: what the plan of the day says, and what the clock does (`breaks` has the rules)."""

from __future__ import annotations

from routing.core import agents, breaks, shift
from routing.core.domain import Domain
from routing.core.errors import OutOfRange
from routing.core.events import AgentPaused, BreaksPlanned
from routing.core.model import AgentState
from routing.core.records import AgentRecord

PLANNED_MOST = 24
"""Breaks in one plan: a day with one every hour."""


def planned(d: Domain, event: BreaksPlanned) -> None:
    """The plan of the day, in the place of the one before. What has begun does not begin again; what is over is
    skipped; in the midst of a break that has not begun, it begins for the rest of its time."""
    record = agents.known(d, event.agent)
    _check(event)
    record.breaks = tuple(one for one in event.breaks if one[1] > d.now and one[0] > record.break_begun)
    d.timers.cancel(("guard", record.id))
    if record.state is AgentState.SIGNED_OUT:
        return
    breaks.arm(d, record)
    agents.place(d, record)
    if record.breaks and record.breaks[0][0] <= d.now:
        due(d, record)


def paused(d: Domain, event: AgentPaused) -> None:
    """The agent's own word. Another reason than that of a break which waits for the end of the talk makes it theirs: it
    ends by their word too."""
    record = agents.signed_in(d, event.agent)
    reason = breaks.find_reason(d, event.reason).id
    if record.break_s and record.pause_pending != reason:
        record.break_s, record.untold = 0.0, True
    shift.pause(d, AgentPaused(record.id, reason))


def _check(event: BreaksPlanned) -> None:
    if len(event.breaks) > PLANNED_MOST:
        raise OutOfRange(f"{len(event.breaks)} breaks planned for agent {event.agent}; at most {PLANNED_MOST} a day")
    before = float("-inf")
    for start, end in event.breaks:
        if not (before <= start < end <= start + breaks.LONGEST_S):
            raise OutOfRange(f"breaks of agent {event.agent}: {start:.0f} to {end:.0f} overlaps with the one before, "
                             f"ends before it begins or takes more than {breaks.LONGEST_S:.0f} s; give them in order")
        before = end


def due(d: Domain, record: AgentRecord) -> None:
    """The clock has come to something in the agent's day."""
    if record.break_until:
        if record.break_until <= d.now:
            record.misses = 0
            agents.change(d, record, "released", "resumed")
        else:
            breaks.arm(d, record)
        return
    length = 0.0
    while not breaks.is_at_work(record) and record.breaks and record.breaks[0][0] <= d.now:
        (start, end), *rest = record.breaks
        record.breaks, record.break_begun, record.untold = tuple(rest), start, True
        length = max(length, end - d.now)
    works = record.state not in breaks.AWAY
    if length > 0.0 and works and record.leave_pending:
        record.break_s = max(record.break_s, length)  # should the leave be taken back
    if length <= 0.0 and works and not record.break_s and d.now >= breaks.short_at(record):
        length = d.centre.micro_break_s
    if record.break_s:  # one waits for the end of the talk already: the longer of both
        record.break_s = max(record.break_s, length)
    if length > 0.0 and works and not record.pause_pending and not record.leave_pending:
        record.break_s = length
        shift.pause(d, AgentPaused(record.id, d.centre.break_reason.id))
        breaks.arm(d, record)  # while it waits for the end of the talk a planned one may begin
    else:
        breaks.arm(d, record)
        if record.untold:
            agents.note(d, record)
        agents.place(d, record)  # what kept offers away may just have been skipped
