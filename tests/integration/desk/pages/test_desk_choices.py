"""Choices of an agent at the page in Chromium, against a node that plays states: keys, one switch, sound, detail."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from routing.core.model.centre_model import AgentState
from routing.core.model.ids import OfferId
from tests.fakes.desk_page import COMFORT, PlayedNode
from tests.fakes.desk_states import RINGING, STATES, desk_state
from tests.integration.desk.pages.desk_steps import calls, heard
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_the_announced_detail_follows_the_choice(desk: Page, node: PlayedNode) -> None:
    await desk.get_by_label("Duyuruların ayrıntısı").select_option("low")
    node.play("offer-known", "talk")
    await heard(desk, ("alert", "Psikososyal 12 sn."))
    await desk.get_by_label("Duyuruların ayrıntısı").select_option("high")
    node.play("wrapup")
    said = [("alert", "Psikososyal 12 sn."), ("status", "Görüşme bitti. Görüşme sonrası 30 sn.")]
    await heard(desk, *said)
    node.play(desk_state(AgentState.RINGING, RINGING._replace(offer=OfferId(19), slow=True)))
    await heard(desk, *said, (
        "alert", "Psikososyal 12 sn. Çağrı geliyor. Yavaş konuşulmasını istiyor. Yanıtlamak için F2."))


async def test_a_key_is_changed_by_pressing_it_and_conflicts_are_shown(desk: Page, node: PlayedNode) -> None:
    await desk.get_by_text("Kısayol tuşları", exact=True).click()
    change = desk.get_by_role("button", name="Yanıtla: Değiştir")
    for key, shown, conflict in (("F10", "F10", "F10 şununla da çakışıyor: tarayıcı."),
                                 ("F4", "F4", "F4 şununla da çakışıyor: bu masadaki “Beklet ve geri al”."),
                                 ("Tab", "F4", "bu masadaki"), ("Escape", "F4", "bu masadaki"),
                                 ("F8", "F8", "bu masadaki")):
        await change.click()
        await desk.keyboard.press(key)
        await expect(desk.locator("#key-answer")).to_have_text(shown)
        await expect(desk.locator("#conflict-answer")).to_contain_text(conflict)
    await expect(desk.locator("[data-do=answer]")).to_have_attribute("aria-keyshortcuts", "F8")
    await desk.get_by_role("button", name="Yanıtla: Kapat").click()
    node.play("offer")
    await expect(desk.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
    await desk.keyboard.press("F2")
    assert await calls(desk) == []
    await desk.reload()
    await expect(desk.locator("#key-answer")).to_have_text("Kapalı")


async def test_a_letter_as_shortcut_does_not_disturb_a_note(desk: Page, node: PlayedNode) -> None:
    await desk.evaluate("() => localStorage.setItem('santral-keys a1', JSON.stringify({ hangup: 'H' }))")
    node.state = STATES["talk"]
    await desk.reload()
    await until_async(lambda: len(node.streams) == 1)
    note = desk.get_by_label("Not", exact=True)
    await note.press_sequentially("hh")
    await expect(note).to_have_value("hh")
    assert "hangup" not in [name for name, _ in node.asked]
    await desk.get_by_role("button", name="Görüşmeyi bitir").focus()
    await desk.keyboard.press("h")
    await until_async(lambda: "hangup" in [name for name, _ in node.asked])


async def test_comfort_is_that_of_the_agent_and_is_kept_by_the_node(desk: Page, node: PlayedNode) -> None:
    await desk.get_by_text("Ses ayarları", exact=True).click()
    ear = desk.get_by_label("Arayanın sesi hangi kulakta")
    await expect(ear).to_have_value("left")
    await ear.select_option("İki kulakta")
    await desk.get_by_label("Ani yüksek seslerin kısılması").uncheck()
    await until_async(lambda: ("comfort", {"ear": "both", "limiter": False}) in node.asked)
    await desk.get_by_label("Zilin yüksekliği").fill("0")
    found = await desk.evaluate("() => window.calls.filter((one) => /^(sound|ringer)/.test(one))")
    assert found[-1] == "ringer false 0" and "sound both 6 false" in found


async def test_a_choice_before_the_earlier_ones_are_known_takes_none_back(page: Page, node: PlayedNode) -> None:
    """A request replaces all earlier choices of the agent."""
    ear, detail = page.get_by_label("Arayanın sesi hangi kulakta"), page.get_by_label("Duyuruların ayrıntısı")
    # 1. The answer of the node is late, and older than the choice.
    node.late["comfort"] = asyncio.Event()
    await page.goto(node.base)
    await until_async(lambda: ("comfort", None) in node.asked)
    await detail.select_option("high")
    node.late.pop("comfort").set()
    await until_async(lambda: ("comfort", {"ear": "left", "verbosity": "high"}) in node.asked)
    await expect(ear).to_have_value("left")
    await expect(detail).to_have_value("high")
    # 2. The node has told nothing, so it is asked again.
    node.asked.clear()
    node.answers["comfort"] = (503, {"error": "unavailable"})
    await page.goto(node.base)
    await until_async(lambda: ("comfort", None) in node.asked)
    await detail.select_option("low")
    await expect(page.locator("#status")).to_contain_text("kaydedilemedi")
    assert [body for name, body in node.asked if name == "comfort" and body] == []
    node.answers["comfort"] = (200, COMFORT)
    await detail.select_option("high")
    await until_async(lambda: ("comfort", {"ear": "left", "verbosity": "high"}) in node.asked)
    await expect(ear).to_have_value("left")
    await expect(detail).to_have_value("high")


async def test_a_choice_that_is_not_saved_is_said_and_saved_later(desk: Page, node: PlayedNode) -> None:
    node.answers["comfort"] = (503, {"error": "unavailable"})
    await desk.get_by_label("Duyuruların ayrıntısı").select_option("high")
    await heard(desk, ("status", "Seçiminiz bu sayfada geçerli, ama kaydedilemedi. Biraz sonra yeniden seçin."))
    wish = ("comfort", {"ear": "left", "verbosity": "high"})
    await until_async(lambda: node.asked.count(wish) == 1)
    # The node is back: the choice is saved, and does not give way to the stored one.
    node.answers["comfort"] = (200, COMFORT | {"verbosity": "high"})
    node.refuses_streams = True
    node.cut_streams()
    await expect(desk.locator("#trouble-server")).to_be_visible()
    node.refuses_streams = False
    await until_async(lambda: node.asked.count(wish) == 2)
    await expect(desk.get_by_label("Duyuruların ayrıntısı")).to_have_value("high")
