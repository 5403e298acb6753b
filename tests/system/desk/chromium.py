"""Debian's Chromium for tests: one process a run, a separate context for each page of a person."""

from __future__ import annotations

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
from lab.session import LabSession
from routing.store.store import Store
from tests.until import LIMIT_S, until, until_async

PROGRAM = "/usr/bin/chromium"
MICROPHONE = 697
"""Tone of the microphone in Hz. No other part of a lab makes it."""
START_S = 30.0
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
    """A running browser."""

    def __init__(self, folder: Path) -> None:
        if not Path(PROGRAM).exists():
            raise AssertionError("the page was not tested: apt-get install chromium")
        folder.mkdir(parents=True, exist_ok=True)
        write_tone(folder / "microphone.wav", MICROPHONE)
        with (folder / "chromium.log").open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, *FLAGS, f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}",
                 f"--user-data-dir={folder / 'profile'}", "about:blank"], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True)
        port = folder / "profile" / "DevToolsActivePort"
        until(lambda: port.exists() and len(port.read_text(encoding="ascii").splitlines()) > 1, START_S,
              "Chromium starts")
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
    store = await Store.open_store(lab.folder / "santral.db")
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
        async def is_known() -> bool:
            async with http.get(f"http://{lab.info.http}/api/v1/agents/{person}") as answer:
                return answer.status == 200

        await until_async(is_known, what=f"the node knows the session of {person}")
    return cookie


class PhonePage:
    """The page of one agent, with nothing but the softphone."""

    def __init__(self, page: Page, agent: str, errors: list[str]) -> None:
        self.page, self.agent, self.errors = page, agent, errors

    @classmethod
    async def open_page(cls, browser: Browser, lab: LabSession, agent: str, options: str = "{}",
                        script: str = "") -> PhonePage:
        """Open the page in a new context with a session of the agent. `script` runs before the page's own."""
        context = await browser.new_context(bypass_csp=True)
        await add_session(context, await open_session(lab, agent))
        return await cls.open_in(context, lab, agent, options, script)

    @classmethod
    async def open_in(cls, context: BrowserContext, lab: LabSession, agent: str, options: str = "{}",
                      script: str = "") -> PhonePage:
        """Open one more page of the same browser and session."""
        page = await context.new_page()
        text = TEST_PAGE.replace("AGENT", agent).replace("OPTIONS", options).replace("TYPES", str(list(EVENTS)))

        if script:
            await page.add_init_script(script)
        await page.add_init_script(text)
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"http://{lab.info.http}{DOCUMENT}")
        return cls(page, agent, errors)

    async def do(self, script: str) -> object:
        """Evaluate an expression in the page."""
        return await self.page.evaluate(script)

    async def seen(self, *types: str) -> list[dict[str, object]]:
        """Return the events so far, or those of these types."""
        found: list[dict[str, object]] = await self.page.evaluate("window.seen")
        return [one for one in found if not types or one["type"] in types]

    async def sees(self, kind: str, count: int = 1, limit: float = LIMIT_S) -> dict[str, object]:
        """Wait for the event, for the n-th time, and return it."""
        async def there() -> list[dict[str, object]]:
            found = await self.seen(kind)
            return found if len(found) >= count else []

        try:
            return (await until_async(there, limit, f"{kind} in the page"))[count - 1]
        except AssertionError as error:
            raise AssertionError(f"{error}; the page saw {await self.seen()} {self.errors}") from None

    async def hears(self, hertz: float, limit: float = 10.0) -> float:
        """Wait until the strongest frequency in the page is this one."""
        async def there() -> float:
            found = await self.page.evaluate("window.phone.callerSpectrum()")
            return float(found["hertz"]) if abs(found["hertz"] - hertz) < 15 and found["db"] > -60 else 0.0

        return await until_async(there, limit, f"{hertz} Hz in the page")


async def add_session(context: BrowserContext, cookie: str) -> None:
    """Give a session's cookie to a context."""
    await context.add_cookies([{"name": COOKIE, "value": cookie, "domain": "127.0.0.1", "path": "/", "secure": True,
                                "httpOnly": True, "sameSite": "Strict"}])

