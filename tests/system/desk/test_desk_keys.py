"""Star codes from the page's own keypad, in a talk that is recorded: real Chromium, real Asterisk, a caller."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.system.desk.chromium import MICROPHONE
from tests.system.desk.test_desk_consult import begin_work
from tests.system.desk.test_desk_page import CALLER
from tests.system.desk.test_desk_reload import hears_again
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

SERVICE, KEY = "uzaktan_egitim", "2@1.2s"
"""A service that records, and its key. The caller hears the recording notice to its end."""


async def press_code(page: Page, code: str) -> None:
    """Press the two keys of a code on the page's keypad, without a mouse."""
    for key in code:
        await page.get_by_role("button", name="Yıldız tuşu *" if key == "*" else f"{key} tuşu", exact=True).focus()
        await page.keyboard.press("Enter")


async def test_star_codes_of_the_page_reach_the_centre(stage: Stage, browser: Browser) -> None:
    page, person = await begin_work(stage, browser, plain(SERVICE, 1)[0])
    caller = await stage.caller(KEY, tone=CALLER, number="05321112233")
    # The caller hears the notice first, and the page says so.
    await expect(page.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
    await page.keyboard.press("F2")
    await expect(page.get_by_text("Yanıtladınız, arayan birazdan bağlanıyor.").first).to_be_visible()
    await expect(page).to_have_title("Görüşmede – Santral", timeout=60_000)
    await stage.hears_tone(caller, MICROPHONE)
    recording, pause = page.locator("[data-text=talk_recording]"), page.locator("[data-do=recording]")
    await expect(recording).to_have_text("Sürüyor")
    await page.locator("summary").get_by_text("Tuşlar", exact=True).click()
    # 1. The recording pauses and goes on. The music of the key is no hold.
    await press_code(page, "*2")
    await expect(recording).to_have_text("Duraklatıldı")
    await expect(pause).to_have_attribute("aria-pressed", "true")
    await hears_again(stage, caller)
    await expect(page).to_have_title("Görüşmede – Santral")
    await press_code(page, "*2")
    await expect(recording).to_have_text("Sürüyor")
    await hears_again(stage, caller)
    # 2. The caller agrees to a callback, and withdraws it.
    follow_up = page.locator("[data-do=follow-up]")
    await press_code(page, "*5")
    await expect(follow_up).to_have_attribute("aria-pressed", "true")
    await hears_again(stage, caller)
    await press_code(page, "*6")
    await expect(follow_up).to_have_attribute("aria-pressed", "false")
    await stage.reaches(person, "talking")
    await caller.hang_up()
    await expect(page).to_have_title("Görüşme sonrası – Santral")
