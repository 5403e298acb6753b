"""An agent sends the caller on, asks somebody first, or notes that the caller wants to be called back should the call
be lost, by keys in the talk.

The dialplan collects the number and asks; what is to be said to the agent comes back in `ACD_SAY` and is played there,
so this is over in milliseconds and a node that is frozen costs no talk. Numbers are short and of the house: a service's
place in services.yaml, an agent's sign-in number. Nothing else can be reached.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.sounds import Sounds, files
from routing.core.errors import NoCallback, NotOpen, NotThere, Refused
from routing.core.events import ConsultAsked, ConsultEnded, Event, FollowUpAgreed, TransferAsked
from routing.core.ids import AgentId, ServiceId, parse_leg_id
from routing.core.inbox import Inbox, InboxClosed

DONE, ASKED, BACK = "aktarma-tamam", "aktarma-soruluyor", "aktarma-geri"
NO_NUMBER, CLOSED, NOT_THERE = "aktarma-numara-yok", "aktarma-kapali", "aktarma-alamiyor"
AGREED, WITHDRAWN, CANNOT = "takip-tamam", "takip-iptal", "takip-olmaz"
NOT_NOW, NO_SYSTEM = "kod-simdi-olmaz", "kod-sistem-yok"
OWN_PROMPTS = (DONE, ASKED, BACK, AGREED, WITHDRAWN, CANNOT, NO_NUMBER, CLOSED, NOT_THERE, NOT_NOW, NO_SYSTEM)

SAID = {"send": DONE, "ask": ASKED, "back": BACK, "agree": AGREED, "withdraw": WITHDRAWN}
"""What is said when it is done."""

log = structlog.get_logger(__name__)


class Where(NamedTuple):
    """To whom a number leads: a service, or an agent."""

    service: ServiceId | None = None
    agent: AgentId | None = None


ByNumber = Callable[[str], Where | None]


class Transfers:
    """Endpoint of `agi://node/transfer,<how>,<number>`: `send` the caller on, `ask` somebody, take them `back`; the
    caller does `agree` to be called back should the call be lost, or does `withdraw` that."""

    def __init__(self, inbox: Inbox, sounds: Sounds, by_number: ByNumber) -> None:
        self.inbox, self.sounds, self.by_number = inbox, sounds, by_number

    async def transfer(self, session: Session) -> None:
        """Ask the engine, and have it told what came of it."""
        spoken = await self._asked(session)
        await session.set_variable(dialplan.SAY, "&".join(files(self.sounds, (spoken,))))
        await session.set_variable(dialplan.NEXT, dialplan.HOLD)

    async def _asked(self, session: Session) -> str:
        how, number, leg = session.argument(1), session.argument(2), parse_leg_id(session.uniqueid)
        if leg is None or how not in SAID:
            return NOT_NOW
        event: Event = ConsultEnded(leg[0])
        if how in ("agree", "withdraw"):
            event = FollowUpAgreed(leg[0], how == "agree")
        elif how != "back":
            where = self.by_number(number)
            if where is None:
                return NO_NUMBER
            event = (TransferAsked if how == "send" else ConsultAsked)(leg[0], *where)
        try:
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
