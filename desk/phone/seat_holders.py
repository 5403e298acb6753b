"""Remember in the store who was given the secret of which page seat.

An agent may have kept a secret, so all that the agent was given are renewed when the person is disabled.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select, update

from routing.store.schema import meta

PREFIX = "page_seat:"
"""Prefix of a seat, for the key of `meta`. Its value is the ids of agents, separated by spaces: at most the team."""


def note_holder(connection: Connection, seat: str, agent: str) -> None:
    """Note that an agent was given the secret of a seat."""
    key = PREFIX + seat
    known = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()
    if known is None:
        connection.execute(insert(meta), {"key": key, "value": agent})
    elif agent not in known.split():
        connection.execute(update(meta).where(meta.c.key == key).values(value=f"{known} {agent}"))


def find_seats(connection: Connection, agent: str) -> tuple[str, ...]:
    """Return the seats whose secrets an agent was given, in order."""
    rows = connection.execute(select(meta.c.key, meta.c.value).where(meta.c.key.startswith(PREFIX, autoescape=True)))
    return tuple(sorted(key.removeprefix(PREFIX) for key, value in rows if agent in value.split()))


def forget_holders(connection: Connection, seats: Iterable[str]) -> None:
    """Forget who was given the secrets of seats, because the seats have new ones."""
    connection.execute(delete(meta).where(meta.c.key.in_([PREFIX + seat for seat in seats])))
