"""Callbacks without a reserved agent: count, at each look, agents, dials and contacts in front."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

from routing.core.model import commands
from tests.oracle import burden, callbacks, choice, distress, steps
from tests.oracle.state import ACCEPTED, PENDING, VOICE, WAITS, WRAPPING, Caller, Person

LOOK_S = 5.0
DIAL_S = 75.0
SOON_S = 20.0
HEAVY = 3


def predictive(caller: Caller) -> bool:
    """Return whether the caller is called back without a reserved agent."""
    return caller.callback and caller.service.callback == "predictive" and not caller.service.distress


def may_dial(h, caller: Caller) -> bool:
    """Return whether the caller may be dialled at a look."""
    return predictive(caller) and caller.looks(h.now, h.quiet)


def plan_look(h) -> None:
    """Plan the next look if none is planned and a caller may be dialled."""
    if h.look_at is None and not h.look_due and any(may_dial(h, one) for one in h.callers.values()):
        h.look_at = h.now + LOOK_S


def look_now(h) -> None:
    """Have the callers dialled at the end of the clock's turn."""
    h.look_at, h.look_due = None, True


def look(h) -> None:
    """Dial the callers for whom an agent is expected, the first in order first."""
    if not h.look_due:
        return
    h.look_at, h.look_due = None, False
    h.seen["looks for callers to dial"] += 1
    for caller in sorted((one for one in h.callers.values() if may_dial(h, one)), key=lambda one: order(h, one)):
        if expected(h, caller):
            dial(h, caller)
    plan_look(h)


def order(h, caller: Caller) -> tuple[float, int]:
    """Return the order of contacts of the same class."""
    return caller.place[0] - h.now * caller.service.weight, caller.number


def expected(h, caller: Caller) -> bool:
    """Return whether an agent is expected to be free for the caller, and nobody else needs that agent."""
    service, everybody = caller.service, list(h.callers.values())
    if not h.up(caller.node):
        return False
    if any(one.service.id == service.id and answered(one) for one in everybody):
        h.seen["dials that waited for an answered caller"] += 1
        return False
    caller, dialled = in_force(h, caller), [one for one in everybody if one.dialling]
    if service.max_talking is not None and service.max_talking <= sum(
            one.caller.service.id == service.id for one in h.offers.values() if one.state in (PENDING, ACCEPTED)) + sum(
            one.service.id == service.id for one in dialled):
        return False
    fitting = people_for(h, caller)
    rivals = [one for one in dialled if set(people_for(h, in_force(h, one))) & set(fitting)]
    ready, soon = count_ready(h, caller), count_soon(h, caller, fitting)
    front = in_front(h, caller, fitting, sum(one.deferred for one in rivals))
    h.seen["dials that waited for a contact in front"] += ready + soon > len(rivals) and \
        ready + soon - len(rivals) - front < 1
    if ready + soon - len(rivals) - front < 1:
        return False
    h.seen["dials for an agent who is not free yet"] += ready - len(rivals) - front < 1
    h.seen["dials of deferred callbacks"] += caller.deferred
    return True


def answered(caller: Caller) -> bool:
    """Return whether the caller has answered such a dial and looks for an agent."""
    return caller.called_alone and not caller.callback and caller.state is WAITS


def in_force(h, caller: Caller) -> Caller:
    """Return the caller as a plain call in the step in force: no agent is preferred."""
    step = caller.timed_step
    signed = [p for p in h.people.values() if p.signed]
    while steps.step_lasts(caller.service, step) is not None and not any(
            choice.ever(p, VOICE) and choice.fits(h, caller, h.asked(caller, step), p) is not None for p in signed):
        step += 1
    return replace(caller, step=step, preferred=None)


def people_for(h, caller: Caller) -> list[Person]:
    """Return the signed-in agents who fit a contact."""
    found = [p for p in h.people.values() if p.signed and choice.ever(p, caller.channel)]
    if caller.service.distress:
        return [p for p in found if distress.fit(h, caller.service, caller.needs, caller.topics, p) is not None]
    return [p for p in found if choice.fits(h, caller, h.asked(caller), p) is not None]


