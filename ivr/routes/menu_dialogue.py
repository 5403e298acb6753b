"""Run the menu on a call: walk through the machine, then hand the caller to the engine and to the hold loop."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import structlog

from ivr import dialplan, opening_words
from ivr.agi.errors import CallerGone
from ivr.agi.session import ANY_KEY, Session
from ivr.caller import announcements, identity
from ivr.caller.contact_events import ContactEvents, contact_of, format_needs, parse_language, parse_needs
from ivr.caller.identity import CallerIdentity
from ivr.caller.menu_path import MenuPath, WatchMenu, watch_nobody
from ivr.caller.preferences import CallerPreference, NoPreferences, PreferenceStore
from ivr.caller.text_messages import TextMessages
from ivr.caller.voice_message import VoiceMessages
from ivr.flow import dialogue_machine, dialogue_steps
from ivr.flow.menu_model import BACK_KEY, NOTICE_HEARD, NOTICE_REFUSED, PHONE, MenuFlow, Needs
from ivr.hold.hold_script import HoldMemory
from ivr.routes import deflection
from ivr.sounds import Sounds, prompt_file, prompt_files
from prompts.verbalise.number_prompts import LANGUAGE
from routing.core.events import ContactExited, MenuEnded
from routing.core.inbox import CallerInbox, ContactView, InboxClosed
from routing.core.model.errors import Refused
from routing.core.model.ids import ContactId

SORRY = "menu-ozur"
"""Prompt if the engine does not answer. The hold loop then tries again with each tick."""
MESSAGE = "message"
"""Kind of a spoken message left in the menu."""

EntryNow = Callable[[str], str]
"""Return the entry in force at this moment for the entry of the called number: another one in a closed centre."""
StoreInput = Callable[[ContactId, str, str, str], Awaitable[None]]
"""Store with a contact what its caller keyed in: field, keyed hash, encrypted text (empty for the hash alone)."""
IsOpen = Callable[[str], bool]
"""Return whether callers may wait for a service now, by its hours and closures."""
FirstRound = Callable[[Session, ContactView, HoldMemory], Awaitable[None]]
"""Prepare the first round of the hold loop for a caller who waits now, with all that is known of the caller."""
TakeReturned = Callable[[ContactId], dialogue_steps.DialogueState | None]
"""Return the dialogue of a caller who took the choice back while waiting, and forget it. Return None for others."""

log = structlog.get_logger(__name__)


class ChannelVariables(NamedTuple):
    """Values of the channel's variables when the dialogue begins."""

    alive: str
    number: str
    told: str
    slow: str
    notice: str
    back: str
    language: str
    needs: str
    place: str
    typed: str


CHANNEL_VARIABLES = ChannelVariables(dialplan.ALIVE, dialplan.NUMBER, dialplan.ANNOUNCEMENTS_HEARD, dialplan.SLOW,
                                     dialplan.NOTICE, dialplan.BACK_TO, dialplan.LANGUAGE, dialplan.NEEDS,
                                     dialplan.PLACE, dialplan.PLACE_KEY)
"""Names of these variables."""


def always_open(entry: str) -> str:
    """Return the same entry. This is the `EntryNow` of a centre that never closes."""
    return entry


def all_open(service: str) -> bool:
    """Return True. This is the `IsOpen` of a centre whose services have no separate hours."""
    return True


async def discard_input(contact: ContactId, field: str, digest: str, box: str) -> None:
    """Do nothing. This is the `StoreInput` of a node that cannot store what callers key in."""


class CallerManner(NamedTuple):
    """How a caller is spoken to from a menu on, which another node needs to know."""

    slow: bool = False
    language: str = LANGUAGE
    needs: Needs = ()


