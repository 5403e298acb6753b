"""Callbacks: the caller asked for one, or the line was lost."""

from __future__ import annotations

from routing.core import events as e
from routing.core.model import commands
from routing.core.model.centre_model import Outcome
from tests.oracle import ahead, callers, calls, choice, rules
from tests.oracle.state import ASSIGNED, PENDING, VOICE, WAITS, Caller

SERVED_S = 30.0
"""A caller who has talked for this long was served."""

DAY_S = 86_400.0

LATELY_S = 60.0
"""A line may be silent for this long before its loss is known."""


def needless(h, offer, service, at: float) -> None:
    """Cancel callbacks that this call makes unnecessary: same caller, same service, queued before this call. A callback
    does not replace another callback."""
    caller = offer.caller
    theirs = {caller.hash, caller.other_hash} - {""}
    been = {service.id, *caller.visited}
    if not was_served(h, offer, service, at):
        return
    for one in list(h.callers.values()):
        if one.callback and one.in_line and one.queued_at < caller.queued_at and theirs & {one.hash, one.other_hash} \
                and been & {one.service.id, *one.visited}:
            callers.end(h, one, Outcome.LEFT, "served")


def pause(h, caller: Caller) -> None:
    """Let the phone of a callback rest for 10 s, or until the number may be dialled again."""
    caller.not_before = max(caller.not_before, h.now + 10.0, free_at(h, caller.dialled))


def free_at(h, number: str) -> float:
    """Return when a number may be dialled again: its dials of a day have a limit."""
    lately = [at for name, at in h.dials if name == number != "" and at > h.now - DAY_S]
    most = h.centre.callback_dials_per_day
    return lately[-most] + DAY_S if len(lately) >= most else 0.0


def spared(h, number: str) -> bool:
    """Return whether the owner of the number has refused twice within a day."""
    return sum(name == number != "" and at > h.now - DAY_S for name, at in h.refusals) >= 2


def was_served(h, offer, service, at: float) -> bool:
    """Return whether the talk was long enough and was not a callback. Remember such talks."""
    long = at - offer.connected_at >= SERVED_S and offer.voice and not offer.calls_back
    if long:
        h.served.append((offer.caller.hash, service.id, offer.caller.queued_at, at))
    return long


def look_who_calls(h) -> None:
    """Hold the callbacks whose caller is on the line in a later call for the same service. After that call they wait
    for a moment."""
    for one in list(h.callers.values()):
        before, one.caller_on_line = one.caller_on_line, one.callback and one.in_line and any(
            calls_for(c, one) for c in h.callers.values())
        if one.caller_on_line and one.offer is not None and not one.offer.dialling:
            calls.rescind(h, one.offer, "caller_on_line")
            calls.close(h, one.offer, "rescinded", "caller_on_line", keep_idle=True)
        if before and not one.caller_on_line and one.callback:
            pause(h, one)
            h.arm(one)


def calls_for(caller: Caller, waits: Caller, asked: str | None = None) -> bool:
    """Return whether `caller` is a later call for the callback that `waits`. `asked` is the service before a consult
    transfer."""
    been = {caller.service.id, asked, *caller.visited}
    if caller.consulting_offer is not None:
        been.add(caller.consulting_offer.service_before_consult.id)
    return caller.channel is VOICE and not caller.callback and (caller.in_line or caller.state is ASSIGNED) \
        and caller.queued_at > waits.queued_at and bool(been & {waits.service.id, *waits.visited}) \
        and bool({caller.hash, caller.other_hash} & {waits.hash, waits.other_hash} - {""})


def reachable(caller: Caller) -> bool:
    """Return whether the caller has a number that may be called."""
    service = caller.service
    return service.follows_up and not service.anonymous and (caller.hash or caller.other_hash) != ""


