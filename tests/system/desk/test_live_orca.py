"""The page of live calls as Orca reads it: a list for each service, and the course below the chosen call."""

from __future__ import annotations

import pytest
from playwright.async_api import async_playwright, expect

from tests.fakes.desk_page import played_node
from tests.integration.desk.pages.test_live_page import COURSE, PlayedCalls
from tests.system.desk.orca import ScreenReader

pytestmark = pytest.mark.system

LISTS = ("3 ögeli liste", "Henüz hizmet seçmeyenler – 1 çağrı 1 ögeli liste", "Temsilci – 2 çağrı 2 ögeli liste",
         COURSE["why"][0])
"""Texts of the key for the next list: the links, two services, and the reasons below the chosen call."""
ITEMS = (COURSE["why"][1], COURSE["lines"][0]["text"], "Çağrı 18 Görüşmede")
"""Texts of the key for the next item: the second reason, the course, and the call after it."""


async def test_calls_are_read_as_lists_and_the_course_below_its_call(reader: ScreenReader) -> None:
    async with async_playwright() as playwright, played_node(PlayedCalls()) as node:
        assert isinstance(node, PlayedCalls)
        browser = await playwright.chromium.connect_over_cdp(reader.start_browser())
        page = browser.contexts[0].pages[0]
        await page.goto(f"{node.base}/live")
        await expect(page.locator("ul.calls > li")).to_have_count(4)
        await page.get_by_role("button", name="Çağrı 17").click()
        await expect(page.locator("#course")).to_contain_text("santral why")
        await reader.take_keyboard(page, 900, 700)
        # 1. From list to list, then from item to item.
        place = await reader.read_in_order(("ctrl+Home", "İçeriğe geç"), *(("l", text) for text in LISTS),
                                           *(("i", text) for text in ITEMS))
        # 2. A change of the list is silent. Only the step of the chosen call is announced.
        node.change({**node.calls[3], "step": "wrapup"})
        await expect(page.locator("ul.calls li.wrapup")).to_have_count(1)
        node.change({**node.calls[1], "step": "ringing"})
        await reader.wait_spoken("Çağrı 17: Çalıyor", place)
        await browser.close()
    spoken = [one.text for one in reader.spoken()]
    assert not any("Görüşme sonrası" in one for one in spoken), spoken
