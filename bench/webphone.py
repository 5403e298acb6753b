"""CPU of Asterisk for a talk in a page, compared with a talk at a plain phone, and the time from the offer to the talk.

One lab, one after the other: nobody talks, some agents talk at phones, the same number talk in pages of one Chromium.
All callers come by A-law from the trunk and hear a tone. The CPU of an Asterisk in which nobody talks is subtracted.
Pages encrypt (DTLS-SRTP) and check their paths (ICE), which plain phones do not.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import yaml
from playwright.async_api import BrowserContext, Page, async_playwright

from bench.harness.page_browser import Chromium, open_context, open_phone_page
from bench.row import Row
from lab import lifecycle
from lab.errors import LabError
from lab.pbx import process
from lab.people.agent import ask_node
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession

TAKES_S = 90.0
TALKS = 4
"""Talks at a time. The browser has the same two cores, and only Asterisk is measured."""
MEASURE_S = 12.0
IDLE_S = 8.0
LIMIT_S = 60.0
LOOK_S = 0.1
SKILL, KEYS = "psikososyal", "1@600ms,1@1200ms,1@1900ms"
CALLER_HZ, AGENT_HZ = 440, 700
GOAL_RATIO = 2.5
ANSWER = """phone.addEventListener("offer", () => { window.pressed = performance.now(); phone.answer(); });
phone.addEventListener("talking", () => { window.took ??= performance.now() - window.pressed; });"""


def measure_rows() -> list[Row]:
    """Measure on a separate private lab."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    browser = Chromium(folder / "chromium")
    try:
        info = lifecycle.start_lab(folder=folder / "lab", extra=lifecycle.ANY_HOUR)
        return asyncio.run(_measure_talks(info, browser))
    finally:
        browser.kill()
        lifecycle.stop_lab(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)


async def _measure_talks(info: lifecycle.LabInfo, browser: Chromium) -> list[Row]:
    asterisk = lifecycle.find_process(Path(info.state), "asterisk")

    async def measure_cpu(seconds: float) -> float:
        """Return the CPU of Asterisk in milliseconds a second."""
        before, began = process.cpu_s(asterisk), time.monotonic()
        await asyncio.sleep(seconds)
        return 1000 * (process.cpu_s(asterisk) - before) / (time.monotonic() - began)

    async with LabSession(info) as lab, AsyncExitStack() as stack:
        # 1. Nobody talks.
        names = _choose_agents(info)
        idle = await measure_cpu(IDLE_S)
        # 2. Plain phones that answer at once.
        for name in names:
            await lab.sign_in_agent(name, PhoneBehaviour("0", tone=AGENT_HZ))
        await _place_calls(lab)
        phone = (await measure_cpu(MEASURE_S) - idle) / TALKS
        phone_ms = _answer_times(lab, after=0.0)
        # 3. Pages that answer at once.
        changed_at = time.time()
        await lab.clear_lab()
        playwright = await stack.enter_async_context(async_playwright())
        chromium = await playwright.chromium.connect_over_cdp(browser.address)
        pages = [await _open_page(lab, await open_context(chromium, lab, name), name) for name in names]
        await _place_calls(lab)
        page = (await measure_cpu(MEASURE_S) - idle) / TALKS
        pressed_ms = [float(await one.evaluate("window.took")) for one in pages]
        page_ms = _answer_times(lab, after=changed_at)
        for name in names:
            await ask_node(info, "POST", f"/api/v1/agents/{name}/logout", agent=name)
    ratio = page / phone
    return [
        # CPU milliseconds of Asterisk in a second of a talk.
        Row("webphone.cpu", page, "ms/s", f"plain phone: {phone:.3g} ms/s, nobody: {idle:.3g} ms/s", ratio,
            f"at most {GOAL_RATIO:g}x", ratio <= GOAL_RATIO),
        Row("webphone.talk", statistics.median(page_ms), "ms", f"plain phone: {statistics.median(phone_ms):.3g} ms",
            statistics.median(page_ms) / statistics.median(phone_ms), "", None),
        Row("webphone.answer", statistics.median(pressed_ms), "ms", "answer to sound, in the page", None, "", None)]


def _choose_agents(info: lifecycle.LabInfo) -> list[str]:
    """Return agents of one skill without accommodations."""
    text = (Path(info.centre) / "accommodations.yaml").read_text(encoding="utf-8")
    special = {entry["agent"] for entry in yaml.safe_load(text)["accommodations"]}
    found = [seat.id for seat in info.agents if set(seat.skills) == {SKILL} and seat.skills[SKILL] >= 60
             and seat.id not in special]
    if len(found) < TALKS:
        raise LabError(f"only {len(found)} agents have {SKILL} alone; the benchmark needs {TALKS}")
    return found[:TALKS]


async def _open_page(lab: LabSession, context: BrowserContext, agent: str) -> Page:
    page, errors = await open_phone_page(context, lab, agent)
    end = time.monotonic() + LIMIT_S
    while not await page.evaluate("window.phone?.state.registered ?? false"):
        if time.monotonic() > end:
            raise LabError(f"the page of {agent} did not register: {errors}")
        await asyncio.sleep(LOOK_S)
    await page.evaluate(f"(() => {{ {ANSWER} }})()")
    await page.evaluate("window.post('login')")
    return page


async def _place_calls(lab: LabSession) -> None:
    """Place the calls and wait until all of them talk."""
    for _ in range(TALKS):
        await lab.place_call(press=KEYS, tone=CALLER_HZ)
    end = time.monotonic() + LIMIT_S
    while (await lab.fetch_queue(SKILL))["talking"] < TALKS:
        if time.monotonic() > end:
            raise LabError(f"only {(await lab.fetch_queue(SKILL))['talking']} of {TALKS} calls were answered")
        await asyncio.sleep(LOOK_S)


def _answer_times(lab: LabSession, after: float) -> list[float]:
    """Return the milliseconds from each offer to its talk, by the node's clock. Phones and pages answer at once."""
    rows = lab.query_store("select offered_at, connected_at from offers where connected_at > ?", after)
    return [1000 * (row["connected_at"] - row["offered_at"]) for row in rows]
