"""Preferences from an earlier call: told first, taken back by one key, and no hindrance."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from ivr.flow import dialogue_machine
from ivr.flow.dialogue_machine import MAX_ROUNDS, UNDO_S
from ivr.flow.dialogue_steps import Ask, DialogueState, EnterQueue, Input, KeyPressed, Silence, Step
from ivr.flow.menu_model import MenuFlow
from tests.fakes.menu import example, rich

pytestmark = pytest.mark.unit

FLOW = example()


class Walked(NamedTuple):
    said: list[str]
    state: DialogueState
    step: Step


def walk(keys: str, *, remembered: bool = False, human_first: bool = False, entry: str = "ana",
         flow: MenuFlow = FLOW) -> Walked:
    """Through the ministry's menu: a character a key, `.` a silence. Everything that was said."""
    state, step = dialogue_machine.begin_dialogue(flow, entry, 0.0, remembered=remembered, human_first=human_first)
    said = [*step.say]
    for key in keys:
        given: Input = Silence() if key == "." else KeyPressed(key)
        state, step = dialogue_machine.next_step(flow, state, given, 1.0)
        said += step.say
    return Walked(said, state, step)


def test_slow_speech_is_told_first_and_goes_on_by_itself() -> None:
    first = walk("", remembered=True)
    assert first.step == Ask(("yavas-hatirlandi",), 0.0, 2 * UNDO_S, True)
    after = walk("..", remembered=True)
    assert after.said[:3] == ["yavas-hatirlandi", "karsilama", "ana-menu-1"] and after.step.slow
    assert not after.state.slow_declined
    assert isinstance(walk("..1", remembered=True).step, EnterQueue)


def test_nine_is_normal_speech_again_and_forgets() -> None:
    back = walk("9", remembered=True)
    assert back.said == ["yavas-hatirlandi", "yavas-unutuldu", "karsilama"]
    assert back.state.slow_declined and not back.state.slow and not back.step.slow


@pytest.mark.parametrize(("keys", "human_first", "sentence"), [
    ("8", True, "temsilci-hatirlandi"), ("8", False, "yavas-hatirlandi"), (".8", True, "temsilci-hatirlandi")])
def test_who_refuses_a_recording_over_it_has_not_answered_it(keys: str, human_first: bool, sentence: str) -> None:
    """A caller who asked for a person enters the menu with that key, as with an option of the menu."""
    asked = walk(keys, human_first=human_first, remembered=sentence.startswith("yavas") or len(keys) > 1)
    assert asked.step.say == ("kayit-istenmedi", sentence) and asked.state.notice == "refused"
    onward = walk(keys + "." * 20, human_first=human_first, remembered=sentence.startswith("yavas") or len(keys) > 1)
    assert isinstance(onward.step, EnterQueue) and onward.state.notice == "refused"
    assert ("menu-temsilciye" in onward.said) is not human_first, "to the person, past the menu"


def test_a_stuck_key_that_refuses_there_comes_to_a_person_too() -> None:
    assert isinstance(walk("8" * (MAX_ROUNDS + 2), human_first=True).step, EnterQueue)


def test_who_chooses_another_language_is_told_in_it_too_and_can_take_it_back_there() -> None:
    """Nothing tells the language before: no number has one. Once: who comes by again has heard it."""
    told = walk("..4.", remembered=True, flow=rich())
    assert told.said.count("yavas-hatirlandi") == 2 and told.said[-1] == "yavas-hatirlandi"
    assert told.step == Ask(("yavas-hatirlandi",), 0.0, 2 * UNDO_S, True, "en")
    onward = walk("..4..", remembered=True, flow=rich())
    assert onward.state.node == "ingilizce-menu" and onward.step.slow and onward.step.language == "en"
    again = walk("..4..94.", remembered=True, flow=rich())
    assert again.state.phase == "menu" and again.said.count("yavas-hatirlandi") == 2
    back = walk("..4.9", remembered=True, flow=rich())
    assert back.state.slow_declined and "yavas-unutuldu" in back.step.say
    assert (back.step.slow, back.step.language) == (False, "en")
    assert walk("..42", remembered=True, flow=rich()).state.chosen == "2", "who knows the way is not held up"
    assert walk("9..4.", remembered=True, flow=rich()).said.count("yavas-hatirlandi") == 1, "forgotten already"


def test_who_would_rather_have_the_menu_is_not_led_away_by_a_language() -> None:
    for keys, told in ((".9.4..", 1), ("4...", 0)):  # after the sentence, or by the key of the menu
        there = walk(keys, remembered=True, human_first=True, flow=rich())
        assert (there.state.node, there.state.phase) == ("ingilizce-menu", "menu")
        assert there.said.count("temsilci-hatirlandi") == told, keys


def test_a_person_is_told_of_and_follows_without_a_key() -> None:
    told = walk("", human_first=True)
    assert told.step == Ask(("temsilci-hatirlandi",), 0.0, UNDO_S, False)
    for keys in (".", "0"):
        there = walk(keys, human_first=True)
        assert there.said == ["temsilci-hatirlandi"]
        assert isinstance(there.step, EnterQueue) and (there.step.queue.service, there.step.queue.priority) == (
            "temsilci", 10)


def test_nine_is_the_menu_this_time() -> None:
    menu = walk("9.", human_first=True)
    assert menu.said[:3] == ["temsilci-hatirlandi", "karsilama", "ana-menu-1"]
    assert not menu.state.slow_declined, "nothing is forgotten"


@pytest.mark.parametrize("remembered", [True, False])
def test_help_in_distress_is_one_key_for_them_too(remembered: bool) -> None:
    there = walk("1...", remembered=remembered, human_first=True)
    assert isinstance(there.step, EnterQueue) and there.step.queue.service == "psikososyal"
    assert "temsilci-hatirlandi" not in there.said or not remembered


def test_both_one_after_the_other() -> None:
    both = walk("..", remembered=True, human_first=True)
    assert both.said == ["yavas-hatirlandi", "temsilci-hatirlandi"] and both.step.slow
    assert walk("9.", remembered=True, human_first=True).said[1:3] == ["yavas-unutuldu", "temsilci-hatirlandi"]


def test_it_is_said_again_and_more_slowly_but_not_for_ever() -> None:
    assert walk("#", remembered=True).said == ["yavas-hatirlandi"] * 2
    slower = walk("*", human_first=True)
    assert slower.said == ["temsilci-hatirlandi"] * 2 and slower.step.slow
    stuck = walk("#" * (MAX_ROUNDS + 2), human_first=True)
    assert isinstance(stuck.step, EnterQueue) and stuck.step.queue.service == "temsilci"


def test_who_is_led_nowhere_of_their_own_is_told_nothing() -> None:
    assert FLOW.human_first is not None
    plain = FLOW._replace(human_first=FLOW.human_first._replace(then=""))
    state, step = dialogue_machine.begin_dialogue(plain, "ana", 0.0, human_first=True)
    assert step.say == ("karsilama",) and state.points == 10
