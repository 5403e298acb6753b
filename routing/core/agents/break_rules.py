"""Protect the breaks of agents, and follow the clock of an agent's day. `shifts.break_plan` begins and ends breaks.

A planned break is protected. Its latest start is its start plus the profile's grace. The agent is offered nothing more
when the time left is less than the expected handle time. That is the 80 % value of the slowest service that the agent
serves. The value is learned all the time, so it is compared again when an offer is made (`routing.core.assignment`).
The break begins at its start, or after the contacts that are live then. It always has its full length. A short break
(`Centre.micro_break_s`) comes by itself before an agent has worked `Profile.max_continuous_s` without a break. Pauses
and time signed out count as a break if they last as long as a short one, whoever began them. So does the time that an
agent was ready without a contact. Nobody is sent on a short break who is the only one on duty for a distress service:
the break is tried again every `RETRY_S`, and shown as postponed.

A pause whose reason counts as work (`PauseReason.work`: a training) is no rest. The time without a break goes on. The
length of the pause is added to the handled time of the agent. A planned break whose time comes in such a pause begins
when the agent is back, for the rest of its time. A pause that is longer than `PauseReason.limit_s` goes on. The agent
is then shown as over the limit, and the fact `PauseLimitReached` says so. A break that the engine began ends by itself
and has no limit.

Agents who signed in together do not go on a short break together: `STAGGER` spreads their breaks. If a planned break
begins within `max_continuous_s`, it serves as the break, and no short break comes before it.

An agent who does not respond is not on a break. A break whose time comes then begins, for the rest of its time, when
the agent is back.

Every break looks the same to everybody else: state PAUSED, reason `Centre.break_reason`. An agent whose break is near
is READY.
"""

from __future__ import annotations

from math import inf

from routing.core import emit
from routing.core.agents import distress_load
from routing.core.domain import Domain
from routing.core.matching.agent_pool import CHANNEL_BIT
from routing.core.model.centre_model import AWAY_STATES, HEAVY_LOAD, AgentState, Channel, PauseReason, Service
from routing.core.model.errors import UnknownReason
from routing.core.model.ids import ServiceId
from routing.core.records import AgentRecord

WAKE_DELAY_S = 0.001
"""A guard wakes this much after the last moment at which something could be offered."""

RETRY_S = 60.0
"""A postponed short break is tried again after this long. A colleague who comes meanwhile is found in time."""

ON_DUTY_STATES = frozenset({AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP,
                            AgentState.BUSY})
"""States in which an agent is there for callers in distress, now or after the present contact."""

STAGGER = 0.25
"""Short breaks of agents who signed in together are spread over this last part of `max_continuous_s`. With two hours
that is half an hour, in which six breaks of five minutes have room."""

GOLDEN_FRACTION = 0.6180339887498949
"""The fraction of the golden ratio. Its multiples divide a circle more evenly than those of any other number, for any
count of them (three-distance theorem). Neighbours in the team's list are therefore far apart, and nobody needs to know
how many agents signed in together."""

BREAK_MAX_S = 14_400.0
"""A longer break is the end of a shift, so more than four hours is an error in the plan."""



def find_reason(d: Domain, name: str) -> PauseReason:
    """Return the reason of the centre's table with this id, or its default for an empty id.

    Raise UnknownReason, which names all reasons, if there is no such row.
    """
    if not name:
        return d.centre.break_reason
    found = d.centre.find_pause_reason(name)
    if found is None:
        known = ", ".join(one.id for one in d.centre.pause_reasons)
        raise UnknownReason(f"no reason {name!r} for a pause in the centre; known: {known}")
    return found


def is_at_work(record: AgentRecord) -> bool:
    """Return whether breaks wait: the agent does not respond, or is in a pause that counts as work."""
    return record.state is AgentState.NOT_RESPONDING or (record.state is AgentState.PAUSED and record.pause_works)


def is_break_near(d: Domain, record: AgentRecord) -> bool:
    """Return whether the next break is so near that a contact would reach into it.

    Nothing is offered then. Changes nothing.
    """
    return bool(record.breaks) and _time_before_break_s(d, record) < 0.0


def guard_break(d: Domain, record: AgentRecord) -> bool:
    """Return whether the next break is too near for a contact.

    If it is not, set a timer that places the agent again at the moment when it will be.
    """
    spare_s = _time_before_break_s(d, record)
    if spare_s < 0.0:
        return True
    key, at = ("guard", record.id), d.now + spare_s + WAKE_DELAY_S
    known = d.timers.deadline_of(key)
    # Only an earlier deadline replaces the timer: a longer handle time may have been learned since.
    if known is None or known > at:
        d.timers.set_deadline(key, at)
    return False


