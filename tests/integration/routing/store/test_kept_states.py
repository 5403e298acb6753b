"""States that earlier versions have written, kept as files: each is upgraded, or refused with a true sentence."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from routing.store import migrate
from routing.store.database import url_of
from routing.store.errors import StoreUnavailable
from routing.store.migrations.table_shape import declared_shape, fingerprint_of, read_shape
from routing.store.reader import Reader
from routing.store.schema import metadata
from routing.store.store import Store
from santral.centre.config import DEFAULT_CENTRE
from santral.cli import cli
from santral.errors import StoreFailure

pytestmark = pytest.mark.integration

STATES = Path(__file__).parents[3] / "states"
RELEASED = sorted(path.name.removesuffix(".sql.gz") for path in STATES.glob("[0-9]*.sql.gz"))
"""States of a day with calls, by the revision of their tables."""


def lay_state(name: str, folder: Path) -> Path:
    """Write a kept state into a folder, and return its file."""
    path = folder / "santral.db"
    connection = sqlite3.connect(path)
    connection.executescript(gzip.decompress((STATES / f"{name}.sql.gz").read_bytes()).decode())
    connection.close()
    path.chmod(0o600)
    return path


def dry_run(folder: Path) -> Result:
    """Run `santral store upgrade --dry-run`."""
    return CliRunner().invoke(cli, ["store", "upgrade", str(DEFAULT_CENTRE), "--state", str(folder), "--dry-run"])


def test_each_revision_has_a_kept_state() -> None:
    assert sorted(path.stem[1:5] for path in (migrate.MIGRATIONS / "versions").glob("r*.py")) == RELEASED


@pytest.mark.parametrize("name", RELEASED)
async def test_a_state_of_each_revision_is_upgraded_with_all_its_rows(name: str, tmp_path: Path) -> None:
    path = lay_state(name, tmp_path)
    with sqlite3.connect(path) as before:
        counts = {table: before.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                  for (table,) in before.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    before.close()
    assert counts["contacts"] > 0 and counts["offers"] > 0 and counts["facts"] > 0
    assert dry_run(tmp_path).exit_code == 0
    # 1. A node starts on it and reads every fact.
    store = await Store.open_store(path, node=True)
    await store.take_lease("upgraded")
    loaded, facts = await store.load_state(), 0
    while page := await store.facts_after(facts):
        facts = page[-1].seq
    await store.close()
    assert facts == counts["facts"] and len(loaded.agents) == counts["agents"]
    # 2. No row is lost, and the tables are those that the code declares.
    engine = create_engine(url_of(path))
    with engine.connect() as connection:
        for table in sorted(counts.keys() & metadata.tables.keys() - {"meta", "leases"}):
            rows = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            assert rows == counts[table], table
        assert read_shape(connection, metadata.tables) == declared_shape(metadata)
    engine.dispose()


@pytest.mark.parametrize(("name", "words"), [
    ("development-0017", "revision 0017, which this version does not know"),
    ("development-0001", "without agents.desk"),
])
async def test_a_state_of_between_two_releases_is_refused_by_all_alike(name: str, words: str, tmp_path: Path) -> None:
    path = lay_state(name, tmp_path)
    with pytest.raises(StoreUnavailable, match=words) as caught:
        await (await Store.open_store(path, node=True)).take_lease("node")
    assert caught.value.kind == "unknown" and "newer Santral" not in str(caught.value)
    # The command that asks beforehand says the same, and nothing is changed.
    refused = dry_run(tmp_path).exception
    assert isinstance(refused, StoreFailure) and words in str(refused) and "Nothing was changed" in str(refused)
    with sqlite3.connect(path) as left, gzip.open(STATES / f"{name}.sql.gz", "rt") as kept:
        assert "\n".join(left.iterdump()) + "\n" == kept.read()
    left.close()


async def test_a_state_that_kept_no_fingerprint_is_taken_if_its_tables_fit(tmp_path: Path) -> None:
    path = lay_state("development-0001-later", tmp_path)
    store = await Store.open_store(path, node=True)
    await store.take_lease("node")
    await store.close()
    with Reader(path) as reader:
        kept = reader.run_query(lambda connection: connection.execute(
            text("SELECT value FROM meta WHERE key = 'tables'")).scalar_one())
    assert kept.split()[0] == migrate.HEAD


async def test_tables_changed_by_hand_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "santral.db"
    await (await Store.open_store(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'tables'", (f"{migrate.HEAD} 0123456789abcdef",))
        connection.execute("ALTER TABLE contacts ADD COLUMN planted INTEGER")
    connection.close()
    with pytest.raises(StoreUnavailable, match=r"with an unknown contacts\.planted") as caught:
        await Store.open_store(path)
    assert caught.value.kind == "unknown"


async def test_every_migration_makes_the_tables_that_it_declares(each_store: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory
    engine = create_engine(url_of(each_store))
    with engine.begin() as connection:
        config = migrate.alembic_config(connection)
        for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions())):
            command.upgrade(config, script.revision)
            made = fingerprint_of(read_shape(connection, metadata.tables))
            assert made == script.module.TABLES, f"{script.revision}: a released migration never changes"
    engine.dispose()
    assert made == migrate.FINGERPRINT, f"a table has changed: add a migration with TABLES = {migrate.FINGERPRINT!r}"
