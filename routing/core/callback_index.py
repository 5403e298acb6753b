"""Index of the callbacks that wait: how many there are in each service, and how their callers are recognised.

A callback is found by the keyed hash of each number its caller is known by, in each service the contact has been in.
What a callback means for another contact is decided in `callback`.
"""

from __future__ import annotations

from routing.core.changes import CallerName, CallerServed, PlaceChanged
from routing.core.domain import Domain
from routing.core.ids import ServiceId
from routing.core.model import Service
from routing.core.records import Contact


def add_callback(d: Domain, contact: Contact) -> None:
    """Index a callback that has entered a queue. It takes no room there, and its caller may call again."""
    d.deferred[contact.service.id] = d.deferred.get(contact.service.id, 0) + 1
    for name in list_names(contact, contact.service.id):
        d.callbacks.setdefault(name, {})[contact] = None


def remove_callback(d: Domain, contact: Contact) -> None:
    """Remove a callback that has left its queue."""
    d.deferred[contact.service.id] -= 1
    for name in list_names(contact, contact.service.id):
        waiting = d.callbacks.get(name)
        if waiting is not None:
            waiting.pop(contact, None)
            if not waiting:
                del d.callbacks[name]


def unlink_callback(contact: Contact) -> None:
    """Free a contact that is no callback any more from the calls that block it."""
    for by in contact.kept_by:
        by.keeps = tuple([one for one in by.keeps if one is not contact])
    contact.kept_by = ()


def list_names(contact: Contact, *services: ServiceId) -> tuple[CallerName, ...]:
    """Return the names a caller may be recognised by in these services and in those that overflow took the call from.

    A caller has up to two numbers: the one they came with, and the one they want to be called at.
    """
    return tuple([(caller_hash, name) for caller_hash in dict.fromkeys((contact.caller_hash, contact.callback_hash))
                  if caller_hash for name in dict.fromkeys((*services, *contact.visited))])


def note_served(d: Domain, contact: Contact, service: Service) -> None:
    """Note that the caller of a contact was served for a service, if any callback waits at all."""
    if d.callbacks:
        d.changes.append(CallerServed(list_names(contact, service.id), contact.queued_at))


def note_new(d: Domain) -> None:
    """Note that a callback is new among contacts that are there already. Looks at every contact."""
    if d.callbacks:
        d.changes.extend([PlaceChanged(contact) for contact in d.contacts.values()])
