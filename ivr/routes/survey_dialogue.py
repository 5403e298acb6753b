"""Ask callers after the talk: were they cared for, is the matter solved, is there a message.

Only callers who stay are asked. The conversation is a machine without I/O, like the menu
(`ivr.flow.dialogue_machine`), and `SurveyDialogue` runs it on a call. Repeated silence or too many rounds end it with
thanks, so that nobody is held.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller.contact_events import ContactEvents, contact_of, parse_language
from ivr.caller.preferences import REMEMBER_QUESTION, YES_KEY, NoPreferences, PreferenceQuestion, PreferenceStore
from ivr.caller.voice_message import VoiceMessages
from ivr.flow.dialogue_machine import ANSWER_S
from ivr.flow.dialogue_steps import SLOW_FACTOR, Ask, KeyPressed, Silence
from ivr.flow.menu_model import REPEAT_KEY, SLOW_KEY
from ivr.routes.menu_dialogue import ask_caller
from ivr.sounds import Sounds, prompt_files
from prompts.verbalise.number_prompts import LANGUAGE
from routing.core.callers import survey_answers
from routing.core.events import SurveyAnswered
from routing.core.inbox import Inbox, InboxClosed
from routing.core.model.errors import Refused
from routing.core.model.ids import ContactId, ServiceId

BEGIN, THANKS = "anket-giris", "anket-tesekkur"
CARED, SOLVED, MESSAGE = "anket-ilgi", "anket-cozum", "anket-mesaj"
WRONG, SLOW_ON = "menu-tus-yanlis", "bekleme-yavas-acildi"
OWN_PROMPTS = (BEGIN, THANKS, CARED, SOLVED, MESSAGE, WRONG, SLOW_ON)

SILENCES = 2
"""Times that a question is asked while the caller says nothing."""
MAX_ROUNDS = 8
"""Questions of one survey, including repeated ones. Only a stuck key needs more."""

log = structlog.get_logger(__name__)


class Question(NamedTuple):
    """A question, and the answer that each key means."""

    name: str
    say: str
    answers: dict[str, int]


QUESTIONS = (
    Question(survey_answers.CARED, CARED, {str(key): key for key in range(1, 6)}),
    Question(survey_answers.SOLVED, SOLVED, {"1": 1, "2": 0}),
    Question(survey_answers.MESSAGE, MESSAGE, {"1": 0}),
)


class Progress(NamedTuple):
    """Place of a caller in the survey."""

    number: int = 0
    silent: int = 0
    rounds: int = 0
    slow: bool = False
    language: str = LANGUAGE


class SurveyReply(NamedTuple):
    """An answer for the engine."""

    question: str
    answer: int


class SurveyEnd(NamedTuple):
    """End of the survey. With `word` the caller wants to leave a message."""

    word: bool = False


def begin_survey(slow: bool, language: str = LANGUAGE) -> tuple[Progress, Ask]:
    """Return the first question."""
    progress = Progress(slow=slow, language=language)
    return progress, _build_question(progress, (BEGIN,))


def next_question(progress: Progress, given: KeyPressed | Silence, *, message: bool) -> tuple[Progress,
        SurveyReply | None, Ask | SurveyEnd]:
    """Return the progress, an answer and the next step after a key or silence. `message`: messages are accepted."""
    question = QUESTIONS[progress.number]
    again = progress._replace(rounds=progress.rounds + 1)
    # A stuck key must not keep the survey alive.
    if again.rounds >= MAX_ROUNDS:
        return again, None, SurveyEnd()
    if isinstance(given, Silence):
        if question.name == survey_answers.MESSAGE or progress.silent + 1 >= SILENCES:
            # Silence at the question for a message means that there is none.
            return again, None, SurveyEnd()
        again = again._replace(silent=progress.silent + 1)
        return again, None, _build_question(again, ())
    if given.digit == SLOW_KEY:
        again = again._replace(slow=True)
        return again, None, _build_question(again, () if progress.slow else (SLOW_ON,))
    if given.digit == REPEAT_KEY:
        return again, None, _build_question(again, ())
    if given.digit not in question.answers:
        return again, None, SurveyEnd() if question.name == survey_answers.MESSAGE else _build_question(again, (WRONG,))
    said = SurveyReply(question.name, question.answers[given.digit])
    if question.name == survey_answers.MESSAGE:
        # The message is counted when it has been recorded.
        return again, None, SurveyEnd(word=True)
    onward = again._replace(number=progress.number + 1, silent=0)
    if QUESTIONS[onward.number].name == survey_answers.MESSAGE and not message:
        return onward, said, SurveyEnd()
    return onward, said, _build_question(onward, ())


def _build_question(progress: Progress, before: tuple[str, ...]) -> Ask:
    factor = SLOW_FACTOR if progress.slow else 1.0
    return Ask((*before, QUESTIONS[progress.number].say), 0.0, ANSWER_S * factor, progress.slow,
               progress.language)


class SurveyDialogue:
    """Endpoint of `agi://node/survey`."""

    def __init__(self, inbox: Inbox, sounds: Sounds, contacts: ContactEvents, messages: VoiceMessages,
                 wishes: PreferenceStore | None = None) -> None:
        self.inbox, self.sounds, self.contacts, self.messages = inbox, sounds, contacts, messages
        self.offers = PreferenceQuestion(contacts, wishes or NoPreferences())

    def asks_service(self, service: str) -> bool:
        """Return whether callers of this service are asked."""
        return service in self.contacts.settings.survey

    async def is_due(self, session: Session) -> bool:
        """Return whether this caller is asked anything after the talk."""
        service = await session.get_variable(dialplan.SERVICE) or ""
        return self.asks_service(service) or await self.offers.is_due(session, service)

    async def run_survey(self, session: Session) -> None:
        """Run the whole survey. Nothing in it holds the caller: the dialplan says good-bye afterwards."""
        _, service, slow, spoken = await session.get_variables(dialplan.ALIVE, dialplan.SERVICE, dialplan.SLOW,
                                                               dialplan.LANGUAGE)
        # 1. Set the way out first, so that the caller is free whatever happens.
        await session.set_variable(dialplan.NEXT, dialplan.BYE)
        contact, language = contact_of(session), parse_language(spoken)
        # 2. The question about slow speech is independent of the survey.
        if await self.offers.is_due(session, service):
            await self._ask_remember(session, language)
        if not self.asks_service(service):
            return
        # 3. The engine must know that the caller was asked, or no answer counts.
        if not await self._report_answer(contact, service, SurveyReply(survey_answers.ASKED, 0)):
            return
        message = self.messages.takes_messages(service)
        onward: Ask | SurveyEnd
        # 4. The questions, then the message.
        progress, onward = begin_survey(slow == "1", language)
        while isinstance(onward, Ask):
            given = await ask_caller(session, self.sounds, onward)
            progress, said, onward = next_question(progress, given, message=message)
            if said is not None:
                await self._report_answer(contact, service, said)
        if onward.word and await self.messages.take_message(session, contact, service, "survey", slow=progress.slow,
                                                          language=progress.language):
            await self._report_answer(contact, service, SurveyReply(survey_answers.MESSAGE, 0))
        await session.play_files(prompt_files(self.sounds, (THANKS,), slow=progress.slow, language=progress.language))

    async def _ask_remember(self, session: Session, language: str) -> None:
        """Ask a caller with slow speech, who was not asked while waiting, whether it is to be remembered."""
        await session.set_variable(dialplan.INHERITED + dialplan.PREFERENCE_ASKED, "1")
        given = await ask_caller(session, self.sounds,
                                 Ask((REMEMBER_QUESTION,), 0.0, ANSWER_S * SLOW_FACTOR, True, language))
        if isinstance(given, KeyPressed) and given.digit == YES_KEY:
            await session.play_files(prompt_files(
                self.sounds, (await self.offers.on_accepted(session),), slow=True, language=language))

    async def _report_answer(self, contact: ContactId, service: str, said: SurveyReply) -> bool:
        try:
            await self.inbox.ask(SurveyAnswered(contact, ServiceId(service), said.question, said.answer))
        except Refused as error:
            log.error("ivr.survey_refused", call=contact, code=error.code)
            return False
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_timed_out", call=contact, at=round(time.time()))
            return False
        return True
