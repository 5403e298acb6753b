"""Run days of a centre through the shipped engine, with several seeds, and collect the figures (`santral simulate`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from statistics import mean, stdev
from typing import NamedTuple

from planning.errors import PlanningError
from planning.simulation.arrivals import CallProfile, ChanceSettings, Day, check_shares, generate_arrivals
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.opening import OpeningOn, always_open
from planning.simulation.outcome import Figures, RunOutcome, ServiceLevelRule, merge_outcomes
from planning.simulation.trunk_lines import LineFigures, LineRules, TrunkLines
from routing.core.model.centre_model import PHONE_CHANNELS, Centre
from routing.core.model.ids import ServiceId

PEAK_LOAD = 0.85
"""Share of the duty time that is talk and wrap-up in the busiest half hour. A curve without a given height is scaled to
it."""

PEAK_S = 1_800.0

STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
           2.120, 2.110, 2.101, 2.093, 2.086)
"""97.5 % quantiles of Student's law with 1, 2, ... degrees of freedom, for 95 % intervals of a mean of few runs."""
NORMAL = 1.96


class SimulationStudy(NamedTuple):
    """Everything that a simulation needs."""

    centre: Centre
    days: tuple[Day, ...]
    duties: tuple[Duty, ...]
    shares: Mapping[ServiceId, float]
    kinds: Mapping[ServiceId, CallProfile] = {}
    chance: ChanceSettings = ChanceSettings()
    runs: int = 1
    """Runs of each day, with seeds that follow the first."""
    opening: OpeningOn = always_open
    """Opening hours and on-call times, day by day."""
    answer_s: float = 0.0
    """Seconds until an agent answers a phone that does not answer by itself."""
    lines: LineRules | None = None
    """Lines of the carrier. None is no limit."""


class StudyRun(NamedTuple):
    """One day with one seed."""

    day: str
    seed: int
    outcome: RunOutcome
    lines: LineFigures | None = None
    """Calls that the lines carried, if they have a limit."""


def run_study(study: SimulationStudy, progress: Callable[[float], None] | None = None) -> list[StudyRun]:
    """Run each day `runs` times. `progress` gets the finished share."""
    whole, done, found = len(study.days) * study.runs, 0, []
    for day in study.days:
        opening = study.opening(day.name)
        for number in range(study.runs):
            chance = study.chance._replace(seed=study.chance.seed + number)

            # The defaults bind the values of this round, because the function is called later.
            def report_progress(now: float, begin: int = done, end_s: float = day.end_s) -> None:
                if progress is not None:
                    progress((begin + min(1.0, now / end_s)) / whole)

            lines = None if study.lines is None else TrunkLines(study.lines, chance.seed)
            outcome = run_simulation(
                study.centre, generate_arrivals(day, study.shares, chance, study.kinds),
                opening.complete_duties(study.duties), also=opening.hour_events(), answer_s=study.answer_s,
                progress=report_progress, lines=lines)
            found.append(StudyRun(day.name, chance.seed, outcome, None if lines is None else lines.close_lines()))
            done += 1
    if progress is not None:
        progress(1.0)
    return found


