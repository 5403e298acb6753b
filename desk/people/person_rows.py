"""Keep the rows of people, their sessions and their browsers.

`santral people` writes these rows while a node runs, without the lease of the router. Each of its changes counts the
number of changes up in the same transaction, so that a node finds them with one small query.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from desk.api.tokens import Role
from routing.store.schema import known_browsers, meta, people, sessions

CHANGES = "people_changes"
"""Key of `meta` for the number of changes by `santral people`."""

SESSIONS_MAX = 8
"""Live sessions of a person. The oldest ends when a further one is opened; nobody works in more browsers."""

BROWSERS_MAX = 8
"""Browsers remembered for a person. The one that was used longest ago is forgotten first."""


class Person(NamedTuple):
    """A person without secrets, as the node keeps it in memory."""

    person: str
    name: str
    """Display name, for pages only."""
    roles: tuple[Role, ...]
    disabled: bool


class Secrets(NamedTuple):
    """The hashes of what a person signs in with."""

    password: str
    """Argon2id hash, or an empty text without a password."""
    code: str
    """Hash of the one-use code, or an empty text without one."""
    code_until: float


class SessionRow(NamedTuple):
    """One session. Times are Unix seconds."""

    session: str
    """Hash of the cookie."""
    person: str
    opened_at: float
    until: float
    ended_at: float | None
    """None while the session lives."""


_PEOPLE = select(people.c.person, people.c.name, people.c.roles, people.c.disabled).order_by(people.c.person)
_SESSIONS = select(*(sessions.c[name] for name in SessionRow._fields)).order_by(sessions.c.opened_at,
                                                                                sessions.c.session)


# -- people ------------------------------------------------------------------------------------------------------------

def read_changes(connection: Connection) -> str:
    """Return the number of changes by `santral people`, as text."""
    return connection.execute(select(meta.c.value).where(meta.c.key == CHANGES)).scalar_one_or_none() or ""


def load_people(connection: Connection) -> list[Person]:
    """Return all people, sorted by id."""
    return [Person(person, name, _parse_roles(roles), disabled)
            for person, name, roles, disabled in connection.execute(_PEOPLE)]


def find_person(connection: Connection, person: str) -> Person | None:
    """Return a person, or None."""
    return next((Person(id_, name, _parse_roles(roles), disabled) for id_, name, roles, disabled
                 in connection.execute(_PEOPLE.where(people.c.person == person))), None)


def put_person(connection: Connection, person: Person, code: str, code_until: float) -> None:
    """Store a person with a one-use code and no password. It replaces a disabled person of this id."""
    values = {"name": person.name, "roles": ",".join(role.value for role in person.roles), "password": "",
              "code": code, "code_until": code_until, "disabled": False}
    if not connection.execute(update(people).where(people.c.person == person.person).values(values)).rowcount:
        connection.execute(insert(people), {"person": person.person, **values})
    _count_change(connection)


def reset_person(connection: Connection, person: str, code: str, code_until: float, at: float) -> int:
    """Replace the password of a person by a one-use code. Return the number of sessions that ended."""
    connection.execute(update(people).where(people.c.person == person).values(
        password="", code=code, code_until=code_until))
    return end_all_sessions(connection, person, at)


def disable_person(connection: Connection, person: str, at: float) -> int:
    """Disable a person and forget the display name. Return the number of sessions that ended."""
    connection.execute(update(people).where(people.c.person == person).values(
        name="", password="", code="", disabled=True))
    return end_all_sessions(connection, person, at)


def end_all_sessions(connection: Connection, person: str, at: float) -> int:
    """End all sessions of a person, and return their number."""
    # A browser that was known before is not trusted any more.
    connection.execute(delete(known_browsers).where(known_browsers.c.person == person))
    _count_change(connection)
    return connection.execute(update(sessions).where(
        sessions.c.person == person, sessions.c.ended_at.is_(None), sessions.c.until > at).values(ended_at=at)).rowcount


def _count_change(connection: Connection) -> None:
    value = str(int(read_changes(connection) or 0) + 1)
    if not connection.execute(update(meta).where(meta.c.key == CHANGES).values(value=value)).rowcount:
        connection.execute(insert(meta), {"key": CHANGES, "value": value})


def _parse_roles(text: str) -> tuple[Role, ...]:
    return tuple(Role(name) for name in text.split(","))


# -- secrets -----------------------------------------------------------------------------------------------------------

def read_secrets(connection: Connection, person: str) -> Secrets | None:
    """Return the hashes of a person, or None if there is no such person or the person is disabled."""
    found = connection.execute(select(people.c.password, people.c.code, people.c.code_until).where(
        people.c.person == person, people.c.disabled.is_(False))).first()
    return None if found is None else Secrets(*found)


def use_code(connection: Connection, person: str, code: str, password: str, at: float) -> bool:
    """Set a password by a one-use code, which is gone then. Return False if the code is not valid."""
    return bool(connection.execute(update(people).where(
        people.c.person == person, people.c.disabled.is_(False), people.c.code == code, people.c.code != "",
        people.c.code_until > at).values(password=password, code="")).rowcount)


# -- sessions ----------------------------------------------------------------------------------------------------------

def load_sessions(connection: Connection) -> list[SessionRow]:
    """Return the sessions that live, and those that were ended in a talk, oldest first."""
    return [SessionRow(*row) for row in connection.execute(_SESSIONS)]


def add_session(connection: Connection, row: SessionRow, password: str | None) -> list[str] | None:
    """Store a session. Return the sessions that ended because the person had too many.

    Return None if the person is disabled, or if the password hash is no longer `password`. Then nothing is stored.
    """
    # 1. Between the check of the password and now, the person may have been reset or disabled.
    known = read_secrets(connection, row.person)
    if known is None or (password is not None and known.password != password):
        return None
    # 2. End the oldest sessions above the limit.
    live = connection.execute(select(sessions.c.session).where(
        sessions.c.person == row.person, sessions.c.ended_at.is_(None), sessions.c.until > row.opened_at)
        .order_by(sessions.c.opened_at, sessions.c.session)).scalars().all()
    over = list(live[:max(0, len(live) - SESSIONS_MAX + 1)])
    end_sessions(connection, over, row.opened_at)
    connection.execute(insert(sessions), row._asdict())
    return over


def end_sessions(connection: Connection, which: Iterable[str], at: float) -> None:
    """Note the end of sessions."""
    connection.execute(update(sessions).where(sessions.c.session.in_(list(which)), sessions.c.ended_at.is_(None))
                       .values(ended_at=at))


def delete_sessions(connection: Connection, which: Iterable[str]) -> None:
    """Delete sessions that nothing needs any more."""
    connection.execute(delete(sessions).where(sessions.c.session.in_(list(which))))


# -- browsers ----------------------------------------------------------------------------------------------------------

def is_known_browser(connection: Connection, person: str, browser: str) -> bool:
    """Return whether the person has signed in before in this browser."""
    return connection.execute(select(known_browsers.c.person).where(
        known_browsers.c.person == person, known_browsers.c.browser == browser)).first() is not None


def remember_browser(connection: Connection, person: str, browser: str, at: float) -> None:
    """Note that the person has signed in in this browser."""
    mine = known_browsers.c.person == person
    # 1. Note the sign-in.
    if not connection.execute(update(known_browsers).where(mine, known_browsers.c.browser == browser)
                              .values(seen_at=at)).rowcount:
        connection.execute(insert(known_browsers), {"person": person, "browser": browser, "seen_at": at})
    # 2. Forget the browsers above the limit, oldest first.
    old = connection.execute(select(known_browsers.c.browser).where(mine).order_by(
        known_browsers.c.seen_at.desc(), known_browsers.c.browser).offset(BROWSERS_MAX)).scalars().all()
    connection.execute(delete(known_browsers).where(mine, known_browsers.c.browser.in_(old)))
