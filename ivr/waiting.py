"""One round of the hold loop: the engine says where the caller stands, `hold` what is heard next. Plays nothing itself,
so it is over in milliseconds and no step limit cuts a sentence."""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable

import structlog

from ivr import announcement, dialplan, expected, hold, wish
from ivr.agi.session import Session
from ivr.config import DISTRESS, USUAL, Wait
from ivr.contact import Contacts, contact_of, told_language
from ivr.expected import Words
from ivr.flow import sms
from ivr.flow.model import REFUSE_KEY, REFUSED, REPEAT_KEY, SLOW_KEY
from ivr.flow.steps import NOT_RECORDED
from ivr.hold import Heard
from ivr.sms import Texts
from ivr.sounds import Sounds, files
from prompts.say import LANGUAGE
from routing.core.errors import Refused
from routing.core.events import CallbackReached, ContactTicked, PlaceDeclined
from routing.core.ids import ContactId
from routing.core.inbox import ContactView, Inbox, InboxClosed
from routing.core.model import ContactState

MAX_REMEMBERED = 2_000
"""Callers whose last sentences are remembered; the oldest is forgotten (then the channel's variables tell the place and
the wait). Five times what one Asterisk carries."""
OWN_PROMPTS = (
    hold.NEXT_IN_LINE, hold.CUT, hold.SLOW_ON, hold.PAUSED, hold.KEY_HEARD, hold.BACK, hold.BACK_ASK, hold.BACK_KIND,
    hold.BACK_KEPT, hold.BACK_LEFT, hold.CALLBACK_KEPT, hold.EMERGENCY_AGAIN,
    *(f"{hold.CALLBACK_OFFER}-{key}" for key in range(3, 8)), USUAL.first,
    *USUAL.comfort, DISTRESS.first, *DISTRESS.comfort, *(key for words in expected.ALL for key in words.keys(LANGUAGE)))
HERE = (ContactState.PENDING, ContactState.RESERVED, ContactState.ASSIGNED)
"""States of a contact whose caller may be in the hold loop. In any other one the records, the ids or what was seen of a
talk are wrong."""
ANY = "any"
"""In the place of a key that ended a pause."""
_SAID = re.compile(r"(\d{1,3}):([01]):(\d{1,12})\Z", re.ASCII)

Put = list[tuple[str, str]]
"""Variables of the channel that the tick sets at its end, all in one go."""

log = structlog.get_logger(__name__)


