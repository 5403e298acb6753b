"""Wrong tries: which pairs are made late, how late, and where it ends."""

from __future__ import annotations

import pytest

from desk.people.attempts import (
    LATE_MAX,
    LATE_S,
    LATE_SOURCE_MAX,
    PAIRS_MAX,
    QUEUE_MAX,
    WINDOW_S,
    WRONG_MAX,
    Attempts,
    TooManyTries,
)

pytestmark = pytest.mark.unit

PAIR = ("ayse", "address 192.0.2.7")


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wrong(attempts: Attempts, pair: tuple[str, str] = PAIR, times: int = WRONG_MAX) -> list[float]:
    return [attempts.begin_try(pair) for _ in range(times)]


def test_the_sixth_wrong_try_of_a_minute_is_late_and_others_are_not() -> None:
    clock = Hands()
    attempts = Attempts(clock)
    assert wrong(attempts) == [0.0] * WRONG_MAX
    assert attempts.begin_try(PAIR) == LATE_S == 12.0
    for other in (("ayse", "address 192.0.2.8"), ("omer", PAIR[1]), ("ayse", "browser 1")):
        assert attempts.begin_try(other) == 0.0


def test_tries_at_once_are_answered_one_after_the_other_and_then_refused() -> None:
    clock = Hands()
    attempts = Attempts(clock)
    wrong(attempts)
    assert wrong(attempts, times=QUEUE_MAX) == [LATE_S * n for n in range(1, QUEUE_MAX + 1)]
    with pytest.raises(TooManyTries):
        attempts.begin_try(PAIR)
    clock.now += LATE_S
    assert attempts.begin_try(PAIR) == LATE_S * QUEUE_MAX


def test_a_minute_without_a_wrong_try_or_a_right_one_makes_it_quick_again() -> None:
    clock = Hands()
    attempts = Attempts(clock)
    wrong(attempts)
    clock.now += WINDOW_S
    assert attempts.begin_try(PAIR) == 0.0
    wrong(attempts, times=WRONG_MAX - 1)
    attempts.note_right(PAIR)
    assert attempts.begin_try(PAIR) == 0.0


def test_guesses_at_the_late_pace_stay_late() -> None:
    clock = Hands()
    attempts = Attempts(clock)
    wrong(attempts)
    for _ in range(20):
        late = attempts.begin_try(PAIR)
        assert late >= LATE_S
        clock.now += late


def test_a_try_that_was_not_looked_at_does_not_count() -> None:
    attempts = Attempts(Hands())
    for _ in range(3 * WRONG_MAX):
        assert attempts.begin_try(PAIR) == 0.0
        attempts.forget_try(PAIR)


def test_pairs_and_late_answers_have_a_limit() -> None:
    clock = Hands()
    attempts = Attempts(clock)
    late = 0
    with pytest.raises(TooManyTries):
        for n in range(LATE_MAX + 1):
            wrong(attempts, ("n", f"a{n}"))
            late += attempts.begin_try(("n", f"a{n}")) > 0
    assert late == LATE_MAX
    clock.now += LATE_S
    assert attempts.begin_try(("n", "a0")) == LATE_S
    for n in range(PAIRS_MAX):
        attempts.begin_try((f"m{n}", "a"))
    assert attempts.begin_try(("n", "a0")) == 0.0, "the oldest pair is forgotten"


def test_one_source_holds_a_part_of_the_late_answers_with_many_names() -> None:
    attempts = Attempts(Hands())
    late = 0
    with pytest.raises(TooManyTries):
        for n in range(LATE_SOURCE_MAX + 1):
            wrong(attempts, (f"n{n}", "flood"))
            late += attempts.begin_try((f"n{n}", "flood")) > 0
    assert late == LATE_SOURCE_MAX
    wrong(attempts)
    assert attempts.begin_try(PAIR) == LATE_S
