"""Send the written form of what the menu says by short message.

The message goes only to the number that the caller calls from. Nothing is keyed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ivr.agi.session import Session
from ivr.caller.contact_events import ContactEvents
from ivr.caller.dialable import is_mobile
from ivr.caller.identity import CallerIdentity
from ivr.flow.menu_model import End, MenuFlow, Queue
from ivr.flow.sms_text import NOT_NOW, ON_ITS_WAY, SENT_BEFORE, message_text
from routing.core.model.ids import ContactId

SendSms = Callable[[ContactId, str, str, str, str], Awaitable[str]]
"""Send a text to a contact: node, keyed hash and encrypted number, text. Return `taken`, `again` or another word."""
SAID = {"taken": ON_ITS_WAY, "again": SENT_BEFORE}


class TextMessages:
    """Short messages of a node.

    `send` is None if the centre has no gateway. Callers who wait for `after_s` hear that a message can be sent.
    """

    def __init__(self, contacts: ContactEvents, flow: MenuFlow, send: SendSms | None = None,
            after_s: float = 0.0) -> None:
        self.contacts, self.send, self.after_s = contacts, send, after_s
        self.leaves: dict[str, Queue] = {}
        self.apply_menu(flow)

    def apply_menu(self, flow: MenuFlow) -> None:
        """Use another menu from now on."""
        self.leaves = {}
        for node in flow.nodes.values():
            if isinstance(node, Queue) and node.sms:
                # A waiting caller has no node, so the first one of the service provides the text.
                self.leaves.setdefault(node.service, node)

    def can_reach(self, who: CallerIdentity) -> bool:
        """Return whether there is a gateway and short messages can go to the caller's number."""
        return self.send is not None and is_mobile(who.number)

    async def request_text(self, session: Session, contact: ContactId, leaf: Queue | End, language: str) -> str:
        """Ask for the short message. Return the prompt that reports the result."""
        who = await self.contacts.identify_caller(session)
        if self.send is None or not is_mobile(who.number):
            return NOT_NOW
        return SAID.get(await self.send(contact, leaf.name, *who.hash_and_encrypted, message_text(leaf, language)),
            NOT_NOW)