class Waiting:
    """Endpoint of `agi://node/tick,<key>`."""

    def __init__(self, inbox: Inbox, sounds: Sounds, contacts: Contacts, clock: Callable[[], float] = time.time,
                 steady: Callable[[], float] = time.monotonic, announced: announcement.Now = announcement.none,
                 texts: Texts | None = None, wishes: wish.Wishes | None = None) -> None:
        self.inbox, self.sounds, self.contacts, self.clock, self.steady = inbox, sounds, contacts, clock, steady
        self.announced, self.texts = announced, texts
        self.offers = wish.Offers(contacts, wishes or wish.NoWishes())
        self.heard: OrderedDict[ContactId, Heard] = OrderedDict()

    async def tick(self, session: Session) -> None:
        """Engine silent: `ACD_NEXT` stays empty, the loop goes back to music and counts."""
        contact, key = contact_of(session), session.argument(1)[:1]
        put: Put = []
        try:
            view = await self.inbox.ask(ContactTicked(contact, key))
            if view is None:
                view = await self.inbox.ask(await self.contacts.again(session, self.clock()))
            if isinstance(view, ContactView) and view.callback:
                # Called back and there, or never gone: whoever hears this loop waits on the line.
                view = await self.inbox.ask(CallbackReached(contact, session.channel))
            onward = dialplan.NET  # to a person: nobody who is here is sent away
            if isinstance(view, ContactView) and view.state in HERE:
                onward = await self._round(session, view, key, put)
            elif view is None or view.state is not ContactState.CANCELED:  # that: given up by the engine
                log.error("ivr.over_but_here", call=contact)
        except Refused as error:
            log.error("ivr.refused", call=contact, code=error.code)
            onward = dialplan.NET
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_silent", call=contact)
            await session.set_variables(*put)
            return
        if onward not in (dialplan.HOLD, dialplan.CALLBACK):
            self.heard.pop(contact, None)
        await session.set_variables(*put, (dialplan.NEXT, onward))

    async def begin(self, session: Session, view: ContactView, heard: Heard) -> None:
        """The first round of a caller whom the menu hands over, with all that is known of them. The hold loop need not
        ask for it on a connection of its own."""
        if view.callback or view.state not in HERE:
            return  # the hold loop asks
        heard.known, heard.said_at = True, self.steady()
        self.heard[view.contact] = heard
        self._bound()
        put: Put = []
        await self._round(session, view, "", put)
        await session.set_variables(*put, (dialplan.BEGUN, "1"))

    def lost(self, view: ContactView) -> None:
        """The talk was cut and the caller waits again, in front: the next tick says so."""
        hold.lost(self.heard.setdefault(view.contact, Heard()), view)
        self._bound()

    async def _round(self, session: Session, view: ContactView, key: str, put: Put) -> str:
        """Where the dialplan goes on; what it plays before is in `ACD_SAY`. Variables of the channel go into `put`."""
        heard = await self._known(session, view)
        hold.sent_on(heard, view)
        wait = self.contacts.settings.waits.get(view.service, USUAL)
        if heard.music != wait.music:
            put.append((dialplan.MUSIC, wait.music))
            heard.music = wait.music
        if view.returned and heard.service is None:  # what a restart without its store would go by
            put.append((dialplan.INHERITED + dialplan.SINCE, f"{self.clock() - view.waited_s:.3f}"))
        paused = heard.pausing(self.steady())
        refuses = key == REFUSE_KEY and bool(await session.get_variable(dialplan.NOTICE))
        if paused and key and not (key == hold.EMERGENCY_KEY and wait.emergency):
            key = ANY  # it ends the pause and means nothing else
        if refuses:
            put.append((dialplan.INHERITED + dialplan.NOTICE, REFUSED))
        wished = key == wish.YES_KEY and wait.wishes and heard.wishing(self.steady())
        if view.state is not ContactState.PENDING and key != SLOW_KEY and not wished:
            return dialplan.HOLD  # a phone rings for this caller, or they are being connected: nothing may cover that
        if key and key == wait.callback_key and not view.callback:
            return dialplan.CALLBACK
        before = heard.place, heard.words
        if refuses:
            keys = [NOT_RECORDED, *(hold.goes_on(heard, view, wait, self.steady()) if paused else ())]
        else:
            keys = await self._keys(session, put, heard, view, wait, key)
        news = [] if key or paused or view.state is not ContactState.PENDING else announcement.fresh(
            self.announced, heard.told, self.sounds, view.service, slow=heard.slow, language=heard.language)
        if news:
            put.append((dialplan.INHERITED + dialplan.TOLD, announcement.written(heard.told)))
        if news or keys:
            put.append((dialplan.SAY, "&".join(
                (*news, *files(self.sounds, keys, slow=heard.slow, language=heard.language)))))
        if (heard.place, heard.words) != before:
            put += [(dialplan.PLACE, str(heard.place)), (dialplan.WAIT, self._said(heard))]
        return dialplan.HOLD

    async def _keys(self, session: Session, put: Put, heard: Heard, view: ContactView, wait: Wait, key: str
                    ) -> list[str]:
        """Prompt keys of this round."""
        now, settings = self.steady(), self.contacts.settings
        if key == SLOW_KEY and not heard.slow:
            put.append((dialplan.INHERITED + dialplan.SLOW, "1"))
            return hold.slower(heard, now)
        pending = view.state is ContactState.PENDING
        wished = key == wish.YES_KEY and wait.wishes and heard.wishing(now)
        if wished and now - heard.wish_at >= hold.EARLY_S:
            said = hold.wished(heard, now, await self.offers.accepted(session))
            return said if pending else []
        if not pending:
            return []
        if wished:
            return hold.ask_wish(heard, now)
        if key == ANY:
            return hold.goes_on(heard, view, wait, now)
        leaf = self.texts.leaves.get(view.service) if self.texts is not None and heard.mobile else None
        if heard.service is None or not key:
            asks = heard.slow and heard.service is not None and not heard.asked(now) \
                and await self.offers.due(session, view.service)
            keys = hold.speak(heard, view, wait, now, place_s=settings.place_s, comfort_s=settings.comfort_s,
                              texts_s=math.inf if leaf is None or self.texts is None else self.texts.after_s,
                              remembers=asks)
            if keys == [wish.OFFER]:
                put.append((dialplan.INHERITED + dialplan.WISH, "1"))
            return keys
        if key == SLOW_KEY:
            return hold.pause(heard, now)
        if heard.asked(now) and now - heard.asked_at < hold.EARLY_S:
            return hold.ask_again(heard, view, wait, now)
        if key in (hold.OLD_KEY, hold.NEW_KEY) and heard.asked(now):
            old = key == hold.OLD_KEY
            if not old:
                after = await self.inbox.ask(PlaceDeclined(view.contact))
                view = after if isinstance(after, ContactView) else view
                put.append((dialplan.INHERITED + dialplan.SINCE, f"{self.clock() - view.waited_s:.3f}"))
            return hold.answered(heard, view, wait, now, old=old)
        if key == hold.EMERGENCY_KEY and wait.emergency:
            return hold.emergency(heard, wait, now)
        if key == REPEAT_KEY:
            return hold.repeat(heard, view, wait, now)
        if key == sms.KEY and leaf is not None and self.texts is not None:
            return hold.texted(heard, await self.texts.ask(session, view.contact, leaf, heard.language), now)
        return hold.pressed(heard, now)

    async def _known(self, session: Session, view: ContactView) -> Heard:
        """What this caller heard; after a restart as the channel's variables tell it."""
        heard = self.heard.setdefault(view.contact, Heard())
        self.heard.move_to_end(view.contact)
        self._bound()
        if heard.known:
            return heard
        heard.known, heard.said_at = True, self.steady()
        slow, told, language, place, wait, number = await session.get_variables(
            dialplan.SLOW, dialplan.TOLD, dialplan.LANGUAGE, dialplan.PLACE, dialplan.WAIT, dialplan.NUMBER)
        heard.mobile = self.texts is not None and self.texts.reach(self.contacts.caller(number))
        heard.slow, heard.told = view.slow or slow == "1", announcement.read(told)
        heard.language = told_language(language)
        if heard.cut:
            return heard
        heard.place = int(place) if place.isascii() and place.isdigit() and len(place) < 5 else 0
        if (said := _SAID.match(wait)) is not None:
            heard.words = Words(int(said[1]), said[2] == "1")
            heard.until = self.steady() + int(said[3]) - self.clock() if int(said[3]) else math.inf
        return heard

    def _said(self, heard: Heard) -> str:
        """Minutes, whether more than these, and when they are over (Unix seconds; 0: never)."""
        if heard.words is None:
            return ""
        until = 0 if heard.until == math.inf else round(self.clock() + heard.until - self.steady())
        return f"{heard.words.minutes}:{int(heard.words.more)}:{until}"

    def _bound(self) -> None:
        while len(self.heard) > MAX_REMEMBERED:
            self.heard.popitem(last=False)
