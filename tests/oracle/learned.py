"""Keep each lesson of the calls in a list, and compute the sums from the whole list at each look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from routing.core.model.centre_model import Estimate, Service
from tests.oracle import words

PAST = 0.99
"""Weight of everything earlier at each lesson about waits and rings."""

HALF = 200.0
"""A handle time counts half after this many more."""

STEPS = (0.01, 0.1), (0.005, 0.5), (0.01, 0.9)
"""Step and share of each of the three quantiles of an estimate."""


@dataclass(slots=True, eq=False)
class Lessons:
    """The lessons of one service, the oldest first."""

    skills: list[str]
    """The skills for which the service asked. Lessons of other skills are void."""
    waits: list[tuple[float, bool]] = field(default_factory=list)
    """Waits, and whether the caller gave up."""
    told: list[tuple[Estimate, float]] = field(default_factory=list)
    """Expected waits, and the waits that followed."""
    talks: list[float] = field(default_factory=list)
    """Handle times."""


def about(h, service: Service) -> Lessons | None:
    """Return the lessons of a service, or None if it was removed: it teaches nothing."""
    if service.id not in h.services:
        return None
    return h.lessons.setdefault(service.id, Lessons(asked(h.services[service.id])))


def asked(service: Service) -> list[str]:
    """Return the skills that a service asks for in any step or in its floor."""
    found = {skill for step in service.steps for skill, _ in step.needs} | {skill for skill, _ in service.floor}
    for where in (*(step.where for step in service.steps), service.floor_where):
        found |= named(words.read(where)) if where else set()
    return sorted(found)


def unqualified(services, usual, wanted) -> bool:
    """Tell whether a skill is above the settings' level although a distress service asks for it without end."""
    for service in services:
        if not service.distress:
            continue
        bottom = service._replace(steps=()) if service.floor or service.floor_where else \
            service._replace(steps=service.steps[-1:])
        if any(skill in asked(bottom) and level > dict(usual.skills).get(skill, -1) for skill, level in wanted):
            return True
    return False


def named(tree: tuple) -> set[str]:
    """Return the skills in a condition."""
    parts = [one for one in tree[1:] if isinstance(one, tuple)]
    return {tree[1]} if not parts else set().union(*map(named, parts))


def forget_others(h) -> None:
    """Forget the lessons of services that are gone or ask for other skills."""
    h.lessons = {name: one for name, one in h.lessons.items()
                 if name in h.services and one.skills == asked(h.services[name])}


def answered(h, caller: Any, offer: Any) -> None:
    """Learn from a caller who was told what to expect, and is connected for the first time."""
    told, caller.told = caller.told, None
    lessons = about(h, caller.service)
    if told is not None and lessons is not None:
        waited_s = max(0.0, offer.connected_at - caller.queued_at)
        lessons.told.append((told, waited_s))
        lessons.waits.append((waited_s, False))
        h.rings.append(max(0.0, offer.connected_at - offer.made_at))


def gave_up(h, caller: Any, at: float) -> None:
    """Learn from a caller who has hung up while waiting, and was not transferred before."""
    lessons = about(h, caller.service)
    if caller.sent_at is None and lessons is not None:
        lessons.waits.append((max(0.0, at - caller.queued_at), True))


def handled(h, offer: Any, seconds: float) -> None:
    """Learn how long a contact took, talk and wrap-up together."""
    lessons = about(h, offer.caller.service)
    if lessons is not None:
        lessons.talks.append(seconds)


def values(h) -> dict[str, list[float]]:
    """Return for each service: callers who gave up, time waited, the three corrections, and the mean handle time. The
    ring time of the centre has no name."""
    ring_s = 4.0
    for one in h.rings:
        ring_s = PAST * ring_s + (1.0 - PAST) * one
    return {"": [ring_s]} | {name: [*patience(one), *corrections(one), mean_s(one)] for name, one in h.lessons.items()}


def patience(lessons: Lessons) -> tuple[float, float]:
    """Return the callers who gave up and the time that all have waited, faded. The seed is one caller in 600 s."""
    whole = [(600.0, True), *lessons.waits]
    weights = [PAST ** age for age in reversed(range(len(whole)))]
    return (sum(weight * gone for weight, (_, gone) in zip(weights, whole, strict=True)),
            sum(weight * waited_s for weight, (waited_s, _) in zip(weights, whole, strict=True)))


def corrections(lessons: Lessons) -> list[float]:
    """Return the logarithms of the corrections: each lesson moves them, and none goes beyond 2."""
    found = []
    for number, (step, share) in enumerate(STEPS):
        value = 0.0
        for told, waited_s in lessons.told:
            bound = (told.low_s, told.wait_s, told.high_s)[number]
            value = max(-2.0, min(2.0, value + step * (share - (1.0 if waited_s < bound else 0.0))))
        found.append(value)
    return found


def mean_s(lessons: Lessons) -> float:
    """Return the mean handle time. The seed is ten contacts of 240 s."""
    weights = [2.0 ** (-age / HALF) for age in reversed(range(len(lessons.talks)))]
    seed = 10.0 * 2.0 ** (-len(lessons.talks) / HALF)
    total = sum(weight * min(14_400.0, max(1.0, one)) for weight, one in zip(weights, lessons.talks, strict=True))
    return (total + seed * 240.0) / (sum(weights) + seed)
