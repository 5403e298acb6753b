"""The menu: walks the machine over a call, then hands the caller to the engine and to the hold loop."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import structlog

from ivr import announcement, caller, dialplan
from ivr.agi.errors import CallerGone
from ivr.agi.session import ANY_KEY, Session
from ivr.caller import Caller
from ivr.contact import Contacts, contact_of, spoken_needs, told_language, told_needs
from ivr.flow import machine, steps
from ivr.flow.model import HEARD, PHONE, REFUSED, Flow
from ivr.hold import Heard
from ivr.message import Messages
from ivr.passage import Passage
from ivr.sms import Texts
from ivr.sounds import Sounds, files
from ivr.wish import NoWishes, Wish, Wishes
from prompts.say import LANGUAGE
from routing.core.errors import Refused
from routing.core.events import MenuLeft
from routing.core.ids import ContactId
from routing.core.inbox import ContactView, Inbox, InboxClosed

SORRY = "menu-ozur"
"""Said when the engine does not answer; the hold loop then tries again with each tick."""
MESSAGE = "message"
"""Kind of a spoken message that was left in the menu."""

ALIVE_AGAIN_S = 240.0
"""After so long the dialplan's limit begins anew with the next step. So it is never nearer than 6 minutes when a step
begins, also at the end of `machine.MAX_CALL_S`: a pause takes one, and a long menu in slow speech more than that."""

EntryNow = Callable[[str], str]
"""From the entry of the called number to the entry in force at this moment: another one while the centre is closed."""
KeepKeyed = Callable[[ContactId, str, str, str], Awaitable[None]]
"""Keeps with a contact what its caller keyed in: field, keyed hash, encrypted box (empty: the hash alone)."""
IsOpen = Callable[[str], bool]
"""Whether callers may wait for a service now, by its hours and closures."""
Begin = Callable[[Session, ContactView, Heard], Awaitable[None]]
"""The first round of the hold loop, for a caller who waits now; with what is known of them."""

log = structlog.get_logger(__name__)


class Before(NamedTuple):
    """What the channel's variables tell when the dialogue begins."""

    alive: str
    number: str
    told: str
    slow: str
    notice: str
    back: str
    language: str
    needs: str


BEFORE = Before(dialplan.ALIVE, dialplan.NUMBER, dialplan.TOLD, dialplan.SLOW, dialplan.NOTICE, dialplan.BACK_TO,
                dialplan.LANGUAGE, dialplan.NEEDS)
"""Their names."""


def always_open(entry: str) -> str:
    """The `EntryNow` of a centre that never closes."""
    return entry


def all_open(service: str) -> bool:
    """The `IsOpen` of a centre whose services have no hours of their own."""
    return True


async def forget(contact: ContactId, field: str, digest: str, box: str) -> None:
    """The `KeepKeyed` of a node that has no place for it."""


