"""A whole call at the desk, with code and note: real Chromium, real Asterisk, a caller of the lab."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from lab.people.agent import SimAgent
from tests.system.desk.chromium import MICROPHONE, add_session, open_session
from tests.system.stage import Stage, plain
from tests.until import LIMIT_S

pytestmark = pytest.mark.system

SKILL, KEY = "psikososyal", "1"
CALLER = 440
KEYS_MAX = 6
"""Keys of a whole call: answer, hold, back, hang up, wrap-up over, and one to spare."""


class CountedKeys:
    """Presses keys, and counts them."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed = page, list[str]()

    async def press(self, key: str) -> None:
        self.pressed.append(key)
        await self.page.keyboard.press(key)


async def open_desk(browser: Browser, stage: Stage, agent: str, script: str = "") -> Page:
    """Open the desk of an agent who has signed in. `script` runs before the page's own."""
    context = await browser.new_context(locale="tr-TR")
    await add_session(context, await open_session(stage.lab, agent))
    page = await context.new_page()
    page.set_default_timeout(LIMIT_S * 1000)
    if script:
        await page.add_init_script(script)
    await page.goto(f"http://{stage.lab.info.http}/")
    return page


async def tab_to(page: Page, name: str) -> None:
    """Move the focus to a button by the tab key alone."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("() => document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"the tab key does not reach '{name}'")


async def test_a_whole_call_by_keyboard(stage: Stage, browser: Browser) -> None:
    agent = plain(SKILL, 1)[0]
    page = await open_desk(browser, stage, agent)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # 1. Begin: the sound check runs by itself, then calls come.
    await expect(page).to_have_title("Çalışmıyorsunuz – Santral")
    await tab_to(page, "Çalışmaya başla")
    await page.keyboard.press("Enter")
    await expect(page).to_have_title("Hazır – Santral")
    person = SimAgent(stage.info, stage.network, agent)
    stage.lab.people.append(person)
    # 2. The offer, F2, and both hear each other.
    caller = await stage.hurried(KEY, tone=CALLER)
    await expect(page.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
    await expect(page.locator("#alert")).to_contain_text("Psikososyal")
    keys = CountedKeys(page)
    await keys.press("F2")
    await expect(page).to_have_title("Görüşmede – Santral")
    await stage.hears_tone(caller, MICROPHONE)
    # 3. Hold and back.
    await keys.press("F4")
    await expect(page).to_have_title("Arayan beklemede – Santral")
    await stage.hears_music(caller)
    await keys.press("F4")
    await expect(page).to_have_title("Görüşmede – Santral")
    # 4. Hang up, code and note, wrap-up over.
    await keys.press("Shift+F2")
    await expect(page).to_have_title("Görüşme sonrası – Santral")
    await page.get_by_label("Sonuç kodu").select_option("Destek verildi")
    await page.get_by_label("Not", exact=True).fill("Yarın yeniden arayacak.")
    await page.get_by_label("Not", exact=True).press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#status")).to_have_text("Not kaydedildi.")
    await keys.press("F8")
    await expect(page).to_have_title("Hazır – Santral")
    await caller.wait_ended()
    print("keys of a whole call:", *keys.pressed)
    assert len(keys.pressed) <= KEYS_MAX
    assert errors == []
