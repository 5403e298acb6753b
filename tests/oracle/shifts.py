"""Agent states, the events of agents, and their phones."""

from __future__ import annotations

from routing.core import events as e
from routing.core.model.centre_model import WrapUpMode
from tests.oracle import burden, calls, learned, steps
from tests.oracle.state import (
    AWAY,
    BUSY,
    ENGAGED,
    FREE,
    NOT_RESPONDING,
    PAUSED,
    PENDING,
    READY,
    RINGING,
    SIGNED_OUT,
    TALKING,
    UNREACHABLE,
    WRAPPING,
    WRAPUP,
    Person,
    Phone,
)

SETTLE_S = 2.0
PHONE_AGAIN_S = 60.0


def engage(h, p: Person) -> None:
    """Set the state by what engages the agent most: a talk that is not held, an offer, a wrap-up."""
    become(h, p, WRAPUP, "")


def become(h, p: Person, to, reason: str, *, keep_idle: bool = False, moved: bool = False) -> None:
    """Set this state. With contacts at hand the contacts decide the state; without them the phone decides. `keep_idle`
    keeps the place among the idle agents. `moved` means a change of seat only."""
    before = p.state
    # A detached wrap-up ends by the clock or by the agent's word.
    if p.hands or (p.detached_wrapup and not moved and to is not WRAPUP):
        moved = moved and len(p.hands) == 1 and not p.detached_wrapup
        reason = p.reason if moved else ""
        to = WRAPUP
        if any(one.talks and not one.interrupted for one in p.hands):
            to = TALKING
        elif any(one.rings for one in p.hands):
            to = RINGING
    if to in FREE and p.next_seat is not None:
        seat, p.next_seat = p.next_seat, None
        if h.phone(seat).person is None and (h.centre.seats is None or seat in h.centre.seats):
            sit(h, p, seat)
    if to in FREE:
        to = READY if p.phone is None else phone_state(p.phone)
    before_s = h.now - p.since if p.ever else 0.0
    p.ever = True
    if to is not before or not p.hands or moved:
        if before is READY:
            burden.idle_over(h, p)
        p.state, p.reason, p.since = to, reason, h.now
    if to in FREE and not keep_idle:
        p.idle_since = h.now
        burden.gap(h, p)
    if to in (PAUSED, SIGNED_OUT):
        p.pause_pending, p.leave_pending = "", False
    if (before in AWAY or to in AWAY) and not moved:
        burden.break_changed(h, p, before, before_s)
    if to is SIGNED_OUT and p.usual is not None:
        p.agent, p.usual = p.usual, None
    if to is SIGNED_OUT:
        if p.phone is not None:
            p.phone.person, p.phone = None, None
        p.messages_from = 0.0
        p.detached_wrapup, p.detached_wrapup_until, p.talked_until = False, None, None
        p.rna_count, p.not_before, p.gap_until = 0, 0.0, 0.0
        p.asked_last = False
    # A heavy offer of the same event may take the agent from others who wait, so the look comes before the review.
    h.touch(p)
    steps.review_preferred(h, p)


def phone_state(phone: Phone):
    """Return the state of a free agent by the phone."""
    if not phone.reachable:
        return UNREACHABLE
    return BUSY if phone.in_use and not phone.settling else READY


def free(h, p: Person, reason: str, *, keep_idle: bool = False) -> None:
    """Go on after a contact: with the other contacts, with the pause or sign-out that waits, or as ready."""
    if p.hands:
        calls.go_on(h, p)
        engage(h, p)
    elif p.detached_wrapup:
        become(h, p, WRAPUP, "")
    elif p.leave_pending or not p.configured:
        become(h, p, SIGNED_OUT, "signed_out" if p.configured else "removed")
    elif p.pause_pending:
        become(h, p, PAUSED, p.pause_pending)
    elif p.rna_count and p.rna_count >= p.agent.profile.rna_allowed:
        become(h, p, NOT_RESPONDING, "ring_no_answer")
    else:
        become(h, p, READY, reason, keep_idle=keep_idle)


