"""The yardstick of a commit on PostgreSQL: the same statements in one pipeline of the driver, with the COMMIT in it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from routing.store.turns.pipeline import Pipeline

SentStatements = list[tuple[str, Sequence[Any]]]
"""Statements of one turn: text and values (Any: as the driver takes them)."""


def url_of_database(server: str, name: str) -> str:
    """Return the URL of a database of a server."""
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def create_databases(server: str, names: Iterable[str]) -> None:
    """Create empty databases."""
    with connect_driver(server) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}".encode())


def connect_driver(url: str) -> psycopg.Connection:
    """Return a connection of the driver that begins no transaction by itself."""
    return psycopg.connect(url, autocommit=True, cursor_factory=psycopg.RawCursor)


def run_pipeline(connection: psycopg.Connection, sent: SentStatements) -> float:
    """Run a turn in one pipeline, and return the seconds that it took."""
    before = time.perf_counter()
    with connection.pipeline():
        connection.cursor().execute("BEGIN")
        for text, values in sent:
            connection.cursor().execute(text.encode(), values)
        connection.cursor().execute("COMMIT")
    return time.perf_counter() - before


def count_rows(connection: psycopg.Connection) -> list[Any]:
    """Return the number of rows of each table that a turn fills."""
    return [connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()  # noqa: S608  names of ours
            for table in ("journal", "facts", "contacts", "offers", "agents")]


@contextmanager
def record_pipeline(sent: SentStatements) -> Iterator[None]:
    """Record each statement of a pipeline as well."""
    send = Pipeline.send_text

    def record_statement(self: Pipeline, text: str, values: Sequence[Any], *more: Any, **options: Any) -> Any:
        sent.append((text, values))
        return send(self, text, values, *more, **options)

    Pipeline.send_text = record_statement  # type: ignore[method-assign]
    try:
        yield
    finally:
        Pipeline.send_text = send  # type: ignore[method-assign]
