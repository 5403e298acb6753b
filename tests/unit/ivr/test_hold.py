"""The sentences of one waiting caller: whole stories, told round by round."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.hold import expected_wait, hold_script
from ivr.hold.expected_wait import WaitWords
from ivr.hold.hold_script import HoldMemory
from ivr.settings import DEFAULT_HOLD, DISTRESS_HOLD, HoldSettings
from routing.core.inbox import ContactView
from routing.core.model.centre_model import Estimate
from routing.core.model.ids import ServiceId
from tests.fakes.inbox import contact_view

pytestmark = pytest.mark.unit

CALLBACK = HoldSettings(callback_key="3", callback_after_s=90.0)


def narrow(minutes: float) -> Estimate:
    """A well-known wait."""
    return Estimate(minutes * 60, minutes * 45, minutes * 75)


class Caller:
    """One who waits; rounds come every 15 s."""

    def __init__(self, wait: HoldSettings = DEFAULT_HOLD, *, comfort_s: float = 60.0) -> None:
        self.heard, self.wait, self.comfort_s, self.now = HoldMemory(), wait, comfort_s, 1_000.0
        self.heard.said_at = self.now

    def view(self, place: int, estimate: Estimate | None = None, service: str = "edu", **more: object) -> ContactView:
        return contact_view("1.1", position=place, service=service)._replace(
            estimate=estimate, waited_s=self.now - 1_000.0, **more)  # type: ignore[arg-type]

    def round(self, place: int, estimate: Estimate | None = None, **more: object) -> list[str]:
        said = hold_script.choose_sentences(
            self.heard, self.view(place, estimate, **more), self.wait, self.now,  # type: ignore[arg-type]
            place_s=30.0, comfort_s=self.comfort_s)
        self.now += 15.0
        return said


def test_a_whole_wait() -> None:
    """The line moves, the wait gets shorter, somebody with more points overtakes; then it is the caller's turn."""
    caller = Caller()
    assert [caller.round(place, narrow(minutes)) for place, minutes in (
        (7, 9.0), (7, 9.0), (6, 8.0), (6, 7.5), (5, 6.5), (5, 6.5), (6, 7.0), (4, 4.8), (3, 3.2), (2, 2.5), (2, 1.9),
        (1, 1.0), (1, 0.5), (1, 0.5))] == [
        ["bekleme-ilk", "sira-7", "sure-10"], [], ["sira-6"], [], ["sira-5", "sure-7"], [], [],
        ["sira-4", "sure-5"], [], ["sira-2", "sure-3"], [], ["bekleme-siradaki", "sure-2"], [], []]


def test_a_pause_is_silent_for_a_minute_and_then_says_where_the_caller_stands() -> None:
    caller = Caller(comfort_s=30.0)
    assert caller.round(4) == ["bekleme-ilk", "sira-4"]
    assert hold_script.begin_pause(caller.heard, caller.now) == ["bekleme-ara"]
    assert [caller.round(place) for place in (4, 3, 2, 2)] == [[], [], [], []], "60 s"
    assert caller.round(2) == ["sira-2"], "better by two, in one sentence"
    assert [caller.round(2) for _ in range(2)] == [[], ["bekleme-teselli-1"]], "and everything goes on"


def test_a_question_that_a_pause_has_cut_is_asked_again_and_its_time_restarts() -> None:
    caller = Caller()
    asked = caller.round(4, has_held_position=True)
    assert asked[-1] == hold_script.BACK_ASK
    hold_script.begin_pause(caller.heard, caller.now)
    caller.now += 50.0
    assert hold_script.end_pause(caller.heard, caller.view(4), caller.wait, caller.now) == asked
    caller.now += hold_script.ASKED_S - 1.0
    assert caller.heard.is_position_asked(caller.now)
    hold_script.ask_preference(caller.heard, caller.now)
    hold_script.on_position_answer(caller.heard, caller.view(4), caller.wait, caller.now, old=True)
    hold_script.begin_pause(caller.heard, caller.now)
    assert hold_script.end_pause(caller.heard, caller.view(4), caller.wait, caller.now) == ["yavas-hatirlansin-mi"]


def test_a_talk_that_was_lost_ends_the_pause_and_what_was_asked() -> None:
    caller = Caller()
    caller.round(4, has_held_position=True)
    hold_script.ask_preference(caller.heard, caller.now)
    hold_script.begin_pause(caller.heard, caller.now)
    hold_script.on_talk_lost(caller.heard, caller.view(1))
    assert not (caller.heard.is_pausing(caller.now) or caller.heard.is_position_asked(caller.now)
        or caller.heard.is_preference_asked(caller.now))
    assert [caller.round(1), caller.round(1, unserved=True)] == [["gorusme-kesildi"], []]


