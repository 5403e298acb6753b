"""Agents and their seats: their state, what the phone reports, and who may be offered something.

What people do themselves (sign in, breaks, wrap-up) stands in `shift`.
"""

from __future__ import annotations

from routing.core import breaks, capacity, emit, pairs, wellbeing
from routing.core.changes import AvailabilityChanged
from routing.core.declare import STATE
from routing.core.domain import Domain
from routing.core.errors import NotSignedIn, UnknownAgent
from routing.core.events import SeatChanged
from routing.core.ids import AgentId, SeatId
from routing.core.model import AgentState
from routing.core.records import AgentRecord, Seat
from routing.core.states import AGENT, follow

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
BUSY, NOT_RESPONDING, PAUSED, READY, SIGNED_OUT, UNREACHABLE, WRAPUP = (
    AgentState.BUSY, AgentState.NOT_RESPONDING, AgentState.PAUSED, AgentState.READY, AgentState.SIGNED_OUT,
    AgentState.UNREACHABLE, AgentState.WRAPUP)

SETTLE_S = 2.0
"""After our leg's end the phone's own "not in use" comes some milliseconds later. So long is it no foreign call."""

MISS_GAP_S = 5.0
"""An agent who let it ring gets nothing for this long: others are asked first, and when there is nobody else the caller
does not hear a phone that nobody takes ring again at once."""

DECLINE_GAP_S = 5.0
"""An agent who declined, or whose phone was busy or failed, gets nothing for this long: not the same call at once."""

SEAT_AGAIN_S = 60.0
"""A phone that did not react is offered something again after this long, unless it has said itself what it is. Its own
"reachable" may never come: Asterisk reports changes only, and a phone that was slow once has not changed."""

AWAY = breaks.AWAY

FREE = frozenset({READY, BUSY, UNREACHABLE})
"""States of a person who is ready; the phone decides which of them."""

NUMBER = {state: number for number, state in enumerate(AgentState)}
"""Where a state is counted in `Domain.by_state`."""

_STEPS = {(before, trigger): (after, after in FREE, before in AWAY or after in AWAY, NUMBER[before], NUMBER[after])
          for (before, trigger), after in AGENT.items()}
"""The table of `states`, with what is asked of each step: it leads to a person who is ready; it is one of coming or
going; where both states are counted."""

RELEASING = frozenset({"released", "missed_too_often", "pause", "sign_out"})
"""Triggers that mean: this contact is not the agent's any more. With others at hand they go on with those."""


def known(d: Domain, agent: AgentId) -> AgentRecord:
    """The agent's record. UnknownAgent when the centre has none."""
    record = d.agents.get(agent)
    if record is None or (record.state is SIGNED_OUT and not record.configured):
        raise UnknownAgent(f"no agent {agent} in the team; add it to the centre and reload")
    return record


def signed_in(d: Domain, agent: AgentId) -> AgentRecord:
    """The record of an agent who is signed in. NotSignedIn otherwise."""
    record = d.agents.get(agent)
    if record is None or record.state is SIGNED_OUT:
        known(d, agent)
        raise NotSignedIn(f"agent {agent} is not signed in; sign in at a seat first")
    return record


