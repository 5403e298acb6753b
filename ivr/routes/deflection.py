"""Tell a caller on a day of a flood that nobody is free soon, and end the call with a key's choice.

The caller is not in the queue yet, so nobody is reserved and no place is taken. Key 1 always leads to help in distress,
because that key has the same meaning in the menu.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import structlog

from ivr.agi.session import ANY_KEY, Session
from ivr.caller.contact_events import ContactEvents
from ivr.caller.dialable import Refusal, check_dialable
from ivr.caller.identity import CallerIdentity
from ivr.caller.text_messages import TextMessages
from ivr.flow import dialogue_steps, sms_text
from ivr.flow.dialogue_steps import SLOW_FACTOR
from ivr.flow.menu_model import MenuFlow, Queue
from ivr.hold.hold_script import EMERGENCY_KEY
from ivr.sounds import Sounds, prompt_files
from routing.core.events import CallbackRequested, ContactExited
from routing.core.inbox import CallerInbox, ContactView, InboxClosed
from routing.core.model.centre_model import CallbackOrder
from routing.core.model.errors import Refused
from routing.core.model.reasons import DEFLECTED

WORDS = "yogun-ozur"
"""Everybody hears it: the centre is very busy, and key 1 leads to help."""
CALLBACK_WORDS, TEXT_WORDS = "yogun-geri-arama", "yogun-mesaj"
"""Choices, each said only if it is possible for this caller."""
AGREED, NOT_POSSIBLE = "yogun-arayacagiz", "yogun-sonra"
CALLBACK_KEY, TEXT_KEY = "3", sms_text.KEY
KEY_S = 3.0
"""Time for the key after the last word. Words, key and answer take at most 15 s of a line (a test adds them up)."""
LIMIT_S = 15.0
"""Longest time that a deflected call holds its line, at normal pace."""
OWN_PROMPTS = (WORDS, CALLBACK_WORDS, TEXT_WORDS, AGREED, NOT_POSSIBLE)

DISTRESS, CALLBACK, TEXT, NONE = "distress", "callback", "text", "none"
"""Answers of a deflected caller."""

IsDeflected = Callable[[str, int, float | None], bool]
"""Return whether a further caller is deflected. Arguments: service, its waiting contacts, the expected wait."""

log = structlog.get_logger(__name__)


def deflect_nobody(service: str, waiting: int, expected_s: float | None) -> bool:
    """Return False. This is the `IsDeflected` of a node without a surge profile in force."""
    return False


class Deflection:
    """Deflect callers of the menu. `counts` has the answers by service."""

    def __init__(self, inbox: CallerInbox, contacts: ContactEvents, is_deflected: IsDeflected,
                 texts: TextMessages | None) -> None:
        self.inbox, self.contacts, self.is_deflected, self.texts = inbox, contacts, is_deflected, texts
        self.counts: Counter[tuple[str, str]] = Counter()

    def is_due(self, service: str) -> bool:
        """Return whether a caller who has chosen the service now is deflected."""
        load = self.inbox.queue_load(service)
        return load is not None and self.is_deflected(service, load.waiting, load.expected_s)

    async def ask_caller(self, session: Session, sounds: Sounds, who: CallerIdentity,
                         chosen: dialogue_steps.EnterQueue, service: str) -> str:
        """Say the words, with the choices of this caller, and return the answer."""
        offered = {EMERGENCY_KEY: DISTRESS}
        said = [WORDS]
        if self._callback_number(who, service):
            offered[CALLBACK_KEY] = CALLBACK
            said.append(CALLBACK_WORDS)
        if self.texts is not None and chosen.queue.sms and self.texts.can_reach(who):
            offered[TEXT_KEY] = TEXT
            said.append(TEXT_WORDS)
        files = prompt_files(sounds, tuple(said), slow=chosen.slow, language=chosen.language)
        patience = SLOW_FACTOR if chosen.slow else 1.0
        key = await session.play_files(files, ANY_KEY) or await session.wait_for_digit(round(KEY_S * patience * 1000))
        answer = offered.get(key, NONE)
        self.counts[service, answer] += 1
        return answer

    def find_distress(self, flow: MenuFlow) -> Queue | None:
        """Return the first node of the menu that leads to a service for distress."""
        return next((node for node in flow.nodes.values() if isinstance(node, Queue)
                     and (known := self.contacts.services.get(node.service)) is not None and known.distress), None)

    async def request_callback(self, view: ContactView, who: CallerIdentity, service: str) -> bool:
        """Turn a queued contact into a callback to the caller's own number. Return False if that is not possible.

        Then the contact leaves the queue, because its caller hangs up.
        """
        digest, box = self.contacts.seal(self._callback_number(who, service))
        try:
            now = await self.inbox.ask(CallbackRequested(view.contact, 0.0, False, digest, box))
            if isinstance(now, ContactView) and now.callback:
                return True
        except (Refused, InboxClosed, TimeoutError) as error:
            log.warning("ivr.callback_not_accepted", call=view.contact, kind=type(error).__name__)
        self.inbox.post(ContactExited(view.contact, DEFLECTED))
        return False

    def _callback_number(self, who: CallerIdentity, service: str) -> str:
        """Return the number for a callback, or an empty text if this caller cannot be called back."""
        known = self.contacts.services.get(service)
        if known is None or known.anonymous or known.callback is CallbackOrder.NONE or not who.number:
            return ""
        found = check_dialable(who.number, self.contacts.settings.own_numbers)
        return "" if isinstance(found, Refusal) else found
