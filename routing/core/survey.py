"""What callers say after the talk, question by question. The engine keeps who was asked, so that an answer counts once:
the numbers are made of the facts alone (`Surveyed`)."""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.errors import OutOfRange, UnknownService
from routing.core.events import SurveyAnswered
from routing.core.ids import ContactId

ASKED, CARED, SOLVED, MESSAGE = "asked", "cared", "solved", "message"
ANSWERS = {ASKED: range(1), CARED: range(1, 6), SOLVED: range(2), MESSAGE: range(1)}
"""Question -> what may be said. `cared`: 5 very much, 1 not at all; `solved`: 1 yes, 0 no. `asked` is the beginning of
the survey and `message` a spoken word that was left; both are counted, their answer is 0."""


def answered(d: Domain, event: SurveyAnswered) -> None:
    """One question. The first answer stands; one of a survey that has not begun (or is forgotten) changes nothing."""
    if event.service not in d.services:
        raise UnknownService(event.service)
    if event.answer not in ANSWERS.get(event.question, ()):
        raise OutOfRange(f"survey of {event.contact}: {event.question} cannot be {event.answer}")
    if event.question == ASKED and event.contact not in d.surveys:
        d.surveys[event.contact] = set()
    if not _first(d, event.contact, event.question):
        return
    emit.surveyed(d, contact=event.contact, service=event.service, question=event.question, answer=event.answer)


def _first(d: Domain, contact: ContactId, question: str) -> bool:
    said = d.surveys.get(contact)
    if said is None or question in said:
        return False
    said.add(question)
    return True
