"""Find the rows and facts of a period by number, because numbers are in the order of times.

Nothing here reads more than its period needs. A table of years has no index on the times of its facts, which would cost
every decision some microseconds. A binary search over the numbers finds a time in some twenty queries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import JSON, ColumnElement, Select, Table, Text, bindparam, cast, column, func, select, text, true
from sqlalchemy.types import TypeEngine

from routing.core.events import Configured
from routing.core.model.centre_model import Centre
from routing.core.stored import Started
from routing.store.reader import Query
from routing.store.schema import SETTINGS_KINDS, facts, journal, one_of

SLACK_S = 3600.0
"""Limit of a clock that was set back between two starts of a node.

Searches are wider by this time, and every row is then checked by its own time.
"""

PAGE = 10_000
"""Limit of facts in memory at once: some megabytes."""


class Field(NamedTuple):
    """A field of a fact's body. The database extracts it, because reading whole bodies here costs ten times as much."""

    name: str
    kind: type[TypeEngine[Any]] = Text
    """Text, Double, Integer, Boolean, or JSON for lists."""
    within: str = ""
    """The record inside the body that holds the field; empty: the body itself."""


def find_number_range(ask: Query, table: Table, key: ColumnElement[Any], time: ColumnElement[Any], start: float,
                      end: float) -> tuple[int, int]:
    """Return the bounds of the numbers, the last one not included, between which all rows of this time are."""
    lowest, highest = _first_and_last(ask, table, key)
    if lowest is None or highest is None:
        return 0, 0
    low, high = lowest, highest + 1
    look = select(key, time).where(key >= bindparam("number")).order_by(key).limit(1)
    return _bisect_number(ask, look, low, high, start - SLACK_S), _bisect_number(ask, look, low, high, end + SLACK_S)


def _first_and_last(ask: Query, table: Table, key: ColumnElement[Any]) -> tuple[int | None, int | None]:
    # Each has its own select, because SQLite scans the whole table for both in one.
    first, last = (select(one(key)).select_from(table).scalar_subquery() for one in (func.min, func.max))
    found: tuple[int | None, int | None] = tuple(ask(select(first, last))[0])
    return found


def _bisect_number(ask: Query, look: Any, low: int, high: int, moment: float) -> int:
    """Return the smallest number whose row is not before the moment. Any: a select of number and time."""
    while low < high:
        middle = (low + high) // 2
        # Numbers may have gaps, so the query returns the next row from the middle on.
        found = ask(look, number=middle)
        if found and found[0][1] < moment:
            low = int(found[0][0]) + 1
        else:
            high = middle
    return low


def read_facts(ask: Query, kinds: Sequence[str], fields: Sequence[Field], start: float,
               end: float) -> Iterator[tuple[Any, ...]]:
    """Yield number, time, kind and these fields of the facts of some kinds, in order.

    A field that a kind lacks is None. Facts a little outside the time are included, so the reader checks each. Any: by
    the kinds of the fields.
    """
    first, last = find_number_range(ask, facts, facts.c.seq, facts.c.at, start, end)
    some = _select_fields(ask, fields).where(facts.c.seq >= bindparam("first"), facts.c.seq < bindparam("last"),
                                              facts.c.kind.in_(kinds)).order_by(facts.c.seq).limit(PAGE)
    # SQLite returns lists as text, PostgreSQL as lists.
    lists = [number for number, field in enumerate(fields, 3) if field.kind is JSON]
    while rows := ask(some, first=first, last=last):
        for row in rows:
            if lists and not ask.postgres:
                row = tuple(json.loads(value) if number in lists and value is not None else value
                            for number, value in enumerate(row))
            yield row
        # The next page begins after the last number; an offset would read all earlier pages again.
        first = int(rows[-1][0]) + 1


def _select_fields(ask: Query, fields: Sequence[Field]) -> Select[Any]:
    if not ask.postgres:
        return select(facts.c.seq, facts.c.at, facts.c.kind, *(func.json_extract(
            facts.c.body, f"$.{field.within}.{field.name}" if field.within else f"$.{field.name}") for field in fields))
    # The body is parsed once for all fields. A cast for each field would parse it again each time.
    names = {field.within or field.name: JSON if field.within else field.kind for field in fields}
    body = func.json_to_record(cast(facts.c.body, JSON)).table_valued(
        *(column(name, kind) for name, kind in names.items())).render_derived("body", with_types=True)
    taken = [cast(func.json_extract_path_text(body.c[field.within], field.name), field.kind) if field.within
             else body.c[field.name] for field in fields]
    return select(facts.c.seq, facts.c.at, facts.c.kind, *taken).select_from(facts.join(body, true()))


def recorded_span(ask: Query) -> tuple[float, float] | None:
    """Return the first and the last moment of the record, or None if it is empty."""
    first, last = _first_and_last(ask, journal, journal.c.seq)
    if first is None or last is None:
        return None
    at = {row[0]: row[1] for row in ask(select(journal.c.seq, journal.c.at).where(journal.c.seq.in_([first, last])))}
    return at[first], at[last]


def rules_at(ask: Query, moment: float) -> Centre:
    """Return the settings in force before a moment: services with names and targets, agents with profiles.

    If the record begins later, return the settings of the first start.
    """
    _, last = find_number_range(ask, journal, journal.c.seq, journal.c.at, moment, moment)
    # These are words in the SQL, not parameters, so that the database sees that its index of them serves.
    settings = select(journal.c.kind, journal.c.body).where(text(one_of("kind", SETTINGS_KINDS)))
    found = (ask(settings.where(journal.c.seq < last, journal.c.at < moment).order_by(journal.c.seq.desc()).limit(1))
             or ask(settings.order_by(journal.c.seq).limit(1)))
    if not found:
        return Centre((), ())
    event = ask.decode_entry(*found[0])
    assert isinstance(event, Started | Configured)
    return event.centre