def call_again(h, caller: Caller, at: float) -> None:
    """Queue a follow-up callback of the same age for a lost call, once, if the caller has agreed."""
    name = f"f{caller.id}"
    if not caller.follow_up or not reachable(caller) or name in h.callers or name in h.over:
        return
    again = [one for one in h.callers.values() if rings_again(one, caller)]
    for one in again:
        before = one.since, one.points
        if one.in_line and one.service.id == caller.service.id:
            one.since, one.points = min(one.since, caller.since), max(one.points, caller.points)
        if before != (one.since, one.points):
            h.arm(one)
            h.tell("ContactChanged", one.id, one.points)
    served = [came for name, service, came, over_at in h.served if name == caller.hash != ""
              and service == caller.service.id and over_at >= at - LATELY_S and came > caller.queued_at]
    h.served_since += bool(served and not again)
    if again or served or spared(h, caller.dialled):
        return
    new = Caller(name, caller.service, VOICE, caller.since, caller.points, h.take_number(), h.now, "", caller.slow,
                 caller.node, caller.hash, caller.needs, caller.topics, entered_at=caller.since, step_at=h.now,
                 callback=True, anytime=True, other_hash=caller.other_hash,
                 language=caller.language, ends_at=h.now + 3_600.0 * h.centre.callback_hours)
    pause(h, new)
    h.callers[name] = new
    h.arm(new)
    h.tell("Queued", name, new.service.id, callers.position(h, new))
    h.tell("CallbackChanged", name, 0, new.not_before, "requested")


def rings_again(one: Caller, lost: Caller) -> bool:
    """Return whether the caller of a lost line is on a later call, or has a later callback for the same service."""
    there = one.in_line or one.state is ASSIGNED
    if one.callback and one.service.id != lost.service.id:
        there = False
    return there and one.channel is VOICE and "" != one.hash == lost.hash and one.queued_at > lost.queued_at


def callback_asked(h, event: e.CallbackRequested) -> None:
    """Turn the waiting call into a callback."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or caller.channel is not VOICE or caller.consulting_offer:
        return
    start, stop = event.window or (h.now, h.now + 3_600.0 * h.centre.callback_hours)
    past = stop <= h.now or stop <= start
    if caller.callback:
        if caller.leg and event.window is not None:
            if past:
                h.refuse("window_past")
            choose_time(h, caller, start, stop)
        return
    service = caller.service
    if past:
        h.refuse("window_past")
    if service.anonymous or service.callback == "none":
        h.refuse("no_callback")
    number = event.caller_hash or caller.hash
    waiting = [c for c in h.callers.values() if c.callback and c.in_line]
    same = [c for c in waiting if c.dialled == number != ""]
    theirs = number == caller.hash
    if any(not theirs or (not c.others_line and c.service.id != service.id) for c in same):
        h.refuse("callback_exists")
    if spared(h, number) or free_at(h, number) > h.now:
        h.refuse("number_left_alone")
    if sum(c.service.id == service.id and c not in same for c in waiting) >= service.callback_max:
        h.refuse("no_callback")
    before = caller.since, caller.points
    for one in same:
        if not one.others_line:
            caller.since, caller.points = min(caller.since, one.since), max(caller.points, one.points)
        callers.end(h, one, Outcome.LEFT, "replaced" if one.others_line else "merged")
    if before != (caller.since, caller.points):
        h.tell("ContactChanged", caller.id, caller.points)
    caller.callback, caller.in_menu, caller.urgent, caller.told, caller.act = True, False, False, None, None
    if not caller.leg:
        caller.farewell = ""
    rules.forget(caller)
    caller.other_hash = event.caller_hash
    caller.not_before, caller.ends_at = max(h.now + max(0.0, event.after_s), start), stop
    caller.anytime = event.anytime and not caller.others_line
    caller.deferred = event.window is not None
    calls.drop_ringing(h, caller, "callback")
    h.arm(caller)
    h.tell("CallbackChanged", caller.id, caller.tries, caller.not_before, "requested")


def choose_time(h, caller: Caller, start: float, stop: float) -> None:
    """Call at the time that the caller chooses before hanging up."""
    caller.not_before, caller.ends_at, caller.deferred = max(h.now, start), stop, True
    h.arm(caller)
    h.tell("CallbackChanged", caller.id, caller.tries, caller.not_before, "time_chosen")


def callback_taken(h, event: e.CallbackAccepted) -> None:
    """Dial the caller for the agent who has answered, or connect a caller who has come by themselves."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is not PENDING or not offer.calls_back or offer.dialling:
        return
    if offer.caller.callback:
        dial(h, offer)
    else:
        join(h, offer)


