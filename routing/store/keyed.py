"""What callers keyed in (ids, numbers), beside their contacts: a keyed hash, and the digits encrypted when the centre's
menu says so. In no journal and no fact: it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, or_, select

from routing.store.schema import keyed

PAGE = 500
"""Rows of one transaction, so that a running node waits for none of them."""


class Keyed(NamedTuple):
    """One answer of a contact's caller."""

    contact: str
    field: str
    """What it is, by the menu's name for it."""
    hash: str
    box: str
    """Empty: the hash alone is kept."""
    at: float


_ALL = select(*(keyed.c[name] for name in Keyed._fields))


def add(connection: Connection, one: Keyed) -> None:
    """Keep it; an earlier answer to the same question is replaced."""
    connection.execute(delete(keyed).where(keyed.c.contact == one.contact, keyed.c.field == one.field))
    connection.execute(insert(keyed), one._asdict())


def of_contacts(connection: Connection, ids: Sequence[str], hashes: Sequence[str] = ()) -> list[Keyed]:
    """Of these contacts, and what anybody else keyed in that has one of these hashes: oldest first."""
    found = []
    for begin in range(0, max(len(ids), 1), PAGE):
        wanted = or_(keyed.c.contact.in_(ids[begin: begin + PAGE]), keyed.c.hash.in_(hashes))
        found += [Keyed(*row) for row in connection.execute(_ALL.where(wanted))]
    return sorted(dict.fromkeys(found), key=lambda one: (one.at, one.contact, one.field))


def forget(connection: Connection, some: Sequence[Keyed]) -> int:
    """Take them out; how many there were."""
    return sum(connection.execute(delete(keyed).where(
        keyed.c.contact == one.contact, keyed.c.field == one.field)).rowcount for one in some)


def count_old(connection: Connection, before: float) -> int:
    """How many are from before this moment."""
    return int(connection.execute(select(func.count()).select_from(keyed).where(keyed.c.at < before)).scalar() or 0)


def forget_old(connection: Connection, before: float) -> int:
    """Take out at most `PAGE` of those; how many there were."""
    return forget(connection, [Keyed(*row) for row in connection.execute(_ALL.where(keyed.c.at < before).limit(PAGE))])
