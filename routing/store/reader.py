"""Read the state of the last commit.

Every reader has a separate read-only connection, so reading never holds up the writer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, Select, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError

from routing.core.events import Event
from routing.core.journal import JournalError, decode_event, decode_fact
from routing.core.memory.callers import ABUSIVE_CALLERS_MAX, Abused, CallbackCall, OldPlace, Spoke
from routing.core.memory.waits import LearnedService
from routing.core.model.centre_model import LIVE_STATES, OFFER_WITH_AGENT, Channel, Outcome
from routing.core.model.facts import CallbackChanged, Fact, Queued
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from routing.core.model.reasons import CALLBACK_REFUSED
from routing.core.queueing.callback_limits import DAY_S
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import FIELDS, ROWS, StoredAgent, StoredContact, StoredLearned, StoredOffer
from routing.store import start_entry
from routing.store.columns import reader_of
from routing.store.database import connect_engine, cut_socket, store_error, url_of
from routing.store.kinds import PERSONAL_NAMES
from routing.store.migrate import current_revision, fits_code
from routing.store.schema import (
    IS_OVERRIDE,
    agents,
    contacts,
    cursors,
    facts,
    journal,
    learned,
    offers,
    one_of,
)

T = TypeVar("T")

log = structlog.get_logger()

PAGE = 1000
"""Most facts returned at once. A reader that is far behind takes pages and lets others in between."""


LAST_TALKS_MAX = 10_000
"""Talks given to the engine at start: two or three days of a full centre.

A caller with an earlier talk has no preferred agent after a restart. The talks are one entry of the journal, and are
read before the first call is routed.
"""

ENDED_MAX = 10_000
"""Ended contacts given to the engine at start: as many as it remembers itself, more than an hour of a full centre."""

PAST_OFFERS_MAX = 1_000
"""Last offers among which a start looks for those that are over, of contacts that wait: a quarter of an hour of a full
centre, longer than any phone rings. By their numbers, because no index has the offers of a contact."""

POSITIONS_MAX = 1_000
"""Held positions given to the engine at start.

No position is held for longer than half an hour, and an hour of a full centre has some hundred.
"""

POSITION_HELD_MAX_S = 1_800.0
"""No service holds a position for longer (`centres.services`). Contacts that ended earlier are of no use."""

ABANDONED_OUTCOMES = (Outcome.ABANDONED, Outcome.ABANDONED_SHORT, Outcome.FAILURE)
"""Outcomes of a caller who was waiting and whose position is held."""


class JournalRow(NamedTuple):
    """One row of the journal: an input of the engine."""

    seq: int
    at: float
    event: Event | None
    """The event, or None for the timer."""


class StoreExtent(NamedTuple):
    """Extent of a state at one moment of the store."""

    revision: str | None
    """Revision of the tables, or None without tables of Santral."""
    entries: int
    """Number of the last entry of the journal, or 0 without entries."""
    facts: int
    """Number of the last fact, or 0 without facts."""
    readable: bool = True
    """This version reads these tables."""


class Query:
    """Run statements in one transaction and return their rows. Any: the values of columns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def postgres(self) -> bool:
        """Return whether the database is PostgreSQL. The words for JSON differ between the two databases."""
        return self._connection.dialect.name == "postgresql"

    def __call__(self, statement: Select[Any], **values: object) -> Sequence[Any]:
        return self._connection.execute(statement, values).all()

    def with_callers(self, facts: list[Fact]) -> list[Fact]:
        """Return facts with what identifies their callers (`with_callers`)."""
        return with_callers(self._connection, facts)

    def decode_entry(self, kind: str, body: str) -> Event | None:
        """Return the event of an entry of the journal. Raise JournalError if it cannot be read."""
        return decode_event(kind, start_entry.read_entry(kind, body,
            lambda seq: start_entry.body_at(self._connection, seq)))


class ServiceCount(NamedTuple):
    """Number of contacts of a service with one outcome, or with none."""

    service: ServiceId
    outcome: Outcome | None
    """None while the contacts are alive."""
    contacts: int


