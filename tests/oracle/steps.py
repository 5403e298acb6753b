"""Steps of a service and their deadlines: requirements, preferred agents."""

from __future__ import annotations

from routing.core.model.centre_model import Outcome, Service
from tests.oracle import callers, choice, distress, rules
from tests.oracle.state import WAITS, Caller, Person


def step_lasts(service: Service, step: int) -> float | None:
    """Return the length of a step, or None if it has no end. In distress all steps are tried at once."""
    return service.steps[step].lasts_s if step + 1 < len(service.steps) and not service.distress else None


def step_ends(caller: Caller) -> float | None:
    """Return when the preferred agent's time or the step ends."""
    if caller.preferred is not None:
        wait_s = caller.service.preferred_s if caller.preferred_s is None else caller.preferred_s
        return caller.step_at + wait_s
    lasts = step_lasts(caller.service, caller.timed_step)
    return None if lasts is None else caller.step_at + lasts


def ceiling(caller: Caller) -> float | None:
    """Return when the contact becomes urgent."""
    limit = caller.service.ceiling_s
    return None if limit is None or caller.urgent or caller.callback else caller.waits_from + limit


def next_due(h, caller: Caller) -> float | None:
    """Return the next time at which a waiting contact changes by itself."""
    if caller.state is not WAITS:
        return None
    found = [step_ends(caller), ceiling(caller), rules.due_at(h, caller),
             caller.not_before if caller.not_before > h.now else None,
             caller.ends_at if caller.callback and not caller.dialling else None]
    return min((at for at in found if at is not None), default=None)


def due(h, caller: Caller) -> None:
    """Apply everything about a waiting contact that has come due."""
    if caller.callback and caller.ends_at <= h.now and not caller.dialling:
        callers.end(h, caller, Outcome.CALLBACK_FAILED, "expired")
        return
    while (at := next_due(h, caller)) is not None and at <= h.now:
        catch_up(h, caller)
    h.arm(caller)
    caller.fresh = False


def catch_up(h, caller: Caller) -> None:
    """Apply the ends of steps and the ceiling. A rule is only noted, because it comes last."""
    while (at := step_ends(caller)) is not None and at <= h.now:
        if caller.preferred is not None:
            lose_preferred(h, caller, at)
        else:
            next_step(h, caller, at)
    at = ceiling(caller)
    if at is not None and at <= h.now:
        caller.urgent = True
    at = rules.due_at(h, caller)
    if at is not None and at <= h.now:
        caller.late = True
        h.late.append(caller)


def next_step(h, caller: Caller, at: float) -> None:
    """Relax the requirement by one step, because its time is over."""
    caller.step_at = at
    caller.timed_step += 1
    h.arm(caller)
    h.tell("Stepped", caller.id, caller.timed_step, "expired")


def move(h, caller: Caller, to: Service, reason: str, person: Person | None = None) -> None:
    """Move the contact to another service, with its age. It may wait half a minute for a person first."""
    before = caller.service
    caller.preferred = caller.act = None
    rules.forget(caller)
    caller.service, caller.timed_step, caller.step_at, caller.entered_at, caller.urgent = to, 0, h.now, h.now, False
    unknown = nobody(caller)
    if person is None:
        prefer(h, caller)
    elif not to.distress or distress.ringable(h, caller, person):
        caller.preferred, caller.preferred_s = person, 30.0
    h.arm(caller)
    h.tell("Moved", caller.id, before.id, to.id, reason, unknown)


def nobody(caller: Caller) -> bool:
    """Erase the identity of a caller in an anonymous service. Return whether there was one."""
    known = bool(caller.hash or caller.other_hash)
    if caller.service.anonymous:
        caller.hash = caller.other_hash = ""
    return caller.service.anonymous and known


def prefer(h, caller: Caller) -> None:
    """Let the contact wait first for the agent of the caller's last talk."""
    service = caller.service
    if service.preferred_s <= 0 or not caller.hash or service.anonymous or caller.hash not in h.last_agents:
        return
    name, at = h.last_agents[caller.hash]
    if h.now - at <= service.preferred_days * 86_400.0 and name in h.people and serves(h, caller, h.people[name]):
        p = h.people[name]
        if not service.distress or distress.ringable(h, caller, p):
            caller.preferred, caller.preferred_s = p, None


def serves(h, caller: Caller, p: Person, service: Service | None = None) -> bool:
    """Return whether the agent is there and fits a step of the contact's service, or of another service."""
    service = service or caller.service
    profile = p.agent.profile
    if not p.signed or not p.configured or p.state in ("paused", "not_responding"):
        return False
    if not choice.has(p, caller.channel) or (profile.pair_id and not p.lead):
        return False
    usual = caller.service
    try:
        caller.service = service
        if service.distress:
            return distress.fit(h, service, caller.needs, caller.topics, p) is not None
        return any(choice.fits(h, caller, h.asked(caller, step), p) is not None for step in range(len(service.steps)))
    finally:
        caller.service = usual


def may_wait(h, caller: Caller, p: Person) -> bool:
    """Return whether the contact may wait for the agent. In distress it does only while the agent could take it."""
    return serves(h, caller, p) and (not caller.service.distress or distress.ringable(h, caller, p))


def lose_preferred(h, caller: Caller, at: float) -> None:
    """Begin step 0."""
    caller.preferred, caller.step_at = None, at
    h.arm(caller)
    h.tell("Stepped", caller.id, caller.timed_step, "preferred")


def review_preferred(h, p: Person) -> None:
    """End the wait for a preferred agent who can no longer take the contact and is not rung for it."""
    for caller in list(h.callers.values()):
        if caller.preferred is p and caller.state is WAITS and not may_wait(h, caller, p):
            lose_preferred(h, caller, h.now)


def still_preferred(h, caller: Caller) -> None:
    """Check the preferred agent again, because the contact or the house has changed."""
    if caller.preferred is not None and not may_wait(h, caller, caller.preferred):
        caller.preferred, caller.step_at = None, h.now
