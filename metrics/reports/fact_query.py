"""Find the rows and facts of a period by number, because numbers are in the order of times.

Nothing here reads more than its period needs. A table of years has no index on the times of its facts, which would cost
every decision some microseconds. A binary search over the numbers finds a time in some twenty queries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    case,
    cast,
    func,
    null,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from routing.core.events import Configured
from routing.core.journal import FACTS, NAMED, field_names
from routing.core.model.centre_model import Centre
from routing.core.model.facts import LoadState
from routing.core.stored import Started
from routing.store.kinds import NUMBERS
from routing.store.reader import Query
from routing.store.schema import IS_RARE, facts, journal

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
    some = _select_fields(ask, kinds, fields)
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


def _select_fields(ask: Query, kinds: Sequence[str], fields: Sequence[Field]) -> Select[Any]:
    """Return the select of one page. The place of a field in the body depends on the kind of the fact."""
    # The limit keeps PostgreSQL from parsing a body again for each field.
    body = facts.c.body if not ask.postgres else cast(facts.c.body, JSONB)
    page = (select(facts.c.seq, facts.c.at, facts.c.kind, body.label("body"))
            .where(facts.c.seq >= bindparam("first"), facts.c.seq < bindparam("last"), facts.c.kind.in_(kinds))
            .order_by(facts.c.seq).limit(PAGE).subquery())
    taken = (_field_value(ask, page, kinds, field) for field in fields)
    return select(page.c.seq, page.c.at, page.c.kind, *taken).order_by(page.c.seq)


def _field_value(ask: Query, page: Any, kinds: Sequence[str], field: Field) -> ColumnElement[Any]:
    """Return the value of a field. `page` is the subquery of `_select_fields`, for which SQLAlchemy has no type."""
    # 1. Find the place in each kind that has the field. The last values of a body are absent if they are the defaults.
    places: dict[int, list[int]] = {}
    defaults: dict[int, Any] = {}
    for kind in kinds:
        names, outer = field_names(kind), field.within or field.name
        if outer not in names:
            continue
        inner: Any = INNER[field.within] if field.within else FACTS[kind]
        places[NUMBERS[kind]] = [names.index(outer), *([inner._fields.index(field.name)] if field.within else [])]
        default = inner._field_defaults.get(field.name)
        if default is not None and field.kind is not JSON and not field.within:
            defaults[NUMBERS[kind]] = default
    if not places:
        return null()
    # 2. Extract it.
    number = type_coerce(page.c.kind, Integer)
    value: ColumnElement[Any]
    if not ask.postgres:
        paths = {kind: f"${''.join(f'[{step}]' for step in place)}" for kind, place in places.items()}
        value = func.json_extract(page.c.body, case(paths, value=number))
    else:
        steps = [case({kind: str(place[depth]) for kind, place in places.items()}, value=number)
                 for depth in range(2 if field.within else 1)]
        value = func.jsonb_extract_path(page.c.body, *steps) if field.kind is JSON else cast(
            func.jsonb_extract_path_text(page.c.body, *steps), field.kind)
    return func.coalesce(value, case(defaults, value=number)) if defaults else value


INNER: dict[str, type] = {"load_state": LoadState}
"""Records inside a body whose fields are read."""


def recorded_span(ask: Query) -> tuple[float, float] | None:
    """Return the first and the last moment of the record, or None if it is empty."""
    first, last = _first_and_last(ask, journal, journal.c.seq)
    if first is None or last is None:
        return None
    at = {row[0]: row[1] for row in ask(select(journal.c.seq, journal.c.at).where(journal.c.seq.in_([first, last])))}
    return at[first], at[last]


def has_first_fact(ask: Query) -> bool:
    """Return whether the record still begins with its first fact, so that no fact was purged."""
    return _first_and_last(ask, facts, facts.c.seq)[0] == 1


def rules_at(ask: Query, moment: float) -> Centre:
    """Return the settings in force before a moment: services with names and targets, agents with profiles.

    If the record begins later, return the settings of the first start.
    """
    _, last = find_number_range(ask, journal, journal.c.seq, journal.c.at, moment, moment)
    # These are words in the SQL, not parameters, so that the database sees that its index of them serves.
    settings = select(journal.c.kind, journal.c.body).where(
        text(IS_RARE), journal.c.kind.in_([kind.__name__ for kind in NAMED]))
    found = (ask(settings.where(journal.c.seq < last, journal.c.at < moment).order_by(journal.c.seq.desc()).limit(1))
             or ask(settings.order_by(journal.c.seq).limit(1)))
    if not found:
        return Centre((), ())
    event = ask.decode_entry(*found[0])
    assert isinstance(event, Started | Configured)
    return event.centre
