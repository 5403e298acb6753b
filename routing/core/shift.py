"""What agents do themselves: sign in and out, take a break, come back, end or lengthen their wrap-up."""

from __future__ import annotations

from routing.core import agents, breaks, offers, relief
from routing.core.domain import Domain
from routing.core.errors import NotNow, SeatTaken, UnknownAgent, UnknownSeat
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    WrapUpEnded,
    WrapUpExtended,
)
from routing.core.model import AgentState
from routing.core.records import AgentRecord


def sign_in(d: Domain, event: AgentSignedIn) -> None:
    """At most one agent a seat. A seat can be changed except while the phone rings or is talked on."""
    record = agents.known(d, event.agent)
    if not record.configured:
        raise UnknownAgent(f"agent {event.agent} is no longer in the team")
    if d.seats_allowed is not None and event.seat not in d.seats_allowed:
        raise UnknownSeat(f"no seat {event.seat} in the centre; see [seats] of santral.toml")
    seat = d.seats.get(event.seat)
    if seat is not None and seat.agent is not None and seat.agent is not record:
        raise SeatTaken(f"another agent is signed in at seat {event.seat}; sign out there first")
    if record.state is AgentState.SIGNED_OUT:
        record.seat, record.misses = event.seat, 0
        d.seat(event.seat).agent = record
        d.matching.sign_in(record)
        agents.change(d, record, "sign_in", "signed_in")
    elif record.seat == event.seat:
        if record.leave_pending:
            record.leave_pending = False
            agents.note(d, record)
    elif record.state in (AgentState.RINGING, AgentState.TALKING):
        raise NotNow(f"agent {event.agent} has a call at seat {record.seat}; change the seat after it")
    else:
        if record.seat is not None:
            d.seat(record.seat).agent = None
        record.seat = event.seat
        d.seat(event.seat).agent = record
        agents.change(d, record, "move", record.reason, keep_idle=True)


def sign_out(d: Domain, event: AgentSignedOut) -> None:
    """At once, or after the talk."""
    record = agents.known(d, event.agent)
    dismiss(d, record, "signed_out")


def dismiss(d: Domain, record: AgentRecord, reason: str) -> None:
    """Sign an agent out: at once, with their ringing offer taken back and their wrap-up closed, or after the talk."""
    if record.state is AgentState.TALKING:
        if not record.leave_pending:
            record.leave_pending, record.pause_pending = True, ""
            agents.note(d, record)
    elif record.state is AgentState.RINGING:
        offers.take_back(d, record, "signed_out", "sign_out", reason)
    elif record.state is AgentState.WRAPUP:
        record.leave_pending = True
        offers.wrap_up(d, record, reason)
    elif record.state is not AgentState.SIGNED_OUT:
        agents.change(d, record, "sign_out", reason)


def pause(d: Domain, event: AgentPaused) -> None:
    """A break: at once, or after talk and wrap-up."""
    record = agents.signed_in(d, event.agent)
    if record.state in (AgentState.TALKING, AgentState.WRAPUP):
        if not record.leave_pending and record.pause_pending != event.reason:
            record.pause_pending = event.reason
            agents.note(d, record)
    elif record.state is AgentState.RINGING:
        offers.take_back(d, record, "paused", "pause", event.reason)
    elif record.state is not AgentState.PAUSED or record.reason != event.reason:
        agents.change(d, record, "pause", event.reason)


def resume(d: Domain, event: AgentResumed) -> None:
    """Ready again. Forgets a break that has not begun, ends a wrap-up."""
    record = agents.signed_in(d, event.agent)
    forgets, record.pause_pending = bool(record.pause_pending), ""
    if record.break_s:
        breaks.forgone(d, record)
    if record.state in (AgentState.PAUSED, AgentState.NOT_RESPONDING):
        record.misses = 0
        agents.change(d, record, "released", "resumed")
    elif record.state is AgentState.WRAPUP:
        finish_wrap_up(d, record)
    elif relief.rested(d, record):
        agents.note(d, record)
        agents.place(d, record)
    elif forgets:
        agents.note(d, record)


def finish_wrap_up(d: Domain, record: AgentRecord) -> None:
    """Wrap-up is over, by the clock or by the agent."""
    offers.wrap_up(d, record, "wrapped_up")


def wrap_up_ended(d: Domain, event: WrapUpEnded) -> None:
    """Done early. Said twice, or after the clock was faster, it changes nothing."""
    record = agents.signed_in(d, event.agent)
    if record.state is AgentState.WRAPUP:
        finish_wrap_up(d, record)


def wrap_up_extended(d: Domain, event: WrapUpExtended) -> None:
    """More time, as much as the profile's step."""
    record = agents.signed_in(d, event.agent)
    until = d.timers.at(("wrap", record.id))
    if record.state is not AgentState.WRAPUP or until is None:
        raise NotNow(f"agent {event.agent} is not in wrap-up; only a running wrap-up can be extended")
    d.timers.set(("wrap", record.id), until + record.agent.profile.wrapup_extend_s)
    agents.note(d, record)
