"""An agent talks in the page while the leading node dies or freezes. The page is behind HAProxy, as the docs show it.

    python -m pytest -s tests/system/desk/test_desk_takeover.py

Each test prints its times. They are bounds of an idle machine, so no test asserts them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.async_api import Browser, Page, expect

from desk.live.notices import NOTICED, NoticeBoard
from lab.lifecycle import ANY_HOUR
from lab.pbx.ports import PortBlock
from lab.people.agent import SimAgent
from lab.people.desk_people import add_people
from lab.phones import silence
from lab.phones.leg import Leg
from lab.session import LabSession
from lab.visitors import Visitor
from routing.store.store import Store
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.desk.chromium import MICROPHONE
from tests.system.desk.page_proxy import PageProxy
from tests.system.stage import Stage, plain
from tests.until import LIMIT_S, until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

SKILL, KEY = "uzaktan_egitim", "2"
CALLER = 440
SETTLED_S = 3.0
"""Talk after the take-over, in which a late loss would show."""
EDGE_S = 0.5
"""Sound before the hang-up that does not count: words after it are late."""
PACKETS_A_SECOND = 50

WATCH = r"""() => {
  const at = () => Date.now() / 1000;
  const found = window.watched = { talks: [], streams: [], notices: [], phones: [], said: [], asked: [] };
  const Talk = window.RTCPeerConnection, Stream = window.EventSource, Socket = window.WebSocket, ask = window.fetch;
  window.RTCPeerConnection = class extends Talk {
    constructor(...how) { super(...how); found.talks.push(this); }
  };
  window.EventSource = class extends Stream {
    constructor(...how) {
      super(...how);
      this.addEventListener("open", () => found.streams.push(at()));
      this.addEventListener("notice", (event) => found.notices.push([at(), JSON.parse(event.data).id, event.data]));
    }
  };
  window.WebSocket = class extends Socket {
    constructor(...how) {
      super(...how);
      this.addEventListener("message", ({ data }) => {
        if (/^SIP\/2.0 200 [^]*\nCSeq: \d+ REGISTER/.test(data)) found.phones.push(at());
      });
    }
  };
  window.fetch = async (...how) => {
    const began = at();
    const answer = await ask(...how).catch((error) => { found.asked.push([began, 0, how[0]]); throw error; });
    found.asked.push([began, answer.status, how[0]]);
    return answer;
  };
  addEventListener("DOMContentLoaded", () => {
    for (const id of ["status", "alert"]) {
      const region = document.getElementById(id);
      if (region) new MutationObserver(() => {
        if (region.textContent) found.said.push([at(), id, region.textContent]);
      }).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });
}"""
"""Notes what the page does and hears: talks, streams, notices, registrations, announcements and requests."""
FIGURES = """async () => {
  const found = { received: 0, lost: 0, sent: 0, missed: 0 };
  for (const one of (await window.watched.talks.at(-1).getStats()).values()) {
    if (one.type === "inbound-rtp") Object.assign(found, { received: one.packetsReceived, lost: one.packetsLost });
    if (one.type === "outbound-rtp") found.sent = one.packetsSent;
    if (one.type === "remote-inbound-rtp") found.missed = one.packetsLost;
  }
  return found;
}"""
"""Packets of the talk: received and lost here, sent, and missed by Asterisk."""


class Scene(NamedTuple):
    """A talk in a page behind the proxy, and a supervisor who watches it."""

    stage: Stage
    page: Page
    live: Page
    person: SimAgent
    caller: Leg


async def open_signed_in(browser: Browser, proxy: PageProxy, who: Visitor, title: str) -> Page:
    """Sign a person in at the proxy, as the person does."""
    context = await browser.new_context(locale="tr-TR", ignore_https_errors=True)
    page = await context.new_page()
    page.set_default_timeout(LIMIT_S * 1000)
    await page.add_init_script(f"({WATCH})()")
    await page.goto(f"{proxy.address}sign-in")
    await page.fill('[name="name"]', who.person)
    await page.fill('[name="password"]', who.password)
    await page.keyboard.press("Enter")
    await expect(page).to_have_title(f"{title} – Santral")
    return page


@pytest.fixture
async def scene(new_lab: NewLab, browser: Browser, tmp_path: Path) -> AsyncIterator[Scene]:
    """Yield an agent who talks in a page behind HAProxy, with node a as leader."""
    lab: LabSession = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path), extra=ANY_HOUR
                                    + '\n[desk]\nproxies = ["127.0.0.1"]\n')
    ports = PortBlock()
    proxy = PageProxy(tmp_path / "proxy", ports.free_port(), [node.http for node in lab.info.nodes])
    try:
        stage, agent = Stage(lab, tmp_path), plain(SKILL, 1)[0]
        one, other = await add_people(lab.info, [(agent, SKILL)])
        page = await open_signed_in(browser, proxy, one, "Çalışmıyorsunuz")
        live = await open_signed_in(browser, proxy, other, "Canlı çağrılar")
        await page.get_by_role("button", name="Çalışmaya başla").click()
        await expect(page).to_have_title("Hazır – Santral")
        person = SimAgent(stage.info, stage.network, agent)
        lab.people.append(person)
        caller = await stage.hurried(KEY, tone=CALLER)
        await expect(page.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
        await page.keyboard.press("F2")
        await expect(page).to_have_title("Görüşmede – Santral")
        await stage.hears_tone(caller, MICROPHONE)
        await expect(live.locator("ul.calls .step")).to_have_text("Görüşmede")
        yield Scene(stage, page, live, person, caller)
    finally:
        proxy.stop()
        ports.close()


async def watched(page: Page, what: str) -> list[Any]:
    """Return what the page has noted of this kind."""
    found: list[Any] = await page.evaluate("(what) => window.watched[what]", what)
    return found


async def is_back(page: Page, what: str, since: float) -> float:
    """Wait until the stream or the phone of the page is there again after a moment, and return when it was."""
    async def came() -> float:
        return next((at for at in await watched(page, what) if at > since), 0.0)

    return await until_async(came, what=f"the page has its {what} again")


async def stored_notices(stage: Stage, agent: str, since: float) -> list[int]:
    """Return the numbers of the notices that the store has for the agent."""
    store = await Store.open_store(stage.info.store)
    try:
        facts = await store.recent_facts(NOTICED, since, 100_000)
    finally:
        await store.close()
    return [one.notice.id for one in NoticeBoard().add_facts(facts) if one.agent == agent]


async def test_the_leader_is_killed_in_a_talk(scene: Scene) -> None:
    print(await take_over(scene, "killed"))


async def test_the_leader_is_frozen_in_a_talk(scene: Scene) -> None:
    print(await take_over(scene, "frozen"))


async def take_over(scene: Scene, fault: str) -> str:
    """Take the leader away, let the agent finish the call at the other node, and return what was measured."""
    stage, page, live, person, caller = scene
    lab = stage.lab
    first = (await watched(page, "notices"))[0]
    contact = (await person.fetch_view())["contact"]
    before, began = await page.evaluate(FIGURES), time.time()
    # 1. Node a is gone, and node b leads. The page finds it by itself.
    lab.kill_node("a") if fault == "killed" else lab.freeze_node("a")
    assert (await lab.find_leader()).name == "b"
    led = time.time() - began
    opened = {one: await is_back(one, "streams", began) - began for one in (page, live)}
    registered = await is_back(page, "phones", began) - began
    await expect(page.locator(".trouble").filter(visible=True)).to_have_count(0)
    asked = await page.evaluate("async (agent) => (await fetch(`/api/v1/agents/${agent}`)).status", person.id)
    assert asked == 200, "the session holds at the new leader"
    # 2. The talk has gone on meanwhile, with everything that belongs to it.
    await expect(page).to_have_title("Görüşmede – Santral")
    await expect(live.locator("ul.calls .step")).to_have_text("Görüşmede")
    await asyncio.sleep(SETTLED_S)
    after, ended = await page.evaluate(FIGURES), time.time()
    packets = {name: int(after[name] - before[name]) for name in after}
    assert (packets["lost"], packets["missed"]) == (0, 0), packets
    assert packets["received"] > (ended - began - 1) * PACKETS_A_SECOND, packets
    # 3. The agent ends talk and wrap-up as usual.
    await page.keyboard.press("Shift+F2")
    await expect(page).to_have_title("Görüşme sonrası – Santral")
    await expect(live.locator("ul.calls .step")).to_have_text("Görüşme sonrası")
    await page.keyboard.press("F8")
    await expect(page).to_have_title("Hazır – Santral")
    await caller.wait_ended()
    # 4. The caller heard the agent all the time.
    gap = silence.longest_without(silence.between(caller, began - 1.0, ended - EDGE_S), MICROPHONE)
    # 5. Each notice of the store came once, in its order.
    wanted = [one for one in await stored_notices(stage, person.id, began - 60.0) if one >= first[1]]

    async def has_all() -> bool:
        return len(await watched(page, "notices")) >= len(wanted)

    await until_async(has_all, what="the page has all notices")
    shown = [one[1] for one in await watched(page, "notices")]
    said = [(round(at - began, 1), *more) for at, *more in await watched(page, "said") if at > began]
    told = [(round(at - began, 1), *more) for at, *more in await watched(live, "said") if at > began]
    failed = [(round(at - began, 1), *more) for at, *more in await watched(page, "asked") if at > began]
    assert shown == wanted
    rows = lab.query_store("select outcome from contacts where contact = ?", contact)
    assert rows[0]["outcome"] == "answered", rows
    return (f"\nleader {fault}: led {led:.2f} s, events {opened[page]:.2f} s, live {opened[live]:.2f} s, phone "
            f"{registered:.2f} s; packets {packets}; caller without the agent {gap:.2f} s; notices {shown}"
            f"\nagent heard {said}\nsupervisor heard {told}\nasked {failed}")
