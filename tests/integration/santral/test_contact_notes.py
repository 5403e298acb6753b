"""Notes and codes on a real store: who may write and read them, and what a caller's history shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from desk.api import note_models as models
from desk.api.node_operations import UnknownCode
from routing.core import events as e
from routing.core.model.centre_model import Agent, Centre, Service, Step
from routing.core.model.errors import NotNow
from routing.core.model.ids import AgentId, ContactId, ServiceId, SkillId
from routing.store.callers import contact_notes
from routing.store.callers.note_keys import NoteKeys
from routing.store.errors import KeyFileError
from santral.node.contact_notes import ContactNotes
from tests.fakes.live_node import Node, live_node
from tests.until import until_async

pytestmark = pytest.mark.integration

A1, A2 = AgentId("a1"), AgentId("a2")
CALLER, TEXT = "5b" * 16, "Şifresini unuttu; yarın 15.00'te tekrar aranacak."
BILGI, SIR = (Service(ServiceId(name), name.title(), (Step(((SkillId(name), 10),)),)) for name in ("bilgi", "sir"))
CENTRE = Centre((BILGI, SIR), (Agent(A1, ((SkillId("bilgi"), 50), (SkillId("sir"), 50))),
                               Agent(A2, ((SkillId("bilgi"), 50),))))
"""The agent a1 serves the private service `sir`, and a2 does not."""
CODES = {"bilgi": {"cozuldu": "Çözüldü"}, "sir": {"destek": "Destek verildi"}}


class Notes:
    def __init__(self, node: Node, folder: Path) -> None:
        self.node, self.audited = node, list[tuple[str, str, dict[str, Any]]]()
        self.keys = NoteKeys.load_or_create(folder / "secrets" / "notes.json")
        config: Any = SimpleNamespace(
            loaded=SimpleNamespace(services=[SimpleNamespace(id=name, codes=codes) for name, codes in CODES.items()]),
            unrecorded=frozenset({"sir"}))

        async def audit(who: str, what: str, **about: Any) -> None:
            self.audited.append((who, what, about))

        self.notes = ContactNotes(node.store, node.runner, self.keys, lambda: config, audit, lambda offer: "33")

    async def talk(self, contact: str, agent: AgentId, service: str = "bilgi", caller: str = CALLER) -> None:
        """Let a caller talk with an agent, who is the only one ready."""
        other = A2 if agent == A1 else A1
        await self.node.runner.ask(e.AgentPaused(other))
        before = len(self.node.offers)
        self.node.post(e.ContactQueued(ContactId(contact), ServiceId(service), f"PJSIP/{contact}",
                                       caller_hash=caller, number_encrypted="x" if caller else ""))
        await until_async(lambda: len(self.node.offers) > before)
        assert self.node.offers[-1].agent == agent
        self.node.post(e.OfferConnected(self.node.offers[-1].offer, ContactId(contact)))
        await self.node.runner.ask(e.HoldTick(ContactId("")))

    async def hangs_up(self, agent: AgentId) -> None:
        self.node.post(e.TalkEnded(self.node.offers[-1].offer, "caller"), e.WrapUpEnded(agent))
        other = A2 if agent == A1 else A1
        await self.node.runner.ask(e.AgentResumed(other))

    async def write(self, agent: AgentId, contact: str, text: str = TEXT, code: str | None = None) -> models.Note:
        return await self.notes.save_note(agent, models.NoteWanted(contact=contact, code=code, text=text))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Notes]:
    async with live_node(tmp_path, centre=CENTRE) as node:
        await node.sits("a1", "2001")
        await node.sits("a2", "2002")
        yield Notes(node, tmp_path)


async def test_the_next_agent_who_has_the_caller_at_hand_reads_the_note(house: Notes) -> None:
    await house.talk("c1", A1)
    assert (await house.write(A1, "c1", code="cozuldu")).mine
    await house.hangs_up(A1)
    await house.talk("c2", A2)
    (caller,) = (await house.notes.callers_at_hand(A2)).callers
    assert (caller.contact, caller.times, caller.last_digits, caller.note) == ("c2", 1, "33", None)
    (earlier,) = caller.earlier
    (note,) = earlier.notes
    assert (earlier.service, note.text, note.code, note.mine) == ("bilgi", TEXT, "cozuldu", False)
    # A caller of another number has no history, and an agent without a caller sees none.
    await house.hangs_up(A2)
    assert (await house.notes.callers_at_hand(A2)).callers == []
    await house.talk("c3", A2, caller="77" * 16)
    (other,) = (await house.notes.callers_at_hand(A2)).callers
    assert other.times == 0 and house.audited == []


async def test_a_private_service_is_for_those_who_serve_it_and_each_reading_is_audited(house: Notes) -> None:
    await house.talk("c1", A1, "sir")
    await house.write(A1, "c1", code="destek")
    await house.hangs_up(A1)
    # An agent who does not serve it does not even learn that the caller was there.
    await house.talk("c2", A2)
    (caller,) = (await house.notes.callers_at_hand(A2)).callers
    assert (caller.times, caller.earlier) == (0, []) and house.audited == []
    await house.write(A2, "c2", "Genel bilgi verildi.")
    await house.hangs_up(A2)
    await house.talk("c3", A1, "sir")
    (caller,) = (await house.notes.callers_at_hand(A1)).callers
    assert {one.service for one in caller.earlier} == {"sir", "bilgi"} and caller.times == 2
    # The own note needs no line. A note of a colleague of the private service does.
    assert house.audited == []
    row = contact_notes.NoteRow("c1", "a9", "sir", "", house.keys.seal_note("Meslektaş notu", "c1"), 1.0)
    await house.node.store.run_write(lambda connection: contact_notes.put_note(connection, row))
    await house.notes.callers_at_hand(A1)
    assert house.audited == [("agent a1", "note_read", {"agent": "a1", "contacts": ["c1"]})]


async def hands_over(house: Notes, contact: str, frm: AgentId, to: AgentId, service: str | None = None) -> None:
    """Transfer a call blindly to a colleague, who takes it."""
    await house.node.runner.ask(e.AgentResumed(to))
    first = house.node.offers[-1]
    await house.node.runner.ask(e.TransferRequested(
        first.offer, None if service is None else ServiceId(service), to))
    await until_async(lambda: house.node.offers[-1] is not first)
    assert house.node.offers[-1].agent == to
    house.node.post(e.OfferConnected(house.node.offers[-1].offer, ContactId(contact)), e.WrapUpEnded(frm))
    await house.node.runner.ask(e.HoldTick(ContactId("")))


async def test_a_note_goes_with_the_contact_that_is_handed_over(house: Notes) -> None:
    await house.talk("c1", A1)
    assert (await house.notes.callers_at_hand(A1)).callers[0].passed is None
    await house.write(A1, "c1", code="cozuldu")
    await hands_over(house, "c1", A1, A2)
    (caller,) = (await house.notes.callers_at_hand(A2)).callers
    assert caller.passed is not None and caller.note is None
    assert [(one.service, one.text, one.code, one.mine) for one in caller.passed] == [("bilgi", TEXT, "cozuldu", False)]
    # The one before writes on while the other talks, and after the end. Each has an own note of the contact.
    await house.write(A1, "c1", "Adresi de sordu.")
    await house.write(A2, "c1", "Adres verildi.")
    (caller,) = (await house.notes.callers_at_hand(A2)).callers
    assert caller.passed is not None and [one.text for one in caller.passed] == ["Adresi de sordu."]
    assert caller.note is not None and caller.note.text == "Adres verildi."
    await house.hangs_up(A2)
    assert (await house.write(A1, "c1", "Sonra eklendi.")).mine


async def test_a_note_may_be_written_until_a_day_after_the_contact_s_end(
        house: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.talk("c1", A1)
    await hands_over(house, "c1", A1, A2)
    now = house.node.runner.now()
    monkeypatch.setattr(house.node.runner, "now", lambda: now + 25 * 3600.0)
    assert (await house.write(A1, "c1")).mine, "the call goes on, though the own talk was yesterday"
    await house.hangs_up(A2)
    with pytest.raises(NotNow):
        await house.write(A1, "c1")


async def test_a_note_of_a_private_service_goes_only_to_agents_who_serve_it_and_is_audited(house: Notes) -> None:
    await house.talk("c1", A1, "sir")
    await house.write(A1, "c1", code="destek")
    await hands_over(house, "c1", A1, A2, "bilgi")
    (caller,) = (await house.notes.callers_at_hand(A2)).callers
    assert caller.passed == [] and house.audited == [], "a2 does not serve it"
    row = contact_notes.NoteRow("c1", "a9", "sir", "", house.keys.seal_note("Meslektaş notu", "c1"), 1.0)
    await house.node.store.run_write(lambda connection: contact_notes.put_note(connection, row))
    await hands_over(house, "c1", A2, A1, "sir")
    (caller,) = (await house.notes.callers_at_hand(A1)).callers
    assert caller.passed is not None and [one.text for one in caller.passed] == ["Meslektaş notu"]
    assert house.audited == [("agent a1", "note_read", {"agent": "a1", "contacts": ["c1"]})]


async def test_a_note_is_for_one_of_the_last_talks(house: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    for contact in ("c1", "c2", "c3"):
        await house.talk(contact, A1)
        await house.hangs_up(A1)
    monkeypatch.setattr(contact_notes, "TALKS_SOUGHT", 2)
    assert (await house.write(A1, "c2")).mine
    with pytest.raises(NotNow):
        await house.write(A1, "c1")
    assert [one.contact for one in (await house.notes.own_contacts(A1)).contacts] == ["c3", "c2", "c1"]


async def test_an_agent_who_has_left_a_private_service_reads_no_own_note_of_it(house: Notes) -> None:
    await house.talk("c1", A2)
    await house.hangs_up(A2)
    for service, text in (("sir", None), ("bilgi", TEXT)):
        row = contact_notes.NoteRow("c1", A2, service, "", house.keys.seal_note(TEXT, "c1"), 1.0)
        await house.node.store.run_write(lambda connection, row=row: contact_notes.put_note(connection, row))  # type: ignore[misc]
        (own,) = (await house.notes.own_contacts(A2)).contacts
        assert (None if own.note is None else own.note.text) == text


async def test_a_service_without_a_caller_has_no_history(house: Notes) -> None:
    for contact in ("c1", "c2"):
        await house.talk(contact, A1, caller="")
        await house.write(A1, contact)
        (caller,) = (await house.notes.callers_at_hand(A1)).callers
        assert (caller.times, caller.earlier) == (0, []) and caller.note is not None
        await house.hangs_up(A1)


async def test_only_an_agent_who_talked_with_the_caller_writes_and_the_code_must_exist(house: Notes) -> None:
    await house.talk("c1", A1)
    with pytest.raises(NotNow):
        await house.write(A2, "c1")
    with pytest.raises(UnknownCode, match="service bilgi has no code 'destek'; it has cozuldu"):
        await house.write(A1, "c1", code="destek")
    await house.hangs_up(A1)
    # After the wrap-up too, and the last text counts. Nothing at all takes the note back.
    await house.write(A1, "c1", "Düzeltildi.")
    (own,) = (await house.notes.own_contacts(A1)).contacts
    assert own.note is not None and (own.contact, own.note.text) == ("c1", "Düzeltildi.")
    await house.write(A1, "c1", "")
    assert (await house.notes.own_contacts(A1)).contacts[0].note is None
    assert (await house.notes.own_contacts(A2)).contacts == []


async def test_a_note_is_sealed_and_bound_to_its_contact(house: Notes, tmp_path: Path) -> None:
    await house.talk("c1", A1)
    await house.write(A1, "c1")
    (row,) = await house.node.store.run_query(lambda connection: contact_notes.notes_of_contacts(connection, ["c1"]))
    assert TEXT not in row.note_encrypted and house.keys.open_note(row.note_encrypted, "c1") == TEXT
    with pytest.raises(KeyFileError):
        house.keys.open_note(row.note_encrypted, "c2")
    with pytest.raises(KeyFileError):
        house.keys.open_note("kein Schlüssel", "c1")
    other = NoteKeys.load_or_create(tmp_path / "other.json")
    with pytest.raises(KeyFileError):
        other.open_note(row.note_encrypted, "c1")
    path = tmp_path / "secrets" / "notes.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text('{"format": 1, "encrypt": ["a2V5"]}', encoding="utf-8")
    with pytest.raises(KeyFileError, match="no key file of format 1"):
        NoteKeys.load_or_create(path)


async def test_the_codes_of_all_services_are_listed(house: Notes) -> None:
    found = house.notes.list_codes().services
    assert [(one.service, one.codes[0].id, one.codes[0].name) for one in found] == [
        ("bilgi", "cozuldu", "Çözüldü"), ("sir", "destek", "Destek verildi")]
