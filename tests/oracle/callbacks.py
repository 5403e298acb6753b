"""Who is called back: because they asked for it, or because the line was lost."""

from __future__ import annotations

from routing.core import commands
from routing.core import events as e
from routing.core.model import Outcome
from tests.oracle import callers, calls, choice
from tests.oracle.state import ASSIGNED, PENDING, VOICE, Caller

SERVED_S = 30.0
"""Who has talked for so long was served."""

LATELY_S = 60.0
"""A line may be silent for so long before it is known to be lost."""


def needless(h, offer, service, at: float) -> None:
    """Who was served in a call need not be called back for it. A call back does not stand for another one."""
    caller = offer.caller
    theirs = {caller.hash, caller.other_hash} - {""}
    been = {service.id, *caller.visited}
    if not was_served(h, offer, service, at):
        return
    for one in list(h.callers.values()):
        if one.callback and one.in_line and one.queued_at < caller.queued_at and theirs & {one.hash, one.other_hash} \
                and been & {one.service.id, *one.visited}:
            callers.end(h, one, Outcome.LEFT, "served")


def was_served(h, offer, service, at: float) -> bool:
    """Long enough, in a call of their own."""
    long = at - offer.connected_at >= SERVED_S and offer.voice and not offer.calls_back
    if long:
        h.served.append((offer.caller.hash, service.id, offer.caller.queued_at, at))
    return long


def look_who_calls(h) -> None:
    """Nobody is called back who is on the line in a later call for the same service. Then a moment passes."""
    for one in list(h.callers.values()):
        before, one.calls_us = one.calls_us, one.callback and one.in_line and any(
            calls_for(c, one) for c in h.callers.values())
        if one.calls_us and one.offer is not None and not one.offer.dialling:
            calls.rescind(h, one.offer, "calls_us")
            calls.close(h, one.offer, "rescinded", "calls_us", keep_idle=True)
        if before and not one.calls_us and one.callback:
            one.not_before = max(one.not_before, h.now + 10.0)
            h.arm(one)


def calls_for(caller: Caller, waits: Caller, asked: str | None = None) -> bool:
    """A later call of somebody who waits to be called back for the same thing. `asked`: where their agent is, who asks
    somebody."""
    been = {caller.service.id, asked, *caller.visited}
    if caller.introducer is not None:
        been.add(caller.introducer.came_from.id)
    return caller.channel is VOICE and not caller.callback and (caller.in_line or caller.state is ASSIGNED) \
        and caller.queued_at > waits.queued_at and bool(been & {waits.service.id, *waits.visited}) \
        and bool({caller.hash, caller.other_hash} & {waits.hash, waits.other_hash} - {""})


def reachable(caller: Caller) -> bool:
    """Has a number that may be called."""
    service = caller.service
    return service.follows_up and not service.anonymous and (caller.hash or caller.other_hash) != ""


def call_again(h, caller: Caller, at: float) -> None:
    """The line was lost: who has agreed is to be called, once, as another contact of the same age."""
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
    if again or served:
        return
    new = Caller(name, caller.service, VOICE, caller.since, caller.points, h.take_number(), h.now, "", caller.slow,
                 caller.node, caller.hash, caller.needs, caller.topics, entered_at=caller.since, step_at=h.now,
                 callback=True, anytime=True, not_before=h.now + 10.0, other_hash=caller.other_hash,
                 language=caller.language)
    h.callers[name] = new
    h.arm(new)
    h.tell("Queued", name, new.service.id, callers.position(h, new))
    h.tell("CallbackChanged", name, 0, new.not_before, "asked")


def rings_again(one: Caller, lost: Caller) -> bool:
    """Whether the caller of a lost line is on another one, or to be called back for the same service, since later."""
    there = one.in_line or one.state is ASSIGNED
    if one.callback and one.service.id != lost.service.id:
        there = False
    return there and one.channel is VOICE and "" != one.hash == lost.hash and one.queued_at > lost.queued_at


def callback_asked(h, event: e.CallbackAsked) -> None:
    """A caller who waits wants to be called back."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or caller.callback or caller.channel is not VOICE or caller.introducer:
        return
    service = caller.service
    many = sum(c.callback and c.in_line and c.service.id == service.id for c in h.callers.values())
    if service.anonymous or service.callback == "none" or many >= service.callback_max:
        h.refuse("no_callback")
    caller.callback, caller.urgent = True, False
    caller.not_before, caller.anytime = h.now + max(0.0, event.after_s), event.anytime
    caller.other_hash = event.caller_hash
    if caller.offer is not None:
        calls.rescind(h, caller.offer, "callback")
        calls.close(h, caller.offer, "rescinded", "callback", keep_idle=True)
    h.arm(caller)
    h.tell("CallbackChanged", caller.id, caller.tries, caller.not_before, "asked")


def callback_taken(h, event: e.CallbackTaken) -> None:
    """The agent waits for the caller: dial them, or lead the agent to one who has come by themselves."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is not PENDING or not offer.calls_back or offer.dialling:
        return
    if offer.caller.callback:
        dial(h, offer)
    else:
        join(h, offer)


def dial(h, offer) -> None:
    """The caller's phone rings; how long the agent's may does not matter any more."""
    caller = offer.caller
    offer.dialling = True
    offer.due = {"dial": h.now + 75.0} if h.up(caller.node) else {}
    h.commands.append(commands.Dial(offer.id, caller.id, "", caller.service.id, caller.since, caller.points,
                                    caller.slow, caller.service.callback_press, caller.node, caller.language))
    h.tell("CallbackDialled", offer.id, caller.id)


def callback_reached(h, event: e.CallbackReached) -> None:
    """The caller is on the line and waits like anybody."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or not caller.callback:
        return
    caller.callback, caller.leg, caller.not_before, caller.entered_at = False, event.leg, 0.0, h.now
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
    """Both are there."""
    caller = offer.caller
    h.commands.append(commands.Join(offer.id, caller.id, caller.leg, caller.node, offer.partner is not None))
    if h.up(caller.node):
        offer.due["brief"] = h.now + 30.0


def callbacks_quiet(h, event: e.CallbacksQuiet) -> None:
    """Nobody is called, or everybody may be again."""
    h.quiet = event.on


def callback_failed(h, event: e.CallbackFailed) -> None:
    """The caller was dialled and did not take it."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is PENDING and offer.caller.callback:
        give_up(h, offer, event.reason)


def give_up(h, offer, reason: str) -> None:
    """One try less; the agent is free at once."""
    caller = offer.caller
    caller.tries += 1
    caller.not_before = h.now + caller.service.callback_retry_s
    calls.rescind(h, offer, "callback_failed")
    calls.close(h, offer, "rescinded", f"callback_{reason}", why="callback_failed", keep_idle=True)
    h.tell("CallbackChanged", caller.id, caller.tries, caller.not_before, reason)
    if caller.tries >= caller.service.callback_tries:
        callers.end(h, caller, Outcome.CALLBACK_FAILED)
