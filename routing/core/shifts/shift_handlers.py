"""Handle the agents' own actions: sign in and out, take a break, resume, end or extend a wrap-up."""

from __future__ import annotations

from routing.core import emit
from routing.core.agents import agent_capacity, break_rules, presence
from routing.core.calls import offer_changes, talk_changes
from routing.core.domain import Domain
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    AgentSkillsChanged,
    DeskChanged,
    WrapUpEnded,
    WrapUpExtended,
    WrapUpRequested,
)
from routing.core.matching.skill_requirement import find_unqualified
from routing.core.model.centre_model import ENGAGED_STATES, AgentState, OfferState, WrapUpMode
from routing.core.model.errors import NotNow, QualificationNeeded, SeatTaken, UnknownAgent, UnknownSeat
from routing.core.model.reasons import DESK_CLOSED
from routing.core.queueing import contact_queue
from routing.core.records import AgentRecord
from routing.core.shifts import load_handlers
from routing.core.timers import Key

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
PENDING, WRAPPING = OfferState.PENDING, OfferState.WRAPPING
MANDATORY_FORCED_TIMEOUT = WrapUpMode.MANDATORY_FORCED_TIMEOUT
NOT_RESPONDING, PAUSED, RINGING, SIGNED_OUT, TALKING, WRAPUP = (
    AgentState.NOT_RESPONDING, AgentState.PAUSED, AgentState.RINGING, AgentState.SIGNED_OUT, AgentState.TALKING,
    AgentState.WRAPUP)



def sign_in(d: Domain, event: AgentSignedIn) -> None:
    """Sign an agent in at a seat or without one, or move the agent to another seat. A seat has at most one agent.

    A seat cannot be changed while the phone rings or is talked on. A remote agent is then moved after the call: the
    roster signs the agent in only once, and nobody is there to repeat it.
    """
    # 1. Refuse what cannot be, before anything changes.
    record = presence.require_agent(d, event.agent)
    if not record.configured:
        raise UnknownAgent(f"agent {event.agent} is no longer in the team")
    if event.seat is not None and d.seats_allowed is not None and event.seat not in d.seats_allowed:
        raise UnknownSeat(f"no seat {event.seat} in the centre; see [seats] of santral.toml")
    seat = None if event.seat is None else d.seats.get(event.seat)
    if seat is not None and seat.agent is not None and seat.agent is not record:
        raise SeatTaken(f"another agent is signed in at seat {event.seat}; sign out there first")
    # 2. A new shift, the same seat again, or another seat: during a call only for a remote agent.
    if record.state is SIGNED_OUT:
        record.rna_count = 0
        presence.seat_agent(d, record, event.seat)
        presence.enlist_agent(d, record)
        presence.change_state(d, record, "sign_in", "signed_in")
    elif record.seat == event.seat:
        record.next_seat = None
        _cancel_sign_out(d, record)
    elif record.state in (RINGING, TALKING):
        if not record.agent.remote or event.seat is None:
            raise NotNow(f"agent {event.agent} has a call at seat {record.seat}; change the seat after it")
        record.next_seat = event.seat
        _cancel_sign_out(d, record)
    else:
        presence.seat_agent(d, record, event.seat)
        presence.change_state(d, record, "move", record.reason, keep_idle=True)


def _cancel_sign_out(d: Domain, record: AgentRecord) -> None:
    """Cancel a sign-out that was scheduled for the end of the current talk."""
    if record.leave_pending:
        record.leave_pending = False
        break_rules.postpone_break(d, record)
        presence.emit_request(d, record)
        presence.update_placement(d, record)


def sign_out(d: Domain, event: AgentSignedOut) -> None:
    """Sign an agent out: at once, or after the talk."""
    record = presence.require_agent(d, event.agent)
    dismiss_agent(d, record, "signed_out")


def dismiss_agent(d: Domain, record: AgentRecord, reason: str) -> None:
    """Sign an agent out at once, or after the last talk.

    Ringing offers are rescinded, and wrap-ups are completed.
    """
    # 1. Without live contacts, the agent is signed out at once.
    if record.state not in ENGAGED_STATES:
        if record.state is not SIGNED_OUT:
            presence.change_state(d, record, "sign_out", reason)
    # 2. During a talk, the sign-out waits for its end. A waiting break is kept: the sign-out may be cancelled.
    elif _has_talk(record):
        if not record.leave_pending:
            record.leave_pending = True
            _defer_departure(d, record, "signed_out", "sign_out", reason)
            _end_wrap_ups(d, record, reason)
    # 3. While the phone rings, and nothing else: the closed offer signs the agent out.
    elif record.state is RINGING and not _has_wrap_up(record):
        offer_changes.rescind_ringing(d, record, "signed_out", "sign_out", reason)
    # 4. Otherwise the end of the last wrap-up signs the agent out.
    else:
        record.leave_pending = True
        offer_changes.rescind_ringing(d, record, "signed_out", "sign_out", reason)
        _end_wrap_ups(d, record, reason)


