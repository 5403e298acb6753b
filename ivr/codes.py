"""What an agent's phone may dial: sign in and out, a break, ready, wrap-up, "not now", and that
the caller of just now was abusive. Everything is spoken back in Turkish."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import structlog

from ivr import abuse, dialplan
from ivr.agi.session import ANY_KEY, Session
from ivr.sounds import Sounds, files
from routing.core.errors import NotNow, NotSignedIn, Refused, SeatTaken, UnknownReason, UnknownSeat
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    AgentSpared,
    Event,
    WrapUpAsked,
    WrapUpEnded,
    WrapUpExtended,
)
from routing.core.ids import AgentId, SeatId
from routing.core.inbox import AgentView, Inbox, InboxClosed
from routing.core.model import AgentState

ABUSE, SPARE, SIGN_OUT, SIGN_IN, PAUSE, READY, DONE, EXTEND = "*42", "*43", "*44", "*45", "*46", "*47", "*48", "*49"

FIRST_KEY_S = 20.0
"""Time to look a number up (rule I13)."""
NEXT_KEY_S = 5.0
MAX_KEYS = 12
"""Longest number or PIN."""
MAX_TRIES = 5
"""Wrong sign-ins from one seat, or for one number, before `LOCK_S`. Four digits fall to guessing otherwise."""
LOCK_S = 60.0
MAX_LOCKS = 1_000
"""Seats and numbers remembered; the oldest is forgotten."""

ASK_NUMBER, ASK_PIN, ASK_REASON = "kod-numara-sor", "kod-sifre-sor", "kod-mola-sor"
SIGNED_IN, WRONG, LOCKED = "kod-giris-tamam", "kod-giris-hatali", "kod-giris-kilitli"
NO_REASON, PAUSED, PAUSED_LATER = "kod-mola-secilmedi", "kod-mola-basladi", "kod-mola-sonra"
NOT_NOW, UNKNOWN, NO_SYSTEM = "kod-simdi-olmaz", "kod-bilinmiyor", "kod-sistem-yok"
NOT_SIGNED_IN, NO_SEAT, TAKEN = "kod-giris-gerekli", "kod-masa-bilinmiyor", "kod-masa-dolu"
EXTENDED, BEGUN, WILL_COME = "kod-toparlama-uzadi", "kod-toparlama-basladi", "kod-toparlama-istendi"
SIMPLE: dict[str, tuple[Callable[[AgentId], Event], str]] = {
    SIGN_OUT: (AgentSignedOut, "kod-cikis-tamam"),
    READY: (AgentResumed, "kod-hazir"),
    DONE: (WrapUpEnded, "kod-toparlama-bitti"),
    SPARE: (AgentSpared, "kod-agir-gelmez"),
}
OWN_PROMPTS = (ASK_NUMBER, ASK_PIN, ASK_REASON, SIGNED_IN, WRONG, LOCKED, NO_REASON, PAUSED, PAUSED_LATER, NOT_NOW,
               UNKNOWN, NO_SYSTEM, NOT_SIGNED_IN, NO_SEAT, TAKEN, EXTENDED, BEGUN, WILL_COME,
               *abuse.OWN_PROMPTS, *(spoken for _, spoken in SIMPLE.values()))

VerifyPin = Callable[[AgentId, str], Awaitable[bool]]
AgentByNumber = Callable[[str], AgentId | None]

log = structlog.get_logger(__name__)


class Tries:
    """Wrong sign-ins by name (a seat, a number)."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def locked(self, name: str) -> bool:
        """True while `MAX_TRIES` wrong ones are younger than `LOCK_S`."""
        recent = [at for at in self._wrong.get(name, ()) if self._steady() - at < LOCK_S]
        return len(recent) >= MAX_TRIES

    def wrong(self, name: str) -> None:
        """One more; the oldest of them is dropped."""
        self._wrong[name] = [*self._wrong.get(name, ()), self._steady()][-MAX_TRIES:]
        self._wrong.move_to_end(name)
        while len(self._wrong) > MAX_LOCKS:
            self._wrong.popitem(last=False)

    def right(self, name: str) -> None:
        """Forget what was wrong before."""
        self._wrong.pop(name, None)


