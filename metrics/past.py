"""What a state holds of a period: found by number, because rows and facts are numbered in the order of their times.

Nothing here reads more than its period needs: a table of years has no index on the times of its facts (each would cost
every decision some microseconds), but halving its numbers finds a time in some twenty looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import JSON, ColumnElement, Select, Table, Text, bindparam, cast, column, func, select, text, true
from sqlalchemy.types import TypeEngine

from routing.core.events import Configured
from routing.core.model import Centre
from routing.core.stored import Started
from routing.store.reader import Ask
from routing.store.schema import SETTINGS_KINDS, facts, journal, one_of

SLACK_S = 3600.0
"""How far the clock may have been set back between two starts of a node: what is looked for is taken so much wider,
and every row is then asked for its own time."""

PAGE = 10_000
"""Facts that are in memory at once, at most: some megabytes."""


class Field(NamedTuple):
    """A field of a fact's body that is wanted. The database takes it out: reading whole bodies here costs ten times as
    much."""

    name: str
    kind: type[TypeEngine[Any]] = Text
    """Text, Double, Integer, Boolean, or JSON for lists."""
    within: str = ""
    """The record in the body that holds it; empty: the body itself."""


def numbers(ask: Ask, table: Table, key: ColumnElement[Any], time: ColumnElement[Any], start: float, end: float
            ) -> tuple[int, int]:
    """The first number, and the one behind the last, between which all rows of this time are."""
    lowest, highest = _ends(ask, table, key)
    if lowest is None or highest is None:
        return 0, 0
    low, high = lowest, highest + 1
    look = select(key, time).where(key >= bindparam("number")).order_by(key).limit(1)
    return _halve(ask, look, low, high, start - SLACK_S), _halve(ask, look, low, high, end + SLACK_S)


def _ends(ask: Ask, table: Table, key: ColumnElement[Any]) -> tuple[int | None, int | None]:
    # Each in a select of its own: SQLite goes through the whole table for both in one.
    first, last = (select(one(key)).select_from(table).scalar_subquery() for one in (func.min, func.max))
    found: tuple[int | None, int | None] = tuple(ask(select(first, last))[0])
    return found


def _halve(ask: Ask, look: Any, low: int, high: int, moment: float) -> int:
    """The smallest number whose row is not before the moment. Any: a select of number and time."""
    while low < high:
        middle = (low + high) // 2
        found = ask(look, number=middle)
        if found and found[0][1] < moment:
            low = int(found[0][0]) + 1
        else:
            high = middle
    return low


def told(ask: Ask, kinds: Sequence[str], fields: Sequence[Field], start: float, end: float
         ) -> Iterator[tuple[Any, ...]]:
    """Number, time, kind and these fields (None: this kind has it not) of the facts of some kinds, in order: those from
    about this time, so the reader asks each for its own. Any: by the fields' kinds."""
    first, last = numbers(ask, facts, facts.c.seq, facts.c.at, start, end)
    some = _taking(ask, fields).where(facts.c.seq >= bindparam("first"), facts.c.seq < bindparam("last"),
                                      facts.c.kind.in_(kinds)).order_by(facts.c.seq).limit(PAGE)
    lists = [number for number, field in enumerate(fields, 3) if field.kind is JSON]
    while rows := ask(some, first=first, last=last):
        for row in rows:
            if lists and not ask.postgres:
                row = tuple(json.loads(value) if number in lists and value is not None else value
                            for number, value in enumerate(row))
            yield row
        first = int(rows[-1][0]) + 1


def _taking(ask: Ask, fields: Sequence[Field]) -> Select[Any]:
    if not ask.postgres:
        return select(facts.c.seq, facts.c.at, facts.c.kind, *(func.json_extract(
            facts.c.body, f"$.{field.within}.{field.name}" if field.within else f"$.{field.name}") for field in fields))
    # One reading of the body for all fields: a cast for each would read it anew each time.
    names = {field.within or field.name: JSON if field.within else field.kind for field in fields}
    body = func.json_to_record(cast(facts.c.body, JSON)).table_valued(
        *(column(name, kind) for name, kind in names.items())).render_derived("body", with_types=True)
    taken = [cast(func.json_extract_path_text(body.c[field.within], field.name), field.kind) if field.within
             else body.c[field.name] for field in fields]
    return select(facts.c.seq, facts.c.at, facts.c.kind, *taken).select_from(facts.join(body, true()))


def known(ask: Ask) -> tuple[float, float] | None:
    """The first and the last moment of the record; None: it is empty."""
    first, last = _ends(ask, journal, journal.c.seq)
    if first is None or last is None:
        return None
    at = {row[0]: row[1] for row in ask(select(journal.c.seq, journal.c.at).where(journal.c.seq.in_([first, last])))}
    return at[first], at[last]


def rules(ask: Ask, moment: float) -> Centre:
    """The settings in force before a moment: services with their names and targets, agents with their profiles. Those
    of the first start when the record begins later."""
    _, last = numbers(ask, journal, journal.c.seq, journal.c.at, moment, moment)
    # In words of ours, not as parameters: so the database sees that its index of them serves.
    settings = select(journal.c.kind, journal.c.body).where(text(one_of("kind", SETTINGS_KINDS)))
    found = (ask(settings.where(journal.c.seq < last, journal.c.at < moment).order_by(journal.c.seq.desc()).limit(1))
             or ask(settings.order_by(journal.c.seq).limit(1)))
    if not found:
        return Centre((), ())
    event = ask.event(*found[0])
    assert isinstance(event, Started | Configured)
    return event.centre
