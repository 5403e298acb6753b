"""What needs of agents leave, day by day. They begin by date, and a running node takes them over at midnight whatever
they leave: so a centre that is good on some day starts on every day, and says what nobody can do today."""

from __future__ import annotations

from datetime import date

from centres.load import Loaded
from centres.problem import Problem
from ivr.flow.model import Flow
from santral import routable
from santral.engine_values import team_of

DAYS_MOST = 200
"""Days at which needs begin that are looked at, the nearest ones: each takes about 4 ms with 180 agents, and neither a
start nor who waits for `santral check` should wait a second for it."""


def nobody_left(loaded: Loaded, flow: Flow | None, day: date) -> list[Problem]:
    """What is a problem on a day, of what services and menu ask of the agents as they are then."""
    return _found(loaded, flow, day)[0]


def good_on_some_day(loaded: Loaded, flow: Flow | None) -> bool:
    """Whether there is a day without any: before all needs that begin by date, or when some of them have begun."""
    near = sorted(_days(loaded), key=lambda day: abs(day - loaded.day))[:DAYS_MOST]
    return any(not nobody_left(loaded, flow, day) for day in (date.min, *near))


def coming(loaded: Loaded, flow: Flow | None) -> list[Problem]:
    """What is good today and will not be, or is to be warned about then and not today. Told to who checks a centre or
    reloads it."""
    told = {one for found in _found(loaded, flow, loaded.day) for one in found}
    new = []
    for day in sorted(day for day in _days(loaded) if day > loaded.day)[:DAYS_MOST]:
        for one in (one for found in _found(loaded, flow, day) for one in found):
            if one not in told:
                told.add(one)
                new.append(Problem(one.where, f"from {day} on: {one.what}", one.mend))
    return new


def _found(loaded: Loaded, flow: Flow | None, day: date) -> tuple[list[Problem], list[Problem]]:
    then = loaded.on(day)
    return routable.check(then, team_of(then), flow)


def _days(loaded: Loaded) -> set[date]:
    """At which what agents need changes. An end alone changes nothing: see `centres.cross.in_force`."""
    return {one.valid_from for one in loaded.dated if one.valid_from is not None}
