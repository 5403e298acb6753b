"""An agent with a screen reader talks while the leading node dies, and later while no node is there for a while.

    python -m pytest -s tests/system/desk/test_takeover_orca.py
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from lab.lifecycle import ANY_HOUR
from lab.pbx.ports import PortBlock
from lab.people.agent import SimAgent
from lab.people.desk_people import add_people
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.desk.chromium import MICROPHONE
from tests.system.desk.orca import Heard, ScreenReader, seconds_of_day
from tests.system.desk.page_proxy import PageProxy
from tests.system.desk.test_desk_takeover import is_back, sign_in_watched
from tests.system.stage import Stage, plain

pytestmark = [pytest.mark.system, pytest.mark.long]

SKILL, KEY = "uzaktan_egitim", "2"
CALLER = 440
LOST, BACK = "Santral'a ulaşılamıyor, görüşmeniz sürüyor.", "Santral'a yeniden bağlanıldı."
"""Sentences of the page when no node has answered for 8 s, and when one answers again."""
SETTLED_S = 4.0
"""Time after a take-over in which a late sentence would be spoken."""


async def test_a_take_over_is_silent_and_a_long_loss_is_spoken_once(new_lab: NewLab, reader: ScreenReader,
                                                                    tmp_path: Path) -> None:
    lab = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path), extra=ANY_HOUR
                        + '\n[desk]\nproxies = ["127.0.0.1"]\n')
    stage, agent, ports = Stage(lab, tmp_path), plain(SKILL, 1)[0], PortBlock()
    who, _ = await add_people(lab.info, [(agent, SKILL)])
    proxy = PageProxy(tmp_path / "proxy", ports.free_port(), [node.http for node in lab.info.nodes])
    try:
        async with async_playwright() as playwright:
            # 1. The agent signs in behind the proxy and takes a call.
            browser = await playwright.chromium.connect_over_cdp(reader.start_browser("--ignore-certificate-errors"))
            page = browser.contexts[0].pages[0]
            await sign_in_watched(page, proxy, who, "Çalışmıyorsunuz")
            await reader.take_keyboard(page, 600, 400)
            await page.get_by_role("button", name="Çalışmaya başla").click()
            await expect(page).to_have_title("Hazır – Santral")
            lab.people.append(SimAgent(stage.info, stage.network, agent))
            place = reader.debug.stat().st_size
            caller = await stage.hurried(KEY, tone=CALLER)
            place = await reader.wait_spoken("Çağrı geliyor.", place)
            reader.press_key("F2")
            place = await reader.wait_spoken("Görüşme başladı.", place)
            await asyncio.sleep(SETTLED_S)
            # 2. Another node leads before the page has anything to say.
            killed = time.time()
            lab.kill_node("a")
            assert (await lab.find_leader()).name == "b"
            await is_back(page, "streams", killed)
            await asyncio.sleep(SETTLED_S)
            # 3. The other one is gone, too. The page says it once, and once that it is back.
            lost = time.time()
            lab.kill_node("b")
            place = await reader.wait_spoken(LOST, place)
            await stage.hears_tone(caller, MICROPHONE, seconds=stage.tone_s(caller, MICROPHONE) + 1.0)
            await lab.start_node("b")
            place = await reader.wait_spoken(BACK, place)
            # 4. The talk goes on, and its end is spoken as always.
            await stage.hears_tone(caller, MICROPHONE, seconds=stage.tone_s(caller, MICROPHONE) + 1.0)
            reader.press_key("shift+F2")
            await expect(page).to_have_title("Görüşme sonrası – Santral")
            ended = time.time()
            reader.press_key("F8")
            await expect(page).to_have_title("Hazır – Santral")
            await browser.close()
    finally:
        proxy.stop()
        ports.close()
    reader.stop()
    quiet, away = said(reader, killed, lost), said(reader, lost, ended)
    print(f"\nspoken in the take-over: {[one.text for one in quiet]}\nspoken while no node was there: "
          f"{[(round(one.at - seconds_of_day(lost), 1), one.text) for one in away]}")
    assert quiet == []
    assert [one.text for one in away if one.text.startswith((LOST, BACK))] == [LOST, BACK]


def said(reader: ScreenReader, begin: float, end: float) -> list[Heard]:
    """Return the utterances between two times."""
    return [one for one in reader.spoken() if seconds_of_day(begin) <= one.at < seconds_of_day(end)]