class LoadedState(NamedTuple):
    """Everything that is alive at one moment of the store. The engine is rebuilt from it."""

    contacts: tuple[StoredContact, ...]
    offers: tuple[StoredOffer, ...]
    agents: tuple[StoredAgent, ...]
    ended_contacts: tuple[ContactId, ...]
    """Contacts with an outcome, the latest `ENDED_MAX`, oldest first. Late news of them is recognised as late."""
    last_talks: tuple[Spoke, ...]
    """The last talk of each caller with a known hash, at most `LAST_TALKS_MAX`, oldest first, for preferred agents."""
    held_positions: tuple[OldPlace, ...]
    """Callers who hung up while waiting and have not called again, at most `POSITIONS_MAX`."""
    abuse_flags: tuple[Abused, ...]
    """Last abuse flag of each caller, at most `ABUSIVE_CALLERS_MAX`, oldest first."""
    callback_calls: tuple[CallbackCall, ...]
    """Dials and refusals of callbacks within `DAY_S` of the last dial, oldest first."""
    learned: tuple[StoredLearned, ...]
    """Learned values of each service."""
    past_offers: tuple[StoredOffer, ...]
    """Offers of these contacts that are over, of the last `PAST_OFFERS_MAX` offers of all contacts, in order."""
    next_offer: OfferId
    """One above every offer that ever existed."""
    next_fact: int
    """Number of the next fact, from 1."""


# The states are written exactly as in the partial indexes. With bound values, or with offers in order, SQLite would
# read the whole table, and each call would make later starts slower.
_CONTACTS = (select(*(contacts.c[name] for name in StoredContact._fields))
             .where(text(one_of("state", LIVE_STATES))).order_by(contacts.c.contact))
_OFFERS = (select(*(offers.c[name] for name in StoredOffer._fields))
           .where(text(one_of("state", OFFER_WITH_AGENT))))
_PAST_OFFERS = (select(*(offers.c[name] for name in StoredOffer._fields))
                .where(offers.c.offer > bindparam("after"), text(f"NOT {one_of('state', OFFER_WITH_AGENT)}"),
                       offers.c.contact.in_(select(contacts.c.contact).where(text(one_of("state", LIVE_STATES))))))
_AGENTS = select(*(agents.c[name] for name in StoredAgent._fields)).order_by(agents.c.agent)
_LEARNED = select(*(learned.c[name] for name in StoredLearned._fields)).order_by(learned.c.service)
_OVER = (select(contacts.c.contact).where(contacts.c.ended_at.is_not(None))
         .order_by(contacts.c.ended_at.desc(), contacts.c.contact.desc()).limit(ENDED_MAX))
_SPOKE = (select(contacts.c.caller_hash, contacts.c.agent, contacts.c.ended_at)
          .where(contacts.c.outcome == Outcome.ANSWERED.value, contacts.c.caller_hash != "",
                 contacts.c.agent.is_not(None), contacts.c.ended_at.is_not(None))
          .order_by(contacts.c.ended_at.desc()).limit(LAST_TALKS_MAX))
# A later call has used the position up.
_LATER = contacts.alias("later")
_PLACES = (select(contacts.c.caller_hash, contacts.c.service, contacts.c.visited, contacts.c.since, contacts.c.priority,
                  contacts.c.ended_at)
           .where(contacts.c.outcome.in_([one.value for one in ABANDONED_OUTCOMES]), contacts.c.caller_hash != "",
                  contacts.c.channel == Channel.VOICE.value, contacts.c.ended_at.is_not(None),
                  contacts.c.ended_at > select(func.max(contacts.c.ended_at) - POSITION_HELD_MAX_S).scalar_subquery(),
                  ~select(_LATER.c.contact).where(_LATER.c.caller_hash == contacts.c.caller_hash,
                                                  _LATER.c.caller_hash != "",  # names the partial index
                                                  _LATER.c.contact != contacts.c.contact,
                                                  _LATER.c.queued_at >= contacts.c.ended_at).exists())
           .order_by(contacts.c.ended_at.desc()).limit(POSITIONS_MAX))
# No other condition: otherwise SQLite takes an index that holds all callers.
_ABUSIVE = select(contacts.c.caller_hash, func.coalesce(contacts.c.ended_at, contacts.c.changed_at)).where(
    text("abusive"))
