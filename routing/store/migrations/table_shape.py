"""Describe which tables, columns, checks and indexes a database has, so that unexpected tables are found.

The number of a revision does not tell. Between two releases, tables change under one number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from sqlalchemy import CheckConstraint, Connection, MetaData, inspect

Shape = frozenset[str]
"""Lines such as `contacts.queued_at` and `ck_contacts_state_known: pending, …`, equal on both databases."""

SHOWN_MAX = 4
"""Differences that a message names."""


def declared_shape(metadata: MetaData) -> Shape:
    """Return the shape that the tables of the code will have."""
    lines: list[str] = []
    for table in metadata.sorted_tables:
        lines += (_column_line(table.name, one.name, bool(one.nullable)) for one in table.columns)
        lines += (_named_line(str(one.name), str(one.sqltext)) for one in table.constraints
                  if isinstance(one, CheckConstraint))
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            lines.append(_named_line(str(index.name), "" if condition is None else str(condition)))
    return frozenset(lines)


def read_shape(connection: Connection, tables: Iterable[str]) -> Shape:
    """Return the shape of those tables that a database has."""
    found, lines, dialect = inspect(connection), list[str](), connection.dialect.name
    for table in sorted(set(tables) & set(found.get_table_names())):
        lines += (_column_line(table, one["name"], bool(one["nullable"])) for one in found.get_columns(table))
        lines += (_named_line(str(one["name"]), one["sqltext"]) for one in found.get_check_constraints(table))
        for index in found.get_indexes(table):
            options: dict[str, Any] = dict(index.get("dialect_options", {}))
            lines.append(_named_line(str(index["name"]), str(options.get(f"{dialect}_where", ""))))
    return frozenset(lines)


def fingerprint_of(shape: Shape) -> str:
    """Return 16 hexadecimal digits that two equal shapes have in common."""
    return sha256("\n".join(sorted(shape)).encode()).hexdigest()[:16]


def describe_difference(found: Shape, wanted: Shape) -> str:
    """Return in words which parts are missing and which are unknown, the first few of each."""
    parts = [f"{word} {', '.join(one.partition(':')[0] for one in sorted(lines)[:SHOWN_MAX])}"
             + (f" and {len(lines) - SHOWN_MAX} more" if len(lines) > SHOWN_MAX else "")
             for word, lines in (("without", wanted - found), ("with an unknown", found - wanted)) if lines]
    return " and ".join(parts)


def _column_line(table: str, column: str, nullable: bool) -> str:
    return f"{table}.{column}{':null' if nullable else ''}"


def _named_line(name: str, condition: str) -> str:
    """Return a name with the words and numbers of its condition. Each database writes the rest in its own way."""
    words = sorted(set(re.findall(r"'([^']*)'|\b(\d+)\b", condition)))
    return f"{name}: {', '.join(''.join(pair) for pair in words)}" if words else name
