"""Agree on a callback with the caller by telephone, and start it when an agent has taken the offer.

The caller hears the number, and confirms it or keys in another. Silence, a refusal or an engine that does not answer is
no agreement. It leads back to the hold loop with the position unchanged. An agent who becomes free gets the caller at
once: the bridge takes the channel out of this dialogue.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from ivr import callback_windows, dialplan
from ivr.agi.session import ANY_KEY, Session
from ivr.callback_windows import AT_TURN, AT_TURN_KEY, WINDOW_KEYS, CallbackWindow, CallbackWindows, no_windows
from ivr.caller.contact_events import ContactEvents, contact_of, parse_language
from ivr.caller.dialable import DIGITS_MAX, Refusal, check_dialable
from ivr.flow.dialogue_steps import SLOW_FACTOR
from ivr.flow.menu_model import REPEAT_KEY, SLOW_KEY
from ivr.sounds import Sounds, prompt_files
from prompts.verbalise import number_prompts
from routing.core.events import CallbackAccepted, CallbackRequested
from routing.core.inbox import ContactView, Inbox, InboxClosed
from routing.core.model.centre_model import CallbackOrder, ContactState
from routing.core.model.errors import CallbackExists, NoCallback, NumberLeftAlone, Refused
from routing.core.model.ids import parse_leg_id

ANSWER_S = 10.0
"""Time to press a key after a question (rule I13 demands at least 5)."""
FIRST_KEY_S = 20.0
"""Time to find the number for the callback."""
NEXT_KEY_S = 5.0
ASKS_MAX = 2
"""Times that a question is asked while the caller says nothing."""
ROUNDS_MAX = 8
"""Times that a question is asked at all, with repetitions and wrong keys. Only a stuck key needs more."""
NUMBERS_MAX = 3
"""Numbers that a caller may key in before waiting on."""
MORE_TIME_MAX = 5
"""Times that `*` gives another `FIRST_KEY_S`."""

RIGHT, OTHER, WAIT_ON = "1", "2", "9"
ANYTIME, IN_THE_MORNING = "1", "2"

WILL_CALL, IS_IT_RIGHT, KEYED = "geri-arama-numara", "geri-arama-dogru-mu", "geri-arama-girilen"
HIDDEN, KEY_IN, MORE_TIME = "geri-arama-gizli", "geri-arama-gir", "menu-sure-verildi"
AGREED, WAITS_ON, NOT_HERE, FULL = ("geri-arama-tamam", "geri-arama-bekleyin", "geri-arama-yok", "geri-arama-dolu")
WRONG, SLOW_ON = "menu-tus-yanlis", "bekleme-yavas-acildi"
QUIET, TODAY, TOMORROW, CALL_THEN, NOW_OR_THEN = (
    "geri-arama-sessiz", "geri-arama-bugun", "geri-arama-yarin", "geri-arama-arayacagiz", "geri-arama-hemen")
REFUSALS = {Refusal.ABROAD: "geri-arama-yurtdisi", Refusal.PREMIUM: "geri-arama-ucretli",
            Refusal.SHORT: "geri-arama-kisa", Refusal.OWN: "geri-arama-bizim", Refusal.INVALID: "geri-arama-gecersiz"}
REFUSED_WORDS = {CallbackExists: "geri-arama-var", NumberLeftAlone: "geri-arama-yeter"}
"""Sentences for the reasons why the engine takes no callback. The usual one is `FULL`."""
OWN_PROMPTS = (*REFUSED_WORDS.values(),
               WILL_CALL, IS_IT_RIGHT, KEYED, HIDDEN, KEY_IN, MORE_TIME, AGREED, WAITS_ON, NOT_HERE, FULL, WRONG,
               SLOW_ON, QUIET, TODAY, TOMORROW, CALL_THEN, NOW_OR_THEN, *REFUSALS.values(),
               *number_prompts.TIME_AFTER_PROMPTS, *callback_windows.OWN_PROMPTS)

log = structlog.get_logger(__name__)


class CallbackDialogue:
    """Endpoints of `agi://node/callback` (the caller) and `agi://node/dial` (the agent)."""

    def __init__(self, inbox: Inbox, sounds: Sounds, contacts: ContactEvents,
                 clock: Callable[[], float] = time.time, windows: CallbackWindows = no_windows) -> None:
        self.inbox, self.sounds, self.contacts, self.clock, self.windows = inbox, sounds, contacts, clock, windows

    async def agree_callback(self, session: Session) -> None:
        """Try to agree on a callback. The next part is `bye` after an agreement, and `hold` otherwise."""
        _, slow, spoken = await session.get_variables(dialplan.ALIVE, dialplan.SLOW, dialplan.LANGUAGE)
        view = self.inbox.contact_view(contact_of(session))
        agreed = False
        if view is not None and view.state in (ContactState.PENDING, ContactState.RESERVED):
            talk = CallerDialogue(session, self.sounds, slow == "1", parse_language(spoken))
            agreed = await self.reach_agreement(talk, view)
        await session.set_variable(dialplan.NEXT, dialplan.BYE if agreed else dialplan.HOLD)

    async def take_callback(self, session: Session) -> None:
        """Report that the agent has taken the offer of a callback, and let the caller be dialled."""
        # The channel id of the agent's leg names the offer.
        ids = parse_leg_id(session.uniqueid)
        if ids is None:
            log.error("ivr.leg_not_found")
            return
        try:
            await self.inbox.ask(CallbackAccepted(ids[0]))
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_timed_out", offer=ids[0])
            return
        await session.set_variable(dialplan.NEXT, dialplan.DIAL)

    async def reach_agreement(self, talk: CallerDialogue, view: ContactView) -> bool:
        """Agree on a number and a time, and return whether the callback exists."""
        # 1. The service must allow callbacks.
        service = self.contacts.services.get(view.service)
        if service is None or service.anonymous or service.callback is CallbackOrder.NONE:
            await talk.say_prompts(NOT_HERE, WAITS_ON)
            return False
        # 2. The caller agrees to a number and to a time.
        own = (await self.contacts.identify_caller(talk.session)).number
        number = await self._agree_number(talk, own)
        digest, box = self.contacts.seal(number) if number else ("", "")
        # Encrypt the caller's own number too: the engine may have had to forget it.
        anytime = await self._ask_anytime(talk, number == own) if number else None
        if not number or anytime is None:
            await talk.say_prompts(WAITS_ON)
            return False
        # 3. The engine decides. Only its view proves that the callback exists.
        try:
            now = await self.inbox.ask(CallbackRequested(view.contact, 0.0, anytime, digest, box))
        except NoCallback as error:
            await talk.say_prompts(REFUSED_WORDS.get(type(error), FULL), WAITS_ON)
            return False
        except (Refused, InboxClosed, TimeoutError) as error:
            log.warning("ivr.callback_not_accepted", call=view.contact, kind=type(error).__name__)
            await talk.say_prompts(WAITS_ON)
            return False
        if not isinstance(now, ContactView) or not now.callback:
            return False
        await talk.say_prompts(AGREED)
        # 4. From now on the caller may hang up, and needs no time of choice. A call at any hour has none.
        if not anytime:
            await self._choose_time(talk, view)
        return True

    async def _choose_time(self, talk: CallerDialogue, view: ContactView) -> None:
        """Let the caller choose a time. Silence, a wrong key or an engine that refuses leave the turn in the queue."""
        # 1. Ask for one of the next times, if there are any.
        offered = dict(zip(WINDOW_KEYS, self.windows(view.service), strict=False))
        if not offered:
            return
        asked = callback_windows.question_prompts(tuple(offered.values()), self.clock())
        key = await talk.ask_question(asked, (AT_TURN_KEY, *offered), asks=1, wrong=1)
        # 2. Move the callback, and say what holds now.
        chosen = offered.get(key)
        moved = chosen is not None and await self._move_callback(view, chosen)
        await talk.say_prompts(*(callback_windows.agreed_prompts(chosen, self.clock(), talk.language)
                                 if chosen is not None and moved else (AT_TURN,)))

    async def _move_callback(self, view: ContactView, window: CallbackWindow) -> bool:
        """Move an agreed callback to a time, and return whether the engine has done so."""
        try:
            await self.inbox.ask(CallbackRequested(
                view.contact, window=(window.begins.timestamp(), window.ends.timestamp())))
        except (Refused, InboxClosed, TimeoutError) as error:
            log.warning("ivr.callback_not_accepted", call=view.contact, kind=type(error).__name__)
            return False
        return True

    async def _agree_number(self, talk: CallerDialogue, own: str) -> str:
        """Return the agreed number in E.164, or an empty string."""
        ours = self.contacts.settings.own_numbers
        # 1. Tell the caller why the number of this call cannot be used.
        found = check_dialable(own, ours) if own else None
        if isinstance(found, Refusal):
            await talk.say_prompts(REFUSALS[found])
        elif found is None:
            await talk.say_prompts(HIDDEN)
        # 2. Ask for a confirmation or another number, in turn.
        said = WILL_CALL
        for keyed in range(NUMBERS_MAX + 1):
            if isinstance(found, str) and not isinstance(found, Refusal):
                keys = [said, *number_prompts.telephone_words(found, talk.language), IS_IT_RIGHT]
                key = await talk.ask_question(keys, (RIGHT, OTHER, WAIT_ON))
                if key != OTHER:
                    return found if key == RIGHT else ""
            if keyed == NUMBERS_MAX:
                return ""
            digits = await self._read_digits(talk)
            if not digits:
                return ""
            found, said = check_dialable(digits, ours), KEYED
            if isinstance(found, Refusal):
                await talk.say_prompts(REFUSALS[found])
        return ""

    async def _read_digits(self, talk: CallerDialogue) -> str:
        """Return digits that `#` or silence ended, or an empty string if nothing was keyed in.

        `*` gives more time and slow speech. A number with too many digits is returned too long, and refused later.
        """
        typed, more = "", 0
        within_s = FIRST_KEY_S
        digit = await talk.hear_key([KEY_IN])
        while len(typed) <= DIGITS_MAX:
            digit = digit or await talk.session.wait_for_digit(round(within_s * talk.patience * 1000))
            if digit in ("", "#"):
                return typed
            if digit == SLOW_KEY:
                # A stuck key must not keep the dialogue alive.
                more += 1
                if more > MORE_TIME_MAX:
                    return typed
                await talk.slow_down()
                within_s, digit = FIRST_KEY_S, await talk.hear_key([MORE_TIME])
                continue
            typed, digit, within_s = typed + digit, "", NEXT_KEY_S
        return typed

    async def _ask_anytime(self, talk: CallerDialogue, own_line: bool) -> bool | None:
        """Return whether the caller wants the callback in quiet hours too, or None if the caller prefers to wait.

        Outside quiet hours there is no question. A silent caller is called in the morning, so that silence wakes
        nobody. Neither does anybody who keyed in the number of another line.
        """
        quiet = self.contacts.settings.quiet
        now = self.clock()
        until = None if quiet is None else quiet.end_at(now)
        if until is None:
            return False
        keys = [QUIET, *_moment_prompts(now, until, talk.language)]
        if not own_line:
            await talk.say_prompts(*keys)
            return False
        keys.append(NOW_OR_THEN)
        key = await talk.ask_question(keys, (ANYTIME, IN_THE_MORNING, WAIT_ON))
        return None if key == WAIT_ON else key == ANYTIME


def _moment_prompts(now: float, until: datetime, language: str) -> list[str]:
    """Return the prompts of a sentence such as "Sizi yarın saat dokuzdan sonra arayacağız."."""
    assert isinstance(until.tzinfo, ZoneInfo)
    today = datetime.fromtimestamp(now, until.tzinfo).date()
    then = number_prompts.time_after_keys(until.hour, until.minute, language)
    return [TODAY if until.date() == today else TOMORROW, *then, CALL_THEN]


class CallerDialogue:
    """Talk with one caller, at the caller's pace and in the caller's language."""

    def __init__(self, session: Session, sounds: Sounds, slow: bool, language: str) -> None:
        self.session, self.sounds, self.slow, self.language = session, sounds, slow, language

    @property
    def patience(self) -> float:
        """Factor of every answer time."""
        return SLOW_FACTOR if self.slow else 1.0

    async def slow_down(self) -> None:
        """Speak slowly from now on, in the queue too."""
        self.slow = True
        await self.session.set_variable(dialplan.INHERITED + dialplan.SLOW, "1")

    async def say_prompts(self, *keys: str) -> None:
        """Say prompts to their end, whatever keys are pressed."""
        await self.session.play_files(prompt_files(self.sounds, keys, slow=self.slow, language=self.language))

    async def hear_key(self, keys: Sequence[str]) -> str:
        """Say prompts and return the key that stopped them, or an empty string."""
        return await self.session.play_files(
            prompt_files(self.sounds, keys, slow=self.slow, language=self.language), ANY_KEY)

    async def ask_question(self, keys: Sequence[str], answers: Sequence[str], asks: int = ASKS_MAX,
                           wrong: int = ROUNDS_MAX) -> str:
        """Return one of the answers. Return an empty string after `asks` silences or more than `wrong` wrong keys.

        `#` repeats, and `*` speaks slowly.
        """
        before: list[str] = []
        silent = 0
        for _ in range(ROUNDS_MAX):
            key = await self.hear_key([*before, *keys])
            key = key or await self.session.wait_for_digit(round(ANSWER_S * self.patience * 1000))
            before = []
            if key in answers and key:
                return key
            if not key:
                silent += 1
                if silent >= asks:
                    return ""
            elif key == SLOW_KEY:
                before = [] if self.slow else [SLOW_ON]
                await self.slow_down()
            elif key != REPEAT_KEY:
                wrong -= 1
                if wrong < 0:
                    return ""
                before = [WRONG]
        return ""
