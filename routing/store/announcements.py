"""The rows of announcements. None is ever deleted: they are the record of who said what to callers, and when."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, insert, or_, select, update

from routing.store.schema import announcements


class Row(NamedTuple):
    """One announcement. Times are Unix seconds."""

    id: int
    service: str
    """Empty: for everybody."""
    prompt: str
    text: str
    recording: str
    closes: bool
    """The line, or the service, is closed meanwhile."""
    since: float
    until: float | None
    by: str
    ended_at: float | None = None
    ended_by: str = ""


_ALL = select(*(announcements.c[name] for name in Row._fields)).order_by(announcements.c.id)


def next_id(connection: Connection) -> int:
    """The number of a new one."""
    return int(connection.execute(select(func.max(announcements.c.id))).scalar() or 0) + 1


def add(connection: Connection, row: Row) -> None:
    """Keep a new one."""
    connection.execute(insert(announcements), row._asdict())


def end(connection: Connection, id_: int, at: float, by: str) -> bool:
    """Note who switched it off; False when it is not on."""
    return bool(connection.execute(update(announcements).where(
        announcements.c.id == id_, announcements.c.ended_at.is_(None),
        or_(announcements.c.until.is_(None), announcements.c.until > at)).values(ended_at=at, ended_by=by)).rowcount)


def current(connection: Connection, at: float) -> list[Row]:
    """Those that nobody has switched off and whose time is not over."""
    return [Row(*row) for row in connection.execute(_ALL.where(
        announcements.c.ended_at.is_(None), or_(announcements.c.until.is_(None), announcements.c.until > at)))]


def latest(connection: Connection, most: int) -> list[Row]:
    """The last ones that were switched on, the newest first."""
    newest = _ALL.order_by(None).order_by(announcements.c.id.desc()).limit(most)
    return [Row(*row) for row in connection.execute(newest)]
