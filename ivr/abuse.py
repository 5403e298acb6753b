"""An agent says by a key in the talk, or by a code after it, that the caller was abusive. Said again by the same agent
in the same talk it is taken back: a key is pressed by mistake sooner or later. Who has the caller next does not know
what was said before, and says it for themselves."""

from __future__ import annotations

from collections import OrderedDict

from routing.core.errors import CallerUnknown
from routing.core.events import AbuseSaid
from routing.core.ids import ContactId, OfferId
from routing.core.inbox import Inbox

NOTED, TAKEN_BACK, NOBODY = "kaba-tamam", "kaba-geri", "kaba-olmaz"
OWN_PROMPTS = (NOTED, TAKEN_BACK, NOBODY)

MAX_TALKS = 1_000
"""Talks in which it was said that are remembered; the oldest is forgotten. Five times the agents of a large centre, of
whom each has one at a time. Of one that is forgotten, or from before a restart, it is noted again: the safe side."""


class Abuse:
    """What agents have said by their telephones, the key and the code alike."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self._said: OrderedDict[OfferId, None] = OrderedDict()

    async def said(self, offer: OfferId, contact: ContactId) -> str:
        """Tell the engine; the prompt that says what came of it. Raises what `Inbox.ask` does, CallerUnknown
        excepted."""
        view = self.inbox.contact(contact)
        abusive = offer not in self._said or (view is not None and not view.abusive)
        try:
            await self.inbox.ask(AbuseSaid(offer, abusive))
        except CallerUnknown:
            return NOBODY
        if not abusive:
            self._said.pop(offer, None)
            return TAKEN_BACK
        self._said[offer] = None
        while len(self._said) > MAX_TALKS:
            self._said.popitem(last=False)
        return NOTED
