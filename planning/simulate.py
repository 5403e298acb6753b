"""`santral simulate`: days of a centre through the shipped engine, several with other chance, and their figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from statistics import mean, stdev
from typing import NamedTuple

from planning.arrivals import Chance, Day, Kind, check, generate
from planning.errors import PlanningError
from planning.house import Duty, run
from planning.opening import OpeningOn, always
from planning.outcome import Figures, Outcome, Rule, merged
from routing.core.ids import ServiceId
from routing.core.model import PHONE_CHANNELS, Centre

PEAK_LOAD = 0.85
"""A curve that nobody gave a height to is made as high as the team can carry: in its busiest half hour this share of
the time of those on duty is talk and wrap-up."""

PEAK_S = 1_800.0

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
           2.120, 2.110, 2.101, 2.093, 2.086)
"""97.5 % quantiles of Student's law with 1, 2, ... degrees of freedom: 95 % intervals of a mean of few runs."""
NORMAL = 1.96


class Study(NamedTuple):
    """What is to be simulated."""

    centre: Centre
    days: tuple[Day, ...]
    duties: tuple[Duty, ...]
    shares: Mapping[ServiceId, float]
    kinds: Mapping[ServiceId, Kind] = {}
    chance: Chance = Chance()
    runs: int = 1
    """Of each day, with seeds that follow the first."""
    opening: OpeningOn = always
    """When services are open and who is on call, day by day."""
    answer_s: float = 0.0
    """Until an agent picks up a phone that does not answer by itself."""


class Run(NamedTuple):
    """One day with one seed."""

    day: str
    seed: int
    outcome: Outcome


def simulate(study: Study, progress: Callable[[float], None] | None = None) -> list[Run]:
    """Every day, `runs` times. `progress` is given the share that is done."""
    whole, done, found = len(study.days) * study.runs, 0, []
    for day in study.days:
        opening = study.opening(day.name)
        for number in range(study.runs):
            chance = study.chance._replace(seed=study.chance.seed + number)

            def told(now: float, begin: int = done, end_s: float = day.end_s) -> None:
                if progress is not None:
                    progress((begin + min(1.0, now / end_s)) / whole)

            found.append(Run(day.name, chance.seed, run(
                study.centre, generate(day, study.shares, chance, study.kinds),
                (*study.duties, *opening.duties()), also=opening.events(), answer_s=study.answer_s, progress=told)))
            done += 1
    if progress is not None:
        progress(1.0)
    return found


