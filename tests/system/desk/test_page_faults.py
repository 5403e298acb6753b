"""Faults in a talk of a page, with a caller on the line. Each test prints its times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from lab.people.agent import SimAgent
from lab.phones import audio
from lab.phones.leg import Leg
from lab.session import LabSession
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.desk.chromium import MICROPHONE, Chromium, PhonePage
from tests.system.desk.test_page_call import CALLER, KEY, SKILL, sign_in_page
from tests.system.stage import Stage, growing, plain
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.system

SERVICE = SKILL
AWAY_S = 5.0
"""Time for which the node is gone. Talks are 50 packets a second."""
NO_MICROPHONE = """navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("refused", "NotAllowedError");
};"""

NO_KEYS = """
const set = RTCPeerConnection.prototype.setRemoteDescription, send = WebSocket.prototype.send;
RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
  return set.call(this, { type, sdp: sdp.replace("a=setup:actpass", "a=setup:active") });
};
WebSocket.prototype.send = function (text) {
  // The other letter keeps the length of the message.
  const wrong = text.includes("a=setup:passive");
  send.call(this, wrong ? text.replace("a=setup:passive", "a=setup:active").replace("s=-", "s=--") : text);
};"""
"""Lets each side of a talk wait for the keys of the other. The addresses fit, so packets arrive, and nothing is heard.
"""

STUCK_MICROPHONE = """const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  navigator.mediaDevices.getUserMedia = () => new Promise(() => {});
  const found = await open(wanted);
  for (const track of found.getTracks()) track.stop();
  return found;
};"""
"""Gives a microphone that has gone. For the next one the browser asks, and nobody answers."""


@pytest.fixture
async def alone(new_lab: NewLab, tmp_path: Path) -> AsyncIterator[Stage]:
    """Yield a lab whose node may be killed, with callers who wait for an agent."""
    lab: LabSession = await new_lab(centre=patient(tmp_path))
    yield Stage(lab, tmp_path)


async def talk_in_page(stage: Stage, browser: Browser, options: str = "{}") -> tuple[PhonePage, SimAgent, Leg]:
    """Return a page, its agent and a caller who hear each other."""
    page = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0], options)
    agent = await sign_in_page(stage, page)
    caller = await stage.hurried(KEY, tone=CALLER)
    await page.sees("offer")
    await page.do("window.phone.answer()")
    await page.sees("talking")
    await stage.hears_tone(caller, MICROPHONE)
    return page, agent, caller


async def stats(page: PhonePage) -> dict[str, float]:
    found = await page.do("window.phone.callStats()")
    assert isinstance(found, dict)
    return found


async def test_a_node_that_is_killed_and_started_again_costs_no_word(alone: Stage, browser: Browser) -> None:
    page, agent, caller = await talk_in_page(alone, browser)
    before, began = await stats(page), time.monotonic()
    alone.lab.kill_node()
    assert (await page.sees("unregistered"))["reason"] == "network"
    # Without signalling a hold would end the talk, so it is refused.
    assert await page.do("window.phone.hold().catch((error) => error.message)") == "no_signalling"
    await asyncio.sleep(max(0.0, began + AWAY_S - time.monotonic()))
    await alone.lab.start_node()
    up = time.monotonic()
    await page.sees("registered", 2)
    back = time.monotonic() - up
    after = await stats(page)
    print(f"node away {up - began:.1f} s: {after['received'] - before['received']:.0f} packets came, "
          f"{after['lost'] - before['lost']:.0f} lost; registered {back:.1f} s after the node")
    assert after["lost"] == before["lost"] and after["received"] - before["received"] > 40 * AWAY_S
    await alone.reaches(agent, "talking")
    # The talk can do everything again.
    await page.do("window.phone.hold()")
    await alone.hears_music(caller)
    await page.do("window.phone.resume()")
    await page.hears(CALLER)
    await caller.hang_up()
    assert (await page.sees("ended"))["by"] == "caller"
    await alone.reaches(agent, "wrapup")


async def test_a_reload_brings_the_caller_back_to_the_same_agent(stage: Stage, browser: Browser) -> None:
    page, agent, caller = await talk_in_page(stage, browser)
    contact = (await agent.fetch_view())["contact"]
    await page.page.reload(wait_until="commit")
    began = time.monotonic()
    await page.sees("registered")
    registered = time.monotonic() - began
    await page.do("window.post('phone/returned')")
    await page.sees("offer")
    offered = time.monotonic() - began
    await page.do("window.phone.answer()")
    await page.sees("talking")
    talks = time.monotonic() - began
    await page.hears(CALLER)
    assert (await stage.reaches(agent, "talking"))["contact"] == contact
    print(f"reload: registered after {registered:.1f} s, offered {offered:.1f} s, talking again {talks:.1f} s")
    assert caller.recording is not None
    heard = audio.tone_s(growing(caller.recording), MICROPHONE)
    await stage.hears_tone(caller, MICROPHONE, seconds=heard + 1.0)
    await caller.hang_up()
    assert (await page.sees("ended"))["by"] == "caller"
    states = [row["reason"] for row in stage.lab.query_store(
        "select reason from offers where contact = ? order by offer", contact)]
    assert states[0] == "lost", states


async def test_a_browser_that_is_killed_gives_its_caller_back(stage: Stage, tmp_path: Path) -> None:
    own = Chromium(tmp_path / "chromium")
    try:
        async with async_playwright() as playwright:
            _, agent, caller = await talk_in_page(stage, await playwright.chromium.connect_over_cdp(own.address))
            contact = (await agent.fetch_view())["contact"]
            own.kill()
            began = time.monotonic()

            async def waits() -> bool:
                return bool((await stage.lab.fetch_queue(SERVICE))["waiting"])

            await until_async(waits, what="the caller waits again")
            took = time.monotonic() - began
            print(f"browser killed: {contact} in front again after {took:.1f} s")
            await stage.hears_music(caller)
            await caller.hang_up()
    finally:
        own.kill()


async def test_the_newest_page_gets_the_phone(stage: Stage, browser: Browser) -> None:
    older = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0])
    await sign_in_page(stage, older)
    newer = await PhonePage.open_in(older.page.context, stage.lab, older.agent)
    began = time.monotonic()
    assert (await older.sees("unregistered"))["reason"] == "newer_page"
    await newer.sees("registered")
    caller = await stage.hurried(KEY, tone=CALLER)
    await newer.sees("offer")
    await newer.do("window.phone.answer()")
    await newer.hears(CALLER)
    # The older one is quiet: it did not ring, and it does not come back.
    await older.do("window.phone.tick()")
    assert await older.seen("offer") == [] and len(await older.seen("registered")) == 1
    assert (await older.do("window.phone.state.ended")) == "newer_page"
    print(f"the older page was quiet, the newer one talked {time.monotonic() - began:.1f} s after it opened")
    await caller.hang_up()
    await newer.sees("ended")


async def test_a_refused_microphone_is_said_before_anybody_waits(stage: Stage, browser: Browser) -> None:
    page = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0], script=NO_MICROPHONE)
    assert await page.sees("microphone") | {"at": 0} == {"type": "microphone", "at": 0, "state": "refused",
                                                         "name": "NotAllowedError"}
    await page.sees("registered")
    assert await page.do("window.phone.soundCheck()") == {"ok": False, "step": "microphone"}


async def test_a_microphone_that_never_opens_sends_the_caller_on_after_three_seconds(
        stage: Stage, browser: Browser) -> None:
    page = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0], script=STUCK_MICROPHONE)
    await sign_in_page(stage, page)
    caller = await stage.hurried(KEY, tone=CALLER)
    await page.sees("offer")
    began = time.monotonic()
    await page.do("void window.phone.openMicrophone()")
    await page.do("void window.phone.answer()")
    assert (await page.sees("failed"))["reason"] == "no_microphone"
    print(f"no microphone: said {time.monotonic() - began:.1f} s after the answer")
    await stage.hears_music(caller)


async def test_a_talk_without_sound_ends_as_lost_and_its_caller_is_in_front(stage: Stage, browser: Browser) -> None:
    # A relay is demanded and there is none, so no candidate leads anywhere.
    page = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0], '{pc: {iceTransportPolicy: "relay"}}')
    agent = await sign_in_page(stage, page)
    caller = await stage.hurried(KEY, tone=CALLER)
    await page.sees("offer")
    began = time.monotonic()
    await page.do("window.phone.answer()")
    assert (await page.sees("failed", limit=LIMIT_S))["reason"] == "no_media"
    said = time.monotonic() - began
    assert not await page.seen("talking")
    contact = await stage.newest()
    await stage.reaches(agent, "unreachable")
    await stage.hears_music(caller)
    print(f"no sound: said {said:.1f} s after the answer; {contact} waits in front again")
    row = stage.lab.query_store("select outcome from contacts where contact = ?", contact)
    assert row[0]["outcome"] is None, "the caller still waits"


async def test_a_talk_without_keys_is_lost_and_not_silent(stage: Stage, browser: Browser) -> None:
    page = await PhonePage.open_page(browser, stage.lab, plain(SKILL, 1)[0], script=NO_KEYS)
    agent = await sign_in_page(stage, page)
    caller = await stage.hurried(KEY, tone=CALLER)
    await page.sees("offer")
    began = time.monotonic()
    await page.do("window.phone.answer()")
    assert (await page.sees("failed"))["reason"] == "no_media"
    print(f"no keys: said {time.monotonic() - began:.1f} s after the answer")
    assert not await page.seen("talking")
    await stage.reaches(agent, "unreachable")
    await stage.hears_music(caller)
    await caller.hang_up()
