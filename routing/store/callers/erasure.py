"""Find the traces of a caller's number in the tables, and remove them.

Three things identify a caller: the encrypted number, its keyed hash, and the keyed input. They are blanked in the rows
of contacts. Encrypted numbers go from the journal as well, and facts have none of them.

In the journal a hash becomes a random word, everywhere the same one. The engine only compares hashes, so a replay
decides as before and nobody is recognised. The kept data tell that there were calls, not whose. Hashes go by age
together with numbers. A replay over that border takes a caller for two.

Slow questions run next to the writer (`Store.run_query`), and changes go page by page. So a running node waits for none
of it: a writing transaction keeps the node's out from its beginning.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from routing.core.journal import JournalError
from routing.core.model.centre_model import LIVE_STATES
from routing.core.model.privacy import Privacy
from routing.core.records import Contact
from routing.core.stored import FIELDS, Started
from routing.store.callers.redaction import Replace, redact_entry, without_callers
from routing.store.errors import StoreUnavailable
from routing.store.kinds import NAMED_KINDS
from routing.store.migrate import HEAD, current_revision
from routing.store.schema import HAS_TRACES, IS_RARE, contacts, facts, journal
from routing.store.start_entry import whole_only
from routing.store.store import Store

PAGE = 500
"""Entries of one transaction, for which a turn of the node may wait. Measured: 17 ms, with 2,000 entries 54 ms."""
PAUSE_S = 0.02
"""Pause after each transaction next to a running node, in which waiting turns pass.

