"""Reading: what stood at the last commit. A connection of its own, read-only, so reading never holds the writer up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection, Select, bindparam, func, or_, select, text
from sqlalchemy.exc import DBAPIError

from routing.core.events import Event
from routing.core.facts import Fact
from routing.core.ids import AgentId, ContactId, OfferId, ServiceId
from routing.core.journal import JournalError, decode_event, decode_fact
from routing.core.memory.callers import ABUSIVE_CALLERS_MAX, Abused, OldPlace, Spoke
from routing.core.model import Channel, Outcome
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import FIELDS, ROWS, StoredAgent, StoredContact, StoredOffer
from routing.store import start
from routing.store.columns import reader_of
from routing.store.database import connect, translated, url_of
from routing.store.migrate import HEAD, revision
from routing.store.schema import (
    CONTACT_LIVE,
    OFFER_WITH_AGENT,
    agents,
    contacts,
    cursors,
    facts,
    journal,
    offers,
    one_of,
)

T = TypeVar("T")

log = structlog.get_logger()

PAGE = 1000
"""Facts given at once at most: a reader that is far behind takes pages and lets others in between."""


SPOKE_MAX = 10_000
"""Talks given to the engine at start: two or three days of a full house; who called before that has no preferred agent
after a restart. They are one entry of the journal, and read before the first call is routed."""

OVER_MAX = 10_000
"""Ended contacts given to the engine at start: as many as it remembers itself, more than an hour of a full house."""


PLACES_MAX = 1_000
"""Places of callers who hung up given to the engine at start: nobody is kept one for longer than half an hour, and an
hour of a full house has some hundred."""

PLACE_S = 1_800.0
"""No service keeps a place for longer (`centres.services`): what ended so long before the last end is of no use."""

GAVE_UP = (Outcome.ABANDONED, Outcome.ABANDONED_SHORT, Outcome.FAILURE)
"""Ends of a caller who was waiting and whose place is kept."""


class Input(NamedTuple):
    """One row of the journal: what the engine was told."""

    seq: int
    at: float
    event: Event | None
    """None: the timer."""


class Extent(NamedTuple):
    """What a state holds at one moment of the store."""

    revision: str | None
    """Of its tables; None: it has none of ours."""
    entries: int
    """Number of the last entry of the journal; 0: none."""
    facts: int
    """Number of the last fact; 0: none."""


class Ask:
    """Runs statements in one transaction and gives their rows. Any: what columns hold."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def postgres(self) -> bool:
        """The words for JSON differ between the two databases."""
        return self._connection.dialect.name == "postgresql"

    def __call__(self, statement: Select[Any], **values: object) -> Sequence[Any]:
        return self._connection.execute(statement, values).all()

    def event(self, kind: str, body: str) -> Event | None:
        """What an entry of the journal says. Raises JournalError."""
        return decode_event(kind, start.read(kind, body, lambda seq: start.body_at(self._connection, seq)))


class ServiceCount(NamedTuple):
    """How contacts of a service ended, or that they have not."""

    service: ServiceId
    outcome: Outcome | None
    """None: still there."""
    contacts: int


class Loaded(NamedTuple):
    """Everything that is alive, at one moment of the store: what the engine is rebuilt from."""

    contacts: tuple[StoredContact, ...]
    offers: tuple[StoredOffer, ...]
    agents: tuple[StoredAgent, ...]
    over: tuple[ContactId, ...]
    """Contacts with an outcome, the latest `OVER_MAX`, oldest first: late news of them is known to be late."""
    spoke: tuple[Spoke, ...]
    """The last talk of each caller known by a hash, at most `SPOKE_MAX`, oldest first: for preferred agents."""
    places: tuple[OldPlace, ...]
    """Of callers who hung up lately while waiting and have not come again, at most `PLACES_MAX`."""
    abusive: tuple[Abused, ...]
    """When it was last said of whom, at most `ABUSIVE_CALLERS_MAX`, oldest first."""
    next_offer: OfferId
    """One above every offer there ever was."""
    next_fact: int
    """Number of the next fact, from 1."""


# The states stand in these as in the partial indexes, word for word: with values to be bound, or with offers asked for
# in their order, SQLite reads the whole table, and a start would take longer with every call there ever was.
_CONTACTS = (select(*(contacts.c[name] for name in StoredContact._fields))
             .where(text(one_of("state", CONTACT_LIVE))).order_by(contacts.c.contact))
