"""Answers of callers after the talk, as the engine takes them."""

from __future__ import annotations

import pytest

from routing.core import domain
from routing.core.engine import Engine
from routing.core.events import Configured, SurveyAnswered
from routing.core.model import facts as f
from routing.core.model.centre_model import Centre, Service, Step
from routing.core.model.errors import OutOfRange, UnknownService
from routing.core.model.ids import ContactId, ServiceId

pytestmark = pytest.mark.unit

CALL, BILGI = ContactId("1.1"), ServiceId("bilgi")


def engine() -> Engine:
    found = Engine()
    found.handle(Configured(Centre((Service(BILGI, "Bilgi", (Step(()),)),), ())), 1.0)
    found.take_facts()
    return found


def told(found: Engine, question: str, answer: int = 0, contact: ContactId = CALL) -> list[f.SurveyAnsweredRecorded]:
    assert found.handle(SurveyAnswered(contact, BILGI, question, answer), 2.0) == []
    facts = found.take_facts()
    assert all(isinstance(fact, f.SurveyAnsweredRecorded) for fact in facts)
    return [fact for fact in facts if isinstance(fact, f.SurveyAnsweredRecorded)]


def test_each_question_counts_once() -> None:
    found = engine()
    assert [(one.question, one.answer) for one in told(found, "asked")] == [("asked", 0)]
    assert [(one.contact, one.service, one.answer) for one in told(found, "cared", 5)] == [(CALL, BILGI, 5)]
    assert told(found, "cared", 1) == [] and told(found, "asked") == []
    assert told(found, "solved", 0)[0].answer == 0
    assert told(found, "message")[0].question == "message"


def test_an_answer_of_a_survey_that_never_began_changes_nothing() -> None:
    assert told(engine(), "cared", 4) == []


@pytest.mark.parametrize(("question", "answer"), [("cared", 0), ("cared", 6), ("solved", 2), ("mood", 1), ("asked", 1)])
def test_what_cannot_be_meant_is_refused(question: str, answer: int) -> None:
    found = engine()
    told(found, "asked")
    with pytest.raises(OutOfRange):
        found.handle(SurveyAnswered(CALL, BILGI, question, answer), 3.0)
    with pytest.raises(UnknownService):
        found.handle(SurveyAnswered(CALL, ServiceId("none"), "asked"), 3.0)


def test_the_oldest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "SURVEYS_REMEMBERED", 2)
    found = engine()
    for name in ("1.1", "1.2", "1.3"):
        told(found, "asked", contact=ContactId(name))
    assert told(found, "cared", 3, ContactId("1.1")) == []
    assert told(found, "cared", 3, ContactId("1.2")) and told(found, "cared", 3, ContactId("1.3"))
