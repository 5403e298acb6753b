"""Old data is destroyed, and new keys encrypt the rest, while a node and its readers run."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from routing.core.journal import replay_entries, stored_form
from routing.core.stored import Started
from routing.store.audit import Audit
from routing.store.database import LOCK_S
from routing.store.recordings import recording_rows
from routing.store.recordings.recording_rows import RecordingFilter
from routing.store.recordings.recording_store import DAY_S
from santral.node.state_reader import open_journal
from santral.privacy.caller_data import significant_digits
from santral.privacy.cli import build_commands
from tests.privacy_house import NUMBER, OTHER, SPOKEN, House, asks_for_text, opened

pytestmark = pytest.mark.integration


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as one:
        yield one


async def test_what_is_old_is_destroyed_and_what_is_not_stays(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.start_entry.BASE_MAX_AGE_S", 0.0)  # every start is as the first one of a day
    old = await house.node.call(NUMBER)
    await house.record(old, age_s=91 * DAY_S)
    await house.node.start()
    house.node.now = time.time() + 100 * DAY_S
    young = await house.node.call(OTHER)
    await house.record(young, "o2")
    await house.node.start()
    house.privacy._clock = lambda: house.node.now
    due = {one.what: one.many for one in await house.privacy.find_due(60.0, 90.0, 90.0, 90.0)}
    assert due["recordings"] == 2  # both are older than 90 days then
    assert due["contacts with a number"] == due["lines of queue_log with a number"] == 1
    assert due["journal entries"] > 10 and due["facts"] > 5
    counted = await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)
    assert {one.what: one.many for one in counted.due} == due and counted.settled
    assert [one.many for one in await house.privacy.find_due(60.0, 90.0, 90.0, 90.0)] == [0] * 9
    assert house.bytes_of(significant_digits(NUMBER)) == []
    assert significant_digits(OTHER) in (house.state / "queue_log").read_text()
    assert await house.rows("select count(*) from contacts") == [(2,)]
    replayed, stored = house.journal()
    assert replayed == stored and stored
    assert [entry.what for entry in Audit(house.state).read_entries()] == ["purging", "purged"]


async def test_a_running_node_waits_for_no_question(house: House, tmp_path: Path) -> None:
    """A year of journal takes minutes to be looked through, and a node that cannot keep a turn for ten seconds ends. So
    whatever only asks wants no lock: it is answered while somebody else has it."""
    contact = await house.node.call(NUMBER)
    caller = await house.privacy.by_number(NUMBER)
    writer = sqlite3.connect(house.state / "santral.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(LOCK_S / 2):
            due = await house.privacy.find_due(0.0, 0.0, 0.0, 0.0)
            assert (await house.privacy.by_number(NUMBER)).contacts == caller.contacts == (contact,)
            await house.export(caller, tmp_path / "told")
    finally:
        writer.close()
    assert {one.what: one.many for one in due}["journal entries with a number"] > 0


async def test_a_log_that_somebody_reads_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that is open keeps what was destroyed in the log of the database, and all had been told to be well."""
    monkeypatch.setattr("santral.privacy.caller_data.SETTLE_S", 0.0)
    monkeypatch.setattr("routing.store.compaction.TRIES", 1)
    await house.node.call(NUMBER)
    house.privacy._clock = lambda: house.node.now + 61 * DAY_S
    reader = sqlite3.connect(house.state / "santral.db", isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM contacts").fetchall()
        first = await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)
        assert any(one.many for one in first.due) and not first.settled
        again = await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)
        assert not any(one.many for one in again.due) and not again.settled, "nothing is due, and the log is as it was"
        assert await house.privacy.rotate_keys() == (0, False)
        told = await asyncio.to_thread(CliRunner().invoke, build_commands(), ["purge", "--state", str(house.state)])
        assert told.exit_code == 1 and "a program reads the store" in told.output
        told = await asyncio.to_thread(CliRunner().invoke, build_commands(), ["rotate", "--state", str(house.state)])
        assert told.exit_code == 1 and "a program reads the store" in told.output
    finally:
        reader.close()
    assert (await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)).settled
    assert (house.state / "santral.db-wal").stat().st_size == 0
    logs = [(entry.what, entry.about.get("log")) for entry in Audit(house.state).read_entries()]
    assert logs == [("purging", None), ("purged", "not emptied"), *[("rotated", "not emptied")] * 2]


async def test_another_key_seals_all_and_a_running_node_takes_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("santral.privacy.caller_data.SETTLE_S", 0.0)
    name = await house.node.call(NUMBER)
    await house.record(name)
    assert await house.privacy.rotate_keys() == (1, True)
    await house.record(name, "o2")
    rows = await house.store.run_write(partial(recording_rows.find_recordings, wanted=RecordingFilter()))
    assert len({one.key_id for one in rows}) == 1
    for one in rows:
        assert b"".join([piece async for piece in house.vault.read_wav(one)]).endswith(SPOKEN)


async def test_a_replay_begins_where_the_journal_does_now(house: House) -> None:
    await house.node.call(NUMBER)
    house.node.now += DAY_S
    await house.node.start()
    await house.node.call(OTHER, talk=False)
    house.node.now += 100 * DAY_S
    house.privacy._clock = lambda: house.node.now
    await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)
    with open_journal(str(house.state)) as journal:
        entries, facts = list(journal.read_entries()), list(journal.read_facts())
        assert entries[0].seq > 1 and isinstance(entries[0].event, Started) and journal.count_entries() == len(entries)
    again = replay_entries([(one.at, one.event) for one in entries])
    assert [*map(stored_form, again)] == [*map(stored_form, facts)] and facts


async def test_short_messages_of_a_centre_without_a_gateway_are_destroyed_by_age(house: House) -> None:
    await house.node.start()
    now = time.time()
    box = await asks_for_text(house, NUMBER, now - 61 * DAY_S)
    await asks_for_text(house, OTHER, now)
    due = {one.what: one.many for one in (await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)).due}
    assert due["short messages"] == 1 and house.bytes_of(box) == []
    assert {one.what: one.many for one in await house.privacy.find_due(60.0, 90.0, 90.0, 90.0)}["short messages"] == 0
