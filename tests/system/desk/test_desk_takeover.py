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
from tests.system.desk.test_desk_reload import press_until_ready
from tests.system.stage import Stage, plain
from tests.until import LIMIT_S, until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

SKILL, KEY = "uzaktan_egitim", "2"
CALLER = 440
SETTLED_S = 3.0
"""Talk after the take-over, in which a late loss would show."""
LEADERLESS_S = 3.0
"""Time after a freeze at which no node leads: the lease has 5 s, and the proxy has seen it after 1.5."""
OLD_S = 600.0
"""Age of the first notice: everything of this lab."""
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
      this.addEventListener("notice", (event) => found.notices.push([at(), JSON.parse(event.data).id]));
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
    packets: dict[str, float]
    since: float
    """Packets of the talk until this time."""


async def open_signed_in(browser: Browser, proxy: PageProxy, who: Visitor, title: str) -> Page:
    """Sign a person in at the proxy, as the person does."""
    context = await browser.new_context(locale="tr-TR", ignore_https_errors=True)
    page = await context.new_page()
    await sign_in_watched(page, proxy, who, title)
    return page


async def sign_in_watched(page: Page, proxy: PageProxy, who: Visitor, title: str) -> None:
    """Sign a person in at the proxy in this page, which notes what it does."""
    page.set_default_timeout(LIMIT_S * 1000)
    await page.add_init_script(f"({WATCH})()")
    await page.goto(f"{proxy.address}sign-in")
    await page.fill('[name="name"]', who.person)
    await page.fill('[name="password"]', who.password)
    await page.keyboard.press("Enter")
    await expect(page).to_have_title(f"{title} – Santral")


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
        await page.get_by_role("button", name="Çalışmaya başla").focus()
        await press_until_ready(page)
        person = SimAgent(stage.info, stage.network, agent)
        lab.people.append(person)
        caller = await stage.hurried(KEY, tone=CALLER)
        await expect(page.get_by_role("button", name="Yanıtla", exact=True)).to_be_visible()
        await page.keyboard.press("F2")
        await expect(page).to_have_title("Görüşmede – Santral")
        await stage.hears_tone(caller, MICROPHONE)
        await expect(live.locator("ul.calls .step")).to_have_text("Görüşmede")
        yield Scene(stage, page, live, person, caller, await page.evaluate(FIGURES), time.time())
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
        facts = [fact async for page in store.recent_facts(NOTICED, since, 100_000) for fact in page]
    finally:
        await store.close()
    return [one.notice.id for one in NoticeBoard().add_facts(facts) if one.agent == agent]


async def test_the_leader_is_killed_in_a_talk(scene: Scene) -> None:
    began = lose_leader(scene, "killed")
    # The next node does what the agent presses meanwhile.
    await scene.page.locator("[data-do=load][data-value='3']").click()
    times = await take_over(scene, began)
    await expect(scene.page.locator("[data-do=load][data-value='3']")).to_have_attribute("aria-pressed", "true")
    gap = await go_on_talking(scene, began)
    await scene.page.keyboard.press("Shift+F2")
    await finish(scene, began, "leader killed", f"{times}; {gap}")


async def test_the_leader_is_frozen_in_a_talk(scene: Scene) -> None:
    began = lose_leader(scene, "frozen")
    times = await take_over(scene, began)
    gap = await go_on_talking(scene, began)
    await scene.page.keyboard.press("Shift+F2")
    await finish(scene, began, "leader frozen", f"{times}; {gap}")


async def test_the_caller_hangs_up_while_no_node_leads(scene: Scene) -> None:
    began = lose_leader(scene, "killed")
    await scene.caller.hang_up()
    times = await take_over(scene, began)
    await finish(scene, began, "leader killed, then the caller hangs up", times)


