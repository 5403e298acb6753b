"""Callbacks by telephone: what is agreed with the caller who asks for one, and the agent who has taken one.

The caller hears the number that would be called and says that it is right, or keys in another. Silence, refusals, an
engine that does not answer: everything that is no agreement leads back to the hold loop with the place unchanged. A
person who becomes free in the middle has the caller at once: the bridge takes them out of this dialogue.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from ivr import dialplan
from ivr.agi.session import ANY_KEY, Session
from ivr.contact import Contacts, contact_of, told_language
from ivr.dialable import DIGITS_MAX, Refusal, dialable
from ivr.flow.model import REPEAT_KEY, SLOW_KEY
from ivr.flow.steps import SLOW_FACTOR
from ivr.sounds import Sounds, files
from prompts import say
from routing.core.errors import NoCallback, Refused
from routing.core.events import CallbackAsked, CallbackTaken
from routing.core.ids import parse_leg_id
from routing.core.inbox import ContactView, Inbox, InboxClosed
from routing.core.model import CallbackOrder, ContactState

ANSWER_S = 10.0
"""Time to press a key after a question (rule I13 has at least 5)."""
FIRST_KEY_S = 20.0
"""Time to find the number that one wants to be called at."""
NEXT_KEY_S = 5.0
ASKS_MAX = 2
"""So often a question is asked to somebody who says nothing."""
ROUNDS_MAX = 8
"""So often in all, repetitions and wrong keys counted: nobody needs more, a stuck key does."""
NUMBERS_MAX = 3
"""Numbers keyed in before the caller waits on."""
MORE_TIME_MAX = 5
"""So often `*` gives another `FIRST_KEY_S`."""

RIGHT, OTHER, WAIT_ON = "1", "2", "9"
ANYTIME, IN_THE_MORNING = "1", "2"

WILL_CALL, IS_IT_RIGHT, KEYED = "geri-arama-numara", "geri-arama-dogru-mu", "geri-arama-girilen"
HIDDEN, KEY_IN, MORE_TIME = "geri-arama-gizli", "geri-arama-gir", "menu-sure-verildi"
AGREED, WAITS_ON, NOT_HERE, FULL = ("geri-arama-tamam", "geri-arama-bekleyin", "geri-arama-yok", "geri-arama-dolu")
WRONG, SLOW_ON = "menu-tus-yanlis", "bekleme-yavas-acildi"
QUIET, TODAY, TOMORROW, AT, AFTER, CALL_THEN, NOW_OR_THEN = (
    "geri-arama-sessiz", "geri-arama-bugun", "geri-arama-yarin", "geri-arama-saat", "geri-arama-sonrasinda",
    "geri-arama-arayacagiz", "geri-arama-hemen")
HOURS = range(6, 13)
"""Hours for which "saat dokuzdan sonra" is a prompt of its own; other times are put together."""
REFUSALS = {Refusal.ABROAD: "geri-arama-yurtdisi", Refusal.PREMIUM: "geri-arama-ucretli",
            Refusal.SHORT: "geri-arama-kisa", Refusal.OWN: "geri-arama-bizim", Refusal.INVALID: "geri-arama-gecersiz"}
OWN_PROMPTS = (WILL_CALL, IS_IT_RIGHT, KEYED, HIDDEN, KEY_IN, MORE_TIME, AGREED, WAITS_ON, NOT_HERE, FULL, WRONG,
               SLOW_ON, QUIET, TODAY, TOMORROW, AT, AFTER, CALL_THEN, NOW_OR_THEN, *REFUSALS.values(),
               *(f"geri-arama-saat-{hour}" for hour in HOURS))

log = structlog.get_logger(__name__)


class Callback:
    """Endpoints of `agi://node/callback` (the caller) and `agi://node/dial` (the agent)."""

    def __init__(self, inbox: Inbox, sounds: Sounds, contacts: Contacts,
                 clock: Callable[[], float] = time.time) -> None:
        self.inbox, self.sounds, self.contacts, self.clock = inbox, sounds, contacts, clock

    async def callback(self, session: Session) -> None:
        """One agreement, or none. `bye` when there is one, else `hold`."""
        _, slow, spoken = await session.get_variables(dialplan.ALIVE, dialplan.SLOW, dialplan.LANGUAGE)
        view = self.inbox.contact(contact_of(session))
        agreed = False
        if view is not None and view.state in (ContactState.PENDING, ContactState.RESERVED):
            talk = _Talk(session, self.sounds, slow == "1", told_language(spoken))
            agreed = await self._agree(talk, view)
        await session.set_variable(dialplan.NEXT, dialplan.BYE if agreed else dialplan.HOLD)

    async def dial(self, session: Session) -> None:
        """The agent has taken the offer of a callback: the caller is dialled."""
        ids = parse_leg_id(session.uniqueid)
        if ids is None:
            log.error("ivr.no_leg")
            return
        try:
            await self.inbox.ask(CallbackTaken(ids[0]))
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_silent", offer=ids[0])
            return
        await session.set_variable(dialplan.NEXT, dialplan.DIAL)

    async def _agree(self, talk: _Talk, view: ContactView) -> bool:
        service = self.contacts.services.get(view.service)
        if service is None or service.anonymous or service.callback is CallbackOrder.NONE:
            await talk.say(NOT_HERE, WAITS_ON)
            return False
        own = (await self.contacts.calling(talk.session)).number
        number = await self._number(talk, own)
        anytime = await self._anytime(talk) if number else None
        if not number or anytime is None:
            await talk.say(WAITS_ON)
            return False
        digest, box = self.contacts.seal(number)  # their own too: the engine may have had to forget it
        try:
            now = await self.inbox.ask(CallbackAsked(view.contact, 0.0, anytime, digest, box))
        except NoCallback:
            await talk.say(FULL, WAITS_ON)
            return False
        except (Refused, InboxClosed, TimeoutError) as error:
            log.warning("ivr.callback_not_taken", call=view.contact, kind=type(error).__name__)
            await talk.say(WAITS_ON)
            return False
        if not isinstance(now, ContactView) or not now.callback:
            return False
        await talk.say(AGREED)
        return True

    async def _number(self, talk: _Talk, own: str) -> str:
        """The number to be called, in E.164; empty: none was agreed on."""
        ours = self.contacts.settings.own_numbers
        found = dialable(own, ours) if own else None
        if isinstance(found, Refusal):
            await talk.say(REFUSALS[found])
        elif found is None:
            await talk.say(HIDDEN)
        said = WILL_CALL
        for keyed in range(NUMBERS_MAX + 1):
            if isinstance(found, str) and not isinstance(found, Refusal):
                keys = [said, *say.telephone(found, talk.language), IS_IT_RIGHT]
                key = await talk.ask(keys, (RIGHT, OTHER, WAIT_ON))
                if key != OTHER:
                    return found if key == RIGHT else ""
            if keyed == NUMBERS_MAX:
                return ""
            digits = await self._keyed(talk)
            if not digits:
                return ""
            found, said = dialable(digits, ours), KEYED
            if isinstance(found, Refusal):
                await talk.say(REFUSALS[found])
        return ""

    async def _keyed(self, talk: _Talk) -> str:
        """Digits ended by `#` or by silence. `*` gives more time and slow speech; too many are none. Empty: nothing was
        keyed in."""
        typed, more = "", 0
        within_s = FIRST_KEY_S
        digit = await talk.hear([KEY_IN])
        while len(typed) <= DIGITS_MAX:
            digit = digit or await talk.session.wait_for_digit(round(within_s * talk.patience * 1000))
            if digit in ("", "#"):
                return typed
            if digit == SLOW_KEY:
                more += 1
                if more > MORE_TIME_MAX:
                    return typed
                await talk.slower()
                within_s, digit = FIRST_KEY_S, await talk.hear([MORE_TIME])
                continue
            typed, digit, within_s = typed + digit, "", NEXT_KEY_S
        return typed

    async def _anytime(self, talk: _Talk) -> bool | None:
        """Whether the caller wants to be called in quiet hours too; None: they want neither. Outside them nobody is
        asked. Who says nothing is called in the morning: nobody's sleep is risked by a silence."""
        quiet = self.contacts.settings.quiet
        now = self.clock()
        until = None if quiet is None else quiet.until(now)
        if until is None:
            return False
        keys = [QUIET, *_moment(now, until, talk.language), NOW_OR_THEN]
        key = await talk.ask(keys, (ANYTIME, IN_THE_MORNING, WAIT_ON))
        return None if key == WAIT_ON else key == ANYTIME


