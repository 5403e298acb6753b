"""Debian's Chromium for tests and benchmarks of pages, and sessions of people without a sign-in."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import struct
import subprocess
import time
import wave
from pathlib import Path

import aiohttp
from playwright.async_api import Browser, BrowserContext, Page

from desk.api.tokens import Role
from desk.people import person_rows
from desk.people.person_rows import SessionRow
from desk.people.session_requests import COOKIE
from desk.people.sessions import SESSION_S, hash_cookie
from lab.errors import LabError
from lab.session import LabSession
from routing.store.store import Store

PROGRAM = "/usr/bin/chromium"
MICROPHONE = 697
"""Tone of the microphone in Hz. No other part of a lab makes it."""
START_S = 30.0
LOOK_S = 0.02
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
         "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
         "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
EVENTS = ("registered", "unregistered", "offer", "talking", "held", "ended", "failed", "microphone", "device")

TEST_PAGE = """
window.post = async (path, body = {}) => {
  const answer = await fetch(`/api/v1/agents/AGENT/${path}`, { method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" } });
  return answer.json();
};
window.seen = [];
window.started = (async () => {
  const { Softphone } = await import("/static/softphone.js");
  window.access = await post("phone");
  const phone = window.phone = new Softphone(window.access, OPTIONS);
  for (const type of TYPES) {
    phone.addEventListener(type, ({ detail }) => window.seen.push({ type, at: performance.now(), ...detail }));
  }
  await phone.openMicrophone();
  phone.start();
})();
"""
"""Script of a page with nothing but the telephone."""
DOCUMENT = "/static/icon-ready.svg"
"""Any document of the node. A page that the test made up would not be of this machine, and Chromium would keep it from
reaching the node."""


class Chromium:
    """A running browser, without a window or on a `display` such as `:1`."""

    def __init__(self, folder: Path, *more_flags: str, display: str = "") -> None:
        if not Path(PROGRAM).exists():
            raise LabError("no page can be opened: apt-get install chromium")
        folder.mkdir(parents=True, exist_ok=True)
        write_tone(folder / "microphone.wav", MICROPHONE)
        flags = [flag for flag in FLAGS if not (display and flag.startswith("--headless"))]
        with (folder / "chromium.log").open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, *flags, *more_flags, f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}",
                 f"--user-data-dir={folder / 'profile'}", "about:blank"], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, "DISPLAY": display} if display else None)
        port = folder / "profile" / "DevToolsActivePort"
        end = time.monotonic() + START_S
        while not (port.exists() and len(port.read_text(encoding="ascii").splitlines()) > 1):
            if time.monotonic() > end or self.process.poll() is not None:
                raise LabError(f"Chromium did not start; see {folder / 'chromium.log'}")
            time.sleep(LOOK_S)
        self.address = f"http://127.0.0.1:{port.read_text(encoding='ascii').splitlines()[0]}"

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the browser and all its processes, as a crash does."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait(timeout=30)


def write_tone(path: Path, hertz: int, seconds: int = 2, rate: int = 48_000) -> None:
    """Write a tone with whole periods, so that its repetition has no gap. Chromium needs 48 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(2 * math.pi * hertz * at / rate)))
                                  for at in range(rate * seconds)))


async def open_session(lab: LabSession, person: str) -> str:
    """Sign a person in as the store sees it, and return the cookie when the node takes it."""
    store = await Store.open_store(lab.info.store)
    cookie = f"test-session-of-{person}-{time.monotonic_ns()}"
    now = time.time()
    row = SessionRow(hash_cookie(cookie), person, now, now + SESSION_S, None)
    try:
        one = person_rows.Person(person, "", (Role.AGENT,), disabled=False)
        await store.run_write(lambda connection: person_rows.put_person(connection, one, "", 0.0))
        await store.run_write(lambda connection: person_rows.add_session(connection, row, None))
        # The node looks for changes of people, so the session is there with the second one.
        await store.run_write(lambda connection: person_rows.put_person(connection, one, "", 0.0))
    finally:
        await store.close()
    headers = {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
    async with aiohttp.ClientSession(headers=headers) as http:
        end = time.monotonic() + START_S
        while True:
            async with http.get(f"http://{lab.info.http}/api/v1/agents/{person}") as answer:
                if answer.status == 200:
                    break
            if time.monotonic() > end:
                raise LabError(f"the node does not know the session of {person}")
            await asyncio.sleep(LOOK_S)
    return cookie


async def add_session(context: BrowserContext, cookie: str) -> None:
    """Give a session's cookie to a context."""
    await context.add_cookies([{"name": COOKIE, "value": cookie, "domain": "127.0.0.1", "path": "/", "secure": True,
                                "httpOnly": True, "sameSite": "Strict"}])


async def open_phone_page(context: BrowserContext, lab: LabSession, agent: str, options: str = "{}",
                          script: str = "") -> tuple[Page, list[str]]:
    """Open a page with nothing but the telephone. Return the page and its list of errors, which grows."""
    page = await context.new_page()
    await page.add_init_script(
        TEST_PAGE.replace("AGENT", agent).replace("OPTIONS", options).replace("TYPES", str(list(EVENTS))))
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    if script:
        await page.add_init_script(script)
    await page.goto(f"http://{lab.info.http}{DOCUMENT}")
    return page, errors


async def open_context(browser: Browser, lab: LabSession, agent: str) -> BrowserContext:
    """Return a new context with a session of the agent."""
    context = await browser.new_context(bypass_csp=True)
    await add_session(context, await open_session(lab, agent))
    return context
