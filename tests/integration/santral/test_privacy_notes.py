"""Notes of agents and the rights of callers: an export has them without a name, an erasure and a purge leave none."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.store.callers import contact_notes
from routing.store.callers.contact_notes import PAGE, NoteRow
from routing.store.callers.note_keys import NoteKeys
from routing.store.recordings.recording_store import DAY_S
from tests.privacy_house import NUMBER, OTHER, SERVICE, House, opened

pytestmark = pytest.mark.integration

TEXT = "Annesi için arıyor; başvuru 17 Kasım'da yapılmış."


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as one:
        yield one


async def write_note(house: House, contact: str, text: str, at: float, agent: str = "a0") -> NoteRow:
    keys = NoteKeys.load_or_create(house.state / "secrets" / "notes.json")
    row = NoteRow(contact, agent, SERVICE.id, "cozuldu", keys.seal_note(text, contact), at)
    await house.store.run_write(lambda connection: contact_notes.put_note(connection, row))
    return row


async def test_an_export_has_the_notes_and_names_no_author(house: House, tmp_path: Path) -> None:
    mine, other = await house.node.call(NUMBER), await house.node.call(OTHER)
    await write_note(house, mine, TEXT, 5.0, "gizli-meslektas")
    await write_note(house, other, "Başkasının notu", 6.0)
    await house.privacy.export_caller(await house.privacy.by_number(NUMBER), tmp_path / "out")
    told = json.loads((tmp_path / "out" / "caller.json").read_text(encoding="utf-8"))
    assert told["notes"] == [{"contact": mine, "at": 5.0, "code": "cozuldu", "text": TEXT}]
    assert "gizli-meslektas" not in (tmp_path / "out" / "caller.json").read_text(encoding="utf-8")


async def test_an_erasure_leaves_no_trace_of_a_note_and_all_of_the_others(house: House) -> None:
    mine, other = await house.node.call(NUMBER), await house.node.call(OTHER)
    rows = [await write_note(house, mine, TEXT, 5.0), await write_note(house, mine, "İkinci not", 6.0, "a1")]
    kept = await write_note(house, other, "Başkasının notu", 7.0)
    assert house.bytes_of(rows[0].note_encrypted)
    erased = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    assert erased.counts["notes"] == 2 and erased.left == ()
    assert house.bytes_of(*(row.note_encrypted for row in rows), TEXT) == []
    found = await house.store.run_query(lambda connection: contact_notes.notes_of_contacts(connection, [mine, other]))
    assert found == [kept]


async def test_a_purge_destroys_notes_by_their_own_age_in_pages(house: House) -> None:
    now = time.time()
    old = [await write_note(house, f"c{number}", "eski", now - 91 * DAY_S) for number in range(PAGE + 3)]
    young = await write_note(house, "c-yeni", TEXT, now - 89 * DAY_S)
    due = {one.what: one.many for one in await house.privacy.find_due(60.0, 90.0, 90.0, 90.0)}
    assert due["notes"] == len(old)
    await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)
    left = await house.store.run_query(lambda connection: contact_notes.notes_of_contacts(
        connection, [one.contact for one in (*old, young)]))
    assert left == [young] and house.bytes_of(old[0].note_encrypted) == []
