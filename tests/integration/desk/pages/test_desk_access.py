"""The page for everybody: axe in every state and both languages, targets, focus, help, zoom, and a golden tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.async_api import BrowserContext, Page

from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import STATES
from tests.integration.desk.pages.conftest import open_page

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
GOLDEN = Path(__file__).parent / "golden"
OPEN_ALL = "() => { for (const one of document.querySelectorAll('details')) one.open = true; }"
RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations", "incomplete"] });
  const list = (some) => some.flatMap((one) => one.nodes.map((node) =>
    `${one.id}: ${node.target} ${node.any.concat(node.all, node.none).map((check) => check.message).join("; ")}`));
  return { violations: list(found.violations), incomplete: list(found.incomplete) };
}"""


async def run_axe(page: Page) -> dict[str, Any]:
    """Return what axe finds. The page's policy allows no foreign script, so axe is evaluated by the debugger."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(RUN)
    return found


@pytest.mark.parametrize("language", ["tr", "en"])
async def test_axe_finds_nothing_in_any_state(page: Page, node: PlayedNode, language: str) -> None:
    found = {}
    for name, state in STATES.items():
        node.state = state
        await page.goto(f"{node.base}/?language={language}")
        await page.evaluate(OPEN_ALL)
        found[name] = await run_axe(page)
    assert found == {name: {"violations": [], "incomplete": []} for name in STATES}


@pytest.mark.parametrize("scheme", ["dark", "forced"])
async def test_axe_finds_nothing_in_the_dark_and_with_forced_colours(
        context: BrowserContext, node: PlayedNode, scheme: str) -> None:
    page = await open_page(context)
    await page.emulate_media(color_scheme="dark", forced_colors="active" if scheme == "forced" else "none")
    for name in ("talk", "offer-known", "signed-out", "wrapup"):
        node.state = STATES[name]
        await page.goto(node.base)
        await page.evaluate(OPEN_ALL)
        assert await run_axe(page) == {"violations": [], "incomplete": []}, name


async def test_axe_would_find_a_planted_fault(page: Page, node: PlayedNode) -> None:
    await page.goto(node.base)
    await page.evaluate("() => document.querySelector('label[for=reason]').remove()")
    assert [one.split(":")[0] for one in (await run_axe(page))["violations"]] == ["select-name"]
