"""The page of live calls with a played node: list, picture, course, focus, losses, narrow screens and axe."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, expect

from desk.pages.live_page import build_live_values
from desk.pages.page_routes import choose_language
from tests.fakes.desk_page import PlayedNode, played_node
from tests.fakes.desk_states import AT
from tests.integration.desk.pages.conftest import open_page
from tests.integration.desk.pages.test_desk_access import run_axe
from tests.until import until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

COUNTS = {"hidden": 0, "callbacks": 0, "more": 0}
COURSE: dict[str, Any] = {"id": "1764450000.17", "service": "temsilci", "step": "queue", "since": AT - 40.0,
          "steps": [[AT - 60.0, "greeting"], [AT - 50.0, "menu"], [AT - 40.0, "queue"]],
          "lines": [{"time": "14:04:20", "text": "Temsilci sırasına girdi; 1. sırada"}],
          "why": ["Boşta uygun kimse yoktu: hazır değildi: molada (1).", "14:05:00 itibarıyla 1. sırada."],
          "heard": []}
HEARD = [{"at": AT - 20.0, "until": AT - 15.0, "language": "tr", "text": "Hoş geldiniz."},
         {"at": AT - 15.0, "until": AT - 14.0, "language": "en", "text": "For English, press 9."},
         {"at": AT - 5.0, "until": AT + 3600.0, "language": "tr", "text": "Sizden önce … kişi var."}]


def call(number: int, step: str, service: str = "temsilci", since: float = 12.0) -> dict[str, Any]:
    return {"id": f"1764450000.{number}", "service": service, "step": step, "since": AT - since, "began": AT - 60.0}


CALLS = [call(16, "menu", ""), call(17, "queue"), call(18, "talk", since=75.0), call(19, "ringing", "uzaktan_egitim")]


class PlayedCalls(PlayedNode):
    """A node that plays calls to the page."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = list(CALLS)
        self.course: dict[str, Any] = COURSE

    def build_application(self) -> web.Application:
        app = super().build_application()
        app.router.add_get("/live", self.serve_live)
        app.router.add_get("/api/v1/live/events", self.serve_events)
        app.router.add_get("/api/v1/live/calls/{id}", self.serve_course)
        return app

    async def serve_live(self, request: web.Request) -> web.Response:
        return self.pages.respond_document(request, "live.html", **build_live_values(
            choose_language(request), "Europe/Istanbul"))

    async def serve_course(self, request: web.Request) -> web.Response:
        self.asked.append((request.match_info["id"], request.query.get("language")))
        return web.json_response(self.course)

    def format_state(self) -> bytes:
        state = {"at": AT, "calls": self.calls, **COUNTS, "services": [
            {"id": "psikososyal", "name": "Psikososyal destek"}, {"id": "temsilci", "name": "Temsilci"},
            {"id": "uzaktan_egitim", "name": "Uzaktan eğitim"}]}
        return f"event: state\ndata: {json.dumps(state)}\n\n".encode()

    def change(self, *calls: dict[str, Any], gone: tuple[str, ...] = (), **counts: int) -> None:
        """Tell what has changed."""
        change = {"at": AT, "calls": calls, "gone": gone, **COUNTS, **counts}
        self.send(f"event: calls\ndata: {json.dumps(change)}\n\n".encode())


@pytest_asyncio.fixture(loop_scope="module")
async def live() -> AsyncIterator[PlayedCalls]:
    async with played_node(PlayedCalls()) as node:
        assert isinstance(node, PlayedCalls)
        yield node


@pytest_asyncio.fixture(loop_scope="module")
async def page(context: BrowserContext, live: PlayedCalls) -> Page:
    page = await open_page(context)
    await page.goto(f"{live.base}/live")
    await expect(page.locator("ul.calls > li")).to_have_count(len(live.calls))
    return page


def item(page: Page, number: int) -> Any:
    return page.locator("ul.calls > li", has=page.get_by_role("button", name=f"Çağrı {number}"))


