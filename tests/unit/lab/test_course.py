"""A script followed step by step: what is heard decides, strictly; the first line that differs is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lab.script.model import Acts, Begins, Ends, HangsUp, Hears, HearsNot, Presses, Says, Step, Talks, Waits
from lab.script.model import Music as Tune
from lab.script.prompt_listener import Event, Music, NotAPrompt, Strange
from lab.script.recogniser import PromptBegan, PromptHeard
from lab.script.state import REACT_S, Action, AgentAct, HangUp, LineEnded, PressKeys, ScriptState, Speak, TalkHeard

pytestmark = pytest.mark.unit


def began(at: float, *keys: str) -> PromptBegan:
    return PromptBegan(frozenset(keys), at)


def heard(at: float, key: str, *others: str, seconds: float = 3.0, whole: bool = True) -> PromptHeard:
    return PromptHeard(frozenset((key, *others)), at, at + seconds, whole)


def talk(agent: str, until: float, *, began: float = 10.0, service: str = "gorus_oneri",
        answered: float = 2.0) -> TalkHeard:
    return TalkHeard(agent, service, answered, began, until)


def follow(steps: Sequence[Step], *events: Event | TalkHeard | LineEnded | float, strangers: bool = False
           ) -> tuple[ScriptState, list[Action]]:
    """A course through these events; a number is the time that it has become."""
    course, now = ScriptState(steps, strangers=strangers), 0.0
    actions = course.start_call(now)
    for event in events:
        if isinstance(event, float):
            now = event
            actions += course.pass_time(now)
            continue
        ends = {PromptHeard: "ended", PromptBegan: "at", NotAPrompt: "at", LineEnded: "at"}
        now = max(now, getattr(event, ends.get(type(event), "until")))
        actions += course.hear_event(event, now)
    return course, actions


def differs(course: ScriptState) -> tuple[int, str]:
    assert course.difference is not None, "as written"
    return course.difference.line, str(course.difference)


def test_sentences_in_order_and_the_end() -> None:
    course, actions = follow([Hears(1, "a"), Hears(2, "b"), HangsUp(3)], heard(0.1, "a"), heard(3.2, "b"))
    assert course.done and course.difference is None and actions == [HangUp()]


def test_another_sentence_is_a_difference_at_the_line_that_waited() -> None:
    course, actions = follow([Hears(1, "a"), Hears(2, "b")], heard(0.1, "a"), heard(3.2, "c"))
    assert differs(course) == (2, "beklenen b, duyulan c")
    assert actions == [HangUp()]


def test_sentences_that_cannot_be_told_apart_are_any_of_them() -> None:
    course, _ = follow([Hears(1, "a"), HangsUp(2)], heard(0.1, "x", "a"))
    assert course.difference is None
    course, _ = follow([Hears(1, "a")], heard(0.1, "w", "x", "y", "z"))
    assert differs(course)[1] == "beklenen a, duyulan w ya da x ya da y ya da benzeri"


def test_a_sentence_that_was_cut_off_was_not_heard() -> None:
    course, _ = follow([Hears(1, "a")], heard(0.1, "a", whole=False))
    assert differs(course)[1] == "beklenen a, duyulan a (yarıda kesildi)"


@pytest.mark.parametrize(("event", "what"), [
    (None, "sessizlik"), (Music(1.0, 1.5), "müzik"), (began(19.0, "a"), "")])
def test_what_does_not_come_in_time(event: Event | None, what: str) -> None:
    """An event that has begun by then is awaited."""
    course, _ = follow([Hears(1, "a", 20.0)], *(event,) if event else (), 20.1)
    assert (differs(course)[1] if course.difference else "") == (f"beklenen a, duyulan {what}" if what else "")


def test_what_seemed_to_begin_and_did_not_is_not_waited_for() -> None:
    course, _ = follow([Hears(1, "a", 20.0)], began(19.0, "a"), NotAPrompt(19.5), 20.1)
    assert differs(course)[0] == 1


# -- barge-in ----------------------------------------------------------------------------------------------------------


BARGE: list[Step] = [Begins(1, "a"), Presses(2, "1"), Hears(3, "b"), HangsUp(4)]


def test_a_key_is_pressed_while_the_sentence_is_said() -> None:
    course, actions = follow(BARGE, began(0.1, "a", "x"))
    assert actions == [PressKeys("1")]
    course, _ = follow(BARGE, began(0.1, "a", "x"), heard(0.1, "a", "x", seconds=1.0, whole=False), heard(1.4, "b"))
    assert course.done and course.difference is None


def test_a_key_that_does_not_cut_the_sentence_is_told_at_the_key() -> None:
    course, _ = follow(BARGE, began(0.1, "a"), heard(0.1, "a", seconds=0.1 + REACT_S + 0.5), heard(3.0, "b"))
    assert differs(course) == (2, "beklenen 1 tuşunun sözü kesmesi, duyulan a sonuna kadar")


def test_near_the_end_of_a_sentence_a_key_has_no_time_to_cut_it() -> None:
    course, _ = follow(BARGE, began(0.1, "a"), heard(0.1, "a", seconds=1.5), heard(3.0, "b"))
    assert course.difference is None


def test_without_a_key_a_sentence_that_began_may_go_on() -> None:
    course, _ = follow([Begins(1, "a"), Hears(2, "b"), HangsUp(3)], began(0.1, "a"), heard(0.1, "a"), heard(3.2, "b"))
    assert course.done and course.difference is None


def test_a_sentence_that_began_like_it_and_was_another_is_told_at_its_line() -> None:
    course, _ = follow(BARGE, began(0.1, "a", "x"), began(0.1, "x"), heard(0.1, "x", seconds=1.0, whole=False))
    assert differs(course) == (1, "beklenen a, duyulan x (yarıda kesildi)")


def test_after_a_key_the_same_sentence_may_come_whole_or_again() -> None:
    again: list[Step] = [Begins(1, "a"), Presses(2, "#"), Hears(3, "a"), HangsUp(4)]
    for events in ([heard(0.1, "a", seconds=9.0)], [heard(0.1, "a", seconds=1.0, whole=False), heard(1.2, "a")]):
        course, _ = follow(again, began(0.1, "a"), *events)
        assert course.done and course.difference is None


def test_what_a_key_cut_when_it_had_just_begun_need_not_be_written() -> None:
    steps: list[Step] = [Hears(1, "a"), Presses(2, "1"), Hears(3, "b"), HangsUp(4)]
    course, _ = follow(steps, heard(0.1, "a"), heard(3.1, "x", seconds=0.6, whole=False), heard(4.0, "b"))
    assert course.done and course.difference is None
    course, _ = follow(steps, heard(0.1, "a"), heard(3.1, "x", seconds=0.6), heard(4.0, "b"))
    assert differs(course)[0] == 3, "it was not cut"
    course, _ = follow(steps, heard(0.1, "a"), heard(9.0, "x", seconds=0.6, whole=False))
    assert differs(course)[0] == 3, "long after the key"


# -- waiting, music ----------------------------------------------------------------------------------------------------


def test_the_caller_waits_and_nothing_new_may_be_heard() -> None:
    steps: list[Step] = [Begins(1, "a"), Waits(2, 4.0), Presses(3, "1"), HangsUp(4)]
    course, _ = follow(steps, began(0.1, "a"), heard(0.1, "a"), 3.9)
    assert not course.done
    assert course.pass_time(4.2) == [PressKeys("1"), HangUp()]
    course, _ = follow(steps, began(0.1, "a"), heard(0.1, "a"), heard(3.2, "b", seconds=0.6))
    assert differs(course) == (2, "beklenen yeni bir ses olmaması, duyulan b")


def test_music_must_be_written_and_is_free_from_then_on() -> None:
    course, _ = follow([Hears(1, "a")], Music(0.5, 1.2), Music(0.5, 1.6))
    assert differs(course) == (1, "beklenen a, duyulan müzik")
    steps: list[Step] = [Tune(1, 3.0), Hears(2, "a", 30.0), HangsUp(3)]
    course, _ = follow(steps, Music(0.5, 2.0), Music(0.5, 3.6), Music(0.5, 9.0), heard(9.0, "a"))
    assert course.done and course.difference is None


def test_a_little_music_between_two_sentences_is_none() -> None:
    course, _ = follow([Hears(1, "a"), HangsUp(2)], Music(0.1, 0.8), heard(1.0, "a"))
    assert course.difference is None


def test_music_that_does_not_last_is_no_music() -> None:
    course, _ = follow([Tune(1, 3.0, 20.0)], Music(0.1, 2.5), Music(5.0, 7.0), 20.1)
    assert differs(course) == (1, "beklenen 3 sn müzik, duyulan müzik")


def test_what_must_not_be_heard() -> None:
    steps: list[Step] = [HearsNot(1, "a", 10.0), Hears(2, "b"), HangsUp(3)]
    course, _ = follow(steps, Music(0.1, 5.0), heard(5.0, "c"), Strange(8.5, 9.0), 10.1, heard(10.5, "b"))
    assert course.done and course.difference is None
    course, _ = follow(steps, heard(5.0, "a", "x"))
    assert differs(course) == (1, "beklenen a duyulmaması, duyulan a ya da x")


def test_what_began_when_that_time_was_over_may_go_on_unless_it_is_that() -> None:
    steps: list[Step] = [HearsNot(1, "a", 10.0), Hears(2, "b"), HangsUp(3)]
    course, _ = follow(steps, began(9.5, "c"), 10.1, heard(9.5, "c"), heard(13.0, "b"))
    assert course.done and course.difference is None
    course, _ = follow(steps, began(9.5, "a"), 10.1, heard(9.5, "a"))
    assert differs(course)[0] == 1


def test_sound_that_nobody_knows_is_a_difference() -> None:
    course, _ = follow([Hears(1, "a")], Strange(1.0, 1.5))
    assert differs(course) == (1, "beklenen a, duyulan tanınmayan bir ses")


# -- talking -----------------------------------------------------------------------------------------------------------


TALK: list[Step] = [Talks(1, "gorus_oneri"), Acts(2, "kapatir", ""), Hears(3, "b"), Ends(4)]


def test_a_talk_is_heard_both_ways_and_ended_by_the_agent() -> None:
    course, actions = follow(TALK, Music(0.1, 8.0), talk("a1", 10.3), talk("a1", 10.6), heard(12.0, "b"),
        LineEnded(15.2))
    assert course.done and course.difference is None
    assert actions == [Speak(True), AgentAct("kapatir", ""), Speak(False), HangUp()]


@pytest.mark.parametrize(("event", "told"), [
    (talk("a1", 11.0, answered=0.1), "beklenen gorus_oneri ile karşılıklı konuşma, duyulan a1 (karşılıklı değil)"),
    (talk("a1", 11.0, service="psikososyal"),
     "beklenen gorus_oneri ile karşılıklı konuşma, duyulan a1 (psikososyal)"),
    (Music(0.1, 9.0), "beklenen gorus_oneri ile karşılıklı konuşma, duyulan müzik")])
def test_a_talk_with_nobody_or_another_or_one_sided(event: TalkHeard | Music, told: str) -> None:
    course, _ = follow(TALK, event, 40.1)
    assert differs(course) == (1, told)


def test_an_agent_may_be_named() -> None:
    course, _ = follow([Talks(1, "a1"), HangsUp(2)], talk("a1", 11.0, service=""))
    assert course.done and course.difference is None


def test_who_serves_what_is_waited_for() -> None:
    course, _ = follow(TALK, talk("a1", 11.0, service=""))
    assert not course.done and course.at_step == 1


def test_a_voice_that_is_not_written_is_a_difference() -> None:
    course, _ = follow([Hears(1, "a")], talk("a1", 10.6))
    assert differs(course) == (1, "beklenen a, duyulan a1")
    steps: list[Step] = [Talks(1, "a1"), Waits(2, 5.0), HangsUp(3)]
    course, _ = follow(steps, talk("a1", 11.0), talk("a1", 14.0), talk("a2", 15.0, began=14.2))
    assert differs(course) == (2, "beklenen yeni bir ses olmaması, duyulan a2")


def test_the_second_talk_begins_after_the_first() -> None:
    steps: list[Step] = [Talks(1, "a1"), Talks(2, "a2"), HangsUp(3)]
    course, _ = follow(steps, talk("a1", 11.0), Music(11.0, 14.0), talk("a2", 15.0, began=14.0))
    assert course.done and course.difference is None


def test_people_who_are_not_ours_are_any_sound() -> None:
    steps: list[Step] = [Talks(1, "psikososyal"), Waits(2, 3.0), HangsUp(3)]
    course, _ = follow(steps, Strange(5.0, 5.4), Strange(5.0, 7.0), 8.5, strangers=True)
    assert course.done and course.difference is None


def test_the_caller_speaks_alone() -> None:
    _, actions = follow([Says(1, 3.0), Presses(2, "#"), HangsUp(3)], 3.1)
    assert actions == [Speak(True), Speak(False), PressKeys("#"), HangUp()]


# -- the end -----------------------------------------------------------------------------------------------------------


def test_the_other_side_hangs_up_when_it_should_and_when_not() -> None:
    course, _ = follow([Ends(1)], LineEnded(3.0))
    assert course.done and course.difference is None
    course, _ = follow([Hears(1, "a")], LineEnded(3.0))
    assert differs(course) == (1, "beklenen a, duyulan karşı taraf kapattı")
    course, _ = follow([Ends(1, 5.0)], 5.1)
    assert differs(course) == (1, "beklenen karşı tarafın kapatması, duyulan sessizlik")


def test_a_script_without_an_end_is_ended_by_the_caller() -> None:
    course, actions = follow([Hears(1, "a")], heard(0.1, "a"))
    assert course.done and actions == [HangUp()]
    assert course.hear_event(heard(5.0, "z"), 8.0) == [] and course.difference is None
