"""A page behind a tunnel that carries single TCP ports: its sound goes through the TURN relay of the lab."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.desk.chromium import PROGRAM
from tests.system.desk.test_page_call import CALLER
from tests.system.desk.test_page_faults import stats, talk_in_page
from tests.system.desk.tunnel import NoNamespace, Tunnel, forwarded_ports, launch_browser
from tests.system.stage import Stage

pytestmark = pytest.mark.system

TALK_S = 4.0


async def test_a_page_behind_a_tunnel_has_sound_both_ways(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(centre=patient(tmp_path), visited=True)
    stage = Stage(lab, tmp_path)
    async with AsyncExitStack() as stack:
        options, program = "{}", PROGRAM
        try:
            program = str((await stack.enter_async_context(Tunnel(forwarded_ports(lab.info)))).browser)
        except NoNamespace as error:
            print(f"NO NAMESPACE HERE ({error}): the page is told to use the relay alone")
            options = '{pc: {iceTransportPolicy: "relay"}}'
        browser = await stack.enter_async_context(launch_browser(program, tmp_path))
        # Both hear each other through the relay.
        page, agent, caller = await talk_in_page(stage, browser, options)
        await page.hears(CALLER)
        before = await stats(page)
        await asyncio.sleep(TALK_S)
        after = await stats(page)
        received, sent, lost = (after[name] - before[name] for name in ("received", "sent", "lost"))
        print(f"through {after['way']}: {received:.0f} packets came, {sent:.0f} went, {lost:.0f} lost; round trip "
              f"{1000 * after['rtt']:.0f} ms")
        assert after["way"] == "relay" and lost == 0 and min(received, sent) > 40 * TALK_S
        await page.do("window.phone.hangUp()")
        await stage.reaches(agent, "wrapup")
        await caller.wait_ended()
