"""What is said of an expected wait: honest words, never more exact than what is known. Pure.

An estimate is an interval that holds eight of ten waits. Words make a claim: "yaklaşık beş dakika" is true of waits
from two to eight minutes, "on dakikadan uzun" of all above ten. A claim is made only when the interval lies within it,
else nothing is said of the wait: the first one in a line that one agent serves may be served in ten seconds or in ten
minutes, and no number is true of that. It is rounded up, since a wait that turns out shorter than said harms nobody.
"""

from __future__ import annotations

from typing import NamedTuple

from prompts import say
from routing.core.model import Estimate

MINUTE_S = 60.0

LEAST, MOST = 0.5, 1.5
"""Shares of the said minutes between which "about" is true ..."""
GIVE_S = 30.0
"""... and so much more on each side: nobody counts half a minute."""

UNDER_S, UNDER_MOST_S = 45.0, 75.0
"""The middle one of the waits, and that of which nine of ten are shorter: "less than a minute"."""

ABOVE = 0.7
"""Nine of ten waits are longer than this share of what is said with "more than"; the middle one is longer than all."""

ABOUT = (2, 3, 4, 5, 7, 10)
"""Minutes that are said with "about". Between seven and ten nobody feels a difference."""

MORE_THAN = (30, 20, 10)


class Words(NamedTuple):
    """What is said of a wait."""

    minutes: int
    """0: less than one."""
    more: bool = False
    """More than that, not about."""

    def keys(self, language: str) -> list[str]:
        """As prompts."""
        return [f"sure-uzun-{self.minutes}"] if self.more else say.minutes(self.minutes, language)

    @property
    def claim_s(self) -> tuple[float, float]:
        """The waits of which it is true."""
        said_s = self.minutes * MINUTE_S
        if self.more:
            return said_s, float("inf")
        return (LEAST * said_s - GIVE_S, MOST * said_s + GIVE_S) if self.minutes else (0.0, UNDER_MOST_S)

    @property
    def until_s(self) -> float:
        """The wait is over then, as it sounds: what is said later must not be later than that."""
        return float("inf") if self.more else max(1, self.minutes) * MINUTE_S

    @property
    def rank(self) -> tuple[int, bool]:
        """The smaller, the better news."""
        return self.minutes, self.more


ALL = (*(Words(minutes) for minutes in (0, *ABOUT)), *(Words(minutes, True) for minutes in MORE_THAN))


def words(estimate: Estimate) -> Words | None:
    """What is true of the wait; None: nothing exact enough to be of use."""
    if estimate.wait_s <= UNDER_S and estimate.high_s <= UNDER_MOST_S:
        return Words(0)
    for minutes in MORE_THAN:
        if estimate.wait_s >= minutes * MINUTE_S and estimate.low_s >= ABOVE * minutes * MINUTE_S:
            return Words(minutes, True)
    for minutes in ABOUT:
        if estimate.wait_s <= minutes * MINUTE_S:
            least_s, most_s = Words(minutes).claim_s
            return Words(minutes) if least_s <= estimate.low_s and estimate.high_s <= most_s else None
    return None
