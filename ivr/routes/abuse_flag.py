"""Note that a caller was abusive, when the agent presses a key in the talk or dials a code after it.

The same key takes the flag back in the same talk, because a key is soon pressed by mistake. The next
agent of the caller does not know of an earlier flag and sets another one.
"""

from __future__ import annotations

from collections import OrderedDict

from routing.core.events import CallerFlaggedAbusive
from routing.core.inbox import Inbox
from routing.core.model.errors import CallerUnknown
from routing.core.model.ids import ContactId, OfferId

NOTED, TAKEN_BACK, NOBODY = "kaba-tamam", "kaba-geri", "kaba-olmaz"
OWN_PROMPTS = (NOTED, TAKEN_BACK, NOBODY)

MAX_TALKS = 1_000
"""Flagged talks that are remembered. Five times the agents of a large centre, each with one talk at a time.

The oldest is forgotten. A forgotten talk, or one before a restart, is flagged again, which is the safe side.
"""


class AbuseFlags:
    """Flags that agents have set by telephone, by key or by code."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self._said: OrderedDict[OfferId, None] = OrderedDict()

    async def flag_caller(self, offer: OfferId, contact: ContactId) -> str:
        """Report the flag to the engine and return the prompt with the result. Raise what `Inbox.ask` raises.

        CallerUnknown is the exception: it has its prompt.
        """
        view = self.inbox.contact_view(contact)
        # A second press takes the flag back, unless somebody has taken it back elsewhere.
        abusive = offer not in self._said or (view is not None and not view.abusive)
        try:
            await self.inbox.ask(CallerFlaggedAbusive(offer, abusive))
        except CallerUnknown:
            return NOBODY
        if not abusive:
            self._said.pop(offer, None)
            return TAKEN_BACK
        self._said[offer] = None
        while len(self._said) > MAX_TALKS:
            self._said.popitem(last=False)
        return NOTED
