"""Two desks: an agent consults a colleague and gives the caller over."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from lab.people.agent import SimAgent
from tests.system.desk.test_desk_page import SKILL, open_desk, tab_to
from tests.system.desk.test_desk_reload import answer, hears_again, talk_at_desk
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system


async def begin_work(stage: Stage, browser: Browser, agent: str) -> tuple[Page, SimAgent]:
    """Return the desk of an agent who is ready."""
    page = await open_desk(browser, stage, agent)
    await tab_to(page, "Çalışmaya başla")
    await page.keyboard.press("Enter")
    await expect(page).to_have_title("Hazır – Santral")
    person = SimAgent(stage.info, stage.network, agent)
    stage.lab.people.append(person)
    return page, person


async def ask_colleague(page: Page, colleague: str) -> None:
    # The list is read again when the focus comes to it.
    choice = page.get_by_label("Çalışma arkadaşı")
    await choice.focus()
    await expect(choice.locator(f"option[value={colleague}]")).to_be_enabled()
    await choice.select_option(colleague)
    await page.get_by_role("button", name="Danış", exact=True).click()
    await expect(page.get_by_role("button", name="Arayana geri dön")).to_be_visible()


async def test_a_caller_is_given_over_after_a_consult(stage: Stage, browser: Browser) -> None:
    page, person, caller = await talk_at_desk(stage, browser)
    other, colleague = await begin_work(stage, browser, plain(SKILL, 2)[1])
    contact = (await person.fetch_view())["contact"]
    # 1. Ask, and come back: the colleague is free again and the caller hears the first agent.
    await ask_colleague(page, colleague.id)
    await stage.hears_music(caller)
    await expect(other.locator("#offer-facts")).to_contain_text("size danışıyor")
    await answer(other)
    await page.get_by_role("button", name="Arayana geri dön").click()
    await hears_again(stage, caller)
    await stage.reaches(person, "talking")
    # 2. Ask again, and give over: the caller hears the colleague, and the first agent has wrap-up.
    await expect(other).to_have_title(re.compile("^(Görüşme sonrası|Hazır) – "))
    if (await other.title()).startswith("Görüşme sonrası"):
        await other.keyboard.press("F8")
    await expect(other).to_have_title("Hazır – Santral")
    await ask_colleague(page, colleague.id)
    await answer(other)
    # The colleague hears first who asks.
    await expect(page.get_by_role("button", name="Arayanı ona ver")).to_be_enabled()
    await page.get_by_role("button", name="Arayanı ona ver").click()
    await expect(page).to_have_title("Görüşme sonrası – Santral")
    await hears_again(stage, caller)
    assert (await stage.reaches(colleague, "talking"))["contact"] == contact
    # 3. The caller hangs up at the colleague's desk.
    await caller.hang_up()
    await expect(other).to_have_title("Görüşme sonrası – Santral")
