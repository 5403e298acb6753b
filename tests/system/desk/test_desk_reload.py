"""The desk is reloaded or opened twice in a talk: the caller is with the same agent again at once."""

from __future__ import annotations

import contextlib
import time

import pytest
from playwright.async_api import Browser, Page, expect

from lab.people.agent import SimAgent
from lab.phones import audio
from lab.phones.leg import Leg
from tests.system.desk.chromium import MICROPHONE
from tests.system.desk.test_desk_page import CALLER, KEY, SKILL, open_desk, tab_to
from tests.system.stage import Stage, growing, plain

pytestmark = pytest.mark.system

PRESSES, CHECK_MS = 3, 10_000
"""Presses of the button, and the time after each: the sound check may take eight seconds."""

SLOW_MICROPHONE = """const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return open(wanted);
};"""
"""Opens the microphone only after the caller rings again."""


async def press_until_ready(page: Page) -> None:
    """Press Enter until the shift begins. Over a slow line a press may come before the script of the page runs."""
    for _ in range(PRESSES):
        await page.keyboard.press("Enter")
        with contextlib.suppress(AssertionError):
            await expect(page).to_have_title("Hazır – Santral", timeout=CHECK_MS)
            return
    await expect(page).to_have_title("Hazır – Santral")


async def talk_at_desk(stage: Stage, browser: Browser) -> tuple[Page, SimAgent, Leg]:
    """Return a desk whose agent talks with a caller."""
    agent = plain(SKILL, 1)[0]
    page = await open_desk(browser, stage, agent)
    await tab_to(page, "Çalışmaya başla")
    await press_until_ready(page)
    person = SimAgent(stage.info, stage.network, agent)
    stage.lab.people.append(person)
    caller = await stage.hurried(KEY, tone=CALLER)
    await answer(page)
    await stage.hears_tone(caller, MICROPHONE)
    return page, person, caller


async def answer(page: Page) -> None:
    await expect(page.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
    await page.keyboard.press("F2")
    await expect(page).to_have_title("Görüşmede – Santral")


async def hears_again(stage: Stage, caller: Leg) -> None:
    """Wait until the caller hears the agent for a further second."""
    assert caller.recording is not None
    heard = audio.tone_s(growing(caller.recording), MICROPHONE)
    await stage.hears_tone(caller, MICROPHONE, seconds=heard + 1.0)


def first_end(stage: Stage, contact: str) -> str:
    rows = stage.lab.query_store("select reason from offers where contact = ? order by offer", contact)
    return str(rows[0]["reason"])


async def test_a_reload_of_the_desk_keeps_the_caller(stage: Stage, browser: Browser) -> None:
    page, person, caller = await talk_at_desk(stage, browser)
    contact = (await person.fetch_view())["contact"]
    # Leaving asks first, and the agent insists.
    page.on("dialog", lambda dialog: dialog.accept())
    began = time.monotonic()
    await page.reload()
    await answer(page)
    print(f"reload of the desk: the agent has answered again after {time.monotonic() - began:.1f} s")
    await hears_again(stage, caller)
    assert (await stage.reaches(person, "talking"))["contact"] == contact
    assert first_end(stage, contact) == "lost", "nobody has hung up"
    await caller.hang_up()
    await expect(page).to_have_title("Görüşme sonrası – Santral")


async def test_a_second_tab_takes_the_talk_and_the_first_one_is_quiet(stage: Stage, browser: Browser) -> None:
    page, person, caller = await talk_at_desk(stage, browser)
    contact = (await person.fetch_view())["contact"]
    began = time.monotonic()
    second = await page.context.new_page()
    await second.add_init_script(SLOW_MICROPHONE)
    await second.goto(page.url)
    await expect(page.locator("#trouble-tab")).to_be_visible()
    await answer(second)
    print(f"second tab: the agent has answered there after {time.monotonic() - began:.1f} s")
    await hears_again(stage, caller)
    assert (await stage.reaches(person, "talking"))["contact"] == contact
    assert first_end(stage, contact) == "lost", "nobody has hung up"
    await caller.hang_up()
    await expect(second).to_have_title("Görüşme sonrası – Santral")
