"""The desk as Orca speaks it and as a braille line shows it, with a real call."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import async_playwright, expect

from desk.people.session_requests import COOKIE
from lab.people.agent import SimAgent
from tests.system.desk.chromium import add_session, open_session
from tests.system.desk.orca import PACKAGES, Heard, ScreenReader, seconds_of_day
from tests.system.stage import Stage, plain
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.system

SKILL, KEY = "psikososyal", "1"
SPOKEN_WITHIN_S = 10.0
"""The goal is a second, and an idle machine needs a quarter of it. The announcer drops a text after 6 s, and a busy
machine needs some more for the screen reader."""
CELLS = 20
WAITING = 5
"""Callers who wait when the agents of a service are warned for the first time."""


async def note_facts(address: str, cookie: str, found: list[dict[str, Any]]) -> None:
    """Read the stream of the desk as a second client, for the time of each fact."""
    headers = {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
    unlimited = aiohttp.ClientTimeout()
    async with aiohttp.ClientSession(headers=headers, timeout=unlimited) as http, http.get(address) as stream:
        kind = ""
        async for line in stream.content:
            name, _, value = line.decode().strip().partition(": ")
            if name == "event":
                kind = value
            elif name == "data" and kind == "notice":
                found.append(json.loads(value))


def require_spoken(spoken: list[Heard], *texts: str) -> list[Heard]:
    """Return the utterance of each text. Raise AssertionError unless each is spoken once, in this order."""
    found = [[one for one in spoken if one.text.startswith(text)] for text in texts]
    counts = {text: len(some) for text, some in zip(texts, found, strict=True)}
    assert all(count == 1 for count in counts.values()), f"spoken {counts} times: {[one.text for one in spoken]}"
    order = [some[0] for some in found]
    assert order == sorted(order), [one.text for one in order]
    return order


async def test_a_call_is_spoken_once_each_and_in_order(stage: Stage, reader: ScreenReader) -> None:
    agent = plain(SKILL, 1)[0]
    facts: list[dict[str, Any]] = []
    async with async_playwright() as playwright:
        # 1. The desk in a window that a screen reader sees.
        browser = await playwright.chromium.connect_over_cdp(reader.start_browser())
        context = browser.contexts[0]
        cookie = await open_session(stage.lab, agent)
        await add_session(context, cookie)
        page = context.pages[0]
        page.set_default_timeout(LIMIT_S * 1000)
        await page.goto(f"http://{stage.lab.info.http}/")
        await reader.take_keyboard(page, 600, 400)
        await asyncio.sleep(1.0)
        await page.get_by_role("button", name="Çalışmaya başla").click()
        await expect(page).to_have_title("Hazır – Santral")
        stage.lab.people.append(SimAgent(stage.info, stage.network, agent))
        events = f"http://{stage.lab.info.http}/api/v1/agents/{agent}/events"
        noting = asyncio.create_task(note_facts(events, cookie, facts))

        async def noted(kind: str, said: str = "") -> None:
            nonlocal place
            await until_async(lambda: any(one["kind"] == kind for one in facts), what=kind)
            if said:
                place = await reader.wait_spoken(said, place)
            # Longer than the queue of the announcer and the screen reader need.
            await asyncio.sleep(1.5)

        # 2. Offer, answer, hold, and a queue that grows.
        place = reader.debug.stat().st_size
        await stage.hurried(KEY)
        await noted("offer", "Çağrı geliyor.")
        reader.press_key("F2")
        await noted("taken", "Görüşme başladı.")
        reader.press_key("F4")
        await noted("hold", "Arayan beklemede.")
        for _ in range(WAITING):
            await stage.hurried(KEY)
        await noted("queue_warning", "kişi bekliyor.")
        # 3. The talk ends. The next offer rings out, and the one after it comes at the same moment.
        reader.press_key("shift+F2")
        await noted("talk_ended")
        reader.press_key("F8")
        await noted("missed", "Bir çağrı yanıtsız kaldı.")
        noting.cancel()
        await browser.close()
    reader.stop()
    spoken, brailled = reader.spoken(), reader.brailled()
    # 4. Each fact is spoken in time, once, in order.
    times = {kind: next(one["at"] for one in facts if one["kind"] == kind)
             for kind in ("offer", "taken", "hold", "queue_warning", "missed")}
    expected = {"taken": "Görüşme başladı.", "hold": "Arayan beklemede.",
                "queue_warning": f"Psikososyal destek: {WAITING} kişi bekliyor.", "missed": "Bir çağrı yanıtsız kaldı."}
    heard = dict(zip(expected, require_spoken(spoken, *expected.values()), strict=True))
    offers = [one for one in spoken if one.text.startswith("Psikososyal ") and "Çağrı geliyor." in one.text]
    assert len(offers) == len([one for one in facts if one["kind"] == "offer"])
    late = {kind: one.at - seconds_of_day(times[kind]) for kind, one in {"offer": offers[0], **heard}.items()}
    print("spoken after, in ms:", {kind: round(1000 * value) for kind, value in late.items()})
    assert all(0 <= value <= SPOKEN_WITHIN_S for value in late.values()), late
    # 5. The first cells of the braille line decide.
    lines = [one.text.strip() for one in brailled if "Çağrı geliyor." in one.text]
    assert lines and all(line[:CELLS - 1].startswith("Psikososyal ") and " sn" in line[:CELLS - 1] for line in lines)
    # 6. Planted faults would be found: a text that is spoken twice, and one that is lost.
    for faulty in ([*spoken, heard["hold"]], [one for one in spoken if one != heard["hold"]]):
        with pytest.raises(AssertionError, match="spoken"):
            require_spoken(faulty, *expected.values())


def test_a_missing_part_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssertionError, match="apt-get install orca xvfb openbox"):
        ScreenReader(tmp_path / "reader")
    assert len(set(PACKAGES.values())) == len(PACKAGES)
