"""Learn what expected waits need: the patience of callers, the ring time, and corrections of the estimates.

The learned values of a service are a row of the store, so they outlive a restart. The row is written in the commit of
the event that taught them. One answered call writes it twice: at the connection and after the wrap-up. The row replaces
itself, so the file does not grow with the calls.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from routing.core.memory.handle_times import HandleTimes
from routing.core.model.centre_model import Estimate
from routing.core.model.declare import record, stored
from routing.core.model.ids import ServiceId, SkillId

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

GIVEN_UP_MAX = 1.0 / (1.0 - FADE) + 1.0
"""Bound of the faded number of callers who gave up: every caller did."""

LOW_QUANTILE, MEDIAN_QUANTILE, HIGH_QUANTILE = 0.1, 0.5, 0.9
"""The interval of an estimate holds eight of ten waits."""


class EstimateAccuracy(NamedTuple):
    """How good the estimates of a service were, over all answered contacts that were given one at entry."""

    answered: int
    mean_error_s: float
    """Mean absolute error of `Estimate.wait_s`."""
    coverage: float
    """Share of the waits between `low_s` and `high_s`."""


Quantiles = tuple[float, float, float]
"""One value for each of the three quantiles of an estimate: low, middle and high."""

NO_CORRECTION: Quantiles = (0.0, 0.0, 0.0)


@record
class LearnedService:
    """The learned values of a service."""

    service: ServiceId = stored(key=True)
    version: int = stored(default=0)
    skills: tuple[SkillId, ...] | None = stored(
        default=None, comment="skills that the service asked for when this was learned; null: it was removed")
    factors: tuple[float, float, float] = stored(
        default=NO_CORRECTION, comment="logarithms of the corrections of the low, middle and high quantile")
    given_up: float = stored(default=1.0)
    """Number of callers who gave up. It fades."""
    waited_s: float = stored(default=SEED_PATIENCE_S)
    """Time that all callers have waited. It fades."""
    ring_s: float = stored(default=SEED_RING_S, comment="ring time of the whole centre at the last connection here")
    ring_count: int = stored(default=0, comment="connections that ring_s was learned from: the greatest is the latest")
    handle_times: HandleTimes = stored(default_factory=HandleTimes, type="str", read="r.handle_times.to_text()",
                                       comment="the histogram (`HandleTimes.to_text`)")
    by: Quantiles = (1.0, 1.0, 1.0)
    """Factors of the quantiles."""
    # How good the estimates were since the start of the node.
    count: int = 0
    covered: int = 0
    error_s: float = 0.0
    saved: int = 0
    """Version of the row in the store. 0 if there is no row."""
    dirty: int = 0
    """Whether the row must be written."""

    def learn_patience(self, waited_s: float, gave_up: bool) -> None:
        """Learn from a caller who waited this long and then was answered or gave up."""
        self.given_up = FADE * self.given_up + gave_up
        self.waited_s = FADE * self.waited_s + waited_s

    def correct_estimate(self, told: Estimate, waited_s: float) -> None:
        """Count the error of an estimate, and move each quantile a little to where it should be."""
        self.count += 1
        self.covered += told.low_s <= waited_s <= told.high_s
        self.error_s += abs(waited_s - told.wait_s)
        low, middle, high = self.factors
        # The gradient of the pinball loss: at the right bound the steps up and down are even in the mean.
        self.set_factors((low + LEARN_STEPS[0] * (LOW_QUANTILE - (waited_s < told.low_s)),
                          middle + LEARN_STEPS[1] * (MEDIAN_QUANTILE - (waited_s < told.wait_s)),
                          high + LEARN_STEPS[2] * (HIGH_QUANTILE - (waited_s < told.high_s))))

    def set_factors(self, factors: Quantiles) -> None:
        """Set the corrections, within their bounds."""
        low, middle, high = [min(CORRECTION_MAX, max(-CORRECTION_MAX, one)) for one in factors]
        self.factors, self.by = (low, middle, high), (math.exp(low), math.exp(middle), math.exp(high))

    def forget_values(self, skills: tuple[SkillId, ...] | None) -> None:
        """Begin again with the seed. `skills` are those that the service asks for now, None for a removed service."""
        self.skills, self.given_up, self.waited_s = skills, 1.0, SEED_PATIENCE_S
        self.count, self.covered, self.error_s = 0, 0, 0.0
        self.set_factors(NO_CORRECTION)
        self.handle_times.forget_times()

    def clip_values(self) -> None:
        """Bring values of the store that nothing could have taught back into their bounds."""
        if not (0.0 <= self.given_up <= GIVEN_UP_MAX and 0.0 < self.waited_s < math.inf):
            self.given_up, self.waited_s = 1.0, SEED_PATIENCE_S
        if not 0.0 <= self.ring_s < math.inf:
            self.ring_s = SEED_RING_S
        self.set_factors(self.factors if all(one - one == 0.0 for one in self.factors) else NO_CORRECTION)


class Forecast:
    """The learned values for estimates, by service."""

    __slots__ = ("_ring_count", "by_service", "ring_s")

    def __init__(self) -> None:
        self.by_service: dict[ServiceId, LearnedService] = {}
        """Learned values of each service that has taught something."""
        self.ring_s = SEED_RING_S
        """Mean time from an offer to its connection, of those that came to one."""
        self._ring_count = 0

    def add_service(self, learned: LearnedService) -> None:
        """Keep what is learned of a service: the seed of a new one, or the values of its row."""
        self.by_service[learned.service] = learned
        # The row with the greatest count is that of the latest connection.
        if learned.ring_count > self._ring_count:
            self.ring_s, self._ring_count = learned.ring_s, learned.ring_count

    def peek_learned(self, service: ServiceId) -> LearnedService:
        """Return the learned values of a service without keeping a new entry.

        A read must not change what is decided by.
        """
        # A replay has no reads, so a read that kept an entry would make it differ.
        return self.by_service.get(service) or LearnedService(service)

    def learn_ring(self, learned: LearnedService, ring_s: float) -> None:
        """Learn from an offer of this service that was connected after this time."""
        self.ring_s = FADE * self.ring_s + (1.0 - FADE) * ring_s
        self._ring_count += 1
        learned.ring_s, learned.ring_count = self.ring_s, self._ring_count

    def accuracy_by_service(self) -> dict[ServiceId, EstimateAccuracy]:
        """Return how good the estimates were, of each service that has had an answered one."""
        return {service: EstimateAccuracy(one.count, one.error_s / one.count, one.covered / one.count)
                for service, one in self.by_service.items() if one.count}
