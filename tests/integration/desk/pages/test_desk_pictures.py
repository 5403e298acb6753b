"""Pictures of the page: no part is cut off at any width, and `make pictures` keeps some of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import STATES
from tests.integration.desk.pages.conftest import open_page
from tests.integration.desk.pages.test_desk_access import OPEN_ALL

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

FOLDER = os.environ.get("SANTRAL_PICTURES", "")
"""Folder for the pictures; empty: none is kept."""
KEPT = {("signed-out", "", 1280): "desk-start", ("offer-known", "", 1280): "desk-offer",
        ("talk", "dark", 1280): "desk-talk", ("wrapup", "forced", 1280): "desk-wrapup", ("offer", "", 320): "desk-zoom"}
"""Pictures by state, look and width."""
LOOKS = {"": {}, "dark": {"color_scheme": "dark"}, "forced": {"forced_colors": "active"}}
OVERFLOW = """() => ({ wide: document.documentElement.scrollWidth - innerWidth,
  outside: [...document.querySelectorAll("main *, header *")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && !one.closest(".skip");
  }).map((one) => one.outerHTML.slice(0, 90)) })"""


@pytest.mark.parametrize("look", LOOKS)
async def test_nothing_is_cut_off_at_any_width(browser: Browser, node: PlayedNode, look: str) -> None:
    # 1,280 pixels at 400 % zoom are 320 pixels: WCAG 1.4.10.
    for width in (1280, 320):
        context = await browser.new_context(viewport={"width": width, "height": 720 if width > 320 else 568},
                                            device_scale_factor=1)
        page = await open_page(context)
        await page.emulate_media(**LOOKS[look], reduced_motion="reduce")  # type: ignore[arg-type]
        for name, state in STATES.items():
            node.state = state
            await page.goto(node.base)
            await expect(page.locator("#day")).to_be_visible()
            for opened in (False, True):
                if opened:
                    await page.evaluate(OPEN_ALL)
                assert await page.evaluate(OVERFLOW) == {"wide": 0, "outside": []}, (name, width)
                if FOLDER and not opened and (kind := KEPT.get((name, look, width))):
                    await page.screenshot(path=Path(FOLDER) / f"{kind}.png")
        await context.close()
