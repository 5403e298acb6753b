"""Decide where a caller goes after the agent's leg has ended: to the queue, to the survey or to good-bye."""

from __future__ import annotations

import asyncio

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller.contact_events import contact_of
from ivr.routes.hold_tick import HoldTicks
from ivr.routes.survey_dialogue import SurveyDialogue
from routing.core.inbox import ContactView, Inbox, InboxClosed
from routing.core.model.centre_model import WAITING_STATES, ContactState
from routing.core.model.ids import ContactId

SETTLE_S = 1.5
"""Time to wait for AMI. This request can come before AMI's BridgeLeave of the same call, but AMI is rarely more than
100 ms late. The dialplan limits this step to 5 s."""
SETTLE_STEP_S = 0.1
"""Time between two looks at the contact. Nearly always the first look is enough."""
CATCH_UP_S = 2.0
"""Longest wait for events that the store holds up, within the same step. The other node may lead meanwhile."""

log = structlog.get_logger(__name__)


class AfterTalk:
    """Endpoint of `agi://node/after-talk`."""

    def __init__(self, inbox: Inbox, waiting: HoldTicks, surveys: SurveyDialogue) -> None:
        self.inbox, self.waiting, self.surveys = inbox, waiting, surveys

    async def after_talk(self, session: Session) -> None:
        """Set the caller's next part of the dialplan.

        * `hold`: the engine has the contact waiting again.
        * `survey`: callers of this service are asked.
        * `bye`: everything else. A contact that the engine no longer has is finished, and had no wrap-up.

        Nothing is set if the talk began or ended unseen: for a contact that has never talked in the engine, for one
        that rings while the link to Asterisk is away, and while the store does not answer. The dialplan asks the other
        node, which may lead by then. It knows whether the talk was cut, and decides at last.
        """
        # 1. Wait until the engine knows that the talk has ended.
        contact = contact_of(session)
        try:
            async with asyncio.timeout(CATCH_UP_S):
                view = await self._find_settled(contact)
        except (InboxClosed, TimeoutError):
            log.info("ivr.talk_end_unknown", call=contact)
            return
        # 2. Choose the next part of the dialplan.
        if self._missed_talk(view):
            log.info("ivr.talk_unseen", call=contact)
        elif view is not None and view.state in WAITING_STATES:
            self.waiting.on_talk_lost(view)
            await session.set_variable(dialplan.NEXT, dialplan.HOLD)
        elif await self.surveys.is_due(session):
            await session.set_variable(dialplan.NEXT, dialplan.SURVEY)
        else:
            await session.set_variable(dialplan.NEXT, dialplan.BYE)

    async def _find_settled(self, contact: ContactId) -> ContactView | None:
        """Return the contact after all events so far. Raise InboxClosed or TimeoutError if the store holds them up.

        A contact that talks is looked at without a tick, by which the engine would learn that the talk was dropped. The
        begin of a short talk may be as late as its end.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLE_S
        while True:
            await self.inbox.catch_up()
            view = self.inbox.contact_view(contact)
            talks = view is not None and view.state is ContactState.ASSIGNED
            if not (talks or self._missed_talk(view)) or loop.time() >= end:
                return view
            await asyncio.sleep(SETTLE_STEP_S)

    def _missed_talk(self, view: ContactView | None) -> bool:
        """Return whether the engine has not seen the talk that is over."""
        return view is not None and view.state in WAITING_STATES and (
            not view.has_talked or (view.state is ContactState.RESERVED and not self.waiting.linked()))
