"""Generate arrivals from a curve of counts: time, service, talk and patience of each contact.

The same seed gives the same arrivals. Times, services, talks and patience come from separate random streams. So two
plans that differ in one of them share the others (common random numbers).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from math import exp, inf, log, sqrt
from typing import NamedTuple

from planning.errors import PlanningError
from planning.simulation.centre_run import Arrival
from routing.core.model.centre_model import Centre
from routing.core.model.ids import ServiceId

HOUR_S = 3600.0
DAY_S = 86_400.0
INTERVAL_S = 300.0

COUNT_MAX = 1_000_000.0
"""Most contacts in one interval. More are a typing error and would fill the memory."""

HANDLE_S, HANDLE_SD_S = 180.0, 218.0
"""Mean and standard deviation of handle times in a bank's centre, roughly lognormal. Source: Technion "Anonymous Bank",
February 1999, 33,344 calls, mean 179.6 s, standard deviation 217.9 s."""

PATIENCE_S = 354.0
"""Mean patience of callers in the same centre (exponential fit of the Kaplan-Meier curve)."""

FIRST_HOUR = 7
HOURLY = (1013, 1923, 3218, 3394, 3281, 3109, 2984, 2902, 2781, 2451, 1843, 1428, 1135, 929)
LAST_SLOT = 70
"""Mean calls of a weekday at a large bank, per hour from 07:00 and for the five minutes from 21:00. Source:
`bank_calls` of Weinberg, Brown and Stroud, JASA 102:480, 2007, 164 weekdays. The peak is 95 % of 180 agents."""


class Day(NamedTuple):
    """Counts of one day in equal intervals."""

    name: str
    """ISO date, or the name of the curve."""
    start_s: float
    """Start of the first interval, seconds after midnight."""
    width_s: float
    counts: tuple[float, ...]
    """Contacts of each interval, counted or as a mean."""
    services: Mapping[str, tuple[float, ...]] = {}
    """Counts of each service if they are known by service. Their sum is `counts`."""

    @property
    def total(self) -> float:
        """Contacts of the day."""
        return sum(self.counts)

    @property
    def end_s(self) -> float:
        """End of the last interval, seconds after midnight."""
        return self.start_s + self.width_s * len(self.counts)

    def scale_counts(self, factor: float) -> Day:
        """Multiply the curve by a factor. Raise PlanningError if an interval would exceed `COUNT_MAX`."""
        highest = max(self.counts, default=0.0) * factor
        if highest > COUNT_MAX:
            raise PlanningError(f"times {factor:g}, {self.name} has {highest:.0f} calls in one interval; at most "
                                f"{COUNT_MAX:.0f}")
        return self._replace(counts=tuple(count * factor for count in self.counts),
                             services={name: tuple(count * factor for count in counts)
                                       for name, counts in self.services.items()})


DEFAULT_DAY = Day("typical weekday", FIRST_HOUR * HOUR_S, INTERVAL_S,
                  (*(hour * INTERVAL_S / HOUR_S for hour in HOURLY for _ in range(int(HOUR_S / INTERVAL_S))),
                   float(LAST_SLOT)))
"""The mean weekday, used if there is no file."""


class CallProfile(NamedTuple):
    """Talk times and patience of the contacts of a service."""

    handle_s: float = HANDLE_S
    handle_sd_s: float = HANDLE_SD_S
    patience_s: float = PATIENCE_S
    """Mean of an exponential patience. With `inf` no caller gives up."""


USUAL_PROFILE = CallProfile()


class ChanceSettings(NamedTuple):
    """Say what is random in a simulated day."""

    seed: int = 1
    poisson: bool = True
    """Whether arrivals are a Poisson process. Otherwise the counts are exact and spread evenly over each interval, and
    a fraction is rounded at random."""
    day_cv: float = 0.0
    """Variation between days: a gamma factor with mean 1 and this coefficient of variation multiplies the whole day."""
    dispersion: float = 1.0
    """Variance / mean of the counts of an interval, at least 1 (gamma on the rate). Real centres have 1.6."""


def shares_of(centre: Centre) -> dict[ServiceId, float]:
    """Return the default share of each service, derived from the team.

    Each agent counts for the service whose first step the agent meets best. A service that is best for no agent gets
    the share of the smallest one.
    """
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


def generate_arrivals(day: Day, shares: Mapping[ServiceId, float], chance: ChanceSettings = ChanceSettings(),
                      kinds: Mapping[ServiceId, CallProfile] | None = None, *,
                      midnight: float = 0.0) -> Iterator[Arrival]:
    """Generate the arrivals of a day in order of time.

    `shares` may have any sum and apply only if the day has no counts by service. `kinds` replaces `USUAL_PROFILE` for
    some services. `midnight` is the time at which the day begins. Raise PlanningError for invalid shares or parameters.
    """
    check_shares(shares, chance)
    # 1. Prepare one random stream for each quantity, so that a change of one does not shift the others.
    streams = {name: random.Random(f"{chance.seed}/{day.name}/{name}") for name in
               ("times", "service", "talk", "patience")}
    factor = _draw_factor(streams["times"], chance.day_cv ** 2)
    names = tuple(shares)
    bounds = tuple(accumulate(shares.values()))
    talks = {name: _lognormal_parameters((kinds or {}).get(name, USUAL_PROFILE)) for name in names}
    patience = {name: (kinds or {}).get(name, USUAL_PROFILE).patience_s for name in names}
    pick, talk, wait = streams["service"].random, streams["talk"].gauss, streams["patience"].expovariate
    # 2. Draw the moments of each interval, then service, talk and patience of each moment.
    for slot, count in enumerate(day.counts):
        here = bounds
        if day.services:
            here = tuple(accumulate(day.services.get(name, (0.0,) * len(day.counts))[slot] for name in names))
        begin = midnight + day.start_s + slot * day.width_s
        for at in _draw_times(streams["times"], begin, day.width_s, count * factor, chance):
            name = names[_interval_of(here, pick() * here[-1])]
            mu, sigma = talks[name]
            mean = patience[name]
            yield Arrival(at, name, exp(talk(mu, sigma)), inf if mean == inf else wait(1.0 / mean))


def _draw_times(rng: random.Random, begin: float, width_s: float, mean: float, chance: ChanceSettings) -> list[float]:
    """Return the moments within one interval, in order."""
    if not chance.poisson:
        number = int(mean) + (rng.random() < mean % 1.0)
        return sorted(begin + width_s * rng.random() for _ in range(number))
    # Overdispersion multiplies the rate of the interval by a gamma factor.
    if chance.dispersion > 1.0 and mean > 0.0:
        mean *= _draw_factor(rng, (chance.dispersion - 1.0) / mean)
    if mean <= 0.0:
        return []
    found, at, rate = [], begin, mean / width_s
    while (at := at + rng.expovariate(rate)) < begin + width_s:
        found.append(at)
    return found


def _draw_factor(rng: random.Random, variance: float) -> float:
    """Return a random factor with mean 1 and this variance."""
    return rng.gammavariate(1.0 / variance, variance) if variance > 0.0 else 1.0


def _lognormal_parameters(kind: CallProfile) -> tuple[float, float]:
    """Return the parameters of the lognormal law with this mean and standard deviation."""
    variance = log(1.0 + (kind.handle_sd_s / kind.handle_s) ** 2)
    return log(kind.handle_s) - variance / 2.0, sqrt(variance)


def _interval_of(bounds: Sequence[float], value: float) -> int:
    for place, bound in enumerate(bounds):
        if value < bound:
            return place
    return len(bounds) - 1


def check_shares(shares: Mapping[ServiceId, float], chance: ChanceSettings = ChanceSettings()) -> None:
    """Raise PlanningError for invalid shares or chance settings."""
    if not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise PlanningError("the shares of the services must be 0 or more, and not all 0")
    if chance.day_cv < 0 or chance.dispersion < 1:
        raise PlanningError("a day's coefficient of variation is 0 or more, the dispersion of counts 1 or more")
