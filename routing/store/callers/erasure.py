"""Find the traces of a caller's number in the tables, and remove them.

Three things identify a caller: the encrypted number, its keyed hash, and the keyed input. They are blanked in the rows
of contacts, and encrypted numbers in journal and facts as well.

In journal and facts a hash becomes a random word, everywhere the same one. The engine only compares hashes, so a replay
decides as before and nobody is recognised. The kept data tell that there were calls, not whose.

Slow questions run next to the writer (`Store.run_query`), and changes go page by page. So a running node waits for none
of it: a writing transaction keeps the node's out from its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, Table, and_, bindparam, delete, func, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from routing.core.model.centre_model import LIVE_STATES
from routing.core.model.privacy import Privacy
from routing.core.records import Contact
from routing.core.stored import FIELDS, Started
from routing.store.callers.redaction import Replace, holds_hash, holds_number, redact_entry
from routing.store.schema import SETTINGS_KINDS, contacts, facts, journal, one_of
from routing.store.start_entry import whole_only
from routing.store.store import Store

PAGE = 2_000
"""Entries of one transaction, which takes some milliseconds."""

_HASHES = [contacts.c[one.column] for one in FIELDS[Contact] if one.privacy is Privacy.HASH]
_NUMBERS = [contacts.c[one.column] for one in FIELDS[Contact] if one.privacy is Privacy.NUMBER]

HASH_COLUMNS: tuple[tuple[Column[str], Column[str]], ...] = tuple(zip(_HASHES, _NUMBERS, strict=True))
"""Columns of keyed hashes, each with the column of its number."""


class BlankedCounts(NamedTuple):
    """Numbers of redacted entries."""

    journal: int
    facts: int


class CallerTraces(NamedTuple):
    """Everything by which a caller is found."""

    hashes: tuple[str, ...]
    """Keyed hash of the number, and of numbers for callbacks if nobody calls from those."""
    contacts: tuple[str, ...]
    """Oldest first."""
    encrypted_numbers: tuple[str, ...]
    """Encrypted numbers in these rows."""


def caller_of(connection: Connection, caller_hash: str) -> CallerTraces:
    """Return the traces of the caller with this hash."""
    columns = [column for pair in HASH_COLUMNS for column in pair]
    rows = connection.execute(select(contacts.c.contact, *columns).where(_is_caller(caller_hash))
                              .order_by(contacts.c.queued_at)).all()
    # A number for callbacks may belong to somebody else who also calls. That person's hash stays.
    others = {value for row in rows for value in row[1::2] if value and value != caller_hash}
    own = {value for (value,) in connection.execute(
        select(contacts.c.caller_hash).where(contacts.c.caller_hash.in_(others)).distinct())}
    return CallerTraces((caller_hash, *sorted(others - own)), tuple(str(row[0]) for row in rows),
                        tuple(dict.fromkeys(box for row in rows for box in row[2::2] if box)))


def caller_of_contact(connection: Connection, contact: str) -> CallerTraces | None:
    """Return the caller of a contact, or None without such a contact. An unknown caller has only this contact."""
    row = connection.execute(select(contacts.c.caller_hash).where(contacts.c.contact == contact)).first()
    if row is None:
        return None
    return caller_of(connection, row[0]) if row[0] else CallerTraces((), (contact,), ())


def hash_of_contact(connection: Connection, contact: str) -> str:
    """Return the keyed hash of the caller of a contact, or an empty text for an unknown caller."""
    return connection.execute(select(contacts.c.caller_hash).where(
        contacts.c.contact == contact)).scalar_one_or_none() or ""


def _is_caller(caller_hash: str) -> ColumnElement[bool]:
    return or_(*(digest == caller_hash for digest, _ in HASH_COLUMNS))


def blank_rows(connection: Connection, ids: Collection[str]) -> int:
    """Blank every hash and encrypted number in the rows of these contacts. Return the number of rows,
    with those that the engine has blanked already."""
    return connection.execute(update(contacts).where(contacts.c.contact.in_(ids)).values(_BLANK)).rowcount


def old_contacts(connection: Connection, before: float) -> list[str]:
    """Return contacts that ended before this moment and whose rows have traces, at most `PAGE`."""
    return [one for (one,) in connection.execute(select(contacts.c.contact).where(_is_old(before)).limit(PAGE))]


def old_rows(connection: Connection, before: float) -> int:
    """Return how many contacts ended before this moment and have traces in their rows."""
    return int(connection.execute(select(func.count()).select_from(contacts).where(_is_old(before))).scalar() or 0)


_BLANK: dict[Column[Any], Any] = {contacts.c[one.column]: one.default for one in FIELDS[Contact] if one.erased}
"""Values that blank a row. Statements about a caller go with the hash, because they belong to nobody afterwards."""


def _has_traces() -> ColumnElement[bool]:
    return or_(*(column != "" for pair in HASH_COLUMNS for column in pair))


def _is_old(before: float) -> ColumnElement[bool]:
    over = contacts.c.state.not_in([one.value for one in LIVE_STATES])
    return and_(contacts.c.ended_at < before, over, _has_traces())


async def rewrite_entries(store: Store, replace: Replace, *, hashes: Collection[str] = (), numbers: bool = True,
                          before: float | None = None) -> BlankedCounts:
    """Redact every entry of journal and facts that holds one of `hashes` or, with `numbers`, an encrypted number.

    `before` names a moment: only entries from before it are redacted.
    """
    counts = [await _rewrite_table(store, table, replace, _entries_to_redact(table, hashes, numbers, before))
              for table in (journal, facts)]
    return BlankedCounts(*counts)


def _entries_to_redact(table: Table, hashes: Collection[str], numbers: bool,
                       before: float | None) -> Select[int, str, str]:
    wanted = select(table.c.seq, table.c.kind, table.c.body).where(
        or_(holds_hash(table, hashes), *([holds_number(table)] if numbers else [])))
    return wanted if before is None else wanted.where(table.c.at < before)


async def _rewrite_table(store: Store, table: Table, replace: Replace, wanted: Select[int, str, str]) -> int:
    first, last = await store.run_query(partial(_number_range, table=table))
    changed = 0
    for begin in range(first, last + 1, PAGE):
        page = partial(_redact_page, wanted=wanted.where(table.c.seq >= begin, table.c.seq < begin + PAGE),
                       replace=replace)
        # Nearly every page holds nothing to change. The reader finds that out, so that no turn waits for it.
        if await store.run_query(page):
            changed += await store.run_write(partial(_rewrite_page, page=page, table=table))
    return changed


def _number_range(connection: Connection, table: Table) -> tuple[int, int]:
    first, last = connection.execute(select(func.min(table.c.seq), func.max(table.c.seq))).one()
    return first or 0, -1 if last is None else last


def _redact_page(connection: Connection, wanted: Select[int, str, str], replace: Replace) -> list[dict[str, Any]]:
    """Return number and new text of the entries that change."""
    return [{"b_seq": seq, "b_body": new} for seq, kind, body in connection.execute(wanted)
            if (new := redact_entry(kind, body, replace)) != body]


def _rewrite_page(connection: Connection, page: Callable[[Connection], list[dict[str, Any]]], table: Table) -> int:
    # The page is read again inside the transaction: a turn may have come in between.
    new = page(connection)
    if new:
        connection.execute(update(table).where(table.c.seq == bindparam("b_seq")).values(body=bindparam("b_body")), new)
    return len(new)


def count_old_numbers(connection: Connection, before: float) -> int:
    """Return how many entries of journal and facts from before that moment hold an encrypted number."""
    return sum(int(connection.execute(select(func.count()).select_from(table).where(
        table.c.at < before, holds_number(table))).scalar() or 0) for table in (journal, facts))


class OldHistory(NamedTuple):
    """The part of journal and facts that may go: everything before a start of a node, where a replay can begin."""

    entry: int
    """First entry that stays: a complete start, because later ones must not refer to a deleted one."""
    fact: int
    """First fact that stays."""
    entries: int
    facts: int
    """Number of facts to delete. `entries` is the number of journal entries."""


def find_old_history(connection: Connection, before: float) -> OldHistory | None:
    """Return the history before this moment, or None if no node has started between its beginning and then."""
    row = connection.execute(select(journal.c.seq, journal.c.body).where(
        text(one_of("kind", SETTINGS_KINDS)), journal.c.kind == Started.__name__, journal.c.at < before,
        whole_only()).order_by(journal.c.seq.desc()).limit(1)).first()
    if row is None:
        return None
    entry, fact = int(row.seq), int(json.loads(row.body)["next_fact"])
    counts = [int(connection.execute(select(func.count()).select_from(table).where(table.c.seq < first)).scalar() or 0)
              for table, first in ((journal, entry), (facts, fact))]
    return OldHistory(entry, fact, *counts) if any(counts) else None


async def drop_history(store: Store, what: OldHistory) -> None:
    """Delete old history, oldest first."""
    # Facts go first: a crash in between leaves entries, and the next run finds them.
    for table, first in ((facts, what.fact), (journal, what.entry)):
        begin, _ = await store.run_query(partial(_number_range, table=table))
        for end in range(min(begin + PAGE, first), first + PAGE, PAGE):
            await store.run_write(partial(_drop_rows, table=table, end=min(end, first)))


def _drop_rows(connection: Connection, table: Table, end: int) -> None:
    connection.execute(delete(table).where(table.c.seq < end))
