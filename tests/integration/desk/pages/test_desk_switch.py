"""Use of the page with one switch in Chromium: one element, what is due, and steps to everything else."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from routing.core.model.centre_model import AgentState
from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import TALK, desk_state
from tests.integration.desk.pages.desk_steps import acts, calls, heard, move_clock, stop_clock
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

STOPS = """() => [...document.querySelectorAll('a, button, select, input, summary, [tabindex]')].filter((one) =>
  one.checkVisibility() && !one.closest('[inert]') && one.tabIndex >= 0 && !one.disabled).length"""
GUARD_MS = 1000
"""A press within a second of a change of what is due was meant for what was due before."""
PACE_MS = 1500
"""The choices change at this pace in tests. The page looks at its clock ten times a second."""


async def use_switch(desk: Page, pace: str = "Yalnızca ok tuşlarıyla ilerlesin") -> None:
    await stop_clock(desk)
    await desk.get_by_label("Tek düğmede seçeneklerin hızı").select_option(pace)
    await desk.get_by_label("Tek düğmeyle kullan").check()


async def press(desk: Page) -> None:
    await move_clock(desk, GUARD_MS)
    await desk.keyboard.press("Enter")


async def step_to(desk: Page, name: str) -> None:
    """Step on by the arrow key until the button shows this."""
    due = desk.locator("#due")
    for _ in range(20):
        if await due.text_content() == name:
            return
        await desk.keyboard.press("ArrowRight")
    raise AssertionError(f"the steps do not reach '{name}'")


async def test_with_one_switch_one_element_takes_the_focus(desk: Page, node: PlayedNode) -> None:
    await use_switch(desk)
    due = desk.locator("#due")
    for state, name in (("ready", "Neredeyim?"), ("offer", "Yanıtla"), ("talk", "Görüşmeyi bitir"),
                        ("wrapup", "İşlem bitti, hazırım"), ("paused", "Hazırım")):
        node.play(state)
        await expect(due).to_have_text(name)
        await expect(due).to_be_focused()
        assert await desk.evaluate(STOPS) == 1
    # A press within the second after a change was meant for what was due before.
    await move_clock(desk, GUARD_MS - 1)
    await desk.keyboard.press("Enter")
    # A change by Enter is in the page before the next key.
    await expect(due).to_have_text("Hazırım")
    assert "resume" not in [name for name, _ in node.asked]
    await move_clock(desk, 1)
    await desk.keyboard.press("Enter")
    await until_async(lambda: "resume" in [name for name, _ in node.asked])
    await desk.keyboard.press("Escape")
    await expect(desk.get_by_label("Tek düğmeyle kullan")).to_be_focused()
    assert await desk.evaluate(STOPS) > 10


CHOICES = {
    "ready": ["Neredeyim?", "Molaya çık", "Şimdi ağır çağrı olmasın", "Çalışmayı bitir"],
    "offer": ["Yanıtla"],
    "offer-reading": ["Hazırım, bağla"],
    "offer-answered": ["Neredeyim?"],
    "talk": ["Görüşmeyi bitir", "Beklet", "Mikrofonu kapat", "Kaydı duraklat", "Danış", "Doğrudan aktar",
             "Hat kesilirse geri ara", "Görüşme ne kadar ağırdı?", "Görüşmeden sonra mola", "Bu görüşmeden sonra bitir",
             "Neredeyim?"],
    "talk-held": ["Arayanı geri al", "Görüşmeyi bitir", "Mikrofonu kapat", "Danış", "Doğrudan aktar",
                  "Hat kesilirse geri ara", "Görüşme ne kadar ağırdı?", "Bu görüşmeden sonra bitir", "Neredeyim?"],
    "talk-consulting": ["Arayana geri dön", "Arayanı ona ver", "Görüşmeyi bitir", "Mikrofonu kapat",
                        "Hat kesilirse geri ara", "Görüşme ne kadar ağırdı?", "Görüşmeden sonra mola",
                        "Bu görüşmeden sonra bitir", "Neredeyim?"],
    "wrapup": ["İşlem bitti, hazırım", "Süreyi uzat", "Görüşme ne kadar ağırdı?", "Molaya çık",
               "Şimdi ağır çağrı olmasın", "Çalışmayı bitir", "Neredeyim?"],
    "paused": ["Hazırım", "Şimdi ağır çağrı olmasın", "Çalışmayı bitir", "Neredeyim?"],
    "signed-out": ["Çalışmaya başla"],
}


async def test_one_switch_reaches_everything_due_in_each_state(desk: Page, node: PlayedNode) -> None:
    await use_switch(desk)
    due = desk.locator("#due")
    for state, names in CHOICES.items():
        node.play(state)
        found = []
        await expect(due).to_have_text(names[0])
        for _ in names:
            found.append(await due.text_content())
            await desk.keyboard.press("ArrowDown")
        assert found == names, state
        await expect(due).to_be_focused()
        assert await desk.evaluate(STOPS) == 1


async def test_one_switch_holds_consults_and_takes_a_break(desk: Page, node: PlayedNode) -> None:
    await use_switch(desk)
    node.play(desk_state(AgentState.TALKING, TALK))
    await expect(desk.locator("#due")).to_have_text("Görüşmeyi bitir")
    await desk.evaluate("() => { window.softphone.state.call = 'talking'; }")
    for name in ("Beklet", "Danış", "Temsilci", "Görüşme ne kadar ağırdı?", "3, ağır", "Görüşmeden sonra mola",
                 "Geri"):
        await step_to(desk, name)
        await press(desk)
    assert await calls(desk) == ["hold"]
    await step_to(desk, "Görüşmeden sonra mola")
    await press(desk)
    await step_to(desk, "Yemek")
    await press(desk)
    expected = [("consult", {"service": "temsilci"}), ("report-load", {"load": 3}), ("pause", {"reason": "yemek"})]
    await until_async(lambda: acts(node) == expected)


async def test_choices_come_in_turn_and_rest_after_two_rounds(desk: Page, node: PlayedNode) -> None:
    await use_switch(desk, "1,5 saniyede bir")
    due = desk.locator("#due")
    node.play("paused")
    choices = ["Hazırım", "Şimdi ağır çağrı olmasın", "Çalışmayı bitir", "Neredeyim?", "Daha yavaş: 2 sn"]
    for name in [*choices, *choices]:
        await expect(due).to_have_text(name)
        await move_clock(desk, PACE_MS)
    await expect(due).to_have_text("Seçenekleri göster")
    # It stays at rest: nothing moves for a whole shift. A press begins the choices again.
    await move_clock(desk, PACE_MS)
    await desk.wait_for_timeout(500)
    await expect(due).to_have_text("Seçenekleri göster")
    await desk.keyboard.press("Enter")
    # The switch itself changes the pace.
    for name in choices[:-1]:
        await expect(due).to_have_text(name)
        await move_clock(desk, PACE_MS)
    await expect(due).to_have_text(choices[-1])
    await move_clock(desk, 400)
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#switch-pace")).to_have_value("2000")
    assert acts(node) == []


async def test_a_call_stops_the_steps_at_the_answer(desk: Page, node: PlayedNode) -> None:
    await use_switch(desk, "1,5 saniyede bir")
    node.play("offer")
    due = desk.locator("#due")
    await expect(due).to_have_text("Yanıtla")
    await move_clock(desk, PACE_MS)
    await desk.wait_for_timeout(500)
    await expect(due).to_have_text("Yanıtla")
    await desk.keyboard.press("Enter")
    assert await calls(desk) == ["answer"]


async def test_steps_are_spoken(desk: Page, node: PlayedNode) -> None:
    await use_switch(desk)
    await expect(desk.locator("#due")).to_be_focused()
    await desk.keyboard.press("ArrowRight")
    await heard(desk, ("status", "Molaya çık"))