def _moment(now: float, until: datetime, language: str) -> list[str]:
    """ "Sizi yarın saat dokuzdan sonra arayacağız." """
    assert isinstance(until.tzinfo, ZoneInfo)
    today = datetime.fromtimestamp(now, until.tzinfo).date()
    if until.minute == 0 and until.hour in HOURS:
        then = [f"geri-arama-saat-{until.hour}"]
    else:
        then = [AT, *say.clock(until.hour, until.minute, language), AFTER]
    return [TODAY if until.date() == today else TOMORROW, *then, CALL_THEN]


class _Talk:
    """Saying and hearing, at the caller's pace and in their language."""

    def __init__(self, session: Session, sounds: Sounds, slow: bool, language: str) -> None:
        self.session, self.sounds, self.slow, self.language = session, sounds, slow, language

    @property
    def patience(self) -> float:
        """Factor of every time to answer."""
        return SLOW_FACTOR if self.slow else 1.0

    async def slower(self) -> None:
        """Slow speech from now on, in the line too."""
        self.slow = True
        await self.session.set_variable(dialplan.INHERITED + dialplan.SLOW, "1")

    async def say(self, *keys: str) -> None:
        """To the end, whatever is pressed."""
        await self.session.say(files(self.sounds, keys, slow=self.slow, language=self.language))

    async def hear(self, keys: Sequence[str]) -> str:
        """The key that stopped it, or empty."""
        return await self.session.say(
            files(self.sounds, keys, slow=self.slow, language=self.language), ANY_KEY)

    async def ask(self, keys: Sequence[str], answers: Sequence[str]) -> str:
        """One of the answers; empty: silence, twice. `#` says it again, `*` slowly."""
        before: list[str] = []
        silent = 0
        for _ in range(ROUNDS_MAX):
            key = await self.hear([*before, *keys])
            key = key or await self.session.wait_for_digit(round(ANSWER_S * self.patience * 1000))
            before = []
            if key in answers and key:
                return key
            if not key:
                silent += 1
                if silent >= ASKS_MAX:
                    return ""
            elif key == SLOW_KEY:
                before = [] if self.slow else [SLOW_ON]
                await self.slower()
            elif key != REPEAT_KEY:
                before = [WRONG]
        return ""
