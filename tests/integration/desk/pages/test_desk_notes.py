"""Notes at the page in Chromium, against a node that plays states: drafts, saving and the history of a caller."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from routing.core.model.centre_model import AgentState
from routing.core.model.ids import ContactId
from tests.fakes.desk_page import CALLER, PlayedNode
from tests.fakes.desk_states import AT, TALK, desk_state
from tests.integration.desk.pages.desk_steps import HEARD, answer_by_key, heard
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_a_note_survives_a_reload_and_the_history_is_told(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    node.play("wrapup")
    note = desk.get_by_role("region", name="Not ve sonuç")
    await expect(note).to_contain_text("Bu kişi son 90 günde 2 kez daha görüştü. Numarasının sonu 63.")
    await expect(note.get_by_role("listitem")).to_have_text([
        "20.02.2026, Psikososyal destek: Yönlendirildi, Yeniden arayacak.", "10.02.2026, Temsilci: not yok"])
    await note.get_by_label("Not", exact=True).fill("Yarım kalan not")
    await desk.reload()
    await expect(note.get_by_label("Not", exact=True)).to_have_value("Yarım kalan not")
    await note.get_by_label("Sonuç kodu").select_option("Yönlendirildi")
    await note.get_by_role("button", name="Notu kaydet").click()
    await until_async(lambda: ("note", {"contact": "c17", "code": "yonlendirildi", "text": "Yarım kalan not"})
                      in node.asked)
    await expect(desk.locator("#status")).to_have_text("Not kaydedildi.")
    assert await desk.evaluate("() => sessionStorage.length") == 0


async def test_no_draft_of_a_note_is_left_for_the_next_person(desk: Page, node: PlayedNode) -> None:
    # 1. Of an agent who had this tab before, without a sign-out. Other things in the storage stay.
    await desk.evaluate("() => Object.assign(sessionStorage, { 'santral-note a9 c17': 'x', y: 'z' })")
    await desk.reload()
    assert await desk.evaluate("() => Object.keys(sessionStorage)") == ["y"]
    await desk.evaluate(HEARD)
    # 2. The own one, at sign-out.
    await answer_by_key(desk, node)
    node.play("wrapup")
    await desk.get_by_role("region", name="Not ve sonuç").get_by_label("Not", exact=True).fill("Yarım kalan not")
    assert await desk.evaluate("() => sessionStorage.length") == 2
    await desk.locator("#sign-out button").click()
    await until_async(lambda: "note" in [name for name, _ in node.asked])
    await desk.wait_for_function("() => Object.keys(sessionStorage).join() === 'y'")
    # The page is gone before the test leaves it: two navigations at once cancel each other.
    await desk.wait_for_url("**/sign-out")


async def write_note(desk: Page, node: PlayedNode) -> tuple[str, dict[str, Any]]:
    """Write a note in wrap-up and do not save it. Return the request that would save it."""
    await answer_by_key(desk, node)
    node.play("wrapup")
    note = desk.get_by_role("region", name="Not ve sonuç")
    await expect(note).to_contain_text("2 kez daha görüştü")
    await note.get_by_label("Not", exact=True).fill("Yarım kalan not")
    return "note", {"contact": "c17", "code": None, "text": "Yarım kalan not"}


DETACHED = desk_state(AgentState.WRAPUP, wrapup_until=AT + 45.0)


async def transfer_away(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    await desk.get_by_label("Hizmet", exact=True).select_option("Uzaktan eğitim")
    await desk.get_by_role("button", name="Doğrudan aktar").click()
    await until_async(lambda: ("transfer", {"service": "uzaktan_egitim"}) in node.asked)
    node.play(DETACHED)


async def test_a_transfer_is_announced_as_one_and_its_note_stays_open(desk: Page, node: PlayedNode) -> None:
    await transfer_away(desk, node)
    await heard(desk, ("status", "Arayan aktarıldı: Uzaktan eğitim. Görüşme sonrası 45 sn."))
    note = desk.get_by_role("region", name="Not ve sonuç")
    await expect(note).to_contain_text("Devrettiğiniz çağrının notu.")
    await note.get_by_label("Not", exact=True).fill("Adresini de sordu")
    await note.get_by_role("button", name="Notu kaydet").click()
    saved = ("note", {"contact": "c17", "code": None, "text": "Adresini de sordu"})
    await until_async(lambda: saved in node.asked)
    # Also after the wrap-up and a reload, with the saved text.
    node.play("ready")
    await expect(note).to_be_visible()
    node.answers["caller"] = (200, {"callers": []})
    node.answers["contacts"] = (200, {"contacts": [{"contact": "c17", "service": "psikososyal", "at": AT, "talk_s": 9.0,
        "note": {"at": AT, "code": None, "text": "Adresini de sordu", "mine": True}}]})
    await desk.reload()
    await expect(note.get_by_label("Not", exact=True)).to_have_value("Adresini de sordu")
    # The next call has its own note.
    node.play("offer")
    await expect(note).to_be_hidden()


async def test_an_agent_who_takes_over_reads_what_the_one_before_has_written(desk: Page, node: PlayedNode) -> None:
    passed = [{"at": AT, "service": "psikososyal", "code": "yonlendirildi", "text": "Adresini de sordu", "mine": False}]
    caller = {**CALLER["callers"][0], "passed": []}
    node.answers["caller"] = (200, {"callers": [caller]})
    await answer_by_key(desk, node)
    note = desk.get_by_role("region", name="Not ve sonuç")
    await expect(note.get_by_role("listitem")).to_have_count(2)
    # The colleague writes while this agent talks already.
    node.answers["caller"] = (200, {"callers": [{**caller, "passed": passed}]})
    node.send(f'event: tick\ndata: {{"at":{AT}}}\n\n'.encode())
    await expect(note.get_by_role("listitem").first).to_have_text(
        "Bu çağrıyı daha önce alan temsilci, Psikososyal destek: Yönlendirildi, Adresini de sordu")


async def test_a_note_that_nobody_saved_is_saved_when_its_contact_ends(desk: Page, node: PlayedNode) -> None:
    saved = await write_note(desk, node)
    node.play("ready")
    await until_async(lambda: saved in node.asked)
    await desk.wait_for_function("() => sessionStorage.length === 0")


async def test_a_note_that_could_not_be_saved_is_saved_later(desk: Page, node: PlayedNode) -> None:
    saved = await write_note(desk, node)
    node.answers["note"] = (503, {"error": "unavailable"})
    node.play("ready")
    await until_async(lambda: saved in node.asked)
    del node.answers["note"]
    node.play(desk_state(AgentState.TALKING, TALK._replace(contact=ContactId("c18"))))
    await until_async(lambda: node.asked.count(saved) == 2)
    await expect(desk.get_by_label("Not", exact=True)).to_have_value("")
    await desk.wait_for_function("() => sessionStorage.length === 0")