def fit_factor(day: Day, centre: Centre, duties: Sequence[Duty], shares: Mapping[ServiceId, float],
               kinds: Mapping[ServiceId, CallProfile] | None = None) -> float:
    """Return the factor that makes the curve as high as the agents on duty can carry (`PEAK_LOAD`)."""
    # 1. Calculate the mean handle time over services and team.
    check_shares(shares)
    usual, whole = kinds or {}, sum(shares.values())
    team = {agent.id: agent.profile for agent in centre.agents if PHONE_CHANNELS & agent.profile.channels}
    if not team:
        raise PlanningError("nobody in the team takes calls; see the channels in accommodations.yaml")
    wrapup_s = mean(profile.wrapup_s for profile in team.values())
    handle_s = wrapup_s + sum(share * usual.get(name, CallProfile()).handle_s for name, share in shares.items()) / whole
    # 2. Find the half hour with the highest load per duty time, without breaks.
    load = 0.0
    for slot in range(int(day.end_s // PEAK_S) + 1):
        begin, end = slot * PEAK_S, (slot + 1) * PEAK_S
        calls = sum(count for place, count in enumerate(day.counts)
                    if begin <= day.start_s + place * day.width_s < end)
        there = sum(_overlap_s(duty.start, duty.end, begin, end)
                    - sum(_overlap_s(*one, begin, end) for one in duty.breaks)
                    for duty in duties if duty.agent in team)
        if calls and not there:
            raise PlanningError(f"nobody who takes calls is on duty at {begin / 3600:.1f} h, when calls come")
        load = max(load, calls * handle_s / there) if there else load
    if not load:
        raise PlanningError(f"no calls come on {day.name}")
    return PEAK_LOAD / load


def _overlap_s(start: float, end: float, begin: float, over: float) -> float:
    return max(0.0, min(end, over) - max(start, begin))


def merge_runs(runs: Sequence[StudyRun]) -> RunOutcome:
    """Merge all runs into one outcome."""
    return merge_outcomes([one.outcome for one in runs])


class RunSpread(NamedTuple):
    """A figure over several runs."""

    mean: float | None
    """Mean, or None if no run has the figure."""
    half: float | None
    """Half width of the 95 % interval of the mean, or None for a single run."""


def spread_of_runs(values: Iterable[float | None]) -> RunSpread:
    """Return the mean of the runs that have the figure, with its 95 % interval (Student)."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return RunSpread(known[0] if known else None, None)
    quantile = STUDENT[len(known) - 2] if len(known) - 2 < len(STUDENT) else NORMAL
    return RunSpread(mean(known), quantile * stdev(known) / sqrt(len(known)))


MEASURES: dict[str, Callable[[Figures], float | None]] = {
    "service_level": lambda figures: figures.service_level(),
    "abandonment": lambda figures: figures.abandonment,
    "asa_s": lambda figures: figures.asa_s,
    "p50_s": lambda figures: figures.wait_percentile(0.5),
    "p95_s": lambda figures: figures.wait_percentile(0.95),
    "p99_s": lambda figures: figures.wait_percentile(0.99),
    "max_s": lambda figures: figures.wait_percentile(1.0),
}
"""Figures that are compared between runs."""


def to_row(figures: Figures) -> dict[str, float | None]:
    """Return figures as plain numbers. Shares are 0 to 1, times are seconds, and None means no contacts."""
    return {
        "offered": figures.offered, "answered": figures.answered, "abandoned": figures.abandoned,
        "short_abandons": figures.short, "overflowed": figures.overflowed, "left": figures.left,
        "turned_away": figures.turned_away,
        "moved": figures.moved, "failed": figures.failed, "still_there": figures.still_there,
        **{name: measure(figures) for name, measure in MEASURES.items()}, "aht_s": figures.aht_s,
        "service_level_without_short": figures.service_level(rule=ServiceLevelRule.WITHOUT_SHORT),
        "service_level_of_offered": figures.service_level(rule=ServiceLevelRule.OFFERED),
        "service_level_removed": figures.service_level(rule=ServiceLevelRule.REMOVED),
    }


def summarise_study(study: SimulationStudy, runs: Sequence[StudyRun]) -> dict[str, object]:
    """Return the study as one JSON object."""
    whole = merge_runs(runs)
    return {
        "days": [day.name for day in study.days], "runs": study.runs, "seed": study.chance.seed,
        "agents": len(study.centre.agents),
        "total": to_row(whole.total),
        "services": {service: {"name": whole.names[service], **to_row(figures)}
                     for service, figures in whole.services.items()},
        "intervals": {name: spread_of_runs([measure(one.outcome.total) for one in runs])._asdict()
                      for name, measure in MEASURES.items()},
        "half_hours": [{"half_hour": slot, **to_row(figures)} for slot, figures in whole.figures_by_slot().items()],
        "order": {"offers": whole.offers, "violations": whole.violations},
        "occupancy": occupancy_spread(whole),
        "offers_without_connection": whole.closed, "alarms": whole.alarms,
        "each_run": [{"day": one.day, "seed": one.seed, "offered": one.outcome.total.offered,
                      **{name: measure(one.outcome.total) for name, measure in MEASURES.items()}} for one in runs],
    }


def occupancy_spread(outcome: RunOutcome) -> dict[str, float]:
    """Return the occupancy of all agents, of accommodated agents and of the others, and its variation."""
    return {
        "all": outcome.group_occupancy(), "accommodated": outcome.group_occupancy(accommodated=True),
        "others": outcome.group_occupancy(accommodated=False), "cv_all": outcome.occupancy_cv(),
        "cv_accommodated": outcome.occupancy_cv(accommodated=True),
        "cv_others": outcome.occupancy_cv(accommodated=False),
        "agents_accommodated": len(outcome.agent_occupancies(accommodated=True)),
        "agents_others": len(outcome.agent_occupancies(accommodated=False)),
    }
