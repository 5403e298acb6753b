"""A caller who is to be forgotten: nothing here knows them any more, and whoever calls later is somebody new. A
callback to their number goes too, whoever asked for it.

The store then blanks what was written up to this event (`routing.store.traces`): hashes become a word that is
everywhere the same, in this event too, so that a replay forgets at the same moment.
"""

from __future__ import annotations

from routing.core import callback, contacts
from routing.core.changes import PlaceChanged
from routing.core.declare import CALLER, blank
from routing.core.domain import Domain
from routing.core.events import CallerForgotten
from routing.core.records import Contact
from routing.core.stored import FIELDS

FORGOTTEN = "forgotten"
"""Key of the end of a callback whose caller is forgotten: nobody knows the number any more."""


def forget(d: Domain, event: CallerForgotten) -> None:
    """Callbacks that wait for them end; who is in line or talks goes on as a caller nobody knows. Looks at every
    contact: it is asked for a few times a month."""
    digest = event.caller_hash
    if not digest:
        return
    d.caller_memory.forget_caller(digest)
    for contact in [one for one in d.contacts.values() if digest in (one.caller_hash, one.callback_hash)]:
        if contact.callback and contact.state in contacts.WAITING:
            callback.call_off(d, contact, FORGOTTEN)
        blank(contact, FIELDS[Contact], lambda field: field.erased)
        d.mark(contact, CALLER)
        if contact.keeps:
            d.changes.append(PlaceChanged(contact))
