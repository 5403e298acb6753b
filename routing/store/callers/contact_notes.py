"""Keep what agents write down of a contact: a code, and a sealed note.

A note belongs to its contact. Each agent who had the contact has one note of it.

The notes of a caller are found by the contacts of that caller. An erasure blanks those, so a later note would be found
by nobody. A contact whose caller was erased takes no note.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, or_, select

from routing.core.model.errors import Refused
from routing.store.callers.erased_contacts import forget_old, is_erased
from routing.store.schema import contact_notes, contacts, offers

PAGE = 500
"""Rows of one transaction, so that a running node waits for none of them."""

TALKS_SOUGHT = 500
"""Last talks of an agent among which a contact is looked for. A note comes within a day, and no day has more."""


class CallerWasErased(Refused):
    """The data of the contact's caller was erased, so nothing more is written down of the contact."""

    code = "caller_erased"
    turkish = "Arayanın isteğiyle kayıtları silindi; bu görüşme için not yazılamaz."


class NoteRow(NamedTuple):
    """The note of one agent of one contact."""

    contact: str
    agent: str
    service: str
    code: str
    """Empty if the agent has chosen none."""
    note_encrypted: str
    """Empty without a text."""
    at: float


class TalkRow(NamedTuple):
    """A talk of an agent."""

    contact: str
    service: str
    at: float
    talk_s: float | None
    """None while the talk goes on."""


class CallerContact(NamedTuple):
    """An earlier contact of a caller."""

    contact: str
    service: str
    at: float
    outcome: str | None


_NOTES = select(*(contact_notes.c[name] for name in NoteRow._fields))


def put_note(connection: Connection, one: NoteRow) -> None:
    """Store a note. It replaces an earlier one of this agent of this contact.

    Raise CallerWasErased if the caller's data was erased.
    """
    if is_erased(connection, one.contact):
        raise CallerWasErased
    connection.execute(delete(contact_notes).where(
        contact_notes.c.contact == one.contact, contact_notes.c.agent == one.agent))
    if one.code or one.note_encrypted:
        connection.execute(insert(contact_notes), one._asdict())


def notes_of_contacts(connection: Connection, ids: Sequence[str]) -> list[NoteRow]:
    """Return the notes of these contacts, oldest first."""
    found: list[NoteRow] = []
    for begin in range(0, len(ids), PAGE):
        found += [NoteRow(*row) for row in connection.execute(
            _NOTES.where(contact_notes.c.contact.in_(ids[begin: begin + PAGE])))]
    return sorted(found, key=lambda one: (one.at, one.contact, one.agent))


def talks_of_agent(connection: Connection, agent: str, limit: int) -> list[TalkRow]:
    """Return the last talks of an agent, newest first."""
    rows = connection.execute(
        select(offers.c.contact, offers.c.service, offers.c.connected_at, offers.c.talk_s)
        .where(offers.c.agent == agent, offers.c.connected_at.is_not(None))
        .order_by(offers.c.offer.desc()).limit(limit))
    return [TalkRow(*row) for row in rows]


def service_of_talk(connection: Connection, agent: str, contact: str, since: float) -> str | None:
    """Return the service of the last talk that an agent had in a contact, or None without one.

    The talk is one of the agent's last `TALKS_SOUGHT`. The contact lives, or has ended since that time: an agent who
    has handed it over may write for as long as the one who ends it.
    """
    last = (select(offers.c.offer, offers.c.contact, offers.c.service)
            .where(offers.c.agent == agent, offers.c.connected_at.is_not(None))
            .order_by(offers.c.offer.desc()).limit(TALKS_SOUGHT).subquery())
    return connection.execute(
        select(last.c.service).join_from(last, contacts, contacts.c.contact == last.c.contact)
        .where(last.c.contact == contact, or_(contacts.c.ended_at.is_(None), contacts.c.ended_at >= since))
        .order_by(last.c.offer.desc()).limit(1)).scalar_one_or_none()


def was_handed_over(connection: Connection, contact: str, agent: str) -> bool:
    """Return whether another agent has talked in this contact."""
    return connection.execute(select(offers.c.offer).where(
        offers.c.contact == contact, offers.c.agent != agent, offers.c.connected_at.is_not(None))
        .limit(1)).first() is not None


def contacts_of_caller(connection: Connection, contact: str, since: float, limit: int) -> list[CallerContact]:
    """Return the earlier contacts of a contact's caller since a time, newest first.

    A caller who is not known has none: an anonymous service keeps no hash.
    """
    caller = connection.execute(select(contacts.c.caller_hash).where(
        contacts.c.contact == contact)).scalar_one_or_none()
    if not caller:
        return []
    rows = connection.execute(
        select(contacts.c.contact, contacts.c.service, contacts.c.queued_at, contacts.c.outcome)
        .where(contacts.c.caller_hash == caller, contacts.c.caller_hash != "", contacts.c.queued_at >= since,
               contacts.c.contact != contact)
        .order_by(contacts.c.queued_at.desc()).limit(limit))
    return [CallerContact(*row) for row in rows]


def erase_notes(connection: Connection, ids: Sequence[str]) -> list[NoteRow]:
    """Delete the notes of these contacts, and return them."""
    found = notes_of_contacts(connection, ids)
    for begin in range(0, len(ids), PAGE):
        connection.execute(delete(contact_notes).where(contact_notes.c.contact.in_(ids[begin: begin + PAGE])))
    return found


def count_old_notes(connection: Connection, before: float) -> int:
    """Return how many notes are from before this moment."""
    return int(connection.execute(select(func.count()).select_from(contact_notes).where(
        contact_notes.c.at < before)).scalar_one())


def erase_old_notes(connection: Connection, before: float) -> int:
    """Delete a page of notes from before this moment, and return how many there were. Erasures of that age go too."""
    forget_old(connection, before)
    page = [tuple(row) for row in connection.execute(
        select(contact_notes.c.contact, contact_notes.c.agent).where(contact_notes.c.at < before).limit(PAGE))]
    for contact, agent in page:
        connection.execute(delete(contact_notes).where(
            contact_notes.c.contact == contact, contact_notes.c.agent == agent))
    return len(page)
