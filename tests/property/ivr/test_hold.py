"""The hold loop under any events: sentences never contradict each other, nor sound like a stuck machine."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.hold import expected_wait, hold_script
from ivr.hold.hold_script import HoldMemory
from ivr.settings import DISTRESS_HOLD, HoldSettings
from routing.core.model.centre_model import Estimate
from tests.examples import examples
from tests.fakes.inbox import contact_view

pytestmark = pytest.mark.property

PLACE_S, COMFORT_S = 30.0, 45.0
WORDS = {tuple(words.prompt_keys("tr")): words for words in expected_wait.ALL}


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
WAITS = st.sampled_from((HoldSettings(), HoldSettings(callback_key="3", callback_after_s=60.0), DISTRESS_HOLD,
                         HoldSettings(say_position=False, expected=False, asks_held_position=False)))


@settings(max_examples=examples(150))
@given(ROUNDS, WAITS)
def test_what_is_said_while_waiting(rounds: list[Round], wait: HoldSettings) -> None:
    heard, now = HoldMemory(), 5_000.0
    heard.said_at = now
    last: dict[str, float] = {}
    said_words: list[tuple[float, expected_wait.WaitWords]] = []
    place, service = 99, rounds[0].service if rounds else ""
    transferred_at: float | None = None
    owed = False
    for number, one in enumerate(rounds):
        now += one.after_s
        view = contact_view("1.1", position=one.place, service=one.service)._replace(
            estimate=one.estimate, waited_s=now - 5_000.0, has_held_position=one.returned, callback=one.callback)
        for nth, end in enumerate(one.talks if number else ()):
            owed = end == "lost"  # whoever was sent on politely since is not told of it
            if owed:
                hold_script.on_talk_lost(heard, view._replace(transferred_at=transferred_at))
                place = 99
            else:
                transferred_at = now - 0.2 + nth / 10
        view = view._replace(transferred_at=transferred_at)
        hold_script.on_transferred(heard, view)
        early = bool(one.key) and one.key != "*" and heard.is_position_asked(now) \
            and now - heard.asked_at < hold_script.EARLY_S
        declined = one.key == "2" and heard.is_position_asked(now) and not early
        paused = heard.is_pausing(now) and not heard.talk_lost
        if one.service != service or declined or heard.talk_lost:  # nothing said before holds
            place, service, said_words = 99, one.service, []
        goes_on = early or (heard.paused_at > -math.inf and (bool(one.key) or not paused))
        if goes_on:  # what was said may come once more, when there is no better news
            place, said_words, last = 99, [], {}
        if paused and one.key:
            keys = hold_script.end_pause(heard, view, wait, now)
        elif not one.key or not number:
            keys = hold_script.choose_sentences(heard, view, wait, now, place_s=PLACE_S, comfort_s=COMFORT_S)
        elif early:
            keys = hold_script.ask_again(heard, view, wait, now)
        elif one.key in "12" and heard.is_position_asked(now):
            keys = hold_script.on_position_answer(heard, view, wait, now, old=one.key == "1")
        elif one.key == "*" and not heard.slow:
            keys = hold_script.slow_down(heard, now)
        elif one.key == "*":
            keys, last = hold_script.begin_pause(heard, now), {}
        else:
            keys = hold_script.confirm_key(heard, now)
        assert not (paused and not one.key and keys), "silence was asked for"
        just_said = now - last.get(hold_script.TALK_LOST, -math.inf) < hold_script.REPEAT_MIN_S
        assert (hold_script.TALK_LOST in keys) == (owed and not one.key and not just_said)
        owed = owed and bool(one.key)
        for key in keys:
            assert now - last.get(key, -math.inf) >= hold_script.REPEAT_MIN_S, f"{key} twice within {now - last[key]} s"
            last[key] = now
            if key.startswith("sira-") or key == hold_script.NEXT_IN_LINE:
                told = 1 if key == hold_script.NEXT_IN_LINE else int(key.removeprefix("sira-"))
                assert wait.say_position and told < place and (told == one.place or (goes_on and told < one.place))
                place = told
            if (key,) in WORDS:
                words = WORDS[key,]
                assert wait.expected
                assert goes_on or (one.estimate is not None and words == expected_wait.words_for(one.estimate))
                if said_words:
                    at, before = said_words[-1]
                    assert words.rank < before.rank, "never more than before"
                    assert now + words.until_s <= at + before.until_s, "never later than it was said to be"
                said_words.append((now, words))
            if key.startswith(hold_script.CALLBACK_OFFER):
                assert wait.callback_key and not one.callback and view.waited_s >= wait.callback_after_s
        if keys and number and heard.service is not None and not one.key:
            assert len(keys) <= 4


@settings(max_examples=examples(300))
@given(estimates())
def test_words_are_true_of_the_interval(estimate: Estimate) -> None:
    words = expected_wait.words_for(estimate)
    if words is None:
        return
    if words.more:
        assert estimate.wait_s >= 60 * words.minutes and estimate.low_s >= 0.7 * 60 * words.minutes
    elif words.minutes:
        assert estimate.wait_s <= 60 * words.minutes and estimate.high_s <= 90 * words.minutes + 30
        assert estimate.low_s >= 30 * words.minutes - 30 and words.claim_s[0] <= estimate.wait_s <= words.claim_s[1]
    else:
        assert estimate.wait_s <= 45 and estimate.high_s <= 75
