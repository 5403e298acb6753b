"""Erase a caller: no memory of the engine knows the caller any more, and a later call is from somebody new.

A callback to the number is cancelled too, no matter who asked for it. The store then blanks all earlier entries
(`routing.store.callers.erasure`). Hashes become the same word everywhere, in this event too, so that a replay erases at
the same moment.
"""

from __future__ import annotations

from routing.core.calls import callback_flow
from routing.core.changes import PlaceChanged
from routing.core.domain import Domain
from routing.core.events import CallerErased
from routing.core.model.centre_model import WAITING_STATES
from routing.core.model.declare import CALLER, blank
from routing.core.records import Contact
from routing.core.stored import FIELDS

ERASED = "erased"
"""Key of the end of a callback whose caller is erased. The number is unknown from then on."""


def erase_caller(d: Domain, event: CallerErased) -> None:
    """Erase a caller. Waiting callbacks end, and a caller who waits or talks goes on as an unknown caller.

    The function looks at every contact, because it is needed a few times a month.
    """
    digest = event.caller_hash
    if not digest:
        return
    d.caller_memory.forget_caller(digest)
    for contact in [one for one in d.contacts.values() if digest in (one.caller_hash, one.callback_hash)]:
        # The number may be that of the call, or the one that another caller gave for the callback.
        if contact.callback and contact.state in WAITING_STATES:
            callback_flow.cancel_callback(d, contact, ERASED)
        blank(contact, FIELDS[Contact], lambda field: field.erased)
        d.mark(contact, CALLER)
        if contact.blocks_callbacks:
            d.changes.append(PlaceChanged(contact))
