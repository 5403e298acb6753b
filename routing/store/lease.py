"""One node at a time works on a state: a row says which, until when, and by which process.

The row expires by the database's clock, so nodes need not agree on the time. Its epoch grows with every taker, and each
commit looks whether the epoch is still its own: a node that was frozen and wakes up too late writes nothing. When the
holder was a process of this machine and is dead, the next one does not wait for the expiry: callers would wait with it.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, Double, and_, bindparam, insert, literal_column, select, update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.elements import ColumnElement

from routing.store.errors import LeaseHeld, LeaseLost
from routing.store.schema import leases
from routing.store.statement import Statement

TTL_S = 5.0
"""A dead node of another machine holds the state up at most so long."""

RENEW_S = 1.0
"""Five chances before the end: one answer of the server that is lost does not end a node."""

MARGIN_S = 1.0
"""A node stops acting so long before the end, by its own monotonic clock: its last command must arrive in its time. A
SQLite file that stands still is another matter: `STILL_S` of the store."""

ROUTER = "router"
"""The lease of the whole state: its holder runs the engine."""


class Holder(NamedTuple):
    """A process, so that another one on the same machine can see whether it lives."""

    host: str
    """Boot id and process namespace: pids mean something only inside both."""
    pid: int
    started: str
    """Ticks since boot: a pid is used again, this pair is not."""


class Lease(NamedTuple):
    """What this node holds."""

    node: str
    epoch: int


def me() -> Holder:
    """This process."""
    pid = os.getpid()
    return Holder(_host(), pid, _started(pid) or "")


def alive(holder: Holder) -> bool:
    """Whether a process of this machine lives. A zombie is dead: it holds nothing, only its parent has not looked."""
    return _started(holder.pid) == holder.started


def _host() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        # Unknown: never equal to another, so only the expiry ends a lease.
        return ""


def _started(pid: int) -> str | None:
    try:
        # The second field is the program's name in brackets and may hold anything; state is the 3rd, start the 22nd.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else fields[19].decode("ascii")


def clock(database: str) -> ColumnElement[float]:
    """The clock of such a database (`sqlite`, `postgresql`) in Unix seconds, to the millisecond."""
    return literal_column("(julianday('now') - 2440587.5) * 86400.0" if database == "sqlite" else
                          "CAST(extract(epoch FROM clock_timestamp()) AS double precision)", Double)


def take(connection: Connection, node: str, holder: Holder, name: str = ROUTER, *,
         unrenewed: float | None = None) -> Lease:
    """Take the lease inside the caller's transaction. Raises `LeaseHeld` while another process holds it. `unrenewed`:
    the expiry that the taker has seen unchanged for longer than a lease lasts; then its holder is gone, whatever the
    clock says (a machine that starts with its clock set back would wait for hours)."""
    now = float(connection.execute(select(clock(connection.dialect.name))).scalar_one())
    row = connection.execute(select(leases).where(leases.c.name == name).with_for_update()).one_or_none()
    if row is None:
        connection.execute(insert(leases), {"name": name, "node": node, "epoch": 1, "expires": now + TTL_S,
                                            **holder._asdict()})
        return Lease(node, 1)
    here = bool(row.host) and row.host == holder.host
    dead = here and not alive(Holder(row.host, row.pid, row.started))
    if row.expires > now and not dead and (here or row.expires != unrenewed):
        raise LeaseHeld(row.node, row.pid, here, row.expires - now, row.expires)
    connection.execute(update(leases).where(leases.c.name == name).values(
        node=node, epoch=row.epoch + 1, expires=now + TTL_S, **holder._asdict()))
    return Lease(node, row.epoch + 1)


def renew(connection: Connection, lease: Lease, name: str = ROUTER) -> None:
    """Another `TTL_S` from now. Raises `LeaseLost` when somebody else has taken it."""
    dialect = connection.dialect
    with closing(connection.connection.cursor()) as cursor:
        if _RENEW[dialect.name].run(cursor, dialect, {**_named(lease, name), "b_for": TTL_S}) != 1:
            raise LeaseLost("another node has taken it over")


def release(connection: Connection, lease: Lease, name: str = ROUTER) -> None:
    """Let the next node begin at once. The row stays, its epoch must go on growing."""
    connection.execute(update(leases).where(_OURS).values(expires=0.0), _named(lease, name))


def check(cursor: DBAPICursor, dialect: Dialect, lease: Lease) -> None:
    """Refuse a commit in the name of an older epoch. On PostgreSQL the row is locked, so nobody takes the lease between
    this look and the commit; SQLite has one writer at a time anyway."""
    _CHECK.run(cursor, dialect, _named(lease, ROUTER))
    if cursor.fetchone() is None:
        raise LeaseLost("another node has taken it over")


def _named(lease: Lease, name: str) -> dict[str, object]:
    return {"b_name": name, "b_node": lease.node, "b_epoch": lease.epoch}


_OURS = and_(leases.c.name == bindparam("b_name"), leases.c.node == bindparam("b_node"),
             leases.c.epoch == bindparam("b_epoch"))
_CHECK = Statement(select(leases.c.epoch).where(_OURS).with_for_update(read=True))
_RENEW = {database: Statement(update(leases).where(_OURS).values(expires=clock(database) + bindparam("b_for")))
          for database in ("sqlite", "postgresql")}
