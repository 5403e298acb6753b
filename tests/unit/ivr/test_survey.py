"""The survey's conversation without a call."""

from __future__ import annotations

import pytest

from ivr.flow.dialogue_steps import Ask, KeyPressed, Silence
from ivr.routes import survey_dialogue

pytestmark = pytest.mark.unit

QUIET = Silence()


def through(*given: str, message: bool = True, slow: bool = False
            ) -> tuple[list[survey_dialogue.SurveyReply], list[tuple[str, ...]], survey_dialogue.SurveyEnd | None]:
    """Return the answers, the sentences and the end. "" is silence."""
    progress, onward = survey_dialogue.begin_survey(slow)
    said, heard = [], [onward.say]
    last: survey_dialogue.SurveyEnd | None = None
    for key in given:
        assert last is None, "over before the last key"
        progress, one, after = survey_dialogue.next_question(progress, KeyPressed(key) if key else QUIET,
            message=message)
        if one is not None:
            said.append(one)
        if isinstance(after, Ask):
            heard.append(after.say)
        else:
            last = after
    return said, heard, last


def test_all_the_way() -> None:
    said, heard, end = through("5", "1", "1")
    assert said == [("cared", 5), ("solved", 1)]
    assert heard == [("anket-giris", "anket-ilgi"), ("anket-cozum",), ("anket-mesaj",)]
    assert end == survey_dialogue.SurveyEnd(word=True)


def test_no_message_is_asked_for_where_none_is_taken() -> None:
    said, heard, end = through("1", "2", message=False)
    assert said == [("cared", 1), ("solved", 0)] and end == survey_dialogue.SurveyEnd() and len(heard) == 2


@pytest.mark.parametrize(("given", "answers"), [(("", ""), 0), (("3", "", ""), 1), (("3", "1", ""), 2)])
def test_silence_ends_it(given: tuple[str, ...], answers: int) -> None:
    said, _, end = through(*given)
    assert len(said) == answers and end == survey_dialogue.SurveyEnd()


def test_a_wrong_key_is_told_and_the_question_comes_again() -> None:
    said, heard, _ = through("7", "4")
    assert heard[1] == ("menu-tus-yanlis", "anket-ilgi") and said == [("cared", 4)]


def test_repeat_and_slow_are_as_everywhere() -> None:
    _, heard, _ = through("#", "*", "*")
    assert heard[1:] == [("anket-ilgi",), ("bekleme-yavas-acildi", "anket-ilgi"), ("anket-ilgi",)]
    progress, ask = survey_dialogue.begin_survey(True)
    assert ask.slow and ask.wait_s == 14.0
    _, _, onward = survey_dialogue.next_question(progress, KeyPressed("2"), message=True)
    assert isinstance(onward, Ask) and onward.slow, "slow speech stays"


def test_a_stuck_key_ends_it() -> None:
    _, heard, end = through(*"8" * survey_dialogue.MAX_ROUNDS)
    assert end == survey_dialogue.SurveyEnd() and len(heard) == survey_dialogue.MAX_ROUNDS
