"""The agent has hung up, or the agent's phone is gone: is the caller done, or back in front of the queue?"""

from __future__ import annotations

import asyncio

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.contact import contact_of
from ivr.waiting import Waiting
from routing.core.errors import Refused
from routing.core.events import ContactTicked
from routing.core.inbox import ContactView, Inbox, InboxClosed
from routing.core.model import ContactState

SETTLE_S = 1.5
"""This request can come before AMI's BridgeLeave of the same call; AMI is rarely more than 100 ms behind. The
dialplan's limit of this step is 5 s."""
SETTLE_STEP_S = 0.05

log = structlog.get_logger(__name__)


class AfterTalk:
    """Endpoint of `agi://node/after-talk`."""

    def __init__(self, inbox: Inbox, waiting: Waiting) -> None:
        self.inbox, self.waiting = inbox, waiting

    async def after_talk(self, session: Session) -> None:
        """`hold` when the engine has the contact waiting again, else `bye`. Engine silent: empty, which is bye too."""
        contact = contact_of(session)
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLE_S
        try:
            while True:
                view = await self.inbox.ask(ContactTicked(contact))
                if not isinstance(view, ContactView) or view.state is not ContactState.ASSIGNED or loop.time() >= end:
                    break
                await asyncio.sleep(SETTLE_STEP_S)
        except Refused:
            view = None
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_silent", call=contact)
            return
        if isinstance(view, ContactView) and view.state in (ContactState.PENDING, ContactState.RESERVED):
            self.waiting.lost(contact)
            await session.set_variable(dialplan.NEXT, dialplan.HOLD)
        else:
            await session.set_variable(dialplan.NEXT, dialplan.BYE)
