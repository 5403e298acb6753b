"""What agents do themselves: sign in and out, take a break, come back, end or lengthen their wrap-up."""

from __future__ import annotations

from routing.core import agents, breaks, capacity, contacts, emit, offers, relief, talks
from routing.core.domain import Domain
from routing.core.errors import NotNow, SeatTaken, UnknownAgent, UnknownSeat
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    AgentSkilled,
    WrapUpAsked,
    WrapUpEnded,
    WrapUpExtended,
)
from routing.core.model import AgentState, OfferState, WrapUpMode
from routing.core.records import AgentRecord
from routing.core.timers import Key

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
WRAPPING = OfferState.WRAPPING
MANDATORY_FORCED_TIMEOUT = WrapUpMode.MANDATORY_FORCED_TIMEOUT
NOT_RESPONDING, PAUSED, RINGING, SIGNED_OUT, TALKING, WRAPUP = (
    AgentState.NOT_RESPONDING, AgentState.PAUSED, AgentState.RINGING, AgentState.SIGNED_OUT, AgentState.TALKING,
    AgentState.WRAPUP)

ENGAGED = frozenset({RINGING, TALKING, WRAPUP})
"""States in which the agent has something under way."""


def sign_in(d: Domain, event: AgentSignedIn) -> None:
    """At most one agent a seat. A seat can be changed except while the phone rings or is talked on. Who is on call
    changes it after that: the roster says so once, and nobody is there to say it again."""
    record = agents.known(d, event.agent)
    if not record.configured:
        raise UnknownAgent(f"agent {event.agent} is no longer in the team")
    if d.seats_allowed is not None and event.seat not in d.seats_allowed:
        raise UnknownSeat(f"no seat {event.seat} in the centre; see [seats] of santral.toml")
    seat = d.seats.get(event.seat)
    if seat is not None and seat.agent is not None and seat.agent is not record:
        raise SeatTaken(f"another agent is signed in at seat {event.seat}; sign out there first")
    if record.state is SIGNED_OUT:
        record.misses = 0
        agents.sit(d, record, event.seat)
        agents.enlist(d, record)
        agents.change(d, record, "sign_in", "signed_in")
    elif record.seat == event.seat:
        record.next_seat = None
        _stays(d, record)
    elif record.state in (RINGING, TALKING):
        if not record.agent.outside:
            raise NotNow(f"agent {event.agent} has a call at seat {record.seat}; change the seat after it")
        record.next_seat = event.seat
        _stays(d, record)
    else:
        agents.sit(d, record, event.seat)
        agents.change(d, record, "move", record.reason, keep_idle=True)


def _stays(d: Domain, record: AgentRecord) -> None:
    """Who was about to leave after the talk does not."""
    if record.leave_pending:
        record.leave_pending = False
        breaks.kept(d, record)
        agents.note(d, record)
        agents.place(d, record)


def sign_out(d: Domain, event: AgentSignedOut) -> None:
    """At once, or after the talk."""
    record = agents.known(d, event.agent)
    dismiss(d, record, "signed_out")


def dismiss(d: Domain, record: AgentRecord, reason: str) -> None:
    """Sign an agent out: at once, with what rings taken back and what is wrapped up completed, or after the last
    talk."""
    if record.state not in ENGAGED:
        if record.state is not SIGNED_OUT:
            agents.change(d, record, "sign_out", reason)
    elif _talks(record):
        if not record.leave_pending:
            record.leave_pending = True  # a break that waits still does, should the leave be taken back
            _wait(d, record, "signed_out", "sign_out", reason)
            _end_wrap_ups(d, record, reason)
    elif record.state is RINGING and not _wraps(record):
        offers.take_back(d, record, "signed_out", "sign_out", reason)
    else:
        record.leave_pending = True
        offers.take_back(d, record, "signed_out", "sign_out", reason)
        _end_wrap_ups(d, record, reason)


def pause(d: Domain, event: AgentPaused) -> None:
    """A break: at once, or after all talks and wrap-ups."""
    record = agents.signed_in(d, event.agent)
    if record.state not in ENGAGED:
        if record.state is not PAUSED or record.reason != event.reason:
            agents.change(d, record, "pause", event.reason)
    elif record.state is RINGING and not _wraps(record):
        offers.take_back(d, record, "paused", "pause", event.reason)
    elif not record.leave_pending and record.pause_pending != event.reason:
        record.pause_pending = event.reason
        _wait(d, record, "paused", "pause", event.reason)


def _wait(d: Domain, record: AgentRecord, reason: str, to: str, to_reason: str) -> None:
    """Break or leave come later: nothing new until then, and what rings is taken back."""
    agents.note(d, record)
    agents.place(d, record)
    if len(record.offers) > 1:
        offers.take_back(d, record, reason, to, to_reason)


def _talks(record: AgentRecord) -> bool:
    return any(capacity.talks(offer) for offer in record.offers.values())


