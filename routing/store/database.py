"""Open the database, and say in plain words what is wrong with it.

SQLite runs in WAL mode with `synchronous=FULL`. A commit that returned survives the loss of power, and readers never
wait for the writer. PostgreSQL runs as the server is set, and must have `fsync` and `synchronous_commit` on.
"""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError
from sqlalchemy.pool import NullPool

from routing.store.errors import StoreConflict, StoreError, StoreUnavailable
from routing.store.migrate import without_foreign_keys
from routing.store.reachable_hosts import keep_reachable
from routing.store.write_ahead import PAGES_MAX, WriteAheadLog

T = TypeVar("T")

LOCK_S = 10.0
"""Longest wait of a transaction for another program's lock.

Transactions of a node take milliseconds, and a backup takes seconds. Callers would notice a longer wait.
"""

CONNECT_S = 4
"""Longest wait for a connection to one PostgreSQL host. A node whose server is away for longer has lost its lease."""

PAUSE_MAX_S = 3.0
"""Longest pause of a node inside a transaction. A frozen node must not keep the row of the lease locked, and its lease
is over after 5 s."""

ENGINES_MAX = 8
"""Engines of PostgreSQL that are kept: a node has one database, with one engine that reads and one that writes."""
_BEGINS_LATER = "begins_later"
"""Key in the facts of a connection: its transaction begins with the first statement of a pipeline."""

POSTGRES_MIN = 150000
"""PostgreSQL 15."""


def url_of(where: str | Path) -> URL:
    """Return the URL of a state: a path means a SQLite file, and `postgresql://…` means psycopg 3.

    Raise `StoreUnavailable` for any other database.
    """
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(Path(where).absolute()))
    url = make_url(where)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url
    raise StoreUnavailable("broken", f"{url.get_backend_name()} cannot hold the state. Give a path of a file or "
                                     "postgresql://user@host/database")


def describe_url(url: URL) -> str:
    """Return the name of the database for messages, without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    several = url.query.get("host", ())
    hosts = [url.host] if url.host else [several] if isinstance(several, str) else several
    return f"{url.database} on {', '.join(hosts) or 'the local socket'}"


def connect_engine(url: URL, *, read_only: bool = False, node: bool = False,
                   max_page_count: int | None = None) -> Engine:
    """Return an engine for one connection that one thread holds. Values of rows never appear in messages or logs.

    The server ends the transaction of a `node` that was frozen in it.
    """
    if url.get_backend_name() == "sqlite":
        return _connect_sqlite(url, read_only, max_page_count)
    return _share_postgres(url, read_only, node)


@lru_cache(ENGINES_MAX)
def _share_postgres(url: URL, read_only: bool, node: bool) -> Engine:
    """Return the engine that all connections of this kind share. It holds no connection itself.

    SQLAlchemy never frees an engine of PostgreSQL whose connection was used, and a node connects for each time of
    leading.
    """
    # The driver's ordinary cursor would look for parameters in the text of each statement.
    raw = url.get_dialect().import_dbapi().RawCursor
    options = f"-c lock_timeout={int(LOCK_S * 1000)} -c application_name=santral"
    if node:
        options += f" -c idle_in_transaction_session_timeout={int(PAUSE_MAX_S * 1000)}"
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, paramstyle="numeric_dollar", connect_args={
        "connect_timeout": CONNECT_S, "options": options, "cursor_factory": raw})

    @event.listens_for(engine, "do_connect")
    def ask_reachable_hosts(_dialect: Any, _record: Any, _arguments: Any, wanted: dict[str, Any]) -> None:
        keep_reachable(wanted)

    if read_only:
        @event.listens_for(engine, "connect")
        def refuse_writes(connection: Any, _record: Any) -> None:
            # Each transaction begins read-only. A read-only session would be refused by
            # `target_session_attrs=read-write`, with which a URL finds the primary among several hosts.
            connection.read_only = True
        return engine

    @event.listens_for(engine, "connect")
    def begin_explicitly(connection: Any, _record: Any) -> None:
        # The driver would wait for the answer to its own BEGIN. A pipeline sends it with the rest.
        connection.autocommit = True

    def begin_transaction(connection: Any) -> None:
        if not connection.info.get(_BEGINS_LATER):
            connection.dbapi_connection.execute("BEGIN")

    engine.dialect.do_begin = begin_transaction  # type: ignore[assignment]
    return engine


def _connect_sqlite(url: URL, read_only: bool, max_page_count: int | None) -> Engine:
    path = Path(str(url.database))
    if not read_only:
        _make_private(path)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True,
                           connect_args={"timeout": LOCK_S, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions: it would begin them too late, as readers.
        connection.isolation_level = None
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA wal_autocheckpoint={PAGES_MAX}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        # Deleted content leaves nothing in its page, so an erased number is gone from the file.
        connection.execute("PRAGMA secure_delete=ON")
        if max_page_count is not None:
            connection.execute(f"PRAGMA max_page_count={int(max_page_count)}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")

    def begin_transaction(connection: Any) -> None:
        # A writer takes its lock at the beginning. A lock that is wanted in the middle is refused without a wait.
        connection.dbapi_connection.execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

    # No listener for "begin": it would run this as one more statement, through SQLAlchemy's results.
    engine.dialect.do_begin = begin_transaction  # type: ignore[assignment]
    return engine


def _make_private(path: Path) -> None:
    """Create the file for its owner only. SQLite gives the WAL the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailable("readonly", f"{path} cannot be written: {error.strerror}. The folder must exist and "
                                           "belong to the user who runs the node") from None