_DIALLED = (select(contacts.c.callback_hash, contacts.c.caller_hash, offers.c.dialled_at, offers.c.ended_at,
                   offers.c.reason)
            .join_from(offers, contacts, offers.c.contact == contacts.c.contact)
            .where(text("offers.dialled_at IS NOT NULL"), offers.c.dialled_at >= bindparam("since")))
_DIALS = (select(contacts.c.callback_hash, contacts.c.caller_hash, contacts.c.dials)
          .where(text("dials <> '[]'"), contacts.c.changed_at >= bindparam("since")))
_LAST_DIALS = select(func.max(contacts.c.changed_at)).where(text("dials <> '[]'"))
_LAST_DIAL = select(func.max(offers.c.dialled_at)).where(text("dialled_at IS NOT NULL"))
_FACTS = (select(facts.c.seq, facts.c.at, facts.c.kind, facts.c.body)
          .where(facts.c.seq > bindparam("after")).order_by(facts.c.seq).limit(bindparam("count")))
_JOURNAL = (select(journal.c.seq, journal.c.at, journal.c.kind, journal.c.body)
            .where(journal.c.seq > bindparam("after")).order_by(journal.c.seq).limit(bindparam("count")))
_CALLERS = select(contacts.c.contact, contacts.c.queued_at, *(
    contacts.c[name] for name in sorted(PERSONAL_NAMES & set(contacts.c.keys()))))
_EXTENT = select(select(func.max(journal.c.seq)).scalar_subquery(), select(func.max(facts.c.seq)).scalar_subquery())
_CURSOR = select(cursors.c.seq).where(cursors.c.name == bindparam("name"))
_COUNTS = (select(contacts.c.service, contacts.c.outcome, func.count())
           .group_by(contacts.c.service, contacts.c.outcome).order_by(contacts.c.service, contacts.c.outcome))


def load_state(connection: Connection) -> LoadedState:
    """Return everything that is alive, inside the caller's transaction."""
    # The engine continues after the highest numbers that were ever used.
    next_offer = OfferId((connection.execute(select(func.max(offers.c.offer))).scalar() or 0) + 1)
    past = _PAST_OFFERS.params(after=next_offer - 1 - PAST_OFFERS_MAX)
    return LoadedState(
        tuple(_rows(connection, _CONTACTS, Contact)),
        tuple(sorted(_rows(connection, _OFFERS, Offer), key=lambda one: one.offer)),
        tuple(_rows(connection, _AGENTS, AgentRecord)),
        tuple(ContactId(contact) for contact in reversed(connection.execute(_OVER).scalars().all())),
        tuple(Spoke(caller, AgentId(agent), at) for caller, agent, at in reversed(connection.execute(_SPOKE).all())),
        tuple(OldPlace(caller, (ServiceId(service), *map(ServiceId, json.loads(visited))), since, priority, at)
              for caller, service, visited, since, priority, at in connection.execute(_PLACES)),
        _latest_flags((caller, at) for caller, at in connection.execute(_ABUSIVE)),
        _callback_calls(connection),
        tuple(_rows(connection, _LEARNED, LearnedService)),
        tuple(sorted(_rows(connection, past, Offer), key=lambda one: one.offer)),
        next_offer,
        (connection.execute(select(func.max(facts.c.seq))).scalar() or 0) + 1,
    )


def _fact_bodies(connection: Connection, seqs: list[int]) -> dict[int, str]:
    if not seqs:
        return {}
    rows = connection.execute(select(facts.c.seq, facts.c.body).where(facts.c.seq.in_(seqs)))
    return {row.seq: row.body for row in rows}


def with_callers(connection: Connection, facts: list[Fact]) -> list[Fact]:
    """Return facts with what identifies their callers, from the rows of the contacts.

    After an erasure the rows do not have it any more, and so neither have the facts.
    """
    hidden = {one.contact for one in facts if isinstance(one, Queued | CallbackChanged)}
    if not hidden:
        return facts
    rows = {row.contact: row for row in connection.execute(_CALLERS.where(contacts.c.contact.in_(hidden)))}
    found = list(facts)
    for place, one in enumerate(facts):
        row = rows.get(one.contact) if isinstance(one, Queued | CallbackChanged) else None
        # A later contact of the same id is somebody else.
        if row is not None and row.queued_at <= one.at:
            found[place] = one._replace(**{name: row._mapping[name] for name in one._fields if name in PERSONAL_NAMES})
    return found


