"""Notes of agents and the rights of callers: an export has them without a name, an erasure and a purge leave none."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.core import events as e
from routing.core.model.ids import AgentId, ContactId, OfferId
from routing.store.callers import caller_input, contact_notes
from routing.store.callers.caller_input import CallerInput
from routing.store.callers.contact_notes import PAGE, CallerWasErased, NoteRow
from routing.store.callers.note_keys import NoteKeys
from routing.store.recordings.recording_store import DAY_S
from santral.privacy.caller_data import CallerData
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
    await house.export(await house.privacy.by_number(NUMBER), tmp_path / "out")
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


async def begin_talk(house: House, name: str) -> OfferId:
    """Let the caller talk with an agent, and return the offer of the talk."""
    digest, box = house.node.keys.encrypt_number(NUMBER)
    (offer,) = await house.node.tell(e.ContactQueued(ContactId(name), SERVICE.id, f"PJSIP/{name}",
                                                     since=house.node.now, caller_hash=digest, number_encrypted=box))
    await house.node.tell(e.OfferConnected(offer.offer, ContactId(name)))
    return OfferId(offer.offer)


@pytest.mark.parametrize("ends", [(), ("talk",), ("talk", "wrap-up")], ids=["live", "wrap-up", "over"])
async def test_a_note_that_comes_after_the_erasure_is_refused(house: House, tmp_path: Path, ends: tuple[str, ...]
                                                              ) -> None:
    offer = await begin_talk(house, "9.1")
    if "talk" in ends:
        await house.node.tell(e.TalkEnded(offer, "caller"))
    if "wrap-up" in ends:
        await house.node.tell(e.WrapUpEnded(AgentId("a0")))
    row = await write_note(house, "9.1", TEXT, 5.0)
    # The export of a talk that goes on has what is written so far.
    caller = await house.privacy.by_number(NUMBER)
    await house.export(caller, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "caller.json").read_text(encoding="utf-8"))
    assert [one["text"] for one in told["notes"]] == [TEXT]
    erased = await house.privacy.erase_caller(caller)
    assert erased.counts["notes"] == 1 and house.bytes_of(row.note_encrypted) == []
    with pytest.raises(CallerWasErased):
        await write_note(house, "9.1", TEXT, 6.0)
    with pytest.raises(CallerWasErased):
        await write_note(house, "9.1", "Başka bir temsilcinin notu", 6.0, "a1")
    assert await house.rows("select * from contact_notes") == []
    # The erasure is repeated without harm, and the same caller's next call takes notes.
    await house.privacy.erase_caller(caller)
    later = await house.node.call(NUMBER)
    await write_note(house, later, TEXT, 7.0)
    assert len(await house.rows("select * from contact_notes")) == 1


async def test_digits_that_a_caller_keys_in_after_the_erasure_are_not_kept(house: House) -> None:
    """The caller may still be on the line and go back to the menu. No later erasure would find these digits."""
    await begin_talk(house, "9.1")
    await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    digest, box = house.node.keys.encrypt_number("tckn:10000000146")
    await key_in(house, "9.1", digest, box)
    assert await house.rows("select * from caller_inputs") == [] and house.bytes_of(digest, box) == []
    # The same caller's next call is a new one, which the next erasure finds.
    later = await house.node.call(NUMBER)
    await key_in(house, later, digest, box)
    erased = await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    assert erased.counts["keyed in"] == 1 and house.bytes_of(digest, box) == []


@pytest.mark.parametrize("kind", ["call", "survey"])
async def test_what_is_recorded_after_the_erasure_is_destroyed(house: House, kind: str) -> None:
    """No later erasure would find the sound, because the contact has no number any more."""
    await begin_talk(house, "9.1")
    await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    path = house.plain("9.1", "o1" if kind == "call" else "0a1b", kind)
    assert not await house.vault.store_file(path, "9.1", kind, SERVICE.id)
    assert not path.exists() and await house.rows("select * from recordings") == []
    assert [one for one in house.vault.folder.rglob("*") if one.is_file()] == []
    await house.record(await house.node.call(NUMBER), kind=kind)
    assert len(await house.rows("select * from recordings")) == 1, "the next call is a new one"


async def key_in(house: House, contact: str, digest: str, box: str) -> None:
    """Store digits as the node does."""
    one = CallerInput(contact, "kimlik", digest, box, 5.0)
    await house.store.run_write(lambda connection: caller_input.add_input(connection, one))


async def test_a_note_that_is_stored_while_the_erasure_runs_goes_with_it(house: House) -> None:
    mine = await house.node.call(NUMBER)
    keys = NoteKeys.load_or_create(house.state / "secrets" / "notes.json")
    row = NoteRow(mine, "a0", SERVICE.id, "", keys.seal_note(TEXT, mine), 5.0)

    async def forget(digest: str) -> None:
        await house.node.tell(e.CallerErased(digest))
        await house.store.run_write(lambda connection: contact_notes.put_note(connection, row))

    privacy = CallerData(house.state, house.store, house.vault, house.node.keys, house.state / "queue_log", forget,
                         node=True, who="test", notes=keys, keys=house.state / "secrets" / "recordings.json")
    erased = await privacy.erase_caller(await privacy.by_number(NUMBER))
    assert erased.counts["notes"] == 1 and erased.left == () and house.bytes_of(row.note_encrypted) == []


async def test_a_note_goes_with_the_number_by_which_its_caller_is_found(house: House) -> None:
    """A centre may keep numbers for a shorter time than notes."""
    mine = await house.node.call(NUMBER)
    row = await write_note(house, mine, TEXT, time.time())
    clock = time.time() + 31 * DAY_S
    privacy = CallerData(house.state, house.store, house.vault, house.node.keys, house.state / "queue_log",
                         lambda digest: house.node.tell(e.CallerErased(digest)), node=True, who="test",  # type: ignore[arg-type,return-value]
                         notes=NoteKeys.load_or_create(house.state / "secrets" / "notes.json"),
                         keys=house.state / "secrets" / "recordings.json", clock=lambda: clock)
    await privacy.purge_due(30.0, 90.0, 90.0, 90.0)
    assert house.bytes_of(row.note_encrypted) == []


async def test_an_erasure_is_remembered_for_as_long_as_notes_are(house: House) -> None:
    mine = await house.node.call(NUMBER)
    await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    assert await house.rows("select contact from erased_contacts") == [(mine,)]
    await house.store.run_write(lambda connection: contact_notes.erase_old_notes(connection, time.time() + 1.0))
    assert await house.rows("select contact from erased_contacts") == []


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
