"""Rules of a service: where a contact goes for whom it would be vain to wait."""

from __future__ import annotations

from typing import Any

from routing.core.model.centre_model import Channel, Service
from tests.oracle import choice, distress, settings, steps
from tests.oracle.state import NOT_RESPONDING, PAUSED, SIGNED_OUT, UNREACHABLE, VOICE, WAITS, Caller, Person

NOBODY_S = 15.0
"""A contact that waits is led on when nobody has been there for this long."""
RETRY_S = 15.0
AWAY = (SIGNED_OUT, PAUSED, NOT_RESPONDING)
TURNED_AWAY = ("closed", "full")


def somebody(h, caller: Caller, service: Service, first: int, kept: list[Person] | None = None) -> bool:
    """Return whether an agent is there who fits the contact in this step of the service or a later one. A service that
    keeps agents free may keep all of them from other contacts (`kept`)."""
    kept = [] if service.distress else distress.always_kept(h) if kept is None else kept
    found = [p for p in h.people.values() if is_there(caller.channel, p) and choice.ever(p, caller.channel)
             and _fits(h, caller, service, first, p)]
    h.seen["contacts that only agents kept free could take"] += bool(found) and all(p in kept for p in found)
    return any(p not in kept for p in found)


def is_there(channel: Channel, p: Person) -> bool:
    """Return whether the agent is at work. Only a call needs a phone that can be reached."""
    if p.state in AWAY or (channel is VOICE and p.state is UNREACHABLE):
        return False
    if channel is not VOICE or not p.agent.profile.pair_id:
        return True
    # A call needs both of a pair, and comes to the lead.
    second = p.partner
    return p.lead and second is not None and second.state not in (*AWAY, UNREACHABLE) and choice.ever(second, VOICE)


def _fits(h, caller: Caller, service: Service, first: int, p: Person) -> bool:
    if service.distress:
        return distress.fit(h, service, caller.needs, caller.topics, p) is not None
    banned = choice.no_topics(p)
    if banned and not (banned & h.excluded).isdisjoint(caller.topics | {service.id}):
        return False
    return any(choice.level_of(choice.asked_for(service, step, caller.needs), p.agent.skills) is not None
               for step in range(first, len(service.steps)))


def note_alone(h) -> None:
    """Note since when nobody is there for each contact in a queue."""
    waiting = [one for one in h.callers.values() if one.in_line and one.service.when_nobody is not None]
    kept = distress.always_kept(h) if waiting else []
    for caller in waiting:
        if caller.service.distress or somebody(h, caller, caller.service, caller.timed_step, kept):
            caller.alone_at = None
        elif caller.alone_at is None:
            caller.alone_at = h.now


def find(h, caller: Caller, why: str) -> tuple[Service, str, Any] | None:
    """Return the last service of the chain, with the reason and the rule that lead out there (empty: it waits there).

    Return None if the chain leads nowhere.
    """
    service, left, first = caller.service, [*caller.visited], why
    while True:
        rule = getattr(service, f"when_{why}")
        if rule is None:
            return None
        if rule.way is not None:
            return (service, why, rule) if caller.channel is VOICE else None
        left.append(service.id)
        if rule.to not in h.services or rule.to in left:
            return None
        service = h.services[rule.to]
        why = settings.refuses(h, service)
        if not why and not service.distress and not somebody(h, caller, service, 0) \
                and (service.when_nobody is not None or first == "nobody"):
            why = "nobody"
        if not why:
            return service, "", None


def lead(h, caller: Caller, why: str) -> bool:
    """Lead the contact on. Return False if there is no way."""
    found = find(h, caller, why)
    if found is None:
        return False
    service, reason, rule = found
    if service is not caller.service:
        caller.visited = (*caller.visited, caller.service.id)
        steps.move(h, caller, service, why)
    if reason:
        caller.led_by, caller.way_out = (*caller.led_by, reason), rule.way
        if rule.way == "goodbye":
            caller.farewell = rule.say or "bekleme-veda"
        h.arm(caller)
        h.tell("WayOutOffered", caller.id, service.id, reason, rule.way)
    return True


def arrive(h, caller: Caller, expected_s: float | None) -> None:
    """Lead a new contact on for whom nobody is there, or who would wait too long."""
    service = caller.service
    if service.distress:
        return
    if service.when_nobody is not None and h.reaches(caller) and not somebody(h, caller, service, 0) \
            and lead(h, caller, "nobody"):
        return
    if service.when_expected is not None and expected_s is not None and expected_s > service.when_expected.over_s:
        lead(h, caller, "expected")


def turned_away(caller: Caller) -> bool:
    """Return whether the contact may not wait in its queue."""
    return caller.way_out is not None and caller.led_by[-1] in TURNED_AWAY


def moments(caller: Caller) -> list[tuple[float, str]]:
    """Return when the rules of the wait hold, the rule for nobody first."""
    found, service = [], caller.service
    if service.when_nobody is not None and caller.alone_at is not None and "nobody" not in caller.led_by:
        found.append((caller.alone_at + (NOBODY_S if caller.alone_at > caller.entered_at else 0.0), "nobody"))
    if service.when_waited is not None and "waited" not in caller.led_by:
        found.append((caller.entered_at + service.when_waited.over_s, "waited"))
    return found


def due_at(h, caller: Caller) -> float | None:
    """Return when a rule of the wait leads the contact on."""
    if caller.service.distress or caller.callback or caller.late or caller.in_menu or caller.farewell \
            or turned_away(caller) or caller.consulting_offer is not None or not h.reaches(caller):
        return None
    at = min((at for at, _ in moments(caller)), default=None)
    return None if at is None else max(at, caller.rule_retry_at)


def go_on(h) -> bool:
    """Lead on the contacts whose rule is due, the first to come first. Return whether one was led on, because an agent
    of its new service may be free. Otherwise all are tried again later."""
    late, h.late = sorted(h.late, key=lambda caller: caller.number), []
    left, gone = [], False
    for caller in late:
        caller.late = False
        at = due_at(h, caller) if caller.state is WAITS else None
        if at is None or at > h.now:
            continue
        why = next(why for at, why in moments(caller) if at <= h.now)
        if lead(h, caller, why):
            gone = True
        else:
            left.append(caller)
    for caller in left:
        if gone:
            caller.late = True
            h.late.append(caller)
        else:
            caller.rule_retry_at = h.now + RETRY_S
    return gone


def forget(caller: Caller) -> None:
    """Forget what the rules did, because the contact waits in a new way."""
    caller.led_by, caller.way_out, caller.alone_at, caller.rule_retry_at = (), None, None, 0.0