def _rows(connection: Connection, statement: Select[Any], kind: type) -> Iterator[Any]:
    """Yield the rows of a class of records, each value as its declaration says."""
    row_type = ROWS[kind]
    fields = {one.column: one for one in FIELDS[kind]}
    readers = [(index, read) for index, name in enumerate(row_type._fields)
               if (read := reader_of(fields[name])) is not None]
    for row in connection.execute(statement):
        # Only some columns need a conversion, so the others are not touched.
        values = list(row)
        for index, read in readers:
            values[index] = read(values[index])
        yield row_type._make(values)


def _callback_calls(connection: Connection) -> tuple[CallbackCall, ...]:
    # 1. Dials for an offer.
    since = max(connection.execute(last).scalar() or 0.0 for last in (_LAST_DIAL, _LAST_DIALS)) - DAY_S
    found = []
    for other, own, dialled_at, ended_at, reason in connection.execute(_DIALLED, {"since": since}):
        if caller := other or own:
            found.append(CallbackCall(caller, dialled_at, False))
            if reason == CALLBACK_REFUSED and ended_at is not None:
                found.append(CallbackCall(caller, ended_at, True))
    # 2. Dials without a reserved agent. A contact may have some that are older than a day.
    for other, own, dials in connection.execute(_DIALS, {"since": since}):
        found += [CallbackCall(other or own, at, refused) for at, refused in json.loads(dials)
                  if at >= since and (other or own)]
    return tuple(sorted(found, key=lambda one: (one.at, one.refused)))


def _latest_flags(rows: Iterable[tuple[str, float]]) -> tuple[Abused, ...]:
    last: dict[str, float] = {}
    for caller, at in rows:
        if caller:
            last[caller] = max(at, last.get(caller, at))
    newest = sorted(last.items(), key=lambda one: one[1])[-ABUSIVE_CALLERS_MAX:]
    return tuple(Abused(caller, at) for caller, at in newest)