def _time_before_break_s(d: Domain, record: AgentRecord) -> float:
    """Return the time until the latest start of the next break, less the expected handle time of a contact."""
    return record.breaks[0][0] + record.profile.break_grace_s - d.now - expected_handle_s(d, record)


def expected_handle_s(d: Domain, record: AgentRecord) -> float:
    """Return the handle time that eight of ten contacts of the slowest service of the agent do not exceed.

    The partner of a pair joins the calls of the lead, so the services of both count.
    """
    # Each offer asks this for some agents, so there is no generator and no call.
    longest_s, handled, services, lead = 0.0, d.handle_times, record.serves, record.partner
    if lead is not None and lead.leads_pair and lead.is_signed_in:
        services += lead.serves
    for service in services:
        p80_s = handled[service].p80_s
        if p80_s > longest_s:
            longest_s = p80_s
    return longest_s


def on_away_changed(d: Domain, record: AgentRecord, before: AgentState, before_s: float) -> None:
    """Follow an agent into a state of `AWAY_STATES`, or out of one. Call this before the change is emitted."""
    after, short_s = record.state, d.centre.micro_break_s
    # 1. An agent who leaves has no clock any more.
    if after is AgentState.SIGNED_OUT:
        record.break_s, record.break_until, record.break_at, record.pause_limit_at = 0.0, 0.0, inf, inf
        for kind in ("break", "guard", "load_recheck", "limit"):
            d.timers.cancel_deadline((kind, record.id))
        return
    # 2. A change between a rest and a pause at work ends one pause and begins another.
    works = after is AgentState.PAUSED and counts_as_work(d, record)
    other = before is not AgentState.PAUSED or works is not record.pause_works
    # 3. The time that ends now: a break if it was long enough, work if its reason says so.
    if before is AgentState.SIGNED_OUT:
        record.breaks = tuple(one for one in record.breaks if one[0] > d.now)
        if before_s >= short_s or not record.working_since:
            distress_load.mark_break_taken(d, record)
    elif before is AgentState.PAUSED and (other or after is not AgentState.PAUSED):
        if record.pause_works:
            distress_load.add_occupied(d, record, d.now - record.paused_at)
        elif record.break_until or d.now - record.paused_at >= short_s:
            distress_load.mark_break_taken(d, record)
        record.break_until, record.load_state_changed = 0.0, True
    # 4. The pause that begins now. With `break_s` it is a break of the engine, which has an end.
    if after is AgentState.PAUSED:
        if other:
            record.paused_at, record.pause_works = d.now, works
        record.break_until = d.now + record.break_s if record.break_s else 0.0
        record.break_s, record.load_state_changed = 0.0, True
    _arm_limit(d, record, d.now)
    schedule_next_break(d, record)


def counts_as_work(d: Domain, record: AgentRecord) -> bool:
    """Return whether the reason of the agent's pause counts as work. A reason that has left the table does not."""
    reason = d.centre.find_pause_reason(record.reason)
    return reason is not None and reason.work


def _arm_limit(d: Domain, record: AgentRecord, since: float) -> None:
    """Set the end of the time that the reason of the pause allows, and its timer.

    There is none outside a pause, or in a break that the engine began.
    """
    paused = record.state is AgentState.PAUSED and not record.break_until
    reason = d.centre.find_pause_reason(record.reason) if paused else None
    limit_s = None if reason is None else reason.limit_s
    record.pause_limit_at = inf if limit_s is None else since + limit_s
    if d.now < record.pause_limit_at < inf:
        d.timers.set_deadline(("limit", record.id), record.pause_limit_at)
    else:
        d.timers.cancel_deadline(("limit", record.id))


def report_limit(d: Domain, record: AgentRecord) -> None:
    """Emit the fact that the agent's pause is over its limit."""
    emit.pause_limit_reached(d, agent=record.id, reason=record.reason)


def count_idle_as_break(d: Domain, record: AgentRecord) -> None:
    """Count the time without a contact that ends now as a break. Only the time of work starts again."""
    # The agent's row has it. A fact with the whole load state for each such offer would cost too much.
    record.working_since, record.break_retry_at = d.now, 0.0
    # An earlier timer is looked at when it fires, which costs nothing now. The timer of a planned break may come later
    # than the next short break.
    if record.break_at > short_break_at(record):
        schedule_next_break(d, record)


