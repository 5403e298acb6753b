"""After the talk: was the caller cared for, is it solved, a word for us. Only those who stay are asked.

The conversation is a machine without I/O, as the menu's (`ivr.flow.machine`); `Surveys` walks it over a call. Silence
twice or three wrong keys end it with thanks: nobody is kept.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.contact import Contacts, contact_of, told_language
from ivr.entry import ask
from ivr.flow.machine import ANSWER_S
from ivr.flow.model import REPEAT_KEY, SLOW_KEY
from ivr.flow.steps import SLOW_FACTOR, Ask, Key, Silence
from ivr.message import Messages
from ivr.sounds import Sounds, files
from ivr.wish import OFFER, YES_KEY, NoWishes, Offers, Wishes
from prompts.say import LANGUAGE
from routing.core import survey
from routing.core.errors import Refused
from routing.core.events import SurveyAnswered
from routing.core.ids import ContactId, ServiceId
from routing.core.inbox import Inbox, InboxClosed

BEGIN, THANKS = "anket-giris", "anket-tesekkur"
CARED, SOLVED, MESSAGE = "anket-ilgi", "anket-cozum", "anket-mesaj"
WRONG, SLOW_ON = "menu-tus-yanlis", "bekleme-yavas-acildi"
OWN_PROMPTS = (BEGIN, THANKS, CARED, SOLVED, MESSAGE, WRONG, SLOW_ON)

SILENCES = 2
"""So often a question is asked to somebody who says nothing."""
MAX_ROUNDS = 8
"""Questions asked in one survey, those asked again included: nobody needs more, a stuck key does."""

log = structlog.get_logger(__name__)


class Question(NamedTuple):
    """A question and what its keys mean."""

    name: str
    say: str
    answers: dict[str, int]


QUESTIONS = (
    Question(survey.CARED, CARED, {str(key): key for key in range(1, 6)}),
    Question(survey.SOLVED, SOLVED, {"1": 1, "2": 0}),
    Question(survey.MESSAGE, MESSAGE, {"1": 0}),
)


class Progress(NamedTuple):
    """Where a caller is."""

    number: int = 0
    silent: int = 0
    rounds: int = 0
    slow: bool = False
    language: str = LANGUAGE


class Said(NamedTuple):
    """An answer to be told to the engine."""

    question: str
    answer: int


class Over(NamedTuple):
    """No question any more. `word`: the caller wants to leave a message."""

    word: bool = False


def begin(slow: bool, language: str = LANGUAGE) -> tuple[Progress, Ask]:
    """The first question."""
    progress = Progress(slow=slow, language=language)
    return progress, _question(progress, (BEGIN,))


def step(progress: Progress, given: Key | Silence, *, message: bool) -> tuple[Progress, Said | None, Ask | Over]:
    """What the caller's key, or silence, leads to. `message`: spoken messages are taken."""
    question = QUESTIONS[progress.number]
    again = progress._replace(rounds=progress.rounds + 1)
    if again.rounds >= MAX_ROUNDS:
        return again, None, Over()
    if isinstance(given, Silence):
        if question.name == survey.MESSAGE or progress.silent + 1 >= SILENCES:
            return again, None, Over()  # no word is an answer too
        again = again._replace(silent=progress.silent + 1)
        return again, None, _question(again, ())
    if given.digit == SLOW_KEY:
        again = again._replace(slow=True)
        return again, None, _question(again, () if progress.slow else (SLOW_ON,))
    if given.digit == REPEAT_KEY:
        return again, None, _question(again, ())
    if given.digit not in question.answers:
        return again, None, Over() if question.name == survey.MESSAGE else _question(again, (WRONG,))
    said = Said(question.name, question.answers[given.digit])
    if question.name == survey.MESSAGE:
        return again, None, Over(word=True)  # counted when it was left
    onward = again._replace(number=progress.number + 1, silent=0)
    if QUESTIONS[onward.number].name == survey.MESSAGE and not message:
        return onward, said, Over()
    return onward, said, _question(onward, ())


def _question(progress: Progress, before: tuple[str, ...]) -> Ask:
    factor = SLOW_FACTOR if progress.slow else 1.0
    return Ask((*before, QUESTIONS[progress.number].say), 0.0, ANSWER_S * factor, progress.slow,
               progress.language)


class Surveys:
    """Endpoint of `agi://node/survey`."""

    def __init__(self, inbox: Inbox, sounds: Sounds, contacts: Contacts, messages: Messages,
                 wishes: Wishes | None = None) -> None:
        self.inbox, self.sounds, self.contacts, self.messages = inbox, sounds, contacts, messages
        self.offers = Offers(contacts, wishes or NoWishes())

    def asks(self, service: str) -> bool:
        """Whether callers of this service are asked."""
        return service in self.contacts.settings.survey

    async def due(self, session: Session) -> bool:
        """Whether this caller is asked anything after the talk."""
        service = await session.get_variable(dialplan.SERVICE) or ""
        return self.asks(service) or await self.offers.due(session, service)

    async def survey(self, session: Session) -> None:
        """The whole survey. Nothing that happens here keeps the caller: the dialplan says good-bye afterwards."""
        _, service, slow, spoken = await session.get_variables(dialplan.ALIVE, dialplan.SERVICE, dialplan.SLOW,
                                                               dialplan.LANGUAGE)
        await session.set_variable(dialplan.NEXT, dialplan.BYE)
        contact, language = contact_of(session), told_language(spoken)
        if await self.offers.due(session, service):
            await self._remember(session, language)
        if not self.asks(service):
            return
        if not await self._tell(contact, service, Said(survey.ASKED, 0)):
            return
        message = self.messages.taken(service)
        onward: Ask | Over
        progress, onward = begin(slow == "1", language)
        while isinstance(onward, Ask):
            given = await ask(session, self.sounds, onward)
            progress, said, onward = step(progress, given, message=message)
            if said is not None:
                await self._tell(contact, service, said)
        if onward.word and await self.messages.take(session, contact, service, "survey", slow=progress.slow,
                                                          language=progress.language):
            await self._tell(contact, service, Said(survey.MESSAGE, 0))
        await session.say(files(self.sounds, (THANKS,), slow=progress.slow, language=progress.language))

    async def _remember(self, session: Session, language: str) -> None:
        """Who had slow speech and was not asked while waiting: whether it is to be remembered."""
        await session.set_variable(dialplan.INHERITED + dialplan.WISH, "1")
        given = await ask(session, self.sounds, Ask((OFFER,), 0.0, ANSWER_S * SLOW_FACTOR, True, language))
        if isinstance(given, Key) and given.digit == YES_KEY:
            await session.say(files(self.sounds, (await self.offers.accepted(session),), slow=True, language=language))

    async def _tell(self, contact: ContactId, service: str, said: Said) -> bool:
        try:
            await self.inbox.ask(SurveyAnswered(contact, ServiceId(service), said.question, said.answer))
        except Refused as error:
            log.error("ivr.survey_refused", call=contact, code=error.code)
            return False
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_silent", call=contact, at=round(time.time()))
            return False
        return True
