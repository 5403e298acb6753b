"""Back up a state while calls go on, and restore it without bringing back what was taken away since."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desk.api.tokens import Role
from desk.people import person_rows
from desk.people.person_rows import Person, SessionRow
from routing.store.audit import Audit
from routing.store.callers.number_keys import NumberKeys
from routing.store.reader import Reader
from routing.store.store import Store
from santral.backup.callback_hold import NOTE, CallbackHold
from santral.backup.restore import RestoredState, restore_state
from santral.backup.sealed_stream import PIECE, BackupKey
from santral.backup.state_copy import TakenBackup, take_backup
from santral.centre.config import DEFAULT_CENTRE, node_config
from santral.cli import cli
from santral.erased_list import ErasedList
from santral.errors import SantralError, StoreFailure
from tests.privacy_house import NUMBER, OTHER, House, opened
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

KEY = BackupKey.from_passphrase("bir iki üç dört beş")
CONFIG = node_config(DEFAULT_CENTRE)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as one:
        yield one


def taken(house: House, folder: Path, key: BackupKey | None = KEY, **more: Any) -> TakenBackup:
    return take_backup(house.state, house.state / "santral.db", folder, key, "1", "test",
                       **{"recordings": False, **more})


async def restored(backup: Path, state: Path, key: BackupKey | None = KEY) -> RestoredState:
    state.mkdir(mode=0o711, exist_ok=True)
    return await restore_state(backup, CONFIG, state, key, "test")


def rows(state: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(state / "santral.db")) as opened_:
        return opened_.execute(sql).fetchall()


async def test_a_backup_is_one_moment_of_a_node_that_goes_on(house: House, tmp_path: Path) -> None:
    for number in range(20):
        await house.node.call(f"+90533{number:07d}")
    stop = False

    async def keep_calling() -> int:
        many = 0
        while not stop:
            await house.node.call(f"+90534{many:07d}", talk=many % 2 == 0)
            many += 1
            await asyncio.sleep(0)
        return many

    calling = asyncio.create_task(keep_calling())
    backups = [await asyncio.to_thread(partial(taken, house, tmp_path / f"backups{place}")) for place in range(3)]
    stop = True
    assert await calling > 0
    for place, one in enumerate(backups):
        state = tmp_path / f"restored{place}"
        done = await restored(one.path, state)
        assert 20 <= done.contacts <= len(rows(house.state, "select 1 from contacts"))
        # The records are whole: the numbers of inputs and facts have no gap, and the store opens as it is.
        with Reader(state / "santral.db") as reader:
            facts = [fact.seq for fact in reader.facts_after(0)]
        assert facts == list(range(facts[0], facts[0] + len(facts)))
        store = await Store.open_store(state / "santral.db")
        await store.load_state()
        await store.close()
        assert (state / "secrets" / "numbers.json").read_bytes() == (
            house.state / "secrets" / "numbers.json").read_bytes()
        assert (state / "secrets").stat().st_mode & 0o777 == 0o700
        assert list(Audit(state).read_entries())[-1].what == "restored"


async def test_secrets_are_only_in_an_encrypted_backup(house: House, tmp_path: Path) -> None:
    await house.node.call(NUMBER)
    secret = (house.state / "secrets" / "numbers.json").read_bytes()
    plain, sealed = taken(house, tmp_path / "plain", None), taken(house, tmp_path / "sealed")
    assert b"numbers.json" not in plain.path.read_bytes() and secret not in plain.path.read_bytes()
    content = sealed.path.read_bytes()
    assert b"numbers.json" not in content and b"SQLite" not in content and secret not in content
    assert {one.stat().st_mode & 0o777 for one in (plain.path, sealed.path)} == {0o600}
    # A plain one needs the operator's copy of the secrets.
    state = tmp_path / "new"
    with pytest.raises(StoreFailure, match="this backup has no secrets: put your copy into"):
        await restored(plain.path, state, None)
    assert list(state.iterdir()) == []
    (state / "secrets").mkdir(mode=0o700)
    NumberKeys.load_or_create(state / "secrets" / "numbers.json")
    (state / "secrets" / "numbers.json").write_bytes(secret)
    assert (await restored(plain.path, state, None)).contacts == 1


async def test_nothing_comes_back_that_was_taken_away_since(
        house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 1. Two callers, a callback of a third one, a person who is signed in, and another who is disabled afterwards.
    theirs = [await house.node.call(NUMBER), await house.node.call(NUMBER, talk=False)]
    await house.node.call(OTHER)
    await house.node.call("+905330000001", talk=False, callback=True)
    now = time.time()

    def add_people(connection: Any) -> None:
        for name in ("p1", "p2"):
            person_rows.put_person(connection, Person(name, "", (Role.SUPERVISOR,), disabled=False), "", 0.0)
            person_rows.add_session(connection, SessionRow(f"s{name}", name, now, now + 3600.0, None), None)

    await house.store.run_write(add_people)
    backup = taken(house, tmp_path / "backups")
    # 2. After the backup one caller is erased and one person disabled.
    await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    ErasedList(house.state, house.node.keys).note_person("p2", disabled=True)
    digest, _ = house.node.keys.encrypt_number(NUMBER)
    assert digest.encode() not in (tmp_path / "backups" / "erased.jsonl").read_bytes()

    # 3. The machine is lost: only the folder of the backups is left.
    state = tmp_path / "new"
    done = await restored(backup.path, state)

    assert (done.erased, done.sessions, done.disabled, done.callbacks) == (1, 2, 1, 1)
    assert digest not in {one for (one,) in rows(state, "select caller_hash from contacts")}
    assert {one for (one,) in rows(state, "select contact from contacts")} >= set(theirs)
    other, _ = house.node.keys.encrypt_number(OTHER)
    assert (other,) in rows(state, "select caller_hash from contacts")
    assert rows(state, "select count(*) from sessions where ended_at is null") == [(0,)]
    assert rows(state, "select person, disabled from people order by 1") == [("p1", 0), ("p2", 1)]
    # 4. Callbacks wait until they are released, while a node would look for it.
    assert rows(state, f"select value <> '' from meta where key = '{NOTE}'") == [(1,)]
    assert rows(state, "select count(*) from contacts where anytime or follow_up") == [(0,)]
    store = await Store.open_store(state / "santral.db")
    hold, released = CallbackHold(store), asyncio.Event()
    hold.changed = released.set
    await hold.load_hold()
    assert hold.on
    monkeypatch.setattr("santral.backup.callback_hold.LOOK_S", 0.01)
    watching = asyncio.create_task(hold.watch_release())
    await store.note_value(NOTE, "")
    await asyncio.wait_for(released.wait(), LIMIT_S)
    assert not hold.on
    watching.cancel()
    await store.close()


async def test_a_person_who_was_let_in_again_stays(house: House, tmp_path: Path) -> None:
    backup = taken(house, tmp_path / "backups")
    marks = ErasedList(house.state, house.node.keys)
    marks.note_person("p1", disabled=True)
    marks.note_person("p1", disabled=False)
    assert (await restored(backup.path, tmp_path / "new")).disabled == 0


@pytest.mark.parametrize("damage", ["cut", "last_piece", "changed", "wrong_key", "plain_cut", "plain_changed", "text"])
async def test_a_backup_that_is_not_whole_restores_nothing(house: House, tmp_path: Path, damage: str) -> None:
    for number in range(5):
        await house.node.call(f"+90533{number:07d}")
    key = None if damage.startswith("plain") else KEY
    backup = taken(house, tmp_path / "backups", key)
    content = bytearray(backup.path.read_bytes())
    if damage == "cut":
        content = content[:len(content) // 2]
    elif damage == "last_piece":
        # All pieces but the last one: the tar inside may be whole, and its end is not.
        content = content[:len(content) - (len(content) % (PIECE + 16)) // 2 - 1]
    elif damage == "changed":
        content[len(content) // 2] ^= 1
    elif damage == "plain_cut":
        content = content[:len(content) * 2 // 3]
    elif damage == "plain_changed":
        content[content.index(b"SQLite format") + 5000] ^= 1
    elif damage == "text":
        content = bytearray(b"hello\n" * 1000)
    backup.path.write_bytes(content)
    state = tmp_path / "new"
    used = BackupKey.from_passphrase("eine andere Losung") if damage == "wrong_key" else key
    with pytest.raises(SantralError, match=r"no whole backup|does not open"):
        await restored(backup.path, state, used)
    assert list(state.iterdir()) == []


async def test_a_state_is_never_replaced(house: House, tmp_path: Path) -> None:
    backup = taken(house, tmp_path / "backups")
    before = (house.state / "santral.db").read_bytes()
    with pytest.raises(StoreFailure, match="a restore replaces no state"):
        await restored(backup.path, house.state)
    assert (house.state / "santral.db").read_bytes() == before and not (house.state / ".restoring").exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk of one megabyte, of this test alone."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
                                           capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_leaves_one_message_and_no_file(house: House, tmp_path: Path, small_disk: Path) -> None:
    for number in range(5):
        await house.node.call(f"+90533{number:07d}")
    (house.state / "recordings" / "day").mkdir(parents=True, exist_ok=True)
    (house.state / "recordings" / "day" / "one.bin").write_bytes(os.urandom(2_000_000))
    for key in (None, KEY):
        with pytest.raises(StoreFailure, match=r"no backup was made: no room is left in .*/small. Make room"):
            taken(house, small_disk, key, recordings=True)
        assert list(small_disk.iterdir()) == [] and not list(house.state.glob(".backup-*"))
    # A restore into a full disk leaves nothing either.
    backup = taken(house, tmp_path / "backups", recordings=True)
    with pytest.raises(StoreFailure, match=r"nothing was restored: no room is left in .*/small"):
        await restored(backup.path, small_disk)
    assert list(small_disk.iterdir()) == []


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [*map(str, words)], catch_exceptions=True)


async def test_the_commands_from_end_to_end(house: House, tmp_path: Path) -> None:
    await house.node.call(NUMBER)
    backups, key, state = tmp_path / "backups", tmp_path / "key", tmp_path / "new"
    made = await asyncio.to_thread(run, "backup", "--to", backups, "--state", house.state, "--key-file", key, "--json")
    assert made.exit_code == 0, made.output
    path = json.loads(made.stdout)["path"]
    assert key.stat().st_mode & 0o777 == 0o600
    refused = await asyncio.to_thread(run, "restore", path, "--state", state)
    assert isinstance(refused.exception, SantralError) and "is encrypted: give" in str(refused.exception)
    done = await asyncio.to_thread(run, "restore", path, "--state", state, "--key-file", key)
    assert done.exit_code == 0 and "callbacks held: 0" in done.stdout, done.output
    first, second = [await asyncio.to_thread(run, "release-callbacks", "--state", state) for _ in range(2)]
    assert (first.stdout, second.stdout) == ("callbacks are dialled again\n", "no callbacks are held\n")
