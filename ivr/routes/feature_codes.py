"""Carry out the codes that an agent's phone may dial, and report each result in Turkish.

The codes tell the state, sign in and out, pause, end a pause, end or extend wrap-up, decline heavy contacts and flag an
abusive caller.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from ivr import dialplan
from ivr.agi.session import ANY_KEY, Session
from ivr.routes import abuse_flag, agent_status
from ivr.sounds import Sounds, prompt_files
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    Event,
    HeavyContactsDeclined,
    WrapUpEnded,
    WrapUpExtended,
    WrapUpRequested,
)
from routing.core.inbox import AgentView, Inbox, InboxClosed
from routing.core.model.centre_model import AgentState
from routing.core.model.errors import (
    NothingToDecline,
    NotNow,
    NotSignedIn,
    Refused,
    SeatTaken,
    UnknownReason,
    UnknownSeat,
)
from routing.core.model.ids import AgentId, SeatId

STATUS, ABUSIVE_CODE, DECLINE_HEAVY_CODE, SIGN_OUT, SIGN_IN, PAUSE, READY, DONE, EXTEND, SURGE_CODE = (
    "*41", "*42", "*43", "*44", "*45", "*46", "*47", "*48", "*49", "*50")

CODE_LENGTH = 3
"""Characters of a code without a digit behind it."""
FIRST_KEY_S = 20.0
"""Time to look a number up (rule I13)."""
NEXT_KEY_S = 5.0
MAX_KEYS = 12
"""Most digits of a number or PIN."""
MAX_TRIES = 5
"""Wrong sign-ins of one seat, or with one number, that cause a lock of `LOCK_S`. Four digits could be guessed."""
LOCK_S = 60.0
MAX_LOCKS = 1_000
"""Seats and numbers that are remembered. The oldest is forgotten."""

ASK_NUMBER, ASK_PIN, ASK_REASON = "kod-numara-sor", "kod-sifre-sor", "kod-mola-sor"
SIGNED_IN, WRONG, LOCKED = "kod-giris-tamam", "kod-giris-hatali", "kod-giris-kilitli"
NO_REASON, PAUSED, PAUSED_LATER = "kod-mola-secilmedi", "kod-mola-basladi", "kod-mola-sonra"
NOT_NOW, UNKNOWN, NO_SYSTEM = "kod-simdi-olmaz", "kod-bilinmiyor", "kod-sistem-yok"
NOTHING_HEAVY = "kod-agir-yok"
NOT_SIGNED_IN, NO_SEAT, TAKEN = "kod-giris-gerekli", "kod-masa-bilinmiyor", "kod-masa-dolu"
EXTENDED, BEGUN, WILL_COME = "kod-toparlama-uzadi", "kod-toparlama-basladi", "kod-toparlama-istendi"
SIMPLE: dict[str, tuple[Callable[[AgentId], Event], str]] = {
    SIGN_OUT: (AgentSignedOut, "kod-cikis-tamam"),
    READY: (AgentResumed, "kod-hazir"),
    DONE: (WrapUpEnded, "kod-toparlama-bitti"),
    DECLINE_HEAVY_CODE: (HeavyContactsDeclined, "kod-agir-gelmez"),
}
ASK_SURGE, SURGE_ON, SURGE_OFF, NO_SURGE = (
    "kod-yogunluk-sor", "kod-yogunluk-acik", "kod-yogunluk-kapali", "kod-yogunluk-yok")
OWN_PROMPTS = (ASK_NUMBER, ASK_PIN, ASK_REASON, SIGNED_IN, WRONG, LOCKED, NO_REASON, PAUSED, PAUSED_LATER, NOT_NOW,
               UNKNOWN, NO_SYSTEM, NOTHING_HEAVY, NOT_SIGNED_IN, NO_SEAT, TAKEN, EXTENDED, BEGUN, WILL_COME,
               ASK_SURGE, SURGE_ON, SURGE_OFF, NO_SURGE,
               *abuse_flag.OWN_PROMPTS, *agent_status.OWN_PROMPTS, *(spoken for _, spoken in SIMPLE.values()))

VerifyPin = Callable[[AgentId, str], Awaitable[bool]]
AgentByNumber = Callable[[str], AgentId | None]

log = structlog.get_logger(__name__)


class SurgeControl(Protocol):
    """The switch of surge profiles, for supervisors at a phone."""

    def may_switch(self, agent: AgentId) -> bool:
        """Return whether the agent may switch profiles."""
        ...

    async def switch_by_key(self, key: str, agent: AgentId) -> bool | None:
        """Switch by a key: 0 is off, 1 to 9 are the profiles. Return the new state, or None for no profile."""
        ...


class SignInTries:
    """Wrong sign-ins by name of a seat or a number."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def is_locked(self, name: str) -> bool:
        """Return whether `MAX_TRIES` wrong sign-ins are younger than `LOCK_S`."""
        recent = [at for at in self._wrong.get(name, ()) if self._steady() - at < LOCK_S]
        return len(recent) >= MAX_TRIES

    def note_wrong(self, name: str) -> None:
        """Note a wrong sign-in and forget the oldest one."""
        self._wrong[name] = [*self._wrong.get(name, ()), self._steady()][-MAX_TRIES:]
        self._wrong.move_to_end(name)
        while len(self._wrong) > MAX_LOCKS:
            self._wrong.popitem(last=False)

    def clear_wrong(self, name: str) -> None:
        """Forget the wrong sign-ins of this name."""
        self._wrong.pop(name, None)


