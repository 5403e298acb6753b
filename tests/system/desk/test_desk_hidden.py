"""A desk in a hidden tab: the browser holds its timers back, and it rings at once all the same."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from lab.people.agent import SimAgent
from tests.system.desk.chromium import MICROPHONE, Chromium, add_session, open_session
from tests.system.desk.test_desk_page import CALLER, KEY, SKILL
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

HIDDEN_S, LONG_S = 100.0, 360.0
"""The browser holds timers back to once a minute after the grace of 10 s. The longer time passes the registration's
half."""
GRACE = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10"
GAPS = """() => { let last = performance.now(), most = 0; setInterval(() => {
  most = window.gap(); last = performance.now(); }, 1000);
  window.gap = () => Math.max(most, performance.now() - last); }"""
"""Script that measures how far apart the turns of a timer are, in ms. Without holding back it is a second."""


@pytest.fixture
def display(tmp_path: Path) -> Iterator[str]:
    """Start a display that nobody sees, and yield its name."""
    reader, writer = os.pipe()
    with (tmp_path / "xvfb.log").open("wb") as log:
        server = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x900x24", "-nolisten",
                                   "tcp"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(writer,))
    os.close(writer)
    try:
        with os.fdopen(reader) as pipe:
            yield f":{pipe.readline().strip()}"
    finally:
        server.terminate()
        server.wait(timeout=30)


async def ring_hidden(stage: Stage, folder: Path, display: str, seconds: float) -> None:
    agent = plain(SKILL, 1)[0]
    # Playwright's own start keeps hidden tabs awake, and its focus emulation keeps them shown.
    browser = Chromium(folder / "chromium", GRACE, "--lang=tr", display=display)
    async with async_playwright() as playwright:
        # 1. A desk that is ready, then another tab over it.
        try:
            context = (await playwright.chromium.connect_over_cdp(browser.address, no_defaults=True)).contexts[0]
            await add_session(context, await open_session(stage.lab, agent))
            page = context.pages[0]
            await page.goto(f"http://{stage.lab.info.http}/")
            await page.get_by_role("button", name="Çalışmaya başla").click()
            await expect(page).to_have_title("Hazır – Santral")
            person = SimAgent(stage.info, stage.network, agent)
            stage.lab.people.append(person)
            witness = await hide(page)
            for tab in (page, witness):
                await tab.evaluate(GAPS)
            await asyncio.sleep(seconds)
            # The browser spares pages that hear a microphone, and the desk keeps its own open.
            own, other = [float(await tab.evaluate("window.gap()")) / 1000 for tab in (page, witness)]
            assert other > 10.0, f"the browser has held no timer back: {other:.1f} s"
            # 2. It is still registered, and rings.
            await stage.reaches(person, "ready")
            caller = await stage.hurried(KEY, tone=CALLER)
            await stage.reaches(person, "ringing")
            began = time.monotonic()
            await expect(page).to_have_title("Çağrı geliyor – Santral")
            print(f"hidden for {seconds:.0f} s, timers up to {own:.1f} s apart, in a plain tab {other:.1f} s: the page "
                  f"shows the call {time.monotonic() - began:.2f} s after the node")
            await page.evaluate("document.querySelector('[data-do=answer]').click()")
            await stage.hears_tone(caller, MICROPHONE)
            await caller.hang_up()
            await expect(page).to_have_title("Görüşme sonrası – Santral")
        finally:
            browser.kill()


async def hide(page: Page) -> Page:
    """Open two more tabs. Return the first of them, which is hidden as the page is."""
    witness, front = [await page.context.new_page() for _ in range(2)]
    await front.bring_to_front()

    async def hidden() -> bool:
        # The page forbids `eval`, which Playwright's wait for a function would use.
        return all([await tab.evaluate("document.visibilityState === 'hidden'") for tab in (page, witness)])

    await until_async(hidden, what="the desk is hidden by the other tab")
    return witness


async def test_a_hidden_desk_stays_registered_and_rings(stage: Stage, tmp_path: Path, display: str) -> None:
    await ring_hidden(stage, tmp_path, display, HIDDEN_S)


@pytest.mark.long
async def test_a_desk_that_is_hidden_for_long_stays_registered_and_rings(
        stage: Stage, tmp_path: Path, display: str) -> None:
    await ring_hidden(stage, tmp_path, display, LONG_S)
