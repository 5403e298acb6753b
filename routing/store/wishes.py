"""What callers wish for their later calls: slow speech, a person at once. A keyed hash of the number, the wish, and the
day of the last call; no reason, and nothing that tells a reason. In no journal and no fact: the engine is told what it
gives (points), not that it was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from routing.store.schema import wishes

PAGE = 500
"""Rows of one transaction, so that a running node waits for none of them."""
DAY_S = 86_400.0


class Kept(NamedTuple):
    """The wishes of one caller."""

    caller_hash: str
    slow: bool
    human_first: bool
    day: int
    """Of the last call, or when it was said, in days since 1970: nobody can read from it when somebody called."""


_ALL = select(*(wishes.c[name] for name in Kept._fields))


def day_of(at: float) -> int:
    """The day of a moment (Unix seconds)."""
    return int(at // DAY_S)


def all_of(connection: Connection) -> list[Kept]:
    """Everybody's."""
    return [Kept(*row) for row in connection.execute(_ALL)]


def of(connection: Connection, hashes: Sequence[str]) -> list[Kept]:
    """Those of these callers."""
    return [Kept(*row) for row in connection.execute(_ALL.where(wishes.c.caller_hash.in_(hashes)))]


def put(connection: Connection, some: Iterable[Kept]) -> None:
    """Keep them, each in the place of what was kept of that caller; who wishes nothing any more goes."""
    given = list(some)
    for begin in range(0, len(given), PAGE):
        page = given[begin: begin + PAGE]
        forget(connection, [one.caller_hash for one in page])
        if rows := [one._asdict() for one in page if one.slow or one.human_first]:
            connection.execute(insert(wishes), rows)


def called(connection: Connection, hashes: Sequence[str], day: int) -> None:
    """They have called on this day. Who is not there stays away: what was erased does not come back."""
    connection.execute(update(wishes).where(wishes.c.caller_hash.in_(hashes), wishes.c.day < day).values(day=day))


def forget(connection: Connection, hashes: Sequence[str]) -> int:
    """Take theirs out; how many there were."""
    return connection.execute(delete(wishes).where(wishes.c.caller_hash.in_(hashes))).rowcount


def old(connection: Connection, before: int) -> list[str]:
    """At most `PAGE` callers who have not called since this day."""
    return list(connection.execute(select(wishes.c.caller_hash).where(wishes.c.day < before).limit(PAGE)).scalars())


def count_old(connection: Connection, before: int) -> int:
    """How many of them there are."""
    return int(connection.execute(select(func.count()).select_from(wishes).where(wishes.c.day < before)).scalar() or 0)
