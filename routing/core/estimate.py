"""The expected wait: from the engine's own state, with an interval, and how good it was.

The model. A contact gets its turn when those before it have had theirs and one more agent has become free. Before it
are the contacts of an earlier place in its own group and, from groups that compete for the same agents, the share that
such agents will take. Agents become free at rate r = sum of 1 / (mean handle time of what they are at + ringing); for
few agents what is left of the present contacts, by their age, decides the first moment. Who waits leaves by impatience
at rate t each. With k before it the wait is a sum of exponential times with rates r, r + t, ..., r + k t (the estimator
QL_m of Ibrahim and Whitt, "Real-time delay estimation based on delay history", M&SOM 11(3), 2009); its quantiles are
those of a gamma of the same mean and variance (Wilson and Hilferty 1931). A step that ends before gives way to the
agents of the next one.

The correction. What a model leaves out (points of later callers, breaks, a forecast of arrivals) is learned: for each
service the three quantiles are multiplied by factors that follow the answered contacts, each in small steps until a
tenth, half and nine tenths of the waits are below (the gradient of the pinball loss; for intervals the adaptive
conformal inference of Gibbs and Candès, NeurIPS 2021). So the interval holds 80 of 100 in the long run, whatever the
model misses.

Cost: what is known of the agents is kept for a while (`crew`), and contacts are never looked at one by one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from routing.core.crew import Crew, Rate
from routing.core.ids import ContactId, ServiceId
from routing.core.model import Channel, ContactState, Estimate, Service
from routing.core.records import Contact
from routing.core.requirement import lasts

if TYPE_CHECKING:
    from routing.core.domain import Domain

SEED_RING_S = 4.0
"""Believed time from an offer to the connection before any was seen."""

SEED_PATIENCE_S = 600.0
"""Believed mean patience. The seed counts as one caller; the bank of the Technion's data has 300-600 s."""

FADE = 0.99
"""Weight of the past with every new observation: the last hundred count."""

LEARN = (0.01, 0.005, 0.01)
"""Steps of the three corrections at each answered contact: a factor moves by 1 % at most. Waits that follow each other
resemble each other and are known late; a bolder step (6 %) made the error of a full house of 50 agents 1.7 times as
large as no correction at all (simulation)."""

FARTHEST = 2.0
"""Bound of a correction's logarithm: a factor of 7 either way. A model that is worse is not to be mended by one."""

UNSURE = 0.2
"""Relative error of the model itself, added to the spread that chance makes."""

_NEWCOMER = ContactId("")
"""Stands for a caller who might come."""

LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
Z_90 = 1.2815515655446004
"""The normal quantile of nine tenths."""

EXACT_TERMS = 8
"""So many terms of the sum are added one by one, the rest by its integral."""


class Measure(NamedTuple):
    """How good the estimates of a service were, over all answered contacts that were given one at entry."""

    answered: int
    mean_error_s: float
    """Mean absolute error of `Estimate.wait_s`."""
    coverage: float
    """Share of the waits between `low_s` and `high_s`."""


class Learned:
    """What is learned of a service."""

    __slots__ = ("by", "count", "covered", "error_s", "factors", "given_up", "waited_s")

    def __init__(self) -> None:
        self.factors = [0.0, 0.0, 0.0]
        """Logarithms, of the low, middle and high quantile."""
        self.by = [1.0, 1.0, 1.0]
        """What the quantiles are multiplied by."""
        self.given_up, self.waited_s = 1.0, SEED_PATIENCE_S
        """Callers who gave up and the time all have waited, both fading."""
        self.count, self.covered, self.error_s = 0, 0, 0.0

    def patience(self, waited_s: float, gave_up: bool) -> None:
        """Somebody waited so long, and was answered or gave up."""
        self.given_up = FADE * self.given_up + gave_up
        self.waited_s = FADE * self.waited_s + waited_s

    def correct(self, told: Estimate, waited_s: float) -> None:
        """Count the error, and move each quantile a little to where it should be."""
        self.count += 1
        self.covered += told.low_s <= waited_s <= told.high_s
        self.error_s += abs(waited_s - told.wait_s)
        bounds = (LOW, told.low_s), (MIDDLE, told.wait_s), (HIGH, told.high_s)
        for at, (share, bound) in enumerate(bounds):
            moved = self.factors[at] + LEARN[at] * (share - (waited_s < bound))
            self.factors[at] = min(FARTHEST, max(-FARTHEST, moved))
            self.by[at] = math.exp(self.factors[at])


