"""Keep the rows of announcements.

No row is ever deleted: the rows are the record of who announced what to callers, and when.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, insert, or_, select, update

from routing.store.schema import announcements


class AnnouncementRow(NamedTuple):
    """One announcement. Times are Unix seconds."""

    id: int
    service: str
    """Empty if the announcement is for everybody."""
    prompt: str
    text: str
    recording: str
    closes: bool
    """The centre or the service is closed meanwhile."""
    since: float
    until: float | None
    by: str
    ended_at: float | None = None
    ended_by: str = ""


_ALL = select(*(announcements.c[name] for name in AnnouncementRow._fields)).order_by(announcements.c.id)


def next_id(connection: Connection) -> int:
    """Return the number of a new announcement."""
    return int(connection.execute(select(func.max(announcements.c.id))).scalar() or 0) + 1


def add_announcement(connection: Connection, row: AnnouncementRow) -> None:
    """Store a new announcement."""
    connection.execute(insert(announcements), row._asdict())


def end_announcement(connection: Connection, id_: int, at: float, by: str) -> bool:
    """Note who ended an announcement. Return False if the announcement is not current."""
    return bool(connection.execute(update(announcements).where(
        announcements.c.id == id_, announcements.c.ended_at.is_(None),
        or_(announcements.c.until.is_(None), announcements.c.until > at)).values(ended_at=at, ended_by=by)).rowcount)


def current_announcements(connection: Connection, at: float) -> list[AnnouncementRow]:
    """Return the announcements that nobody has ended and whose time is not over."""
    return [AnnouncementRow(*row) for row in connection.execute(_ALL.where(
        announcements.c.ended_at.is_(None), or_(announcements.c.until.is_(None), announcements.c.until > at)))]


def latest_announcements(connection: Connection, most: int) -> list[AnnouncementRow]:
    """Return the announcements that were made last, the newest first."""
    newest = _ALL.order_by(None).order_by(announcements.c.id.desc()).limit(most)
    return [AnnouncementRow(*row) for row in connection.execute(newest)]
