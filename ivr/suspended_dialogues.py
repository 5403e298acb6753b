"""Answer callers while the database is away, and decide nothing.

The menu goes on from memory. Its callers reach the hold loop, where they and all who wait already hear comfort. The
variables of the channel hold their places, so the next leader takes them over with their next tick. Nothing is offered
and nothing is stored.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from ivr import dialplan
from ivr.agi.session import Session
from ivr.caller.contact_events import contact_of, parse_language
from ivr.dialogues import Dialogues
from ivr.hold.hold_script import ABOUT_AGENTS, EMERGENCY_AGAIN, EMERGENCY_EVERY_S, EMERGENCY_KEY, HoldMemory
from ivr.settings import DEFAULT_HOLD, HoldSettings
from ivr.sounds import prompt_files
from routing.core.events import ContactQueued, Event
from routing.core.inbox import ContactView, QueueLoad
from routing.core.model.ids import ContactId

DRAIN_S = 120.0
"""Longest time for a menu that is under way when the node is no longer suspended. Its caller goes to the hold loop, and
the leader takes over there. So nobody hears the greeting again."""

UNANSWERED = (dialplan.SURVEY_ROUTE, dialplan.CODES_ROUTE, dialplan.CALLBACK_ROUTE, dialplan.DIAL_ROUTE,
              dialplan.TRANSFER_ROUTE, dialplan.RECORDING_PAUSE_ROUTE)
"""Routes whose answers decide something. The dialplan goes on as without a node."""

TalkWasLost = Callable[[ContactId], Awaitable[bool | None]]
"""Return whether the agent's phone was lost in the last talk of a caller, or None if Asterisk did not say."""


class UndecidingInbox:
    """Take the events of callers in the menu, and do nothing with them."""

    def __init__(self, remembered: int) -> None:
        self._queued: OrderedDict[ContactId, None] = OrderedDict()
        self._remembered = remembered

    def post(self, event: Event) -> None:
        """Drop an event: nothing is stored."""

    async def ask(self, event: Event) -> ContactView | None:
        """Return None, and note a caller who begins to wait: the hold loop asks for the first round by itself."""
        if isinstance(event, ContactQueued):
            self._queued[event.contact] = None
            if len(self._queued) > self._remembered:
                self._queued.popitem(last=False)
        return None

    def queue_load(self, service: str) -> QueueLoad | None:
        """Return None, so that nobody is deflected."""
        return None

    def take_new(self, contact: ContactId) -> bool:
        """Return whether a caller has come from the menu since the last question about them."""
        return self._queued.pop(contact, self) is None


@dataclass(slots=True)
class _Comfort:
    """Record of what one caller heard, by the steady clock."""

    said_at: float = -math.inf
    emergency_at: float = -math.inf
    comforted: int = 0


def keep_only_menus(dialogues: Dialogues) -> UndecidingInbox:
    """Let menus go on and decide nothing, and end all other answers that are under way. Return the menus' inbox."""
    inbox = UndecidingInbox(dialogues.contacts.settings.callers_most)
    dialogues.entry.suspend(inbox)
    dialogues.server.end_others(dialplan.MENU_ROUTE)
    return inbox


class SuspendedDialogues:
    """The dialogues of a suspended node, at the address of the dialogues before. Start with `server.run()`."""

    def __init__(self, before: Dialogues, talk_was_lost: TalkWasLost,
                 steady: Callable[[], float] = time.monotonic) -> None:
        """`before` are the dialogues of the node that led until now."""
        entry, self.contacts = before.entry, before.contacts
        self.sounds, self._clock, self._steady = entry.sounds, entry.clock, steady
        self._talk_was_lost = talk_was_lost
        self._before: Mapping[ContactId, HoldMemory] = before.waiting.heard
        self._heard: OrderedDict[ContactId, _Comfort] = OrderedDict()
        # The same menu goes on, also for callers who are in it now.
        self._inbox = keep_only_menus(before)
        self.before, self.server = before.server, before.server.copy_settings()
        """The listener that ends, and the one that takes over its address."""
        self.before.limits = self.server.limits = replace(self.server.limits, drain_s=DRAIN_S)
        self.server.add_route(dialplan.MENU_ROUTE, entry.run_menu)
        self.server.add_route(dialplan.TICK_ROUTE, self.comfort_caller, urgent=True)
        self.server.add_route(dialplan.AFTER_TALK_ROUTE, self.lead_on, urgent=True)
        for route in UNANSWERED:
            self.server.add_route(route, _answer_nothing, urgent=True)

    async def comfort_caller(self, session: Session) -> None:
        """Keep a caller in the hold loop, with a sentence of comfort from time to time.

        A caller in distress hears the emergency text at once, because no agent can be reached now.
        """
        contact, key = contact_of(session), session.argument_at(1)[:1]
        service, since, slow, language = await session.get_variables(
            dialplan.SERVICE, dialplan.SINCE, dialplan.SLOW, dialplan.LANGUAGE)
        wait = self.contacts.settings.waits.get(service, DEFAULT_HOLD)
        put = [] if since else [(dialplan.INHERITED + dialplan.SINCE, f"{self._clock():.3f}")]
        if keys := self._choose_prompts(contact, wait, key):
            put.append((dialplan.SAY, "&".join(prompt_files(
                self.sounds, keys, slow=slow == "1", language=parse_language(language)))))
        await session.set_variables(*put, (dialplan.NEXT, dialplan.HOLD))

    async def lead_on(self, session: Session) -> None:
        """Lead a caller on after a talk: back to the hold loop if the agent's phone was lost, or else to good-bye.

        Without a word of Asterisk the dialplan decides, as without a node.
        """
        lost = await self._talk_was_lost(contact_of(session))
        if lost is not None:
            await session.set_variable(dialplan.NEXT, dialplan.HOLD if lost else dialplan.BYE)

    def _choose_prompts(self, contact: ContactId, wait: HoldSettings, key: str) -> list[str]:
        now, heard = self._steady(), self._heard_by(contact)
        if wait.emergency and (key == EMERGENCY_KEY or now - heard.emergency_at >= EMERGENCY_EVERY_S):
            heard.emergency_at = heard.said_at = now
            return [wait.emergency, EMERGENCY_AGAIN]
        if self._inbox.take_new(contact):
            heard.said_at = now
            return [wait.first]
        if key or now - heard.said_at < self.contacts.settings.comfort_s:
            return []
        heard.said_at, heard.comforted = now, heard.comforted + 1
        # Nobody can say now what the agents do.
        said = [one for one in wait.comfort if one not in ABOUT_AGENTS]
        return [said[heard.comforted % len(said)]] if said else []

    def _heard_by(self, contact: ContactId) -> _Comfort:
        """Return what a caller heard. The times before go on, so that no sentence follows another at once."""
        if contact not in self._heard:
            before = self._before.get(contact)
            self._heard[contact] = _Comfort() if before is None else _Comfort(before.said_at, before.emergency_at)
        self._heard.move_to_end(contact)
        if len(self._heard) > self.contacts.settings.callers_most:
            self._heard.popitem(last=False)
        return self._heard[contact]


async def _answer_nothing(session: Session) -> None:
    """Leave the caller or agent to the dialplan."""