class Reader:
    """Read a state, also that of a running node. Synchronous: for a thread, a command or a test.

    Errors are `StoreUnavailable`, worded for the user of a command, or for the operator of a node (`node`). Use a
    reader as a context manager, or call `close`.
    """

    def __init__(self, where: str | Path, *, node: bool = False) -> None:
        self._node = node
        self._url = url_of(where)
        self._engine = connect_engine(self._url, read_only=True)
        self._connection: Connection | None = None
        self._unreadable: set[str] = set()
        """Kinds of facts that could not be read, and were logged."""

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def facts_after(self, seq: int, limit: int = PAGE) -> list[Fact]:
        """Return facts with a number above `seq`, in order, at most `limit` and at most `PAGE`. Return none at the end.

        An unreadable fact is skipped, and the first of its kind is logged: one record must not make every start fail.
        """
        found: list[Fact] = []
        while not found and (rows := self._all_rows(_FACTS, after=seq, count=min(limit, PAGE))):
            found, seq = self._decode_facts(rows), rows[-1][0]
        return self.run_query(partial(with_callers, facts=found))

    def recent_facts(self, kinds: Iterable[type[Fact]], since: float, after: int) -> list[Fact]:
        """Return the facts of these kinds since a time with a number above `after`, in order, at most `PAGE`.

        Return none at the end. The time has no index. Callers of the facts stay hidden.
        """
        names = [kind.__name__ for kind in kinds]
        found: list[Fact] = []
        while not found and (rows := self._all_rows(_FACTS.where(
                facts.c.at >= since, facts.c.kind.in_(names)), after=after, count=PAGE)):
            found, after = self._decode_facts(rows), rows[-1][0]
        return found

    def overrides_since(self, since: float) -> list[Fact]:
        """Return the facts of rules that were set aside since a time, in order. They have an index."""
        return self._decode_facts(self._all_rows(select(facts.c.seq, facts.c.at, facts.c.kind, facts.c.body).where(
            text(IS_OVERRIDE), facts.c.at >= since).order_by(facts.c.seq)))

    def _decode_facts(self, rows: Iterable[Any]) -> list[Fact]:
        found: list[Fact] = []
        for seq, at, kind, body in rows:
            try:
                found.append(decode_fact(kind, body, seq, at))
            except JournalError as error:
                self._report_unreadable(seq, kind, error)
        return found

    def _report_unreadable(self, seq: int, kind: str, error: JournalError) -> None:
        """Log the first unreadable fact of each kind. A newer release may have written thousands of them."""
        if kind not in self._unreadable:
            self._unreadable.add(kind)
            log.error("store.fact_unreadable", seq=seq, kind=kind, why=str(error))

    def journal_after(self, seq: int, limit: int = PAGE) -> list[JournalRow]:
        """Return inputs with a number above `seq`, in order, for replay.

        Raise JournalError with the number of an entry that cannot be read.
        """
        found: list[JournalRow] = []
        rows = self._all_rows(_JOURNAL, after=seq, count=min(limit, PAGE))
        # A note has the number of its fact (`noted_as`), which has the same fields.
        noted = self.run_query(partial(_fact_bodies, seqs=[int(body) for *_, body in rows if body.isdecimal()]))
        for number, at, kind, body in rows:
            try:
                found.append(JournalRow(number, at, decode_event(kind, noted[int(body)] if body.isdecimal() else
                    start_entry.read_entry(kind, body, self._body_at))))
            except KeyError:
                raise JournalError(f"entry {number}: its fact {body} is gone") from None
            except JournalError as error:
                raise JournalError(f"entry {number}: {error}") from None
        return found

    def read_extent(self) -> StoreExtent:
        """Return how far journal and facts go at one commit, because a running node continues to write."""
        try:
            connection = self._open_connection()
            # One transaction, or the two numbers would be of different commits.
            with connection.begin():
                found = current_revision(connection)
                if found is None or not fits_code(connection, found):
                    return StoreExtent(found, 0, 0, readable=False)
                entries, last = connection.execute(_EXTENT).one()
                return StoreExtent(found, entries or 0, last or 0)
        except DBAPIError as error:
            raise self._store_error(error) from None

    def read_cursor(self, name: str) -> int | None:
        """Return the last fact that a reader has handled, 0 before the first, or None if it never began."""
        found = self._all_rows(_CURSOR, name=name)
        return int(found[0][0]) if found else None

    def count_contacts(self) -> list[ServiceCount]:
        """Return the contacts of all time by service and outcome."""
        return [ServiceCount(ServiceId(service), None if outcome is None else Outcome(outcome), count)
                for service, outcome, count in self._all_rows(_COUNTS)]

    def load_state(self) -> LoadedState:
        """Return everything that is alive at this moment."""
        return self.run_query(load_state)

    def run_query(self, function: Callable[[Connection], T]) -> T:
        """Return the result of a function that only reads, all of it at one moment of the store."""
        try:
            connection = self._open_connection()
            with connection.begin():
                return function(connection)
        except DBAPIError as error:
            raise self._store_error(error) from None

    @contextmanager
    def open_snapshot(self) -> Iterator[Query]:
        """Open a query whose statements all see the same moment of the store, while a running node continues to write.
        """
        try:
            connection = self._open_connection()
            # SQLite's transactions see one moment anyway.
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield Query(connection)
        except DBAPIError as error:
            raise self._store_error(error) from None

    def cut_connection(self) -> None:
        """Let a question that waits for the server fail now. Called by another thread."""
        cut_socket(self._connection)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def _body_at(self, seq: int) -> str:
        return self.run_query(lambda connection: start_entry.body_at(connection, seq))

    def _all_rows(self, statement: Select[Any], **values: object) -> list[tuple[Any, ...]]:
        return self.run_query(lambda connection: [tuple(row) for row in connection.execute(statement, values)])

    def _open_connection(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _store_error(self, error: DBAPIError) -> Exception:
        # The connection may be dead, so the next read begins with a new one.
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        return store_error(error, self._url, reading=not self._node)
