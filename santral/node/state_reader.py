"""Open the journal of a state for the rooms that read it: a folder, a file or a database, even of a running node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from planning.errors import PlanningError
from planning.why.contact_account import ContactArchive, ContactRow
from routing.core.model.errors import RoutingError
from routing.core.model.facts import Fact, MenuEndedRecorded
from routing.core.stored import Started
from routing.store.audit import Audit, asker_name
from routing.store.callers import contact_history
from routing.store.errors import StoreError
from routing.store.migrate import HEAD
from routing.store.reader import JournalRow, Query, Reader, StoreExtent
from santral.errors import NoJournal, StoreFailure
from santral.state_folder import require_owner

DATABASE = "santral.db"


class _Numbered(Protocol):
    @property
    def seq(self) -> int: ...


N = TypeVar("N", bound=_Numbered)


class _StateJournal:
    """A journal as it was when it was opened.

    All entries and facts are numbered without gaps. A missing one is reported, because it would look like a different
    decision.
    """

    def __init__(self, place: str, reader: Reader, extent: StoreExtent) -> None:
        self._place, self._reader, self._extent = place, reader, extent
        first = next(iter(reader.journal_after(0, 1)), None)
        if first is None or not isinstance(first.event, Started):
            raise PlanningError(f"{place}: the journal does not begin with the start of a node")
        # Older entries were destroyed by their age (`santral privacy purge`), up to this start.
        self._first_entry, self._first_fact = first.seq, first.event.next_fact

    @property
    def last(self) -> int:
        return self._extent.entries

    def find_contacts(self, beginning: str, limit: int) -> Sequence[contact_history.ContactPast]:
        with self._reader.open_snapshot() as ask:
            return contact_history.find_contacts(ask, beginning, limit)

    def find_longest(self, start: float, end: float) -> contact_history.ContactPast | None:
        with self._reader.open_snapshot() as ask:
            return contact_history.find_longest(ask, start, end)

    def contacts_of_caller(self, caller_hash: str, before: float) -> Sequence[contact_history.ContactPast]:
        with self._reader.open_snapshot() as ask:
            return contact_history.contacts_of_caller(ask, caller_hash, before)

    def facts_of(self, row: ContactRow) -> Sequence[Fact]:
        until = None if row.outcome is None else row.changed_at
        with self._reader.open_snapshot() as ask:
            found = contact_history.facts_of(ask, row.name, row.queued_at, until)
        return [fact for fact in found if fact.seq <= self._extent.facts]

    def find_menu_paths(self, beginning: str) -> Sequence[MenuEndedRecorded]:
        with self._reader.open_snapshot() as ask:
            return contact_history.find_menu_paths(ask, beginning)

    def entries_for(self, fact: int) -> Iterator[JournalRow]:
        with self._reader.open_snapshot() as ask:
            start = contact_history.start_before(ask, fact)
        return self._read_all("entry", self._reader.journal_after, start or self._first_entry, self._extent.entries)

    def read_entries(self) -> Iterator[JournalRow]:
        return self._read_all("entry", self._reader.journal_after, self._first_entry, self._extent.entries)

    def read_facts(self) -> Iterator[Fact]:
        return self._read_all("fact", self._reader.facts_after, self._first_fact, self._extent.facts)

    def count_entries(self) -> int:
        return self._extent.entries - self._first_entry + 1

    def _read_all(self, what: str, after: Callable[[int], Sequence[N]], first: int, last: int) -> Iterator[N]:
        # Entries that the node writes meanwhile are left out.
        done = first - 1
        while done < last:
            page = after(done)
            for one in page:
                if done == last:
                    return
                if one.seq != done + 1:
                    raise self._missing_error(what, done + 1, last)
                done = one.seq
                yield one
            if not page:
                raise self._missing_error(what, done + 1, last)

    def _missing_error(self, what: str, number: int, last: int) -> PlanningError:
        return PlanningError(f"{self._place}: {what} {number} of {last} is missing or cannot be read, and what follows "
                             "from it cannot be told. Take a sound copy of the state")


@contextmanager
def open_journal(place: str) -> Iterator[ContactArchive]:
    """Open the journal of a state folder, a database file, or the URL of a database.

    Raise PlanningError if there is no journal, and StoreFailure if it cannot be read.
    """
    with _open_reader(place) as (reader, extent):
        yield _StateJournal(place, reader, extent)


def note_needs(place: str, folder: Path | None, contact: str) -> None:
    """Write to the audit log that agents' needs are about to be shown for a contact.

    `folder` is the state folder of the audit log. None means that of the journal. Raise PlanningError if the place has
    no folder, and StoreFailure if the log cannot be written. In both cases nothing may be shown.
    """
    if folder is None and "://" in place:
        raise PlanningError("the use of --needs is written to the audit log of the state (audit.jsonl): name its "
                            "folder with --state")
    path = Path(place)
    state = folder or (path if path.is_dir() else path.parent)
    try:
        require_owner(state)
        Audit(state).note_entry(asker_name(), "needs", time.time(), contact=contact)
    except StoreError as error:
        raise StoreFailure(str(error)) from error


@contextmanager
def open_past(place: str) -> Iterator[Query]:
    """Open the rows of a state, all of one moment. Raise NoJournal or StoreFailure if that is not possible."""
    try:
        with _open_reader(place) as (reader, _), reader.open_snapshot() as ask:
            yield ask
    except PlanningError as error:
        raise NoJournal(str(error)) from error


@contextmanager
def _open_reader(place: str) -> Iterator[tuple[Reader, StoreExtent]]:
    where: str | Path = place
    if (path := _sqlite_path(place)) is not None:
        where = path / DATABASE if path.is_dir() else path
        if not Path(where).is_file():
            raise PlanningError(f"no journal at {place}: name the state folder of a node (with {DATABASE} in it), the "
                                "file, or the URL of its database")
    try:
        with Reader(where) as reader:
            extent = reader.read_extent()
            _require_readable(place, extent)
            yield reader, extent
    except StoreError as error:
        raise StoreFailure(str(error)) from error
    except RoutingError as error:
        raise PlanningError(f"{place}: {error}") from error


def _sqlite_path(place: str) -> Path | None:
    """Return the path of a SQLite database, also from a URL, or None for another database.

    SQLite would create an empty file at a missing path, so the caller checks the path first.
    """
    if "://" not in place:
        return Path(place)
    try:
        url = make_url(place)
    except ArgumentError as error:
        raise PlanningError(f"{place.partition('://')[0]}://… is no URL of a database: {error}") from error
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


@contextmanager
def open_facts(place: str) -> Iterator[Iterable[Fact]]:
    """Open the facts of a state. Raise NoJournal if there is none, and StoreFailure if it cannot be read."""
    try:
        with open_journal(place) as journal:
            yield journal.read_facts()
    except PlanningError as error:
        raise NoJournal(str(error)) from error


def _require_readable(place: str, extent: StoreExtent) -> None:
    # A node migrates its store when it starts, but a reader must not change it.
    if extent.revision is None:
        raise PlanningError(f"{place} is no state of a node: it has no journal")
    if not extent.readable:
        raise PlanningError(f"the journal at {place} has format {extent.revision}, this Santral reads {HEAD}: a node "
                            "brings an older state up to date when it starts; a newer one needs the newer Santral")
    if not extent.entries:
        raise PlanningError(f"the journal at {place} is empty: no node has started with this state yet")
