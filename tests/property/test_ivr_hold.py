"""Whatever happens while somebody waits: what is said never contradicts itself, nor sounds like a stuck machine."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import expected, hold
from ivr.config import DISTRESS, Wait
from ivr.hold import Heard
from routing.core.model import Estimate
from tests.examples import examples
from tests.fakes.inbox import contact_view

pytestmark = pytest.mark.property

PLACE_S, COMFORT_S = 30.0, 45.0
WORDS = {tuple(words.keys("tr")): words for words in expected.ALL}


class Round(NamedTuple):
    after_s: float
    place: int
    estimate: Estimate | None
    service: str
    key: str
    talks: tuple[str, ...]
    """Before it, between two ticks: how each ended."""
    returned: bool
    callback: bool


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    wait_s = draw(st.floats(1.0, 4_000.0))
    return Estimate(wait_s, wait_s * draw(st.floats(0.1, 1.0)), wait_s * draw(st.floats(1.0, 3.0)))


ROUNDS = st.lists(st.builds(
    Round, st.sampled_from((0.3, 4.0, 15.0, 15.0, 40.0)), st.integers(1, 12), st.none() | estimates(),
    st.sampled_from(("a", "a", "a", "a", "b")), st.sampled_from(("", "", "", "", "7", "*", "1", "2")),
    st.sampled_from(((),) * 12 + (("lost",), ("sent",), ("lost", "sent"), ("sent", "lost"))), st.booleans(),
    st.booleans()), max_size=60)
WAITS = st.sampled_from((Wait(), Wait(callback_key="3", callback_after_s=60.0), DISTRESS,
                         Wait(place=False, expected=False, asks=False)))


@settings(max_examples=examples(150))
@given(ROUNDS, WAITS)
def test_what_is_said_while_waiting(rounds: list[Round], wait: Wait) -> None:
    heard, now = Heard(), 5_000.0
    heard.said_at = now
    last: dict[str, float] = {}
    said_words: list[tuple[float, expected.Words]] = []
    place, service = 99, rounds[0].service if rounds else ""
    handed_at: float | None = None
    owed = False
    for number, one in enumerate(rounds):
        now += one.after_s
        view = contact_view("1.1", position=one.place, service=one.service)._replace(
            estimate=one.estimate, waited_s=now - 5_000.0, returned=one.returned, callback=one.callback)
        for nth, end in enumerate(one.talks if number else ()):
            owed = end == "lost"  # whoever was sent on politely since is not told of it
            if owed:
                hold.lost(heard, view._replace(handed_at=handed_at))
                place = 99
            else:
                handed_at = now - 0.2 + nth / 10
        view = view._replace(handed_at=handed_at)
        hold.sent_on(heard, view)
        early = bool(one.key) and one.key != "*" and heard.asked(now) and now - heard.asked_at < hold.EARLY_S
        declined = one.key == "2" and heard.asked(now) and not early
        paused = heard.pausing(now) and not heard.cut
        if one.service != service or declined or heard.cut:  # nothing said before holds
            place, service, said_words = 99, one.service, []
        goes_on = early or (heard.paused_at > -math.inf and (bool(one.key) or not paused))
        if goes_on:  # what was said may come once more, when there is no better news
            place, said_words, last = 99, [], {}
        if paused and one.key:
            keys = hold.goes_on(heard, view, wait, now)
        elif not one.key or not number:
            keys = hold.speak(heard, view, wait, now, place_s=PLACE_S, comfort_s=COMFORT_S)
        elif early:
            keys = hold.ask_again(heard, view, wait, now)
        elif one.key in "12" and heard.asked(now):
            keys = hold.answered(heard, view, wait, now, old=one.key == "1")
        elif one.key == "*" and not heard.slow:
            keys = hold.slower(heard, now)
        elif one.key == "*":
            keys, last = hold.pause(heard, now), {}
        else:
            keys = hold.pressed(heard, now)
        assert not (paused and not one.key and keys), "silence was asked for"
        just_said = now - last.get(hold.CUT, -math.inf) < hold.AGAIN_S
        assert (hold.CUT in keys) == (owed and not one.key and not just_said)
        owed = owed and bool(one.key)
        for key in keys:
            assert now - last.get(key, -math.inf) >= hold.AGAIN_S, f"{key} twice within {now - last[key]} s"
            last[key] = now
            if key.startswith("sira-") or key == hold.NEXT_IN_LINE:
                told = 1 if key == hold.NEXT_IN_LINE else int(key.removeprefix("sira-"))
                assert wait.place and told < place and (told == one.place or (goes_on and told < one.place))
                place = told
            if (key,) in WORDS:
                words = WORDS[key,]
                assert wait.expected
                assert goes_on or (one.estimate is not None and words == expected.words(one.estimate))
                if said_words:
                    at, before = said_words[-1]
                    assert words.rank < before.rank, "never more than before"
                    assert now + words.until_s <= at + before.until_s, "never later than it was said to be"
                said_words.append((now, words))
            if key.startswith(hold.CALLBACK_OFFER):
                assert wait.callback_key and not one.callback and view.waited_s >= wait.callback_after_s
        if keys and number and heard.service is not None and not one.key:
            assert len(keys) <= 4


@settings(max_examples=examples(300))
@given(estimates())
def test_words_are_true_of_the_interval(estimate: Estimate) -> None:
    words = expected.words(estimate)
    if words is None:
        return
    if words.more:
        assert estimate.wait_s >= 60 * words.minutes and estimate.low_s >= 0.7 * 60 * words.minutes
    elif words.minutes:
        assert estimate.wait_s <= 60 * words.minutes and estimate.high_s <= 90 * words.minutes + 30
        assert estimate.low_s >= 30 * words.minutes - 30 and words.claim_s[0] <= estimate.wait_s <= words.claim_s[1]
    else:
        assert estimate.wait_s <= 45 and estimate.high_s <= 75