async def test_calls_are_lists_by_service_that_read_well(page: Page, live: PlayedCalls) -> None:
    headings = await page.get_by_role("heading", level=3).all_inner_texts()
    assert headings == ["Henüz hizmet seçmeyenler – 1 çağrı", "Temsilci – 2 çağrı", "Uzaktan eğitim – 1 çağrı"]
    assert await page.locator("ul.calls").nth(1).get_by_role("listitem").all_inner_texts() == [
        "Çağrı 17 Sırada\n12 sn", "Çağrı 18 Görüşmede\n1 dk"]
    await expect(page.get_by_role("list", name="Temsilci – 2 çağrı")).to_have_count(1)
    await expect(page.locator("#count")).to_have_text("4 çağrı.")
    # The picture tells nothing that the list does not, so readers pass over it.
    await expect(page.locator("#picture circle")).to_have_count(4)
    await expect(page.get_by_role("img")).to_have_count(0)
    assert page.errors == []  # type: ignore[attr-defined]


async def test_each_step_is_seen_as_it_comes(page: Page, live: PlayedCalls) -> None:
    live.change(call(20, "greeting", ""), hidden=3, callbacks=2)
    await expect(item(page, 20)).to_contain_text("Karşılama")
    await expect(page.locator("#hidden")).to_have_text("Ayrıca gizli ya da kimliksiz hizmetlerde 3 çağrı.")
    await expect(page.locator("#callbacks")).to_have_text("Geri aranmayı bekleyen: 2.")
    for step, text in (("queue", "Sırada"), ("ringing", "Çalıyor"), ("talk", "Görüşmede"),
                       ("wrapup", "Görüşme sonrası"), ("end", "Bitti")):
        live.change(call(20, step, "psikososyal"))
        await expect(item(page, 20)).to_contain_text(text)
        await expect(page.locator(f"#picture circle.{step}").first).to_be_visible()
    await expect(page.get_by_role("heading", level=3).nth(1)).to_have_text("Psikososyal destek – 1 çağrı")
    live.change(gone=("1764450000.20",))
    await expect(item(page, 20)).to_have_count(0)
    await expect(page.get_by_role("heading", level=3)).to_have_count(3)


async def test_a_chosen_call_shows_its_course_and_why_it_is_there(page: Page, live: PlayedCalls) -> None:
    # 1. By keyboard. The course is below the button, and the focus stays.
    button = page.get_by_role("button", name="Çağrı 17")
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-expanded", "true")
    course = page.locator("#course")
    await expect(course.get_by_role("listitem")).to_have_text([
        *COURSE["why"], "14:04:20 Temsilci sırasına girdi; 1. sırada"])
    await expect(course).to_contain_text("santral why 1764450000.17")
    assert live.asked[-1] == ("1764450000.17", "tr")
    # 2. A new step brings the course again, is announced, and moves nobody's focus, even to another service.
    live.course = {**COURSE, "why": ["a1001 seçildi."], "step": "ringing"}
    live.change(call(17, "ringing", "uzaktan_egitim"))
    await expect(course).to_contain_text("a1001 seçildi.")
    await expect(page.get_by_role("status")).to_have_text("Çağrı 17: Çalıyor")
    await expect(button).to_be_focused()
    # 3. A chosen call that leaves the list stays until another choice.
    live.change(gone=("1764450000.17",))
    await expect(item(page, 17)).to_contain_text("Bu çağrı bitti ve listeden çıktı.")
    await page.keyboard.press("Enter")
    await expect(item(page, 17)).to_have_count(0)
    assert page.errors == []  # type: ignore[attr-defined]


async def test_a_caller_in_the_menu_has_a_reason_as_well(page: Page, live: PlayedCalls) -> None:
    live.course = {**COURSE, "step": "menu", "service": "", "lines": [], "why": []}
    await page.get_by_role("button", name="Çağrı 16").click()
    course = page.locator("#course")
    await expect(course).to_contain_text("Arayan menüyü dinliyor ve henüz bir hizmet seçmedi.")
    assert (await course.get_by_role("listitem").all_inner_texts())[1:3] == ["14:04:00 Karşılama", "14:04:10 Menü"]


