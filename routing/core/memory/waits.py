"""Learn what expected waits need: the patience of callers, the ring time, and corrections of the estimates."""

from __future__ import annotations

import math
from typing import NamedTuple

from routing.core.model.centre_model import Estimate
from routing.core.model.ids import ServiceId

SEED_RING_S = 4.0
"""Assumed time from an offer to the connection before any was seen."""

SEED_PATIENCE_S = 600.0
"""Assumed mean patience. The seed counts as one caller. The bank of the Technion's data has 300-600 s."""

FADE = 0.99
"""Weight of the past with every new observation: the last hundred count."""

LEARN_STEPS = (0.01, 0.005, 0.01)
"""Steps of the three corrections at each answered contact: a factor moves by 1 % at most. Waits that follow each other
resemble each other and are known late. A step of 6 % made the error of a full centre of 50 agents larger: 1.7 times
that without any correction (simulation)."""

CORRECTION_MAX = 2.0
"""Bound of a correction's logarithm: a factor of 7 either way. A correction cannot repair a model that is worse."""

LOW_QUANTILE, MEDIAN_QUANTILE, HIGH_QUANTILE = 0.1, 0.5, 0.9
"""The interval of an estimate holds eight of ten waits."""


class EstimateAccuracy(NamedTuple):
    """How good the estimates of a service were, over all answered contacts that were given one at entry."""

    answered: int
    mean_error_s: float
    """Mean absolute error of `Estimate.wait_s`."""
    coverage: float
    """Share of the waits between `low_s` and `high_s`."""


class LearnedWaits:
    """The learned values of a service."""

    __slots__ = ("by", "count", "covered", "error_s", "factors", "given_up", "waited_s")

    def __init__(self) -> None:
        self.factors = [0.0, 0.0, 0.0]
        """Logarithms, of the low, middle and high quantile."""
        self.by = [1.0, 1.0, 1.0]
        """Factors of the quantiles."""
        self.given_up, self.waited_s = 1.0, SEED_PATIENCE_S
        """Number of callers who gave up, and the time that all callers have waited. Both fade."""
        self.count, self.covered, self.error_s = 0, 0, 0.0

    def learn_patience(self, waited_s: float, gave_up: bool) -> None:
        """Learn from a caller who waited this long and then was answered or gave up."""
        self.given_up = FADE * self.given_up + gave_up
        self.waited_s = FADE * self.waited_s + waited_s

    def correct_estimate(self, told: Estimate, waited_s: float) -> None:
        """Count the error of an estimate, and move each quantile a little to where it should be."""
        self.count += 1
        self.covered += told.low_s <= waited_s <= told.high_s
        self.error_s += abs(waited_s - told.wait_s)
        bounds = (LOW_QUANTILE, told.low_s), (MEDIAN_QUANTILE, told.wait_s), (HIGH_QUANTILE, told.high_s)
        for at, (share, bound) in enumerate(bounds):
            # The gradient of the pinball loss: at the right bound the steps up and down are even in the mean.
            moved = self.factors[at] + LEARN_STEPS[at] * (share - (waited_s < bound))
            self.factors[at] = min(CORRECTION_MAX, max(-CORRECTION_MAX, moved))
            self.by[at] = math.exp(self.factors[at])


class Forecast:
    """The learned values for estimates, by service."""

    __slots__ = ("_services", "ring_s")

    def __init__(self) -> None:
        self._services: dict[ServiceId, LearnedWaits] = {}
        self.ring_s = SEED_RING_S
        """Mean time from an offer to its connection, of those that came to one."""

    def learned_for(self, service: ServiceId) -> LearnedWaits:
        """Return what is learned of a service. A service seen for the first time gets the seed."""
        found = self._services.get(service)
        if found is None:
            found = self._services[service] = LearnedWaits()
        return found

    def peek_learned(self, service: ServiceId) -> LearnedWaits:
        """Return the learned values of a service without keeping a new entry.

        A read must not change what is decided by.
        """
        # A replay has no reads, so a read that kept an entry would make it differ.
        return self._services.get(service) or LearnedWaits()

    def learn_ring(self, ring_s: float) -> None:
        """Learn from an offer that was connected after this time."""
        self.ring_s = FADE * self.ring_s + (1.0 - FADE) * ring_s

    def accuracy_by_service(self) -> dict[ServiceId, EstimateAccuracy]:
        """Return how good the estimates were, of each service that has had an answered one."""
        return {service: EstimateAccuracy(one.count, one.error_s / one.count, one.covered / one.count)
                for service, one in self._services.items() if one.count}
