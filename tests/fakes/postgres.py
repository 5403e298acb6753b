"""A private PostgreSQL for tests: its own folder, its own socket, no port. Not a fake, only short-lived."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from lab.private_postgres import PrivatePostgres, find_programs
from routing.store.database import url_of


@contextmanager
def serve_postgres() -> Iterator[str]:
    """Yield the URL of a server whose role may create databases: SANTRAL_TEST_POSTGRES, or a private server.

    The test fails without a server, because a skipped test looks like a good one.
    """
    given = os.environ.get("SANTRAL_TEST_POSTGRES", "")
    if given:
        yield given
        return
    private = start_private()
    try:
        yield private.url
    finally:
        private.stop()


def start_private(port: int | None = None) -> PrivatePostgres:
    """Return a private server that runs. The test fails if PostgreSQL is not installed."""
    found = find_programs()
    if found is None:
        pytest.fail("PostgreSQL is missing: make packages, or apt-get install postgresql")
    private = PrivatePostgres(found)
    try:
        private.start(port)
    except BaseException:
        shutil.rmtree(private.folder, ignore_errors=True)
        raise
    return private


@contextmanager
def fresh_database(server_url: str, name: str) -> Iterator[str]:
    """Yield the URL of an empty database, which is dropped afterwards."""
    server = create_engine(url_of(server_url), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()
