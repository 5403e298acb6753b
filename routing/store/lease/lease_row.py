"""Let one node at a time work on a state: a row holds the node, the process and the expiry.

The row expires by the database's clock, so nodes need not agree on the time. Its epoch grows with every taker, and each
commit compares the epoch. A node that was frozen and wakes up too late therefore writes nothing.

If the holder was a process of this machine and is dead, the next node does not wait for the expiry. Callers would wait
with it.
"""

from __future__ import annotations

from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Double,
    Row,
    Text,
    and_,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.elements import ColumnElement

from routing.store.errors import ForeignKeys, LeaseHeld, LeaseLost
from routing.store.lease.process_holder import Holder, is_alive
from routing.store.schema import leases, meta
from routing.store.statement import Statement

TTL_S = 5.0
"""Longest time for which a dead node of another machine blocks the state."""

RENEW_S = 1.0
"""Five chances before the end, so that one lost answer of the server does not end a node."""

MARGIN_S = 1.0
"""Time before the end at which a node stops acting, by its own monotonic clock, so that its last command arrives in
time.

For a blocked SQLite file, `STANDSTILL_MAX_S` of the keeper holds instead.
"""

ROUTER = "router"
"""The lease of the whole state. Its holder runs the engine."""


KEYS = "number_keys"
"""Name of the row in `meta` with the fingerprint of the keys of callers' numbers."""

NODES_KEPT_S = 7 * 86_400.0
"""Time for which the name of a node is remembered after its end, so that the table does not grow with each name."""


class Lease(NamedTuple):
    """The lease that this node holds."""

    node: str
    epoch: int


def database_clock(database: str) -> ColumnElement[float]:
    """Return the clock of such a database (`sqlite`, `postgresql`) in Unix seconds, to the millisecond."""
    return literal_column("(julianday('now') - 2440587.5) * 86400.0" if database == "sqlite" else
                          "CAST(extract(epoch FROM clock_timestamp()) AS double precision)", Double)


def name_lease(node: str) -> str:
    """Return the lease of a node's name, which no other living process may have."""
    return f"node {node}"


def forget_nodes(connection: Connection) -> None:
    """Delete the names of nodes that have not run for `NODES_KEPT_S`."""
    connection.execute(delete(leases).where(
        leases.c.name.like("node %"), leases.c.expires < database_clock(connection.dialect.name) - NODES_KEPT_S))


def take_lease(connection: Connection, node: str, holder: Holder, name: str = ROUTER, *,
               unrenewed: float | None = None, again: bool = False) -> Lease:
    """Take the lease inside the caller's transaction. Raise `LeaseHeld` while another process holds it.

    `unrenewed` is an expiry that the taker has seen unchanged for longer than a lease lasts. Its holder is gone,
    whatever the clock says. Otherwise a machine that starts with its clock set back would wait for hours. With `again`
    the process may take what it holds itself, by a session that the server has not ended yet.
    """
    # 1. Look at the row, which two takers cannot both find free.
    now, epoch = require_free(connection, holder, name, unrenewed=unrenewed, again=again)
    values = {"node": node, "epoch": epoch + 1, "expires": now + TTL_S, **holder._asdict(),
              "backend": _own_backend(connection.dialect.name)}
    # 2. A new epoch makes every commit of the former holder fail.
    if epoch:
        connection.execute(update(leases).where(leases.c.name == name).values(values))
    else:
        connection.execute(insert(leases).values({"name": name, **values}))
    return Lease(node, epoch + 1)


def require_same_keys(connection: Connection, fingerprint: str) -> None:
    """Raise `ForeignKeys` if the store belongs to other keys of callers' numbers. The first node leaves its own.

    A node with a new state folder has made new keys. It would recognise no caller, and would know no password of
    Asterisk. It would take the lease again and again, away from the node that can work.

    An empty fingerprint is not compared. A SQLite file has one node, whose lost keys must not keep it from its callers.
    """
    if not fingerprint or connection.dialect.name == "sqlite":
        return
    kept = connection.execute(select(meta.c.value).where(meta.c.key == KEYS)).scalar_one_or_none()
    if kept is None:
        connection.execute(insert(meta), {"key": KEYS, "value": fingerprint})
    elif kept != fingerprint:
        raise ForeignKeys(KEYS)


def require_free(connection: Connection, holder: Holder, name: str = ROUTER, *,
                 unrenewed: float | None = None, again: bool = False) -> tuple[float, int]:
    """Raise `LeaseHeld` while another process holds the lease. Return the database's time and the last epoch, from 0.

    The row stays locked until the caller's transaction ends.
    """
    now = float(connection.execute(select(database_clock(connection.dialect.name))).scalar_one())
    wanted = select(leases).where(leases.c.name == name)
    # 1. Look without a lock. A holder that was frozen inside a transaction keeps the row locked, so its session is
    # ended once its lease is over.
    if connection.dialect.name == "postgresql" and (row := connection.execute(wanted).one_or_none()) is not None:
        _refuse_held(connection, row, now, holder, unrenewed, again)
        connection.execute(_END_BACKEND, {"b_backend": row.backend})
    # 2. Lock the row, so that two takers cannot both find it free.
    row = connection.execute(wanted.with_for_update()).one_or_none()
    if row is None:
        return now, 0
    _refuse_held(connection, row, now, holder, unrenewed, again)
    return now, row.epoch


def find_holder(connection: Connection, holder: Holder, name: str = ROUTER, *,
                unrenewed: float | None = None, again: bool = False) -> LeaseHeld | None:
    """Return the error that a taker would get now, or None if the lease is free. Nothing is locked or changed."""
    now = float(connection.execute(select(database_clock(connection.dialect.name))).scalar_one())
    row = connection.execute(select(leases).where(leases.c.name == name)).one_or_none()
    try:
        if row is not None:
            _refuse_held(connection, row, now, holder, unrenewed, again)
    except LeaseHeld as held:
        held.about = connection.execute(select(leases.c.about).where(
            leases.c.name == name_lease(held.node))).scalar_one_or_none() or ""
        return held
    return None