async def test_the_agent_hangs_up_while_the_leader_is_frozen(scene: Scene) -> None:
    began = lose_leader(scene, "frozen")
    # 1. The telephone is still connected, and the frozen node keeps the hang-up to itself.
    await scene.page.keyboard.press("Shift+F2")
    # 2. A page that is opened while no node leads says so, and opens by itself.
    await asyncio.sleep(LEADERLESS_S)
    await scene.live.reload()
    await expect(scene.live.get_by_text("Görüşmeler sürüyor")).to_be_visible()
    await expect(scene.live).to_have_title("Canlı çağrılar – Santral")
    times = await take_over(scene, began)
    await finish(scene, began, "leader frozen, then the agent hangs up", times)


def lose_leader(scene: Scene, fault: str) -> float:
    """Take the leader away, and return when that was."""
    began = time.time()
    scene.stage.lab.kill_node("a") if fault == "killed" else scene.stage.lab.freeze_node("a")
    return began


async def take_over(scene: Scene, began: float) -> str:
    """Wait until both pages are with node b, and return when each part was there."""
    _, page, live, person, *_ = scene
    assert (await scene.stage.lab.find_leader()).name == "b"
    led = time.time() - began
    opened = [await is_back(one, "streams", began) - began for one in (page, live)]
    registered = await is_back(page, "phones", began) - began
    asked = await page.evaluate("async (agent) => (await fetch(`/api/v1/agents/${agent}`)).status", person.id)
    assert asked == 200, "the session holds at the new leader"
    await expect(page.locator(".trouble").filter(visible=True)).to_have_count(0)
    return (f"led {led:.2f} s, events {opened[0]:.2f} s, live calls {opened[1]:.2f} s, phone {registered:.2f} s "
            "after the fault")


async def go_on_talking(scene: Scene, began: float) -> str:
    """Look at the talk over the take-over and some seconds more."""
    stage, page, live, _, caller, before, talked = scene
    await expect(page).to_have_title("Görüşmede – Santral")
    await expect(live.locator("ul.calls .step")).to_have_text("Görüşmede")
    await asyncio.sleep(SETTLED_S)
    after, now = await page.evaluate(FIGURES), time.time()
    packets = {name: int(after[name] - before[name]) for name in after}
    assert (packets["lost"], packets["missed"]) == (0, 0), packets
    assert packets["received"] > (now - talked - 1) * PACKETS_A_SECOND, packets
    heard = stage.tone_s(caller, MICROPHONE)
    await stage.hears_tone(caller, MICROPHONE, seconds=heard + 1.0)
    return f"packets {packets} in {now - talked:.1f} s"


async def finish(scene: Scene, began: float, what: str, measured: str) -> None:
    """Let the agent end the wrap-up at the new leader, and compare what the page showed with the store."""
    stage, page, live, person, caller, *_ = scene
    # 1. Wrap-up, as usual.
    await expect(page).to_have_title("Görüşme sonrası – Santral")
    over = time.time()
    await expect(live.locator("ul.calls .step")).to_have_text("Görüşme sonrası")
    await page.keyboard.press("F8")
    await expect(page).to_have_title("Hazır – Santral")
    await caller.wait_ended()
    (row,) = stage.lab.query_store("select outcome, contact from contacts")
    ends = stage.lab.query_store("select reason from offers where contact = ?", row["contact"])
    assert row["outcome"] == "answered" and len(ends) == 1, (row, ends)
    # 2. The caller heard the agent until one of them hung up.
    gap = silence.longest_without(silence.between(caller, began - 1.0, min(over, caller.ended_at or over) - EDGE_S),
                                  MICROPHONE)
    # 3. Each notice of the store came once, in its order.
    wanted = await stored_notices(stage, person.id, began - OLD_S)

    async def has_all() -> bool:
        return len(await watched(page, "notices")) >= len(wanted)

    await until_async(has_all, what=f"the page has the notices {wanted}")
    shown = [one for _, one in await watched(page, "notices")]
    said, told, asked = [[(round(at - began, 1), *more) for at, *more in await watched(*one) if at > began]
                         for one in ((page, "said"), (live, "said"), (page, "asked"))]
    print(f"\n{what}: {measured}; wrap-up {over - began:.2f} s; caller without the agent for {gap:.2f} s; "
          f"end of the talk {ends[0]['reason']}; notices {shown}\nagent heard {said}\nsupervisor heard {told}\n"
          f"asked {asked}")
    assert shown == wanted
