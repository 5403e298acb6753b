"""Faults at the page in Chromium, against a node that plays states: what is said, and how the page returns."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import BrowserContext, Page, expect

from routing.core.model.centre_model import AgentState
from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import STATES, desk_state
from tests.integration.desk.pages.conftest import open_page
from tests.integration.desk.pages.desk_steps import answer_by_key, calls, heard
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_a_lost_node_is_said_and_the_page_returns_by_itself(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.refuses_streams = True
    node.cut_streams()
    line = desk.get_by_text("Santral'a ulaşılamıyor, görüşmeniz sürüyor.").first
    await expect(line).to_be_visible()
    node.refuses_streams = False
    node.state = STATES["wrapup"]
    await expect(line).to_be_hidden()
    await expect(desk.get_by_role("button", name="İşlem bitti, hazırım")).to_be_visible()
    await heard(desk, ("status", "Santral'a ulaşılamıyor, görüşmeniz sürüyor."),
                ("status", "Santral'a yeniden bağlanıldı."), ("status", "Görüşme bitti. Görüşme sonrası 30 sn."))


async def test_a_take_over_is_not_announced_and_the_telephone_connects_at_once(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    asked = node.asked.count(("comfort", None))
    node.cut_streams()
    await until_async(lambda: node.asked.count(("comfort", None)) > asked)
    assert await calls(desk) == ["answer", "tick"]
    await expect(desk.locator("#trouble-server-talk")).to_be_hidden()
    assert await desk.evaluate("() => window.heard") == []


async def test_a_press_while_no_node_leads_is_done_by_the_next_one(desk: Page, node: PlayedNode) -> None:
    node.play("wrapup")
    await expect(desk).to_have_title("Görüşme sonrası – Santral")
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.answers["wrapup/end"] = (421, {"error": "not_leading"})
    await desk.keyboard.press("F8")
    await heard(desk, ("status", "Santral'a şu anda ulaşılamıyor. İsteğiniz bağlantı kurulunca yapılacak."))
    del node.answers["wrapup/end"]
    tried = [name for name, _ in node.asked].count("wrapup/end")
    await until_async(lambda: [name for name, _ in node.asked].count("wrapup/end") == tried + 1)
    node.play("ready")
    await heard(desk, ("status", "Santral'a şu anda ulaşılamıyor. İsteğiniz bağlantı kurulunca yapılacak."),
                ("status", "Hazırsınız."))


async def test_a_hang_up_that_a_frozen_node_kept_to_itself_is_said_to_the_next_one(
        desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.keyboard.press("Shift+F2")
    await until_async(lambda: node.streams)
    assert "hangup" not in [name for name, _ in node.asked], "the telephone told it by itself"
    # The next node still has the talk.
    node.cut_streams()
    await until_async(lambda: ("hangup", None) in node.asked)
    assert node.named["hangup"] == "c17"
    # A later state of the same talk is no reason to end it again.
    node.play(node.state)
    node.play("wrapup")
    await expect(desk).to_have_title("Görüşme sonrası – Santral")
    assert node.asked.count(("hangup", None)) == 1


async def test_the_older_of_two_tabs_says_so_and_goes_quiet(
        desk: Page, context: BrowserContext, node: PlayedNode) -> None:
    newer = await open_page(context)
    await newer.goto(node.base)
    await expect(desk.get_by_text("Masa başka bir sekmede açık.").first).to_be_visible()
    await until_async(lambda: len(node.streams) == 1)
    node.play("offer")
    await expect(newer.get_by_role("button", name="Yanıtla")).to_be_visible()
    await newer.wait_for_function("() => window.calls?.includes('start')")
    await desk.keyboard.press("F2")
    assert await desk.locator("#controls").get_attribute("inert") == ""
    assert await calls(desk) == ["leave"]
    await newer.keyboard.press("F2")
    assert await calls(newer) == ["answer"]


async def test_after_the_end_of_its_session_a_page_is_quiet_and_leads_to_the_sign_in(
        desk: Page, node: PlayedNode) -> None:
    node.answers[""] = (401, {"error": "session_over"})
    node.refuses_streams = True
    node.cut_streams()
    await expect(desk.locator("#trouble-session a")).to_be_focused()
    await expect(desk.locator("#trouble-server")).to_be_hidden()
    await expect(desk.locator("#state .state")).to_be_hidden()
    asked = len(node.asked)
    await desk.wait_for_timeout(2500)
    assert len(node.asked) == asked and await calls(desk) == ["leave"]


async def test_a_talk_without_sound_is_said_each_time_and_its_line_goes(desk: Page, node: PlayedNode) -> None:
    line = desk.locator("#trouble-lost")
    for _ in range(2):
        await desk.evaluate("() => window.softphone.tell('failed', { reason: 'no_media' })")
        await expect(line).to_be_visible()
        await desk.evaluate("() => window.softphone.tell('talking')")
        await expect(line).to_be_hidden()
    said = ("status", "Görüşmenin sesi kurulamadı. Arayan sırada öne alındı.")
    await heard(desk, said, said)


async def test_a_network_that_goes_in_a_talk_is_said_and_its_return(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; window.softphone.tell('sound', { there: false }); }")
    line = desk.locator("#trouble-network")
    await expect(line).to_be_visible()
    await heard(desk, ("status", "Ağ bağlantınız kesildi, arayan sizi duymuyor. Hemen geri gelirse görüşme sürer."))
    await desk.evaluate("() => { window.heard.length = 0; window.softphone.tell('sound', { there: true }); }")
    await expect(line).to_be_hidden()
    await heard(desk, ("status", "Arayanla görüşüyorsunuz."))


async def test_a_talk_that_the_node_has_ended_meanwhile_is_dropped(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.softphone.state.sound = false; }")
    node.play(desk_state(AgentState.UNREACHABLE))
    await until_async(lambda: ("phone/returned", None) in node.asked)
    assert await calls(desk) == ["answer", "dropTalk"]


async def test_a_loss_that_ends_with_the_registration_is_not_reported(desk: Page, node: PlayedNode) -> None:
    """The node offers the next call as soon as the phone is registered, and a report would take that offer away."""
    node.asked.clear()
    for state in (AgentState.UNREACHABLE, AgentState.PAUSED):
        node.play(desk_state(state))
    await expect(desk).to_have_title("Molada – Santral")
    await asyncio.sleep(1.0)
    assert ("phone/returned", None) not in node.asked
