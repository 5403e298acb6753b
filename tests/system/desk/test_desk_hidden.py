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
from tests.system.desk.chromium import FLAGS, MICROPHONE, PROGRAM, add_session, open_session, write_tone
from tests.system.desk.test_desk_page import CALLER, KEY, SKILL
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

HIDDEN_S, LONG_S = 100.0, 360.0
"""The browser holds timers back to once a minute after the grace of 10 s. The longer time passes the registration's
half."""
WAKING = ["--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows",
          "--disable-renderer-backgrounding"]
"""Arguments of Playwright that would keep a hidden tab awake."""
GRACE = "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10"
GAPS = """() => { let last = performance.now(); window.gap = 0; setInterval(() => {
  window.gap = Math.max(window.gap, performance.now() - last); last = performance.now(); }, 1000); }"""


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
    write_tone(folder / "microphone.wav", MICROPHONE)
    flags = [flag for flag in FLAGS if not flag.startswith(("--headless", "--remote"))]
    async with async_playwright() as playwright:
        # 1. A desk that is ready, then another tab over it.
        context = await playwright.chromium.launch_persistent_context(
            folder / "profile", headless=False, executable_path=PROGRAM, ignore_default_args=WAKING, locale="tr-TR",
            env={**os.environ, "DISPLAY": display}, args=[
                *flags, GRACE, f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"])
        try:
            await add_session(context, await open_session(stage.lab, agent))
            page = context.pages[0]
            await page.goto(f"http://{stage.lab.info.http}/")
            await page.get_by_role("button", name="Çalışmaya başla").click()
            await expect(page).to_have_title("Hazır – Santral")
            person = SimAgent(stage.info, stage.network, agent)
            stage.lab.people.append(person)
            await hide(page)
            await page.evaluate(GAPS)
            await asyncio.sleep(seconds)
            gap = float(await page.evaluate("window.gap"))
            assert gap > 10_000, f"the browser has held no timer back: {gap:.0f} ms"
            # 2. It is still registered, and rings.
            await stage.reaches(person, "ready")
            caller = await stage.hurried(KEY, tone=CALLER)
            await stage.reaches(person, "ringing")
            began = time.monotonic()
            await expect(page).to_have_title("Çağrı geliyor – Santral")
            print(f"hidden for {seconds:.0f} s, timers up to {gap / 1000:.0f} s apart: the page shows the call "
                  f"{time.monotonic() - began:.2f} s after the node")
            await page.evaluate("document.querySelector('[data-do=answer]').click()")
            await stage.hears_tone(caller, MICROPHONE)
            await caller.hang_up()
            await expect(page).to_have_title("Görüşme sonrası – Santral")
        finally:
            await context.close()


async def hide(page: Page) -> None:
    """Open another tab over the page. Playwright shows every page as focused unless it is told not to."""
    session = await page.context.new_cdp_session(page)
    await session.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    other = await page.context.new_page()
    await other.bring_to_front()
    await page.wait_for_function("document.visibilityState === 'hidden'", polling=200)


async def test_a_hidden_desk_stays_registered_and_rings(stage: Stage, tmp_path: Path, display: str) -> None:
    await ring_hidden(stage, tmp_path, display, HIDDEN_S)


@pytest.mark.long
async def test_a_desk_that_is_hidden_for_long_stays_registered_and_rings(
        stage: Stage, tmp_path: Path, display: str) -> None:
    await ring_hidden(stage, tmp_path, display, LONG_S)
