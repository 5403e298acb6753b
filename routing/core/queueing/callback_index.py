"""Index the waiting callbacks: the number in each service, and the names by which their callers are recognised.

A callback is found by the keyed hash of each number of its caller, in each service of the contact. `callback_flow`
decides what a callback means for another contact.
"""

from __future__ import annotations

from routing.core.changes import CallerName, CallerServed, PlaceChanged
from routing.core.domain import Domain
from routing.core.model.centre_model import Service
from routing.core.model.ids import ServiceId
from routing.core.records import Contact


def add_callback(d: Domain, contact: Contact) -> None:
    """Index a callback that has entered a queue. A callback needs no room in the queue, and its caller may call
    again."""
    d.waiting_callbacks.setdefault(contact.service.id, {})[contact] = None
    for name in list_names(contact, contact.service.id):
        d.callbacks.setdefault(name, {})[contact] = None
    d.callback_numbers.setdefault(contact.dial_hash, {})[contact] = None


def remove_callback(d: Domain, contact: Contact) -> None:
    """Remove a callback that has left its queue."""
    del d.waiting_callbacks[contact.service.id][contact]
    for name in list_names(contact, contact.service.id):
        waiting = d.callbacks.get(name)
        if waiting is not None:
            waiting.pop(contact, None)
            if not waiting:
                del d.callbacks[name]
    same = d.callback_numbers[contact.dial_hash]
    del same[contact]
    if not same:
        del d.callback_numbers[contact.dial_hash]


def forget_visited(d: Domain, contact: Contact) -> None:
    """Forget the services that a waiting contact overflowed from, and index a callback without them."""
    # The names of a callback come from these services: it leaves the index under the names by which it entered.
    if contact.callback:
        remove_callback(d, contact)
    contact.visited = ()
    if contact.callback:
        add_callback(d, contact)


def unlink_callback(contact: Contact) -> None:
    """Release a contact that is no longer a callback from the calls that block it."""
    for by in contact.blocked_by:
        by.blocks_callbacks = tuple([one for one in by.blocks_callbacks if one is not contact])
    contact.blocked_by = ()


def list_names(contact: Contact, *services: ServiceId) -> tuple[CallerName, ...]:
    """Return the names of a caller in these services, and in those that the contact overflowed from.

    A caller has up to two numbers: the one of the call, and the one for the callback.
    """
    return tuple([(caller_hash, name) for caller_hash in dict.fromkeys((contact.caller_hash, contact.callback_hash))
                  if caller_hash for name in dict.fromkeys((*services, *contact.visited))])


def note_served(d: Domain, contact: Contact, service: Service) -> None:
    """Note that the caller of a contact was served for a service, if any callback waits."""
    if d.callbacks:
        d.changes.append(CallerServed(list_names(contact, service.id), contact.queued_at))


def note_new(d: Domain) -> None:
    """Note that a callback is new, so that each present contact is compared with it. The function looks at every
    contact."""
    if d.callbacks:
        d.changes.extend([PlaceChanged(contact) for contact in d.contacts.values()])