class Codes:
    """Endpoint of `agi://node/codes,<code>`."""

    def __init__(self, inbox: Inbox, sounds: Sounds, verify_pin: VerifyPin, agent_by_number: AgentByNumber,
                 abuses: abuse.Abuse, steady: Callable[[], float] = time.monotonic) -> None:
        self.inbox, self.sounds, self.abuses = inbox, sounds, abuses
        self.verify_pin, self.agent_by_number = verify_pin, agent_by_number
        self.tries = Tries(steady)

    async def codes(self, session: Session) -> None:
        """One code, done and spoken back."""
        code = "*" + session.argument(1).lstrip("*")[:4]
        seat = await session.get_variable(dialplan.SEAT) or ""
        try:
            spoken = await self._carry_out(session, code, SeatId(seat)) if seat else NO_SEAT
        except SeatTaken:
            spoken = TAKEN
        except UnknownSeat:
            spoken = NO_SEAT
        except NotSignedIn:
            spoken = NOT_SIGNED_IN
        except UnknownReason:  # the table was reloaded meanwhile
            spoken = NO_REASON
        except (NotNow, Refused):
            spoken = NOT_NOW
        except (InboxClosed, TimeoutError):
            spoken = NO_SYSTEM
        await session.say(files(self.sounds, (spoken,)))
        await session.set_variable(dialplan.NEXT, dialplan.BYE)

    async def _carry_out(self, session: Session, code: str, seat: SeatId) -> str:
        if code == SIGN_IN:
            return await self._sign_in(session, seat)
        if code not in (*SIMPLE, PAUSE, EXTEND, ABUSE):
            return UNKNOWN
        view = next((one for one in self.inbox.status().agents if one.seat == seat), None)
        if view is None:
            return NOT_SIGNED_IN
        agent = view.agent
        if code == ABUSE:
            if view.offer is None or view.contact is None:
                return NOT_NOW
            return await self.abuses.said(view.offer, view.contact)
        if code == PAUSE:
            return await self._pause(session, agent)
        if code == EXTEND:
            return await self._more(agent)
        event, spoken = SIMPLE[code]
        await self.inbox.ask(event(agent))
        return spoken

    async def _sign_in(self, session: Session, seat: SeatId) -> str:
        if self.tries.locked(f"seat {seat}"):
            return LOCKED
        number = await self._digits(session, ASK_NUMBER)
        pin = await self._digits(session, ASK_PIN)
        name = f"number {number}"
        if self.tries.locked(name):
            return LOCKED
        agent = self.agent_by_number(number) if number else None
        # Noted before the check, so that calls at the same time cannot try more often than one after the other.
        self.tries.wrong(f"seat {seat}")
        self.tries.wrong(name)
        if agent is None or not pin or not await self.verify_pin(agent, pin):
            log.warning("codes.wrong_sign_in", seat=seat)
            return WRONG
        self.tries.right(f"seat {seat}")
        self.tries.right(name)
        await self.inbox.ask(AgentSignedIn(agent, seat))
        return SIGNED_IN

    async def _pause(self, session: Session, agent: AgentId) -> str:
        """Ask for the reason by the keys of the centre's table, and pause. A table without keys has nothing to ask:
        the pause has the default reason."""
        offered = {reason.digit: reason for reason in self.inbox.status().pause_reasons if reason.digit}
        chosen = ""
        if offered:
            spoken = (ASK_REASON, *(reason.prompt for reason in offered.values()))
            digit = await session.say(files(self.sounds, spoken), ANY_KEY)
            digit = digit or await session.wait_for_digit(round(FIRST_KEY_S * 1000))
            if digit not in offered:
                return NO_REASON
            chosen = offered[digit].id
        view = await self.inbox.ask(AgentPaused(agent, chosen))
        later = isinstance(view, AgentView) and bool(view.pause_pending)
        return PAUSED_LATER if later else PAUSED

    async def _more(self, agent: AgentId) -> str:
        """More wrap-up; of who has none, whose profile gives one by wish, the first: after the talk, or now when the
        talk has just ended."""
        try:
            await self.inbox.ask(WrapUpExtended(agent))
            return EXTENDED
        except NotNow:
            view = await self.inbox.ask(WrapUpAsked(agent))
        return BEGUN if isinstance(view, AgentView) and view.state is AgentState.WRAPUP else WILL_COME

    async def _digits(self, session: Session, prompt: str) -> str:
        """A number ended by `#`. Keys during the sentence count; too many are none."""
        typed = ""
        digit = await session.say(files(self.sounds, (prompt,)), ANY_KEY)
        within_s = FIRST_KEY_S
        while len(typed) <= MAX_KEYS:
            digit = digit or await session.wait_for_digit(round(within_s * 1000))
            if digit in ("", "#"):
                return typed
            typed, digit, within_s = typed + digit, "", NEXT_KEY_S
        return ""
