"""Keep what callers have keyed in (ids, numbers) next to their contacts.

Each input is a keyed hash, with the digits encrypted if the centre's menu says so. The inputs are in no journal and no
fact, because they decide nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, or_, select

from routing.store.callers.erased_contacts import is_erased
from routing.store.schema import caller_inputs

PAGE = 500
"""Rows of one transaction, so that a running node waits for none of them."""


class CallerInput(NamedTuple):
    """One answer of a contact's caller."""

    contact: str
    field: str
    """Name of the question in the menu."""
    hash: str
    value_encrypted: str
    """Empty if only the hash is kept."""
    at: float


_ALL = select(*(caller_inputs.c[name] for name in CallerInput._fields))


def add_input(connection: Connection, one: CallerInput) -> None:
    """Store an answer, unless the caller was erased. It replaces an earlier answer to the same question."""
    if is_erased(connection, one.contact):
        return
    connection.execute(delete(caller_inputs).where(
        caller_inputs.c.contact == one.contact, caller_inputs.c.field == one.field))
    connection.execute(insert(caller_inputs), one._asdict())


def inputs_of_contacts(connection: Connection, ids: Sequence[str], hashes: Sequence[str] = ()) -> list[CallerInput]:
    """Return the inputs of these contacts, and all inputs with one of these hashes, oldest first."""
    found = []
    # In pages, because a database limits the values of one statement.
    for begin in range(0, max(len(ids), 1), PAGE):
        wanted = or_(caller_inputs.c.contact.in_(ids[begin: begin + PAGE]), caller_inputs.c.hash.in_(hashes))
        found += [CallerInput(*row) for row in connection.execute(_ALL.where(wanted))]
    return sorted(dict.fromkeys(found), key=lambda one: (one.at, one.contact, one.field))


def erase_inputs(connection: Connection, some: Sequence[CallerInput]) -> int:
    """Delete inputs, and return how many there were."""
    return sum(connection.execute(delete(caller_inputs).where(
        caller_inputs.c.contact == one.contact, caller_inputs.c.field == one.field)).rowcount for one in some)


def count_old_inputs(connection: Connection, before: float) -> int:
    """Return how many inputs are from before this moment."""
    return int(connection.execute(select(func.count()).select_from(caller_inputs).where(
        caller_inputs.c.at < before)).scalar() or 0)


def erase_old_inputs(connection: Connection, before: float) -> int:
    """Delete at most `PAGE` inputs from before this moment, and return how many there were."""
    return erase_inputs(connection, [CallerInput(*row) for row in connection.execute(
        _ALL.where(caller_inputs.c.at < before).limit(PAGE))])
