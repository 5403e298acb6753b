"""Breaks: what keeps the next one safe, and the clock of an agent's day. `recess` begins and ends them.

A planned break is protected: nothing is offered any more once the time left until its latest start (start + the
profile's grace) is less than the expected handle time, the 80 % value of the slowest service that the agent serves. It
is learned meanwhile: that of who stands ready is looked at again when an offer is made (`assign`). The break begins at
its start, or after what is under way then, and always has its full length. A short break
(`Centre.micro_break_s`) comes by itself before `Profile.max_continuous_s` without one is over. A pause, whoever began
it, and the time signed out count as a break when they last as long as a short one.

A pause whose reason counts as work (`PauseReason.work`: a training) is no rest. The time without a break goes on, and
the length of the pause is added to the handled time of the agent. A planned break whose time comes in such a pause
begins, for the rest of its time, when the agent is back. A pause that is longer than `PauseReason.limit_s` goes on. The
agent is then shown as over the limit, and the fact `PauseLimitReached` says so. A break that the engine began ends by
itself and has no limit.

Whoever sat down together does not go together: each agent's short break comes by another part of `STAGGER` sooner. When
a planned break begins within `max_continuous_s`, that one serves and no short one comes before it.

Who does not respond is not on a break: one whose time comes meanwhile begins, for the rest of it, when they are back.

To everybody else every break looks the same: state PAUSED, reason `Centre.break_reason`; an agent whose break is near
is READY.
"""

from __future__ import annotations

from math import inf

from routing.core import emit, wellbeing
from routing.core.domain import Domain
from routing.core.errors import UnknownReason
from routing.core.model import AgentState, PauseReason
from routing.core.records import AgentRecord

LATER_S = 0.001
"""A guard wakes this much after the last moment at which something could be offered."""

STAGGER = 0.25
"""Short breaks of a team that sat down together are spread over this last part of `max_continuous_s`: with two hours
half an hour, in which a break of five minutes has room six times."""

GOLDEN = 0.6180339887498949
"""The golden ratio's fraction. Its multiples divide a circle more evenly than those of any other number, however many
of them there are (three-distance theorem): neighbours in the team's list are far apart, and nobody needs to know how
many sit down together."""

LONGEST_S = 14_400.0
"""A break of more than four hours is the end of a shift: a slip in the plan."""

AWAY = frozenset({AgentState.PAUSED, AgentState.SIGNED_OUT, AgentState.NOT_RESPONDING})
"""States in which an agent does not work."""


def find_reason(d: Domain, name: str) -> PauseReason:
    """Return the reason of the centre's table with this id, or its default for an empty id. Raise UnknownReason, which
    names all reasons, if there is no such row."""
    if not name:
        return d.centre.break_reason
    found = d.centre.find_pause_reason(name)
    if found is None:
        known = ", ".join(one.id for one in d.centre.pause_reasons)
        raise UnknownReason(f"no reason {name!r} for a pause in the centre; known: {known}")
    return found


def is_at_work(record: AgentRecord) -> bool:
    """Return True if the agent is in a pause that counts as work, or does not respond: breaks wait meanwhile."""
    return record.state is AgentState.NOT_RESPONDING or (record.state is AgentState.PAUSED and record.pause_works)


def protected(d: Domain, record: AgentRecord) -> bool:
    """The next break is so near that a contact would reach into it: nothing is offered any more. Changes nothing."""
    return bool(record.breaks) and _spare_s(d, record) < 0.0


def guarded(d: Domain, record: AgentRecord) -> bool:
    """The same; while it is not yet so, the agent is placed again when it will be."""
    spare_s = _spare_s(d, record)
    if spare_s < 0.0:
        return True
    key, at = ("guard", record.id), d.now + spare_s + LATER_S
    known = d.timers.at(key)
    if known is None or known > at:
        d.timers.set(key, at)
    return False


def _spare_s(d: Domain, record: AgentRecord) -> float:
    """Time until the latest start of the next break, beyond what a contact is expected to take."""
    return record.breaks[0][0] + record.profile.break_grace_s - d.now - expected_s(d, record)


def expected_s(d: Domain, record: AgentRecord) -> float:
    """Handle time that eight of ten contacts do not exceed, of the slowest service the agent serves."""
    longest_s, handled = 0.0, d.handled
    for service in record.serves:  # asked for some agents at each offer: no generator, no call
        p80_s = handled[service].p80_s
        if p80_s > longest_s:
            longest_s = p80_s
    return longest_s


