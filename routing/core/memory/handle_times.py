"""Learn how long the latest contacts of a service took, talk and wrap-up together.

The histogram has steps of a tenth. Every new contact counts a little more than the one before, so a contact counts half
after `HALF_COUNT` more. The step below which eight of ten contacts stay is always known. Its value is calculated at the
first question. Learning costs a few additions, and a question costs next to nothing for any number of agents.
"""

from __future__ import annotations

import math
import struct
from base64 import b64decode, b64encode
from math import log

SEED_MEAN_S = 240.0
"""Assumed for a service without contacts: a usual call with its wrap-up (the 182 line of Turkey's health appointments
has 266-271 s, 2025)."""

SEED_SPREAD = 0.6
"""Standard deviation of the logarithm in the seed: handle times of calls are close to lognormal."""

SEED_WEIGHT = 10.0
"""The seed counts as this many contacts. After some dozens of contacts it is forgotten."""

HALF_COUNT = 200.0
"""A contact counts half after this many more: a morning of a service of middle size."""

P80_SHARE = 0.8
"""Share of contacts that take no longer than the expected handle time of break protection."""

STEP_WIDTH = 0.1
"""Width of a step of the histogram as a share of the time: finer than anybody notices."""

SHORTEST_S, LONGEST_S = 1.0, 14_400.0
"""Bounds of the histogram. Longer and shorter times count at the edge. Nobody talks longer than four hours."""

_PER_STEP = 1.0 / math.log1p(STEP_WIDTH)
_STEPS = int(math.log(LONGEST_S / SHORTEST_S) * _PER_STEP) + 1
_GROWTH = 2.0 ** (1.0 / HALF_COUNT)

TOO_LARGE = 1e12
"""Limit of a weight. Weights grow with every contact and are made small again above the limit, once in some thousand
contacts."""


class HandleTimes:
    """Handle times of one service, in seconds."""

    __slots__ = ("_at", "_below", "_counts", "_p80_s", "_sum", "_total", "_weight")

    def __init__(self) -> None:
        self.forget_times()

    def forget_times(self) -> None:
        """Begin again with the seed."""
        self._counts = list(_SEED_COUNTS)
        self._total = sum(self._counts)
        self._sum = SEED_MEAN_S * self._total
        self._weight = 1.0
        self._at = 0
        self._below = 0.0
        """Weight of all steps before `_at`."""
        self._p80_s: float | None = None
        """The last calculated `p80_s`, or None after a new contact."""
        self._find_p80_step()

    @property
    def p80_s(self) -> float:
        """Return the time that eight of ten contacts do not exceed."""
        if self._p80_s is None:
            at, count = self._at, self._counts[self._at]
            share = (P80_SHARE * self._total - self._below) / count if count else 1.0
            self._p80_s = SHORTEST_S * math.exp((at + min(1.0, max(0.0, share))) / _PER_STEP)
        return self._p80_s

    @property
    def mean_s(self) -> float:
        """Return the mean handle time."""
        return self._sum / self._total

    def note_contact(self, seconds: float) -> None:
        """Learn from one contact that took this long."""
        # 1. A time beyond the bounds counts at the edge of the histogram.
        if seconds < SHORTEST_S:
            seconds = SHORTEST_S
        elif seconds > LONGEST_S:
            seconds = LONGEST_S
        # 2. Growing weights make the older contacts fade without a walk over the steps.
        self._weight = weight = self._weight * _GROWTH
        at = int(log(seconds / SHORTEST_S) * _PER_STEP)
        counts, here, below = self._counts, self._at, self._below
        counts[at] += weight
        self._total = total = self._total + weight
        self._sum += weight * seconds
        self._p80_s = None
        # 3. Move the mark of the 80 % value. Nearly always it stays in its step.
        if at < here:
            self._below = below = below + weight
        wanted = P80_SHARE * total
        if below >= wanted or below + counts[here] < wanted:
            self._find_p80_step()
        if weight > TOO_LARGE:
            self._rescale_weights()

    def remaining_s(self, age_s: float) -> float:
        """Return the mean time that a contact of this age still takes. Looks at each step of the histogram."""
        left = tail = 0.0
        first = int(math.log(max(age_s, SHORTEST_S) / SHORTEST_S) * _PER_STEP)
        for at in range(first, _STEPS):
            count = self._counts[at]
            if count:
                tail += count
                left += count * max(0.0, _step_middle(at) - age_s)
        # A contact older than all before it gets the mean: nothing else is known of it.
        return left / tail if tail else self.mean_s

    def to_text(self) -> str:
        """Return the whole state as a short text, without loss. The seed is an empty text."""
        if self._counts == _SEED_COUNTS:
            return ""
        return b64encode(_PACKED.pack(self._weight, self._total, self._sum, self._at, self._below,
                                      *self._counts)).decode()

    def read_text(self, text: str) -> None:
        """Take over the state that `to_text` wrote. Any other text gives the seed."""
        self.forget_times()
        try:
            weight, total, summed, at, below, *counts = _PACKED.unpack(b64decode(text, validate=True))
        # The text is empty, or was changed by hand.
        except (ValueError, struct.error):
            return
        if 0 <= at < _STEPS and 0.0 < summed < math.inf and 0.0 < total < math.inf and weight > 0.0:
            self._counts, self._weight, self._total, self._sum = counts, weight, total, summed
            self._at, self._below, self._p80_s = at, below, None

    def _find_p80_step(self) -> None:
        """Move to the step in which the share is reached. After one contact it is the same step or the next."""
        counts, wanted = self._counts, P80_SHARE * self._total
        at, below = self._at, self._below
        while at > 0 and below >= wanted:
            at -= 1
            below -= counts[at]
        while at < _STEPS - 1 and below + counts[at] < wanted:
            below += counts[at]
            at += 1
        self._at, self._below = at, below

    def _rescale_weights(self) -> None:
        by = 1.0 / self._weight
        self._counts = [count * by for count in self._counts]
        self._total, self._sum, self._weight = sum(self._counts), self._sum * by, 1.0
        # Added up again, so that rounding errors of many additions do not stay.
        self._below = sum(self._counts[:self._at])


def _step_middle(at: int) -> float:
    return SHORTEST_S * math.exp((at + 0.5) / _PER_STEP)


def _seed_counts() -> list[float]:
    """Return a lognormal of the mean and spread of the seed, by steps."""
    # The mean of a lognormal is above its median, by half the variance of the logarithm.
    mean = math.log(SEED_MEAN_S) - SEED_SPREAD * SEED_SPREAD / 2
    shape = [math.exp(-((math.log(_step_middle(at)) - mean) / SEED_SPREAD) ** 2 / 2) for at in range(_STEPS)]
    total = sum(shape)
    return [one * SEED_WEIGHT / total for one in shape]


_SEED_COUNTS = _seed_counts()

_PACKED = struct.Struct(f"<dddid{_STEPS}d")
"""Layout of the text: the sums, then the steps. Numbers of 8 bytes, so that a restart changes no estimate."""