_OFFERS = (select(*(offers.c[name] for name in StoredOffer._fields))
           .where(text(one_of("state", OFFER_WITH_AGENT))))
_AGENTS = select(*(agents.c[name] for name in StoredAgent._fields)).order_by(agents.c.agent)
_OVER = (select(contacts.c.contact).where(contacts.c.ended_at.is_not(None))
         .order_by(contacts.c.ended_at.desc(), contacts.c.contact.desc()).limit(OVER_MAX))
_SPOKE = (select(contacts.c.caller_hash, contacts.c.agent, contacts.c.ended_at)
          .where(contacts.c.outcome == Outcome.ANSWERED.value, contacts.c.caller_hash != "",
                 contacts.c.agent.is_not(None), contacts.c.ended_at.is_not(None))
          .order_by(contacts.c.ended_at.desc()).limit(SPOKE_MAX))
# A later call has used the place up; not one with its own age that went to the net: no line took it.
_LATER = contacts.alias("later")
_PLACES = (select(contacts.c.caller_hash, contacts.c.service, contacts.c.visited, contacts.c.since, contacts.c.priority,
                  contacts.c.ended_at)
           .where(contacts.c.outcome.in_([one.value for one in GAVE_UP]), contacts.c.caller_hash != "",
                  contacts.c.channel == Channel.VOICE.value, contacts.c.ended_at.is_not(None),
                  contacts.c.ended_at > select(func.max(contacts.c.ended_at) - PLACE_S).scalar_subquery(),
                  ~select(_LATER.c.contact).where(_LATER.c.caller_hash == contacts.c.caller_hash,
                                                  _LATER.c.caller_hash != "",  # names the partial index
                                                  _LATER.c.contact != contacts.c.contact,
                                                  _LATER.c.queued_at >= contacts.c.ended_at,
                                                  or_(_LATER.c.outcome.is_(None),
                                                      _LATER.c.outcome != Outcome.OVERFLOW.value,
                                                      _LATER.c.since < _LATER.c.queued_at)).exists())
           .order_by(contacts.c.ended_at.desc()).limit(PLACES_MAX))
# Nothing else is asked here, or SQLite takes an index that all callers stand in.
_ABUSIVE = select(contacts.c.caller_hash, func.coalesce(contacts.c.ended_at, contacts.c.changed_at)).where(
    text("abusive"))
_FACTS = (select(facts.c.seq, facts.c.kind, facts.c.body).where(facts.c.seq > bindparam("after")).order_by(facts.c.seq)
          .limit(bindparam("count")))
_JOURNAL = (select(journal.c.seq, journal.c.at, journal.c.kind, journal.c.body)
            .where(journal.c.seq > bindparam("after")).order_by(journal.c.seq).limit(bindparam("count")))
_EXTENT = select(select(func.max(journal.c.seq)).scalar_subquery(), select(func.max(facts.c.seq)).scalar_subquery())
_CURSOR = select(cursors.c.seq).where(cursors.c.name == bindparam("name"))
_COUNTS = (select(contacts.c.service, contacts.c.outcome, func.count())
           .group_by(contacts.c.service, contacts.c.outcome).order_by(contacts.c.service, contacts.c.outcome))


def load(connection: Connection) -> Loaded:
    """Everything that is alive, inside the caller's transaction."""
    return Loaded(
        tuple(_rows(connection, _CONTACTS, Contact)),
        tuple(sorted(_rows(connection, _OFFERS, Offer), key=lambda one: one.offer)),
        tuple(_rows(connection, _AGENTS, AgentRecord)),
        tuple(ContactId(contact) for contact in reversed(connection.execute(_OVER).scalars().all())),
        tuple(Spoke(caller, AgentId(agent), at) for caller, agent, at in reversed(connection.execute(_SPOKE).all())),
        tuple(OldPlace(caller, (ServiceId(service), *map(ServiceId, json.loads(visited))), since, priority, at)
              for caller, service, visited, since, priority, at in connection.execute(_PLACES)),
        _abusive((caller, at) for caller, at in connection.execute(_ABUSIVE)),
        OfferId((connection.execute(select(func.max(offers.c.offer))).scalar() or 0) + 1),
        (connection.execute(select(func.max(facts.c.seq))).scalar() or 0) + 1,
    )


