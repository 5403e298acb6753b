"""Arrivals from a curve of counts: when contacts come, for what, how long the talk is, how long they would wait.

Chance is a seed: the same seed gives the same arrivals, and times, services, talks and patience are drawn from streams
of their own, so that two plans that differ in one of them share the others (common random numbers).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import exp, inf, log, sqrt
from typing import NamedTuple

from planning.errors import PlanningError
from planning.house import Arrival
from routing.core.ids import ServiceId
from routing.core.model import Centre

HOUR_S = 3600.0
DAY_S = 86_400.0
WIDTH_S = 300.0

MOST = 1_000_000.0
"""More contacts than this in one interval are a slip of the pen, and would fill the memory."""

HANDLE_S, HANDLE_SD_S = 180.0, 218.0
"""Handle times of a real bank's centre: mean and standard deviation, lognormal-like (Technion "Anonymous Bank",
February 1999: 33,344 calls, mean 179.6 s, standard deviation 217.9 s)."""

PATIENCE_S = 354.0
"""Mean patience of the same centre's callers (exponential fit of the Kaplan-Meier curve)."""

FIRST_HOUR = 7
HOURLY = (1013, 1923, 3218, 3394, 3281, 3109, 2984, 2902, 2781, 2451, 1843, 1428, 1135, 929)
LAST_SLOT = 70
"""Mean calls of a weekday's hours from 07:00 on and of the five minutes from 21:00 on, at a large bank (the data set
`bank_calls` of Weinberg, Brown and Stroud, JASA 102:480, 2007; 164 weekdays). Its peak is 95 % of 180 agents."""


class Day(NamedTuple):
    """Counts of one day in equal intervals."""

    name: str
    """ISO date, or what the curve is called."""
    start_s: float
    """Of the first interval, seconds after midnight."""
    width_s: float
    counts: tuple[float, ...]
    """Contacts of each interval: counted ones, or means."""
    services: Mapping[str, tuple[float, ...]] = {}
    """The same for each service, when the counts are known by service; their sum is `counts`."""

    @property
    def total(self) -> float:
        """Contacts of the day."""
        return sum(self.counts)

    @property
    def end_s(self) -> float:
        """End of the last interval, seconds after midnight."""
        return self.start_s + self.width_s * len(self.counts)

    def scaled(self, factor: float) -> Day:
        """The same curve, higher or lower. Raises PlanningError when that is more than `MOST` in an interval."""
        highest = max(self.counts, default=0.0) * factor
        if highest > MOST:
            raise PlanningError(f"times {factor:g}, {self.name} has {highest:.0f} calls in one interval; at most "
                                f"{MOST:.0f}")
        return self._replace(counts=tuple(count * factor for count in self.counts),
                             services={name: tuple(count * factor for count in counts)
                                       for name, counts in self.services.items()})


DEFAULT_DAY = Day("typical weekday", FIRST_HOUR * HOUR_S, WIDTH_S,
                  (*(hour * WIDTH_S / HOUR_S for hour in HOURLY for _ in range(int(HOUR_S / WIDTH_S))),
                   float(LAST_SLOT)))
"""The mean weekday: what is planned with when there is no file."""


class Kind(NamedTuple):
    """How contacts of a service are."""

    handle_s: float = HANDLE_S
    handle_sd_s: float = HANDLE_SD_S
    patience_s: float = PATIENCE_S
    """Mean of an exponential patience; `inf`: nobody gives up."""


USUAL = Kind()


class Chance(NamedTuple):
    """What is left to chance beside the usual. The default is a Poisson process with the curve as its rate."""

    seed: int = 1
    poisson: bool = True
    """False: exactly the counts, spread evenly over each interval (a fraction is one more or not)."""
    day_cv: float = 0.0
    """Days differ: a factor with mean 1 and this coefficient of variation multiplies the whole day (gamma)."""
    dispersion: float = 1.0
    """Variance / mean of the counts of an interval, at least 1 (gamma on the rate). Real ones have 1.6."""