def check_server(connection: Connection, where: str) -> None:
    """Raise `StoreUnavailable` for a PostgreSQL server that is too old, takes no writes or may lose acknowledged ones.
    """
    version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if version < POSTGRES_MIN:
        raise StoreUnavailable("broken", f"{where} is PostgreSQL {version // 10000}; Santral needs 15 or later")
    for setting in ("fsync", "synchronous_commit"):
        if connection.execute(text(f"SHOW {setting}")).scalar_one() == "off":
            raise StoreUnavailable("broken", f"{where} has {setting} = off and would lose calls. Set it to on")
    if connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on":
        raise StoreUnavailable("readonly", f"{where} takes no writes: it is a replica, or set to read-only. Name all "
                                           "hosts in the URL, with target_session_attrs=primary")


def waits_for_standby(connection: Connection) -> bool:
    """Return whether a commit of PostgreSQL waits for a synchronous standby, so that it survives the server's loss."""
    names, level = connection.execute(text(
        "SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit')")).one()
    return bool(names) and level not in ("local", "off")


MakeRoom = Callable[[], bool]
"""Makes room on a full disk, and tells whether there is some now."""


def make_none() -> bool:
    """Make no room: a command has none to give."""
    return False


class WritingConnection:
    """The one connection that writes. All its methods are for one thread."""

    def __init__(self, url: URL, *, node: bool = False, max_page_count: int | None = None,
                 make_room: MakeRoom = make_none) -> None:
        self._url, self._make_room = url, make_room
        self._engine = connect_engine(url, node=node, max_page_count=max_page_count)
        self._connection: Connection | None = None
        self._cut = False
        self.driver = driver_of(self._engine)
        """The driver's module, which has its errors."""

    def open_connection(self) -> None:
        """Connect. Raise `StoreUnavailable` if the database cannot be opened."""
        try:
            self._connection = self._engine.connect()
        except DBAPIError as error:
            raise store_error(error, self._url) from None

    def close_connection(self) -> None:
        """Close the connection. Safe to repeat."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def run_transaction(self, function: Callable[[Connection], T]) -> T:
        """Return the result of a function that runs in one transaction. Raise the store's errors.

        The function runs a second time if the disk was full and room could be made: of the first time nothing is left.
        """
        try:
            return self._run_once(function)
        except StoreUnavailable as error:
            if error.kind != "full" or not self._make_room():
                raise
        return self._run_once(function)

    def _run_once(self, function: Callable[[Connection], T]) -> T:
        connection = self._require_open()
        try:
            with connection.begin():
                return function(connection)
        except DBAPIError as error:
            raise store_error(error, self._url) from None
        # Statements of the writer go past SQLAlchemy, and so do their errors.
        except self.driver.Error as error:
            raise store_error(wrap_driver_error(error, connection), self._url) from None

    def run_pipeline(self, function: Callable[[Connection], T]) -> T:
        """Return the result of a function that begins and commits its transaction in a pipeline (PostgreSQL)."""
        connection = self._require_open()
        try:
            # A connection that was lost is opened again here.
            info = connection.info
        except DBAPIError as error:
            raise store_error(error, self._url) from None
        info[_BEGINS_LATER] = True
        try:
            return self.run_transaction(function)
        finally:
            info[_BEGINS_LATER] = False

    def run_upgrade(self, function: Callable[[Connection], T]) -> T:
        """Return the result of a transaction that may change tables."""
        connection = self._require_open()
        try:
            with without_foreign_keys(connection):
                return self.run_transaction(function)
        except DBAPIError as error:
            raise store_error(error, self._url) from None

    def run_outside(self, sqlite: Callable[[Any], bool], postgresql: str) -> bool:
        """Run what must be in no transaction. Any: the driver's connection."""
        connection = self._require_open()
        raw: Any = connection.connection.dbapi_connection
        try:
            if connection.dialect.name != "postgresql":
                return sqlite(raw)
            raw.cursor().execute(postgresql)
            return True
        except self.driver.Error as error:
            raise store_error(wrap_driver_error(error, connection), self._url) from None

    def socket_number(self) -> int | None:
        """Return the handle of the socket to a PostgreSQL server, or None without one. For the writer's thread."""
        connection = self._connection
        if connection is None or connection.invalidated or connection.dialect.name != "postgresql":
            return None
        raw: Any = connection.connection.dbapi_connection
        return int(raw.fileno())

    def cut_connection(self) -> None:
        """Let what waits for the server fail now, and all later calls. Called by another thread."""
        self._cut = True
        cut_socket(self._connection)

    def checkpoint_log(self, log: WriteAheadLog) -> None:
        """Bring SQLite's log into the file if it is long enough."""
        log.checkpoint_log(self._connection)

    def _require_open(self) -> Connection:
        if self._cut:
            raise no_answer(self._url)
        if self._connection is None:
            raise StoreUnavailable("closed", "it is closed")
        return self._connection