class MenuDialogue:
    """Endpoint of `agi://node/menu,<entry>`. `clock` returns Unix seconds.

    `flow` and `sounds` may be replaced at any time. A call in the menu goes on with those of its beginning.
    """

    def __init__(self, inbox: CallerInbox, flow: MenuFlow, sounds: Sounds, contacts: ContactEvents,
                 messages: VoiceMessages, begin: FirstRound, take_returned: TakeReturned,
                 clock: Callable[[], float] = time.time,
                 entry_now: EntryNow = always_open, keep_keyed: StoreInput = discard_input,
                 announced: announcements.CurrentAnnouncements = announcements.no_announcements,
                 is_open: IsOpen = all_open, texts: TextMessages | None = None,
                 wishes: PreferenceStore | None = None,
                 is_deflected: deflection.IsDeflected = deflection.deflect_nobody,
                 opens_at: opening_words.OpensAt = opening_words.opens_never,
                 watch: WatchMenu = watch_nobody) -> None:
        self.inbox, self.flow, self.sounds, self.contacts, self.messages = inbox, flow, sounds, contacts, messages
        self.begin, self.take_returned, self.clock, self.entry_now = begin, take_returned, clock, entry_now
        self.keep_keyed, self.opens_at, self.watch = keep_keyed, opens_at, watch
        self.announced, self.is_open, self.texts, self.wishes = announced, is_open, texts, wishes or NoPreferences()
        self.deflection = deflection.Deflection(inbox, contacts, is_deflected, texts)
        self.steady: Callable[[], float] = time.monotonic
        """Clock that nobody sets, for the length of the path and the limit of the dialogue."""
        self.has_just_woken: Callable[[], bool] = lambda: False
        """Tell whether this node was frozen until a moment ago."""

    def suspend(self, inbox: CallerInbox) -> None:
        """Go on from memory: callers who are in the menu come to its end, and nothing is stored from now on."""
        self.inbox = self.deflection.inbox = inbox
        self.messages = VoiceMessages(self.sounds, self.contacts, None, None)
        self.keep_keyed, self.texts, self.wishes, self.watch = discard_input, None, NoPreferences(), watch_nobody

    async def run_menu(self, session: Session) -> None:
        """Lead one caller from the greeting to `ACD_NEXT`."""
        # 1. Read what the channel knows, and begin or resume the dialogue.
        before = ChannelVariables(*await session.get_variables(*CHANNEL_VARIABLES))
        who, flow, sounds = self.contacts.identify_number(before.number), self.flow, self.sounds
        heard = announcements.parse_heard(before.told)
        heard_before = frozenset(heard)
        returned = self.take_returned(contact_of(session))
        entry, state, step = await self._begin_dialogue(session, flow, before, who, returned)
        way = MenuPath(contact_of(session), entry, state, self.steady(),
                       resumed=bool(before.back or before.place or returned), watch=self.watch)
        passed: MenuEnded | None = None
        failed = False
        told, unwished, closed, manner = state.notice, False, opening_words.LINE, CallerManner()
        # 2. Perform steps until the dialogue has ended.
        try:
            while True:
                if isinstance(step, dialogue_steps.EnterQueue) and self._is_closed(flow, step.queue.service):
                    closed = step.queue.service
                    state, step = await self._leave_closed(session, sounds, flow, state, step, heard)
                if not isinstance(step, dialogue_steps.Ask | dialogue_steps.RecordMessage | dialogue_steps.SendText):
                    break
                manner = await self._keep_manner(session, state, manner)
                news = partial(self._announcement_files, heard, sounds, step)
                given = await self._perform_step(session, sounds, step, news,
                                                 partial(self._opening_files, sounds, step, closed),
                                                 dialogue_machine.place_of(flow, state))
                state, step = dialogue_machine.next_step(flow, state, given, self.steady())
                way.note_step(given, state, step)
                # Save at once: a caller who hangs up now has still said it.
                if state.slow_declined and not unwished:
                    unwished = True
                    await self.wishes.save_preference(who.hash_and_encrypted[0], slow=False)
                # Set the variable at once: a refusal must survive the node.
                if state.notice != told:
                    told = state.notice
                    await session.set_variable(dialplan.INHERITED + dialplan.NOTICE, told)
            answer = ""
            if isinstance(step, dialogue_steps.EnterQueue) and returned is None \
                    and self.deflection.is_due(self._service_of(step)):
                step, answer = await self._deflect(session, sounds, flow, who, step)
            # 3. Say the last sentences, and tell the dialplan where the call goes. A caller who waits from now on hears
            #    them in the hold loop, so that telephones ring meanwhile.
            passed = way.end_path(self.steady(), step, flow.human)
            since = self.clock()
            put, words_s = self._exit_variables(step, since, deflected=bool(answer)), 0.0
            if isinstance(step, dialogue_steps.EnterQueue):
                words, words_s = self._words_of(step, flow, state, sounds, heard)
                put = [*words, *put]
            else:
                await session.play_files([file for key in step.say for file in (
                    prompt_file(sounds, key, slow=step.slow, language=step.language),
                    *self._opening_files(sounds, step, closed, key))])
            if heard != heard_before:
                put.insert(0, (dialplan.INHERITED + dialplan.ANNOUNCEMENTS_HEARD, announcements.format_heard(heard)))
            await session.set_variables(*put)
        except CallerGone:
            # Asterisk gives a frozen node up and leads the caller on, who has not hung up.
            failed = self.has_just_woken()
            raise
        except BaseException:
            failed = True
            raise
        finally:
            # 4. Report the path, also of a caller who hung up.
            self.inbox.post(passed or way.end_path(self.steady(), None, flow.human, failed=failed))
        # 5. Queue the caller without a pause after the report: one turn of the engine and one commit serve both.
        if isinstance(step, dialogue_steps.EnterQueue) and answer == deflection.CALLBACK:
            await self._promise_callback(session, who, sounds, step, since)
        elif isinstance(step, dialogue_steps.EnterQueue):
            await self._queue_caller(session, who, sounds, step, since, heard, state, words_s)
        elif isinstance(step, dialogue_steps.EndCall) and returned is not None:
            # The caller no longer wants what the contact still waits for.
            self.inbox.post(ContactExited(contact_of(session), "key", BACK_KEY))

    @staticmethod
    async def _keep_manner(session: Session, state: dialogue_steps.DialogueState, before: CallerManner) -> CallerManner:
        """Set on the channel how the caller is spoken to, if that has changed, and return it."""
        now = CallerManner(state.slow, state.language, state.needs)
        if now != before:
            await session.set_variables(*_caller_variables(now))
        return now

    async def _leave_closed(self, session: Session, sounds: Sounds, flow: MenuFlow, state: dialogue_steps.DialogueState,
                            chosen: dialogue_steps.EnterQueue, heard: set[int]
                            ) -> tuple[dialogue_steps.DialogueState, dialogue_steps.Step]:
        """Lead the caller of a closed service back to the menu, after its announcements."""
        said = self._announcement_files(heard, sounds, chosen, chosen.queue.service)
        await session.play_files(said)
        return dialogue_machine.on_closed(flow, state, told=bool(said))

    async def _deflect(self, session: Session, sounds: Sounds, flow: MenuFlow, who: CallerIdentity,
                       chosen: dialogue_steps.EnterQueue
                       ) -> tuple[dialogue_steps.EnterQueue | dialogue_steps.EndCall, str]:
        """Deflect a caller whose service takes nobody soon. Return the last step of the dialogue, and the answer."""
        answer = await self.deflection.ask_caller(session, sounds, who, chosen, self._service_of(chosen))
        help_here = self.deflection.find_distress(flow)
        if answer == deflection.DISTRESS and help_here is not None:
            return chosen._replace(queue=help_here, say=()), answer
        if answer == deflection.CALLBACK:
            return chosen._replace(say=()), answer
        said: tuple[str, ...] = ()
        if answer == deflection.TEXT:
            assert self.texts is not None
            said = (await self.texts.request_text(session, contact_of(session), chosen.queue, chosen.language),)
        return dialogue_steps.EndCall(chosen.slow, said, chosen.language), answer

    async def _promise_callback(self, session: Session, who: CallerIdentity, sounds: Sounds,
                                chosen: dialogue_steps.EnterQueue, since: float) -> None:
        """Queue a deflected caller as a callback, say whether that worked, and end the call."""
        service, said = self._service_of(chosen), deflection.NOT_POSSIBLE
        await session.set_variable(dialplan.NEXT, dialplan.END)
        event = self.contacts.queued_event(session, who, service, since, chosen.queue.priority, chosen.slow,
                                           chosen.needs, chosen.language, chosen.queue.topics)
        try:
            view = await self.inbox.ask(event)
            if isinstance(view, ContactView) and await self.deflection.request_callback(view, who, service):
                said = deflection.AGREED
        except (Refused, InboxClosed, TimeoutError) as error:
            log.warning("ivr.callback_not_accepted", call=event.contact, kind=type(error).__name__)
        await session.play_files(prompt_files(sounds, (said,), slow=chosen.slow, language=chosen.language))

    async def _perform_step(self, session: Session, sounds: Sounds,
                            step: dialogue_steps.Ask | dialogue_steps.RecordMessage | dialogue_steps.SendText,
                            news: Callable[[], list[str]], opening: Callable[[str], list[str]],
                            place: str) -> dialogue_steps.Input:
        """Perform a step of the machine and return what the caller did."""
        match step:
            case dialogue_steps.Ask():
                return await ask_caller(session, sounds, step, news, opening, place)
            case dialogue_steps.RecordMessage():
                return await self._record_message(session, sounds, step)
            case dialogue_steps.SendText():
                assert self.texts is not None
                return dialogue_steps.Texted(await self.texts.request_text(
                    session, contact_of(session), step.leaf, step.language))

    def _announcement_files(self, heard: set[int], sounds: Sounds, step: dialogue_steps.Step,
                            service: str = "") -> list[str]:
        return announcements.unheard_files(self.announced, heard, sounds, service, slow=step.slow,
                                           language=step.language)

    def _opening_files(self, sounds: Sounds, step: dialogue_steps.Step, service: str, key: str) -> list[str]:
        """Return the files that say when the line or a service opens, after the sentence that it is closed."""
        if key not in (opening_words.CENTRE_CLOSED, opening_words.SERVICE_CLOSED):
            return []
        opens = self.opens_at(opening_words.LINE if key == opening_words.CENTRE_CLOSED else service)
        return prompt_files(sounds, opening_words.opening_prompts(opens, self.clock(), step.language), slow=step.slow,
                            language=step.language)

    def _is_closed(self, flow: MenuFlow, service: str) -> bool:
        """Return whether the service's callers go back to the menu.

        A closed service with a rule does not, and neither does the human service, which is never closed to a caller.
        """
        known = self.contacts.services.get(service)
        return known is not None and known.when_closed is None and service != flow.queue_node(flow.human).service \
            and not self.is_open(service)

    def _words_of(self, step: dialogue_steps.EnterQueue, flow: MenuFlow, state: dialogue_steps.DialogueState,
                  sounds: Sounds, heard: set[int]) -> tuple[list[tuple[str, str]], float]:
        """Return the variables with the words that the hold loop plays first: acknowledgement and announcements, then
        the recording notice where talks of the service are recorded. Return also for how long an agent waits for them.
        """
        service = self._service_of(step)
        files = [*prompt_files(sounds, step.say, slow=step.slow, language=step.language),
                 *self._announcement_files(heard, sounds, step, step.queue.service)]
        told = (flow.notice,) if service in self.contacts.settings.recorded and flow.notice and not state.notice else ()
        notice = prompt_files(sounds, told, slow=step.slow, language=step.language)
        whole = (files or notice) and not self.contacts.services[service].distress
        words_s = sum(sum(map(sounds.seconds, one)) + dialplan.UNDO_S for one in (files, notice) if one)
        return [(dialplan.WORDS, "&".join(files)), (dialplan.WORDS_KEY, step.key),
                (dialplan.WHOLE_WORDS, "1" if whole else ""),
                (dialplan.NOTICE_WORDS, "&".join(notice))], words_s if whole else 0.0

    async def _begin_dialogue(self, session: Session, flow: MenuFlow, before: ChannelVariables, who: CallerIdentity,
                              returned: dialogue_steps.DialogueState | None
                              ) -> tuple[str, dialogue_steps.DialogueState, dialogue_steps.Step]:
        """Return the entry's name with the first state and step.

        The dialogue begins at the entry, or where an outside number that did not answer leads back to, or at the menu
        to which a waiting caller `returned`, or at the menu where a node has left the caller.
        """
        slow, notice, back = before.slow == "1", before.notice, before.back
        if notice not in (NOTICE_HEARD, NOTICE_REFUSED):
            notice = ""
        texts = self.texts is not None and self.texts.can_reach(who)
        entry = session.argument_at(1)
        if entry not in flow.entries:
            log.warning("ivr.entry_not_found", entry=entry[:40], known=sorted(flow.entries))
            entry = next(iter(flow.entries))
        now = self.entry_now(entry)
        # A reload may have taken the menu away meanwhile.
        if returned is not None and returned.path and returned.path[-1].menu in flow.nodes:
            return now, *dialogue_machine.take_choice_back(flow, returned._replace(
                notice=notice, slow=returned.slow or slow))
        if back:
            await session.set_variable(dialplan.BACK_TO, "")
            return now, *dialogue_machine.resume_dialogue(
                flow, back, self.steady(), slow=slow, language=parse_language(before.language),
                needs=parse_needs(before.needs), notice=notice, texts=texts)
        # Another node led the dialogue up to here, or this one in an earlier process.
        if before.place in flow.nodes:
            return now, *dialogue_machine.resume_menu(
                flow, before.place, before.typed, self.steady(), slow=slow,
                language=parse_language(before.language), needs=parse_needs(before.needs), notice=notice, texts=texts)
        # A centre that stores no preferences looks nobody up.
        wish = self.wishes.preference_of(who.hash_and_encrypted[0]) if self.wishes.is_enabled else CallerPreference()
        # While the centre is closed there is no person to lead the caller to at once.
        return now, *dialogue_machine.begin_dialogue(
            flow, now, self.steady(), slow=slow, remembered=wish.slow and not slow,
            human_first=wish.human_first and now == entry, notice=notice, texts=texts)

    async def _record_message(self, session: Session, sounds: Sounds,
                              step: dialogue_steps.RecordMessage) -> dialogue_steps.Recorded:
        await session.play_files(prompt_files(sounds, step.say, slow=step.slow, language=step.language))
        return dialogue_steps.Recorded(await self.messages.take_message(
            session, contact_of(session), step.service, MESSAGE, slow=step.slow, language=step.language,
            max_s=step.max_s))

    def _exit_variables(self, step: dialogue_steps.EnterQueue | dialogue_steps.ExternalTransfer
                        | dialogue_steps.EndCall, since: float, *, deflected: bool) -> list[tuple[str, str]]:
        """Return the variables of the channel at the end of the dialogue, to be set in one go.

        From then on the path survives the node, and so does the position of a waiting caller. After an outside number
        that nobody answers the dialplan asks for the menu again, and `BACK_TO` names the node to continue at.
        """
        match step:
            case dialogue_steps.EndCall():
                return [(dialplan.NEXT, dialplan.END if deflected else dialplan.BYE)]
            case dialogue_steps.ExternalTransfer():
                return [*_caller_variables(step), (dialplan.EXTERNAL_NAME, step.to), (dialplan.BACK_TO, step.failed),
                        (dialplan.NEXT, dialplan.EXTERNAL)]
            case dialogue_steps.EnterQueue():
                return [*self._line_class(step), (dialplan.INHERITED + dialplan.SERVICE, self._service_of(step)),
                        (dialplan.INHERITED + dialplan.SINCE, f"{since:.3f}"),
                        (dialplan.INHERITED + dialplan.PRIORITY, str(step.queue.priority)), *_caller_variables(step),
                        (dialplan.INHERITED + dialplan.TOPICS, ",".join(step.queue.topics)),
                        (dialplan.PLACE, ""), (dialplan.NEXT, dialplan.HOLD)]

    def _line_class(self, chosen: dialogue_steps.EnterQueue) -> list[tuple[str, str]]:
        """Return the class of lines for a caller who has chosen a service with lines for itself.

        The call is counted there from the key on, so the next caller can have its line.
        """
        service = self._service_of(chosen)
        return [(dialplan.LINE_CLASS, service)] if service in self.contacts.settings.line_classes else []

    def _service_of(self, chosen: dialogue_steps.EnterQueue) -> str:
        return chosen.queue.service if chosen.queue.service in self.contacts.services else self.contacts.human

    async def _queue_caller(self, session: Session, who: CallerIdentity, sounds: Sounds,
                            chosen: dialogue_steps.EnterQueue, since: float, heard: set[int],
                            state: dialogue_steps.DialogueState, words_s: float) -> None:
        """Queue the caller in the engine and prepare the first round of the hold loop.

        If the engine does not answer, the hold loop queues the caller with a tick.
        """
        service = self._service_of(chosen)
        event = self.contacts.queued_event(session, who, service, since, chosen.queue.priority, chosen.slow,
                                           chosen.needs, chosen.language, chosen.queue.topics, words_s)
        self.wishes.note_call(event.caller_hash)
        view: object = None
        try:
            view = await self.inbox.ask(event)
        except Refused as error:
            log.error("ivr.event_refused", call=session.uniqueid, service=service, code=error.code)
            await session.set_variable(dialplan.NEXT, dialplan.FALLBACK)
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_timed_out", call=session.uniqueid)
            await session.play_files(prompt_files(sounds, (SORRY,), slow=chosen.slow, language=chosen.language))
        # An anonymous service stores nothing that its callers keyed in.
        if not self.contacts.services[service].anonymous:
            for one in chosen.keyed:
                await self.keep_keyed(event.contact, one.field, *self._hash_input(one))
        if isinstance(view, ContactView):
            await self.begin(session, view, HoldMemory(
                slow=chosen.slow, language=chosen.language, announcements=heard, choice=state if chosen.key else None,
                mobile=self.texts is not None and self.texts.can_reach(who)))

    def _hash_input(self, keyed: dialogue_steps.KeyedInput) -> tuple[str, str]:
        """Return keyed hash and encrypted text of an input.

        A telephone number is hashed like a caller's, so that the same number is recognised. Other input is hashed with
        its kind, so that inputs of two kinds never look alike.
        """
        number = identity.normalise_number(keyed.digits, self.contacts.settings.region) if keyed.check == PHONE else ""
        digest, box = self.contacts.seal(number or f"{keyed.check}:{keyed.digits}")
        return digest, box if keyed.keep_encrypted else ""