def _refuse_held(connection: Connection, row: Row[Any], now: float, holder: Holder, unrenewed: float | None,
                 again: bool = False) -> None:
    """Raise `LeaseHeld` for a holder that lives, or that may live on another machine.

    A holder whose session of the database has ended is gone, or will notice at its next write.
    """
    here = bool(row.host) and row.host == holder.host
    if here and again and holder == (row.host, row.pid, row.started):
        return
    dead = here and not is_alive(Holder(row.host, row.pid, row.started))
    if row.expires > now and not dead and (here or row.expires != unrenewed) \
            and not _session_ended(connection, row.backend):
        raise LeaseHeld(row.node, row.pid, here, row.expires - now, row.expires)


def renew_lease(connection: Connection, lease: Lease, name: str = ROUTER) -> None:
    """Extend the lease by `TTL_S` from now. Raise `LeaseLost` if another node has taken it."""
    dialect = connection.dialect
    with closing(connection.connection.cursor()) as cursor:
        if _RENEW[dialect.name].run_once(cursor, dialect, {**_lease_parameters(lease, name), "b_for": TTL_S}) != 1:
            raise lease_taken()


def renew_name(connection: Connection, lease: Lease, about: str) -> None:
    """Extend the lease of a node's name, with what the node says of itself. Raise `LeaseLost` if the name was taken."""
    changed = connection.execute(update(leases).where(_OURS).values(
        expires=database_clock(connection.dialect.name) + TTL_S, backend=_own_backend(connection.dialect.name),
        about=about), _lease_parameters(lease, name_lease(lease.node)))
    if changed.rowcount != 1:
        raise LeaseLost("another process has taken its name over")


def release_lease(connection: Connection, lease: Lease, name: str = ROUTER) -> None:
    """Let the next node begin at once. The row stays, because its epoch must go on growing."""
    connection.execute(update(leases).where(_OURS).values(expires=0.0), _lease_parameters(lease, name))


def check_lease(cursor: DBAPICursor, dialect: Dialect, lease: Lease) -> None:
    """Raise `LeaseLost` for a commit with an older epoch.

    On PostgreSQL the row is locked, so nobody takes the lease between this check and the commit. SQLite has one writer
    at a time.
    """
    _CHECK.run_once(cursor, dialect, _lease_parameters(lease, ROUTER))
    if cursor.fetchone() is None:
        raise lease_taken()


def require_lease(connection: Connection, lease: Lease) -> None:
    """Raise `LeaseLost` in a transaction of an older epoch (`check_lease`)."""
    with closing(connection.connection.cursor()) as cursor:
        check_lease(cursor, connection.dialect, lease)


def lease_taken() -> LeaseLost:
    """Return the error for an older epoch."""
    return LeaseLost("another node has taken it over", taken=True)


def demand_values(lease: Lease) -> dict[str, object]:
    """Return the values of `DEMAND_LEASE`."""
    return _lease_parameters(lease, ROUTER)


def _own_backend(database: str) -> ColumnElement[str]:
    """Return the expression for the session of the writer. Its start is part of it, because process ids are used again.
    """
    return literal_column("''" if database == "sqlite" else f"(SELECT {_SESSION} FROM pg_stat_activity "  # noqa: S608
                          "WHERE pid = pg_backend_pid())", Text)


def _session_ended(connection: Connection, backend: str) -> bool:
    """Return whether the session of a holder has ended on this server, and the server runs since then.

    After a failover no session is there any more, but the old server may still answer its node. So a lease that was
    taken on another server, or before a restart of this one, is waited for.
    """
    return connection.dialect.name == "postgresql" \
        and bool(connection.execute(_SESSION_ENDED, {"b_backend": backend}).scalar_one())


def _lease_parameters(lease: Lease, name: str) -> dict[str, object]:
    return {"b_name": name, "b_node": lease.node, "b_epoch": lease.epoch}


_SESSION = ("pid || ' ' || extract(epoch FROM backend_start) || ' ' || "
            "extract(epoch FROM pg_postmaster_start_time())")
_END_BACKEND = text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user "  # noqa: S608
                    f"AND {_SESSION} = :b_backend AND pid <> pg_backend_pid()")
# The start of another role's session is hidden. Then its process id alone tells that it may live.
_SESSION_ENDED = text("""
    SELECT split_part(:b_backend, ' ', 3) = CAST(extract(epoch FROM pg_postmaster_start_time()) AS text)
    AND NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE CAST(pid AS text) = split_part(:b_backend, ' ', 1)
        AND (backend_start IS NULL
             OR CAST(extract(epoch FROM backend_start) AS text) = split_part(:b_backend, ' ', 2)))""")
_OURS = and_(leases.c.name == bindparam("b_name"), leases.c.node == bindparam("b_node"),
             leases.c.epoch == bindparam("b_epoch"))
_HELD = select(leases.c.epoch).where(_OURS).with_for_update(read=True).cte("held")
DEMAND_LEASE = Statement(select(literal_column("1 / count(*)")).select_from(_HELD))
"""Check of a turn that does not wait for the answer: without the lease it is a division by zero, so PostgreSQL runs
nothing after it."""
_CHECK = Statement(select(leases.c.epoch).where(_OURS).with_for_update(read=True))
_RENEW = {database: Statement(update(leases).where(_OURS).values(
    expires=database_clock(database) + bindparam("b_for"), backend=_own_backend(database)))
          for database in ("sqlite", "postgresql")}
