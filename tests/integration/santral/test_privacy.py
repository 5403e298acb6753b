"""The data of a caller is listed completely and erased completely. No byte of a number, hash or encrypted number stays
in the state. The statistics stay, and the journal replays the same day.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from metrics.queue_log.writer import QueueLog
from routing.core import events as e
from routing.core.model.ids import ContactId
from routing.store import sms_messages
from routing.store.audit import Audit
from routing.store.callers import caller_input, caller_preferences, erasure
from routing.store.callers.caller_input import CallerInput
from routing.store.callers.caller_preferences import CallerPreferences
from routing.store.recordings import recording_rows
from routing.store.recordings.recording_rows import RecordingFilter
from routing.store.recordings.recording_store import DAY_S, RecordingStore
from santral.errors import StoreFailure
from santral.privacy.caller_data import search_files, significant_digits
from santral.privacy.cli import build_commands
from tests.privacy_house import NUMBER, OTHER, SECOND, SERVICE, SPOKEN, House, asks_for_text, opened

pytestmark = pytest.mark.integration

CALLS = 120
"""Of many callers: enough for pages of the database to be split and filled again."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as one:
        yield one


async def test_nothing_is_left_of_a_caller_and_all_of_the_others(house: House) -> None:
    node = house.node
    theirs = [await node.call(NUMBER), await node.call(NUMBER, talk=False), await node.call(NUMBER)]
    for number in range(CALLS):
        await node.call(f"+90533{number:07d}", talk=number % 3 > 0)
        if number % 25 == 0:
            theirs.append(await node.call(NUMBER))
    kept = await node.call(OTHER)
    await node.start()  # its first entry names the callers of before
    theirs += [await node.call(NUMBER), await node.call(NUMBER, talk=False, callback=True)]
    await house.record(theirs[0])
    await house.record(theirs[1], "0a1b", "survey")
    await house.record(kept, "o9")
    left_plain = house.plain(theirs[2], "o3")
    digest, _ = node.keys.encrypt_number(NUMBER)
    boxes = [row[0]
        for row in await house.rows(f"select number_encrypted from contacts where caller_hash = '{digest}'")]
    ends = "select coalesce(outcome, ''), count(*) from contacts group by 1"
    was = dict(await house.rows(ends))
    before, facts = house.journal()
    assert before == facts
    assert house.bytes_of(significant_digits(NUMBER)) == [house.state / "queue_log"]
    second, _ = node.keys.encrypt_number(SECOND)
    assert house.bytes_of(digest) and house.bytes_of(boxes[0]) and house.bytes_of(second)

    erased = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))

    assert erased.left == ()
    assert house.bytes_of(significant_digits(NUMBER), digest, *boxes, significant_digits(SECOND), second) == []
    assert erased.counts["recordings"] == 2 and erased.counts["spool"] == 1
    assert erased.counts["contacts"] == len(theirs) and erased.counts["queue_log"] == len(theirs)
    assert not left_plain.exists()
    assert house.bytes_of("SOMETHING") == []
    # The others are as they were, statistics too: a callback was called off, nothing else.
    other_digest, _ = node.keys.encrypt_number(OTHER)
    assert house.bytes_of(other_digest) and significant_digits(OTHER) in (house.state / "queue_log").read_text()
    rows = await house.store.run_write(partial(recording_rows.find_recordings, wanted=RecordingFilter()))
    assert [one.contact for one in rows] == [kept]
    assert was.pop("") == 1
    assert dict(await house.rows(ends)) == {**was, "left": was.get("left", 0) + 1}
    # The journal tells the same day again, and goes on with the caller as somebody new.
    again = await node.call(NUMBER)
    replayed, stored = house.journal()
    assert replayed == stored
    assert len(stored) > len(facts)
    assert (await house.privacy.by_number(NUMBER)).contacts == (again,)
    # A start compares queue_log with the facts: what was overwritten is known, nothing is written twice.
    lines = (house.state / "queue_log").read_bytes()
    (house.state / "queue_log.place").unlink(missing_ok=True)
    log = QueueLog(house.state / "queue_log", node.keys.decrypt_number)
    log.write_facts(house.facts())
    log.close()
    assert (house.state / "queue_log").read_bytes() == lines
    # The record says what was done, without a number.
    entries = list(Audit(house.state).read_entries())
    assert [entry.what for entry in entries] == ["erasing", "erased"]
    assert entries[1].about["counts"] == erased.counts and set(entries[1].about["contacts"]) == set(theirs)


