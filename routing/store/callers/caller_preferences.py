"""Keep what callers prefer in later calls: slow speech, or a person at once.

A row is a keyed hash of the number, the preferences and the day of the last call. It holds no reason, and nothing that
tells a reason.

The rows are in no journal and no fact. The engine gets the effect of a preference (points), not the preference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from routing.store.schema import caller_preferences

PAGE = 500
"""Rows of one transaction, so that a running node waits for none of them."""
DAY_S = 86_400.0


class CallerPreferences(NamedTuple):
    """The preferences of one caller."""

    caller_hash: str
    slow: bool
    human_first: bool
    day: int
    """Day of the last call, or of the statement, in days since 1970. Nobody can read from it when somebody called."""


_ALL = select(*(caller_preferences.c[name] for name in CallerPreferences._fields))


def day_of(at: float) -> int:
    """Return the day of a moment (Unix seconds)."""
    return int(at // DAY_S)


def all_preferences(connection: Connection) -> list[CallerPreferences]:
    """Return the preferences of all callers."""
    return [CallerPreferences(*row) for row in connection.execute(_ALL)]


def preferences_of(connection: Connection, hashes: Sequence[str]) -> list[CallerPreferences]:
    """Return the preferences of these callers."""
    return [CallerPreferences(*row)
        for row in connection.execute(_ALL.where(caller_preferences.c.caller_hash.in_(hashes)))]


def put_preferences(connection: Connection, some: Iterable[CallerPreferences]) -> None:
    """Store preferences in place of earlier ones. A caller without a preference loses the row."""
    given = list(some)
    for begin in range(0, len(given), PAGE):
        page = given[begin: begin + PAGE]
        erase_preferences(connection, [one.caller_hash for one in page])
        if rows := [one._asdict() for one in page if one.slow or one.human_first]:
            connection.execute(insert(caller_preferences), rows)


def note_calls(connection: Connection, hashes: Sequence[str], day: int) -> None:
    """Note that these callers have called on this day. Erased callers do not come back by this."""
    connection.execute(update(caller_preferences).where(
        caller_preferences.c.caller_hash.in_(hashes), caller_preferences.c.day < day).values(day=day))


def erase_preferences(connection: Connection, hashes: Sequence[str]) -> int:
    """Delete the preferences of these callers, and return how many there were."""
    return connection.execute(delete(caller_preferences).where(caller_preferences.c.caller_hash.in_(hashes))).rowcount


def inactive_callers(connection: Connection, before: int) -> list[str]:
    """Return at most `PAGE` callers who have not called since this day."""
    return list(connection.execute(select(caller_preferences.c.caller_hash).where(
        caller_preferences.c.day < before).limit(PAGE)).scalars())