def _rows(connection: Connection, statement: Select[Any], kind: type) -> Iterator[Any]:
    """Give the rows of a class of records, each value as its declaration says."""
    row_type = ROWS[kind]
    fields = {one.column: one for one in FIELDS[kind]}
    readers = [(index, read) for index, name in enumerate(row_type._fields)
               if (read := reader_of(fields[name])) is not None]
    for row in connection.execute(statement):
        values = list(row)
        for index, read in readers:
            values[index] = read(values[index])
        yield row_type._make(values)


def _abusive(rows: Iterable[tuple[str, float]]) -> tuple[Abused, ...]:
    last: dict[str, float] = {}
    for caller, at in rows:
        if caller:
            last[caller] = max(at, last.get(caller, at))
    newest = sorted(last.items(), key=lambda one: one[1])[-ABUSIVE_CALLERS_MAX:]
    return tuple(Abused(caller, at) for caller, at in newest)


class Reader:
    """Reads a state, of a running node too. Synchronous: use it in a thread, a command or a test.

    Errors are `StoreUnavailable`, in words for who asked a command, or (`node`) for who runs one. Use as a context
    manager or `close` it.
    """

    def __init__(self, where: str | Path, *, node: bool = False) -> None:
        self._node = node
        self._url = url_of(where)
        self._engine = connect(self._url, read_only=True)
        self._connection: Connection | None = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def facts_after(self, seq: int, limit: int = PAGE) -> list[Fact]:
        """Facts with a number above `seq`, in order, at most `limit` (and never more than `PAGE`); none: there are no
        more. One that cannot be read is left out and logged: a start must not fail on an old record for ever."""
        found: list[Fact] = []
        while not found and (rows := self._all(_FACTS, after=seq, count=min(limit, PAGE))):
            for seq, kind, body in rows:
                try:
                    found.append(decode_fact(kind, body))
                except JournalError:
                    log.error("store.unreadable_fact", seq=seq, kind=kind)  # not its text: it may hold a number
        return found

    def journal_after(self, seq: int, limit: int = PAGE) -> list[Input]:
        """Inputs with a number above `seq`, in order, for replay. Raises JournalError with the number of one that
        cannot be read."""
        found: list[Input] = []
        for number, at, kind, body in self._all(_JOURNAL, after=seq, count=min(limit, PAGE)):
            try:
                found.append(Input(number, at, decode_event(kind, start.read(kind, body, self._body_at))))
            except JournalError as error:
                raise JournalError(f"entry {number}: {error}") from None
        return found

    def extent(self) -> Extent:
        """How far journal and facts go, of one commit: a running node writes on meanwhile."""
        try:
            connection = self._open()
            with connection.begin():
                found = revision(connection)
                if found != HEAD:
                    return Extent(found, 0, 0)
                entries, last = connection.execute(_EXTENT).one()
                return Extent(found, entries or 0, last or 0)
        except DBAPIError as error:
            raise self._failed(error) from None

    def cursor(self, name: str) -> int | None:
        """The last fact a reader is done with, 0 before the first; None: it never began."""
        found = self._all(_CURSOR, name=name)
        return int(found[0][0]) if found else None

    def counts(self) -> list[ServiceCount]:
        """Contacts by service and outcome, of all time."""
        return [ServiceCount(ServiceId(service), None if outcome is None else Outcome(outcome), count)
                for service, outcome, count in self._all(_COUNTS)]

    def load(self) -> Loaded:
        """Everything that is alive at this moment."""
        return self.look(load)

    def look(self, function: Callable[[Connection], T]) -> T:
        """What a function that only asks finds, all of it at one moment of the store."""
        try:
            connection = self._open()
            with connection.begin():
                return function(connection)
        except DBAPIError as error:
            raise self._failed(error) from None

    @contextmanager
    def snapshot(self) -> Iterator[Ask]:
        """Statements that all see the same moment of the store: a running node writes on meanwhile."""
        try:
            connection = self._open()
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield Ask(connection)
        except DBAPIError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def _body_at(self, seq: int) -> str:
        return self.look(lambda connection: start.body_at(connection, seq))

    def _all(self, statement: Select[Any], **values: object) -> list[tuple[Any, ...]]:
        return self.look(lambda connection: [tuple(row) for row in connection.execute(statement, values)])

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _failed(self, error: DBAPIError) -> Exception:
        # The connection may be dead: the next read begins with a new one.
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
        return translated(error, self._url, reading=not self._node)