def changed(d: Domain, record: AgentRecord, before: AgentState, before_s: float) -> None:
    """The agent has come from a state of `AWAY`, or gone into one. To be told before the change is."""
    after, short_s = record.state, d.centre.micro_break_s
    if after is AgentState.SIGNED_OUT:
        record.break_s, record.break_until, record.break_at, record.pause_limit_at = 0.0, 0.0, inf, inf
        for kind in ("break", "guard", "calm", "limit"):
            d.timers.cancel((kind, record.id))
        return
    works = after is AgentState.PAUSED and counts_as_work(d, record)
    other = before is not AgentState.PAUSED or works is not record.pause_works
    if before is AgentState.SIGNED_OUT:
        record.breaks = tuple(one for one in record.breaks if one[0] > d.now)
        if before_s >= short_s or not record.working_since:
            wellbeing.refreshed(d, record)
    elif before is AgentState.PAUSED and (other or after is not AgentState.PAUSED):
        if record.pause_works:
            wellbeing.add_occupied(d, record, d.now - record.paused_at)
        elif record.break_until or d.now - record.paused_at >= short_s:
            wellbeing.refreshed(d, record)
        record.break_until, record.untold = 0.0, True
    if after is AgentState.PAUSED:
        if other:
            record.paused_at, record.pause_works = d.now, works
        record.break_until = d.now + record.break_s if record.break_s else 0.0
        record.break_s, record.untold = 0.0, True
    _arm_limit(d, record, d.now)
    arm(d, record)


def counts_as_work(d: Domain, record: AgentRecord) -> bool:
    """Return True if the reason of the agent's pause counts as work. A reason that has left the table does not."""
    reason = d.centre.find_pause_reason(record.reason)
    return reason is not None and reason.work


def _arm_limit(d: Domain, record: AgentRecord, since: float) -> None:
    """Set the end of the time that the reason of the pause allows, and the timer for it. Outside a pause, and in a
    break that the engine began, there is none."""
    paused = record.state is AgentState.PAUSED and not record.break_until
    reason = d.centre.find_pause_reason(record.reason) if paused else None
    limit_s = None if reason is None else reason.limit_s
    record.pause_limit_at = inf if limit_s is None else since + limit_s
    if d.now < record.pause_limit_at < inf:
        d.timers.set(("limit", record.id), record.pause_limit_at)
    else:
        d.timers.cancel(("limit", record.id))


def report_limit(d: Domain, record: AgentRecord) -> None:
    """Emit the fact that the agent's pause is over its limit."""
    emit.pause_limit_reached(d, agent=record.id, reason=record.reason)


def forgone(d: Domain, record: AgentRecord) -> None:
    """The agent does not want the break that was to come after the talk. Of one that the clock began their word counts
    as it does within it."""
    if record.break_s:
        record.break_s = 0.0
        wellbeing.refreshed(d, record)
    arm(d, record)


def kept(d: Domain, record: AgentRecord) -> None:
    """The agent stays after all. That was no word about the break that the clock had begun: it comes after the talk."""
    if record.break_s:
        record.pause_pending = d.centre.break_reason.id
    arm(d, record)


def restored(d: Domain, record: AgentRecord) -> None:
    """After a restart: a break goes on to its end, if the agent is still in it."""
    if record.state is AgentState.PAUSED:
        record.paused_at, record.pause_works = record.since, counts_as_work(d, record)
        record.break_until = min(record.break_until, d.now + LONGEST_S)
        _arm_limit(d, record, record.since)
    else:
        record.break_until = 0.0
    if not (record.pause_pending or record.leave_pending):
        record.break_s = 0.0
    if not record.working_since:
        record.working_since = d.now
    arm(d, record)


def short_at(record: AgentRecord) -> float:
    """When the next short break is due, by the profile's limit at the latest; `inf`: a planned one serves."""
    limit_s = record.profile.max_continuous_s
    if record.breaks and record.breaks[0][0] <= record.working_since + limit_s:
        return inf
    return record.working_since + limit_s * (1.0 - STAGGER * (record.index * GOLDEN % 1.0))


def arm(d: Domain, record: AgentRecord) -> None:
    """Be woken at the next thing in the agent's day: the end of the break, the next planned one, a short one."""
    at = record.breaks[0][0] if record.breaks else inf
    if record.break_until:
        record.break_at = inf
        d.timers.set(("break", record.id), record.break_until)
        return
    if record.state not in AWAY and not (record.break_s or record.pause_pending or record.leave_pending):
        at = min(at, short_at(record))
    if at <= d.now and is_at_work(record):
        at = inf  # it begins when they are back
    record.break_at = at
    if at < inf and record.state is not AgentState.SIGNED_OUT:
        d.timers.set(("break", record.id), at)
    else:
        d.timers.cancel(("break", record.id))