def count_ready(h, caller: Caller) -> int:
    """Return how many agents could be offered the contact now."""
    open_to = {p: channels for p in h.people.values() if (channels := choice.takes(h, p))}
    found = choice.candidates(h, caller, open_to, distress.free_for(h, open_to))
    return sum(not choice.too_near(h, caller, one.person) for one in found)


def count_soon(h, caller: Caller, fitting: list[Person]) -> int:
    """Return how many more agents are expected to be free in time."""
    if caller.service.load >= HEAVY:
        return 0
    whole, thousandths = 0, 0
    for p in fitting:
        if len(p.hands) != 1 or not p.configured or p.pause_pending or p.leave_pending or p.detached_wrapup \
                or p.agent.profile.pair_id or burden.break_near(h, p) or kept_free_by_a_service(h, p):
            continue
        call = p.hands[0]
        if not call.voice or call.caller.service.load >= HEAVY:
            continue
        if call.state is ACCEPTED:
            thousandths += min(1_000, int(1_000 * SOON_S / h.mean_s(call.caller.service.id)))
        elif call.state is WRAPPING and "wrap" in call.due and call.due["wrap"] <= h.now + SOON_S:
            whole += 1
    return whole + thousandths // 1_000


def kept_free_by_a_service(h, p: Person) -> bool:
    """Return whether the agent fits a distress service that keeps agents free."""
    return choice.ever(p, VOICE) and any(
        service.distress and (service.keep_free or service.keep_free_percent)
        and distress.fit(h, service, (), frozenset(), p) is not None for service in h.centre.services)


def in_front(h, caller: Caller, fitting: list[Person], deferred_dials: int) -> int:
    """Return how many contacts in front of the caller wait for the same agents."""
    waiting = [one for one in h.callers.values() if one.channel is VOICE and one.looks(h.now, h.quiet)
               and not predictive(one) and waits_for(h, one, fitting)]
    crisis = sum(one.service.distress for one in waiting)
    others = [one for one in waiting if not one.service.distress]
    older = sum(order(h, one) < order(h, caller) for one in others)
    if not caller.deferred:
        return crisis + older
    live, share = sum(not one.deferred for one in others), Fraction(str(h.centre.callback_share))
    return crisis + max(older, min(live, ceil((deferred_dials + 1) * (1 - share) / share)))


def waits_for(h, other: Caller, fitting: list[Person]) -> bool:
    """Return whether one of these agents could get the other contact."""
    if other.preferred is not None:
        return other.preferred in fitting
    return bool(set(people_for(h, other)) & set(fitting))


def dial(h, caller: Caller) -> None:
    """Ring the caller's phone."""
    caller.dialling, caller.called_alone, caller.dial_due = True, True, h.now + DIAL_S
    caller.dial_released = False
    h.dials.append((caller.dialled, h.now))
    h.arm(caller)
    h.commands.append(commands.DialCaller(
        None, caller.id, "", caller.service.id, caller.since, caller.points, caller.slow,
        caller.service.callback_press or caller.others_line, caller.node, caller.language))
    h.tell("CallbackDialled", None, caller.id)
    h.seen["dialled without an agent"] += 1


def hang_up(h, caller: Caller, why: str) -> None:
    """Stop the phone that rings."""
    if caller.dialling:
        forget(caller)
        h.commands.append(commands.StopDial(caller.id, why, caller.node, caller.channel))
        h.seen[f"dial stopped {why}"] += 1


def forget(caller: Caller) -> None:
    """End the dial."""
    caller.dialling, caller.dial_due, caller.dial_left_s = False, None, None


def overdue(h, caller: Caller) -> None:
    """Fail a dial of which nothing was heard."""
    failed(h, caller, "stale")


def failed(h, caller: Caller, why: str) -> None:
    """Count a try whose caller did not answer."""
    callbacks.count_try(h, caller, why)
    if why == "stale":
        hang_up(h, caller, "callback_failed")
    forget(caller)
    callbacks.pause(h, caller)
    h.arm(caller)
    callbacks.after_try(h, caller, why)
    h.seen[f"dial without an agent failed {why}"] += 1