async def test_an_erasure_that_was_broken_off_is_done_again(house: House) -> None:
    theirs = [await house.node.call(NUMBER), await house.node.call(NUMBER)]
    await house.record(theirs[0])
    digest, _ = house.node.keys.encrypt_number(NUMBER)
    for place, name in ((RecordingStore, "destroy_recordings"), (erasure, "redact_caller"), (erasure, "blank_rows")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, name, _broken)
            with pytest.raises(KeyboardInterrupt):
                await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    caller = await house.privacy.by_contact(theirs[1])
    assert caller is not None and caller.contacts == tuple(theirs)
    assert (await house.privacy.erase_caller(caller)).left == ()
    assert house.bytes_of(digest, significant_digits(NUMBER)) == []
    once_more = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    # The one entry is the wish to forget itself.
    assert {what: many for what, many in once_more.counts.items() if many} == {"journal": 1}


def _broken(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


async def test_what_a_caller_keyed_in_is_told_erased_and_grows_old(house: House, tmp_path: Path) -> None:
    name, other = await house.node.call(NUMBER), await house.node.call(OTHER)
    keys, now = house.node.keys, house.node.now
    id_hash, _ = keys.encrypt_number("tckn:10000000146")
    day_hash, day_box = keys.encrypt_number("tarih:24112026")
    own, _ = keys.encrypt_number(NUMBER)

    async def keep(contact: str, field: str, digest: str, box: str = "", at: float = now) -> None:
        await house.store.run_write(partial(caller_input.add_input, one=CallerInput(contact, field, digest, box, at)))

    await keep(name, "kimlik", "replaced by the next")
    await keep(name, "kimlik", id_hash)
    await keep(name, "gun", day_hash, day_box)
    await keep(other, "telefon", own)  # somebody else keyed in this caller's number
    await keep(other, "kimlik", "h" * 64, at=now - 61 * DAY_S)
    assert not house.bytes_of("10000000146", "24112026")
    await house.export(await house.privacy.by_number(NUMBER), tmp_path / "out")
    told = json.loads((tmp_path / "out" / "caller.json").read_text(encoding="utf-8"))["keyed_in"]
    assert {(one["field"], one["digits"]) for one in told} == {("kimlik", None), ("gun", "24112026")}
    erased = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    assert erased.counts["keyed in"] == 3 and erased.left == ()
    assert house.bytes_of(id_hash, day_hash, day_box, own) == []
    assert house.bytes_of("h" * 64), "the other's stays"
    house.privacy._clock = lambda: now
    due = {one.what: one.many for one in await house.privacy.find_due(60.0, 90.0, 90.0, 90.0)}
    assert due["keyed-in answers"] == 1
    await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)
    assert house.bytes_of("h" * 64) == []


async def test_a_caller_whom_nobody_knows_is_erased_by_the_contact(house: House) -> None:
    name = ContactId("1700000000.7")
    await house.node.tell(e.ContactQueued(name, SERVICE.id, "PJSIP/trunk-7"))
    await house.record(name)
    caller = await house.privacy.by_contact(name)
    assert caller is not None and caller.hashes == ()
    erased = await house.privacy.erase_caller(caller)
    assert erased.counts["recordings"] == 1
    assert await house.privacy.by_contact("nobody") is None


async def test_everything_that_is_known_is_told(house: House, tmp_path: Path) -> None:
    name = await house.node.call(NUMBER)
    await house.node.call(OTHER)
    await house.record(name)
    folder = tmp_path / "out"
    assert await house.export(await house.privacy.by_number(NUMBER), folder) == {"contacts": 1,
        "recordings": 1}
    told = json.loads((folder / "caller.json").read_text(encoding="utf-8"))
    assert told["numbers"] == [NUMBER]
    assert [row["contact"] for row in told["contacts"]] == [name]
    assert {step["kind"] for step in told["course"]} >= {"Queued", "Connected", "TalkEndedRecorded", "Ended"}
    assert told["talks"][0]["talk_s"] > 0
    assert significant_digits(OTHER) not in (folder / "caller.json").read_text(encoding="utf-8")
    assert (folder / told["recordings"][0]["file"]).read_bytes().endswith(SPOKEN)
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())} == {0o700, 0o600}
    assert [entry.what for entry in Audit(house.state).read_entries()] == ["exported"]
    with pytest.raises(FileExistsError):
        await house.export(await house.privacy.by_number(NUMBER), folder)


async def test_what_an_older_version_left_in_free_pages_goes_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    name = await house.node.call(NUMBER)
    with sqlite3.connect(house.state / "santral.db") as plain:  # as it was written before secure_delete
        plain.execute("PRAGMA secure_delete=OFF")
        plain.executemany("INSERT INTO meta VALUES (?, ?)", [(f"x{n}", f"{NUMBER}{n}" * 20) for n in range(200)])
        plain.commit()
        plain.execute("DELETE FROM meta WHERE key LIKE 'x%'")
    plain.close()
    caller = await house.privacy.by_contact(name)
    assert caller is not None
    for limit in ("REBUILD_MAX", "COPY_MAX_S"):  # a file too big, and a disk too slow, for a node that works on it
        with monkeypatch.context() as patch:
            patch.setattr(f"santral.privacy.caller_data.{limit}", 0)
            assert (await house.privacy.erase_caller(caller)).left == (house.state / "santral.db",)
    assert (await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))).left == ()
    assert house.bytes_of(significant_digits(NUMBER)) == []


