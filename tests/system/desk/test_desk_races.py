"""Agent and caller act at the same moment at a desk. The page tells the truth, and no leg is left in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from lab.faults.pbx import AsteriskFault
from lab.pbx.fetch import find_asterisk
from lab.people.agent import SimAgent
from lab.phones.leg import Leg
from tests.system.desk.caller import WATCHED
from tests.system.desk.test_desk_page import CALLER, KEY, SKILL, open_desk, tab_to
from tests.system.desk.test_desk_reload import answer
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

BASE_S = 0.25
"""Time of the first action. The second comes so much earlier or later as its offset says."""
OFFSETS_S = (-0.2, -0.1, -0.05, -0.02, 0.0, 0.01, 0.02, 0.04, 0.07, 0.12)
"""Offsets of the agent's key. The hang-up of a caller takes some 20 ms to the page, a key some 10 ms to Asterisk."""
READY, WRAP_UP = "Hazır – Santral", "Görüşme sonrası – Santral"
OPEN_LINES = "() => window.connections.filter((one) => one.connectionState !== 'closed').length"


class RacingDesk:
    """A desk at which each round ends as the one before: the agent is ready, and no line is open."""

    def __init__(self, stage: Stage, page: Page, person: SimAgent) -> None:
        self.stage, self.page, self.person = stage, page, person
        self.errors: list[str] = []
        self.ends: list[str] = []
        """State of the page after each round."""
        self._pbx = AsteriskFault(stage.lab.folder, find_asterisk())
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @classmethod
    async def open_page(cls, stage: Stage, browser: Browser) -> RacingDesk:
        agent = plain(SKILL, 1)[0]
        page = await open_desk(browser, stage, agent, WATCHED)
        desk = cls(stage, page, SimAgent(stage.info, stage.network, agent))
        await tab_to(page, "Çalışmaya başla")
        await page.keyboard.press("Enter")
        await expect(page).to_have_title(READY)
        stage.lab.people.append(desk.person)
        return desk

    async def rings(self) -> Leg:
        """Return a caller whose call rings at the desk."""
        caller = await self.stage.hurried(KEY, tone=CALLER)
        await expect(self.page.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
        return caller

    async def talks(self) -> Leg:
        """Return a caller with whom the agent talks."""
        caller = await self.rings()
        await answer(self.page)
        return caller

    async def ends_ready(self, caller: Leg) -> None:
        """Wait until nothing is left of the call: for the agent, in the page, and at Asterisk."""
        async def is_over() -> str:
            title = await self.page.title()
            return title if title in (READY, WRAP_UP) else ""

        # 1. The page says what it is: an offer that is gone, or a talk that is over.
        try:
            self.ends.append(await until_async(is_over, what="the page shows the end of the call"))
        except AssertionError as error:
            raise AssertionError(f"{error}; {await self.page.title()}, {caller.describe_moments()}, ends {self.ends}, "
                                 f"errors {self.errors}, agent {await self.person.fetch_view()}") from None
        if self.ends[-1] == WRAP_UP:
            await self.page.keyboard.press("F8")
        await caller.hang_up()
        # 2. The agent is ready, as page and node have it.
        await self.stage.reaches(self.person, "ready")
        await expect(self.page).to_have_title(READY)
        await expect(self.page.get_by_role("button", name="Yanıtla", exact=True)).to_be_hidden()

        # 3. No leg is left, heard or not.
        async def is_silent() -> bool:
            return not await asyncio.to_thread(self._pbx.list_channels)

        async def is_closed() -> bool:
            return bool(await self.page.evaluate(OPEN_LINES) == 0)

        await until_async(is_silent, what="no channel is left at Asterisk")
        await until_async(is_closed, what="the page keeps no line open")


async def act_together(first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any]],
                       offset: float) -> None:
    """Do both, the second this many seconds after the first. A negative offset means before it."""
    async def act_at(what: Callable[[], Awaitable[Any]], at: float) -> None:
        await asyncio.sleep(at)
        await what()

    await asyncio.gather(act_at(first, BASE_S), act_at(second, BASE_S + offset))


async def is_gone(caller: Leg) -> None:
    """Wait until the caller's line is over. One hang-up of the lab in some eighty was lost: the call went on."""
    async def is_over() -> bool:
        await caller.hang_up()
        return caller.ended.is_set()

    await until_async(is_over, what="the caller's line is over")


async def test_a_key_that_answers_as_the_caller_hangs_up(stage: Stage, browser: Browser) -> None:
    desk = await RacingDesk.open_page(stage, browser)
    for offset in OFFSETS_S:
        caller = await desk.rings()
        await act_together(caller.hang_up, lambda: desk.page.keyboard.press("F2"), offset)
        await is_gone(caller)
        await desk.ends_ready(caller)
    print("answered before the hang-up:", desk.ends.count(WRAP_UP), "of", len(desk.ends))
    assert desk.errors == []


@pytest.mark.parametrize("by", ["caller", "page"])
async def test_a_hold_as_one_of_them_hangs_up(stage: Stage, browser: Browser, by: str) -> None:
    desk = await RacingDesk.open_page(stage, browser)
    for offset in OFFSETS_S[::2] if by == "page" else OFFSETS_S[1::2]:
        caller = await desk.talks()
        ends = caller.hang_up if by == "caller" else lambda: desk.page.keyboard.press("Shift+F2")
        await act_together(ends, lambda: desk.page.keyboard.press("F4"), offset)
        if by == "caller":
            await is_gone(caller)
        await desk.ends_ready(caller)
    assert set(desk.ends) == {WRAP_UP}
    assert desk.errors == []