def find_needed_service(d: Domain, record: AgentRecord) -> ServiceId | None:
    """Return the first distress service for which only this agent is on duty, or None if there is no such service."""
    for service in d.services.values():
        if service.distress and is_on_duty(d, record, service) and not any(
                other is not record and is_on_duty(d, other, service) for other in d.agents.values()):
            return service.id
    return None


def is_on_duty(d: Domain, record: AgentRecord, service: Service) -> bool:
    """Return whether an agent is there for the calls of a service, now or after the present contact."""
    return record.state in ON_DUTY_STATES and record.cohort is not None \
        and bool(record.cohort.channels & CHANNEL_BIT[Channel.VOICE]) and service.id in record.serves \
        and not (record.pause_pending or record.leave_pending) \
        and not (service.load >= HEAVY_LOAD and record.heavy_declined_until > d.now)


def postpone_short_break(d: Domain, record: AgentRecord, service: ServiceId) -> None:
    """Try a short break again later, because nobody else is on duty for a distress service."""
    # One fact for each break: the tries after it say nothing new.
    if not record.break_retry_at:
        emit.break_postponed(d, agent=record.id, service=service)
    at = short_break_at(record)
    while at <= d.now:
        at += RETRY_S
    record.break_retry_at = at


def is_postponed(record: AgentRecord) -> bool:
    """Return whether a short break of an agent waits until another agent is on duty."""
    return bool(record.break_retry_at) and record.state in ON_DUTY_STATES


def skip_break(d: Domain, record: AgentRecord) -> None:
    """Drop the break that was to come after the talk, because the agent does not want it.

    If the clock began the break, refusing it counts as a break taken, as leaving it early does.
    """
    if record.break_s:
        record.break_s = 0.0
        distress_load.mark_break_taken(d, record)
    schedule_next_break(d, record)


def postpone_break(d: Domain, record: AgentRecord) -> None:
    """Let a break that the clock began come after the talk.

    The agent has cancelled a sign-out, and said nothing about the break.
    """
    if record.break_s:
        record.pause_pending = d.centre.break_reason.id
    schedule_next_break(d, record)


def restore_break(d: Domain, record: AgentRecord) -> None:
    """Resume the break of an agent after a restart, if the agent is still in it."""
    if record.state is AgentState.PAUSED:
        record.paused_at, record.pause_works = record.since, counts_as_work(d, record)
        # The clock may have been set back: no break ends later than the longest one could.
        record.break_until = min(record.break_until, d.now + BREAK_MAX_S)
        _arm_limit(d, record, record.since)
    else:
        record.break_until = 0.0
    if not (record.pause_pending or record.leave_pending):
        record.break_s = 0.0
    if not record.working_since:
        record.working_since = d.now
    schedule_next_break(d, record)


def is_rested_by(d: Domain, record: AgentRecord, at: float) -> bool:
    """Return whether an agent who is ready has been so, without a contact, for the length of a short break by then."""
    return record.state is AgentState.READY and at - record.since >= d.centre.micro_break_s


def short_break_at(record: AgentRecord) -> float:
    """Return when the next short break is due, at the latest at the limit of the profile, or at the next try.

    Return `inf` if a planned break serves.
    """
    limit_s = record.profile.max_continuous_s
    if record.breaks and record.breaks[0][0] <= record.working_since + limit_s:
        return inf
    at = record.working_since + limit_s * (1.0 - STAGGER * (record.index * GOLDEN_FRACTION % 1.0))
    return max(at, record.break_retry_at)


def schedule_next_break(d: Domain, record: AgentRecord) -> None:
    """Set the timer for the next event of the agent's day: the end of the break, the next planned break, or a short
    one.
    """
    at = record.breaks[0][0] if record.breaks else inf
    # Nothing else is due while a break lasts.
    if record.break_until:
        record.break_at = inf
        d.timers.set_deadline(("break", record.id), record.break_until)
        return
    if record.state not in AWAY_STATES and not (record.break_s or record.pause_pending or record.leave_pending):
        short = short_break_at(record)
        # The rest of an agent who is ready for that long counts when it ends.
        at = min(at, inf if short <= d.now and is_rested_by(d, record, short) else short)
    # The break begins when the agent is back: `on_away_changed` schedules it again.
    if at <= d.now and is_at_work(record):
        at = inf
    record.break_at = at
    if at < inf and record.state is not AgentState.SIGNED_OUT:
        d.timers.set_deadline(("break", record.id), at)
    else:
        d.timers.cancel_deadline(("break", record.id))
