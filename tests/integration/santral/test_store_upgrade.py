"""A migration for which callers would wait: a start refuses it, and the offline command does it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
from typer.testing import CliRunner, Result

from lab.lifecycle import SOUNDS
from routing.store.errors import LeaseHeld, LongMigrationDue
from routing.store.migrate import START_MAX_S
from routing.store.migrations.long_migration import PORTION
from routing.store.store import Store
from santral import process
from santral.backup.restore import restore_state
from santral.backup.sealed_stream import BackupKey
from santral.backup.state_copy import take_backup
from santral.centre.config import DEFAULT_CENTRE, node_config
from santral.cli import cli
from santral.errors import StoreFailure, UpgradeDue
from santral.offline_upgrade import upgrade_offline
from tests.fakes import postgres
from tests.fakes.planted_migration import NEW, OLD, fill_journal, plant, read_planted
from tests.privacy_house import NUMBER, opened

pytestmark = pytest.mark.integration

ROWS = 25_000
"""Two portions and a half."""
DONE = NEW, ROWS * (ROWS + 1)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return the state of an older Santral with a journal."""
    folder = tmp_path / "state"
    folder.mkdir()

    async def make_tables() -> None:
        await (await Store.open_store(folder / "santral.db")).close()

    asyncio.run(make_tables())
    fill_journal(folder / "santral.db", ROWS)
    return folder


def upgrade(state: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["store", "upgrade", str(DEFAULT_CENTRE), "--state", str(state), *words])


def test_a_start_refuses_a_long_migration_and_the_command_does_it(
        state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, rate=100.0)
    # 1. The node ends with its own code. Its one message has the rows, the minutes, the room and the command.
    local = tmp_path / "local.toml"
    local.write_text(f'[asterisk]\nsounds = "{SOUNDS}"\nmusic = "{SOUNDS / "moh"}"\n', encoding="utf-8")
    try:
        with pytest.raises(UpgradeDue) as caught:
            process.run_node(DEFAULT_CENTRE, local, state)
    finally:
        # A node writes its logs to the stderr of now, which later tests do not see.
        structlog.reset_defaults()
    assert caught.value.exit_code == 6
    for words in ("25,000 rows of journal", "about 5 minutes", "MB of free room", "nothing was changed",
                  "Stop the node", "santral store upgrade CENTRE --state FOLDER"):
        assert words in str(caught.value), words
    assert read_planted(state / "santral.db") == (OLD, 0)
    # 2. A look changes nothing either.
    looked = upgrade(state, "--dry-run")
    assert looked.exit_code == 6 and "25,000 rows of journal, about 5 minutes" in looked.output, looked.output
    assert read_planted(state / "santral.db") == (OLD, 0)
    # 3. The command does it and says how far it is.
    done = upgrade(state)
    assert done.exit_code == 0 and "25,000 of 25,000 rows" in done.stderr, done.output
    assert "the tables have revision 9001: 25,000 rows in" in done.stdout and "Start the node" in done.stdout
    assert read_planted(state / "santral.db") == DONE
    # 4. Nothing is left for a start, and doing it again changes nothing.
    looked = upgrade(state, "--dry-run", "--json")
    assert looked.exit_code == 0 and json.loads(looked.stdout)["rows"] == 0
    assert upgrade(state).exit_code == 0 and read_planted(state / "santral.db") == DONE


def test_a_start_does_a_migration_that_nobody_notices(
        state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, rate=ROWS / START_MAX_S)
    looked = upgrade(state, "--dry-run")
    assert looked.exit_code == 0 and "the next start does all" in looked.output, looked.output

    async def start() -> None:
        store = await Store.open_store(state / "santral.db", node=True)
        await store.take_lease("node")
        await store.close()

    asyncio.run(start())
    assert read_planted(state / "santral.db") == DONE


def test_one_row_more_is_too_long_for_a_start(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, rate=(ROWS - 1) / START_MAX_S)
    with pytest.raises(LongMigrationDue, match="about 1 minute,"):
        asyncio.run(Store.open_store(state / "santral.db"))
    assert read_planted(state / "santral.db") == (OLD, 0)


def test_a_new_state_needs_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, rate=0.001)

    async def start() -> None:
        await (await Store.open_store(tmp_path / "new.db")).close()

    asyncio.run(start())
    assert read_planted(tmp_path / "new.db")[0] == NEW
    (tmp_path / "empty").mkdir()
    done = upgrade(tmp_path / "empty")
    assert isinstance(done.exception, StoreFailure) and "no node has kept records" in str(done.exception)
    assert list((tmp_path / "empty").iterdir()) == []


class Disk(NamedTuple):
    total: int
    used: int
    free: int


def test_a_fault_changes_nothing(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, tmp_path, rate=100.0, broken=20_000)
    # 1. A node works on the state: one that answers nothing, so only its lease tells.
    place = state / "santral.db"

    async def refused_beside_a_node() -> Result:
        with monkeypatch.context() as patched:
            patched.setattr("routing.store.migrate.HEAD", OLD)
            store = await Store.open_store(place, node=True)
            await store.take_lease("node")
        working = asyncio.create_task(store.keep_lease())
        try:
            return await asyncio.to_thread(upgrade, state)
        finally:
            working.cancel()
            await store.close()

    done = asyncio.run(refused_beside_a_node())
    assert isinstance(done.exception, StoreFailure) and "already works on this state" in str(done.exception)
    # 2. No room.
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda path: Disk(10**9, 10**9, 1_000_000))
        done = upgrade(state)
    assert isinstance(done.exception, StoreFailure) and "1 MB free" in str(done.exception), done.exception
    assert read_planted(place) == (OLD, 0)
    # 3. The migration fails after its second portion.
    assert "the planted fault" in str(upgrade(state).exception)
    assert read_planted(place) == (OLD, 0)


async def test_postgresql_is_upgraded_the_same_way(
        server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.fresh_database(server_url, f"santral_upgrade_{os.getpid()}") as where:
        node = await Store.open_store(where, node=True)
        await node.take_lease("node")
        working = asyncio.create_task(node.keep_lease())
        await asyncio.to_thread(fill_journal, where, PORTION + 1)
        plant(monkeypatch, tmp_path, rate=100.0)
        told: list[tuple[int, int]] = []
        with pytest.raises(LeaseHeld):
            await asyncio.to_thread(upgrade_offline, where, lambda *done: told.append(done))
        assert told == [] and read_planted(where) == (OLD, 0)
        working.cancel()
        await node.close()
        with pytest.raises(LongMigrationDue, match="10,001 rows of journal, about 2 minutes"):
            await Store.open_store(where)
        await asyncio.to_thread(upgrade_offline, where, lambda *done: told.append(done))
        assert told == [(PORTION, PORTION + 1), (PORTION + 1, PORTION + 1)]
        assert read_planted(where) == (NEW, (PORTION + 1) * (PORTION + 2))
        await (await Store.open_store(where)).close()


async def test_a_restore_of_an_older_backup_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = BackupKey.from_passphrase("bir iki üç dört beş")
    async with opened(tmp_path / "state") as house:
        await house.node.call(NUMBER)
        backup = take_backup(house.state, house.state / "santral.db", tmp_path / "backups", key, "1", "test",
                             recordings=False)
    plant(monkeypatch, tmp_path, rate=0.001)
    new = tmp_path / "restored"
    new.mkdir(mode=0o711)
    done = await restore_state(backup.path, node_config(DEFAULT_CENTRE), new, key, "test")
    assert done.contacts == 1
    revision, total = read_planted(new / "santral.db")
    assert revision == NEW and total > 0
