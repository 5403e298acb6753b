"""Follow the presence of agents and their seats: the state, the reports of the phone, and whether an offer may come.

`shifts.shift_handlers` has the agents' own actions: sign-in, breaks, wrap-up.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.agents import agent_capacity, agent_pairs, break_rules, distress_load
from routing.core.changes import AvailabilityChanged
from routing.core.domain import Domain
from routing.core.events import SeatChanged
from routing.core.matching.agent_pool import ALL_CHANNELS, BY_PHONE
from routing.core.model.centre_model import AWAY_STATES, AgentState
from routing.core.model.declare import STATE
from routing.core.model.errors import NotSignedIn, UnknownAgent
from routing.core.model.ids import AgentId, SeatId
from routing.core.model.reasons import PHONE_DROPS, RING_NO_ANSWER
from routing.core.model.state_tables import AGENT, group_by_trigger, next_state
from routing.core.records import AgentRecord, Seat

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
BUSY, NOT_RESPONDING, PAUSED, READY, SIGNED_OUT, UNREACHABLE, WRAPUP = (
    AgentState.BUSY, AgentState.NOT_RESPONDING, AgentState.PAUSED, AgentState.READY, AgentState.SIGNED_OUT,
    AgentState.UNREACHABLE, AgentState.WRAPUP)

SETTLE_S = 2.0
"""The phone's own "not in use" comes some milliseconds after the end of our leg. Until then its call is not taken for a
foreign one."""

RNA_GAP_S = 5.0
"""An agent with a ring-no-answer gets no offer for this long, so other agents are tried first. If there is no other
agent, the caller does not hear the same unattended phone ring again at once."""

DECLINE_GAP_S = 5.0
"""An agent who declined, or whose phone was busy or failed, gets no offer for this long: not the same call at once."""

SEAT_RETRY_S = 60.0
"""A phone that did not react is tried again after this long, unless it has reported its state. Its report "reachable"
may never come. Asterisk reports only changes, and a phone that was slow once has not changed."""

PHONE_RETRY_S = 300.0
"""A phone that answers and hangs up is out of service for this long, at least. Then it gets one call. A broken phone
costs twelve callers an hour a moment, not each of them. A repaired one is back within five minutes."""

READY_STATES = frozenset({READY, BUSY, UNREACHABLE})
"""States of an agent who is ready. The phone decides which of them it is."""

PRESENT_STATES = frozenset(AgentState) - AWAY_STATES - {UNREACHABLE}
"""States of an agent who is there, free or not, for calls. For messages one with an unreachable phone is there too."""

MESSAGE_DECLINE_S = 30.0
"""Time without messages after a declined one. A colleague is asked first, and the same message does not come back while
the agent still writes what was in the way."""

MESSAGE_PAUSE_S = 300.0
"""Time without messages after one that was not answered in time: perhaps nobody sits at the desk. The agent's *ready*
or a desk that is opened ends it. Calls come meanwhile, because a phone tells by itself who answers."""

STATE_NUMBERS = {state: number for number, state in enumerate(AgentState)}
"""Position of each state in the counts of `Domain.by_state`."""

_PRESENT = tuple([ALL_CHANNELS if state in PRESENT_STATES else ALL_CHANNELS & ~BY_PHONE if state is UNREACHABLE else 0
                  for state in AgentState])
"""The channels for which an agent is there, as bits, by the position of each state."""

_STEPS = {trigger: {before: (
    after, after in READY_STATES, before in AWAY_STATES or after in AWAY_STATES,
    after in READY_STATES or _PRESENT[STATE_NUMBERS[before]] != _PRESENT[STATE_NUMBERS[after]],
    STATE_NUMBERS[before], STATE_NUMBERS[after]) for before, after in steps.items()}
          for trigger, steps in group_by_trigger(AGENT).items()}
"""The steps of the table of agent states, by trigger and state before: the state after it, and whether the agent is
ready then. Then whether a state of `AWAY_STATES` begins or ends, whether the agent may come or go, and where both
states are counted."""

RELEASING_TRIGGERS = frozenset({"released", "rna_limit_reached", "pause", "sign_out"})
"""Triggers that take one contact away from the agent. An agent with other live contacts goes on with those."""


def require_agent(d: Domain, agent: AgentId) -> AgentRecord:
    """Return the record of an agent. Raise UnknownAgent if the centre has no such agent."""
    record = d.agents.get(agent)
    if record is None or (record.state is SIGNED_OUT and not record.configured):
        raise UnknownAgent(f"no agent {agent} in the team; add it to the centre and reload")
    return record


def signed_in_agent(d: Domain, agent: AgentId) -> AgentRecord:
    """Return the record of an agent who is signed in. Raise NotSignedIn if the agent is not."""
    record = d.agents.get(agent)
    if record is None or record.state is SIGNED_OUT:
        require_agent(d, agent)
        raise NotSignedIn(f"agent {agent} is not signed in; sign in at a seat first")
    return record


def change_state(d: Domain, record: AgentRecord, trigger: str, reason: str, keep_idle: bool = False) -> None:
    """Change the state of an agent by the table, emit the change, and index the agent again.

    With `keep_idle` the agent keeps the place among the idle, because the change is not the agent's doing.
    """
    # 1. While contacts stay live after this event, the most engaging one decides the state.
    offers = record.offers
    if (offers and (len(offers) > 1 or trigger in RELEASING_TRIGGERS)) \
            or (record.detached_wrapup and (offers or trigger in RELEASING_TRIGGERS)):
        trigger, reason = agent_capacity.state_trigger(record), ""
    # 2. Look the step up. A miss raises IllegalTransition before anything has changed.
    before, now = record.state, d.now
    try:
        after, free, away, comes_or_goes, out_of, into = _STEPS[trigger][before]
    except KeyError:
        next_state(AGENT, "agent", record.id, before, trigger)
        raise
    # 3. The phone decides between ready, busy and unreachable.
    if free and record.next_seat is not None:
        _move_to_next_seat(d, record)
    if free and record.seat is not None:
        seat = d.seats[record.seat]
        if seat.in_use or not seat.reachable:
            after = next_state(AGENT, "agent", record.id, READY, _seat_trigger(seat))
            into = STATE_NUMBERS[after]
    # 4. Remove the agent from the index first, because the next steps change the fields of its key.
    if record.key is not None:
        d.matching.unindex_agent(record)
    before_s = now - record.since
    counts = d.by_state
    counts[out_of] -= 1
    counts[into] += 1
    # One contact more or less in the same state is no new state.
    if after is before and offers and trigger != "move":
        before_s = 0.0
    else:
        record.state, record.reason, record.since = after, reason, now
        # One of a pair is looked at when the agent is placed.
        if comes_or_goes and not record.pair_id and _PRESENT[into] != record.present_channels:
            d.matching.set_present(record, _PRESENT[into])
    if free and not keep_idle:
        record.idle_since = now
        if record.profile.rest_gap_s:
            distress_load.start_rest_gap(d, record)
    # A time without a contact that is as long as a short break is a rest.
    if before is READY and before_s >= d.centre.micro_break_s:
        break_rules.count_idle_as_break(d, record)
    # 5. Emit the change. Services change rarely, so only an agent who comes, goes or pauses names them again.
    services = None
    if away:
        # The time before the first change is unknown, so it counts as 0.
        if not record.version:
            before_s = 0.0
        _on_away_changed(d, record, trigger, before, before_s)
        services = record.services_told = record.serves
    elif record.services_told is not record.serves:
        services = record.services_told = record.serves
    # Written out as in `emit_request`: a function for both would cost a call for each of four changes of a talk.
    record.version += 1
    record.wrapup_until = agent_capacity.wrapup_until(d, record) if after is WRAPUP or len(offers) > 1 else None
    emit.agent_changed(d, record, before, before_s, services,
                       distress_load.current_load_state(record) if record.load_state_changed else None)
    if away and after is SIGNED_OUT:
        _clear_agent(d, record)
    # 6. Contacts that wait for this agent may get another chance, and the index another entry.
    if record.awaited_by:
        d.changes.append(AvailabilityChanged(record))
    # Nearly always the agent is at capacity now and can be offered nothing.
    if not record.at_capacity or record.rest_timer_armed or record.pair_id:
        update_placement(d, record)
        if away:
            place_partner(d, record)


def _on_away_changed(d: Domain, record: AgentRecord, trigger: str, before: AgentState, before_s: float) -> None:
    """Update clocks and requests of an agent who enters a state of `AWAY_STATES`, or leaves one."""
    after = record.state
    if after is PAUSED or after is SIGNED_OUT:
        record.pause_pending, record.leave_pending = "", False
    if trigger != "move":
        break_rules.on_away_changed(d, record, before, before_s)
        d.by_state[STATE_NUMBERS[SIGNED_OUT]] = 0
        # Skills that were set for the time being end with the shift.
        if after is SIGNED_OUT and record.as_configured is not None:
            record.set_agent(record.as_configured)
            record.as_configured = None
    if after is NOT_RESPONDING or before is NOT_RESPONDING:
        arm_auto_return(d, record)


def finish_contact(d: Domain, record: AgentRecord, reason: str, keep_idle: bool = False) -> None:
    """Go on after a contact: with the other contacts, with a request that waits for the end of the talk, or ready."""
    if record.offers:
        agent_capacity.resume_interrupted(d, record)
        change_state(d, record, "released", reason)
    elif record.detached_wrapup:
        change_state(d, record, "still_wrapping", "")
    # A sign-out ends the shift, so it comes before a break. Both come before the limit of ring-no-answers.
    elif record.leave_pending or not record.configured:
        change_state(d, record, "sign_out", "signed_out" if record.configured else "removed")
    elif record.pause_pending:
        change_state(d, record, "pause", record.pause_pending)
    elif record.rna_count and record.rna_count >= record.profile.rna_allowed:
        change_state(d, record, "rna_limit_reached", RING_NO_ANSWER)
    else:
        change_state(d, record, "released", reason, keep_idle)


def enlist_agent(d: Domain, record: AgentRecord) -> None:
    """Count the agent as signed in, by the present settings and skills."""
    _count_agent(d, record)
    _mark_reachable(d, record)


def _count_agent(d: Domain, record: AgentRecord) -> None:
    record.allowed_channels = agent_capacity.find_allowed_channels(d, record)
    d.matching.sign_in(record)
    note_presence(d, record)
    agent_capacity.count_used(d, record)


def note_presence(d: Domain, record: AgentRecord) -> None:
    """Tell the index for which channels the agent is there. For calls only the lead of a pair is, if both are."""
    channels = _PRESENT[STATE_NUMBERS[record.state]]
    if record.pair_id and not (record.leads_pair and _has_partner_for_calls(record)):
        channels &= ~BY_PHONE
    distress_load.note_declining(d, record)
    d.matching.set_present(record, channels)


def _has_partner_for_calls(lead: AgentRecord) -> bool:
    """Return whether the partner of a lead is there, with a phone."""
    partner = lead.partner
    return partner is not None and partner.cohort is not None and bool(
        partner.cohort.channels & _PRESENT[STATE_NUMBERS[partner.state]] & BY_PHONE)


def seat_agent(d: Domain, record: AgentRecord, seat: SeatId | None) -> None:
    """Assign the phone of a seat to the agent, or none."""
    before = record.seat
    if before is not None:
        d.seat_of(before).agent = None
    record.seat, record.next_seat = seat, None
    d.mark(record, STATE)
    if seat is not None:
        d.seat_of(seat).agent = record
        _mark_reachable(d, record)
    # With or without a phone the agent serves other channels.
    if record.is_signed_in and (before is None) is not (seat is None):
        enlist_again(d, record)


def enlist_again(d: Domain, record: AgentRecord) -> None:
    """Count the agent with the channels that are usable now. The caller of this function places the agent."""
    d.matching.sign_out(record)
    # A desk says nothing of a phone: an outside number that did not react stays unreachable until it is tried again.
    _count_agent(d, record)
    d.forget_supply()


def pause_messages(d: Domain, record: AgentRecord, pause_s: float) -> None:
    """Offer the agent no message for a time. Calls come as usual."""
    record.messages_from = max(record.messages_from, d.now + pause_s)
    d.timers.set_deadline(("messages", record.id), record.messages_from)


def end_message_pause(d: Domain, record: AgentRecord) -> bool:
    """Let messages come again. Return False if there was no pause."""
    d.timers.cancel_deadline(("messages", record.id))
    paused, record.messages_from = record.messages_from > d.now, 0.0
    return paused


def _mark_reachable(d: Domain, record: AgentRecord) -> None:
    """Mark the outside number of a remote agent as reachable. An outside number never reports its state."""
    if record.agent.remote and record.seat is not None:
        d.seat_of(record.seat).reachable = True


def _move_to_next_seat(d: Domain, record: AgentRecord) -> None:
    """Move the agent to the seat that was chosen during the call.

    Stay if another agent has the seat now, or if it is gone.
    """
    seat, record.next_seat = record.next_seat, None
    if seat is not None and d.seat_of(seat).agent is None and (d.seats_allowed is None or seat in d.seats_allowed):
        seat_agent(d, record, seat)


def arm_auto_return(d: Domain, record: AgentRecord) -> None:
    """Set the timer after which an agent who does not respond becomes ready.

    The profile allows it. A phone that hangs up is tried again in any case, because nobody may know of the fault.
    """
    after_s = record.profile.auto_return_s
    if record.reason == PHONE_DROPS:
        after_s = max(PHONE_RETRY_S, after_s or 0.0)
    if record.state is NOT_RESPONDING and after_s is not None:
        d.timers.set_deadline(("auto_return", record.id), record.since + after_s)
    else:
        d.timers.cancel_deadline(("auto_return", record.id))


def on_auto_return(d: Domain, record: AgentRecord) -> None:
    """Make an agent ready whose time of not responding is over.

    A phone that hung up has one try: if it hangs up again, it is out of service at once.
    """
    record.rna_count = record.profile.rna_allowed - 1 if record.reason == PHONE_DROPS else 0
    change_state(d, record, "released", "auto_return")


def on_decline_over(d: Domain, record: AgentRecord) -> None:
    """Count an agent again as one to whom heavy contacts may come, because the time of "not now" is over."""
    distress_load.note_declining(d, record)
    update_placement(d, record)


def emit_request(d: Domain, record: AgentRecord) -> None:
    """Emit a request of the agent that must survive a restart, such as a break after the talk.

    The state does not change by it.
    """
    record.version += 1
    record.wrapup_until = agent_capacity.wrapup_until(d, record) if record.state is WRAPUP \
        or len(record.offers) > 1 else None
    emit.agent_changed(d, record, record.state, 0.0, record.serves,
                       distress_load.current_load_state(record) if record.load_state_changed else None)


def update_placement(d: Domain, record: AgentRecord) -> None:
    """Index the agent if something may be offered now, and unindex the agent otherwise."""
    if record.key is not None:
        d.matching.unindex_agent(record)
    if record.rest_timer_armed:
        record.rest_timer_armed = False
        d.timers.cancel_deadline(("rest", record.id))
    paired = record.pair_id
    if record.at_capacity and not paired:
        return
    channels = agent_capacity.open_channels(d, record)
    if paired:
        note_presence(d, record)
        channels = agent_pairs.limit_pair_channels(d, record, channels)
        # The lead is indexed for both agents. A lead who rests is indexed by the timer at the end of the rest.
        lead = record.partner
        if lead is not None and not record.leads_pair:
            note_presence(d, lead)
        if lead is not None and not record.leads_pair and d.timers.deadline_of(("rest", lead.id)) is None:
            update_placement(d, lead)
    if channels:
        # Next to nothing there is no message in distress: the case of nearly every agent.
        record.distress_calls_only = _takes_distress_calls_only(d, record) if record.offers or record.leads_pair \
            else False
        # The limits of a lead depend on the partner's load, which may be less by now.
        if record.load_limits_apply or record.leads_pair:
            distress_load.set_load_limits(d, record)
        d.matching.index_agent(record, channels)


def place_partner(d: Domain, lead: AgentRecord) -> None:
    """Index the partner of a lead again who came, went or has other services. The partner's break is guarded against
    the calls of the lead."""
    if lead.leads_pair and lead.partner is not None and lead.partner.breaks:
        update_placement(d, lead.partner)


def _takes_distress_calls_only(d: Domain, record: AgentRecord) -> bool:
    """Return whether another call would interrupt a message in distress of the agent, or of the partner."""
    partner = record.partner if record.leads_pair else None
    return (bool(record.offers) and agent_capacity.has_distress_message(d, record)) or (
        partner is not None and agent_capacity.has_distress_message(d, partner))


def _clear_agent(d: Domain, record: AgentRecord) -> None:
    d.matching.sign_out(record)
    d.timers.cancel_deadline(("detached_wrapup", record.id))
    record.detached_wrapup, record.last_talk_ended_at = False, None
    if record.seat is not None:
        d.seat_of(record.seat).agent = None
    record.seat, record.rna_count, record.not_before, record.gap_until = None, 0, 0.0, 0.0
    record.asked_last = False
    end_message_pause(d, record)
    record.pause_pending, record.leave_pending = "", False


def _seat_trigger(seat: Seat) -> str:
    if not seat.reachable:
        return "seat_gone"
    return "seat_busy" if seat.in_use and not seat.settling else "seat_free"


def on_leg_over(d: Domain, seat: SeatId) -> None:
    """Give the phone a moment to report that it is free, because our leg on it has ended."""
    record = d.seats.get(seat)
    if record is not None and record.in_use:
        record.settling = True
        d.timers.set_deadline(("phone_settle", seat), d.now + SETTLE_S)


def on_phone_settled(d: Domain, seat: SeatId) -> None:
    """End the moment after our leg. A phone that is still in use has a call that is not ours."""
    record = d.seat_of(seat)
    record.settling = False
    _refresh_phone_state(d, record)


def _refresh_phone_state(d: Domain, seat: Seat) -> None:
    record = seat.agent
    if record is None:
        return
    if record.state not in READY_STATES:
        # Contacts that need no phone go on, but whether a call may come has changed.
        if record.offers and not (len(record.offers) == 1 and record.call_count):
            update_placement(d, record)
        return
    trigger = _seat_trigger(seat)
    if next_state(AGENT, "agent", record.id, record.state, trigger) is not record.state:
        change_state(d, record, trigger, "seat")
    else:
        update_placement(d, record)


def lose_seat(d: Domain, seat: SeatId) -> None:
    """Mark a phone that did not react as unreachable until it reports again, or for `SEAT_RETRY_S`.

    A phone that has itself reported to be gone stays so until it reports otherwise.
    """
    record = d.seat_of(seat)
    # No retry for a phone that reported itself: it will also report its return.
    if record.reachable:
        d.timers.set_deadline(("seat_retry", seat), d.now + SEAT_RETRY_S)
    record.reachable, record.in_use, record.settling = False, False, False
    d.timers.cancel_deadline(("phone_settle", seat))


def retry_seat(d: Domain, seat: SeatId) -> None:
    """Try a phone again that did not react."""
    record = d.seat_of(seat)
    record.reachable = True
    _refresh_phone_state(d, record)


def on_seat_changed(d: Domain, event: SeatChanged) -> None:
    """Follow the report of a phone. A call on it that is not ours makes the agent busy."""
    seat = d.seat_of(event.seat)
    seat.reachable, seat.in_use = event.reachable, event.in_use
    d.timers.cancel_deadline(("seat_retry", event.seat))
    if not event.in_use:
        seat.settling = False
        d.timers.cancel_deadline(("phone_settle", event.seat))
    _refresh_phone_state(d, seat)