def known(h, agent: str) -> Person:
    """Return an agent who is in the team or still at work, or refuse."""
    p = h.people.get(agent)
    if p is None or not (p.configured or p.signed):
        h.refuse("unknown_agent")
    return p


def signed(h, agent: str) -> Person:
    """Return an agent who is signed in, or refuse."""
    p = known(h, agent)
    if not p.signed:
        h.refuse("not_signed_in")
    return p


def sign_in(h, event: e.AgentSignedIn) -> None:
    """Sign the agent in at a seat, or move them to another seat."""
    p = known(h, event.agent)
    if not p.configured:
        h.refuse("unknown_agent")
    if event.seat is not None and h.centre.seats is not None and event.seat not in h.centre.seats:
        h.refuse("unknown_seat")
    if event.seat in h.phones and h.phones[event.seat].person not in (None, p):
        h.refuse("seat_taken")
    if not p.signed:
        sit(h, p, event.seat)
        p.rna_count = 0
        become(h, p, READY, "signed_in")
    elif p.seat == event.seat or p.state in (RINGING, TALKING):
        if p.seat != event.seat and (not p.agent.remote or event.seat is None):
            h.refuse("not_now")
        p.next_seat = None if p.seat == event.seat else event.seat
        if p.leave_pending:
            p.leave_pending = False
            burden.kept(h, p)
            h.touch(p)
    else:
        sit(h, p, event.seat)
        become(h, p, READY if p.state in FREE else p.state, p.reason, keep_idle=True, moved=True)


def sit(h, p: Person, seat: str | None) -> None:
    """Place the agent at this seat only, or at none. An external number is always reachable."""
    if p.phone is not None:
        p.phone.person = None
    if seat is None:
        p.phone = p.next_seat = None
        return
    p.phone, p.next_seat = h.phone(seat), None
    p.phone.person = p
    if p.agent.remote:
        p.phone.reachable = True


def sign_out(h, event: e.AgentSignedOut) -> None:
    """Sign the agent out at their request."""
    dismiss(h, known(h, event.agent), "signed_out")


def talks(p: Person) -> bool:
    """Return whether the agent talks."""
    return any(one.talks for one in p.hands)


def wraps(p: Person) -> bool:
    """Return whether the agent has a wrap-up."""
    return p.detached_wrapup or any(one.state is WRAPPING for one in p.hands)


def dismiss(h, p: Person, reason: str) -> None:
    """Sign the agent out at once, or after the last talk."""
    if not p.signed or (talks(p) and p.leave_pending):
        return
    if p.state not in ENGAGED:
        become(h, p, SIGNED_OUT, reason)
    elif talks(p):
        p.leave_pending = True
        h.touch(p)
        if len(p.hands) > 1:
            take_back(h, p, "signed_out", SIGNED_OUT, reason)
        end_wrap_ups(h, p, reason)
    else:
        if wraps(p) or p.state is not RINGING:
            p.leave_pending = True
        take_back(h, p, "signed_out", SIGNED_OUT, reason)
        end_wrap_ups(h, p, reason)


def take_back(h, p: Person, reason: str, to, why: str) -> None:
    """Rescind the offers that ring."""
    for one in list(p.hands):
        if one.rings:
            calls.rescind(h, one, reason)
            calls.close(h, one, "rescinded", reason, to=to, why=why, by=p)


def end_wrap_ups(h, p: Person, reason: str) -> None:
    """End all wrap-ups of the agent."""
    for one in list(p.hands):
        if one.state is WRAPPING:
            calls.wrap_up(h, one, reason)
    calls.end_detached_wrapup(h, p, reason)


