"""A browser for the tests of the desk: one Chromium a run, a connection of Playwright a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from tests.system.desk.chromium import Chromium
from tests.system.desk.orca import ScreenReader
from tests.until import LIMIT_S

expect.set_options(timeout=LIMIT_S * 1000)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Start the browser once."""
    found = Chromium(tmp_path_factory.mktemp("chromium"))
    try:
        yield found
    finally:
        found.kill()


@pytest.fixture
async def browser(chromium: Chromium) -> AsyncIterator[Browser]:
    """Connect to the browser. Contexts that the test has opened are closed at its end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium.address)
        old = set(browser.contexts)
        try:
            yield browser
        finally:
            for context in browser.contexts:
                if context not in old:
                    await context.close()
            await browser.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[ScreenReader]:
    """Start a desktop with a screen reader."""
    reader = ScreenReader(tmp_path / "reader")
    try:
        reader.start_desktop()
        yield reader
    finally:
        reader.stop()
