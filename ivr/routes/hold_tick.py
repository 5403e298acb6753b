"""Handle one round of the hold loop. The engine reports the position, and `hold_script` chooses the words.

The round plays nothing itself. It takes milliseconds, and no step limit cuts a sentence.
"""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from ivr import dialplan, opening_words
from ivr.agi.session import Session
from ivr.caller import announcements, preferences
from ivr.caller.contact_events import ContactEvents, contact_of, parse_language
from ivr.caller.text_messages import TextMessages
from ivr.flow import sms_text
from ivr.flow.dialogue_steps import NOT_RECORDED, DialogueState
from ivr.flow.menu_model import BACK_KEY, NOTICE_REFUSED, REFUSE_KEY, REPEAT_KEY, SLOW_KEY
from ivr.hold import expected_wait, hold_script
from ivr.hold.expected_wait import WaitWords
from ivr.hold.hold_script import HoldMemory
from ivr.settings import CALLERS_MOST, DEFAULT_HOLD, DISTRESS_HOLD, HoldSettings
from ivr.sounds import Sounds, prompt_files
from prompts.verbalise.number_prompts import LANGUAGE
from routing.core.callers.supervisor_acts import CALLBACK_AGREED, GOODBYE
from routing.core.events import CallbackReached, HeldPositionDeclined, HoldTick, ReturnedToMenu
from routing.core.inbox import ContactView, Inbox, InboxClosed
from routing.core.model.centre_model import ON_LINE_STATES, ContactState, Trigger
from routing.core.model.errors import Refused
from routing.core.model.ids import ContactId

OWN_PROMPTS = (
    GOODBYE, CALLBACK_AGREED,
    hold_script.NEXT_IN_LINE, hold_script.TALK_LOST, hold_script.SLOW_ON, hold_script.PAUSED, hold_script.KEY_HEARD,
    hold_script.POSITION_RESTORED, hold_script.BACK_ASK, hold_script.BACK_KIND,
    hold_script.BACK_KEPT, hold_script.BACK_LEFT, hold_script.CALLBACK_KEPT, hold_script.EMERGENCY_AGAIN,
    *(f"{hold_script.CALLBACK_OFFER}-{key}" for key in range(3, 8)), DEFAULT_HOLD.first,
    *DEFAULT_HOLD.comfort, DISTRESS_HOLD.first, *DISTRESS_HOLD.comfort,
    *(key for words in expected_wait.ALL for key in words.prompt_keys(LANGUAGE)))
ANY_KEY = "any"
"""Value that replaces a key that ended a pause."""
_SAID = re.compile(r"(\d{1,3}):([01]):(\d{1,12})\Z", re.ASCII)

VariablesToSet = list[tuple[str, str]]
"""Variables of the channel that the tick sets together at its end."""

Linked = Callable[[], bool]
"""Return whether phones can be rung: whether the link to Asterisk is up."""

log = structlog.get_logger(__name__)


def always_linked() -> bool:
    """Return True, for dialogues without an Asterisk."""
    return True