def paused(h, event: e.AgentPaused) -> None:
    """Pause the agent at their request. A waiting break with another reason becomes theirs."""
    p = signed(h, event.agent)
    reason = event.reason or burden.usual(h)
    if burden.row_of(h, reason) is None:
        h.refuse("unknown_reason")
    if p.break_s and p.pause_pending != reason:
        p.break_s = 0.0
    pause(h, p, reason)


def pause(h, p: Person, reason: str) -> None:
    """Pause the agent at once, or after all talks and wrap-ups."""
    if p.state not in ENGAGED:
        if p.state is not PAUSED or p.reason != reason:
            become(h, p, PAUSED, reason)
    elif p.state is RINGING and not wraps(p):
        take_back(h, p, "paused", PAUSED, reason)
    elif not p.leave_pending and p.pause_pending != reason:
        p.pause_pending = reason
        h.touch(p)
        if len(p.hands) > 1:
            take_back(h, p, "paused", PAUSED, reason)


def by_clock_only(p: Person) -> bool:
    """Return whether only the clock can end the wrap-up."""
    timeless = [one for one in p.hands if one.state is WRAPPING and "wrap" not in one.due]
    return p.agent.profile.wrapup_mode is WrapUpMode.MANDATORY_FORCED_TIMEOUT and not timeless \
        and (not p.detached_wrapup or p.detached_wrapup_until is not None)


def resumed(h, event: e.AgentResumed) -> None:
    """Make the agent ready again."""
    p = signed(h, event.agent)
    forced = p.state is WRAPUP and by_clock_only(p)
    if forced and not p.pause_pending:
        h.refuse("not_now")
    forgets, rests = bool(p.pause_pending), p.rest_until > h.now
    p.pause_pending = ""
    if forgets:
        burden.forgone(h, p)
    if rests:
        p.rest_until = 0.0
    p.messages_from = 0.0
    if p.state in (PAUSED, NOT_RESPONDING):
        p.rna_count = 0
        become(h, p, READY, "resumed")
    elif p.state is WRAPUP and not forced:
        end_wrap_ups(h, p, "wrapped_up")
    elif rests or forgets or (p.hands and p.rna_count >= p.agent.profile.rna_allowed):
        p.rna_count = 0
    h.touch(p)


def wrap_up_ended(h, event: e.WrapUpEnded) -> None:
    """End the wrap-up of one contact or of all, before the time is over."""
    p = signed(h, event.agent)
    ended = [one for one in p.hands if one.state is WRAPPING and event.contact in (None, one.caller.id)]
    detached_wrapup = p.detached_wrapup and event.contact is None
    if (ended or detached_wrapup) and by_clock_only(p):
        h.refuse("not_now")
    for one in ended:
        calls.wrap_up(h, one, "wrapped_up")
    if detached_wrapup:
        calls.end_detached_wrapup(h, p, "wrapped_up")


def wrap_up_extended(h, event: e.WrapUpExtended) -> None:
    """Extend each wrap-up that the clock would end, or that of one contact."""
    p = signed(h, event.agent)
    running = [one for one in p.hands if "wrap" in one.due and one.person is p
               and event.contact in (None, one.caller.id)]
    detached_wrapup = p.detached_wrapup_until is not None and event.contact is None
    if not running and not detached_wrapup:
        h.refuse("not_now")
    more = p.agent.profile.wrapup_extend_s
    for one in running:
        one.due["wrap"] += more
    if detached_wrapup:
        p.detached_wrapup_until += more


def wrap_up_asked(h, event: e.WrapUpRequested) -> None:
    """Request a wrap-up after this talk, or after a talk that has just ended."""
    p = signed(h, event.agent)
    profile = p.agent.profile
    named = [one for one in p.hands if event.contact in (None, one.caller.id)]
    talking = [one for one in named if one.talks]
    if talking and not calls.may_wrap_up(p):
        h.refuse("not_now")
    if profile.wrapup_mode in calls.BY_WISH:
        for one in talking:
            if not one.wrapup_requested:
                one.wrapup_requested = True
                h.tell("WrapUpRequestedRecorded", one.id, p.id)
    if talking or any(one.state is WRAPPING for one in named):
        return
    if event.contact is not None:
        h.refuse("not_now")
    if wraps(p):
        return
    if profile.wrapup_mode is not WrapUpMode.OPTIONAL or p.talked_until is None or p.state not in FREE \
            or h.now - p.talked_until > profile.wrapup_s or profile.wrapup_s <= 0:
        h.refuse("not_now")
    calls.begin_detached_wrapup(h, p)


