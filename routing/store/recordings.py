"""The rows of recordings: what there is, of which contact, until when; and the sealed key of each file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from routing.store.schema import contacts, offers, recordings
from routing.store.sealed import SealedKey

CALL, MESSAGE, SURVEY = "call", "message", "survey"

PAGE = 500
"""Rows read or changed in one transaction, so that a running node waits for none of them."""


class Recording(NamedTuple):
    """One recording. Times are Unix seconds."""

    id: str
    contact: str
    kind: str
    service: str
    agent: str | None
    """Who talked, of a `call`."""
    at: float
    """Its beginning."""
    seconds: float
    keep_until: float
    source: str
    """Name of the plain file it was made from: taken in once."""
    key_id: str
    key_box: str

    @property
    def sealed(self) -> SealedKey:
        """The key of its file."""
        return SealedKey(self.key_id, self.key_box)


class Wanted(NamedTuple):
    """Which recordings; what is None does not matter. `due`: their time was over at that moment."""

    contact: str | None = None
    service: str | None = None
    agent: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    due: float | None = None


_ALL = select(*(recordings.c[name] for name in Recording._fields))


def add(connection: Connection, one: Recording) -> None:
    """Keep a row."""
    connection.execute(insert(recordings), one._asdict())


def by_id(connection: Connection, recording: str) -> Recording | None:
    """One of them."""
    row = connection.execute(_ALL.where(recordings.c.id == recording)).first()
    return None if row is None else Recording(*row)


def by_source(connection: Connection, source: str) -> Recording | None:
    """The one that was made from a plain file of this name."""
    row = connection.execute(_ALL.where(recordings.c.source == source)).first()
    return None if row is None else Recording(*row)


def find(connection: Connection, wanted: Wanted, limit: int = PAGE) -> list[Recording]:
    """The newest ones that fit; of those that are `due` any."""
    order = (recordings.c.at.desc(), recordings.c.id.desc()) if wanted.due is None else (recordings.c.keep_until,)
    return [Recording(*row) for row in connection.execute(_where(_ALL, wanted).order_by(*order).limit(limit))]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many fit."""
    return int(connection.execute(_where(select(func.count()).select_from(recordings), wanted)).scalar() or 0)


def of_contacts(connection: Connection, ids: Collection[str]) -> list[Recording]:
    """All of these contacts, oldest first."""
    return [Recording(*row) for row in
            connection.execute(_ALL.where(recordings.c.contact.in_(ids)).order_by(recordings.c.at, recordings.c.id))]


def talk_of(connection: Connection, contact: str, offer: int) -> tuple[str | None, float | None]:
    """Who had this offer, and when the talk began; None: nobody, or it is another contact's."""
    found = connection.execute(select(offers.c.agent, offers.c.connected_at).where(
        offers.c.offer == offer, offers.c.contact == contact)).one_or_none()
    return (None, None) if found is None else (found.agent, found.connected_at)


def renamed(connection: Connection, contact: str, at: float) -> str:
    """The contact by its name of today: one whose id came again after a restart of Asterisk has another (`rows.py`)."""
    # The sum keeps SQLite from the index of queued_at: it would look at every call there ever was, for each recording.
    rows = connection.execute(select(contacts.c.contact).where(
        contacts.c.contact.startswith(f"{contact}~", autoescape=True), contacts.c.queued_at + 0.0 <= at,
        contacts.c.ended_at >= at).limit(1))
    found: str | None = rows.scalar_one_or_none()
    return found or contact


def remove(connection: Connection, ids: Collection[str]) -> int:
    """Take rows out, and the keys in them; how many there were."""
    return connection.execute(delete(recordings).where(recordings.c.id.in_(ids))).rowcount


def sealed_by_others(connection: Connection, key_id: str, limit: int = PAGE) -> list[Recording]:
    """Those whose key another key sealed."""
    return [Recording(*row) for row in connection.execute(_ALL.where(recordings.c.key_id != key_id).limit(limit))]


def seal_anew(connection: Connection, sealed: Iterable[tuple[str, SealedKey]]) -> None:
    """Put other boxes of the same keys into the rows."""
    for recording, key in sealed:
        connection.execute(update(recordings).where(recordings.c.id == recording)
                           .values(key_id=key.key_id, key_box=key.box))


def _where(statement: Select[Any], wanted: Wanted) -> Select[Any]:
    for name in ("contact", "service", "agent", "kind"):
        if (value := getattr(wanted, name)) is not None:
            statement = statement.where(recordings.c[name] == value)
    if wanted.since is not None:
        statement = statement.where(recordings.c.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(recordings.c.at < wanted.until)
    if wanted.due is not None:
        statement = statement.where(recordings.c.keep_until <= wanted.due)
    return statement