def change(d: Domain, record: AgentRecord, trigger: str, reason: str, keep_idle: bool = False) -> None:
    """Follow the table, tell it, and put the agent where they belong now. `keep_idle`: not their doing, the place among
    the idle stays."""
    offers = record.offers
    if (offers and (len(offers) > 1 or trigger in RELEASING)) or (record.aside and (offers or trigger in RELEASING)):
        trigger, reason = capacity.still(record), ""
    before, now = record.state, d.now
    try:
        after, free, away, out_of, into = _STEPS[before, trigger]
    except KeyError:
        follow(AGENT, "agent", record.id, before, trigger)
        raise
    if free and record.seat is not None:
        if record.next_seat is not None:
            _move_on(d, record)
        seat = d.seats[record.seat]
        if seat.in_use or not seat.reachable:
            after = follow(AGENT, "agent", record.id, READY, _seat_trigger(seat))
            into = NUMBER[after]
    if record.key is not None:
        d.matching.leave(record)
    before_s = now - record.since
    counts = d.by_state
    counts[out_of] -= 1
    counts[into] += 1
    if after is before and offers and trigger != "move":
        before_s = 0.0  # the same with one contact more or less
    else:
        record.state, record.reason, record.since = after, reason, now
    if free and not keep_idle:
        record.idle_since = now
        if record.profile.rest_gap_s:
            wellbeing.gap(d, record)
    if away:
        if not record.version:
            before_s = 0.0  # nobody knows since when: it is the first change
        _come_or_go(d, record, trigger, before, before_s)
    _tell(d, record, before, before_s)
    if away and after is SIGNED_OUT:
        _clear(d, record)
    if record.wanted_by:
        d.changes.append(AvailabilityChanged(record))
    if not record.full or record.resting or record.pair_id:
        place(d, record)  # else nothing may be offered beside what they have, as nearly always


def _come_or_go(d: Domain, record: AgentRecord, trigger: str, before: AgentState, before_s: float) -> None:
    """Into a state of `breaks.AWAY`, or out of one: what an agent's clock and wishes have to do with it."""
    after = record.state
    if after is PAUSED or after is SIGNED_OUT:
        record.pause_pending, record.leave_pending = "", False
    if trigger != "move":
        breaks.changed(d, record, before, before_s)
        d.by_state[NUMBER[SIGNED_OUT]] = 0
        if after is SIGNED_OUT and record.as_configured is not None:
            record.become(record.as_configured)
            record.as_configured = None
    if after is NOT_RESPONDING or before is NOT_RESPONDING:
        arm_return(d, record)


def done(d: Domain, record: AgentRecord, reason: str, keep_idle: bool = False) -> None:
    """The agent is done with a contact: on with the others, or what they have asked for meanwhile, or ready."""
    if record.offers:
        capacity.resume_interrupted(d, record)
        change(d, record, "released", reason)
    elif record.aside:
        change(d, record, "still_wrapping", "")
    elif record.leave_pending or not record.configured:
        change(d, record, "sign_out", "signed_out" if record.configured else "removed")
    elif record.pause_pending:
        change(d, record, "pause", record.pause_pending)
    elif record.misses and record.misses >= record.profile.misses_allowed:
        change(d, record, "missed_too_often", "misses")
    else:
        change(d, record, "released", reason, keep_idle=keep_idle)


def enlist(d: Domain, record: AgentRecord) -> None:
    """Count the agent in as one who is signed in, by the settings and skills of now."""
    record.allows = capacity.allowed(record.profile, d.channels)
    d.matching.sign_in(record)
    _reach(d, record)
    capacity.count(d, record)


def sit(d: Domain, record: AgentRecord, seat: SeatId) -> None:
    """At this seat from now on."""
    if record.seat is not None:
        d.seat(record.seat).agent = None
    record.seat, record.next_seat = seat, None
    d.mark(record, STATE)
    d.seat(seat).agent = record
    _reach(d, record)


def _reach(d: Domain, record: AgentRecord) -> None:
    """An outside number never reports: it is there as long as its person is."""
    if record.agent.outside and record.seat is not None:
        d.seat(record.seat).reachable = True


def _move_on(d: Domain, record: AgentRecord) -> None:
    """To the seat that was told while they were on the phone, unless somebody else has it by now or it is gone."""
    seat, record.next_seat = record.next_seat, None
    if seat is not None and d.seat(seat).agent is None and (d.seats_allowed is None or seat in d.seats_allowed):
        sit(d, record, seat)


def arm_return(d: Domain, record: AgentRecord) -> None:
    """Who does not respond comes back by themselves, if their profile says so."""
    after_s = record.profile.auto_return_s
    if record.state is NOT_RESPONDING and after_s is not None:
        d.timers.set(("return", record.id), record.since + after_s)
    else:
        d.timers.cancel(("return", record.id))


def returned(d: Domain, record: AgentRecord) -> None:
    """The time of not responding is over."""
    record.misses = 0
    change(d, record, "released", "auto_return")


