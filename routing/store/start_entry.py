"""Write the start of a node into the journal: completely, or as a difference from an earlier start.

A start holds everything with which its engine begins, up to 1.6 MB, mostly last talks of callers. A node that fails
again and again starts every few seconds with the same values. Asterisk may be away all night, for example, or an
address is taken. Full starts would fill the disk by gigabytes a day.

So a start that resembles one of the same day names that start and holds only the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select, text

from routing.core.journal import JournalError
from routing.core.stored import Started
from routing.store.kinds import NUMBERS
from routing.store.schema import IS_RARE, journal
from routing.store.statement import Statement

START_KIND = Started.__name__

SHARED_FIELDS = ("centre", "ended_contacts", "last_talks", "held_positions", "abuse_flags", "callback_calls",
                 "learned")
"""Fields that may be taken from another start: all fields that can be big.

None of them holds an encrypted number, which is blanked by the age of its entry.
"""

BASE_KEY, SHIFTED_KEY = "base", "shifted"
"""Keys of a start that is not complete.

The first gives the number of the similar start. The second gives, for lists that lost their oldest items and gained new
ones, how many went and which came.
"""

BEGINS = f'{{"{BASE_KEY}":'

BASE_MAX_AGE_S = 86_400.0
"""A similar start is not older than this. Deletion by age ends at a complete start."""

WORTHWHILE_SHARE = 0.5
"""A difference is written if it is shorter than this part of the whole.

Differences grow, so that one day a complete start is written again.
"""

Value = dict[str, Any]
"""Object of a record. Any: values of JSON."""

_STARTS = (select(journal.c.seq, journal.c.at, journal.c.body)
           .where(text(IS_RARE), journal.c.kind == START_KIND))
_BODY = select(journal.c.body)

LAST_COMPLETE = Statement(select(journal.c.seq, journal.c.at, journal.c.body)
                          .where(text(IS_RARE), text(f"kind = {NUMBERS[START_KIND]}"),
                                 journal.c.body.not_like(bindparam("b_difference")))
                          .order_by(journal.c.seq.desc()), tail=" LIMIT 1")
"""Query for the last complete start, with `IS_DIFFERENCE`. The differences after it all refer to it."""

IS_DIFFERENCE = {"b_difference": f"{BEGINS}%"}


def whole_only() -> ColumnElement[bool]:
    """Return the condition that a start is complete."""
    return journal.c.body.not_like(f"{BEGINS}%")


def write_start(connection: Connection, body: str, at: float) -> str:
    """Return the text of a start at this moment: the given text, or the difference from the last complete start."""
    # A difference never refers to another difference.
    last = connection.execute(_STARTS.order_by(journal.c.seq.desc()).limit(1)).first()
    if last is not None and (like := base_number(last.body)) is not None:
        last = connection.execute(_STARTS.where(journal.c.seq == like)).first()
    return body if last is None else shorten_entry(body, at, *last)


def shorten_entry(body: str, at: float, seq: int, base_at: float, base: str) -> str:
    """Return the text of a start, or its difference from a complete start, if that start is fresh enough and the
    difference is worthwhile."""
    if not 0.0 <= at - base_at <= BASE_MAX_AGE_S:
        return body
    short = shorten_start(json.loads(body), json.loads(base), seq)
    return short if len(short) < WORTHWHILE_SHARE * len(body) else body


def read_entry(kind: str, body: str, at: Callable[[int], str]) -> str:
    """Return the complete text of an entry. `at` returns the text of another one. Raise JournalError without that
    entry."""
    if kind != START_KIND or (like := base_number(body)) is None:
        return body
    return complete_start(json.loads(body), json.loads(at(like)))


def body_at(connection: Connection, seq: int) -> str:
    """Return the text of an entry. Raise JournalError if there is none."""
    found = connection.execute(_BODY.where(journal.c.seq == seq)).scalar_one_or_none()
    if found is None:
        raise JournalError(f"the start at entry {seq}, which it is like, is gone")
    return str(found)


def base_number(body: str) -> int | None:
    """Return the number of the start to which this one refers, or None if this one is complete."""
    return int(body[len(BEGINS):body.index(",")]) if body.startswith(BEGINS) else None


def shorten_start(new: Value, base: Value, seq: int) -> str:
    """Return the difference of a start from the start with this number."""
    slid: dict[str, list[Any]] = {}
    short: Value = {BASE_KEY: seq, SHIFTED_KEY: slid}
    for name, value in new.items():
        # The base may be of a release that does not have this field.
        if name not in SHARED_FIELDS or name not in base:
            short[name] = value
        elif value == base[name]:
            continue
        # Lists of the latest callers lose items at the beginning and gain some at the end.
        elif (gone := _count_gone(base[name], value)) is not None:
            slid[name] = [gone, value[len(base[name]) - gone:]]
        else:
            short[name] = value
    return json.dumps(short, ensure_ascii=False, separators=(",", ":"))


def complete_start(short: Value, base: Value) -> str:
    """Return the complete text again. Raise JournalError for a list that this version does not know."""
    found = {name: base[name] for name in SHARED_FIELDS if name in base}
    if unknown := short[SHIFTED_KEY].keys() - found.keys():
        raise JournalError(f"a newer Santral wrote it: {', '.join(sorted(unknown))} is not known here")
    for name, (gone, more) in short.pop(SHIFTED_KEY).items():
        found[name] = found[name][gone:] + more
    del short[BASE_KEY]
    return json.dumps(found | short, ensure_ascii=False, separators=(",", ":"))


def _count_gone(old: Any, new: Any) -> int | None:
    """Return how many items are gone from the beginning of a list, so that the rest begins the new list.

    Return None if the new list does not begin so, or if nothing of the old list is left.
    """
    if not isinstance(old, list) or not isinstance(new, list) or not new or new[0] not in old:
        return None
    gone = old.index(new[0])
    return gone if old[gone:] == new[:len(old) - gone] else None
