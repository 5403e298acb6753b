"""The start of a node in the journal: whole, or what is other than at an earlier one.

A start is written with everything its engine begins with, up to 1.6 MB, most of it callers' last talks. A node that
ends again and again (Asterisk is away all night, an address is taken) starts every few seconds with the same: it had
filled the disk by gigabytes a day. So a start that is much like one of the same day names that one and has only the
rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, text

from routing.core.journal import JournalError
from routing.core.stored import Started
from routing.store.schema import SETTINGS_KINDS, journal, one_of

KIND = Started.__name__

SHARED = ("centre", "over", "spoke", "places", "abusive")
"""What may be taken from another start: what is or can be big. In none of them is a sealed number, which is blanked by
the age of the entry it stands in."""

LIKE, SLID = "like", "slid"
"""Keys of a start that is not whole: number of the one it is like; and of lists that have lost their oldest and gained
at the end, how many and what."""

BEGINS = f'{{"{LIKE}":'

YOUNG_S = 86_400.0
"""No start is like one that is older than this: what is destroyed by its age goes up to a whole start."""

WORTH = 0.5
"""A start is written as like another when it is shorter than this part of its whole: what slides grows, and is whole
again some day."""

Value = dict[str, Any]
"""A record's object. Any: values of JSON."""

_STARTS = (select(journal.c.seq, journal.c.at, journal.c.body)
           .where(text(one_of("kind", SETTINGS_KINDS)), journal.c.kind == KIND))
_BODY = select(journal.c.body)


def whole_only() -> ColumnElement[bool]:
    """Of starts, those that are whole."""
    return journal.c.body.not_like(f"{BEGINS}%")


def written(connection: Connection, body: str, at: float) -> str:
    """How a start of this moment is written: as it is, or as like the last whole one."""
    last = connection.execute(_STARTS.order_by(journal.c.seq.desc()).limit(1)).first()
    if last is not None and (like := named(last.body)) is not None:
        last = connection.execute(_STARTS.where(journal.c.seq == like)).first()
    if last is None or not 0.0 <= at - last.at <= YOUNG_S:
        return body
    short = shortened(json.loads(body), json.loads(last.body), last.seq)
    return short if len(short) < WORTH * len(body) else body


def read(kind: str, body: str, at: Callable[[int], str]) -> str:
    """The whole text of an entry. `at`: the text of another one. Raises JournalError when it is not there."""
    if kind != KIND or (like := named(body)) is None:
        return body
    return completed(json.loads(body), json.loads(at(like)))


def body_at(connection: Connection, seq: int) -> str:
    """The text of an entry. Raises JournalError when there is none."""
    found = connection.execute(_BODY.where(journal.c.seq == seq)).scalar_one_or_none()
    if found is None:
        raise JournalError(f"the start at entry {seq}, which it is like, is gone")
    return str(found)


def named(body: str) -> int | None:
    """Number of the start that this one is like; None: it is whole."""
    return int(body[len(BEGINS):body.index(",")]) if body.startswith(BEGINS) else None


def shortened(new: Value, base: Value, seq: int) -> str:
    """What is other in a start than in the one with this number."""
    slid: dict[str, list[Any]] = {}
    short: Value = {LIKE: seq, SLID: slid}
    for name, value in new.items():
        if name not in SHARED or name not in base:
            short[name] = value
        elif value == base[name]:
            continue
        elif (gone := _gone(base[name], value)) is not None:
            slid[name] = [gone, value[len(base[name]) - gone:]]
        else:
            short[name] = value
    return json.dumps(short, ensure_ascii=False, separators=(",", ":"))


def completed(short: Value, base: Value) -> str:
    """The whole of it again."""
    found = {name: base[name] for name in SHARED if name in base}
    for name, (gone, more) in short.pop(SLID).items():
        found[name] = found[name][gone:] + more
    del short[LIKE]
    return json.dumps(found | short, ensure_ascii=False, separators=(",", ":"))


def _gone(old: Any, new: Any) -> int | None:
    """How many have gone from the beginning of a list so that the rest is the beginning of the new one; None: it is
    not, or nothing is left of it."""
    if not isinstance(old, list) or not isinstance(new, list) or not new or new[0] not in old:
        return None
    gone = old.index(new[0])
    return gone if old[gone:] == new[:len(old) - gone] else None