class HoldTicks:
    """Endpoint of `agi://node/tick,<key>`."""

    def __init__(self, inbox: Inbox, sounds: Sounds, contacts: ContactEvents, clock: Callable[[], float] = time.time,
                 steady: Callable[[], float] = time.monotonic,
                 announced: announcements.CurrentAnnouncements = announcements.no_announcements,
                 texts: TextMessages | None = None, wishes: preferences.PreferenceStore | None = None,
                 remembered: int = CALLERS_MOST, linked: Linked = always_linked,
                 opens_at: opening_words.OpensAt = opening_words.opens_never) -> None:
        self.inbox, self.sounds, self.contacts, self.clock, self.steady = inbox, sounds, contacts, clock, steady
        self.announced, self.texts, self.linked, self.opens_at = announced, texts, linked, opens_at
        self.offers = preferences.PreferenceQuestion(contacts, wishes or preferences.NoPreferences())
        self.heard: OrderedDict[ContactId, HoldMemory] = OrderedDict()
        self.returned: OrderedDict[ContactId, DialogueState] = OrderedDict()
        """Dialogues of callers who took their choice back and are on the way to the menu."""
        self.remembered = remembered
        """Callers whose last sentences are remembered: as many as can wait. The oldest is forgotten, and its position
        and wait are then read from the channel's variables."""

    async def handle_tick(self, session: Session) -> None:
        """Handle one tick of the hold loop.

        `ACD_NEXT` stays empty if the engine does not answer. The loop then goes back to music and counts a failure.
        The same happens without a link to Asterisk: no phone can be rung, and the fallback queue can after a minute.
        """
        if not self.linked():
            return
        contact, key = contact_of(session), session.argument_at(1)[:1]
        put: VariablesToSet = []
        try:
            # 1. Ask the engine for the contact, or introduce it to an engine that does not know it.
            view = await self.inbox.ask(HoldTick(contact, key))
            if view is None:
                view = await self.inbox.ask(await self.contacts.requeued_event(session, self.clock()))
            if isinstance(view, ContactView) and view.farewell:
                put.append((dialplan.SAY, "&".join(await self._farewell_files(session, view))))
                await session.set_variables(*put, (dialplan.NEXT, dialplan.FAREWELL))
                return
            if isinstance(view, ContactView) and view.callback:
                # The caller of a callback has answered, or never hung up. Either way the caller waits on the line.
                view = await self.inbox.ask(CallbackReached(contact, session.channel))
            # 2. Nobody who is here may be sent away: without a live contact a person in the fallback queue helps.
            onward = dialplan.FALLBACK
            if isinstance(view, ContactView) and view.state in ON_LINE_STATES:
                onward = await self._return_to_menu(view, key) or await self._play_round(session, view, key, put)
            elif view is None or view.state is not ContactState.CANCELED:
                # The engine gave a cancelled contact up on purpose. Any other state is a fault.
                log.error("ivr.orphaned_caller", call=contact)
        except Refused as error:
            log.error("ivr.event_refused", call=contact, code=error.code)
            onward = dialplan.FALLBACK
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_timed_out", call=contact)
            await session.set_variables(*put)
            return
        # 3. The caller leaves the loop, so the memory of this wait ends.
        if onward not in (dialplan.HOLD, dialplan.CALLBACK):
            self.heard.pop(contact, None)
        await session.set_variables(*put, (dialplan.NEXT, onward))

    async def _return_to_menu(self, view: ContactView, key: str) -> str:
        """Return the next part of the dialplan for a caller who takes the choice back, or an empty text for others.

        The engine offers the contact to nobody until the caller has chosen again.
        """
        heard = self.heard.get(view.contact)
        if heard is None or heard.choice is None:
            return ""
        choice = heard.choice
        if not key:
            heard.choice = None
        if key != BACK_KEY or view.callback or view.state is ContactState.ASSIGNED:
            return ""
        await self.inbox.ask(ReturnedToMenu(view.contact))
        self.returned[view.contact] = choice
        if len(self.returned) > self.remembered:
            self.returned.popitem(last=False)
        return dialplan.MENU

    def take_returned(self, contact: ContactId) -> DialogueState | None:
        """Return the dialogue of a caller who took the choice back, once."""
        return self.returned.pop(contact, None)

    async def first_round(self, session: Session, view: ContactView, heard: HoldMemory) -> None:
        """Prepare the first round of a caller whom the menu hands over, with all that the menu knows.

        The hold loop then need not ask for the round on a separate connection.
        """
        if view.callback or view.state not in ON_LINE_STATES:
            # The hold loop asks for the round itself.
            return
        heard.known, heard.said_at = True, self.steady()
        self.heard[view.contact] = heard
        self._limit_memory()
        put: VariablesToSet = []
        if view.farewell:
            put.append((dialplan.SAY, "&".join(await self._farewell_files(session, view))))
            onward = dialplan.FAREWELL
        else:
            onward = await self._play_round(session, view, "", put)
        # A rule or the emergency text comes at once, without an acknowledgement that speaks of an agent.
        if onward != dialplan.HOLD or heard.emergency_at > -math.inf:
            put.append((dialplan.WORDS, ""))
        await session.set_variables(*put, (dialplan.FIRST_ROUND_DONE, "1") if onward == dialplan.HOLD
                                    else (dialplan.NEXT, onward))

    def on_talk_lost(self, view: ContactView) -> None:
        """Note that the talk was dropped and the caller waits in front again. The next tick says so."""
        hold_script.on_talk_lost(self.heard.setdefault(view.contact, HoldMemory()), view)
        self._limit_memory()

    async def _play_round(self, session: Session, view: ContactView, key: str, put: VariablesToSet) -> str:
        """Return the next part of the dialplan. `ACD_SAY` has what it plays first, and `put` gets all variables."""
        # 1. Changes of the caller since the last round: a transfer, another service.
        heard = await self._memory_of(session, view)
        hold_script.on_transferred(heard, view)
        wait = self.contacts.settings.waits.get(view.service, DEFAULT_HOLD)
        if heard.music != wait.music:
            put.append((dialplan.MUSIC, wait.music))
            heard.music = wait.music
        # A restart without its store would continue from this start of the wait.
        if view.has_held_position and heard.service is None:
            put.append((dialplan.INHERITED + dialplan.SINCE, f"{self.clock() - view.waited_s:.3f}"))
        # 2. The meaning of the key. A refusal to be recorded counts in any state.
        paused = heard.is_pausing(self.steady())
        refuses = key == REFUSE_KEY and (view.service in self.contacts.settings.recorded
                                         or bool(await session.get_variable(dialplan.NOTICE)))
        if paused and key and not (key == hold_script.EMERGENCY_KEY and wait.emergency):
            # The key ends the pause and has no other meaning.
            key = ANY_KEY
        if refuses:
            put.append((dialplan.INHERITED + dialplan.NOTICE, NOTICE_REFUSED))
        # 3. A phone rings for this caller, or the bridge is being made. No sentence may cover that.
        wished = key == preferences.YES_KEY and wait.preferences and heard.is_preference_asked(self.steady())
        if view.state is not ContactState.PENDING and key != SLOW_KEY and not wished:
            return dialplan.HOLD
        if key and key == wait.callback_key and not view.callback:
            put.append((dialplan.OFFERED, ""))
            return dialplan.CALLBACK
        if not key and not paused and hold_script.is_way_out_due(heard, view, self.steady()):
            put.append((dialplan.OFFERED, str(view.led_by)))
            return dialplan.CALLBACK
        # 4. The sentences of this round, and announcements before them.
        before = heard.place, heard.words
        if refuses:
            keys = [NOT_RECORDED, *(hold_script.end_pause(heard, view, wait, self.steady()) if paused else ())]
        else:
            keys = await self._choose_prompts(session, put, heard, view, wait, key)
        news = [] if key or paused or view.state is not ContactState.PENDING else announcements.unheard_files(
            self.announced, heard.announcements, self.sounds, view.service, slow=heard.slow, language=heard.language)
        if news:
            put.append((dialplan.INHERITED + dialplan.ANNOUNCEMENTS_HEARD,
                        announcements.format_heard(heard.announcements)))
        if news or keys:
            put.append((dialplan.SAY, "&".join(
                (*news, *prompt_files(self.sounds, keys, slow=heard.slow, language=heard.language)))))
        # 5. A restarted node must not say the position and the wait again.
        if (heard.place, heard.words) != before:
            put += [(dialplan.POSITION_SAID, str(heard.place)), (dialplan.WAIT_SAID, self._format_wait_said(heard))]
        return dialplan.HOLD

    async def _choose_prompts(self, session: Session, put: VariablesToSet, heard: HoldMemory, view: ContactView,
                              wait: HoldSettings, key: str) -> list[str]:
        """Return the prompt keys of this round."""
        now, settings = self.steady(), self.contacts.settings
        # 1. Keys that count even while a phone rings: slow speech, and yes to having it remembered.
        if key == SLOW_KEY and not heard.slow:
            put.append((dialplan.INHERITED + dialplan.SLOW, "1"))
            return hold_script.slow_down(heard, now)
        pending = view.state is ContactState.PENDING
        wished = key == preferences.YES_KEY and wait.preferences and heard.is_preference_asked(now)
        if wished and now - heard.preference_asked_at >= hold_script.EARLY_S:
            said = hold_script.on_preference_result(heard, now, await self.offers.on_accepted(session))
            return said if pending else []
        if not pending:
            return []
        # 2. Keys of questions that were just asked, or that a pause has covered.
        if wished:
            return hold_script.ask_preference(heard, now)
        if key == ANY_KEY:
            return hold_script.end_pause(heard, view, wait, now)
        leaf = self.texts.leaves.get(view.service) if self.texts is not None and heard.mobile else None
        # 3. A round without a key, or the first one.
        if heard.service is None or not key:
            asks = heard.slow and heard.service is not None and not heard.is_position_asked(now) \
                and await self.offers.is_due(session, view.service)
            keys = hold_script.choose_sentences(
                heard, view, wait, now, place_s=settings.place_s, comfort_s=settings.comfort_s,
                texts_s=math.inf if leaf is None or self.texts is None else self.texts.after_s, remembers=asks)
            if keys == [preferences.REMEMBER_QUESTION]:
                put.append((dialplan.INHERITED + dialplan.PREFERENCE_ASKED, "1"))
            return keys
        # 4. A key of the caller.
        if key == SLOW_KEY:
            return hold_script.begin_pause(heard, now)
        if heard.is_position_asked(now) and now - heard.asked_at < hold_script.EARLY_S:
            return hold_script.ask_again(heard, view, wait, now)
        if key in (hold_script.HELD_POSITION_KEY, hold_script.OWN_POSITION_KEY) and heard.is_position_asked(now):
            old = key == hold_script.HELD_POSITION_KEY
            if not old:
                after = await self.inbox.ask(HeldPositionDeclined(view.contact))
                view = after if isinstance(after, ContactView) else view
                put.append((dialplan.INHERITED + dialplan.SINCE, f"{self.clock() - view.waited_s:.3f}"))
            return hold_script.on_position_answer(heard, view, wait, now, old=old)
        if key == hold_script.EMERGENCY_KEY and wait.emergency:
            return hold_script.repeat_emergency(heard, wait, now)
        if key == REPEAT_KEY:
            return hold_script.repeat_position(heard, view, wait, now)
        if key == sms_text.KEY and leaf is not None and self.texts is not None:
            return hold_script.on_text_result(
                heard, await self.texts.request_text(session, view.contact, leaf, heard.language), now)
        return hold_script.confirm_key(heard, now)

    async def _farewell_files(self, session: Session, view: ContactView) -> list[str]:
        """Return the good-bye of a supervisor or a rule. A sentence without a sound is replaced by the usual one."""
        heard = await self._memory_of(session, view)
        self.heard.pop(view.contact, None)
        # A closed service says when it opens, before the good-bye.
        opens = opening_words.opening_prompts(self.opens_at(view.service), self.clock(), heard.language) \
            if view.led_by is Trigger.CLOSED else []
        try:
            return prompt_files(self.sounds, [*opens, view.farewell], slow=heard.slow, language=heard.language)
        except LookupError:
            return prompt_files(self.sounds, [GOODBYE], slow=heard.slow, language=heard.language)

    async def _memory_of(self, session: Session, view: ContactView) -> HoldMemory:
        """Return what this caller heard. After a restart it is read from the channel's variables."""
        heard = self.heard.setdefault(view.contact, HoldMemory())
        self.heard.move_to_end(view.contact)
        self._limit_memory()
        if heard.known:
            return heard
        heard.known, heard.said_at = True, self.steady()
        slow, told, language, place, wait, number = await session.get_variables(
            dialplan.SLOW, dialplan.ANNOUNCEMENTS_HEARD, dialplan.LANGUAGE, dialplan.POSITION_SAID,
            dialplan.WAIT_SAID, dialplan.NUMBER)
        heard.mobile = self.texts is not None and self.texts.can_reach(self.contacts.identify_number(number))
        heard.slow, heard.announcements = view.slow or slow == "1", announcements.parse_heard(told)
        heard.language = parse_language(language)
        if heard.talk_lost:
            # The lost talk began another wait, so the earlier position and words mean nothing.
            return heard
        # The variables are not trusted: text that is not a small number is no position.
        heard.place = int(place) if place.isascii() and place.isdigit() and len(place) < 5 else 0
        if (said := _SAID.match(wait)) is not None:
            heard.words = WaitWords(int(said[1]), said[2] == "1")
            # The end is stored as Unix time, because the steady clock restarts with the node.
            heard.until = self.steady() + int(said[3]) - self.clock() if int(said[3]) else math.inf
        return heard

    def _format_wait_said(self, heard: HoldMemory) -> str:
        """Return minutes, whether the wait is longer than these, and its end (Unix seconds, 0 for never)."""
        if heard.words is None:
            return ""
        until = 0 if heard.until == math.inf else round(self.clock() + heard.until - self.steady())
        return f"{heard.words.minutes}:{int(heard.words.more)}:{until}"

    def _limit_memory(self) -> None:
        while len(self.heard) > self.remembered:
            self.heard.popitem(last=False)
