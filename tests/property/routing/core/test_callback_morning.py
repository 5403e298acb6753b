"""The morning after a night with sixty callbacks: the shipped engine on a virtual clock, with and without them.

Both mornings have the same callers with the same talks. The centre has 20 agents, who are busy four fifths of the time.
"""

from __future__ import annotations

import pytest

from tests.fakes.callback_morning import Morning, play_morning

pytestmark = pytest.mark.property

CALLBACKS = 60
SEEDS = range(8)
AT_MOST = 1.5


def test_live_callers_of_the_morning_after_wait_no_more_than_half_as_long_again() -> None:
    without = [play_morning(seed, 0) for seed in SEEDS]
    turns = [play_morning(seed, CALLBACKS) for seed in SEEDS]
    before = [play_morning(seed, CALLBACKS, held_back=False) for seed in SEEDS]

    def mean(found: list[Morning]) -> float:
        return sum(one.mean_s for one in found) / len(found)

    base = mean(without)
    print(f"\nlive callers' mean wait: {base:.1f} s without callbacks, {mean(turns):.1f} s in turns "
          f"({mean(turns) / base:.2f}x), {mean(before):.1f} s by age alone ({mean(before) / base:.2f}x); last callback "
          f"after {max(one.last_callback_s for one in turns) / 60:.0f} min, "
          f"{max(one.last_callback_s for one in before) / 60:.0f} min by age")
    assert mean(turns) <= AT_MOST * base
    assert mean(before) > mean(turns), "the rule does something"
    assert all(one.last_callback_s > 0.0 for one in turns)
