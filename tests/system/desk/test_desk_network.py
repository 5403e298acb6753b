"""The network of a desk goes for half a minute in a talk. The page is behind a tunnel, whose carrier is stopped."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.desk.test_desk_reload import answer, first_end, hears_again, talk_at_desk
from tests.system.desk.tunnel import NoNamespace, Tunnel, forwarded_ports, launch_browser
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

AWAY_S = 30.0
"""Twice the time after which Asterisk gives a leg without sound up."""


async def test_half_a_minute_without_a_network_brings_the_caller_back(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(centre=patient(tmp_path), visited=True)
    stage = Stage(lab, tmp_path)
    async with AsyncExitStack() as stack:
        try:
            tunnel = await stack.enter_async_context(Tunnel(forwarded_ports(lab.info)))
        except NoNamespace as error:
            raise AssertionError(f"the loss of a network was not tested: {error}") from None
        browser = await stack.enter_async_context(launch_browser(str(tunnel.browser), tmp_path))
        page, person, caller = await talk_at_desk(stage, browser)
        contact = (await person.fetch_view())["contact"]
        # 1. Nothing passes any more, and nothing says so.
        began = time.monotonic()
        with tunnel.stopped():
            lines = page.locator("#trouble-server, #trouble-server-talk, #trouble-network").filter(visible=True)
            await expect(lines.first).to_be_visible()
            said = time.monotonic() - began

            async def waits() -> bool:
                return bool((await lab.fetch_queue("psikososyal"))["waiting"])

            await until_async(waits, 30.0, "the caller waits in front")
            lost = time.monotonic() - began
            await stage.hears_music(caller)
            await until_async(lambda: time.monotonic() - began >= AWAY_S, AWAY_S + 5.0, what="half a minute")
        # 2. The network is back: the phone registers, and the caller comes to the same agent.
        back = time.monotonic()
        # The page tries its connection to the telephone each 1 to 4 s.
        await expect(page.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
        await answer(page)
        print(f"network away {AWAY_S:.0f} s: said after {said:.1f} s, caller in front after {lost:.1f} s, "
              f"answered again {time.monotonic() - back:.1f} s after it was back")
        await hears_again(stage, caller)
        assert (await stage.reaches(person, "talking"))["contact"] == contact
        assert first_end(stage, contact) == "lost"
        await caller.hang_up()
        await expect(page).to_have_title("Görüşme sonrası – Santral")