def test_a_talk_in_between_ends_the_pause_and_what_was_asked_and_overflow_does_not() -> None:
    caller = Caller()
    asked = caller.round(4, has_held_position=True)
    hold_script.begin_pause(caller.heard, caller.now)
    for service in ("edu", "info"):
        hold_script.on_transferred(caller.heard, caller.view(4, service=service))
        assert caller.heard.is_pausing(caller.now) and caller.heard.is_position_asked(caller.now)
    hold_script.on_transferred(caller.heard, caller.view(4, transferred_at=1_010.0))
    assert not caller.heard.is_pausing(caller.now) and not caller.heard.is_position_asked(caller.now)
    caller.now += 15.0
    said = caller.round(2, service="info", transferred_at=1_010.0)
    assert said == ["sira-2"] and said != asked
    hold_script.begin_pause(caller.heard, caller.now)
    hold_script.on_transferred(caller.heard, caller.view(2, transferred_at=1_010.0))
    assert caller.heard.is_pausing(caller.now), "a pause of this wait holds"
    hold_script.on_transferred(caller.heard, caller.view(2, transferred_at=1_100.0))
    assert not caller.heard.is_pausing(caller.now), "sent on once more"


def test_a_lost_talk_is_no_news_behind_the_next_one() -> None:
    """The next agent rings at once, so no tick has told it; they talk, and send the caller on."""
    caller = Caller()
    caller.round(2)
    hold_script.on_talk_lost(caller.heard, caller.view(1))
    hold_script.on_transferred(caller.heard, caller.view(7, service="info", transferred_at=1_399.0))
    caller.now += 300.0
    assert caller.round(7, service="info", transferred_at=1_399.0) == ["sira-7"]


def test_a_talk_lost_behind_one_that_no_tick_has_seen_is_told() -> None:
    caller = Caller()
    caller.round(2)
    sent = caller.view(1, transferred_at=1_399.0)
    hold_script.on_talk_lost(caller.heard, sent)
    hold_script.on_transferred(caller.heard, sent)
    assert caller.round(1, transferred_at=1_399.0) == ["gorusme-kesildi"]


def test_a_wait_that_slips_is_never_said_to_end_later() -> None:
    """Five minutes were said; four minutes later it still takes three: nothing is said of it, only the place."""
    caller = Caller(comfort_s=1_000.0)
    assert caller.round(4, narrow(4.5)) == ["bekleme-ilk", "sira-4", "sure-5"]
    for number in range(5):
        assert caller.round(4, narrow(4.0 - 0.2 * number)) == []
    caller.now += 120.0
    assert caller.round(3, narrow(2.9)) == ["sira-3"]
    assert caller.round(3, narrow(2.9)) == [] and caller.round(3, narrow(1.9)) == []
    assert caller.round(2, Estimate(20.0, 5.0, 40.0)) == ["sira-2"], "five minutes are nearly over: none is said again"


def test_what_is_over_much_sooner_is_said_alone() -> None:
    caller = Caller()
    assert caller.round(4, narrow(9.0)) == ["bekleme-ilk", "sira-4", "sure-10"]
    assert caller.round(4, narrow(3.8)) == [] and caller.round(4, narrow(3.8)) == ["sure-4"]


def test_a_wait_nobody_knows_is_not_said_until_it_is_known() -> None:
    caller = Caller()
    vague = Estimate(240.0, 30.0, 550.0)
    assert caller.round(2, vague) == ["bekleme-ilk", "sira-2"]
    assert caller.round(2) == [] and caller.round(2, vague) == []
    assert caller.round(2, narrow(2.0)) == ["sure-2"]


def test_another_service_is_another_line() -> None:
    caller = Caller()
    assert caller.round(2, narrow(2.0)) == ["bekleme-ilk", "sira-2", "sure-2"]
    assert caller.round(9, narrow(12.0), service="info") == [], "not so soon"
    assert caller.round(9, narrow(14.0), service="info") == ["sira-9", "sure-uzun-10"]
    assert caller.round(8, narrow(9.0), service="info") == []
    assert caller.round(8, narrow(9.0), service="info") == ["sira-8", "sure-10"]


def test_comfort_comes_in_turn_when_nothing_else_is_said() -> None:
    caller = Caller()
    caller.round(3)
    assert [caller.round(3) for _ in range(12)] == [
        [], [], [], ["bekleme-teselli-1"], [], [], [], ["bekleme-teselli-2"], [], [], [], ["bekleme-teselli-3"]]


def test_comfort_speaks_of_agents_only_while_one_is_at_work() -> None:
    caller = Caller()
    caller.round(3)
    said = [keys for keys in (caller.round(3, unserved=True) for _ in range(12)) if keys]
    assert said == [["bekleme-teselli-1"], ["bekleme-teselli-3"], ["bekleme-teselli-1"]]
    alone = Caller(HoldSettings(comfort=("bekleme-teselli-2",)))
    alone.round(3)
    assert [alone.round(3, unserved=True) for _ in range(4)][-1] == ["bekleme-teselli-2"], "a centre has no other one"