def _caller_variables(step: dialogue_steps.EnterQueue | dialogue_steps.ExternalTransfer | CallerManner
                      ) -> list[tuple[str, str]]:
    """Return the menu's knowledge of the caller as variables of the channel."""
    return [(dialplan.INHERITED + name, value) for name, value in (
        (dialplan.SLOW, "1" if step.slow else ""),
        (dialplan.LANGUAGE, "" if step.language == LANGUAGE else step.language),
        (dialplan.NEEDS, format_needs(step.needs)))]


def open_now(key: str) -> list[str]:
    """Return no files. These are the words about an opening of a question that says nothing of hours."""
    return []


async def ask_caller(session: Session, sounds: Sounds, step: dialogue_steps.Ask, news: Callable[[], list[str]] = list,
                     opening: Callable[[str], list[str]] = open_now, place: str = ""
                     ) -> dialogue_steps.KeyPressed | dialogue_steps.Silence:
    """Say sentences and listen. A key ends this at any moment, in the silences too.

    `news` returns the files announced since the last sentence, `opening` the files that belong to a sentence.
    `place` names the menu whose question this is.
    """
    for number, key in enumerate(step.say, 1):
        digit = ""
        # Announcements come before a sentence, never within one.
        for one in (*news(), prompt_file(sounds, key, slow=step.slow, language=step.language), *opening(key)):
            digit = digit or await session.stream_file(one, ANY_KEY, place)
        if not digit and step.pause_s and number < len(step.say):
            digit = await session.wait_for_digit(round(step.pause_s * 1000), place)
        if digit:
            return dialogue_steps.KeyPressed(digit)
    if step.wait_s and (digit := await session.wait_for_digit(round(step.wait_s * 1000), place)):
        return dialogue_steps.KeyPressed(digit)
    return dialogue_steps.Silence()
