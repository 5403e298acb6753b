"""Nodes of two releases on one store: tables grow first and shrink a release later, so one step back is possible."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from routing.core.model.centre_model import Outcome
from routing.store import migrate
from routing.store.database import url_of
from routing.store.errors import LeaseHeld, StoreUnavailable
from routing.store.reader import Reader
from routing.store.store import Store
from santral.centre.config import DEFAULT_CENTRE
from santral.cli import cli
from tests.fakes.store_day import Day

pytestmark = pytest.mark.integration

GROWN = '''
from alembic import op
from sqlalchemy import Column, Integer, Text, text
revision, down_revision, branch_labels, depends_on = "9001", "{before}", None, None
FITS = "{before}"
def upgrade():
    op.add_column("contacts", Column("planted", Integer, nullable=False, server_default=text("7")))
    op.create_table("planted", Column("one", Text, primary_key=True))
    op.create_index("ix_contacts_planted", "contacts", ["planted"])
'''
"""The release after this one: a column, a table and an index more."""

SHRUNK = '''
from alembic import op
revision, down_revision, branch_labels, depends_on = "9002", "9001", None, None
FITS = "9001"
def upgrade(): op.drop_table("desk_comfort")
'''
"""The release after that: a table less, which code of 9001 does not use any more."""

SILENT = SHRUNK.replace('FITS = "9001"\n', "")
"""A migration that does not declare what still works on its tables."""


@contextmanager
def release(folder: Path, head: str, last: str = SHRUNK) -> Iterator[None]:
    """Let the code be that of a later release, with the migrations up to `head`."""
    migrations = folder / f"migrations-{head}"
    if not migrations.exists():
        shutil.copytree(migrate.MIGRATIONS, migrations)
        for revision, content in (("9001", GROWN), ("9002", last)):
            if revision <= head:
                (migrations / "versions" / f"r{revision}_planted.py").write_text(
                    content.format(before=migrate.HEAD), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "MIGRATIONS", migrations)
        patch.setattr(migrate, "HEAD", head)
        yield


def ask(where: str, query: str) -> list[tuple[Any, ...]]:
    engine = create_engine(url_of(where))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


async def lead(where: str, node: str) -> Store:
    store = await Store.open_store(where, node=True)
    await store.take_lease(node)
    return store


async def test_nodes_of_two_releases_take_over_from_each_other(each_store: str, tmp_path: Path) -> None:
    day = Day()
    # 1. The older node leads, and a newer one stands by: it changes no table.
    old = await lead(each_store, "old")
    day.sign_in("a1")
    day.queue("c1")
    await old.commit(day.turn())
    with release(tmp_path, "9001"):
        new = await Store.open_store(each_store, node=True)
        assert isinstance(await new.try_lease("new"), LeaseHeld)
    assert ask(each_store, "SELECT version_num FROM alembic_version") == [(migrate.HEAD,)]
    # 2. The newer one takes over, and the tables grow. An older one stands by meanwhile.
    waits = await Store.open_store(each_store, node=True)
    await old.close()
    with release(tmp_path, "9001"):
        await new.take_lease("new")
    day.queue("c2")
    first = day.offer("c1", "a1")
    await new.commit(day.turn())
    assert ask(each_store, "SELECT version_num FROM alembic_version") == [("9001",)]
    # 3. The older one takes over: it reads all rows, and changes those of the newer one.
    assert isinstance(await waits.try_lease("old"), LeaseHeld)
    await new.close()
    await waits.take_lease("old")
    loaded = await waits.load_state()
    assert [one.contact for one in loaded.contacts] == ["c1", "c2"] and [one.offer for one in loaded.offers] == [first]
    day.connect(first)
    day.queue("c3")
    await waits.commit(day.turn())
    # 4. Another older one starts on these tables, and the newer one takes over again.
    again = await Store.open_store(each_store, node=True)
    assert isinstance(await again.try_lease("third"), LeaseHeld)
    await again.close()
    await waits.close()
    with release(tmp_path, "9001"):
        new = await lead(each_store, "new")
    day.talk_over(first)
    day.wrap(first)
    day.end("c2", Outcome.ABANDONED)
    await new.commit(day.turn())
    # 5. No row is lost: all facts in order, all contacts, and the newer column has its value in all of them.
    assert [fact.seq for fact in await new.facts_after(0)] == list(range(1, day.seq + 1))
    assert await new.facts_after(0) == day.facts
    await new.close()
    assert ask(each_store, "SELECT contact, state, planted FROM contacts ORDER BY contact") == [
        ("c1", "completed", 7), ("c2", "canceled", 7), ("c3", "pending", 7)]


async def test_code_further_back_is_refused_and_told_of_the_restore(each_store: str, tmp_path: Path) -> None:
    day, stood_by = Day(), await Store.open_store(each_store, node=True)
    with release(tmp_path, "9002"):
        newest = await lead(each_store, "newest")
    day.queue("c1")
    await newest.commit(day.turn())
    # 1. It is refused at its start and before the lease, and writes nothing.
    words = rf"need code of 9001 or later, this one is of {migrate.HEAD}\). Install the version that wrote it, or"
    with pytest.raises(StoreUnavailable, match=words) as caught:
        await Store.open_store(each_store, node=True)
    assert caught.value.kind == "newer"
    await newest.close()
    with pytest.raises(StoreUnavailable, match="santral restore"):
        await stood_by.take_lease("old")
    await stood_by.close()
    assert [row[0] for row in ask(each_store, "SELECT node FROM leases WHERE name = 'router'")] == ["newest"]
    # 2. The release between works.
    with release(tmp_path, "9001"):
        between = await lead(each_store, "between")
    assert [one.contact for one in (await between.load_state()).contacts] == ["c1"]
    await between.close()


async def test_a_migration_that_declares_nothing_fits_no_older_code(each_store: str, tmp_path: Path) -> None:
    with release(tmp_path, "9002", SILENT):
        await (await lead(each_store, "newest")).close()
    with release(tmp_path / "other", "9001"), pytest.raises(StoreUnavailable, match="need code of 9002 or later"):
        await Store.open_store(each_store, node=True)


def test_every_migration_declares_what_fits() -> None:
    for path in (migrate.MIGRATIONS / "versions").glob("r*.py"):
        assert "\nFITS = " in path.read_text(encoding="utf-8"), path.name


async def test_tables_of_another_revision_than_the_note_fit_no_older_code(each_store: str, tmp_path: Path) -> None:
    with release(tmp_path, "9001"):
        await (await lead(each_store, "newer")).close()
    engine = create_engine(url_of(each_store))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9005'"))
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="need code of 9005 or later"):
        await Store.open_store(each_store, node=True)


def test_commands_of_the_older_release_read_the_newer_tables(tmp_path: Path) -> None:
    place = tmp_path / "santral.db"

    async def fill() -> None:
        with release(tmp_path, "9001"):
            store = await lead(str(place), "newer")
        day = Day()
        day.queue("c1")
        await store.commit(day.turn())
        await store.close()

    asyncio.run(fill())
    with Reader(place) as reader:
        extent = reader.read_extent()
        assert (extent.revision, extent.readable, extent.facts) == ("9001", True, 1)
    looked = CliRunner().invoke(cli, ["store", "upgrade", str(DEFAULT_CENTRE), "--state", str(tmp_path), "--dry-run",
                                      "--json"])
    told = json.loads(looked.stdout)
    assert looked.exit_code == 0 and not told["is_long"], looked.output
    assert (told["revision"], told["oldest_code"]) == ("9001", migrate.HEAD)
