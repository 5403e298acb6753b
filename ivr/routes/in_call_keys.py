"""Carry out the keys that an agent presses during a talk.

The keys transfer the caller, start and cancel a consult transfer, and ask for a wrap-up. They also note what the caller
wants: a callback if the call is lost, or a person at once in later calls. One key flags an abusive caller.

The dialplan collects the number and asks the node. It plays the answer from `ACD_SAY`, so the node needs milliseconds,
and a frozen node costs no talk. Numbers are short and internal: a service's number in services.yaml, or an agent's
sign-in number. Nothing else can be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller.preferences import NoPreferences, PreferenceStore
from ivr.routes import abuse_flag
from ivr.routes.feature_codes import WILL_COME
from ivr.sounds import Sounds, prompt_files
from routing.core.events import (
    ConsultEndRequested,
    ConsultRequested,
    Event,
    FollowUpAgreed,
    TransferRequested,
    WrapUpRequested,
)
from routing.core.inbox import Inbox, InboxClosed
from routing.core.model.centre_model import AgentState
from routing.core.model.errors import NoCallback, NotOpen, NotThere, Refused
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId, leg_id, parse_leg_id

DONE, ASKED, CONSULT_CANCELLED = "aktarma-tamam", "aktarma-soruluyor", "aktarma-geri"
NO_NUMBER, CLOSED, NOT_THERE = "aktarma-numara-yok", "aktarma-kapali", "aktarma-alamiyor"
AGREED, WITHDRAWN, CANNOT = "takip-tamam", "takip-iptal", "takip-olmaz"
PREFERENCE_SAVED, PREFERENCE_DROPPED, PREFERENCE_REFUSED = "istek-tamam", "istek-iptal", "istek-olmaz"
NOT_NOW, NO_SYSTEM, NOT_ALLOWED = "kod-simdi-olmaz", "kod-sistem-yok", "agent/not-allowed"
OWN_PROMPTS = (DONE, ASKED, CONSULT_CANCELLED, AGREED, WITHDRAWN, CANNOT, PREFERENCE_SAVED, PREFERENCE_DROPPED,
               PREFERENCE_REFUSED, NO_NUMBER, CLOSED, NOT_THERE, WILL_COME, *abuse_flag.OWN_PROMPTS, NOT_NOW,
               NO_SYSTEM, NOT_ALLOWED)

SECOND_LINE = "line"
ABUSIVE = "abusive"
SAID = {"transfer": DONE, "consult": "", "consult_cancel": CONSULT_CANCELLED, SECOND_LINE: ASKED, "agree": AGREED,
        "withdraw": WITHDRAWN, "wrapup": WILL_COME}
"""Prompt after each successful key. A consulting agent with `*3` hears the prompt while waiting (`consult.conf`)."""
PREFERENCE_KEYS = {"person_first": True, "menu_first": False}
"""Whether the caller wants a person at once in later calls, by key."""

log = structlog.get_logger(__name__)


class TransferTarget(NamedTuple):
    """Target of a transfer number: a service or an agent."""

    service: ServiceId | None = None
    agent: AgentId | None = None


ByNumber = Callable[[str], TransferTarget | None]
CanCall = Callable[[OfferId], bool]
"""Return whether the caller of an offer can be called back, at the number of the call or at an agreed one."""


class InCallKeys:
    """Endpoint of `agi://node/in-call-key,<how>,<number>`.

    * `transfer`: move the caller to the number.
    * `consult`, `consult_cancel`: consult a colleague about the caller, or return to the caller.
    * `agree`, `withdraw`: the caller wants a callback if the call is lost, or no longer does.
    * `person_first`, `menu_first`: the caller wants a person at once in later calls, or no longer does.
    * `abusive`: the caller is abusive, or is not after all.
    * `wrapup`: the agent wants a wrap-up after the talk.
    * `line`: like `consult`, but dialled on a second line of the phone while the talk is on the first.
    """

    def __init__(self, inbox: Inbox, sounds: Sounds, by_number: ByNumber, abuses: abuse_flag.AbuseFlags,
                 can_call: CanCall = lambda offer: True, wishes: PreferenceStore | None = None) -> None:
        self.inbox, self.sounds, self.by_number, self.can_call = inbox, sounds, by_number, can_call
        self.abuses, self.wishes = abuses, wishes or NoPreferences()

    async def handle_key(self, session: Session) -> None:
        """Ask the engine to carry out the key, and return the prompt with the result to the dialplan."""
        if session.argument_at(1) == SECOND_LINE:
            spoken = await self._consult_on_line(session)
        else:
            spoken = await self._perform_key(session, parse_leg_id(session.uniqueid))
        await session.set_variable(dialplan.SAY, "&".join(prompt_files(self.sounds, (spoken,) if spoken else ())))
        await session.set_variable(dialplan.NEXT, dialplan.HOLD)

    async def _consult_on_line(self, session: Session) -> str:
        """Consult a colleague on a second line, and return the prompt. Without a talk no number may be dialled."""
        seat = await session.get_variable(dialplan.SEAT)
        view = next((one for one in self.inbox.status().agents if seat and one.seat == seat), None)
        if view is None or view.state is not AgentState.TALKING or view.offer is None or view.contact is None:
            return NOT_ALLOWED
        leg = leg_id(view.offer, view.contact)
        name = dialplan.SECOND_LINE.format(leg=leg)
        if await session.get_variable(name):
            # The agent consults somebody on another line already.
            return NOT_NOW
        # Store the line's name before anybody is called: a phone that answers by itself needs it at once.
        await session.set_variable(dialplan.CONSULTING_LEG, leg)
        await session.set_variable(dialplan.CONSULT_BACK.format(leg=leg), "")
        await session.set_variable(name, session.channel)
        spoken = await self._perform_key(session, parse_leg_id(leg))
            # The consult was refused, so nothing may look like a consulting line.
        if spoken != ASKED:
            await session.set_variable(name, "")
            await session.set_variable(dialplan.CONSULTING_LEG, "")
        return spoken

    async def _perform_key(self, session: Session, leg: tuple[OfferId, ContactId] | None) -> str:
        # 1. Preferences of the caller are stored, and the engine has no part in them.
        how, number = session.argument_at(1), session.argument_at(2)
        if leg is not None and how in PREFERENCE_KEYS:
            wants = PREFERENCE_KEYS[how]
            kept = await self.wishes.save_for_contact(leg[1], human_first=wants)
            return PREFERENCE_REFUSED if not kept else PREFERENCE_SAVED if wants else PREFERENCE_DROPPED
        if leg is None or how not in (*SAID, ABUSIVE):
            return NOT_NOW
        # 2. The event for the engine.
        event: Event = ConsultEndRequested(leg[0])
        if how in ("agree", "withdraw"):
            if how == "agree" and not self.can_call(leg[0]):
                return CANNOT
            event = FollowUpAgreed(leg[0], how == "agree")
        elif how == "wrapup":
            agent = next((one.agent for one in self.inbox.status().agents if one.offer == leg[0]), None)
            if agent is None:
                return NOT_NOW
            event = WrapUpRequested(agent)
        elif how not in ("consult_cancel", ABUSIVE):
            where = self.by_number(number)
            if where is None:
                return NO_NUMBER
            event = TransferRequested(leg[0], *where) if how == "transfer" \
                else ConsultRequested(leg[0], *where, how == SECOND_LINE)
        # 3. The engine's answer as a prompt.
        try:
            if how == ABUSIVE:
                return await self.abuses.flag_caller(*leg)
            await self.inbox.ask(event)
        except NotOpen:
            return CLOSED
        except NotThere:
            return NOT_THERE
        except NoCallback:
            return CANNOT
        except Refused:
            return NOT_NOW
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_timed_out", call=session.uniqueid)
            return NO_SYSTEM
        return SAID[how]
