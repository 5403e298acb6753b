"""An agent sends the caller on, asks somebody first, or notes what the caller wants, by keys in the talk: to be called
back should the call be lost, a person at once in later calls. Or says that the caller is abusive, or asks
for a wrap-up after this talk.

The dialplan collects the number and asks; what is to be said to the agent comes back in `ACD_SAY` and is played there,
so this is over in milliseconds and a node that is frozen costs no talk. Numbers are short and of the house: a service's
place in services.yaml, an agent's sign-in number. Nothing else can be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import structlog

from ivr import abuse, dialplan
from ivr.agi.session import Session
from ivr.codes import WILL_COME
from ivr.sounds import Sounds, files
from ivr.wish import NoWishes, Wishes
from routing.core.errors import NoCallback, NotOpen, NotThere, Refused
from routing.core.events import ConsultAsked, ConsultEnded, Event, FollowUpAgreed, TransferAsked, WrapUpAsked
from routing.core.ids import AgentId, ContactId, OfferId, ServiceId, leg_id, parse_leg_id
from routing.core.inbox import Inbox, InboxClosed
from routing.core.model import AgentState

DONE, ASKED, BACK = "aktarma-tamam", "aktarma-soruluyor", "aktarma-geri"
NO_NUMBER, CLOSED, NOT_THERE = "aktarma-numara-yok", "aktarma-kapali", "aktarma-alamiyor"
AGREED, WITHDRAWN, CANNOT = "takip-tamam", "takip-iptal", "takip-olmaz"
WISHED, UNWISHED, NO_WISH = "istek-tamam", "istek-iptal", "istek-olmaz"
NOT_NOW, NO_SYSTEM, NOT_ALLOWED = "kod-simdi-olmaz", "kod-sistem-yok", "agent/not-allowed"
OWN_PROMPTS = (DONE, ASKED, BACK, AGREED, WITHDRAWN, CANNOT, WISHED, UNWISHED, NO_WISH, NO_NUMBER, CLOSED, NOT_THERE,
               WILL_COME, *abuse.OWN_PROMPTS, NOT_NOW, NO_SYSTEM, NOT_ALLOWED)

LINE = "line"
ABUSIVE = "abusive"
SAID = {"send": DONE, "ask": "", "back": BACK, LINE: ASKED, "agree": AGREED,
        "withdraw": WITHDRAWN, "wrapup": WILL_COME}
"""What is said when it is done. Who asks somebody by `*3` is told so where they wait (`consult.conf`)."""
WISHES = {"wish": True, "unwish": False}
"""Whether the caller wants a person at once in later calls."""

log = structlog.get_logger(__name__)


class Where(NamedTuple):
    """To whom a number leads: a service, or an agent."""

    service: ServiceId | None = None
    agent: AgentId | None = None


ByNumber = Callable[[str], Where | None]
CanCall = Callable[[OfferId], bool]
"""Whether the caller of an offer could be called back: the number that they came with, or agreed on, may be dialled."""


class Transfers:
    """Endpoint of `agi://node/transfer,<how>,<number>`: `send` the caller on, `ask` somebody, take them `back`; the
    caller does `agree` to be called back should the call be lost, or does `withdraw` that; the caller does `wish` for
    a person at once in later calls, or does not any more (`unwish`); the caller is `abusive`, or is not after all; the
    agent wants a `wrapup` after the talk. With `line` the phone has dialled the number on a second line, while its
    agent talks on the first."""

    def __init__(self, inbox: Inbox, sounds: Sounds, by_number: ByNumber, abuses: abuse.Abuse,
                 can_call: CanCall = lambda offer: True, wishes: Wishes | None = None) -> None:
        self.inbox, self.sounds, self.by_number, self.can_call = inbox, sounds, by_number, can_call
        self.abuses, self.wishes = abuses, wishes or NoWishes()

    async def transfer(self, session: Session) -> None:
        """Ask the engine, and have it told what came of it."""
        if session.argument(1) == LINE:
            spoken = await self._on_a_line(session)
        else:
            spoken = await self._asked(session, parse_leg_id(session.uniqueid))
        await session.set_variable(dialplan.SAY, "&".join(files(self.sounds, (spoken,) if spoken else ())))
        await session.set_variable(dialplan.NEXT, dialplan.HOLD)

    async def _on_a_line(self, session: Session) -> str:
        """The line's name stands on the agent's leg before anybody is asked: a phone that answers by itself is there at
        once. Who does not talk may dial no number."""
        seat = await session.get_variable(dialplan.SEAT)
        view = next((one for one in self.inbox.status().agents if seat and one.seat == seat), None)
        if view is None or view.state is not AgentState.TALKING or view.offer is None or view.contact is None:
            return NOT_ALLOWED
        leg = leg_id(view.offer, view.contact)
        name = dialplan.LINE.format(leg=leg)
        if await session.get_variable(name):
            return NOT_NOW  # somebody is asked on another line already
        await session.set_variable(dialplan.FIRST, leg)
        await session.set_variable(dialplan.BACK.format(leg=leg), "")
        await session.set_variable(name, session.channel)
        spoken = await self._asked(session, parse_leg_id(leg))
        if spoken != ASKED:
            await session.set_variable(name, "")
            await session.set_variable(dialplan.FIRST, "")
        return spoken

    async def _asked(self, session: Session, leg: tuple[OfferId, ContactId] | None) -> str:
        how, number = session.argument(1), session.argument(2)
        if leg is not None and how in WISHES:
            wants = WISHES[how]
            kept = await self.wishes.keep_for(leg[1], human_first=wants)
            return NO_WISH if not kept else WISHED if wants else UNWISHED
        if leg is None or how not in (*SAID, ABUSIVE):
            return NOT_NOW
        event: Event = ConsultEnded(leg[0])
        if how in ("agree", "withdraw"):
            if how == "agree" and not self.can_call(leg[0]):
                return CANNOT
            event = FollowUpAgreed(leg[0], how == "agree")
        elif how == "wrapup":
            agent = next((one.agent for one in self.inbox.status().agents if one.offer == leg[0]), None)
            if agent is None:
                return NOT_NOW
            event = WrapUpAsked(agent)
        elif how not in ("back", ABUSIVE):
            where = self.by_number(number)
            if where is None:
                return NO_NUMBER
            event = TransferAsked(leg[0], *where) if how == "send" else ConsultAsked(leg[0], *where, how == LINE)
        try:
            if how == ABUSIVE:
                return await self.abuses.said(*leg)
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
            log.warning("ivr.engine_silent", call=session.uniqueid)
            return NO_SYSTEM
        return SAID[how]