RequireOnDuty = Callable[[AgentId], None]
"""Raise OffDuty if the agent works at other hours now."""


def always_on_duty(agent: AgentId) -> None:
    """Raise nothing. This is the `RequireOnDuty` of a centre without working hours."""


class FeatureCodes:
    """Endpoint of `agi://node/codes,<code>`."""

    def __init__(self, inbox: Inbox, sounds: Sounds, verify_pin: VerifyPin, agent_by_number: AgentByNumber,
                 abuses: abuse_flag.AbuseFlags, steady: Callable[[], float] = time.monotonic,
                 surge: SurgeControl | None = None, require_on_duty: RequireOnDuty = always_on_duty) -> None:
        self.require_on_duty = require_on_duty
        self.inbox, self.sounds, self.abuses, self.surge = inbox, sounds, abuses, surge
        self.verify_pin, self.agent_by_number = verify_pin, agent_by_number
        self.tries = SignInTries(steady)

    async def run_code(self, session: Session) -> None:
        """Carry out one code and speak the result."""
        # The dialplan may pass the code with or without its star.
        code = "*" + session.argument_at(1).lstrip("*")[:4]
        _, given = await session.get_variables(dialplan.ALIVE, dialplan.SEAT)
        seat = given or ""
        try:
            spoken = await self._carry_out(session, code, SeatId(seat)) if seat else NO_SEAT
        except SeatTaken:
            spoken = TAKEN
        except UnknownSeat:
            spoken = NO_SEAT
        except NotSignedIn:
            spoken = NOT_SIGNED_IN
        except UnknownReason:
            # The table of reasons was reloaded while the agent chose.
            spoken = NO_REASON
        except NothingToDecline:
            spoken = NOTHING_HEAVY
        except (NotNow, Refused):
            spoken = NOT_NOW
        except (InboxClosed, TimeoutError):
            spoken = NO_SYSTEM
        if spoken:
            await session.play_files(prompt_files(self.sounds, (spoken,)))
        await session.set_variable(dialplan.NEXT, dialplan.BYE)

    async def _carry_out(self, session: Session, code: str, seat: SeatId) -> str:
        """Carry out a code. Return the prompt that ends the call, or an empty text if everything is said."""
        if code == SIGN_IN:
            return await self._sign_in(session, seat)
        if code == SURGE_CODE and self.surge is not None:
            return await self._switch_surge(session, seat, self.surge)
        # The pause code may carry the digit of its reason.
        code, digit = code[:CODE_LENGTH], code[CODE_LENGTH:]
        if code not in (*SIMPLE, PAUSE, EXTEND, ABUSIVE_CODE, STATUS) or (digit and code != PAUSE):
            return UNKNOWN
        view = self.inbox.agent_at_seat(seat)
        if view is None:
            return NOT_SIGNED_IN
        agent = view.agent
        # The offer stays with the agent until the end of wrap-up, so the code works after the talk too.
        if code == ABUSIVE_CODE:
            if view.offer is None or view.contact is None:
                return NOT_NOW
            return await self.abuses.flag_caller(view.offer, view.contact)
        if code == STATUS:
            return await self._say_status(session, agent)
        if code == PAUSE:
            return await self._ask_pause(session, agent, digit)
        if code == EXTEND:
            return await self._extend_wrap_up(agent)
        event, spoken = SIMPLE[code]
        await self.inbox.ask(event(agent))
        return spoken

    async def _sign_in(self, session: Session, seat: SeatId) -> str:
        agent = await self._ask_person(session, seat)
        if agent in (WRONG, LOCKED):
            return agent
        self.require_on_duty(AgentId(agent))
        await self.inbox.ask(AgentSignedIn(AgentId(agent), seat))
        return SIGNED_IN

    async def _switch_surge(self, session: Session, seat: SeatId, surge: SurgeControl) -> str:
        """Switch a surge profile for a supervisor, who proves it by number and PIN at any seat."""
        agent = await self._ask_person(session, seat)
        if agent in (WRONG, LOCKED):
            return agent
        if not surge.may_switch(AgentId(agent)):
            log.warning("surge.switch_refused", seat=seat)
            return WRONG
        key = await session.play_files(prompt_files(self.sounds, (ASK_SURGE,)), ANY_KEY)
        key = key or await session.wait_for_digit(round(FIRST_KEY_S * 1000))
        on = await surge.switch_by_key(key, AgentId(agent))
        return NO_SURGE if on is None else SURGE_ON if on else SURGE_OFF

    async def _ask_person(self, session: Session, seat: SeatId) -> str:
        """Ask for number and PIN. Return the agent's id, or the prompt `WRONG` or `LOCKED`."""
        # A locked seat asks for nothing, so nobody can go on guessing.
        if self.tries.is_locked(f"seat {seat}"):
            return LOCKED
        number = await self._read_digits(session, ASK_NUMBER)
        pin = await self._read_digits(session, ASK_PIN)
        name = f"number {number}"
        if self.tries.is_locked(name):
            return LOCKED
        agent = self.agent_by_number(number) if number else None
        # Note the failure before the check. Calls at the same time then cannot try more often than calls in sequence.
        self.tries.note_wrong(f"seat {seat}")
        self.tries.note_wrong(name)
        if agent is None or not pin or not await self.verify_pin(agent, pin):
            log.warning("agent.sign_in_failed", seat=seat)
            return WRONG
        self.tries.clear_wrong(f"seat {seat}")
        self.tries.clear_wrong(name)
        return str(agent)

    async def _say_status(self, session: Session, agent: AgentId) -> str:
        """Say the agent's state and who waits. Key 1 adds the list of codes, also in the middle of a sentence."""
        desk = self.inbox.desk_view(agent)
        if desk is None:
            return NOT_SIGNED_IN
        loads = {service: self.inbox.queue_load(service) for service in desk.serves}
        waiting = {service: 0 if load is None else load.waiting for service, load in loads.items()}
        said = [*agent_status.status_prompts(desk, waiting), agent_status.ASK_CODES]
        key = await session.play_files(prompt_files(self.sounds, said), ANY_KEY)
        key = key or await session.wait_for_digit(round(NEXT_KEY_S * 1000))
        if key == agent_status.CODES_KEY:
            await session.play_files(prompt_files(self.sounds, agent_status.CODE_LIST), ANY_KEY)
        return ""

    async def _ask_pause(self, session: Session, agent: AgentId, digit: str = "") -> str:
        """Ask for the reason by the keys of the centre's table, then pause the agent. A dialled digit asks nothing.

        A table without keys has nothing to ask, and the pause gets the default reason.
        """
        offered = {reason.digit: reason for reason in self.inbox.pause_reasons() if reason.digit}
        chosen = ""
        if digit:
            if digit not in offered:
                return NO_REASON
            chosen = offered[digit].id
        elif offered:
            spoken = (ASK_REASON, *(reason.prompt for reason in offered.values()))
            digit = await session.play_files(prompt_files(self.sounds, spoken), ANY_KEY)
            digit = digit or await session.wait_for_digit(round(FIRST_KEY_S * 1000))
            if digit not in offered:
                return NO_REASON
            chosen = offered[digit].id
        view = await self.inbox.ask(AgentPaused(agent, chosen))
        later = isinstance(view, AgentView) and bool(view.pause_pending)
        return PAUSED_LATER if later else PAUSED

    async def _extend_wrap_up(self, agent: AgentId) -> str:
        """Extend wrap-up. An agent without one, whose profile grants it on request, gets a first one.

        It begins after the talk, or now if the talk has just ended.
        """
        try:
            await self.inbox.ask(WrapUpExtended(agent))
            return EXTENDED
        except NotNow:
            # There is no wrap-up to extend, so ask for one.
            view = await self.inbox.ask(WrapUpRequested(agent))
        return BEGUN if isinstance(view, AgentView) and view.state is AgentState.WRAPUP else WILL_COME

    async def _read_digits(self, session: Session, prompt: str) -> str:
        """Return digits that `#` ended. Keys during the sentence count. Too many digits are none."""
        typed = ""
        digit = await session.play_files(prompt_files(self.sounds, (prompt,)), ANY_KEY)
        within_s = FIRST_KEY_S
        while len(typed) <= MAX_KEYS:
            digit = digit or await session.wait_for_digit(round(within_s * 1000))
            if digit in ("", "#"):
                return typed
            typed, digit, within_s = typed + digit, "", NEXT_KEY_S
        return ""