async def test_sentences_of_a_caller_are_shown_as_they_come(page: Page, live: PlayedCalls) -> None:
    # 1. A centre that shows none has no part for them.
    button = page.get_by_role("button", name="Çağrı 17")
    await button.click()
    course = page.locator("#course")
    await expect(course).to_contain_text("santral why")
    await expect(course.get_by_role("heading", name="Arayanın duydukları")).to_have_count(0)
    # 2. Sentences in their order, in their language. One of them is heard now.
    live.course = {**COURSE, "heard": HEARD[:2]}
    live.change(call(17, "queue"))
    sentences = course.locator('[data-part="heard"] > li')
    await expect(sentences).to_have_text(["14:04:40 Hoş geldiniz.", "14:04:45 For English, press 9."])
    assert [await one.get_attribute("lang") for one in await course.locator("q").all()] == ["tr", "en"]
    first = await sentences.first.element_handle()
    live.course = {**COURSE, "heard": HEARD}
    live.change(call(17, "queue"))
    await expect(sentences.last).to_have_text("14:04:55 Şimdi duyuyor: Sizden önce … kişi var.")
    # 3. Earlier items stay the same elements, so a reader keeps the place.
    assert first is not None and await first.evaluate("(one) => one.isConnected")
    # 4. The next sentence cuts it off, and the oldest one goes.
    live.course = {**COURSE, "heard": [{**HEARD[2], "until": AT - 1.0}]}
    live.change(call(17, "queue"))
    await expect(sentences).to_have_text(["14:04:55 Sizden önce … kişi var."])
    assert page.errors == []  # type: ignore[attr-defined]


async def test_a_node_that_starts_again_loses_no_call_of_the_page(page: Page, live: PlayedCalls) -> None:
    await page.get_by_role("button", name="Çağrı 18").click()
    live.calls = [call(17, "queue"), call(18, "talk")]
    live.cut_streams()
    await until_async(lambda: live.streams == [])
    await until_async(lambda: len(live.streams) == 1)
    await expect(page.locator("ul.calls > li")).to_have_count(2)
    await expect(page.locator("#course")).to_be_visible()
    # A longer loss is told, until the node is back.
    live.refuses_streams = True
    live.cut_streams()
    await page.clock.set_fixed_time(AT * 1000 + 8000)
    await expect(page.locator("#trouble-lost")).to_be_visible()
    # It interrupts nobody who reads.
    await expect(page.locator("#status")).to_contain_text("Santral'a ulaşılamıyor.")
    await expect(page.locator("#alert")).to_be_empty()
    live.refuses_streams = False
    await expect(page.locator("#trouble-lost")).to_be_hidden()
    await expect(page.locator("#status")).to_have_text("Santral'a yeniden bağlanıldı.")


async def find_faults(page: Page) -> list[str]:
    """Return what axe finds. It cannot measure texts of a picture, whose two colours are those of other texts."""
    found = await run_axe(page)
    return [*found["violations"], *(one for one in found["incomplete"]
                                    if not re.match("color-contrast: .*contains an image node$", one))]


@pytest.mark.parametrize("language", ["tr", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark", "forced"])
async def test_axe_finds_nothing(page: Page, live: PlayedCalls, language: str, scheme: str) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light",
                             forced_colors="active" if scheme == "forced" else "none")
    live.course = {**COURSE, "heard": HEARD}
    await page.goto(f"{live.base}/live?language={language}")
    await page.locator("ul.calls button").nth(1).click()
    await expect(page.locator('[data-part="heard"] .now').last).not_to_be_empty()
    assert await find_faults(page) == []
    live.change(gone=tuple(one["id"] for one in CALLS))
    # The chosen call is the only one that stays.
    await expect(page.locator("ul.calls > li")).to_have_count(1)
    await page.locator("ul.calls button").first.click()
    await expect(page.locator("ul.calls > li")).to_have_count(0)
    assert await find_faults(page) == []


async def test_a_narrow_screen_needs_no_scrolling_sideways(browser: Browser, live: PlayedCalls) -> None:
    context = await browser.new_context(viewport={"width": 320, "height": 640}, locale="tr-TR")
    page = await open_page(context)
    await page.goto(f"{live.base}/live")
    await page.get_by_role("button", name="Çağrı 17").click()
    await expect(page.locator("#course")).to_contain_text("santral why")
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= 320
    await context.close()


async def test_many_calls_are_drawn_as_a_number(page: Page, live: PlayedCalls) -> None:
    live.change(*(call(100 + number, "queue") for number in range(40)))
    await expect(page.locator("#picture text.over")).to_have_text("+29")
