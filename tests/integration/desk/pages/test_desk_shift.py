"""A shift at the page in Chromium, against a node that plays states: its beginning, breaks, own data and its end."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from routing.core.model.centre_model import AgentState
from tests.fakes.desk_page import CALLBACKS, PlayedNode
from tests.fakes.desk_states import STATES, TALK, desk_state
from tests.integration.desk.pages.conftest import open_page
from tests.integration.desk.pages.desk_steps import acts, answer_by_key, calls, heard
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def test_work_begins_with_a_sound_check(context: BrowserContext, node: PlayedNode) -> None:
    page = await open_page(context)
    node.state = STATES["signed-out"]
    await page.goto(node.base)
    await until_async(lambda: len(node.streams) == 1)
    await page.evaluate("() => { window.checkResult = { ok: false, step: 'sound' }; }")
    begin = page.get_by_role("button", name="Çalışmaya başla")
    await begin.click()
    await expect(page.locator("#check-note")).to_have_text(
        "Gönderilen ses geri gelmedi. Kulaklığınızı çıkarıp takın ve yeniden deneyin.")
    await expect(begin).to_be_focused()
    assert "login" not in [name for name, _ in node.asked]
    await page.evaluate("() => { window.checkResult = { ok: true, step: '' }; }")
    await page.get_by_label("Evden çalışıyorum").check()
    await begin.click()
    await until_async(lambda: ("login", {}) in node.asked)
    assert [body for name, body in node.asked if name == "phone"] == [{"far": False}, {"far": True}]
    assert "restart" in await calls(page)


async def test_without_a_microphone_nobody_begins(context: BrowserContext, node: PlayedNode) -> None:
    page = await open_page(context)
    node.state = STATES["signed-out"]
    await page.add_init_script("window.microphoneWorks = false")
    await page.goto(node.base)
    await page.get_by_role("button", name="Çalışmaya başla").click()
    await expect(page.locator("#trouble-microphone")).to_be_visible()
    await expect(page.locator("#check-note")).to_contain_text("Mikrofon açılamadı.")
    assert "login" not in [name for name, _ in node.asked]


async def test_a_ready_without_a_microphone_is_none(desk: Page, node: PlayedNode) -> None:
    node.play("paused")
    await desk.evaluate("() => { window.microphoneWorks = false; window.softphone.state.microphone = false; }")
    await desk.get_by_role("button", name="Hazırım").click()
    await expect(desk.locator("#trouble-microphone")).to_be_visible()
    assert "resume" not in [name for name, _ in node.asked]
    await desk.evaluate("() => { window.microphoneWorks = true; }")
    await desk.get_by_role("button", name="Hazırım").click()
    await until_async(lambda: ("resume", None) in node.asked)


async def test_a_headset_that_is_unplugged_in_a_break_leaves_its_reason(desk: Page, node: PlayedNode) -> None:
    gone = "() => window.softphone.tell('microphone', { state: 'gone', name: '' })"
    node.play("paused")
    await expect(desk.get_by_role("button", name="Hazırım")).to_be_visible()
    await desk.evaluate(gone)
    await expect(desk.locator("#trouble-microphone")).to_be_visible()
    assert "pause" not in [name for name, _ in node.asked]
    node.play("ready")
    await expect(desk.get_by_role("button", name="Hazırım")).to_be_hidden()
    await desk.evaluate(gone)
    # This centre has no reason for it, so it is the usual break.
    await until_async(lambda: ("pause", {"reason": None}) in node.asked)


async def test_the_own_day_is_told_in_words(desk: Page, node: PlayedNode) -> None:
    day = desk.get_by_role("region", name="Gününüz")
    for text in ("Görüşmeler7", "Görüşme süresi1 sa 6 dk", "Görüşme sonrası5 dk", "Mola süresi15 dk",
                 "Tutulan molalar1"):
        await expect(day).to_contain_text(text)


async def test_the_own_last_talks_are_listed_with_code_and_note(desk: Page, node: PlayedNode) -> None:
    assert "contacts" not in [name for name, _ in node.asked], "nothing is read before somebody wants to see it"
    part = desk.locator("#own-contacts")
    await desk.get_by_text("Son görüşmeleriniz", exact=True).click()
    await expect(part.get_by_role("listitem")).to_have_text([
        "02.03.2026 13.05, Psikososyal destek, 5 dk: Yönlendirildi, Yeniden arayacak.",
        "01.03.2026 13.05, Temsilci, sürüyor: not yok"])
    await expect(part.locator("p")).to_be_hidden()
    # A list that is open follows the work.
    node.answers["contacts"] = (200, {"contacts": []})
    node.play("wrapup", "ready")
    await expect(part.locator("p")).to_have_text("Henüz bir görüşmeniz yok.")
    await expect(part.get_by_role("listitem")).to_have_count(0)


async def test_callbacks_that_may_come_are_listed_with_their_time(desk: Page, node: PlayedNode) -> None:
    part = desk.locator("#own-callbacks")
    await desk.get_by_text("Size gelebilecek geri aramalar", exact=True).click()
    await expect(part.get_by_role("listitem")).to_have_text([
        "Temsilci: 12.05 saatinden beri bekliyor, en erken 14.15 saatinde aranır. 2 kez denendi.",
        "Uzaktan eğitim: 01.03.2026 13.05 saatinden beri bekliyor, en erken 14.05 saatinde aranır.",
        "Psikososyal destek: şu anda sizde."])
    many = [CALLBACKS["callbacks"][0]] * 23
    for answer, text in (((200, {"callbacks": many}), "Ve 3 tane daha."),
                         ((200, {"callbacks": []}), "Size gelebilecek bir geri arama yok."),
                         ((503, {}), "Liste alınamadı. Biraz sonra yeniden açın.")):
        node.answers["callbacks"] = answer
        node.play("wrapup", "ready")
        await expect(part.locator("p")).to_have_text(text)


async def test_the_agent_sees_who_saw_what_is_stored(desk: Page, node: PlayedNode) -> None:
    await desk.get_by_text("Sizin için kayıtlı olanların tümü.").click()
    profile = desk.get_by_role("region", name="Profiliniz")
    for text in ("02.03.2026 13.05: supervisor ayse, “çağrılar arası dinlenme” kuralı 14.05 saatine kadar kaldırıldı",
                 "02.03.2026 12.05: uzun bekleyen bir arayan, “duygusal yük sınırı” kuralı",
                 "01.03.2026 12.30: admin omer, bir karar için bütün kayıtlar", "Size gelen kanallar"):
        await expect(profile).to_contain_text(text)


async def test_after_the_shift_seat_and_microphone_are_free(desk: Page, node: PlayedNode) -> None:
    node.play("signed-out")
    begin = desk.get_by_role("button", name="Çalışmaya başla")
    await expect(begin).to_be_visible()
    assert await calls(desk) == ["close"]
    await begin.click()
    await until_async(lambda: ("login", {}) in node.asked)
    assert await calls(desk) == ["close", "restart", "check"]


async def test_who_signs_out_in_a_talk_leaves_after_it(desk: Page, node: PlayedNode) -> None:
    left: list[str] = []

    async def sign_out(route: Any) -> None:
        left.append(route.request.method)
        await route.fulfill(body="<title>out</title>", content_type="text/html")

    await desk.route("**/sign-out", sign_out)
    await answer_by_key(desk, node)
    await desk.get_by_label("Not", exact=True).fill("Yarım kalan not")
    await desk.get_by_role("button", name="Oturumu kapat").click()
    await until_async(lambda: ("logout", None) in node.asked)
    node.play("talk-leaving")
    await expect(desk.locator("#status")).to_have_text("Çalışmanız bu görüşmeden sonra bitecek.")
    assert left == []
    await desk.evaluate("() => { window.softphone.state.call = null; }")
    node.play("signed-out")
    await expect(desk).to_have_title("out")
    assert left == ["POST"]
    assert ("note", {"contact": "c17", "code": None, "text": "Yarım kalan not"}) in node.asked


async def test_leaving_in_a_talk_asks_first(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    asked = []

    async def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    desk.on("dialog", stay)
    await desk.close(run_before_unload=True)
    await until_async(lambda: asked == ["beforeunload"])
    assert not desk.is_closed()


LATER = ("status", "Çalışmanız bu görüşmeden sonra bitecek.")


async def test_the_end_of_a_shift_waits_for_the_caller_who_rings(desk: Page, node: PlayedNode) -> None:
    """A sign-out would send this caller to somebody else. A reload of the page changes nothing."""
    node.play("offer")
    end = desk.locator("[data-do=end]")
    await expect(end).to_have_text("Bu görüşmeden sonra bitir")
    await end.click()
    await expect(end).to_have_text("Bitirmekten vazgeç")
    await heard(desk, ("alert", "Psikososyal 12 sn. Çağrı geliyor."), LATER)
    await desk.reload()
    await until_async(lambda: len(node.streams) == 1)
    await expect(end).to_have_text("Bitirmekten vazgeç")
    assert acts(node) == []
    await desk.keyboard.press("F2")
    node.play("talk")
    await until_async(lambda: acts(node) == [("logout", None)])
    node.play("talk-leaving")
    await expect(desk.get_by_text(LATER[1]).first).to_be_visible()
    await desk.wait_for_function("() => sessionStorage.length === 0")


async def test_the_end_of_a_shift_comes_when_the_ringing_is_over(desk: Page, node: PlayedNode) -> None:
    node.play("offer")
    end = desk.locator("[data-do=end]")
    await expect(end).to_have_text("Bu görüşmeden sonra bitir")
    await end.click()
    await expect(end).to_have_text("Bitirmekten vazgeç")
    assert acts(node) == []
    node.play("ready")
    await until_async(lambda: acts(node) == [("logout", None)])


async def test_a_planned_end_can_be_taken_back(desk: Page, node: PlayedNode) -> None:
    # 1. Of a call that rings: nobody but this page knows of it.
    node.play("offer")
    end = desk.locator("[data-do=end]")
    await expect(end).to_have_text("Bu görüşmeden sonra bitir")
    await end.click()
    said = [("alert", "Psikososyal 12 sn. Çağrı geliyor."), LATER]
    await heard(desk, *said)
    await end.click()
    await expect(end).to_have_text("Bu görüşmeden sonra bitir")
    stays = ("status", "Çalışmanız bu görüşmeden sonra sürecek.")
    await heard(desk, *said, stays)
    # 2. Of a talk: to sign in at the same seat takes the sign-out back.
    node.play("talk-leaving")
    await heard(desk, *said, stays, ("status", "Görüşme başladı."), LATER)
    await end.click()
    await until_async(lambda: acts(node) == [("login", {})])
    node.play(desk_state(AgentState.TALKING, TALK))
    await heard(desk, *said, stays, ("status", "Görüşme başladı."), LATER, stays)


async def test_signing_out_while_a_call_rings_leaves_after_its_talk(desk: Page, node: PlayedNode) -> None:
    node.play("offer")
    await expect(desk.get_by_role("button", name="Yanıtla")).to_be_visible()
    await desk.get_by_role("button", name="Oturumu kapat").click()
    await expect(desk.locator("[data-do=end]")).to_have_text("Bitirmekten vazgeç")
    node.play("talk")
    await until_async(lambda: acts(node) == [("logout", None)])
