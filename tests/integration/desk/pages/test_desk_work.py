"""Work at the page in Chromium, against a node that plays states: keys, announcements, focus, faults."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from desk.api import models
from routing.core.model.centre_model import AgentState
from routing.core.model.ids import ContactId, OfferId
from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import AT, RINGING, STATES, TALK, desk_state
from tests.integration.desk.pages.conftest import open_page
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

HEARD = """() => { window.heard = []; for (const id of ["status", "alert"]) new MutationObserver(() => {
  const text = document.getElementById(id).textContent; if (text) window.heard.push([id, text]); }).observe(
  document.getElementById(id), { childList: true, characterData: true, subtree: true }); }"""


@pytest_asyncio.fixture(loop_scope="module")
async def desk(page: Page, node: PlayedNode) -> Page:
    """The page of an agent who is ready, with its phone open."""
    await page.goto(node.base)
    await until_async(lambda: len(node.streams) == 1)
    await page.wait_for_function("() => window.calls?.some((one) => one.startsWith('ringer'))")
    await page.evaluate(HEARD)
    return page


async def heard(page: Page, *expected: tuple[str, str]) -> None:
    """Wait until exactly these texts have been announced, in order."""
    wanted = [list(one) for one in expected]

    async def said() -> bool:
        return len(await page.evaluate("() => window.heard")) >= len(wanted)

    try:
        await until_async(said, 5.0)
    except AssertionError:
        pass
    assert await page.evaluate("() => window.heard") == wanted


async def calls(page: Page) -> list[str]:
    found: list[str] = await page.evaluate("() => window.calls")
    return [one for one in found if one.split()[0] not in ("start", "sound", "ringer")]


READ_ONLY = {"day", "colleagues", "comfort", "caller"}


def acts(node: PlayedNode) -> list[tuple[str, Any]]:
    """Requests that change something, in order."""
    return [one for one in node.asked if one[0] not in READ_ONLY and one[0] != "phone"]


async def answer_by_key(desk: Page, node: PlayedNode) -> None:
    node.play("offer")
    await expect(desk.get_by_role("button", name="Yanıtla")).to_be_visible()
    await desk.keyboard.press("F2")
    node.play(desk_state(AgentState.TALKING, TALK, recording="on"))
    await expect(desk.get_by_role("heading", name="Görüşme", exact=True)).to_be_visible()
    await heard(desk, ("alert", "Psikososyal 12 sn. Çağrı geliyor."), ("status", "Görüşme başladı."))


async def test_a_whole_call_by_four_keys_is_announced_in_order(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.keyboard.press("F4")
    node.play(desk_state(AgentState.TALKING, TALK._replace(on_hold_since=AT + 5.0), recording="on", at=AT + 5.0))
    await expect(desk.get_by_text("süredir bekliyor")).to_be_visible()
    await heard(desk, ("alert", "Psikososyal 12 sn. Çağrı geliyor."), ("status", "Görüşme başladı."),
                ("status", "Arayan beklemede."))
    await desk.keyboard.press("F4")
    node.play(desk_state(AgentState.TALKING, TALK, recording="on", at=AT + 9.0))
    await expect(desk.get_by_text("süredir bekliyor")).to_be_hidden()
    await desk.keyboard.press("Shift+F2")
    node.play("wrapup")
    await expect(desk.get_by_role("button", name="İşlem bitti, hazırım")).to_be_visible()
    said = [("alert", "Psikososyal 12 sn. Çağrı geliyor."), ("status", "Görüşme başladı."),
            ("status", "Arayan beklemede."), ("status", "Arayanla görüşüyorsunuz."),
            ("status", "Görüşme bitti. Görüşme sonrası 30 sn.")]
    await heard(desk, *said)
    await desk.keyboard.press("F8")
    await until_async(lambda: ("wrapup/end", None) in node.asked)
    node.play("ready")
    await heard(desk, *said, ("status", "Hazırsınız."))
    assert await calls(desk) == ["answer", "hold", "resume", "hangUp"]
    assert await desk.title() == "Hazır – Santral"
    assert desk.errors == []  # type: ignore[attr-defined]


async def test_a_hold_of_a_moment_is_not_announced(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    node.play(desk_state(AgentState.TALKING, TALK._replace(on_hold_since=AT + 5.0), recording="on", at=AT + 5.0),
              desk_state(AgentState.TALKING, TALK, recording="paused", at=AT + 5.5))
    await heard(desk, ("alert", "Psikososyal 12 sn. Çağrı geliyor."), ("status", "Görüşme başladı."),
                ("status", "Kayıt duraklatıldı."))
    node.play("wrapup")
    await heard(desk, ("alert", "Psikososyal 12 sn. Çağrı geliyor."), ("status", "Görüşme başladı."),
                ("status", "Kayıt duraklatıldı."), ("status", "Görüşme bitti. Görüşme sonrası 30 sn."))


async def test_a_key_meant_for_an_offer_that_has_gone_does_not_answer_the_next(desk: Page, node: PlayedNode) -> None:
    node.play("offer", "ready", desk_state(AgentState.RINGING, RINGING._replace(offer=OfferId(18))))
    await expect(desk.get_by_role("button", name="Yanıtla")).to_be_visible()
    await desk.keyboard.press("F2")
    assert await calls(desk) == []
    await desk.wait_for_timeout(1100)
    await desk.keyboard.press("F2")
    assert await calls(desk) == ["answer"]


async def test_the_announced_detail_follows_the_choice(desk: Page, node: PlayedNode) -> None:
    await desk.get_by_label("Duyuruların ayrıntısı").select_option("low")
    node.play("offer-known", "talk")
    await heard(desk, ("alert", "Psikososyal 12 sn."))
    await desk.get_by_label("Duyuruların ayrıntısı").select_option("high")
    node.play("wrapup", desk_state(AgentState.RINGING, RINGING._replace(offer=OfferId(19), slow=True)))
    await heard(desk, ("alert", "Psikososyal 12 sn."), ("alert",
                "Psikososyal 12 sn. Çağrı geliyor. Yavaş konuşulmasını istiyor. Yanıtlamak için F2."),
                ("status", "Görüşme bitti. Görüşme sonrası 30 sn."))


async def test_notices_that_no_state_shows_are_announced(desk: Page, node: PlayedNode) -> None:
    old: dict[str, Any] = {"id": 1, "at": AT - 60.0, "kind": "missed"}
    node.notify(**old)
    node.notify(id=2, at=AT + 1.0, kind="missed")
    node.notify(id=3, at=AT + 1.0, kind="queue_warning", service="uzaktan_egitim", waiting=10)
    await heard(desk, ("status", "Bir çağrı yanıtsız kaldı."), ("status", "Uzaktan eğitim: 10 kişi bekliyor."))


async def test_where_am_i_is_one_sentence(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    await desk.keyboard.press("F9")
    await heard(desk, ("status", "Görüşmede, 0 sn. Psikososyal destek."))


async def test_focus_moves_with_the_call_and_never_to_the_top(desk: Page, node: PlayedNode) -> None:
    focused = "() => document.activeElement.id"
    node.play("offer")
    button = desk.get_by_role("button", name="Yanıtla")
    assert await desk.evaluate(focused) == ""
    await button.focus()
    await expect(button).to_have_accessible_description("Psikososyal destek, 12 sn bekledi.")
    await desk.keyboard.press("Enter")
    node.play("talk")
    await expect(desk.locator("#part-talk")).to_be_focused()
    await desk.get_by_role("button", name="Görüşmeyi bitir").focus()
    node.play("wrapup")
    await expect(desk.locator("#part-wrapup")).to_be_focused()
    await desk.get_by_role("button", name="Süreyi uzat").focus()
    node.play("ready")
    await expect(desk.locator("#part-state")).to_be_focused()
    assert await calls(desk) == ["answer"]


async def test_buttons_of_the_talk_ask_the_node(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    press = lambda name: desk.get_by_role("button", name=name, exact=True).click()  # noqa: E731
    await press("Mikrofonu kapat")
    await expect(desk.get_by_role("button", name="Mikrofonu kapat")).to_have_attribute("aria-pressed", "true")
    await press("Kaydı duraklat")
    await desk.get_by_text("Tuşlar", exact=True).click()
    for key in ("Yıldız tuşu *", "4 tuşu", "7 tuşu"):
        await press(key)
    await desk.get_by_label("Çalışma arkadaşı").select_option("Ayşe Şahin (uygun)")
    await press("Danış")
    await desk.get_by_label("Hizmet", exact=True).select_option("Uzaktan eğitim")
    await press("Doğrudan aktar")
    await press("Hat kesilirse geri ara")
    await press("Sonraki aramalarda yavaş konuş")
    await press("Kötü davranan arayan")
    await press("3, ağır")
    await press("Görüşmeden sonra süre iste")
    await press("Bu görüşmeden sonra bitir")
    expected = [("recording/pause", None), ("consult", {"agent": "a2"}),
                ("transfer", {"agent": "a2", "service": "uzaktan_egitim"}), ("follow-up", {"agreed": True}),
                ("preferences", {"slow": True}), ("flag-abusive", {"abusive": True}), ("report-load", {"load": 3}),
                ("wrapup/request", None), ("logout", None)]
    await until_async(lambda: acts(node) == expected, 5.0)
    assert await calls(desk) == ["answer", "mute true", "keys *4", "keys 7"]


async def test_a_refusal_is_said_in_the_language_of_the_page(context: BrowserContext, node: PlayedNode) -> None:
    page = await open_page(context)
    node.state = STATES["talk"]
    await page.goto(node.base + "/?language=en")
    await until_async(lambda: len(node.streams) == 1)
    await page.evaluate(HEARD)
    node.answers["transfer"] = (409, {"error": "not_open", "message": "Bu hizmet kapalı."})
    await page.get_by_role("button", name="Transfer", exact=True).click()
    await heard(page, ("status", "This service is closed or full now."))


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
    await expect(page.get_by_text("Mikrofon kullanılamıyor.")).to_be_visible()
    await expect(page.locator("#check-note")).to_contain_text("Mikrofon açılamadı.")
    assert "login" not in [name for name, _ in node.asked]


async def test_a_lost_node_is_said_and_the_page_returns_by_itself(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.refuses_streams = True
    node.cut_streams()
    line = desk.get_by_text("Santral'a ulaşılamıyor, görüşmeniz sürüyor.").first
    await expect(line).to_be_visible(timeout=12000)
    node.refuses_streams = False
    node.state = STATES["wrapup"]
    await expect(line).to_be_hidden(timeout=8000)
    await expect(desk.get_by_role("button", name="İşlem bitti, hazırım")).to_be_visible()
    await heard(desk, ("status", "Santral'a ulaşılamıyor, görüşmeniz sürüyor."),
                ("status", "Santral'a yeniden bağlanıldı."), ("status", "Görüşme bitti. Görüşme sonrası 30 sn."))


async def test_the_older_of_two_tabs_says_so_and_goes_quiet(
        desk: Page, context: BrowserContext, node: PlayedNode) -> None:
    newer = await open_page(context)
    await newer.goto(node.base)
    await expect(desk.get_by_text("Masa başka bir sekmede açık.").first).to_be_visible()
    await until_async(lambda: len(node.streams) == 1)
    node.play("offer")
    await expect(newer.get_by_role("button", name="Yanıtla")).to_be_visible()
    await desk.keyboard.press("F2")
    assert await desk.locator("#controls").get_attribute("inert") == ""
    assert await calls(desk) == ["leave"]
    await newer.keyboard.press("F2")
    assert await calls(newer) == ["answer"]


async def test_with_one_switch_one_element_takes_the_focus(desk: Page, node: PlayedNode) -> None:
    await desk.get_by_label("Tek düğmeyle kullan").check()
    due = desk.locator("#due")
    stops = "() => [...document.querySelectorAll('a, button, select, input, summary, [tabindex]')].filter((one) => " \
            "one.checkVisibility() && !one.closest('[inert]') && one.tabIndex >= 0 && !one.disabled).length"
    for state, name in (("ready", "Neredeyim?"), ("offer", "Yanıtla"), ("talk", "Görüşmeyi bitir"),
                        ("wrapup", "İşlem bitti, hazırım"), ("paused", "Hazırım")):
        node.play(state)
        await expect(due).to_have_text(name)
        await expect(due).to_be_focused()
        assert await desk.evaluate(stops) == 1
    # A press within the second after a change was meant for what was due before.
    await desk.keyboard.press("Enter")
    assert "resume" not in [name for name, _ in node.asked]
    await desk.wait_for_timeout(1100)
    await desk.keyboard.press("Enter")
    await until_async(lambda: "resume" in [name for name, _ in node.asked])
    await desk.keyboard.press("Escape")
    await expect(desk.get_by_label("Tek düğmeyle kullan")).to_be_focused()
    assert await desk.evaluate(stops) > 10


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


async def test_own_phones_answer_elsewhere_and_hang_up_by_the_node(context: BrowserContext, node: PlayedNode) -> None:
    page = await open_page(context)
    node.state = STATES["offer-own-phone"]
    await page.goto(node.base)
    await until_async(lambda: len(node.streams) == 1)
    await expect(page.get_by_text("Çağrıyı masa telefonunuzdan yanıtlayın.")).to_be_visible()
    await expect(page.get_by_role("button", name="Yanıtla")).to_have_count(0)
    node.play("talk-own-phone")
    await expect(page.get_by_role("button", name="Beklet")).to_have_count(0)
    await page.get_by_role("button", name="Görüşmeyi bitir").click()
    await until_async(lambda: "hangup" in [name for name, _ in node.asked])
    assert "phone" not in [name for name, _ in node.asked]


async def test_words_of_people_are_shown_as_text(desk: Page, node: PlayedNode) -> None:
    evil = "<img src=x onerror=alert(1)>"
    node.play(desk_state(AgentState.RINGING, RINGING._replace(service_name=evil, language=evil)))
    await expect(desk.locator("#offer-facts")).to_contain_text(evil)
    node.state = desk_state(AgentState.TALKING, TALK._replace(service_name="</script>" + evil))
    await desk.reload()
    await expect(desk.locator("[data-text=talk_service]")).to_have_text("</script>" + evil)
    assert await desk.locator("main img:not(#shape)").count() == 0


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


async def test_the_own_day_is_told_in_words(desk: Page, node: PlayedNode) -> None:
    day = desk.get_by_role("region", name="Gününüz")
    for text in ("Görüşmeler7", "Görüşme süresi1 sa 6 dk", "Görüşme sonrası5 dk", "Mola süresi15 dk",
                 "Tutulan molalar1"):
        await expect(day).to_contain_text(text)


async def test_only_colleagues_who_are_there_can_be_asked(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    shown = """() => [...document.getElementById("to-colleague").options]
      .filter((one) => !one.hidden).map((one) => one.text)"""

    async def those_present() -> bool:
        return bool(await desk.evaluate(shown) == ["Uygun olan ilk kişi", "Ayşe Şahin (uygun)"])

    await until_async(those_present, 5.0)


async def test_the_agent_sees_who_saw_what_is_stored(desk: Page, node: PlayedNode) -> None:
    await desk.get_by_text("Sizin için kayıtlı olanların tümü.").click()
    profile = desk.get_by_role("region", name="Profiliniz")
    for text in ("02.03.2026 13.05: supervisor ayse, “çağrılar arası dinlenme” kuralı 14.05 saatine kadar kaldırıldı",
                 "02.03.2026 12.05: uzun bekleyen bir arayan, “duygusal yük sınırı” kuralı",
                 "01.03.2026 12.30: admin omer, bir karar için bütün kayıtlar", "Size gelen kanallar"):
        await expect(profile).to_contain_text(text)


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
    await desk.goto(node.base)


async def test_a_profile_may_answer_without_a_press(context: BrowserContext, node: PlayedNode) -> None:
    page = await open_page(context)
    node.needs = models.OwnNeeds(everybody={"answer_mode": "auto"}, entries=[])
    await page.goto(node.base)
    await page.wait_for_function("() => window.calls?.includes('start')")
    await page.evaluate("() => window.softphone.tell('offer', { name: '' })")
    assert await calls(page) == ["answer"]


async def write_note(desk: Page, node: PlayedNode) -> tuple[str, dict[str, Any]]:
    """Write a note in wrap-up and do not save it. Return the request that would save it."""
    await answer_by_key(desk, node)
    node.play("wrapup")
    note = desk.get_by_role("region", name="Not ve sonuç")
    await expect(note).to_contain_text("2 kez daha görüştü")
    await note.get_by_label("Not", exact=True).fill("Yarım kalan not")
    return "note", {"contact": "c17", "code": None, "text": "Yarım kalan not"}


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


async def test_a_key_that_hangs_up_declines_nobody(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    node.play("ready", desk_state(AgentState.RINGING, RINGING._replace(offer=OfferId(18))))
    await expect(desk.get_by_role("button", name="Yanıtla")).to_be_visible()
    await desk.evaluate("() => { window.softphone.state.call = 'ringing'; }")
    await desk.keyboard.press("Shift+F2")
    assert await calls(desk) == ["answer"]


async def test_after_the_end_of_its_session_a_page_is_quiet_and_leads_to_the_sign_in(
        desk: Page, node: PlayedNode) -> None:
    node.answers[""] = (401, {"error": "session_over"})
    node.refuses_streams = True
    node.cut_streams()
    await expect(desk.locator("#trouble-session a")).to_be_focused(timeout=12000)
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


async def test_the_end_of_a_consult_is_said(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    node.play("talk-consulting")
    await expect(desk.get_by_text("Ayşe Şahin ile görüşüyorsunuz.").first).to_be_visible()
    await desk.wait_for_timeout(300)
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.play(desk_state(AgentState.TALKING, TALK))
    await heard(desk, ("status", "Arayanla görüşüyorsunuz."))
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.play("talk-consulted", desk_state(AgentState.TALKING, TALK))
    await heard(desk, ("status", "Arayanla görüşüyorsunuz."))


async def test_music_of_a_key_is_no_hold(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    held = TALK._replace(on_hold_since=AT + 5.0)
    node.play(desk_state(AgentState.TALKING, held, recording="on", at=AT + 5.0))
    await desk.wait_for_timeout(1000)
    node.play(desk_state(AgentState.TALKING, TALK, recording="paused", at=AT + 8.0))
    await heard(desk, ("status", "Kayıt duraklatıldı."))
    # A hold of which the node knows before the telephone.
    node.play(desk_state(AgentState.TALKING, held, recording="paused", at=AT + 9.0))
    await expect(desk.get_by_text("süredir bekliyor")).to_be_visible()
    await desk.evaluate("""() => { window.heard.length = 0; window.softphone.state.call = "held";
      window.softphone.tell("held"); }""")
    await heard(desk, ("status", "Arayan beklemede."))


async def test_after_the_shift_seat_and_microphone_are_free(desk: Page, node: PlayedNode) -> None:
    node.play("signed-out")
    begin = desk.get_by_role("button", name="Çalışmaya başla")
    await expect(begin).to_be_visible()
    assert await calls(desk) == ["close"]
    await begin.click()
    await until_async(lambda: ("login", {}) in node.asked)
    assert await calls(desk) == ["close", "restart", "check"]


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


async def test_a_ready_without_a_microphone_is_none(desk: Page, node: PlayedNode) -> None:
    node.play("paused")
    await desk.evaluate("() => { window.microphoneWorks = false; window.softphone.state.microphone = false; }")
    await desk.get_by_role("button", name="Hazırım").click()
    await expect(desk.get_by_text("Mikrofon kullanılamıyor.").first).to_be_visible()
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


async def test_a_transfer_begins_without_the_choice_of_the_last_talk(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    colleague = desk.get_by_label("Çalışma arkadaşı")
    await colleague.select_option("Ayşe Şahin (uygun)")
    node.play("wrapup", "ready", desk_state(AgentState.TALKING, TALK._replace(offer=OfferId(18))))
    await expect(colleague).to_have_value("")


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
    await expect(desk.locator("#status")).to_have_text("Çalışmanız bu görüşmeden sonra bitecek.")
    assert left == []
    await desk.evaluate("() => { window.softphone.state.call = null; }")
    node.play("signed-out")
    await expect(desk).to_have_title("out")
    assert left == ["POST"]
    assert ("note", {"contact": "c17", "code": None, "text": "Yarım kalan not"}) in node.asked
