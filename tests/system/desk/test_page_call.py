"""A call in the page of an agent: real Chromium, real Asterisk, a caller of the lab."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from lab.people.agent import SimAgent
from tests.system.desk.chromium import MICROPHONE, PhonePage
from tests.system.stage import Stage, plain

pytestmark = pytest.mark.system

SKILL, KEY = "psikososyal", "1"
CALLER = 440


async def sign_in_page(stage: Stage, page: PhonePage) -> SimAgent:
    """Sign the agent in at the page, without naming a seat."""
    await page.sees("registered")
    answer = await page.do("window.post('login')")
    assert isinstance(answer, dict) and str(answer["seat"]).startswith("30"), answer
    person = SimAgent(stage.info, stage.network, page.agent)
    stage.lab.people.append(person)
    await stage.reaches(person, "ready")
    return person


async def test_a_whole_call_in_the_page(stage: Stage, browser: Browser) -> None:
    # 1. The page registers, and its sound check hears the echo before anybody calls.
    page = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0])
    await page.sees("registered")
    assert await page.do("window.phone.soundCheck()") == {"ok": True, "step": ""}
    agent = await sign_in_page(stage, page)
    # 2. It rings with service and wait; both hear each other after the answer.
    caller = await stage.hurried(KEY, tone=CALLER)
    offer = await page.sees("offer")
    print("the page showed", offer["name"])
    await page.do("window.phone.answer()")
    await page.sees("talking")
    await page.hears(CALLER)
    await stage.hears_tone(caller, MICROPHONE)
    assert (await stage.reaches(agent, "talking"))["contact"]
    # 3. On hold the caller hears music, and afterwards the agent again.
    await page.do("window.phone.hold()")
    await page.sees("held")
    await stage.hears_music(caller)
    await page.do("window.phone.resume()")
    await page.sees("talking", 2)
    await page.hears(CALLER)
    # 4. The agent hangs up: wrap-up, and the page is free for the next call.
    await page.do("window.phone.hangUp()")
    assert (await page.sees("ended"))["by"] == "agent"
    await stage.reaches(agent, "wrapup")
    await caller.wait_ended()


async def test_an_answer_that_is_faster_than_the_ring_is_kept(stage: Stage, browser: Browser) -> None:
    """The event of an offer may reach the page before its call does, and the agent's key is fast."""
    page = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0])
    await sign_in_page(stage, page)
    # The page presses the key until it rings: each press comes before the call.
    await page.do("(() => { const early = setInterval(() => window.phone.answer(), 200);"
                  "window.phone.addEventListener('offer', () => clearInterval(early)); })()")
    caller = await stage.hurried(KEY, tone=CALLER)
    await page.sees("talking")
    await page.hears(CALLER)
    await caller.hang_up()
    await page.sees("ended")