def pause_agent(d: Domain, event: AgentPaused) -> None:
    """Pause an agent: at once, or after all talks and wrap-ups."""
    record = presence.signed_in_agent(d, event.agent)
    if record.state not in ENGAGED_STATES:
        if record.state is not PAUSED or record.reason != event.reason:
            presence.change_state(d, record, "pause", event.reason)
    elif record.state is RINGING and not _has_wrap_up(record):
        offer_changes.rescind_ringing(d, record, "paused", "pause", event.reason)
    # A sign-out that waits for the end of the talk is stronger than a break.
    elif not record.leave_pending and record.pause_pending != event.reason:
        record.pause_pending = event.reason
        _defer_departure(d, record, "paused", "pause", event.reason)


def _defer_departure(d: Domain, record: AgentRecord, reason: str, to: str, to_reason: str) -> None:
    """Let a break or sign-out wait for the end of the talk.

    Nothing new is offered until then, and ringing offers are rescinded.
    """
    presence.emit_request(d, record)
    presence.update_placement(d, record)
    if len(record.offers) > 1:
        offer_changes.rescind_ringing(d, record, reason, to, to_reason)


def _has_talk(record: AgentRecord) -> bool:
    return any(agent_capacity.is_talking(offer) for offer in record.offers.values())


def _has_wrap_up(record: AgentRecord) -> bool:
    return record.detached_wrapup or any(offer.state is WRAPPING for offer in record.offers.values())


def _end_wrap_ups(d: Domain, record: AgentRecord, reason: str) -> None:
    for offer in list(record.offers.values()):
        if offer.state is WRAPPING:
            talk_changes.end_wrapup(d, offer, reason)
    talk_changes.end_detached_wrapup(d, record, reason)


def resume_agent(d: Domain, event: AgentResumed) -> None:
    """Make an agent ready again.

    A break that has not begun and a count of ring-no-answers are dropped, and a wrap-up ends. Raise NotNow if only the
    clock can end the wrap-up.
    """
    record = presence.signed_in_agent(d, event.agent)
    # 1. A wrap-up that only the clock ends is refused, unless the request drops a break.
    forced = record.state is WRAPUP and _ends_by_clock_only(d, record)
    if forced and not record.pause_pending:
        raise _forced_wrap_up_error(record)
    # 2. Drop a break that waits, and a rest.
    forgets, record.pause_pending = bool(record.pause_pending), ""
    if forgets:
        break_rules.skip_break(d, record)
    rested = load_handlers.end_rest(d, record)
    writes = presence.end_message_pause(d, record)
    # 3. End the pause or the wrap-up. Otherwise emit what was dropped, so that it survives a restart.
    if record.state in (PAUSED, NOT_RESPONDING):
        record.rna_count = 0
        presence.change_state(d, record, "released", "resumed")
    elif record.state is WRAPUP and not forced:
        _end_wrap_ups(d, record, "wrapped_up")
    elif rested or forgets or (record.offers and record.rna_count >= record.profile.rna_allowed):
        record.rna_count = 0
        presence.emit_request(d, record)
        presence.update_placement(d, record)
    elif writes:
        presence.update_placement(d, record)


def on_desk_changed(d: Domain, event: DeskChanged) -> None:
    """Let messages come to an agent who has opened a desk, and no more to one who has closed the last one.

    A message that rings at a closed desk is rescinded, which counts against nobody. Messages in talk stay with the
    agent, who may open a desk again.
    """
    record = presence.require_agent(d, event.agent)
    if record.desk is event.present:
        return
    # 1. Note the desk. An agent may open it before the first sign-in, and is signed out since then as far as is known.
    if not record.version:
        record.since = d.now
    record.desk, record.version = event.present, record.version + 1
    presence.end_message_pause(d, record)
    emit.desk_changed(d, record, present=event.present)
    if not record.is_signed_in:
        return
    # 2. The index has a place for each set of channels.
    presence.enlist_again(d, record)
    contact_queue.review_preferred(d, record)
    presence.update_placement(d, record)
    presence.place_partner(d, record)
    # 3. Find others for what rings here.
    if not record.desk:
        for offer in [one for one in record.offers.values() if one.state is PENDING and not one.voice]:
            offer_changes.rescind_offer(d, offer, DESK_CLOSED)
            offer_changes.close_offer(d, offer, "rescinded", DESK_CLOSED, keep_idle=True)