def test_who_is_in_distress_is_no_number_in_a_line() -> None:
    caller = Caller(HoldSettings(first=DISTRESS_HOLD.first, say_position=False, expected=False,
        comfort=DISTRESS_HOLD.comfort, asks_held_position=False))
    assert caller.round(7, narrow(8.0)) == ["bekleme-ilk-destek"]
    assert [caller.round(place, narrow(place)) for place in (6, 5, 4, 3)] == [[], [], [], ["bekleme-destek-1"]]
    assert hold_script.repeat_position(caller.heard, caller.view(2), caller.wait, caller.now) == ["bekleme-destek-1"]


def test_a_callback_is_offered_after_a_while_and_not_to_who_has_asked() -> None:
    caller = Caller(CALLBACK, comfort_s=1_000.0)
    caller.round(3)
    assert [caller.round(3) for _ in range(6)] == [[], [], [], [], [], ["bekleme-geri-arama-3"]]
    assert not any(caller.round(3) for _ in range(19))
    assert caller.round(3) == ["bekleme-geri-arama-3"], "five minutes later"
    asked = Caller(CALLBACK, comfort_s=1_000.0)
    asked.round(3)
    assert not any(asked.round(3, callback=True) for _ in range(30))


def test_who_comes_back_has_the_old_place_and_is_asked() -> None:
    caller = Caller()
    assert caller.round(2, narrow(2.0), has_held_position=True) == [
        "bekleme-donus", "sira-2", "sure-2", "bekleme-donus-sor"]
    assert caller.heard.is_position_asked(caller.now) \
        and not caller.heard.is_position_asked(caller.now + hold_script.ASKED_S)
    assert hold_script.on_position_answer(caller.heard, caller.view(2), DEFAULT_HOLD, caller.now,
        old=True) == ["bekleme-donus-eski"]
    assert not caller.heard.is_position_asked(caller.now)
    again = Caller()
    again.round(2, narrow(2.0), has_held_position=True)
    assert hold_script.ask_again(again.heard, again.view(2, narrow(2.0)), DEFAULT_HOLD, again.now) == [
        "bekleme-donus", "sira-2", "sure-2", "bekleme-donus-sor"]
    assert hold_script.ask_again(again.heard, again.view(1, narrow(2.0)), DEFAULT_HOLD, again.now) == [
        "bekleme-donus", "bekleme-siradaki", "sure-2", "bekleme-donus-sor"], "the place as it is by now"
    assert again.heard.is_position_asked(again.now + hold_script.ASKED_S - 1)
    moved = Caller(comfort_s=1_000.0)
    moved.round(2, has_held_position=True)
    view = moved.view(1)._replace(service=ServiceId("sinav"))
    assert hold_script.on_position_answer(moved.heard, view, DEFAULT_HOLD, moved.now,
        old=False) == ["bekleme-donus-yeni", "bekleme-siradaki"]
    assert not hold_script.choose_sentences(moved.heard, view, DEFAULT_HOLD, moved.now + 40.0, place_s=30.0,
        comfort_s=1_000.0), "not once more"
    other = Caller()
    other.round(2, narrow(2.0), has_held_position=True)
    assert hold_script.on_position_answer(other.heard, other.view(9, narrow(12.0)), DEFAULT_HOLD, other.now,
        old=False) == [
        "bekleme-donus-yeni", "sira-9", "sure-uzun-10"]
    kind = Caller(DISTRESS_HOLD)
    assert kind.round(2, has_held_position=True) == ["bekleme-donus-destek", "sira-2"] \
        and not kind.heard.is_position_asked(kind.now)


def test_a_lost_talk_is_told_first() -> None:
    caller = Caller()
    caller.heard.talk_lost = True
    assert caller.round(1) == ["gorusme-kesildi"]
    assert [caller.round(1) for _ in range(4)] == [[], [], [], ["bekleme-teselli-1"]]


def test_asked_again_it_is_said_again() -> None:
    caller = Caller()
    caller.round(4, narrow(4.5))
    view = caller.view(4, narrow(4.2))
    assert hold_script.repeat_position(caller.heard, view, DEFAULT_HOLD, caller.now) == ["sira-4",
        "sure-5"], "as it was said"
    assert hold_script.repeat_position(caller.heard, view, DEFAULT_HOLD, caller.now + 1) == ["sira-4", "sure-5"]
    assert hold_script.repeat_position(caller.heard, caller.view(3, narrow(1.5)), DEFAULT_HOLD,
        caller.now + 2) == ["sira-3", "sure-2"]
    assert hold_script.repeat_position(caller.heard, caller.view(3), DEFAULT_HOLD,
        caller.now + 200) == ["sira-3"], "those minutes are over"
    assert hold_script.confirm_key(caller.heard, caller.now + 201) == ["bekleme-tus"]
    assert hold_script.confirm_key(caller.heard, caller.now + 202) == []