class Entry:
    """Endpoint of `agi://node/menu,<entry>`. `clock` gives Unix seconds. `flow` and `sounds` may be changed: a call in
    the menu goes on with those it began with."""

    def __init__(self, inbox: Inbox, flow: Flow, sounds: Sounds, contacts: Contacts, messages: Messages,
                 begin: Begin, clock: Callable[[], float] = time.time, entry_now: EntryNow = always_open,
                 keep_keyed: KeepKeyed = forget, announced: announcement.Now = announcement.none,
                 is_open: IsOpen = all_open, texts: Texts | None = None, wishes: Wishes | None = None) -> None:
        self.inbox, self.flow, self.sounds, self.contacts, self.messages = inbox, flow, sounds, contacts, messages
        self.begin, self.clock, self.entry_now, self.keep_keyed = begin, clock, entry_now, keep_keyed
        self.announced, self.is_open, self.texts, self.wishes = announced, is_open, texts, wishes or NoWishes()

    async def menu(self, session: Session) -> None:
        """One caller, from the greeting to `ACD_NEXT`."""
        before = Before(*await session.get_variables(*BEFORE))
        who, flow, sounds = self.contacts.caller(before.number), self.flow, self.sounds
        heard = announcement.read(before.told)
        heard_before = frozenset(heard)
        entry, state, step = await self._begin(session, flow, before, who)
        way = Passage(contact_of(session), entry, state, time.monotonic(), resumed=bool(before.back))
        passed: MenuLeft | None = None
        failed = False
        told, unwished, alive_at = state.notice, False, time.monotonic()
        try:
            while True:
                if time.monotonic() - alive_at >= ALIVE_AGAIN_S:
                    alive_at = time.monotonic()
                    await session.get_variables(dialplan.ALIVE)
                if isinstance(step, steps.Enter) and self._is_closed(flow, step.queue.service):
                    said = self._news(heard, sounds, step, step.queue.service)
                    await session.say(said)
                    state, step = machine.closed(flow, state, told=bool(said))
                if not isinstance(step, steps.Ask | steps.Record | steps.Text):
                    break
                missing, news = session.missing, partial(self._news, heard, sounds, step)
                given = await self._given(session, sounds, step, news)
                state, step = machine.step(flow, state, given, time.monotonic())
                way.note(given, state, step)
                if state.unwished and not unwished:  # at once: who hangs up now has said so
                    unwished = True
                    await self.wishes.keep(who.sealed[0], slow=False)
                if session.missing != missing and state.notice == HEARD:  # a notice without its sound is none
                    state = state._replace(notice=told)
                if state.notice != told:  # at once: a refusal outlives us
                    told = state.notice
                    await session.set_variable(dialplan.INHERITED + dialplan.NOTICE, told)
            passed = way.over(time.monotonic(), step, flow.human)
            if isinstance(step, steps.Enter):
                await session.say(self._news(heard, sounds, step, step.queue.service))
            if heard != heard_before:
                await session.set_variable(dialplan.INHERITED + dialplan.TOLD, announcement.written(heard))
            await session.say(files(sounds, step.say, slow=step.slow, language=step.language))
            since = self.clock()
            await session.set_variables(*self._onward(step, since))
        except CallerGone:
            raise
        except BaseException:
            failed = True
            raise
        finally:  # who hangs up has been here too
            self.inbox.post(passed or way.over(time.monotonic(), None, flow.human, failed=failed))
        if isinstance(step, steps.Enter):  # without a pause after that: one turn of the engine, one commit for both
            await self._wait(session, who, sounds, step, since, heard)

    async def _given(self, session: Session, sounds: Sounds, step: steps.Ask | steps.Record | steps.Text,
                     news: Callable[[], list[str]]) -> steps.Input:
        """Do what the machine wants, and what the caller did."""
        match step:
            case steps.Ask():
                return await ask(session, sounds, step, news)
            case steps.Record():
                return await self._record(session, sounds, step)
            case steps.Text():
                assert self.texts is not None
                return steps.Texted(await self.texts.ask(session, contact_of(session), step.leaf, step.language))

    def _news(self, heard: set[int], sounds: Sounds, step: steps.Step, service: str = "") -> list[str]:
        return announcement.fresh(self.announced, heard, sounds, service, slow=step.slow, language=step.language)

    def _is_closed(self, flow: Flow, service: str) -> bool:
        """Its callers are led back to the menu. One that overflows leads them on, and the human is never a dead end."""
        known = self.contacts.services.get(service)
        return known is not None and known.overflow_to is None and service != flow.queue(flow.human).service \
            and not self.is_open(service)

    async def _begin(self, session: Session, flow: Flow, before: Before, who: Caller
                     ) -> tuple[str, steps.State, steps.Step]:
        """At the entry, or where an outside number that did not answer leads back to; the entry's name first."""
        slow, notice, back = before.slow == "1", before.notice, before.back
        if notice not in (HEARD, REFUSED):
            notice = ""
        texts = self.texts is not None and self.texts.reach(who)
        entry = session.argument(1)
        if entry not in flow.entries:
            log.warning("ivr.unknown_entry", entry=entry[:40], known=sorted(flow.entries))
            entry = next(iter(flow.entries))
        now = self.entry_now(entry)
        if back:
            await session.set_variable(dialplan.BACK_TO, "")
            return now, *machine.resume(flow, back, time.monotonic(), slow=slow,
                                        language=told_language(before.language),
                                        needs=told_needs(before.needs), notice=notice, texts=texts)
        wish = self.wishes.of(who.sealed[0]) if self.wishes.kept else Wish()  # where none are kept nobody is looked up
        # While the centre is closed nobody is there to be led to at once.
        return now, *machine.begin(flow, now, time.monotonic(), slow=slow, remembered=wish.slow and not slow,
                                   human_first=wish.human_first and now == entry, notice=notice, texts=texts)

    async def _record(self, session: Session, sounds: Sounds, step: steps.Record) -> steps.Recorded:
        await session.say(files(sounds, step.say, slow=step.slow, language=step.language))
        return steps.Recorded(await self.messages.take(session, contact_of(session), step.service, MESSAGE,
                                                       slow=step.slow, language=step.language, max_s=step.max_s))

    def _onward(self, step: steps.Enter | steps.Lead | steps.Leave, since: float) -> list[tuple[str, str]]:
        """Variables of the channel, in one go: from then on the way outlives us, and of who waits the place in line
        too. After an outside number that nobody answers the dialplan asks for the menu again, and `BACK_TO` says where
        it goes on."""
        match step:
            case steps.Leave():
                return [(dialplan.NEXT, dialplan.BYE)]
            case steps.Lead():
                return [*_told(step), (dialplan.OUTSIDE, step.to), (dialplan.BACK_TO, step.failed),
                        (dialplan.NEXT, dialplan.LEAD)]
            case steps.Enter():
                return [(dialplan.INHERITED + dialplan.SERVICE, self._service(step)),
                        (dialplan.INHERITED + dialplan.SINCE, f"{since:.3f}"),
                        (dialplan.INHERITED + dialplan.PRIORITY, str(step.queue.priority)), *_told(step),
                        (dialplan.INHERITED + dialplan.TOPICS, ",".join(step.queue.topics)),
                        (dialplan.NEXT, dialplan.HOLD)]

    def _service(self, chosen: steps.Enter) -> str:
        return chosen.queue.service if chosen.queue.service in self.contacts.services else self.contacts.human

    async def _wait(self, session: Session, who: Caller, sounds: Sounds, chosen: steps.Enter, since: float,
                    heard: set[int]) -> None:
        """Tell the engine, and have said what it answers. When it does not, the hold loop tells it with a tick."""
        service = self._service(chosen)
        event = self.contacts.queued(session, who, service, since, chosen.queue.priority, chosen.slow, chosen.needs,
                                     chosen.language, chosen.queue.topics)
        self.wishes.called(event.caller_hash)
        view: object = None
        try:
            view = await self.inbox.ask(event)
        except Refused as error:
            log.error("ivr.refused", call=session.uniqueid, service=service, code=error.code)
            await session.set_variable(dialplan.NEXT, dialplan.NET)
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_silent", call=session.uniqueid)
            await session.say(files(sounds, (SORRY,), slow=chosen.slow, language=chosen.language))
        if not self.contacts.services[service].anonymous:
            for one in chosen.keyed:
                await self.keep_keyed(event.contact, one.field, *self._sealed(one))
        if isinstance(view, ContactView):
            await self.begin(session, view, Heard(slow=chosen.slow, language=chosen.language, told=heard,
                                                  mobile=self.texts is not None and self.texts.reach(who)))

    def _sealed(self, keyed: steps.Keyed) -> tuple[str, str]:
        """A telephone number as that of a caller, so that the same one is recognised; anything else under its own kind,
        so that no two kinds ever look alike."""
        number = caller.normalise(keyed.digits, self.contacts.settings.region) if keyed.check == PHONE else ""
        digest, box = self.contacts.seal(number or f"{keyed.check}:{keyed.digits}")
        return digest, box if keyed.boxed else ""


def _told(step: steps.Enter | steps.Lead) -> list[tuple[str, str]]:
    """What the menu knows of the caller, as variables of the channel."""
    return [(dialplan.INHERITED + name, value) for name, value in (
        (dialplan.SLOW, "1" if step.slow else ""),
        (dialplan.LANGUAGE, "" if step.language == LANGUAGE else step.language),
        (dialplan.NEEDS, spoken_needs(step.needs)))]


async def ask(session: Session, sounds: Sounds, step: steps.Ask, news: Callable[[], list[str]] = list
              ) -> steps.Key | steps.Silence:
    """Say and listen. A key at any moment ends it, in the silences too. `news`: what has been announced since the last
    sentence."""
    for number, file in enumerate(files(sounds, step.say, slow=step.slow, language=step.language), 1):
        digit = ""
        for one in (*news(), file):
            digit = digit or (await session.stream_file(one, ANY_KEY)).digit
        if not digit and step.pause_s and number < len(step.say):
            digit = await session.wait_for_digit(round(step.pause_s * 1000))
        if digit:
            return steps.Key(digit)
    if step.wait_s and (digit := await session.wait_for_digit(round(step.wait_s * 1000))):
        return steps.Key(digit)
    return steps.Silence()
