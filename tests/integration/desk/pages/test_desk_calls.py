"""Calls at the page in Chromium, against a node that plays states: keys, buttons, focus, announcements."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from desk.api import models
from routing.core.model.centre_model import AgentState, OfferState
from routing.core.model.ids import ContactId, OfferId
from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import AT, RINGING, STATES, TALK, contact, desk_state
from tests.integration.desk.pages.conftest import open_page
from tests.integration.desk.pages.desk_steps import HEARD, acts, answer_by_key, calls, heard, move_clock, stop_clock
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


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
    shown = STATES["wrapup"].wrapup
    assert shown is not None and node.named["wrapup/end"] == shown.contact, "never the next one"
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


async def test_a_key_meant_for_an_offer_that_has_gone_does_not_answer_the_next(desk: Page, node: PlayedNode) -> None:
    await stop_clock(desk)
    node.play("offer", "ready", desk_state(AgentState.RINGING, RINGING._replace(offer=OfferId(18), slow=True)))
    await expect(desk.locator("#offer-facts")).to_contain_text("Yavaş konuşulmasını istiyor.")
    await desk.keyboard.press("F2")
    await move_clock(desk, 999)
    await desk.keyboard.press("F2")
    assert await calls(desk) == []
    await move_clock(desk, 1)
    await desk.keyboard.press("F2")
    assert await calls(desk) == ["answer"]


async def test_a_key_that_hangs_up_declines_nobody(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await stop_clock(desk)
    node.play("ready", desk_state(AgentState.RINGING, RINGING._replace(offer=OfferId(18))))
    await expect(desk.get_by_role("button", name="Yanıtla")).to_be_visible()
    await move_clock(desk, 2000)
    await desk.evaluate("() => { window.softphone.state.call = 'ringing'; }")
    await desk.keyboard.press("Shift+F2")
    assert await calls(desk) == ["answer"]


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


async def test_a_consult_is_ended_near_the_place_where_it_began(desk: Page, node: PlayedNode) -> None:
    """The buttons of a consult take the place of those that begin it. On the way there is no button that hangs up."""
    await answer_by_key(desk, node)
    await desk.get_by_role("button", name="Danış", exact=True).focus()
    await desk.keyboard.press("Enter")
    node.play("talk-consulting")
    await expect(desk.locator("#part-consult")).to_be_focused()
    await desk.keyboard.press("Tab")
    await expect(desk.get_by_role("button", name="Arayana geri dön")).to_be_focused()
    await desk.keyboard.press("Enter")
    node.play("talk")
    await expect(desk.locator("#part-consult")).to_be_focused()
    node.play("talk-consulting")
    await desk.get_by_role("button", name="Arayanı ona ver").focus()
    await desk.keyboard.press("Enter")
    node.play("wrapup")
    await expect(desk.locator("#part-wrapup")).to_be_focused()


async def test_buttons_of_the_talk_ask_the_node(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)

    async def press(name: str, *asks: tuple[str, Any]) -> None:
        await desk.get_by_role("button", name=name, exact=True).click()
        expected.extend(asks)
        # Two requests at once may come in any order.
        await until_async(lambda: acts(node) == expected, what=f"'{name}' asks the node")

    expected: list[tuple[str, Any]] = []
    await press("Mikrofonu kapat")
    await expect(desk.get_by_role("button", name="Mikrofonu kapat")).to_have_attribute("aria-pressed", "true")
    await press("Kaydı duraklat", ("recording/pause", None))
    await desk.get_by_text("Tuşlar", exact=True).click()
    for key in ("Yıldız tuşu *", "4 tuşu", "7 tuşu"):
        await press(key)
    await desk.get_by_label("Çalışma arkadaşı").select_option("Ayşe Şahin (uygun)")
    await press("Danış", ("consult", {"agent": "a2"}))
    await desk.get_by_label("Hizmet", exact=True).select_option("Uzaktan eğitim")
    await press("Doğrudan aktar", ("transfer", {"agent": "a2", "service": "uzaktan_egitim"}))
    await press("Hat kesilirse geri ara", ("follow-up", {"agreed": True}))
    await press("Sonraki aramalarda yavaş konuş", ("preferences", {"slow": True}))
    await press("Kötü davranan arayan", ("flag-abusive", {"abusive": True}))
    await press("3, ağır", ("report-load", {"load": 3}))
    node.play(desk_state(AgentState.TALKING, TALK._replace(wrapup_follows=False), recording="on"))
    await press("Görüşmeden sonra süre iste", ("wrapup/request", None))
    await press("Bu görüşmeden sonra bitir", ("logout", None))
    assert await calls(desk) == ["answer", "mute true", "keys *4", "keys 7"]


async def test_a_refusal_is_said_in_the_language_of_the_page(context: BrowserContext, node: PlayedNode) -> None:
    page = await open_page(context)
    node.state = STATES["talk"]
    await page.goto(node.base + "/?language=en")
    await until_async(lambda: len(node.streams) == 1)
    await page.evaluate(HEARD)
    node.answers["transfer"] = (409, {"error": "not_open", "message": "Bu hizmet kapalı."})
    await page.get_by_label("Service", exact=True).select_option("uzaktan_egitim")
    await page.get_by_role("button", name="Transfer", exact=True).click()
    await heard(page, ("status", "This service is closed or full now."))


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


async def test_a_profile_may_answer_without_a_press(context: BrowserContext, node: PlayedNode) -> None:
    page = await open_page(context)
    node.needs = models.OwnNeeds(everybody={"answer_mode": "auto"}, entries=[])
    await page.goto(node.base)
    await page.wait_for_function("() => window.calls?.includes('start')")
    await page.evaluate("() => window.softphone.tell('offer', { name: '' })")
    assert await calls(page) == ["answer"]


async def test_only_colleagues_who_are_there_can_be_asked(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    shown = """() => [...document.getElementById("to-colleague").options]
      .filter((one) => !one.hidden).map((one) => one.text)"""

    async def those_present() -> bool:
        return bool(await desk.evaluate(shown) == ["Uygun olan ilk kişi", "Ayşe Şahin (uygun)"])

    await until_async(those_present)


async def test_the_end_of_a_consult_is_said(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    node.play("talk-consulting")
    await expect(desk.get_by_text("Ayşe Şahin ile görüşüyorsunuz.").first).to_be_visible()
    await heard(desk, ("alert", "Psikososyal 12 sn. Çağrı geliyor."), ("status", "Görüşme başladı."),
                ("status", "Ayşe Şahin ile görüşüyorsunuz. Arayan müzik dinliyor."))
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.play(desk_state(AgentState.TALKING, TALK))
    await heard(desk, ("status", "Arayanla görüşüyorsunuz."))
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.play("talk-consulted", desk_state(AgentState.TALKING, TALK))
    await heard(desk, ("status", "Arayanla görüşüyorsunuz."))


async def test_a_transfer_begins_without_the_choice_of_the_last_talk(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    colleague = desk.get_by_label("Çalışma arkadaşı")
    await colleague.select_option("Ayşe Şahin (uygun)")
    node.play("wrapup", "ready", desk_state(AgentState.TALKING, TALK._replace(offer=OfferId(18))))
    await expect(colleague).to_have_value("")


@pytest.mark.parametrize("button", ["Danış", "Doğrudan aktar"])
async def test_a_press_without_a_choice_sends_the_caller_nowhere(desk: Page, node: PlayedNode, button: str) -> None:
    """A slip put a caller in crisis back into the queue: without a choice the page named the present service."""
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    await desk.get_by_role("button", name=button, exact=True).click()
    await heard(desk, ("status", "Önce nereye olduğunu seçin: bir hizmet ya da bir çalışma arkadaşı."))
    await expect(desk.get_by_label("Hizmet", exact=True)).to_be_focused()
    await expect(desk.get_by_label("Hizmet", exact=True).locator("option:checked")).to_have_text("Seçilmedi")
    assert acts(node) == []


@pytest.mark.parametrize(("error", "said"), [
    ("nobody_there", "Orada şu anda kimse yok. Yine de istiyorsanız düğmeye yeniden basın."),
    ("enters_distress",
     "Arayan, zor durumdakilerin sırasında herkesin önüne geçer. Yine de aktarmak için düğmeye yeniden basın."),
    ("leaves_distress",
     "Arayan, zor durumdakilerin sırasından çıkar. Yine de aktarmak için düğmeye yeniden basın.")])
async def test_a_transfer_that_may_be_a_slip_is_asked_back(desk: Page, node: PlayedNode, error: str, said: str) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.heard.length = 0; }")
    node.answers["transfer"] = (409, {"error": error})
    await desk.get_by_label("Hizmet", exact=True).select_option("Uzaktan eğitim")
    await desk.get_by_role("button", name="Doğrudan aktar").click()
    await heard(desk, ("status", said))
    assert acts(node) == [("transfer", {"service": "uzaktan_egitim"})]


async def test_a_wrap_up_is_asked_for_only_where_none_comes_anyway(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    ask, follows = desk.locator("[data-do=wrapup-request]"), desk.get_by_text("Görüşmeden sonra zaten süreniz var.")
    await expect(follows).to_be_visible()
    await expect(ask).to_be_hidden()
    node.play("talk-leaving")
    await expect(follows).to_be_hidden()
    await expect(ask).to_be_hidden()
    node.play(desk_state(AgentState.TALKING, TALK._replace(wrapup_follows=False)))
    # Only what is seen takes the focus.
    await expect(ask).to_be_visible()
    await ask.focus()
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#status")).to_have_text("Görüşmeden sonra süreniz olacak.")
    node.play(desk_state(AgentState.TALKING, TALK._replace(wrapup_requested=True)))
    await expect(ask).to_have_attribute("aria-pressed", "true")
    await expect(ask).to_be_focused()


async def test_a_load_is_that_of_the_talk_that_is_over_and_not_of_the_next_caller(desk: Page, node: PlayedNode) -> None:
    node.play(desk_state(AgentState.RINGING, contact(OfferState.WRAPPING),
                         RINGING._replace(offer=OfferId(18), contact=ContactId("c18"))))
    await expect(desk.get_by_role("button", name="Yanıtla")).to_be_visible()
    await desk.get_by_role("button", name="3, ağır").click()
    await until_async(lambda: ("report-load", {"load": 3}) in node.asked)
    assert node.named["report-load"] == "c17"


async def test_a_call_that_rings_before_the_node_says_so_is_answered(desk: Page, node: PlayedNode) -> None:
    await desk.evaluate("""() => { window.softphone.state.call = "ringing"; window.softphone.tell("offer"); }""")
    await desk.keyboard.press("F2")
    assert await calls(desk) == ["answer"]
    # Nothing rings any more, so the key does nothing.
    await desk.keyboard.press("F2")
    assert await calls(desk) == ["answer"]


async def test_a_phone_without_its_connection_lets_the_node_hang_up(desk: Page, node: PlayedNode) -> None:
    await answer_by_key(desk, node)
    await desk.evaluate("() => { window.softphone.state.connected = false; }")
    await desk.keyboard.press("Shift+F2")
    await until_async(lambda: ("hangup", None) in node.asked, what="the node hangs up")
    assert node.named["hangup"] == "c17" and await calls(desk) == ["answer", "hangUp"]


@pytest.mark.parametrize(("state", "button", "path", "error", "said"), [
    ("signed-out", "Bu telefonla başla", "login", "seat_of_page",
     "Bu numara sayfaların telefonudur. Kendi masa telefonunuzun numarasını yazın."),
    ("ready", "Molaya çık", "pause", "unknown_reason", "Bu mola nedeni artık yok. Başka birini seçin."),
    ("talk", "Danış", "consult", "unknown_service", "Bu hizmet artık yok. Başka birini seçin."),
    ("talk", "Doğrudan aktar", "transfer", "unknown_agent", "Bu kişi artık takımda değil.")])
async def test_a_refusal_that_will_not_pass_is_not_said_as_one_for_now(
        page: Page, node: PlayedNode, state: str, button: str, path: str, error: str, said: str) -> None:
    node.state = STATES[state]
    node.answers[path] = (409, {"error": error})
    await page.goto(node.base)
    await until_async(lambda: len(node.streams) == 1)
    await page.evaluate(HEARD)
    await page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
    if state == "talk":
        await page.get_by_label("Hizmet", exact=True).select_option("uzaktan_egitim")
    await page.get_by_role("button", name=button, exact=True).click()
    await heard(page, ("status", said))
