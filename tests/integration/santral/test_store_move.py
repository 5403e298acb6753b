"""`santral store move`: a state is carried over whole or not at all, and a node goes on with it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from typer.testing import CliRunner, Result

from routing.store import database, migrate
from routing.store.database import url_of
from routing.store.errors import StoreUnavailable
from routing.store.reader import Reader
from routing.store.schema import metadata
from routing.store.store import Store
from santral import store_move
from santral.cli import cli
from santral.errors import StoreFailure
from santral.store_move import move_store

pytestmark = pytest.mark.integration

MORE = (
    "INSERT INTO people VALUES ('ayse', 'Ayşe Öz', 'admin', 'p', '', 0.5, true)",
    "INSERT INTO sessions VALUES ('s1', 'ayse', 1.25, 1e300, NULL), ('s2', 'ayse', 1.25, 2.5, 0.1)",
    "INSERT INTO known_browsers VALUES ('ayse', 'b1', 1764400000.123456)",
    "INSERT INTO caller_preferences VALUES ('h1', true, false, 20000)",
    "INSERT INTO desk_comfort VALUES ('a1', '{\"ton\": \"a\\\\tb\\nc\"}')",
    "INSERT INTO cursors VALUES ('mqtt', 17)",
    "INSERT INTO erased_contacts VALUES ('17.1', -0.0)")
"""Rows that a simulated day does not have: each truth value, nulls, tabs, large and small numbers."""


@pytest.fixture
def empty(where: str) -> Iterator[Engine]:
    """Yield a look into that database."""
    engine = create_engine(url_of(where))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state with a simulated day and a row of everything else."""
    state = tmp_path_factory.mktemp("made") / "state"
    done = CliRunner().invoke(cli, ["lab", "day", str(state), "--date", "2026-03-02", "--contacts", "60"])
    assert done.exit_code == 0, done.output
    file = sqlite3.connect(state / "santral.db")
    for statement in MORE:
        file.execute(statement)
    file.commit()
    file.close()
    return state


@pytest.fixture
def state(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that state."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/santral.db").write_bytes((made / "santral.db").read_bytes())
    return tmp_path / "state"


def move(state: Path, where: str, *words: str) -> Result:
    return CliRunner().invoke(cli, ["store", "move", str(state / "santral.db"), where, *words])


def is_refused(done: Result, words: str) -> bool:
    """Return whether the command fails with the code of a store and these words."""
    return isinstance(done.exception, StoreFailure) and words in str(done.exception)


def tables_of(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())