def _wraps(record: AgentRecord) -> bool:
    return record.aside or any(offer.state is WRAPPING for offer in record.offers.values())


def _end_wrap_ups(d: Domain, record: AgentRecord, reason: str) -> None:
    for offer in list(record.offers.values()):
        if offer.state is WRAPPING:
            talks.wrap_up(d, offer, reason)
    talks.end_aside(d, record, reason)


def resume(d: Domain, event: AgentResumed) -> None:
    """Ready again. Forgets a break that has not begun and offers missed beside others, ends a wrap-up."""
    record = agents.signed_in(d, event.agent)
    forced = record.state is WRAPUP and _by_clock_only(d, record)
    if forced and not record.pause_pending:
        raise _not_by_word(record)
    forgets, record.pause_pending = bool(record.pause_pending), ""
    if forgets:
        breaks.forgone(d, record)
    rested = relief.rested(d, record)
    if record.state in (PAUSED, NOT_RESPONDING):
        record.misses = 0
        agents.change(d, record, "released", "resumed")
    elif record.state is WRAPUP and not forced:
        _end_wrap_ups(d, record, "wrapped_up")
    elif rested or forgets or (record.offers and record.misses >= record.profile.misses_allowed):
        record.misses = 0
        agents.note(d, record)
        agents.place(d, record)


def _by_clock_only(d: Domain, record: AgentRecord) -> bool:
    """A wrap-up that began under another profile may have no clock: then it is the word that ends it."""
    return record.profile.wrapup_mode is MANDATORY_FORCED_TIMEOUT and (
        not record.aside or d.timers.at(("aside", record.id)) is not None) and all(
            d.timers.at(("wrap", offer.id)) is not None for offer in record.offers.values() if offer.state is WRAPPING)


def _not_by_word(record: AgentRecord) -> NotNow:
    return NotNow(f"the wrap-up of agent {record.id} cannot be ended now")


def wrap_up_ended(d: Domain, event: WrapUpEnded) -> None:
    """Done early, with one contact or with all. Said twice, or after the clock was faster, it changes nothing."""
    agent, contact = event
    record = agents.signed_in(d, agent)
    ended = [offer for offer in record.offers.values() if offer.state is WRAPPING
             and (contact is None or contact == offer.contact.id)]
    aside = record.aside and contact is None
    if (ended or aside) and _by_clock_only(d, record):
        raise _not_by_word(record)
    for offer in ended:
        talks.wrap_up(d, offer, "wrapped_up")
    if aside:
        talks.end_aside(d, record, "wrapped_up")


def wrap_up_extended(d: Domain, event: WrapUpExtended) -> None:
    """More time, as much as the profile's step, for every wrap-up that runs."""
    record = agents.signed_in(d, event.agent)
    keys: list[Key] = [("wrap", offer.id) for offer in record.offers.values()]
    found = [(key, at) for key in (*keys, ("aside", record.id)) if (at := d.timers.at(key)) is not None]
    if not found:
        raise NotNow(f"agent {event.agent} has no wrap-up that could be extended now")
    for key, at in found:
        d.timers.set(key, at + record.profile.wrapup_extend_s)
    agents.note(d, record)


def wrap_up_asked(d: Domain, event: WrapUpAsked) -> None:
    """A wrap-up is wanted after the talk, or after one that has just ended. Where one comes anyway, or runs, it changes
    nothing. Raises NotNow where none would come: the agent would count on it."""
    record = agents.signed_in(d, event.agent)
    talking = [offer for offer in record.offers.values() if capacity.talks(offer)]
    if talking and not talks.can_wrap_up(record):
        raise NotNow(f"no wrap-up comes after this talk of agent {event.agent}")
    if record.profile.wrapup_mode in talks.BY_WISH:
        for offer in talking:
            if not offer.wrapup_asked:
                offer.wrapup_asked = True
                d.mark(offer)
                emit.wrap_up_wanted(d, offer=offer.id, contact=offer.contact.id, agent=record.id)
    if not talking and not _wraps(record) and not talks.ask_aside(d, record):
        raise NotNow(f"agent {event.agent} has no talk after which a wrap-up could come; ask within the talk")


def skilled(d: Domain, event: AgentSkilled) -> None:
    """Other skills for now: who waits is looked at with them at once. They end by signing out, or by settings that
    change the agent."""
    record = agents.signed_in(d, event.agent)
    usual = record.agent if record.as_configured is None else record.as_configured
    skills = usual.skills if event.skills is None else event.skills
    if skills == record.agent.skills:
        return
    d.matching.sign_out(record)
    record.become(usual._replace(skills=skills))
    record.as_configured = None if skills == usual.skills else usual
    agents.enlist(d, record)
    agents.note(d, record)
    contacts.review_preferred(d, record)
    agents.place(d, record)
