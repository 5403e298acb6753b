"""Keep how agents want their desk to sound and speak."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from routing.store.schema import desk_comfort


def read_wish(connection: Connection, agent: str) -> Mapping[str, Any]:
    """Return the stored wish of an agent, empty without one."""
    found = connection.execute(select(desk_comfort.c.wish).where(desk_comfort.c.agent == agent)).scalar_one_or_none()
    return {} if found is None else dict(json.loads(found))


def write_wish(connection: Connection, agent: str, wish: Mapping[str, Any]) -> None:
    """Replace the wish of an agent. An empty wish leaves no row."""
    connection.execute(delete(desk_comfort).where(desk_comfort.c.agent == agent))
    if wish:
        connection.execute(insert(desk_comfort), {"agent": agent, "wish": json.dumps(wish, sort_keys=True)})
