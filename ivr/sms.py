"""The twin in writing by short message: to whom it can be sent, and asking for it. It goes to the number that the
caller calls from and to no other one; nothing is keyed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ivr.agi.session import Session
from ivr.caller import Caller
from ivr.contact import Contacts
from ivr.dialable import mobile
from ivr.flow.model import End, Flow, Queue
from ivr.flow.sms import NOT_NOW, ON_ITS_WAY, SENT_BEFORE, message
from routing.core.ids import ContactId

Send = Callable[[ContactId, str, str, str, str], Awaitable[str]]
"""Contact, node, keyed hash and box of the number, text -> what became of it: `taken`, `again`, or anything else."""
SAID = {"taken": ON_ITS_WAY, "again": SENT_BEFORE}


class Texts:
    """`send` None: the centre has no gateway. `after_s`: who waits so long hears that there is such a thing."""

    def __init__(self, contacts: Contacts, flow: Flow, send: Send | None = None, after_s: float = 0.0) -> None:
        self.contacts, self.send, self.after_s = contacts, send, after_s
        self.leaves: dict[str, Queue] = {}
        self.change(flow)

    def change(self, flow: Flow) -> None:
        """Another menu from now on."""
        self.leaves = {}
        for node in flow.nodes.values():
            if isinstance(node, Queue) and node.sms:
                self.leaves.setdefault(node.service, node)

    def reach(self, who: Caller) -> bool:
        """Whether there is a gateway, and the caller's number is one that short messages go to."""
        return self.send is not None and mobile(who.number)

    async def ask(self, session: Session, contact: ContactId, leaf: Queue | End, language: str) -> str:
        """Have it sent; the prompt that says what became of it."""
        who = await self.contacts.calling(session)
        if self.send is None or not mobile(who.number):
            return NOT_NOW
        return SAID.get(await self.send(contact, leaf.name, *who.sealed, message(leaf, language)), NOT_NOW)
