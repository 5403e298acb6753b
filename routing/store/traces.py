"""Where a caller's number has left traces in the tables, and their removal.

Three things tell who somebody is: the encrypted number (box), its keyed hash, and what they keyed in. In the rows of
contacts they are blanked. In journal and facts boxes are blanked too; a hash becomes a random word, everywhere the same
one: the engine compares hashes and does nothing else with them, so a replay decides as before and nobody is recognised.
What is kept says that there were calls, not whose.

What takes long is asked beside the writer (`Store.look`) and changed page by page, so that a running node waits for
none of it: a transaction that writes keeps the node's out from its beginning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Table, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from routing.core.records import Contact
from routing.core.stored import FIELDS, Started
from routing.store.schema import CONTACT_LIVE, SETTINGS_KINDS, contacts, facts, journal, one_of
from routing.store.start import whole_only
from routing.store.store import Store

PAGE = 2_000
"""Entries of one transaction: some milliseconds."""

BOX_BEGINS = "gAAAAA"
BOX = re.compile(rf"{BOX_BEGINS}[A-Za-z0-9_-]{{60,400}}={{0,2}}")
"""A sealed number as `numbers.py` makes it (Fernet: version 0x80 and a time before 2106 begin so), in any text."""

_HASHES = [contacts.c[one.column] for one in FIELDS[Contact] if one.hash]
_NUMBERS = [contacts.c[one.column] for one in FIELDS[Contact] if one.number]

MARKED: tuple[tuple[Column[str], Column[str]], ...] = tuple(zip(_HASHES, _NUMBERS, strict=True))
"""Columns of keyed hashes with those of the numbers beside them."""


class Found(NamedTuple):
    """What was blanked."""

    contacts: int = 0
    journal: int = 0
    facts: int = 0


class Caller(NamedTuple):
    """Somebody, by what there is of them."""

    hashes: tuple[str, ...]
    """Keyed hash of the number; and of numbers they wished to be called back at, if nobody calls from those."""
    contacts: tuple[str, ...]
    """Oldest first."""
    boxes: tuple[str, ...]
    """Sealed numbers in their rows."""


def caller_of(connection: Connection, caller_hash: str) -> Caller:
    """What there is of the caller with this hash."""
    columns = [column for pair in MARKED for column in pair]
    rows = connection.execute(select(contacts.c.contact, *columns).where(_is(caller_hash))
                              .order_by(contacts.c.queued_at)).all()
    others = {value for row in rows for value in row[1::2] if value and value != caller_hash}
    own = {value for (value,) in connection.execute(
        select(contacts.c.caller_hash).where(contacts.c.caller_hash.in_(others)).distinct())}
    return Caller((caller_hash, *sorted(others - own)), tuple(str(row[0]) for row in rows),
                  tuple(dict.fromkeys(box for row in rows for box in row[2::2] if box)))


def caller_of_contact(connection: Connection, contact: str) -> Caller | None:
    """The caller of a contact; one whom nobody knows has this contact only. None: no such contact."""
    row = connection.execute(select(contacts.c.caller_hash).where(contacts.c.contact == contact)).first()
    if row is None:
        return None
    return caller_of(connection, row[0]) if row[0] else Caller((), (contact,), ())


def hash_of_contact(connection: Connection, contact: str) -> str:
    """Keyed hash of the caller of a contact; empty: nobody knows them."""
    return connection.execute(select(contacts.c.caller_hash).where(
        contacts.c.contact == contact)).scalar_one_or_none() or ""


def _is(caller_hash: str) -> ColumnElement[bool]:
    return or_(*(digest == caller_hash for digest, _ in MARKED))


def blank_rows(connection: Connection, ids: Collection[str]) -> int:
    """Blank every hash and box in the rows of these contacts. Returns the number of rows, with those that the engine
    has blanked already."""
    return connection.execute(update(contacts).where(contacts.c.contact.in_(ids)).values(_BLANK)).rowcount


def old_contacts(connection: Connection, before: float) -> list[str]:
    """Contacts that were over before this moment and whose rows have a hash or a box, at most `PAGE`."""
    return [one for (one,) in connection.execute(select(contacts.c.contact).where(_old(before)).limit(PAGE))]


def old_rows(connection: Connection, before: float) -> int:
    """How many there are."""
    return int(connection.execute(select(func.count()).select_from(contacts).where(_old(before))).scalar() or 0)


_BLANK: dict[Column[Any], Any] = {contacts.c[one.column]: one.default for one in FIELDS[Contact] if one.erased}
"""What was said of a caller goes with the hash: it is of nobody then."""


def _marked() -> ColumnElement[bool]:
    return or_(*(column != "" for pair in MARKED for column in pair))


def _old(before: float) -> ColumnElement[bool]:
    return and_(contacts.c.ended_at < before, contacts.c.state.not_in(CONTACT_LIVE), _marked())


Change = Callable[[str], str]
"""From the text of an entry to what it becomes."""


def without(words: Mapping[str, str], is_theirs: Callable[[str], bool]) -> Change:
    """Of one caller: each hash becomes its word, their boxes go. `is_theirs`: whether a box holds a number of theirs;
    asked once for each."""
    known: dict[str, bool] = {}

    def box(found: re.Match[str]) -> str:
        text = found.group()
        if text not in known:
            if len(known) >= PAGE:
                known.clear()
            known[text] = is_theirs(text)
        return "" if known[text] else text

    def change(body: str) -> str:
        for digest, word in words.items():
            body = body.replace(digest, word)
        return BOX.sub(box, body)

    return change


def boxless(body: str) -> str:
    """Without any box."""
    return BOX.sub("", body)


async def rewrite(store: Store, change: Change, needles: Sequence[str], *, before: float | None = None) -> Found:
    """Change every entry of journal and facts that holds one of `needles`; with `before`, only those from before that
    moment."""
    counts = [await _rewrite(store, table, change, needles, before) for table in (journal, facts)]
    return Found(0, *counts)


async def _rewrite(store: Store, table: Table, change: Change, needles: Sequence[str], before: float | None) -> int:
    first, last = await store.look(partial(_extent, table=table))
    changed = 0
    for begin in range(first, last + 1, PAGE):
        page = partial(_with, table=table, begin=begin, end=min(begin + PAGE, last + 1), needles=needles, before=before)
        if await store.look(page):  # nearly always none: no turn waits for that to be found out
            changed += await store.work(partial(_page, page=page, table=table, change=change))
    return changed


def _extent(connection: Connection, table: Table) -> tuple[int, int]:
    first, last = connection.execute(select(func.min(table.c.seq), func.max(table.c.seq))).one()
    return first or 0, -1 if last is None else last


def _with(connection: Connection, table: Table, begin: int, end: int, needles: Sequence[str],
          before: float | None) -> list[tuple[int, str]]:
    """Number and text of the entries that hold one of the needles."""
    wanted = select(table.c.seq, table.c.body).where(
        table.c.seq >= begin, table.c.seq < end, or_(*(table.c.body.contains(one, autoescape=True) for one in needles)))
    if before is not None:
        wanted = wanted.where(table.c.at < before)
    return [(seq, body) for seq, body in connection.execute(wanted)]


def _page(connection: Connection, page: Callable[[Connection], list[tuple[int, str]]], table: Table,
          change: Change) -> int:
    new = [{"b_seq": seq, "b_body": text} for seq, body in page(connection) if (text := change(body)) != body]
    if new:
        connection.execute(update(table).where(table.c.seq == bindparam("b_seq")).values(body=bindparam("b_body")), new)
    return len(new)


def old_boxes(connection: Connection, before: float) -> int:
    """How many entries of journal and facts from before that moment hold a sealed number."""
    return sum(int(connection.execute(select(func.count()).select_from(table).where(
        table.c.at < before, table.c.body.contains(BOX_BEGINS))).scalar() or 0) for table in (journal, facts))


class Past(NamedTuple):
    """What may go of journal and facts: everything before a start of a node, so that a replay can begin there."""

    entry: int
    """First entry that stays: a start that is whole, or others would be like one that is gone."""
    fact: int
    """First fact that stays."""
    entries: int
    facts: int
    """How many go."""


def past(connection: Connection, before: float) -> Past | None:
    """What is older than this moment; None: no node has started between it and the beginning of the journal."""
    row = connection.execute(select(journal.c.seq, journal.c.body).where(
        text(one_of("kind", SETTINGS_KINDS)), journal.c.kind == Started.__name__, journal.c.at < before,
        whole_only()).order_by(journal.c.seq.desc()).limit(1)).first()
    if row is None:
        return None
    entry, fact = int(row.seq), int(json.loads(row.body)["next_fact"])
    counts = [int(connection.execute(select(func.count()).select_from(table).where(table.c.seq < first)).scalar() or 0)
              for table, first in ((journal, entry), (facts, fact))]
    return Past(entry, fact, *counts) if any(counts) else None


async def drop(store: Store, what: Past) -> None:
    """Take them out, oldest first."""
    for table, first in ((facts, what.fact), (journal, what.entry)):
        begin, _ = await store.look(partial(_extent, table=table))
        for end in range(min(begin + PAGE, first), first + PAGE, PAGE):
            await store.work(partial(_drop, table=table, end=min(end, first)))


def _drop(connection: Connection, table: Table, end: int) -> None:
    connection.execute(delete(table).where(table.c.seq < end))
