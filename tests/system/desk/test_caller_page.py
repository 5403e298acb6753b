"""A visitor's browser calls the centre through the telephone network of the lab and reaches an agent's phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from lab.phones.network import PhoneBehaviour
from tests.system.conftest import NewLab
from tests.system.desk.caller import CallerPage
from tests.system.desk.chromium import MICROPHONE
from tests.system.stage import Stage

pytestmark = pytest.mark.system

AGENT = 600


async def test_a_browser_dials_hears_the_menu_presses_a_key_and_talks(new_lab: NewLab, browser: Browser,
                                                                           tmp_path: Path) -> None:
    # 1. The page is there in a lab for visitors, and says what to do.
    lab = await new_lab(visited=True)
    assert lab.info.caller_page.startswith("http://127.0.0.1:")
    assert lab.info.desk == f"http://{lab.info.http}/"
    agent = await lab.sign_in_agent("a1001", PhoneBehaviour(tone=AGENT, record=lab.folder / "agent"))
    caller = await CallerPage.open_page(browser, lab.info.caller_page)
    await caller.says("Aramaya hazır.")
    assert (await Axe().run(caller.page)).violations_count == 0
    # 2. It dials by keyboard, and the greeting is heard.
    await caller.page.focus("#line")
    await caller.page.keyboard.press("Enter")
    await caller.says("Bağlandı")
    await caller.hears_sound()
    assert await caller.page.evaluate("document.activeElement.id") == "line"
    assert (await Axe().run(caller.page)).violations_count == 0
    # 3. A key of the keyboard chooses; a key with Ctrl is the browser's own.
    await caller.page.keyboard.press("Control+2")
    await caller.page.keyboard.press("1")
    assert await caller.page.inner_text("#pressed") == "1"
    phone = await lab.network.wait_ring(agent.seat)
    await phone.wait_answered()
    # 4. Both hear each other.
    await caller.hears_tone(AGENT)
    await Stage(lab, tmp_path).hears_tone(phone, MICROPHONE)
    assert (await lab.fetch_queue("psikososyal"))["talking"] == 1
    # 5. The visitor hangs up with the same button, and the agent's phone is free.
    await caller.page.click("#line")
    await phone.wait_ended()
    await caller.says("Görüşme bitti.")
    # 6. The same page is the same caller; a second page is a second caller.
    await lab.wait_until_quiet()
    other = await CallerPage.open_page(browser, lab.info.caller_page)
    for page in (caller, other):
        # Two presses within half a second are a double click, which does nothing.
        await page.page.wait_for_timeout(600)
        await page.page.click("#line")
        await page.says("Bağlandı")
        await page.page.click('[data-key="1"]')
        await page.hears_sound()
        await page.page.wait_for_timeout(2000)
        await page.page.close()
    await lab.wait_until_quiet()
    callers = [row["caller_hash"] for row in lab.query_store("select caller_hash from contacts order by queued_at")]
    assert len(callers) == 3, callers
    assert callers[0] == callers[1] != callers[2]
    assert caller.errors == other.errors == []
