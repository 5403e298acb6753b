"""Stories: told to the engine, answered in words, drawn as time lines."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from guide import examples, story, timeline
from guide.story import StoryError, StoryLine
from routing.core.model.centre_model import Agent, CallbackOrder, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId

pytestmark = pytest.mark.unit

GENEL = SkillId("genel")
CENTRE = Centre((Service(ServiceId("genel"), "Genel", (Step(((GENEL, 1),)),)),),
                (Agent(AgentId("ali"), ((GENEL, 50),)), Agent(AgentId("ece"), ((GENEL, 90),), Profile(wrapup_s=0.0))))
TOLD = """\
09:00:00  ali, ece sign in
09:00:10  A calls genel
09:00:13  A hangs up
09:00:20  B calls genel
09:00:24  ece answers
09:01:00  ece hangs up
"""
ANSWERED = """\
09:00:00  ali, ece sign in
09:00:10  A calls genel
09:00:10    A rings at ece: level 90; then ali
09:00:13  A hangs up
09:00:13    A rings at ece no more: caller_hung_up
09:00:13    A has waited 3 s: abandoned_short
09:00:20  B calls genel
09:00:20    B rings at ece: level 90; then ali
09:00:24  ece answers
09:00:24    B and ece speak; B waited 4 s
09:01:00  ece hangs up
09:01:00    ece is ready
09:01:00    B and ece have spoken 36 s
"""


def test_the_engine_answers_and_its_own_answers_are_not_told() -> None:
    assert story.write_story(story.tell_story(CENTRE, story.read_story(TOLD))) == ANSWERED
    assert story.write_story(story.tell_story(CENTRE, story.read_story(ANSWERED))) == ANSWERED


def test_a_phone_that_nobody_takes_gives_up_by_itself() -> None:
    told = story.tell_story(CENTRE,
        story.read_story("09:00:00  ece signs in\n09:00:10  A calls genel\n09:01:00  time goes by\n"))
    assert StoryLine(9 * 3600 + 25.0, "A rings at ece no more: no_answer", True) in told
    assert StoryLine(9 * 3600 + 45.0, "ece counts as not responding", True) in told


def test_a_caller_is_dialled_without_a_reserved_agent_and_waits_in_front() -> None:
    """B is dialled when ece is nearly free, C comes in between, and B is next."""
    ahead = CENTRE.services[0]._replace(callback=CallbackOrder.PREDICTIVE)
    told = story.write_story(story.tell_story(CENTRE._replace(services=(ahead,)), story.read_story(
        "09:00:00  ali signs in\n09:00:10  A calls genel\n09:00:14  ali answers\n09:00:20  B calls genel\n"
        "09:00:30  B asks to be called back\n09:00:31  B hangs up\n09:02:00  A hangs up\n09:02:10  C calls genel\n"
        "09:02:20  ali answers\n09:02:25  B picks up\n09:03:00  C hangs up\n09:03:19  ali answers\n")))
    assert "09:02:01    B is called back\n" in told, "20 s before the wrap-up of ali is over"
    assert "09:02:25    B is on the line again\n" in told and "B rings at ali: level 50" in told
    assert told.index("B is called back") < told.index("C rings at ali") < told.index("B rings at ali")
    missed = story.write_story(story.tell_story(CENTRE._replace(services=(ahead,)), story.read_story(
        "09:00:00  B calls genel\n09:00:10  B asks to be called back\n09:00:11  B hangs up\n09:00:20  ali signs in\n"
        "09:00:40  B does not pick up\n")))
    assert "09:00:40    B is to be called back: no_answer, next try from 09:15:40" in missed


def test_a_callback_is_dialled_when_the_agent_has_taken_it() -> None:
    told = story.write_story(story.tell_story(CENTRE, story.read_story(
        "09:00:00  A calls genel\n09:00:10  A asks to be called back\n09:00:12  A hangs up\n09:00:20  ali signs in\n"
        "09:00:22  ali answers\n09:00:30  A does not pick up\n09:15:31  ali answers\n09:15:40  A picks up\n")))
    assert "09:00:30    A is to be called back: no_answer, next try from 09:15:30" in told
    assert "09:15:40    A and ali speak" in told


@pytest.mark.parametrize(("text", "what"), [
    ("A calls genel\n", "line 1 of the story: 'A calls genel' has no time"),
    ("09:00:00  A sings\n", "09:00:00  A sings: no known input"),
    ("09:00:00  ali signs in\n09:00:01  ali answers\n", "09:00:01: ali has nothing at hand"),
])
def test_what_says_nothing_is_named(text: str, what: str) -> None:
    with pytest.raises(StoryError) as caught:
        story.tell_story(CENTRE, story.read_story(text))
    assert what in str(caught.value)


def test_a_time_line_has_a_part_for_each_way() -> None:
    parts = timeline.contact_spans(story.read_story(ANSWERED))
    nine = 9 * 3600
    assert [(part.contact, part.start - nine, part.end - nine, part.phase, part.agent) for part in parts] == [
        ("A", 10, 13, "ring", "ece"), ("B", 20, 24, "ring", "ece"), ("B", 24, 60, "talk", "ece")]
    picture = ElementTree.fromstring(timeline.draw_timeline("Title", story.read_story(ANSWERED)))
    assert picture.attrib["aria-label"].startswith("Title. A rings at ece 09:00:10 to 09:00:13; B rings")


def test_a_page_has_its_examples() -> None:
    page = ("# Page\n\n### Example: one thing\n\n```yaml services.yaml\nservices: []\n```\n\n```story\n09:00:00  x\n"
            "```\n### Other\n\n```story\nno\n```\n")
    (one,) = examples.find_examples(page)
    assert (one.name, dict(one.files), one.story) == ("one", {"services.yaml": "services: []\n"}, "09:00:00  x\n")
