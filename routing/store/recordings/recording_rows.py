"""Keep the rows of recordings: contact, time, expiry, and the encrypted key of each file."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from routing.store.recordings.recording_keys import SealedKey
from routing.store.schema import RECORDING_KINDS, contacts, offers, recordings

CALL, MESSAGE, SURVEY = RECORDING_KINDS

PAGE = 500
"""Rows read or changed in one transaction, so that a running node waits for none of them."""


class Recording(NamedTuple):
    """One recording. Times are Unix seconds."""

    id: str
    contact: str
    kind: str
    service: str
    agent: str | None
    """The agent of a `call`."""
    at: float
    """Beginning of the recording."""
    seconds: float
    keep_until: float
    source: str
    """Name of the plain file from which it was made. A plain file is taken in once."""
    key_id: str
    key_encrypted: str

    @property
    def file_key(self) -> SealedKey:
        """Return the encrypted key of the file."""
        return SealedKey(self.key_id, self.key_encrypted)


class RecordingFilter(NamedTuple):
    """Conditions for recordings. A condition of None does not matter. `due` means that the time was over at that
    moment."""

    contact: str | None = None
    service: str | None = None
    agent: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    due: float | None = None


_ALL = select(*(recordings.c[name] for name in Recording._fields))


def add_recording(connection: Connection, one: Recording) -> None:
    """Store a row."""
    connection.execute(insert(recordings), one._asdict())


def by_id(connection: Connection, recording: str) -> Recording | None:
    """Return one recording, or None."""
    row = connection.execute(_ALL.where(recordings.c.id == recording)).first()
    return None if row is None else Recording(*row)


def by_source(connection: Connection, source: str) -> Recording | None:
    """Return the recording that was made from a plain file of this name, or None."""
    row = connection.execute(_ALL.where(recordings.c.source == source)).first()
    return None if row is None else Recording(*row)


def find_recordings(connection: Connection, wanted: RecordingFilter, limit: int = PAGE) -> list[Recording]:
    """Return the newest recordings that fit. With `due`, return those that expired first."""
    order = (recordings.c.at.desc(), recordings.c.id.desc()) if wanted.due is None else (recordings.c.keep_until,)
    return [Recording(*row) for row in connection.execute(_apply_filter(_ALL, wanted).order_by(*order).limit(limit))]


def count_recordings(connection: Connection, wanted: RecordingFilter) -> int:
    """Return how many recordings fit."""
    return int(connection.execute(_apply_filter(select(func.count()).select_from(recordings), wanted)).scalar() or 0)


def recordings_of_contacts(connection: Connection, ids: Collection[str]) -> list[Recording]:
    """Return all recordings of these contacts, oldest first."""
    return [Recording(*row) for row in
            connection.execute(_ALL.where(recordings.c.contact.in_(ids)).order_by(recordings.c.at, recordings.c.id))]


def talk_of(connection: Connection, contact: str, offer: int) -> tuple[str | None, float | None]:
    """Return agent and talk beginning of an offer. Both are None without such an offer of this contact."""
    found = connection.execute(select(offers.c.agent, offers.c.connected_at).where(
        offers.c.offer == offer, offers.c.contact == contact)).one_or_none()
    return (None, None) if found is None else (found.agent, found.connected_at)


def present_contact_id(connection: Connection, contact: str, at: float) -> str:
    """Return the present name of a contact. Asterisk may use an id again after a restart, and the row then changes
    (`rows.py`)."""
    # The sum keeps SQLite from the index of queued_at, with which each recording would read every call that ever
    # existed.
    rows = connection.execute(select(contacts.c.contact).where(
        contacts.c.contact.startswith(f"{contact}~", autoescape=True), contacts.c.queued_at + 0.0 <= at,
        contacts.c.ended_at >= at).limit(1))
    found: str | None = rows.scalar_one_or_none()
    return found or contact


def remove_rows(connection: Connection, ids: Collection[str]) -> int:
    """Delete rows with their keys, and return how many there were."""
    return connection.execute(delete(recordings).where(recordings.c.id.in_(ids))).rowcount


def recordings_with_other_keys(connection: Connection, key_id: str) -> list[Recording]:
    """Return recordings whose key is encrypted with another key."""
    return [Recording(*row) for row in connection.execute(_ALL.where(recordings.c.key_id != key_id).limit(PAGE))]


def replace_file_keys(connection: Connection, sealed: Iterable[tuple[str, SealedKey]]) -> None:
    """Replace the encrypted keys in the rows. The keys themselves stay the same."""
    for recording, key in sealed:
        connection.execute(update(recordings).where(recordings.c.id == recording)
                           .values(key_id=key.key_id, key_encrypted=key.key_encrypted))


def _apply_filter(statement: Select[Any], wanted: RecordingFilter) -> Select[Any]:
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
