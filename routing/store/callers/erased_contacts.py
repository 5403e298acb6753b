"""Remember the contacts whose caller was erased.

The call of such a contact may still go on, and an agent may write afterwards. The contact has no number any more, so no
export and no later erasure would find what is stored of it then. Nothing more is stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from routing.store.schema import contacts, erased_contacts

PAGE = 500
"""Contacts of one statement, because a database limits the values of it."""


def is_erased(connection: Connection, contact: str) -> bool:
    """Return whether the caller of a contact was erased.

    The contact is locked until the end of the transaction. An erasure that runs now waits for it, or this transaction
    sees that it is over (PostgreSQL; SQLite has one writer).
    """
    connection.execute(select(contacts.c.contact).where(contacts.c.contact == contact).with_for_update())
    return connection.execute(select(erased_contacts.c.contact).where(
        erased_contacts.c.contact == contact)).first() is not None


def note_erased(connection: Connection, ids: Sequence[str], at: float) -> None:
    """Remember that the caller of these contacts is erased."""
    known = {one for begin in range(0, len(ids), PAGE) for one in connection.execute(select(
        erased_contacts.c.contact).where(erased_contacts.c.contact.in_(ids[begin: begin + PAGE]))).scalars()}
    if new := [{"contact": one, "at": at} for one in ids if one not in known]:
        connection.execute(insert(erased_contacts), new)


def forget_old(connection: Connection, before: float) -> None:
    """Forget erasures from before this moment."""
    connection.execute(delete(erased_contacts).where(erased_contacts.c.at < before))