def cut_socket(connection: Connection | None) -> None:
    """Shut down the socket to a PostgreSQL server, so that the thread that waits for an answer gets an error.

    libpq waits without a limit for a server that is frozen, or for a commit that its standby does not confirm.
    """
    if connection is None or connection.closed or connection.invalidated or connection.dialect.name != "postgresql":
        return
    # The thread may lose the connection at this moment by itself.
    with suppress(OSError, DBAPIError, InvalidRequestError, driver_of(connection.engine).Error):
        raw: Any = connection.connection.dbapi_connection
        with socket.socket(fileno=os.dup(raw.fileno())) as ours:
            ours.shutdown(socket.SHUT_RDWR)


def no_answer(url: URL) -> StoreUnavailable:
    """Return the error for a database that gave no answer in time."""
    return StoreUnavailable("gone", _MESSAGES["gone"].format(where=describe_url(url), code="no answer in time"))


def driver_of(engine: Engine) -> Any:
    """Return the driver's module, which has its errors."""
    return engine.dialect.loaded_dbapi


def wrap_driver_error(error: Any, connection: Connection) -> DBAPIError:
    """Return SQLAlchemy's error for a driver's error that passed SQLAlchemy by.

    A lost connection is opened again at its next use.
    """
    dialect = connection.dialect
    gone = dialect.is_disconnect(error, None, None)
    if gone:
        connection.invalidate(error)
    found = DBAPIError.instance(None, None, error, driver_of(connection.engine).Error, hide_parameters=True,
                                connection_invalidated=gone, dialect=dialect)
    assert isinstance(found, DBAPIError)
    return found