def dial(h, offer) -> None:
    """Ring the caller's phone. The deadline of the agent's phone ends."""
    caller = offer.caller
    offer.dialling, offer.dialled, caller.dial_released = True, True, False
    h.dials.append((caller.dialled, h.now))
    offer.due = {"dial": h.now + 75.0} if h.up(caller.node) else {}
    h.commands.append(commands.DialCaller(offer.id, caller.id, "", caller.service.id, caller.since, caller.points,
                                    caller.slow, caller.service.callback_press or caller.others_line, caller.node,
                                    caller.language))
    h.tell("CallbackDialled", offer.id, caller.id)


def callback_reached(h, event: e.CallbackReached) -> None:
    """Put the caller back in the queue as a call, because they are on the line."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or not caller.callback:
        return
    caller.callback, caller.leg, caller.not_before, caller.entered_at = False, event.leg, 0.0, h.now
    caller.deferred = False
    h.seen["callers who answered without an agent"] += caller.dialling
    ahead.forget(caller)
    h.arm(caller)
    offer = caller.offer
    if offer is not None and offer.dialling:
        offer.dialling, offer.due = False, {}
        if offer.caller_first:
            choice.ring(h, offer)
        else:
            join(h, offer)
    h.tell("CallbackChanged", caller.id, caller.tries, 0.0, "reached")


def join(h, offer) -> None:
    """Connect agent and caller: both are on the line."""
    caller = offer.caller
    h.commands.append(commands.ConnectCallback(offer.id, caller.id, caller.leg, caller.node, offer.partner is not None))
    if h.up(caller.node):
        offer.due["pre_connect"] = h.now + 30.0


def callbacks_quiet(h, event: e.QuietHoursChanged) -> None:
    """Begin or end quiet hours, in which nobody is dialled."""
    if h.quiet and not event.on:
        for one in h.callers.values():
            one.deferred = one.deferred or (one.callback and one.state is WAITS and not one.anytime)
    h.quiet = event.on


def callback_failed(h, event: e.CallbackFailed) -> None:
    """Count a failed try, because the caller did not answer."""
    if event.offer is None:
        caller = h.callers.get(event.contact)
        if caller is not None and caller.callback and (caller.dialling or caller.dial_released):
            caller.dial_released = False
            h.seen["failed tries of callers without their agent"] += not caller.dialling
            if caller.offer is not None:
                give_up(h, caller.offer, event.reason)
            else:
                ahead.failed(h, caller, event.reason)
        return
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is PENDING and offer.caller.callback:
        give_up(h, offer, event.reason)


def give_up(h, offer, reason: str) -> None:
    """Count one more try and release the agent at once."""
    caller = offer.caller
    count_try(h, caller, reason)
    calls.rescind(h, offer, "callback_failed")
    calls.close(h, offer, "rescinded", f"callback_{reason}", why="callback_failed", keep_idle=True)
    after_try(h, caller, reason)


def count_try(h, caller: Caller, reason: str) -> None:
    """Count a failed try, and note when the next one may come."""
    caller.tries += 1
    if reason == "refused":
        h.refusals.append((caller.dialled, h.now))
    caller.not_before = h.now + caller.service.callback_retry_s


def after_try(h, caller: Caller, reason: str) -> None:
    """End the callback after the last try, or all callbacks to the number after the second refusal."""
    h.tell("CallbackChanged", caller.id, caller.tries, caller.not_before, reason)
    if reason == "refused" and spared(h, caller.dialled):
        for one in [c for c in h.callers.values() if c.callback and c.in_line and c.dialled == caller.dialled]:
            callers.end(h, one, Outcome.CALLBACK_FAILED, "refused")
    elif caller.tries >= caller.service.callback_tries:
        callers.end(h, caller, Outcome.CALLBACK_FAILED)
