"""The page of one agent in a test, with nothing but the telephone."""

from __future__ import annotations

from playwright.async_api import Browser, BrowserContext, Page

from bench.harness.page_browser import FLAGS as FLAGS
from bench.harness.page_browser import MICROPHONE as MICROPHONE
from bench.harness.page_browser import PROGRAM as PROGRAM
from bench.harness.page_browser import Chromium as Chromium
from bench.harness.page_browser import add_session as add_session
from bench.harness.page_browser import open_context, open_phone_page
from bench.harness.page_browser import open_session as open_session
from bench.harness.page_browser import write_tone as write_tone
from lab.session import LabSession
from tests.until import LIMIT_S, until_async


class PhonePage:
    """The page of one agent, with nothing but the softphone."""

    def __init__(self, page: Page, agent: str, errors: list[str]) -> None:
        self.page, self.agent, self.errors = page, agent, errors

    @classmethod
    async def open_page(cls, browser: Browser, lab: LabSession, agent: str, options: str = "{}",
                        script: str = "") -> PhonePage:
        """Open the page in a new context with a session of the agent. `script` runs before the page's own."""
        context = await open_context(browser, lab, agent)
        return await cls.open_in(context, lab, agent, options, script)

    @classmethod
    async def open_in(cls, context: BrowserContext, lab: LabSession, agent: str, options: str = "{}",
                      script: str = "") -> PhonePage:
        """Open one more page of the same browser and session."""
        page, errors = await open_phone_page(context, lab, agent, options, script)
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

    async def hears(self, hertz: float, limit: float = LIMIT_S) -> float:
        """Wait until the strongest frequency in the page is this one."""
        async def there() -> float:
            found = await self.page.evaluate("window.phone.callerSpectrum()")
            return float(found["hertz"]) if abs(found["hertz"] - hertz) < 15 and found["db"] > -60 else 0.0

        return await until_async(there, limit, f"{hertz} Hz in the page")