A night of 30,000 calls is about 1,000 pages, so the pauses add 20 s to a purge.
"""

_HASHES = [contacts.c[one.column] for one in FIELDS[Contact] if one.privacy is Privacy.HASH]
_NUMBERS = [contacts.c[one.column] for one in FIELDS[Contact] if one.privacy is Privacy.NUMBER]

HASH_COLUMNS: tuple[tuple[Column[str], Column[str]], ...] = tuple(zip(_HASHES, _NUMBERS, strict=True))
"""Columns of keyed hashes, each with the column of its number."""


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


def _is_old(before: float) -> ColumnElement[bool]:
    over = contacts.c.state.not_in([one.value for one in LIVE_STATES])
    # The words name the partial index. Contacts without an end are alive.
    return and_(text(HAS_TRACES), contacts.c.ended_at < before, over)


async def require_known(store: Store, contacts: Collection[str], until: float) -> None:
    """Raise StoreUnavailable if this version does not know all places where the store may name a caller.

    A newer release has other columns, kinds and fields. A trace that is left in them would say who called.
    """
    found = await store.run_query(_find_newer)
    starts, others = await store.run_query(partial(_entries_of_caller, ids=contacts, until=until))
    for seqs in _pages_of(starts, others):
        if found:
            break
        page = partial(_redact_page, wanted=_ENTRY.where(journal.c.seq.in_(seqs)), replace=_keep_value)
        _, unknown = await store.run_query(page)
        found = unknown[0].why if unknown else ""
    if found:
        raise _refuse_newer(found)


def _refuse_newer(why: str) -> StoreUnavailable:
    return StoreUnavailable("newer", f"a newer Santral has written into this state ({why}), and this version might "
                                     "leave a trace of the caller. Do it again with the newer version")


def _find_newer(connection: Connection) -> str:
    revision = current_revision(connection) or ""
    return f"the tables are of {revision}, this version knows {HEAD}" if revision > HEAD else ""


def _keep_value(_: Privacy, value: str) -> str:
    return value


def _pages_of(starts: list[int], others: list[int]) -> list[list[int]]:
    """Return the numbers of entries, page by page. A start may have 10 MB, so each is a page by itself."""
    return [[seq] for seq in starts] + [others[begin:begin + PAGE] for begin in range(0, len(others), PAGE)]


async def redact_caller(store: Store, replace: Replace, contacts: Collection[str], until: float) -> int:
    """Redact the journal entries of one caller: starts, erasures, and entries of the time of each of these contacts.

    Return how many entries have changed. `until` is the end of a contact that lives. Raise StoreUnavailable if a newer
    release has written one of them (`require_known`).
    """
    starts, others = await store.run_query(partial(_entries_of_caller, ids=contacts, until=until))
    changed = 0
    for seqs in _pages_of(starts, others):
        page = partial(_redact_page, wanted=_ENTRY.where(journal.c.seq.in_(seqs)), replace=replace)
        # Most of these entries are of others. The reader finds that out, so that no turn waits for it.
        new, unknown = await store.run_query(page)
        if unknown:
            raise _refuse_newer(unknown[0].why)
        if new:
            changed += (await store.run_write(partial(_rewrite_page, page=page)))[0]
    return changed


async def redact_old(store: Store, before: float, pause_s: float = 0.0) -> int:
    """Redact the journal entries from before that moment: nobody is recognised by them.

    Return how many entries stay as they are because a newer release has written them. They keep their mark, so a node
    of that release finds them.
    """
    replace, unknown = without_callers(secrets.token_bytes(32)), 0
    wanted = _ENTRY.where(text("personal"), journal.c.at < before).order_by(journal.c.at, journal.c.seq).limit(PAGE)
    page, more = partial(_redact_page, replace=replace, wanted=wanted, for_all=True), 1
    while more:
        more, left = await store.run_write(partial(_rewrite_page, page=page))
        if left:
            unknown, last = unknown + len(left), left[-1]
            page = partial(page, wanted=wanted.where(tuple_(journal.c.at, journal.c.seq) > (last.at, last.seq)))
            more = more or len(left)
        await asyncio.sleep(pause_s)
    return unknown


CONTACT_SLACK_S = 60.0
"""Time around a contact in which entries about it may be: a clock tick, or a late request for a callback."""

_ENTRY = select(journal.c.seq, journal.c.at, journal.c.kind, journal.c.body)


class UnknownEntry(NamedTuple):
    """An entry of the journal that a newer release has written."""

    seq: int
    at: float
    why: str


def _entries_of_caller(connection: Connection, ids: Collection[str], until: float) -> tuple[list[int], list[int]]:
    """Return the entries that may identify a caller with these contacts: starts and erasures, and those of the
    contacts."""
    # The words name the partial indexes.
    starts = set(connection.execute(select(journal.c.seq).where(text(IS_RARE), journal.c.personal)).scalars())
    found = set[int]()
    spans = connection.execute(select(contacts.c.queued_at, contacts.c.ended_at).where(contacts.c.contact.in_(ids)))
    for begin, end in spans:
        found |= set(connection.execute(select(journal.c.seq).where(
            text("personal"), journal.c.at >= begin - CONTACT_SLACK_S,
            journal.c.at <= (until if end is None else end) + CONTACT_SLACK_S)).scalars())
    return sorted(starts), sorted(found - starts)


RedactedPage = tuple[list[dict[str, Any]], list[UnknownEntry]]
"""Values of the entries that change, and the entries that are not known. Any: values of columns."""


def _number_range(connection: Connection, table: Table) -> tuple[int, int]:
    first, last = connection.execute(select(func.min(table.c.seq), func.max(table.c.seq))).one()
    return first or 0, -1 if last is None else last


def _redact_page(connection: Connection, wanted: Select[int, float, str, str], replace: Replace,
                 for_all: bool = False) -> RedactedPage:
    """Return number, new text and mark of the entries that change, and those that this version does not know.

    With `for_all` nobody is in the entries afterwards.
    """
    changed, unknown = [], []
    for seq, at, kind, body in connection.execute(wanted):
        try:
            new = redact_entry(kind, body, replace)
        except JournalError as error:
            unknown.append(UnknownEntry(seq, at, f"entry {seq} of the journal: {error}"))
            continue
        # An entry of one caller identifies nobody after its change, but a start has others.
        if new != body or for_all:
            changed.append({"b_seq": seq, "b_body": new, "b_personal": not for_all and kind in NAMED_KINDS})
    return changed, unknown


def _rewrite_page(connection: Connection, page: Callable[[Connection], RedactedPage]) -> tuple[int, list[UnknownEntry]]:
    """Write the entries of a page that change. Return their number, and the entries that this version does not know."""
    # The page is read again inside the transaction: a turn may have come in between.
    new, unknown = page(connection)
    if new:
        connection.execute(update(journal).where(journal.c.seq == bindparam("b_seq")).values(
            body=bindparam("b_body"), personal=bindparam("b_personal")), new)
    return len(new), unknown


def count_old_personal(connection: Connection, before: float) -> int:
    """Return how many entries of the journal from before that moment identify a caller."""
    return int(connection.execute(select(func.count()).select_from(journal).where(
        text("personal"), journal.c.at < before)).scalar() or 0)


class OldHistory(NamedTuple):
    """The part of journal and facts that may go."""

    entry: int
    """First entry that stays: a complete start, where a replay can begin."""
    fact: int
    """First fact that stays."""
    entries: int
    facts: int
    """Number of facts to delete. `entries` is the number of journal entries."""


def find_old_history(connection: Connection, journal_before: float, facts_before: float) -> OldHistory | None:
    """Return the entries and facts from before these moments, or None if there are none.

    The journal goes up to a start of a node. Facts that a replay of the rest compares stay.
    """
    start = connection.execute(select(journal.c.seq, journal.c.body).where(
        text(IS_RARE), journal.c.kind == Started.__name__, journal.c.at < journal_before,
        whole_only()).order_by(journal.c.seq.desc()).limit(1)).first()
    first = connection.execute(select(journal.c.seq, journal.c.body).where(
        text(IS_RARE), journal.c.kind == Started.__name__).order_by(journal.c.seq).limit(1)).first()
    stays = start or first
    entry = 0 if start is None else int(start.seq)
    fact = 0 if stays is None else min(int(json.loads(stays.body)["next_fact"]), _fact_at(connection, facts_before))
    counts = [int(connection.execute(select(func.count()).select_from(table).where(table.c.seq < one)).scalar() or 0)
              for table, one in ((journal, entry), (facts, fact))]
    return OldHistory(entry, fact, *counts) if any(counts) else None


def _fact_at(connection: Connection, moment: float) -> int:
    """Return the number of the first fact that is not before a moment. Facts are in the order of their times."""
    low, last = _number_range(connection, facts)
    high = last + 1
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(select(facts.c.seq, facts.c.at).where(facts.c.seq >= middle)
                                 .order_by(facts.c.seq).limit(1)).first()
        if row is not None and row.at < moment:
            low = row.seq + 1
        else:
            high = middle
    return low


async def drop_history(store: Store, what: OldHistory, pause_s: float = 0.0) -> None:
    """Delete old history, oldest first, with a pause after each page."""
    # Facts go first: a crash in between leaves entries, and the next run finds them.
    for table, first in ((facts, what.fact), (journal, what.entry)):
        begin, _ = await store.run_query(partial(_number_range, table=table))
        for end in range(min(begin + PAGE, first), first + PAGE, PAGE):
            await store.run_write(partial(_drop_rows, table=table, end=min(end, first)))
            await asyncio.sleep(pause_s)


def _drop_rows(connection: Connection, table: Table, end: int) -> None:
    connection.execute(delete(table).where(table.c.seq < end))
