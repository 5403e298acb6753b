"""A second node on a store: it changes nothing until it leads, and goes on where the first one ended."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect, update

from routing.store import migrate
from routing.store.database import url_of
from routing.store.errors import LeaseHeld, LeaseLost, StoreUnavailable
from routing.store.schema import leases
from routing.store.store import Store
from tests.fakes.store_day import Day
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

MIGRATION = '''
from alembic import op
revision, down_revision, branch_labels, depends_on = "9998", "{before}", None, None

def upgrade() -> None:
    op.execute("CREATE TABLE planted (x INTEGER)")
'''


@contextmanager
def newer_code(folder: Path) -> Iterator[None]:
    """Let the code have one migration more, as the next version has it."""
    migrations = folder / "migrations"
    if not migrations.exists():
        shutil.copytree(migrate.MIGRATIONS, migrations)
        (migrations / "versions" / "r9998_planted.py").write_text(MIGRATION.format(before=migrate.HEAD))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "MIGRATIONS", migrations)
        patch.setattr(migrate, "HEAD", "9998")
        yield


def has_newer_tables(each_store: str) -> bool:
    engine = create_engine(url_of(each_store))
    with engine.connect() as connection:
        found = inspect(connection).has_table("planted")
    engine.dispose()
    return found


def change_lease(each_store: str, **values: object) -> None:
    """Change the row of the lease as another machine, or time, would."""
    engine = create_engine(url_of(each_store))
    with engine.begin() as connection:
        connection.execute(update(leases).values(**values))
    engine.dispose()


async def test_tables_are_migrated_after_the_lease(each_store: str, tmp_path: Path) -> None:
    old = await Store.open_store(each_store, node=True)
    await old.take_lease("old")
    # On a busy machine the lease would end before the other node asks.
    keeping = asyncio.create_task(old.keep_lease())
    # 1. Neither a newer node that is refused nor a command changes a table.
    with newer_code(tmp_path):
        new = await Store.open_store(each_store, node=True)
        with pytest.raises(LeaseHeld):
            await new.take_lease("new")
        with pytest.raises(LeaseHeld):
            await Store.open_store(each_store)
    keeping.cancel()
    await asyncio.wait({keeping})
    await old.close()
    assert not has_newer_tables(each_store)
    # 2. The old node starts again.
    old = await Store.open_store(each_store, node=True)
    await old.take_lease("old")
    day = Day()
    day.queue("c1")
    await old.commit(day.turn())
    await old.close()
    # 3. The newer node leads, and then the tables are its own.
    with newer_code(tmp_path):
        await new.take_lease("new")
        assert has_newer_tables(each_store)
        await new.close()
    with pytest.raises(StoreUnavailable, match="newer Santral"):
        await Store.open_store(each_store, node=True)


async def test_a_command_brings_tables_of_no_node_up_to_date(each_store: str, tmp_path: Path) -> None:
    await (await Store.open_store(each_store)).close()
    with newer_code(tmp_path):
        await (await Store.open_store(each_store)).close()
    assert has_newer_tables(each_store)


async def test_a_node_that_waited_while_another_upgraded_does_not_lead(each_store: str, tmp_path: Path) -> None:
    old = await Store.open_store(each_store, node=True)
    with newer_code(tmp_path):
        await (await Store.open_store(each_store)).close()
    with pytest.raises(StoreUnavailable, match="newer Santral"):
        await old.take_lease("old")
    await old.close()


async def test_numbers_of_journal_and_facts_are_read_after_the_lease(each_store: str) -> None:
    first, day = await Store.open_store(each_store, node=True), Day()
    await first.take_lease("first")
    second = await Store.open_store(each_store, node=True)
    day.queue("c1")
    await first.commit(day.turn())
    await first.close()
    await second.take_lease("second")
    day.queue("c2")
    await second.commit(day.turn())
    assert [fact.seq for fact in await second.facts_after(0)] == [1, 2]
    await second.close()


async def test_cursors_notes_and_repairs_look_at_the_lease(each_store: str) -> None:
    """A node was frozen, and another one took over meanwhile."""
    frozen = await Store.open_store(each_store, node=True)
    await frozen.take_lease("frozen")
    await frozen.note_value("asterisk_started", "its own")
    change_lease(each_store, expires=0.0)
    second = await Store.open_store(each_store, node=True)
    await second.take_lease("second")
    for write in (frozen.note_value("asterisk_started", "old"), frozen.set_cursor("mqtt", 9), frozen.repair_rows([]),
                  frozen.load_state()):
        with pytest.raises(LeaseLost, match="taken it over"):
            await write
    assert (await second.read_value("asterisk_started"), await second.read_cursor("mqtt")) == ("its own", None)
    await frozen.close()
    await second.close()


async def test_a_turn_in_line_is_refused_after_its_node_has_given_up_the_lease(where: str) -> None:
    """The next node leads while the turn waits for the server, and reads everything before the turn comes."""
    old, day, goes_on = await Store.open_store(where, node=True), Day(), threading.Event()
    await old.take_lease("old")

    def lose_lease(connection: Connection) -> None:
        connection.execute(update(leases).values(epoch=leases.c.epoch + 1))
        goes_on.wait(LIMIT_S)

    day.queue("c1")
    tasks = [asyncio.create_task(one) for one in (old.run_write(lose_lease), old.commit(day.turn()), old.close())]
    await asyncio.sleep(0)  # each has taken its place in line
    goes_on.set()
    await asyncio.wait(tasks)
    assert isinstance(tasks[1].exception(), LeaseLost)
    left = await Store.open_store(where)
    assert await left.last_fact() == 0
    await left.close()