async def test_a_number_of_the_centres_own_files_is_no_trace(house: House) -> None:
    """An office to which callers are led has called, and asks for erasure."""
    await house.node.call(NUMBER)
    (house.state / "last-known-good").mkdir()
    (house.state / "last-known-good" / "santral.toml").write_text(f'[transfer]\nokul = "{NUMBER}"\n', encoding="utf-8")
    assert (await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))).left == ()


async def test_what_a_caller_preferred_is_told_and_erased(house: House) -> None:
    """Of who never came into a line too, and it stands in no file of the state afterwards."""
    mine, other = (house.node.keys.encrypt_number(number)[0] for number in (NUMBER, OTHER))
    rows = [CallerPreferences(mine, True, True, 20_000), CallerPreferences(other, False, True, 20_000)]
    await house.store.run_write(partial(caller_preferences.put_preferences, some=rows))
    for number, told in ((NUMBER, [{"slow": True, "human_first": True, "last_call": "2024-10-04"}]),
                         ("+903121112233", [])):
        folder = house.state.parent / f"told-{len(told)}"
        await house.export(await house.privacy.by_number(number), folder)
        assert json.loads((folder / "caller.json").read_text(encoding="utf-8"))["wishes"] == told
    erased = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    assert erased.left == () and erased.counts["wishes"] == 1
    assert await house.store.run_write(caller_preferences.all_preferences) == rows[1:]
    assert search_files(house.state, [mine.encode()]) == [], "nor in what the database has freed"


async def test_the_commands_work_on_a_state_without_a_node(house: House) -> None:
    theirs = await house.node.call(NUMBER)
    await house.node.call(OTHER)
    await house.record(theirs)

    async def santral(*args: str, typed: str = "") -> Any:
        return await asyncio.to_thread(CliRunner().invoke, build_commands(), [*args, "--state", str(house.state)],
            typed,
                                       catch_exceptions=True)

    out = house.state.parent / "out"
    told = await santral("export", "--out", str(out), typed="0532 111 22 33\n")
    assert told.exit_code == 0 and (out / "caller.json").exists(), told.output
    assert "0532" not in told.output
    due = await santral("purge", "--dry-run")
    assert due.exit_code == 0 and "recordings" in due.output
    assert (await santral("erase", "--contact", "nobody")).exception
    assert (await santral("erase", "--yes", typed="not a number\n")).exception
    with closing(sqlite3.connect(house.state / "santral.db")) as rows:  # the lease that the fixture never took
        assert rows.execute("select count(*) from leases").fetchone() == (0,)
    told = await santral("erase", "--yes", "--who", "ayse", "--contact", theirs)
    assert told.exit_code == 0, told.output
    assert house.bytes_of(significant_digits(NUMBER)) == []
    shown = await santral("audit")
    assert shown.exit_code == 0 and "erased" in shown.output and "ayse" in shown.output
    audit = house.state / "audit.jsonl"
    with audit.open("ab") as file:
        file.write(b'{"about":{},"at"')  # power is lost
    torn = await santral("audit")
    assert torn.exit_code == 0 and "ayse" in torn.output and "The last line is not complete" in torn.output
    audit.write_bytes(audit.read_bytes().replace(b"ayse", b"veli", 1))
    assert isinstance((await santral("audit")).exception, StoreFailure)


async def test_short_messages_of_a_caller_are_told_and_forgotten(house: House, tmp_path: Path) -> None:
    """Of one who never waited for anybody, so there is no contact of theirs."""
    await house.node.start()
    box, other = await asks_for_text(house, NUMBER, time.time()), await asks_for_text(house, OTHER, time.time())
    await house.export(await house.privacy.by_number(NUMBER), tmp_path / "out")
    [told] = json.loads((tmp_path / "out" / "caller.json").read_text(encoding="utf-8"))["short_messages"]
    assert (told["about"], told["state"], told["text"]) == ("temsilci", "waiting", "Bilgi: https://mebim.meb.gov.tr")
    erased = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    assert erased.counts["short messages"] == 1 and not erased.left
    assert house.bytes_of(box) == [] and house.bytes_of(other), "only theirs"
    claimed = await house.privacy._store.run_write(partial(sms_messages.claim_due, now=time.time() + 60.0, most=9))
    assert [one.number_encrypted for one in claimed] == [other], "what is forgotten is not sent"
