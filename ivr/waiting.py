"""One round of the hold loop: the engine says where the caller stands, we say what is heard next. Plays nothing itself,
so it is over in milliseconds and no step limit cuts a sentence."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from ivr import dialplan
from ivr.agi.session import Session
from ivr.contact import Contacts, contact_of
from ivr.flow.model import SLOW_KEY
from ivr.sounds import Sounds, files
from prompts import say
from routing.core.errors import Refused
from routing.core.events import ContactTicked
from routing.core.ids import ContactId
from routing.core.inbox import ContactView, Inbox, InboxClosed
from routing.core.model import ContactState

MAX_REMEMBERED = 2_000
"""Callers whose last sentences are remembered; the oldest is forgotten (then the channel's variable tells the place).
Five times what one Asterisk carries."""
FIRST, NEXT_IN_LINE, CUT = "bekleme-ilk", "bekleme-siradaki", "gorusme-kesildi"
SLOW_ON, KEY_HEARD = "bekleme-yavas-acildi", "bekleme-tus"
COMFORT = ("bekleme-teselli-1", "bekleme-teselli-2", "bekleme-teselli-3")
OWN_PROMPTS = (FIRST, NEXT_IN_LINE, CUT, SLOW_ON, KEY_HEARD, *COMFORT)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Heard:
    """What one caller heard while waiting; times by the steady clock."""

    place: int = 0
    place_at: float = 0.0
    said_at: float = 0.0
    comforted: int = 0
    slow: bool = False
    cut: bool = False
    """The talk was lost: that is said first."""


class Waiting:
    """Endpoint of `agi://node/tick,<key>`."""

    def __init__(self, inbox: Inbox, sounds: Sounds, contacts: Contacts, clock: Callable[[], float] = time.time,
                 steady: Callable[[], float] = time.monotonic) -> None:
        self.inbox, self.sounds, self.contacts, self.clock, self.steady = inbox, sounds, contacts, clock, steady
        self.heard: OrderedDict[ContactId, Heard] = OrderedDict()

    async def tick(self, session: Session) -> None:
        """Engine silent: `ACD_NEXT` stays empty, the loop goes back to music and counts."""
        contact, key = contact_of(session), session.argument(1)[:1]
        try:
            view = await self.inbox.ask(ContactTicked(contact, key))
            if view is None:
                view = await self.inbox.ask(await self.contacts.again(session, self.clock()))
        except Refused as error:
            log.error("ivr.refused", call=contact, code=error.code)
            await session.set_variable(dialplan.NEXT, dialplan.NET)
            return
        except (InboxClosed, TimeoutError):
            log.warning("ivr.engine_silent", call=contact)
            return
        # Over for the engine, and a caller is here all the same: the records or the ids are wrong, the caller is not.
        onward = dialplan.NET
        if isinstance(view, ContactView):
            onward = onward_of(view.state)
            if onward == dialplan.HOLD:
                await self._speak(session, view, key)
        else:
            log.error("ivr.over_but_here", call=contact)
        if onward != dialplan.HOLD:
            self.heard.pop(contact, None)
        await session.set_variable(dialplan.NEXT, onward)

    def lost(self, contact: ContactId) -> None:
        """The talk was cut and the caller waits again, in front: the next tick says so."""
        heard = self.heard.setdefault(contact, Heard())
        heard.cut, heard.place = True, 0
        self._bound()

    async def _speak(self, session: Session, view: ContactView, key: str) -> None:
        heard = self.heard.get(view.contact)
        if heard is None:
            heard = self.heard[view.contact] = Heard(slow=view.slow, said_at=self.steady())
            said = await session.get_variable(dialplan.PLACE) or ""
            heard.place = int(said) if said.isascii() and said.isdigit() and len(said) < 5 else 0
            heard.slow = heard.slow or await session.get_variable(dialplan.SLOW) == "1"
            self._bound()
        self.heard.move_to_end(view.contact)
        if key == SLOW_KEY and not heard.slow:
            heard.slow = True
            await session.set_variable(dialplan.INHERITED + dialplan.SLOW, "1")
            keys = [SLOW_ON]
        elif view.state is not ContactState.PENDING:
            return  # a phone rings for this caller, or they are being connected: nothing may cover the first words
        else:
            before = heard.place
            keys = self._sentences(heard, view, key)
            if heard.place != before:
                await session.set_variable(dialplan.PLACE, str(heard.place))
        if keys:
            await session.set_variable(dialplan.SAY, "&".join(files(self.sounds, keys, slow=heard.slow)))

    def _sentences(self, heard: Heard, view: ContactView, key: str) -> list[str]:
        """Prompt keys of this round; notes in `heard` what was said."""
        now, settings, place = self.steady(), self.contacts.settings, view.position
        keys: list[str] = []
        if heard.cut:
            heard.cut, heard.place, heard.place_at = False, place, now
            keys = [CUT]
        elif place > 0 and not heard.place:
            heard.place, heard.place_at = place, now
            keys = [FIRST, *place_keys(place)]
        elif 0 < place < heard.place and now - heard.place_at >= settings.place_s:
            heard.place, heard.place_at = place, now
            keys = place_keys(place)
        elif key:
            keys = [KEY_HEARD]
        elif now - heard.said_at >= settings.comfort_s:
            keys = [COMFORT[heard.comforted % len(COMFORT)]]
            heard.comforted += 1
        if keys:
            heard.said_at = now
        return keys

    def _bound(self) -> None:
        while len(self.heard) > MAX_REMEMBERED:
            self.heard.popitem(last=False)


def place_keys(place: int) -> list[str]:
    """The sentence for a place in line."""
    return [NEXT_IN_LINE] if place == 1 else say.position(place)


def onward_of(state: ContactState) -> str:
    """Where a caller in the hold loop belongs. Given up by the engine: to a person by way of the safety net."""
    match state:
        case ContactState.PENDING | ContactState.RESERVED | ContactState.ASSIGNED:
            return dialplan.HOLD
        case ContactState.CANCELED:
            return dialplan.NET
        case ContactState.WRAPPING | ContactState.COMPLETED:
            return dialplan.BYE