class Forecast:
    """Everything that is learned and kept for estimates. Reads have a store of their own: what somebody looks at must
    not change what the engine says, or a replay would not say the same."""

    def __init__(self) -> None:
        self._services: dict[ServiceId, Learned] = {}
        self.ring_s = SEED_RING_S
        """Mean time from an offer to its connection, of those that came to one."""
        self.decided, self.shown = Crew(), Crew()

    def of(self, service: ServiceId) -> Learned:
        """What is learned of a service."""
        found = self._services.get(service)
        if found is None:
            found = self._services[service] = Learned()
        return found

    def known(self, service: ServiceId) -> Learned:
        """The same for reads: nothing is kept of a service that was never estimated."""
        return self._services.get(service) or Learned()

    def measures(self) -> dict[ServiceId, Measure]:
        """How good the estimates were, of each service that has had an answered one."""
        return {service: Measure(one.count, one.error_s / one.count, one.covered / one.count)
                for service, one in self._services.items() if one.count}

    def forget(self) -> None:
        """Settings have changed: what was found about the agents is worth nothing."""
        self.decided, self.shown = Crew(), Crew()


def at_entry(d: Domain, contact: Contact) -> Estimate | None:
    """What a contact that has just come to wait may expect; None: somebody is free for it, nobody who could take it is
    at work, or its time has not come."""
    group = contact.group
    if group is None:
        return None
    step = contact.step
    if group.may_relax and group.unmet:
        step = d.matching.met(contact)
        group = d.matching.group(contact, step)
    if group.pool.mask & group.allowed:
        return None
    return _expect(d, d.forecast.decided, contact, step, d.now, d.forecast.of(contact.service.id))


def now(d: Domain, contact: Contact, at: float) -> Estimate | None:
    """What a waiting contact may still expect. A read: it changes nothing that is decided by."""
    group = contact.group
    if contact.state is not ContactState.PENDING or group is None or group.ready:
        return None
    return _expect(d, d.forecast.shown, contact, contact.step, at, d.forecast.known(contact.service.id))


def newcomer(d: Domain, service: Service, at: float) -> Estimate | None:
    """What a caller who came now would be told; None as in `at_entry`. A read."""
    contact = Contact(_NEWCOMER, service, Channel.VOICE, at, 0, d.next_number, at, step_at=at)
    contact.key = contact.line_key()
    step = d.matching.met(contact)
    if d.matching.group(contact, step).ready:
        return None
    return _expect(d, d.forecast.shown, contact, step, at, d.forecast.known(service.id))


def told(contact: Contact) -> Estimate | None:
    """What a contact was told at entry, counted like its wait, from `since`: who keeps an age (a call that dropped, a
    callback that was merged, an adopted call) has waited before."""
    expected, before_s = contact.estimate, contact.queued_at - contact.since
    if expected is None:
        return None
    return expected if before_s == 0.0 else Estimate(*[before_s + one for one in expected])


def came_true(d: Domain, contact: Contact, at: float) -> None:
    """A contact that was given an estimate is connected: learn from it. Not from callbacks, which have none any more,
    nor from a second connection after a cut talk."""
    told, contact.estimate = contact.estimate, None
    offer = contact.offer
    if told is None or offer is None:
        return
    waited_s = max(0.0, at - contact.queued_at)
    learned = d.forecast.of(contact.service.id)
    learned.correct(told, waited_s)
    learned.patience(waited_s, False)
    d.forecast.ring_s = FADE * d.forecast.ring_s + (1.0 - FADE) * max(0.0, at - offer.offered_at)