@pytest.mark.parametrize(("estimate", "said"), [
    (Estimate(20.0, 5.0, 60.0), WaitWords(0)), (Estimate(40.0, 20.0, 80.0), None),
    (Estimate(70.0, 40.0, 110.0), WaitWords(2)),
    (Estimate(125.0, 80.0, 190.0), WaitWords(3)), (Estimate(290.0, 200.0, 420.0), WaitWords(5)),
    (Estimate(290.0, 60.0, 900.0), None), (Estimate(590.0, 400.0, 800.0), WaitWords(10)),
    (Estimate(610.0, 450.0, 800.0), WaitWords(10, True)), (Estimate(610.0, 300.0, 1_200.0), None),
    (Estimate(1_500.0, 1_000.0, 2_000.0), WaitWords(20, True)),
    (Estimate(9_000.0, 7_000.0, 12_000.0), WaitWords(30, True))])
def test_words_are_said_when_they_are_true(estimate: Estimate, said: WaitWords | None) -> None:
    assert expected_wait.words_for(estimate) == said


def test_every_word_has_its_prompt() -> None:
    from prompts.text_reader import read_texts
    known = read_texts()
    assert {key for words in expected_wait.ALL for key in words.prompt_keys("tr")} <= set(known)
    assert known["sure-uzun-10"].text == "Tahminî bekleme süreniz on dakikadan uzun."
    assert known["sure-5"].text == "Tahminî bekleme süreniz beş dakika."
    assert known["bekleme-geri-arama-3"].text.endswith("İsterseniz, üçe basın.")


DISTRESSED = replace(DISTRESS_HOLD, emergency="acil-destek")
EMERGENCY = ["acil-destek", "acil-tekrar"]


def test_in_distress_with_nobody_at_work_the_numbers_that_always_help_come_at_once_and_again() -> None:
    caller = Caller(DISTRESSED, comfort_s=45.0)
    assert caller.round(1, unserved=True) == [*EMERGENCY, "bekleme-siradaki"], "at once, and no word of an agent"
    heard = [caller.round(1, unserved=True) for _ in range(30)]
    times = [15 * number for number, keys in enumerate(heard, 1) if keys == EMERGENCY]
    assert times == [180, 360], "every three minutes, with comfort between"
    assert all("sonra" not in key and "geri-arama" not in key for keys in heard for key in keys)
    assert sum(map(bool, heard)) > 8


def test_in_distress_with_somebody_at_work_it_comes_after_a_minute() -> None:
    caller = Caller(DISTRESSED, comfort_s=300.0)
    said = [caller.round(1, narrow(1.0)) for _ in range(9)]
    assert [number for number, keys in enumerate(said) if keys == EMERGENCY] == [4], "at 60 s, and no more before 240 s"


def test_it_is_reachable_by_key_at_any_moment_and_only_in_distress() -> None:
    caller = Caller(DISTRESSED)
    caller.round(1, unserved=True)
    assert hold_script.repeat_emergency(caller.heard, DISTRESSED,
        caller.now) == EMERGENCY, "just heard, and asked for again"
    assert hold_script.repeat_emergency(caller.heard, DISTRESSED, caller.now + 1.0) == EMERGENCY
    usual = Caller()
    usual.round(1, unserved=True)
    assert not any(key.startswith("acil") for _ in range(30) for key in usual.round(1, unserved=True))


def test_who_was_to_be_called_back_and_rings_in_hears_that_the_place_is_kept() -> None:
    caller = Caller()
    assert caller.round(3, narrow(4.8), merged=True) == ["geri-arama-birlesti", "sira-3", "sure-5"]
    assert caller.round(2, narrow(4.8), merged=True) == []


def test_earlier_words_of_a_wait_are_not_repeated_while_there_is_no_estimate() -> None:
    """Nobody can take the caller now, or the link to Asterisk is down: the wait that was said holds no more."""
    caller = Caller()
    assert caller.round(4, narrow(5.0)) == ["bekleme-ilk", "sira-4", "sure-5"]
    view = caller.view(4, unserved=True)
    assert hold_script.repeat_position(caller.heard, view, DEFAULT_HOLD, caller.now) == ["sira-4"]
    assert hold_script.repeat_position(caller.heard, caller.view(4, narrow(5.0)), DEFAULT_HOLD,
                                       caller.now + 1) == ["sira-4", "sure-5"], "as soon as there is one again"
