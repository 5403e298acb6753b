"""Choose the words for an expected wait. They are honest and never more exact than the estimate. No I/O.

An estimate is an interval that holds eight of ten waits. Words make a claim. "Yaklaşık beş dakika" is true of waits
from two to eight minutes, and "on dakikadan uzun" of all waits above ten. A claim is made only if the interval is
inside it. Otherwise nothing is said. The first caller of one agent may be served in ten seconds or in ten minutes. No
number is true of that.

Waits are rounded up, because a wait that turns out shorter harms nobody.
"""

from __future__ import annotations

from typing import NamedTuple

from prompts.verbalise import number_prompts
from routing.core.model.centre_model import Estimate

MINUTE_S = 60.0

ABOUT_MIN_SHARE, ABOUT_MAX_SHARE = 0.5, 1.5
"""Shares of the said minutes between which "about" is true."""
TOLERANCE_S = 30.0
"""Tolerance on each side of those shares. Nobody counts half a minute."""

UNDER_S, UNDER_P90_S = 45.0, 75.0
"""Largest median and largest ninth decile of the waits for which "less than a minute" is said."""

ABOVE = 0.7
"""Share of a "more than" claim that nine of ten waits exceed. The median exceeds the whole claim."""

ABOUT = (2, 3, 4, 5, 7, 10)
"""Minutes that are said with "about". Between seven and ten nobody feels a difference."""

MORE_THAN = (30, 20, 10)


class WaitWords(NamedTuple):
    """Words for a wait."""

    minutes: int
    """Minutes of the claim. 0 for less than one minute."""
    more: bool = False
    """Whether the claim is "more than" and not "about"."""

    def prompt_keys(self, language: str) -> list[str]:
        """Return the words as prompts."""
        return [f"sure-uzun-{self.minutes}"] if self.more else number_prompts.minutes_keys(self.minutes, language)

    @property
    def claim_s(self) -> tuple[float, float]:
        """Waits for which the words are true."""
        said_s = self.minutes * MINUTE_S
        if self.more:
            return said_s, float("inf")
        return (ABOUT_MIN_SHARE * said_s - TOLERANCE_S, ABOUT_MAX_SHARE * said_s + TOLERANCE_S) if self.minutes \
            else (0.0, UNDER_P90_S)

    @property
    def until_s(self) -> float:
        """Latest end of the wait as a caller understands the words. Later words must not name a later end."""
        return float("inf") if self.more else max(1, self.minutes) * MINUTE_S

    @property
    def rank(self) -> tuple[int, bool]:
        """Order of the words. A smaller rank is better news."""
        return self.minutes, self.more


ALL = (*(WaitWords(minutes) for minutes in (0, *ABOUT)), *(WaitWords(minutes, True) for minutes in MORE_THAN))


def words_for(estimate: Estimate) -> WaitWords | None:
    """Return the words that are true of the wait, or None if the estimate is not exact enough to be of use."""
    if estimate.wait_s <= UNDER_S and estimate.high_s <= UNDER_P90_S:
        return WaitWords(0)
    for minutes in MORE_THAN:
        if estimate.wait_s >= minutes * MINUTE_S and estimate.low_s >= ABOVE * minutes * MINUTE_S:
            return WaitWords(minutes, True)
    # The smallest claim that is not below the median decides. A larger one would only be less exact.
    for minutes in ABOUT:
        if estimate.wait_s <= minutes * MINUTE_S:
            least_s, most_s = WaitWords(minutes).claim_s
            return WaitWords(minutes) if least_s <= estimate.low_s and estimate.high_s <= most_s else None
    return None