def gave_up(d: Domain, contact: Contact, at: float) -> None:
    """A waiting caller has hung up."""
    d.forecast.of(contact.service.id).patience(max(0.0, at - contact.queued_at), True)


def _expect(d: Domain, crew: Crew, contact: Contact, step: int, at: float, learned: Learned) -> Estimate | None:
    mean, variance = _turn(d, crew, contact, step, at, learned.given_up / learned.waited_s)
    if mean == math.inf:
        return None
    variance += (UNSURE * mean) ** 2
    shape = mean * mean / variance
    ninth = 1.0 / (9.0 * shape)
    root = Z_90 * math.sqrt(ninth)
    low, middle, high = learned.by
    ring_s = d.forecast.ring_s
    low_s, wait_s, high_s = sorted((
        ring_s + mean * max(0.0, 1.0 - ninth - root) ** 3 * low,
        ring_s + mean * (1.0 - ninth) ** 3 * middle,
        ring_s + mean * (1.0 - ninth + root) ** 3 * high))
    return Estimate(wait_s, low_s, high_s)


def _turn(d: Domain, crew: Crew, contact: Contact, step: int, at: float, impatience: float) -> tuple[float, float]:
    """Mean and variance of the time until this contact has its turn, through the steps that it will come to from this
    one on; infinite: never, as things are."""
    service = contact.service
    rate = crew.rate(d, contact, step)
    ahead = _before(d, crew, rate, contact, at)
    mean, variance = _sum(rate, impatience, ahead)
    elapsed = done = 0.0
    while (stays := lasts(service, step)) is not None:
        left = max(0.0, contact.step_at + stays - at) if step == contact.step else stays
        if rate.per_s <= 0 and d.matching.group(contact, step).unmet:
            left = 0.0  # a step that nobody who is signed in could meet is left at once
        if mean <= elapsed + left:
            break
        elapsed += left
        done += left * rate.per_s
        step += 1
        rate = crew.rate(d, contact, step)
        after, variance_after = _sum(rate, impatience, max(0.0, _before(d, crew, rate, contact, at) - done))
        if elapsed + after < mean:
            mean, variance = elapsed + after, variance_after
    return mean, variance


def _sum(rate: Rate, impatience: float, ahead: float) -> tuple[float, float]:
    """Mean and variance of the time until `ahead` others and then this one have had their turn."""
    if rate.per_s <= 0:
        return math.inf, 0.0
    mean = 1.0 / rate.first_per_s
    variance = mean * mean
    one_by_one = min(int(ahead), EXACT_TERMS)
    for number in range(1, one_by_one + 1):
        takes = 1.0 / (rate.per_s + number * impatience)
        mean += takes
        variance += takes * takes
    rest = ahead - one_by_one
    if rest > 0:
        slow = rate.per_s + (one_by_one + 0.5) * impatience
        fast = slow + rest * impatience
        mean += math.log(fast / slow) / impatience
        variance += (1.0 / slow - 1.0 / fast) / impatience
    return mean, variance


def _before(d: Domain, crew: Crew, rate: Rate, contact: Contact, at: float) -> float:
    """How many have their turn before this contact at agents it waits for: those of an earlier place in each group, as
    far as such agents will take them. A new group is looked at once."""
    (since, number), weight, own = contact.key, contact.service.weight, contact.group
    ahead = 0.0
    for group in d.matching.active:
        if group is own:
            ahead += group.line.rank((since, number, contact))
            continue
        if share := crew.share(d, rate, group):
            ahead += share * group.line.rank((since + at * (group.weight - weight), number, contact))
    return ahead