def note(d: Domain, record: AgentRecord) -> None:
    """What the agent has asked for must outlive a restart, and the state has not changed by it."""
    _tell(d, record, record.state, 0.0)


def _tell(d: Domain, record: AgentRecord, before: AgentState, before_s: float) -> None:
    record.version += 1
    record.wrapup_until = capacity.wrapup_until(d, record) if record.state is WRAPUP or len(record.offers) > 1 else None
    emit.agent_changed(d, record, before=before, before_s=before_s,
                       wellbeing=wellbeing.burden(record) if record.untold else None)


def place(d: Domain, record: AgentRecord) -> None:
    """Into the pools when something may be offered to them now, out of them otherwise."""
    if record.key is not None:
        d.matching.leave(record)
    if record.resting:
        record.resting = False
        d.timers.cancel(("rest", record.id))
    paired = record.pair_id
    if record.full and not paired:
        return  # nearly always
    channels = capacity.open_to(d, record)
    if paired:
        channels = pairs.narrow(d, record, channels)
        lead = record.partner
        if lead is not None and not record.lead and d.timers.at(("rest", lead.id)) is None:
            place(d, lead)  # who stands for both; after a rest that is not over it comes by itself
    if channels:
        if record.strained or record.lead:  # what the other one of a pair can bear may be more again
            wellbeing.allow(d, record)
        d.matching.stand(record, channels)


def _clear(d: Domain, record: AgentRecord) -> None:
    d.matching.sign_out(record)
    d.timers.cancel(("aside", record.id))
    record.aside, record.talked_until = False, None
    if record.seat is not None:
        d.seat(record.seat).agent = None
    record.seat, record.misses, record.not_before, record.gap_until = None, 0, 0.0, 0.0
    record.pause_pending, record.leave_pending = "", False


def _seat_trigger(seat: Seat) -> str:
    if not seat.reachable:
        return "seat_gone"
    return "seat_busy" if seat.in_use and not seat.settling else "seat_free"


def leg_over(d: Domain, seat: SeatId) -> None:
    """Our leg on this phone is over: give the phone a moment to say that it is free."""
    record = d.seats.get(seat)
    if record is not None and record.in_use:
        record.settling = True
        d.timers.set(("settle", seat), d.now + SETTLE_S)


def settled(d: Domain, seat: SeatId) -> None:
    """The moment is over: who is still on the phone is on a call that is not ours."""
    record = d.seat(seat)
    record.settling = False
    _refresh(d, record)


def _refresh(d: Domain, seat: Seat) -> None:
    record = seat.agent
    if record is None:
        return
    if record.state not in FREE:
        if record.offers and not (len(record.offers) == 1 and record.calls):
            place(d, record)  # what needs no phone goes on; whether a call may come has changed
        return
    trigger = _seat_trigger(seat)
    if follow(AGENT, "agent", record.id, record.state, trigger) is not record.state:
        change(d, record, trigger, "seat")
    else:
        place(d, record)


def lose_seat(d: Domain, seat: SeatId) -> None:
    """The phone did not react: unreachable until it reports again, or for `SEAT_AGAIN_S`. One that has itself said to
    be gone stays so until it says otherwise."""
    record = d.seat(seat)
    if record.reachable:
        d.timers.set(("again", seat), d.now + SEAT_AGAIN_S)
    record.reachable, record.in_use, record.settling = False, False, False
    d.timers.cancel(("settle", seat))


def seat_again(d: Domain, seat: SeatId) -> None:
    """The phone may be tried again."""
    record = d.seat(seat)
    record.reachable = True
    _refresh(d, record)


def seat_changed(d: Domain, event: SeatChanged) -> None:
    """The phone's own word. A call on it that is not ours makes the agent busy."""
    seat = d.seat(event.seat)
    seat.reachable, seat.in_use = event.reachable, event.in_use
    d.timers.cancel(("again", event.seat))
    if not event.in_use:
        seat.settling = False
        d.timers.cancel(("settle", event.seat))
    _refresh(d, seat)
