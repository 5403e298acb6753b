"""The page of live calls on a real Asterisk: a supervisor watches a call from its greeting to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from lab.people.desk_people import add_people
from lab.phones.network import PhoneBehaviour
from tests.integration.desk.pages.test_live_page import find_faults
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

STEPS = ["Karşılama", "Menü", "Sırada", "Çalıyor", "Görüşmede", "Görüşme sonrası"]
SEEN = """() => {
  window.steps = [];
  new MutationObserver(() => {
    const text = document.querySelector("ul.calls .step")?.textContent;
    if (text && text !== window.steps.at(-1)?.text) window.steps.push({ text, at: Date.now() / 1000 });
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


async def sign_in(browser: Browser, address: str, person: str, password: str) -> Page:
    """Sign in as a person does."""
    page = await (await browser.new_context(locale="tr-TR")).new_page()
    await page.goto(f"{address}sign-in")
    await page.fill('[name="name"]', person)
    await page.fill('[name="password"]', password)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Çağrılar, olduğu gibi")
    return page


async def test_a_supervisor_watches_a_call_from_greeting_to_wrap_up(new_lab: NewLab, tmp_path: Path,
                                                                   browser: Browser) -> None:
    lab = await new_lab(extra="[desk]\nsentences = true\n")
    stage = Stage(lab, tmp_path)
    (supervisor,) = await add_people(lab.info, [])
    agent = await stage.agent(plain("uzaktan_egitim", 1)[0], PhoneBehaviour(answer="1.5", talk=90.0))
    await agent.ask_as_agent("pause", {})
    # 1. A supervisor has no desk, so the sign-in leads to the calls.
    page = await sign_in(browser, lab.info.desk, supervisor.person, supervisor.password)
    assert page.url.endswith("/live")
    await page.evaluate(SEEN)
    await stage.caller("2@6s", number="05321112233")

    async def steps() -> list[Any]:
        found: list[Any] = await page.evaluate("window.steps")
        return found

    async def shows(step: str) -> bool:
        return [one["text"] for one in await steps()][-1:] == [step]

    # 2. The chosen call waits for somebody who is on a break, and says so.
    await until_async(lambda: shows("Sırada"), 60.0, "the call is in line")
    await page.locator("ul.calls button").click()
    await expect(page.locator("#course")).to_contain_text("molada (1)")
    await expect(page.locator('#course [data-part="heard"] > li').first).to_contain_text("MEBİM")
    await agent.ask_as_agent("resume")
    await until_async(lambda: shows("Çalıyor"), 60.0, "the call rings")
    await expect(page.locator("#course")).to_contain_text(agent.id)
    await until_async(lambda: shows("Görüşmede"), 60.0, "the talk has begun")
    assert await find_faults(page) == []
    await agent.ask_as_agent("hangup")
    await until_async(lambda: shows("Görüşme sonrası"), 60.0, "the agent is in wrap-up")
    # 3. Every step was seen, soon after the fact. No number is on the page.
    seen = await steps()
    assert [one["text"] for one in seen] == STEPS, await page.locator("#course").inner_text()
    call = (await page.locator("#course code").inner_text()).split()[-1]
    course = await page.evaluate(f"fetch('/api/v1/live/calls/{call}').then((answer) => answer.json())")
    delays = [shown["at"] - at for shown, (at, _) in zip(seen, course["steps"], strict=False)]
    print("from the fact to the page, in ms:", [round(one * 1000) for one in delays])
    assert "5321112233" not in await page.content()