def fitted(day: Day, centre: Centre, duties: Sequence[Duty], shares: Mapping[ServiceId, float],
           kinds: Mapping[ServiceId, Kind] | None = None) -> float:
    """The factor that makes the curve as high as those on duty can carry (`PEAK_LOAD`)."""
    check(shares)
    usual, whole = kinds or {}, sum(shares.values())
    team = {agent.id: agent.profile for agent in centre.agents if PHONE_CHANNELS & agent.profile.channels}
    if not team:
        raise PlanningError("nobody in the team takes calls; see the channels in accommodations.yaml")
    wrapup_s = mean(profile.wrapup_s for profile in team.values())
    handle_s = wrapup_s + sum(share * usual.get(name, Kind()).handle_s for name, share in shares.items()) / whole
    load = 0.0
    for slot in range(int(day.end_s // PEAK_S) + 1):
        begin, end = slot * PEAK_S, (slot + 1) * PEAK_S
        calls = sum(count for place, count in enumerate(day.counts)
                    if begin <= day.start_s + place * day.width_s < end)
        there = sum(_within(duty.start, duty.end, begin, end) - sum(_within(*one, begin, end) for one in duty.breaks)
                    for duty in duties if duty.agent in team)
        if calls and not there:
            raise PlanningError(f"nobody who takes calls is on duty at {begin / 3600:.1f} h, when calls come")
        load = max(load, calls * handle_s / there) if there else load
    if not load:
        raise PlanningError(f"no calls come on {day.name}")
    return PEAK_LOAD / load


def _within(start: float, end: float, begin: float, over: float) -> float:
    return max(0.0, min(end, over) - max(start, begin))


def together(runs: Sequence[Run]) -> Outcome:
    """All runs as one."""
    return merged([one.outcome for one in runs])


class Spread(NamedTuple):
    """A figure over several runs."""

    mean: float | None
    """None: no run has the figure."""
    half: float | None
    """Half width of the 95 % interval of the mean; None: one run has none."""


def spread(values: Iterable[float | None]) -> Spread:
    """Mean of the runs that have the figure and its 95 % interval (Student)."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return Spread(known[0] if known else None, None)
    quantile = STUDENT[len(known) - 2] if len(known) - 2 < len(STUDENT) else NORMAL
    return Spread(mean(known), quantile * stdev(known) / sqrt(len(known)))


MEASURES: dict[str, Callable[[Figures], float | None]] = {
    "service_level": lambda figures: figures.service_level(),
    "abandonment": lambda figures: figures.abandonment,
    "asa_s": lambda figures: figures.asa_s,
    "p50_s": lambda figures: figures.percentile(0.5),
    "p95_s": lambda figures: figures.percentile(0.95),
    "p99_s": lambda figures: figures.percentile(0.99),
    "max_s": lambda figures: figures.percentile(1.0),
}
"""What is compared between runs."""


def row(figures: Figures) -> dict[str, float | None]:
    """One service, one half hour or everything as plain numbers. Shares are 0 to 1, times seconds; None: of nobody."""
    return {
        "offered": figures.offered, "answered": figures.answered, "abandoned": figures.abandoned,
        "short_abandons": figures.short, "overflowed": figures.overflowed, "left": figures.left,
        "moved": figures.moved, "failed": figures.failed, "still_there": figures.still_there,
        **{name: measure(figures) for name, measure in MEASURES.items()}, "aht_s": figures.aht_s,
        "service_level_without_short": figures.service_level(rule=Rule.WITHOUT_SHORT),
        "service_level_of_offered": figures.service_level(rule=Rule.OFFERED),
        "service_level_removed": figures.service_level(rule=Rule.REMOVED),
    }


def summary(study: Study, runs: Sequence[Run]) -> dict[str, object]:
    """Everything as one JSON object."""
    whole = together(runs)
    return {
        "days": [day.name for day in study.days], "runs": study.runs, "seed": study.chance.seed,
        "agents": len(study.centre.agents),
        "total": row(whole.total),
        "services": {service: {"name": whole.names[service], **row(figures)}
                     for service, figures in whole.services.items()},
        "intervals": {name: spread([measure(one.outcome.total) for one in runs])._asdict()
                      for name, measure in MEASURES.items()},
        "half_hours": [{"half_hour": slot, **row(figures)} for slot, figures in whole.series().items()],
        "order": {"offers": whole.offers, "violations": whole.violations},
        "occupancy": fairness(whole),
        "offers_without_connection": whole.closed, "alarms": whole.alarms,
        "each_run": [{"day": one.day, "seed": one.seed, "offered": one.outcome.total.offered,
                      **{name: measure(one.outcome.total) for name, measure in MEASURES.items()}} for one in runs],
    }


def fairness(outcome: Outcome) -> dict[str, float]:
    """Occupancy of all, of those with an accommodation and of the others, and how evenly it is spread."""
    return {
        "all": outcome.occupancy(), "accommodated": outcome.occupancy(accommodated=True),
        "others": outcome.occupancy(accommodated=False), "cv_all": outcome.occupancy_cv(),
        "cv_accommodated": outcome.occupancy_cv(accommodated=True),
        "cv_others": outcome.occupancy_cv(accommodated=False),
        "agents_accommodated": len(outcome.occupancies(accommodated=True)),
        "agents_others": len(outcome.occupancies(accommodated=False)),
    }
