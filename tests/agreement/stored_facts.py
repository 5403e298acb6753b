"""The facts of a store, as names and plain values: its rows hold numbers and arrays."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from lab.people.node_records import query_store
from routing.core.journal import decode_fact
from routing.store.kinds import KINDS


def stored_facts(database: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return the kind and the fields of each fact of a SQLite store, in order."""
    found = []
    for row in query_store(database, "select seq, at, kind, body from facts order by seq"):
        kind = KINDS[row["kind"]]
        fact = decode_fact(kind, row["body"], row["seq"], row["at"])
        found.append((kind, {name: value.value if isinstance(value, Enum) else value
                             for name, value in fact._asdict().items()}))
    return found
