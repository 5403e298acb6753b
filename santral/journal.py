"""Opens the journal of a state for the rooms that read it: a folder, a file or a database, of a running node too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from planning.errors import PlanningError
from planning.why import Archive, Row
from routing.core.errors import RoutingError
from routing.core.facts import Fact, MenuPassed
from routing.core.stored import Started
from routing.store import contact_past
from routing.store.audit import Audit, asker
from routing.store.errors import StoreError
from routing.store.migrate import HEAD
from routing.store.reader import Ask, Extent, Input, Reader
from santral.errors import NoJournal, StoreTrouble
from santral.privacy_cli import ours

DATABASE = "santral.db"


class _Numbered(Protocol):
    @property
    def seq(self) -> int: ...


N = TypeVar("N", bound=_Numbered)


class _State:
    """A journal through a reader of the store, as far as it went when it was opened. Every entry and every fact has the
    number after the one before: one that is missing is named, or it would show as a decision that differs."""

    def __init__(self, place: str, reader: Reader, extent: Extent) -> None:
        self._place, self._reader, self._extent = place, reader, extent
        first = next(iter(reader.journal_after(0, 1)), None)
        if first is None or not isinstance(first.event, Started):
            raise PlanningError(f"{place}: the journal does not begin with the start of a node")
        # What is older was destroyed by its age (`santral privacy purge`), up to this start.
        self._first_entry, self._first_fact = first.seq, first.event.next_fact

    @property
    def last(self) -> int:
        return self._extent.entries

    def named(self, beginning: str, limit: int) -> Sequence[contact_past.Past]:
        with self._reader.snapshot() as ask:
            return contact_past.named(ask, beginning, limit)

    def of_caller(self, caller_hash: str, before: float) -> Sequence[contact_past.Past]:
        with self._reader.snapshot() as ask:
            return contact_past.of_caller(ask, caller_hash, before)

    def facts_of(self, row: Row) -> Sequence[Fact]:
        until = None if row.outcome is None else row.changed_at
        with self._reader.snapshot() as ask:
            found = contact_past.facts_of(ask, row.name, row.queued_at, until)
        return [fact for fact in found if fact.seq <= self._extent.facts]

    def menus(self, beginning: str) -> Sequence[MenuPassed]:
        with self._reader.snapshot() as ask:
            return contact_past.menus(ask, beginning)

    def entries_for(self, fact: int) -> Iterator[Input]:
        with self._reader.snapshot() as ask:
            start = contact_past.start_before(ask, fact)
        return self._all("entry", self._reader.journal_after, start or self._first_entry, self._extent.entries)

    def entries(self) -> Iterator[Input]:
        return self._all("entry", self._reader.journal_after, self._first_entry, self._extent.entries)

    def facts(self) -> Iterator[Fact]:
        return self._all("fact", self._reader.facts_after, self._first_fact, self._extent.facts)

    def length(self) -> int:
        return self._extent.entries - self._first_entry + 1

    def _all(self, what: str, after: Callable[[int], Sequence[N]], first: int, last: int) -> Iterator[N]:
        done = first - 1
        while done < last:
            page = after(done)
            for one in page:
                if done == last:
                    return
                if one.seq != done + 1:
                    raise self._missing(what, done + 1, last)
                done = one.seq
                yield one
            if not page:
                raise self._missing(what, done + 1, last)

    def _missing(self, what: str, number: int, last: int) -> PlanningError:
        return PlanningError(f"{self._place}: {what} {number} of {last} is missing or cannot be read, and what follows "
                             "from it cannot be told. Take a sound copy of the state")


@contextmanager
def open_journal(place: str) -> Iterator[Archive]:
    """`place`: a state folder, its database file, or the URL of a database. PlanningError when nothing is there or it
    is no journal, StoreTrouble when it cannot be read."""
    with _reading(place) as (reader, extent):
        yield _State(place, reader, extent)


def note_needs(place: str, folder: Path | None, contact: str) -> None:
    """Write into the record of a state that what agents need is about to be shown, and of which contact. `folder`:
    whose record; None: that of the journal. PlanningError when it has none, StoreTrouble when it cannot be written:
    then nothing may be shown."""
    if folder is None and "://" in place:
        raise PlanningError("who is shown what agents need is noted in the record of the state (audit.jsonl): name its "
                            "folder with --state")
    path = Path(place)
    state = folder or (path if path.is_dir() else path.parent)
    try:
        ours(state)
        Audit(state).note(asker(), "needs", time.time(), contact=contact)
    except StoreError as error:
        raise StoreTrouble(str(error)) from error


@contextmanager
def open_past(place: str) -> Iterator[Ask]:
    """Rows of a state, all of one moment. NoJournal when nothing is there, StoreTrouble when it cannot be read."""
    try:
        with _reading(place) as (reader, _), reader.snapshot() as ask:
            yield ask
    except PlanningError as error:
        raise NoJournal(str(error)) from error


@contextmanager
def _reading(place: str) -> Iterator[tuple[Reader, Extent]]:
    where: str | Path = place
    if (path := _file(place)) is not None:
        where = path / DATABASE if path.is_dir() else path
        if not Path(where).is_file():
            raise PlanningError(f"no journal at {place}: name the state folder of a node (with {DATABASE} in it), the "
                                "file, or the URL of its database")
    try:
        with Reader(where) as reader:
            extent = reader.extent()
            _sound(place, extent)
            yield reader, extent
    except StoreError as error:
        raise StoreTrouble(str(error)) from error
    except RoutingError as error:
        raise PlanningError(f"{place}: {error}") from error


def _file(place: str) -> Path | None:
    """The path, also of a URL of SQLite: to open that would make an empty file where none is. None: another
    database."""
    if "://" not in place:
        return Path(place)
    try:
        url = make_url(place)
    except ArgumentError as error:
        raise PlanningError(f"{place.partition('://')[0]}://… is no URL of a database: {error}") from error
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


@contextmanager
def open_facts(place: str) -> Iterator[Iterable[Fact]]:
    """The facts of a state. NoJournal when nothing is there, StoreTrouble when it cannot be read."""
    try:
        with open_journal(place) as journal:
            yield journal.facts()
    except PlanningError as error:
        raise NoJournal(str(error)) from error


def _sound(place: str, extent: Extent) -> None:
    if extent.revision is None:
        raise PlanningError(f"{place} is no state of a node: it has no journal")
    if extent.revision != HEAD:
        raise PlanningError(f"the journal at {place} has format {extent.revision}, this Santral reads {HEAD}: a node "
                            "brings an older state up to date when it starts; a newer one needs the newer Santral")
    if not extent.entries:
        raise PlanningError(f"the journal at {place} is empty: no node has started with this state yet")