def shares_of(centre: Centre) -> dict[ServiceId, float]:
    """Shares of the services when nobody says otherwise: as the team is made. Each agent counts for the service whose
    first step they meet best; a service that is nobody's best gets as much as the smallest one."""
    count = dict.fromkeys((service.id for service in centre.services), 0)
    for agent in centre.agents:
        skills = dict(agent.skills)
        best = max(((skills[needs[0][0]], -place, service.id) for place, service in enumerate(centre.services)
                    if (needs := service.steps[0].needs or service.floor) and needs[0][0] in skills), default=None)
        if best is not None:
            count[best[2]] += 1
    least = min((number for number in count.values() if number), default=1)
    whole = sum(number or least for number in count.values())
    return {service: (number or least) / whole for service, number in count.items()}


def generate(day: Day, shares: Mapping[ServiceId, float], chance: Chance = Chance(),
             kinds: Mapping[ServiceId, Kind] | None = None, *, midnight: float = 0.0) -> Iterator[Arrival]:
    """Arrivals of a day in order of time. `shares` of the services (any sum) hold where the day has no counts by
    service. `kinds`: what differs from `USUAL`. `midnight`: time of the day's beginning. Raises PlanningError for
    shares or parameters that mean nothing."""
    check(shares, chance)
    streams = {name: random.Random(f"{chance.seed}/{day.name}/{name}") for name in
               ("times", "service", "talk", "patience")}
    factor = _gamma(streams["times"], chance.day_cv ** 2)
    names = tuple(shares)
    bounds = tuple(accumulate(shares.values()))
    talks = {name: _lognormal((kinds or {}).get(name, USUAL)) for name in names}
    patience = {name: (kinds or {}).get(name, USUAL).patience_s for name in names}
    pick, talk, wait = streams["service"].random, streams["talk"].gauss, streams["patience"].expovariate
    for slot, count in enumerate(day.counts):
        here = bounds
        if day.services:
            here = tuple(accumulate(day.services.get(name, (0.0,) * len(day.counts))[slot] for name in names))
        begin = midnight + day.start_s + slot * day.width_s
        for at in _times(streams["times"], begin, day.width_s, count * factor, chance):
            name = names[_place(here, pick() * here[-1])]
            mu, sigma = talks[name]
            mean = patience[name]
            yield Arrival(at, name, exp(talk(mu, sigma)), inf if mean == inf else wait(1.0 / mean))


def _times(rng: random.Random, begin: float, width_s: float, mean: float, chance: Chance) -> list[float]:
    """Moments within one interval, in order."""
    if not chance.poisson:
        number = int(mean) + (rng.random() < mean % 1.0)
        return sorted(begin + width_s * rng.random() for _ in range(number))
    if chance.dispersion > 1.0 and mean > 0.0:
        mean *= _gamma(rng, (chance.dispersion - 1.0) / mean)
    if mean <= 0.0:
        return []
    found, at, rate = [], begin, mean / width_s
    while (at := at + rng.expovariate(rate)) < begin + width_s:
        found.append(at)
    return found


def _gamma(rng: random.Random, variance: float) -> float:
    """A factor with mean 1."""
    return rng.gammavariate(1.0 / variance, variance) if variance > 0.0 else 1.0


def _lognormal(kind: Kind) -> tuple[float, float]:
    """Parameters of the lognormal law with this mean and standard deviation."""
    variance = log(1.0 + (kind.handle_sd_s / kind.handle_s) ** 2)
    return log(kind.handle_s) - variance / 2.0, sqrt(variance)


def _place(bounds: Sequence[float], value: float) -> int:
    for place, bound in enumerate(bounds):
        if value < bound:
            return place
    return len(bounds) - 1


def check(shares: Mapping[ServiceId, float], chance: Chance = Chance()) -> None:
    """PlanningError for shares or chance that mean nothing."""
    if not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise PlanningError("the shares of the services must be 0 or more, and not all 0")
    if chance.day_cv < 0 or chance.dispersion < 1:
        raise PlanningError("a day's coefficient of variation is 0 or more, the dispersion of counts 1 or more")
