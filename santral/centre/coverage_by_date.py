"""Find problems that agents' needs cause on single days.

Needs begin on a date, and a running node applies them at midnight in any case. So a centre that is good on some day
starts on any day, and reports what no agent can do today.
"""

from __future__ import annotations

from datetime import date

from centres.centre_reader import LoadedCentre
from centres.problem import Problem
from ivr.flow.menu_model import MenuFlow
from santral.centre import reachability
from santral.centre.engine_values import team_of

DAYS_MAX = 200
"""Most days on which needs begin that are checked, the nearest first. Each takes about 4 ms with 180 agents, and a
start or `santral check` should take less than a second."""


def unservable_on(loaded: LoadedCentre, flow: MenuFlow | None, day: date) -> list[Problem]:
    """Return the problems on a day: demands of services and menu that no agent of that day meets."""
    return _check_day(loaded, flow, day)[0]


def is_good_some_day(loaded: LoadedCentre, flow: MenuFlow | None) -> bool:
    """Return whether any day has no problems: the time before all dated needs, or a day on which some begin."""
    near = sorted(_changing_days(loaded), key=lambda day: abs(day - loaded.day))[:DAYS_MAX]
    return any(not unservable_on(loaded, flow, day) for day in (date.min, *near))


def coming_problems(loaded: LoadedCentre, flow: MenuFlow | None) -> list[Problem]:
    """Return problems and warnings that begin after today. They are shown to a person who checks or reloads a
    centre."""
    told = {one for found in _check_day(loaded, flow, loaded.day) for one in found}
    new = []
    for day in sorted(day for day in _changing_days(loaded) if day > loaded.day)[:DAYS_MAX]:
        for one in (one for found in _check_day(loaded, flow, day) for one in found):
            if one not in told:
                told.add(one)
                new.append(Problem(one.where, f"from {day} on: {one.what}", one.mend))
    return new


def _check_day(loaded: LoadedCentre, flow: MenuFlow | None, day: date) -> tuple[list[Problem], list[Problem]]:
    then = loaded.on_day(day)
    return reachability.check_reachability(then, team_of(then), flow)


def _changing_days(loaded: LoadedCentre) -> set[date]:
    """Return the days on which agents' needs change. An end alone changes nothing (see
    `centres.checks.cross_checks.in_force`)."""
    return {one.valid_from for one in loaded.dated if one.valid_from is not None}
