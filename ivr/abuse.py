"""An agent says by a key in the talk, or by a code after it, that the caller was abusive. Said again in the same call
it is taken back: a key is pressed by mistake sooner or later."""

from __future__ import annotations

from routing.core.errors import CallerUnknown
from routing.core.events import AbuseSaid
from routing.core.ids import ContactId, OfferId
from routing.core.inbox import Inbox

NOTED, TAKEN_BACK, NOBODY = "kaba-tamam", "kaba-geri", "kaba-olmaz"
OWN_PROMPTS = (NOTED, TAKEN_BACK, NOBODY)


async def said(inbox: Inbox, offer: OfferId, contact: ContactId) -> str:
    """Tell the engine; the prompt that says what came of it. Raises what `Inbox.ask` does, CallerUnknown excepted."""
    view = inbox.contact(contact)
    abusive = view is None or not view.abusive
    try:
        await inbox.ask(AbuseSaid(offer, abusive))
    except CallerUnknown:
        return NOBODY
    return NOTED if abusive else TAKEN_BACK
