"""One Chromium for all tests of the pages, and a fresh context for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.fakes.desk_page import COMFORT, SOFTPHONE, PlayedNode, played_node
from tests.fakes.desk_states import AT
from tests.integration.desk.pages.desk_steps import HEARD
from tests.until import LIMIT_S, until_async

CHROMIUM = "/usr/bin/chromium"
expect.set_options(timeout=LIMIT_S * 1000)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    assert Path(CHROMIUM).exists(), "the package chromium is missing: make setup installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def node() -> AsyncIterator[PlayedNode]:
    async with played_node() as node:
        yield node


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="tr-TR")
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext) -> Page:
    return await open_page(context)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(page: Page, node: PlayedNode) -> Page:
    """The page of an agent who is ready, with its phone open."""
    await page.goto(node.base)
    await until_async(lambda: len(node.streams) == 1)
    await page.wait_for_function("() => window.calls?.some((one) => one.startsWith('ringer'))")
    # The page has what the agent chose earlier.
    await expect(page.locator("[data-comfort=ear]")).to_have_value(COMFORT["ear"])
    await page.evaluate(HEARD)
    return page


async def open_page(context: BrowserContext) -> Page:
    """Return a page whose errors fail the test, whose softphone only notes, and whose clock stays at 14:05."""
    page = await context.new_page()
    page.set_default_timeout(LIMIT_S * 1000)
    await page.clock.set_fixed_time(AT * 1000)

    async def serve_softphone(route: object) -> None:
        await route.fulfill(body=SOFTPHONE, content_type="text/javascript")  # type: ignore[attr-defined]

    await page.route("**/softphone.js", serve_softphone)
    page.errors = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)  # type: ignore[attr-defined]
    return page
