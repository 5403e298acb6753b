"""Where `8` refuses to be recorded and where it is a digit of a number that is keyed in."""

from __future__ import annotations

import pytest

from ivr.flow import dialogue_machine
from ivr.flow.dialogue_steps import Ask, DialogueState, EnterQueue, Input, KeyPressed, Silence, Step
from ivr.flow.menu_model import NOTICE_HEARD, HumanFirst, Menu, MenuFlow, Speech
from tests.fakes.menu import rich

pytestmark = pytest.mark.unit

NUMBER = "8123456709"
LATE_S = dialogue_machine.MAX_CALL_S + 1


def noticed(words: bool = False) -> MenuFlow:
    """The menu that has everything; the choice by `2` leads to a number, with `words` by a sentence."""
    flow = rich()
    menu = flow.nodes["ana-menu"]
    assert isinstance(menu, Menu) and flow.has_notice
    nodes = {**flow.nodes}
    if words:
        nodes["soz"] = Speech("soz", ("karsilama",), "basvuru")
        nodes["ana-menu"] = menu._replace(options=tuple(
            one._replace(then="soz") if one.key == "2" else one for one in menu.options))
    return flow._replace(nodes=nodes)


def through(flow: MenuFlow, keys: str, *, last_at_s: float = 0.0) -> tuple[DialogueState, Step]:
    """A character a key, `.` a silence; the last at this moment. The caller has heard the notice in an earlier wait."""
    state, step = dialogue_machine.begin_dialogue(flow, "ana", 0.0, notice=NOTICE_HEARD)
    for at, key in enumerate(keys, 1):
        given: Input = Silence() if key == "." else KeyPressed(key)
        state, step = dialogue_machine.next_step(flow, state, given, last_at_s if at == len(keys) else 0.0)
    return state, step


def test_over_an_acknowledgement_it_is_the_first_digit_of_the_number_asked_for_next() -> None:
    state, _ = through(noticed(), ".2" + NUMBER)
    assert (state.phase, state.digits, state.notice) == ("check", NUMBER, "heard")


def test_over_words_before_the_number_it_is_a_digit_too() -> None:
    """Before the words, over them, and when another key takes its place there."""
    for keys in (".28." + NUMBER[1:], ".2." + NUMBER, ".28" + NUMBER):
        state, _ = through(noticed(words=True), keys)
        assert (state.phase, state.digits, state.notice) == ("check", NUMBER, "heard"), keys


def test_over_what_was_remembered_it_is_a_digit_only_of_a_number_that_is_asked_for_next() -> None:
    """Not where a person is next, whatever else the line begins with."""
    flow = noticed()
    straight = flow._replace(entries={**flow.entries, "ana": "basvuru"}, human_first=HumanFirst(10, flow.human))
    state, _ = dialogue_machine.next_step(straight, dialogue_machine.begin_dialogue(straight, "ana", 0.0,
        remembered=True)[0], KeyPressed("8"), 0.0)
    assert (state.digits, state.notice) == ("8", "")
    for remembered in (False, True):
        first, _ = dialogue_machine.begin_dialogue(straight, "ana", 0.0, remembered=remembered, human_first=True)
        state, step = dialogue_machine.next_step(straight, first, KeyPressed("8"), 0.0)
        assert (state.digits, state.notice, step.say[0]) == ("", "refused", "kayit-istenmedi")


@pytest.mark.parametrize("before", ["", "."], ids=["read back", "the last seconds of that"])
def test_it_does_not_answer_whether_the_number_is_right_which_is_asked_again(before: str) -> None:
    state, step = through(noticed(), ".2" + NUMBER + before + "8")
    assert isinstance(step, Ask) and step.say[:2] == ("kayit-istenmedi", "menu-girilen")
    assert (state.phase, state.digits, state.failures, state.notice) == ("check", NUMBER, 0, "refused")
    after, _ = through(noticed(), ".2" + NUMBER + before + "81")
    assert [one.digits for one in after.keyed] == [NUMBER] and after.notice == "refused"


def test_a_stuck_key_there_comes_to_a_person() -> None:
    _, step = through(noticed(), ".2" + NUMBER + "8" * (dialogue_machine.MAX_ROUNDS + 2))
    assert isinstance(step, EnterQueue)


def test_over_words_before_a_number_it_is_no_refusal_when_the_dialogue_is_over_there() -> None:
    state, step = through(noticed(words=True), ".2.8", last_at_s=LATE_S)
    assert isinstance(step, EnterQueue) and state.notice == "heard"


@pytest.mark.parametrize(("keys", "notice"), [
    (".28", "heard"), (".2.8", "heard"), (".2.18", "heard"), (".2" + NUMBER + "8", "refused"), (".8", "refused"),
], ids=["acknowledged", "first digit", "next digit", "read back", "menu"])
def test_at_the_end_of_a_dialogue_that_was_too_long_it_is_what_it_was_before(keys: str, notice: str) -> None:
    state, step = through(noticed(), keys, last_at_s=LATE_S)
    assert isinstance(step, EnterQueue) and state.notice == notice
    assert ("kayit-istenmedi" in step.say) is (notice == "refused")


def test_where_nobody_is_told_of_recordings_it_is_a_wrong_key() -> None:
    flow = rich()._replace(notice="")
    state, step = through(flow, ".2" + NUMBER + "8")
    assert step.say[0] == "menu-tus-yanlis" and state.notice != "refused"
