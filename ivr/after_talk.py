"""The agent has hung up, or the agent's phone is gone: is the caller back in front of the queue, asked how it was, or
done?"""

from __future__ import annotations

import asyncio

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.contact import contact_of
from ivr.survey import Surveys
from ivr.waiting import Waiting
from routing.core.inbox import Inbox
from routing.core.model import ContactState

SETTLE_S = 1.5
"""This request can come before AMI's BridgeLeave of the same call; AMI is rarely more than 100 ms behind. The
dialplan's limit of this step is 5 s."""
SETTLE_STEP_S = 0.1
"""Between two looks; nearly always the first one tells."""

log = structlog.get_logger(__name__)


class AfterTalk:
    """Endpoint of `agi://node/after-talk`."""

    def __init__(self, inbox: Inbox, waiting: Waiting, surveys: Surveys) -> None:
        self.inbox, self.waiting, self.surveys = inbox, waiting, surveys

    async def after_talk(self, session: Session) -> None:
        """`hold` when the engine has the contact waiting again; else `survey` where callers are asked, or `bye`. One
        that the engine does not have any more is over: the agent had no wrap-up. `net` when nobody has ended the talk
        and the engine, which has only seen the agent's leg end, takes it for over."""
        contact = contact_of(session)
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLE_S
        # A look, not a tick: a tick of a caller who should be talking tells the engine that the talk was cut.
        while (  # noqa: ASYNC110
                (view := self.inbox.contact(contact)) is not None and view.state is ContactState.ASSIGNED
                and loop.time() < end):
            await asyncio.sleep(SETTLE_STEP_S)
        if view is not None and view.state in (ContactState.PENDING, ContactState.RESERVED):
            self.waiting.lost(view)
            await session.set_variable(dialplan.NEXT, dialplan.HOLD)
        elif await session.get_variable(dialplan.KEPT) == "1":
            log.warning("ivr.kept", call=contact)
            await session.set_variable(dialplan.NEXT, dialplan.NET)
        elif await self.surveys.due(session):
            await session.set_variable(dialplan.NEXT, dialplan.SURVEY)
        else:
            await session.set_variable(dialplan.NEXT, dialplan.BYE)