def _ends_by_clock_only(d: Domain, record: AgentRecord) -> bool:
    """Return whether only the clock can end the agent's wrap-up.

    A wrap-up that began under a different profile may have no clock. The agent's request ends it then.
    """
    return record.profile.wrapup_mode is MANDATORY_FORCED_TIMEOUT and (
        not record.detached_wrapup or d.timers.deadline_of(("detached_wrapup", record.id)) is not None) and all(
            d.timers.deadline_of(("wrapup", offer.id)) is not None for offer in record.offers.values()
            if offer.state is WRAPPING)


def _forced_wrap_up_error(record: AgentRecord) -> NotNow:
    return NotNow(f"the wrap-up of agent {record.id} cannot be ended now")


def on_wrap_up_ended(d: Domain, event: WrapUpEnded) -> None:
    """End a wrap-up early, for one contact or for all.

    A second request, or one after the deadline, changes nothing. Raise NotNow if only the clock can end the wrap-up.
    """
    agent, contact = event
    record = presence.signed_in_agent(d, agent)
    ended = [offer for offer in record.offers.values() if offer.state is WRAPPING
             and (contact is None or contact == offer.contact.id)]
    aside = record.detached_wrapup and contact is None
    if (ended or aside) and _ends_by_clock_only(d, record):
        raise _forced_wrap_up_error(record)
    for offer in ended:
        talk_changes.end_wrapup(d, offer, "wrapped_up")
    if aside:
        talk_changes.end_detached_wrapup(d, record, "wrapped_up")


def on_wrap_up_extended(d: Domain, event: WrapUpExtended) -> None:
    """Extend running wrap-ups by the step of the profile, of one contact or of all. Raise NotNow if none runs."""
    agent, contact = event
    record = presence.signed_in_agent(d, agent)
    keys: list[Key] = [("wrapup", offer.id) for offer in record.offers.values() if contact in (None, offer.contact.id)]
    if contact is None:
        keys.append(("detached_wrapup", record.id))
    found = [(key, at) for key in keys if (at := d.timers.deadline_of(key)) is not None]
    if not found:
        raise NotNow(f"agent {agent} has no wrap-up that could be extended now")
    for key, at in found:
        d.timers.set_deadline(key, at + record.profile.wrapup_extend_s)
    presence.emit_request(d, record)


def on_wrap_up_requested(d: Domain, event: WrapUpRequested) -> None:
    """Let a wrap-up follow the present talk, or one that has just ended.

    Nothing changes if a wrap-up comes anyway or runs. Raise NotNow if none would come: the agent would count on it.
    """
    agent, contact = event
    record = presence.signed_in_agent(d, agent)
    talking = [offer for offer in record.offers.values()
               if agent_capacity.is_talking(offer) and contact in (None, offer.contact.id)]
    # 1. Refuse before anything changes.
    if talking and not talk_changes.can_wrap_up(record):
        raise NotNow(f"no wrap-up comes after this talk of agent {agent}")
    # 2. Note the request with the talk, so that it survives a restart.
    if record.profile.wrapup_mode in talk_changes.ON_REQUEST_MODES:
        for offer in talking:
            if not offer.wrapup_requested:
                offer.wrapup_requested = True
                d.mark(offer)
                emit.wrap_up_wanted(d, offer=offer.id, contact=offer.contact.id, agent=record.id)
    # 3. After the talk one may still begin for a while. A contact that is over has no name any more.
    if talking or any(offer.state is WRAPPING and contact in (None, offer.contact.id)
                      for offer in record.offers.values()):
        return
    if contact is not None or not (record.detached_wrapup or talk_changes.request_late_wrapup(d, record)):
        raise NotNow(f"agent {agent} has no talk after which a wrap-up could come; ask within the talk")


def on_skills_changed(d: Domain, event: AgentSkillsChanged) -> None:
    """Set other skills of an agent for the time being, and look at waiting and ringing contacts with them at once.

    They last until the agent signs out, or until settings change the agent. Raise QualificationNeeded if the floor of a
    distress service asks for one that the settings do not give at this level.
    """
    record = presence.signed_in_agent(d, event.agent)
    usual = record.agent if record.as_configured is None else record.as_configured
    skills = usual.skills if event.skills is None else event.skills
    if event.added:
        skills = tuple((dict(record.agent.skills) | dict(skills)).items())
    if needed := find_unqualified(d.services.values(), usual, skills):
        raise QualificationNeeded(f"{needed}: a service for distress asks for it, so team.yaml gives it to agent "
                                  f"{record.id}, and nobody for a day")
    if skills == record.agent.skills:
        return
    # The index has a place for each set of skills: the agent leaves with the old and enters with the new ones.
    d.matching.sign_out(record)
    record.set_agent(usual._replace(skills=skills))
    record.as_configured = None if skills == usual.skills else usual
    presence.enlist_agent(d, record)
    presence.emit_request(d, record)
    contact_queue.review_preferred(d, record)
    presence.update_placement(d, record)
    presence.place_partner(d, record)
    offer_changes.rescind_unfit(d, record.offers.values())
