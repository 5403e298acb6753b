"""Each state of the desk in Chromium: the first document and the script agree, and nothing is replaced."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import STATES
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

SEEN = """() => [...document.querySelectorAll("main *")]
  .filter(one => !one.closest("#status, #alert, #day, #due, #sound, #note, #to-colleague, [id^=key-]"))
  .map(one => [one.tagName, one.id, one.hidden, one.disabled ?? null, one.getAttribute("aria-pressed"),
    one.children.length ? "" : one.textContent.trim()].join("|"))"""
MARK = "() => { for (const one of document.querySelectorAll('*')) one.marked = true; }"
UNMARKED = "() => [...document.querySelectorAll('*')].filter(one => !one.marked).map(one => one.outerHTML)"


@pytest.mark.parametrize("language", ["tr", "en"])
async def test_the_first_document_and_the_script_agree_on_each_state(
        page: Page, node: PlayedNode, language: str) -> None:
    # 1. Each state as the node renders it, without a script.
    await page.route("**/desk.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    written = {}
    for name, state in STATES.items():
        node.state = state
        await page.goto(f"{node.base}/?language={language}")
        written[name] = await page.evaluate(SEEN)
    # 2. Each state as the script makes it from the one before, with the same elements.
    await page.unroute("**/desk.js")
    node.state = STATES["ready"]
    await page.goto(f"{node.base}/?language={language}")
    await until_async(lambda: len(node.streams) == 1)
    await page.evaluate(MARK)
    count = await page.evaluate("() => document.querySelectorAll('*').length")
    for name, expected in written.items():
        node.play(name)

        async def differences(expected: list[str] = expected) -> list[str]:
            found = await page.evaluate(SEEN)
            return [f"{a} != {b}" for a, b in zip(found, expected, strict=True) if a != b]

        async def agrees() -> bool:
            return not await differences()

        try:
            await until_async(agrees)
        except AssertionError:
            raise AssertionError(f"{name}: {await differences()}") from None
    assert await page.evaluate(UNMARKED) == []
    assert await page.evaluate("() => document.querySelectorAll('*').length") == count
    assert page.errors == []  # type: ignore[attr-defined]
