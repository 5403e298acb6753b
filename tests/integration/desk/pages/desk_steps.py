"""Steps of tests at the page: what is announced, what the telephone does, and what the node is asked."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

from routing.core.model.centre_model import AgentState
from tests.fakes.desk_page import PlayedNode
from tests.fakes.desk_states import TALK, desk_state
from tests.until import until_async

HEARD = """() => { window.heard = []; for (const id of ["status", "alert"]) new MutationObserver(() => {
  const text = document.getElementById(id).textContent; if (text) window.heard.push([id, text]); }).observe(
  document.getElementById(id), { childList: true, characterData: true, subtree: true }); }"""
STOP_CLOCK = """() => { const at = performance.now(); window.passed = 0;
  performance.now = () => at + window.passed; }"""
READ_ONLY = {"day", "colleagues", "comfort", "caller", "contacts", "callbacks"}


async def heard(page: Page, *expected: tuple[str, str]) -> None:
    """Wait until exactly these texts have been announced, in order."""
    wanted = [list(one) for one in expected]

    async def said() -> bool:
        return len(await page.evaluate("() => window.heard")) >= len(wanted)

    try:
        await until_async(said)
    except AssertionError:
        pass
    found = await page.evaluate("() => window.heard")
    assert found == wanted, f"announced: {found}"


async def stop_clock(page: Page) -> None:
    """Stop the clock by which the page ignores late keys and shows choices in turn. A slow machine is then not late."""
    await page.evaluate(STOP_CLOCK)


async def move_clock(page: Page, ms: int) -> None:
    """Move the stopped clock on."""
    await page.evaluate("(ms) => { window.passed += ms; }", ms)


async def calls(page: Page) -> list[str]:
    found: list[str] = await page.evaluate("() => window.calls")
    return [one for one in found if one.split()[0] not in ("start", "sound", "ringer")]


def acts(node: PlayedNode) -> list[tuple[str, Any]]:
    """Requests that change something, in order."""
    return [one for one in node.asked if one[0] not in READ_ONLY and one[0] != "phone"]


async def answer_by_key(desk: Page, node: PlayedNode) -> None:
    node.play("offer")
    await expect(desk.get_by_role("button", name="Yanıtla")).to_be_visible()
    await desk.keyboard.press("F2")
    node.play(desk_state(AgentState.TALKING, TALK, recording="on"))
    await expect(desk.get_by_role("heading", name="Görüşme", exact=True)).to_be_visible()
    await heard(desk, ("alert", "Psikososyal 12 sn. Çağrı geliyor."), ("status", "Görüşme başladı."))
