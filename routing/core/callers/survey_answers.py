"""Record the answers of callers in the survey after the talk, question by question.

The engine remembers which surveys began, so that an answer counts once. All figures come from the facts
(`SurveyAnsweredRecorded`).
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.events import SurveyAnswered
from routing.core.model.errors import OutOfRange, UnknownService
from routing.core.model.ids import ContactId

ASKED, CARED, SOLVED, MESSAGE = "asked", "cared", "solved", "message"
ANSWERS = {ASKED: range(1), CARED: range(1, 6), SOLVED: range(2), MESSAGE: range(1)}
"""Answers that each question allows. `cared` goes from 1 (not at all) to 5 (very much). `solved` is 1 for yes and 0 for
no. `asked` is the start of the survey and `message` a recorded message. Both are only counted, with the answer 0."""


def on_survey_answered(d: Domain, event: SurveyAnswered) -> None:
    """Record one answer. Only the first answer to a question counts, and only if the survey has begun and is
    remembered.

    Raise UnknownService or OutOfRange if the event does not fit the centre or the questions.
    """
    if event.service not in d.services:
        raise UnknownService(event.service)
    if event.answer not in ANSWERS.get(event.question, ()):
        raise OutOfRange(f"survey of {event.contact}: {event.question} cannot be {event.answer}")
    # A repeated start keeps the answers, so that they do not count twice.
    if event.question == ASKED and event.contact not in d.surveys:
        d.surveys.set_value(event.contact, set())
    if not _is_first_answer(d, event.contact, event.question):
        return
    emit.surveyed(d, contact=event.contact, service=event.service, question=event.question, answer=event.answer)


def _is_first_answer(d: Domain, contact: ContactId, question: str) -> bool:
    said = d.surveys.get(contact)
    if said is None or question in said:
        return False
    said.add(question)
    return True