def skilled(h, event: e.AgentSkillsChanged) -> None:
    """Set other skills for now."""
    p = signed(h, event.agent)
    usual = p.usual or p.agent
    skills = usual.skills if event.skills is None else event.skills
    if event.added:
        skills = tuple((dict(p.agent.skills) | dict(skills)).items())
    if learned.unqualified(h.services.values(), usual, skills):
        h.refuse("qualification_needed")
    if skills == p.agent.skills:
        return
    p.agent, p.usual = usual._replace(skills=skills), None if skills == usual.skills else usual
    if p.agent.remote and p.phone is not None:
        p.phone.reachable = True
    steps.review_preferred(h, p)
    h.touch(p)
    calls.review_ringing(h, list(p.hands))


def desk_changed(h, event: e.DeskChanged) -> None:
    """Note whether a desk is open. A message that rings at a closed one looks for another agent."""
    p = known(h, event.agent)
    if p.desk is event.present:
        return
    if not p.ever:
        p.ever, p.since = True, h.now
    p.desk, p.messages_from = event.present, 0.0
    h.tell("DeskChangedRecorded", p.id, event.present)
    if not p.signed:
        return
    steps.review_preferred(h, p)
    h.touch(p)
    for one in [] if p.desk else list(p.hands):
        if one.state is PENDING and not one.voice:
            calls.rescind(h, one, "desk_closed")
            calls.close(h, one, "rescinded", "desk_closed", keep_idle=True)


def returns_after_s(p: Person) -> float | None:
    """Return how long the agent does not respond, or None if only a person ends it."""
    own = p.agent.profile.auto_return_s
    return max(300.0, own or 0.0) if p.reason == "phone_drops" else own


def returned(h, p: Person) -> None:
    """Make the agent ready after the time of not responding. A phone that hung up has one try."""
    p.rna_count = p.agent.profile.rna_allowed - 1 if p.reason == "phone_drops" else 0
    become(h, p, READY, "auto_return")


# --- phones


def phone_changed(h, event: e.SeatChanged) -> None:
    """Store the state that the phone reports."""
    phone = h.phone(event.seat)
    phone.reachable, phone.in_use, phone.again_at = event.reachable, event.in_use, None
    if not event.in_use:
        phone.settling, phone.settle_at = False, None
    refresh(h, phone)


def refresh(h, phone: Phone) -> None:
    """Update the state of a free agent by the phone."""
    p = phone.person
    if p is None:
        return
    if p.state in FREE and phone_state(phone) is not p.state:
        become(h, p, READY, "seat")
    h.touch(p)


def leg_over(h, phone: Phone) -> None:
    """Wait for a moment until the phone reports the end of the node's leg."""
    if phone.in_use:
        phone.settling, phone.settle_at = True, h.now + SETTLE_S


def settled(h, phone: Phone) -> None:
    """Stop waiting for the phone."""
    phone.settling, phone.settle_at = False, None
    refresh(h, phone)


def lose_phone(h, phone: Phone) -> None:
    """Mark the phone as unreachable, because it did not react."""
    if phone.reachable:
        phone.again_at = h.now + PHONE_AGAIN_S
    phone.reachable, phone.in_use, phone.settling, phone.settle_at = False, False, False, None


def phone_again(h, phone: Phone) -> None:
    """Allow another try of the phone."""
    phone.reachable, phone.again_at = True, None
    refresh(h, phone)