def all_rows(state: Path, engine: Engine) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows of each table in both databases, without the types that SQLite does not know."""
    file, here, there = sqlite3.connect(state / "santral.db"), {}, {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            query = f"SELECT {', '.join(column.name for column in table.c)} FROM {table.name}"
            here[table.name] = sorted(map(repr, file.execute(query)))
            there[table.name] = sorted(repr(tuple(int(value) if isinstance(value, bool) else value for value in row))
                                       for row in connection.execute(text(query)))
    file.close()
    return here, there


async def start_and_end(where: str) -> None:
    """Leave what a node leaves that was only started."""
    early = await Store.open_store(where, node=True)
    await early.take_lease("early")
    await early.close()


@pytest.mark.parametrize("started", [False, True])
def test_a_day_is_carried_over_and_equal(
        state: Path, where: str, empty: Engine, monkeypatch: pytest.MonkeyPatch, started: bool) -> None:
    if started:
        asyncio.run(start_and_end(where))
    monkeypatch.setattr(store_move, "ROWS_AT_ONCE", 7)
    done = move(state, where, "--json")
    assert done.exit_code == 0, done.output
    told = {one["table"]: one["rows"] for one in json.loads(done.stdout)}
    here, there = all_rows(state, empty)
    assert here == there and told == {name: len(rows) for name, rows in here.items()}
    assert told["facts"] > 300 and told["contacts"] > 30 and told["sessions"] == 2
    with Reader(state / "santral.db") as old, Reader(where) as new:
        assert old.load_state() == new.load_state() and old.facts_after(0) == new.facts_after(0)
    assert f"{2 * sum(told.values()):,} of {2 * sum(told.values()):,} rows" in done.stderr, "it says how far it is"
    # No table of the file is forgotten.
    file = sqlite3.connect(state / "santral.db")
    names = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    file.close()
    assert names == {*told, migrate.TABLE}


@pytest.mark.parametrize("case", ["filled", "older tables"])
def test_a_database_that_is_not_empty_is_refused(state: Path, where: str, empty: Engine, case: str) -> None:
    with empty.begin() as connection:
        migrate.upgrade_tables(connection)
        connection.execute(text("INSERT INTO cursors VALUES ('x', 1)" if case == "filled" else
                                "UPDATE alembic_version SET version_num = '0000'"))
    refused = move(state, where)
    assert is_refused(refused, "is not empty. Give a new database"), refused.exception
    with empty.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM facts")).scalar_one() == 0


async def test_a_store_that_a_node_uses_is_refused_on_either_side(state: Path, where: str, empty: Engine) -> None:
    node = await Store.open_store(state / "santral.db", node=True)
    await node.take_lease("santral-1")
    await node.run_write(lambda connection: connection.execute(text("UPDATE leases SET host = 'another machine'")))
    refused = move(state, where)
    assert is_refused(refused, "node 'santral-1' works on"), refused.exception
    assert tables_of(empty) == []
    await node.close()
    there = await Store.open_store(where, node=True)
    await there.take_lease("santral-2")
    await there.run_write(lambda connection: connection.execute(text("UPDATE leases SET host = 'another machine'")))
    refused = move(state, where)
    assert is_refused(refused, "node 'santral-2' already works on"), refused.exception
    await there.close()


@pytest.mark.parametrize(("statement", "words"), [
    ("UPDATE alembic_version SET version_num = '0999'", "is of another version (tables at 0999"),
    ("UPDATE meta SET value = '0' WHERE key = 'journal_format'", "is of another version"),
    ("DROP TABLE alembic_version", "holds no records"),
])
def test_a_source_of_another_version_is_refused(
        state: Path, where: str, empty: Engine, statement: str, words: str) -> None:
    file = sqlite3.connect(state / "santral.db")
    file.execute(statement)
    file.commit()
    file.close()
    refused = move(state, where)
    assert is_refused(refused, words), refused.exception
    assert tables_of(empty) == []


def test_a_replica_and_an_old_server_are_refused(
        state: Path, where: str, empty: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with empty.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"ALTER DATABASE {url_of(where).database} SET default_transaction_read_only = on"))
    refused = move(state, where)
    assert is_refused(refused, "takes no writes: it is a replica, or set to read-only"), refused.exception
    monkeypatch.setattr(database, "POSTGRES_MIN", 990000)
    refused = move(state, where)
    assert is_refused(refused, "Santral needs 15 or later"), refused.exception


@pytest.mark.parametrize(("target", "words"), [
    ("other.db", "it must be a URL such as postgresql://"), ("mysql://u@h/d", "it must be a URL"),
    ("postgresql://u@h:x/d", "it must be a URL"), ("postgresql://u:secret@h/d", "Put it into a passfile"),
    ("postgresql://u@h/d?password=secret", "Put it into a passfile")])
def test_another_target_is_bad_usage_and_no_password_is_shown(state: Path, target: str, words: str) -> None:
    refused = move(state, target)
    said = " ".join(refused.stderr.replace("│", " ").split())
    assert refused.exit_code == 2 and words in said and "secret" not in said, refused.output


def test_a_file_that_is_not_there_and_a_server_that_does_not_answer_are_named(state: Path, where: str) -> None:
    (state / "more").mkdir()
    refused = move(state / "more", where)
    assert is_refused(refused, "santral.db is not there"), refused.exception
    assert not list((state / "more").iterdir())
    refused = move(state, "postgresql://u@127.0.0.1:1/d")
    assert is_refused(refused, "does not answer"), refused.exception


@pytest.mark.parametrize("case", ["ends early", "row changed"])
def test_nothing_of_a_move_that_fails_is_left(
        state: Path, where: str, empty: Engine, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    class Interrupted(Exception):
        """Ctrl-C at an unlucky moment."""

    def report(done: int, rows: int) -> None:
        if case == "ends early" and done == rows:
            raise Interrupted("Ctrl-C")

    if case == "row changed":
        def lose_rounding(_self: object, row: tuple[Any, ...]) -> list[Any]:
            return [round(value, 1) if isinstance(value, float) else value for value in add(_self, row)]

        add: Any = store_move.TableHash.add_row
        monkeypatch.setattr(store_move.TableHash, "add_row", lose_rounding)
    with pytest.raises((Interrupted, StoreUnavailable), match=r"Ctrl-C|has not the same rows"):
        move_store(state / "santral.db", where, report)
    assert tables_of(empty) == []
    monkeypatch.undo()
    assert move(state, where).exit_code == 0
