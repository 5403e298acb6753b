"""Lead a caller out of the queue by a rule of the service: the reason, then a callback or a recorded message by a key.

An agent who becomes free meanwhile gets the caller at once: the bridge takes the channel out of this dialogue. A caller
who declines waits on. A closed or full service takes no caller, so a caller who declines there hears good-bye.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from ivr import dialplan, opening_words
from ivr.agi.session import Session
from ivr.caller.contact_events import contact_of, parse_language
from ivr.caller.voice_message import VoiceMessages
from ivr.hold.hold_script import EARLY_S
from ivr.opening_words import SERVICE_CLOSED, OpensAt, opening_prompts, opens_never
from ivr.routes.callback_dialogue import CallbackDialogue, CallerDialogue
from ivr.settings import DEFAULT_HOLD
from ivr.sounds import prompt_files
from routing.core.events import ContactExited
from routing.core.inbox import ContactView
from routing.core.model.centre_model import ContactState, Trigger, WayOut
from routing.core.model.reasons import MESSAGE, RULE
from routing.core.queueing.service_rules import FAREWELL
from routing.core.records import TURNING_AWAY

REASONS = {Trigger.CLOSED: SERVICE_CLOSED, Trigger.FULL: "kural-dolu", Trigger.NOBODY: "kural-kimse-yok",
           Trigger.EXPECTED: "kural-uzun", Trigger.WAITED: "kural-bekledi"}
"""Sentence for each reason, if the rule names none."""
QUESTIONS = {(WayOut.CALLBACK, False): "kural-arayalim", (WayOut.CALLBACK, True): "kural-arayalim-mi",
             (WayOut.MESSAGE, False): "kural-mesaj", (WayOut.MESSAGE, True): "kural-mesaj-mi"}
"""Question for each way out, and whether the caller may not wait."""
YES, NO = "1", "2"
OWN_PROMPTS = (*REASONS.values(), *QUESTIONS.values(), *opening_words.OWN_PROMPTS, FAREWELL)

log = structlog.get_logger(__name__)


class WayOutDialogue:
    """Endpoint of `agi://node/callback`: the way out of a rule, or a callback that the caller asks for by key."""

    def __init__(self, callbacks: CallbackDialogue, messages: VoiceMessages, opens_at: OpensAt = opens_never,
                 steady: Callable[[], float] = time.monotonic) -> None:
        self.callbacks, self.messages, self.opens_at, self.steady = callbacks, messages, opens_at, steady

    async def lead_out(self, session: Session) -> None:
        """Offer the way out of a rule, or agree on a callback. The next part is `hold` if the caller waits on."""
        _, slow, spoken, offered = await session.get_variables(
            dialplan.ALIVE, dialplan.SLOW, dialplan.LANGUAGE, dialplan.OFFERED)
        view = self.callbacks.inbox.contact_view(contact_of(session))
        if not offered or view is None or view.way_out is None or view.state is not ContactState.PENDING:
            await self.callbacks.agree_callback(session)
            return
        talk = CallerDialogue(session, self.callbacks.sounds, slow == "1", parse_language(spoken))
        await session.set_variable(dialplan.NEXT, await self._offer_way(talk, view))

    async def _offer_way(self, talk: CallerDialogue, view: ContactView) -> str:
        """Return the next part of the dialplan after the offer of a rule."""
        assert view.led_by is not None and view.way_out is not None
        # 1. Say why, and ask.
        trigger, turned = Trigger(view.led_by), view.led_by in TURNING_AWAY
        wait = self.callbacks.contacts.settings.waits.get(view.service, DEFAULT_HOLD)
        told = [wait.reasons.get(trigger, REASONS[trigger])]
        if trigger is Trigger.CLOSED:
            told += opening_prompts(self.opens_at(view.service), self.callbacks.clock(), talk.language)
        asked, began = [*told, QUESTIONS[view.way_out, turned]], self.steady()
        key = await talk.ask_question(asked, (YES, NO))
        while key and self.steady() - began < EARLY_S:
            # A caller in a hurry presses the key of the menu more than once. Such a key must not decline help.
            key = await talk.ask_question(asked, (YES, NO))
        # 2. Take the callback or the message.
        if key == YES and view.way_out is WayOut.CALLBACK:
            if await self.callbacks.reach_agreement(talk, view):
                return dialplan.BYE
        elif key == YES and await self.messages.take_message(
                talk.session, view.contact, view.service, MESSAGE, slow=talk.slow, language=talk.language):
            self.callbacks.inbox.post(ContactExited(view.contact, RULE, MESSAGE))
            return dialplan.BYE
        # 3. The caller declines, or it was not possible.
        if not turned:
            return dialplan.HOLD
        self.callbacks.inbox.post(ContactExited(view.contact, RULE, trigger.value))
        await talk.session.set_variable(dialplan.SAY, "&".join(prompt_files(
            self.callbacks.sounds, [FAREWELL], slow=talk.slow, language=talk.language)))
        return dialplan.FAREWELL
