"""Read what the nodes on a store say of themselves, and write why one of them may not lead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from routing.store.database import WritingConnection, url_of, waits_for_standby
from routing.store.errors import LeaseHeld, NameTaken
from routing.store.lease.lease_row import (
    KEYS,
    ROUTER,
    TTL_S,
    database_clock,
    find_holder,
    name_lease,
    renew_name,
    take_lease,
)
from routing.store.lease.process_holder import this_process
from routing.store.migrate import current_revision, oldest_code
from routing.store.schema import leases, meta

PREFIX = name_lease("")


class NodeRow(NamedTuple):
    """One node, as the store knows it."""

    name: str
    role: str
    """`leader`, `standby`, `barred` (it may not lead) or `gone`."""
    epoch: int | None
    """Number of the leadership, or None for a node that does not lead."""
    version: str
    keys_fit: bool | None
    """The keys of callers' numbers are those of the store. None if it is not known."""
    since: float | None
    """Time since when the node has this role, in Unix seconds."""
    http: str
    why: str
    """Reason why the node may not lead, or empty."""
    asterisk: bool | None = None
    """The node reaches its Asterisk. None if it is not known."""
    clock_s: float | None = None
    """Time by which the node's clock is ahead of the database's, at its last sign of life. None if it is not known."""
    tables: str = ""
    """Newest revision of the tables that the node's code knows, or empty if it is not known."""
    other_secrets: tuple[str, ...] = ()
    """Files of secrets that are not those of the node that leads, or that led last."""


class StoreRow(NamedTuple):
    """The store as all nodes see it."""

    tables: str
    """Revision of the tables."""
    oldest_code: str
    """Oldest code that works on the tables, as the revision that it knows."""
    has_standby: bool | None
    """Commits wait for a synchronous standby of PostgreSQL. None on SQLite."""


def read_nodes(connection: Connection) -> list[NodeRow]:
    """Return the nodes by name. On SQLite the lease alone names a node."""
    now = float(connection.execute(select(database_clock(connection.dialect.name))).scalar_one())
    keys = connection.execute(select(meta.c.value).where(meta.c.key == KEYS)).scalar_one_or_none()
    rows = {row.name: row for row in connection.execute(select(leases))}
    router = rows.pop(ROUTER, None)
    leads = router is not None and find_holder(connection, this_process()) is not None
    found, marks = [], {} if router is None else _marks_of(rows.get(name_lease(router.node)))
    for name, row in sorted(rows.items()):
        if name.startswith(PREFIX):
            about = _read_about(row.about)
            leader = leads and router is not None and router.node == row.node
            lives = row.expires > now
            role = "leader" if leader else "gone" if not lives else "barred" if about.get("why") else \
                str(about.get("role") or "standby")
            found.append(NodeRow(
                row.node, role, router.epoch if leader and router is not None else None,
                str(about.get("version") or ""), about["keys"] == keys if keys and about.get("keys") else None,
                about.get("since"), str(about.get("http") or ""), str(about.get("why") or ""),
                about.get("asterisk") if lives else None,
                # A renewal sets the end of the lease by the database's clock.
                about["now"] - (row.expires - TTL_S) if lives and about.get("now") else None,
                str(about.get("tables") or ""), _find_other(marks, _marks_of(row)) if lives else ()))
    if router is not None and not any(one.name == router.node for one in found):
        found.append(NodeRow(router.node, "leader" if leads else "gone", router.epoch, "", None, None, "", ""))
    return found


def read_store(connection: Connection) -> StoreRow:
    """Return revision and standby of the store."""
    return StoreRow(current_revision(connection) or "", oldest_code(connection) or "",
                    waits_for_standby(connection) if connection.dialect.name == "postgresql" else None)


def write_barred(place: str | Path, node: str, about: str) -> None:
    """Write a description of a node that cannot use the store as it is. Raise `StoreError`.

    The process takes the name for as long as a lease lasts, whatever its keys are. Raise `NameTaken` if another living
    process has it.
    """
    def write_row(connection: Connection) -> None:
        try:
            taken = take_lease(connection, node, this_process(), name_lease(node), again=True)
        except LeaseHeld as held:
            raise NameTaken(held) from None
        renew_name(connection, taken, about)

    writing = WritingConnection(url_of(place), node=True)
    try:
        writing.open_connection()
        writing.run_transaction(write_row)
    finally:
        writing.close_connection()


def _marks_of(row: Any) -> dict[str, str]:
    """Return the marks of the secrets of a node, or none if it wrote none."""
    found = {} if row is None else _read_about(row.about).get("secrets")
    return found if isinstance(found, dict) else {}


def _find_other(marks: dict[str, str], others: dict[str, str]) -> tuple[str, ...]:
    """Return the names whose marks differ. A node that wrote no marks, as one of an older release, has none."""
    return tuple(sorted(name for name in {*marks, *others} if marks.get(name) != others.get(name))) \
        if marks and others else ()


def _read_about(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