def store_error(error: DBAPIError, url: URL, *, reading: bool = False) -> StoreError:
    """Return the store's error for a driver's error.

    The text uses codes only, because drivers quote rows. `reading` chooses the words for a command that can be
    repeated, not for a node.
    """
    where = describe_url(url)
    if isinstance(error, IntegrityError):
        return StoreConflict(None, "commit", where, f"{_constraint_of(error)} forbids it")
    kind = _error_kind(error)
    words = _READ_MESSAGES.get(kind, _MESSAGES[kind]) if reading else _MESSAGES[kind]
    return StoreUnavailable(kind, words.format(where=where, code=_error_code(error), lock=LOCK_S))


def _constraint_of(error: IntegrityError) -> str:
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        # For example "UNIQUE constraint failed: offers.contact": names of tables and columns, no values.
        return str(origin)
    name = getattr(getattr(origin, "diag", None), "constraint_name", None)
    return f"constraint {name}"


def _error_code(error: DBAPIError) -> str:
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        return str(getattr(origin, "sqlite_errorname", "") or type(origin).__name__)
    return str(getattr(origin, "sqlstate", None) or type(origin).__name__)


def _error_kind(error: DBAPIError) -> str:
    code = _error_code(error)
    if isinstance(error.orig, sqlite3.Error):
        return next((kind for start, kind in _SQLITE if code.startswith(start)), "broken")
    # psycopg reports a failed connect without a code.
    if error.connection_invalidated or code in ("OperationalError", "ConnectionTimeout"):
        return "gone"
    return next((kind for start, kind in _POSTGRES if code.startswith(start)), "broken")


_SQLITE = (("SQLITE_FULL", "full"), ("SQLITE_BUSY", "locked"), ("SQLITE_LOCKED", "locked"),
           ("SQLITE_CORRUPT", "damaged"), ("SQLITE_NOTADB", "damaged"), ("SQLITE_READONLY", "readonly"),
           ("SQLITE_PERM", "readonly"), ("SQLITE_CANTOPEN", "readonly"), ("SQLITE_IOERR", "gone"))

_POSTGRES = (("53", "full"), ("55P03", "locked"), ("40", "locked"), ("XX", "damaged"), ("25006", "readonly"),
             ("42501", "readonly"), ("08", "gone"), ("57P", "gone"))

_MESSAGES = {
    "full": "no space left for {where} ({code}): the disk, or the limit on the size of the database, is full. Nothing "
            "of this turn was written. Free space or raise the limit, then start the node again",
    "locked": "{where} is locked by another program for more than {lock:g} s ({code}). Nothing of this turn was "
              "written. End what holds it (a backup, an open sqlite3 shell), then start the node again",
    "damaged": "{where} is damaged ({code}). Stop, copy the file as it is, and restore the newest backup; callers "
               "who wait are found again through Asterisk",
    "readonly": "{where} cannot be opened or written ({code}). Its file and folder must belong to the user who runs "
                "the node; a PostgreSQL server must be the primary",
    "gone": "{where} does not answer ({code}): the disk or the server is gone. Bring it back, then start the node "
            "again: it reads the true state",
    "broken": "{where} refused a statement ({code}). Nothing of this turn was written. `santral check` and the log of "
              "the database tell more",
}

_READ_MESSAGES = {
    "locked": "{where} is locked by another program for more than {lock:g} s ({code}). End what holds it (a backup, "
              "an open sqlite3 shell), then ask again",
    "damaged": "{where} is damaged, or no database ({code}). Keep the file as it is, and ask a copy of the newest "
               "backup",
    "readonly": "{where} cannot be read ({code}). Its file must be readable for this user, and its folder writable: "
                "SQLite keeps another file next to it. Copy a state that is read-only to a folder that you may write",
    "gone": "{where} does not answer ({code}): the disk or the server is gone. Bring it back, then ask again",
    "broken": "{where} refused a question ({code}). The log of the database tells more",
}
"""Words for readers of a state, who wrote nothing."""
