"""Signing in with a real browser: by keyboard, without a script, for everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from desk.people import person_rows
from desk.people.one_use_code import hash_code
from desk.people.session_requests import BROWSER_COOKIE, COOKIE
from tests.fakes.desk import Desk, running
from tests.integration.desk.pages.test_desk_access import run_axe

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PASSWORD = "Uzun bir parola ğüş"
CODE = "ABCD-EFGH-JKMN-PQRS-TVWX"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
"""320 pixels are what a page of 1280 has at a zoom of 400 %."""


@pytest_asyncio.fixture(loop_scope="module")
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with running(folder=tmp_path) as desk:
        await desk.store.run_write(lambda connection: person_rows.reset_person(
            connection, "a1", hash_code(CODE), 1e12, 0.0))
        yield desk


async def press(page: Page, *keys: str) -> None:
    # The page without a script gives the focus a moment after it is shown.
    await expect(page.locator("input:focus")).to_have_count(1)
    for key in keys:
        await (page.keyboard.press(key) if key in ("Tab", "Enter") else page.keyboard.type(key))


async def send(page: Page) -> None:
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def test_a_person_signs_in_by_keyboard_without_a_script(browser: Browser, desk: Desk) -> None:
    context = await browser.new_context(java_script_enabled=False, locale="tr-TR")
    page = await context.new_page()
    # 1. A code and a password. The focus is where the next key belongs.
    await page.goto(f"{desk.base}/password")
    await press(page, "a1", "Tab", CODE.lower(), "Tab", PASSWORD, "Tab", PASSWORD + "x")
    await send(page)
    await expect(page.get_by_role("alert")).to_have_text("İki parola aynı değil. İkisini de yeniden yazın.")
    await press(page, PASSWORD, "Tab", PASSWORD)
    await send(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Masanız")
    cookies = {one["name"]: one for one in await context.cookies()}
    assert set(cookies) == {COOKIE, BROWSER_COOKIE}
    assert all(one["secure"] and one["httpOnly"] and one["sameSite"] == "Strict" for one in cookies.values())
    # 2. Out again, and in again by the password.
    async with page.expect_navigation():
        await page.get_by_role("button", name="Oturumu kapat").press("Enter")
    await expect(page.get_by_role("status")).to_have_text("Oturumunuz kapandı.")
    await press(page, "a1", "Tab", "falsch")
    await send(page)
    password = page.get_by_label("Parola")
    await expect(password).to_be_focused()
    await expect(password).to_have_accessible_description(
        "Kullanıcı adı veya parola yanlış. İkisini de denetleyip yeniden deneyin.")
    await expect(page).to_have_title("Hata – Oturum aç – Santral")
    await press(page, PASSWORD)
    await send(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Masanız")
    await context.close()


@pytest.mark.parametrize("language", ["tr", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark", "forced"])
async def test_axe_finds_nothing_on_the_forms(browser: Browser, desk: Desk, language: str, scheme: str) -> None:
    context = await browser.new_context(viewport=WIDE, color_scheme="dark" if scheme == "dark" else "light",  # type: ignore[arg-type]
                                        forced_colors="active" if scheme == "forced" else "none")
    page, found = await context.new_page(), {}
    for path in ("/sign-in", "/sign-in?out=1", "/password"):
        await page.goto(f"{desk.base}{path}{'&' if '?' in path else '?'}language={language}")
        found[path] = await run_axe(page)
        # The same page after an error.
        for field in await page.locator("input").all():
            await field.fill("falsch falsch")
        async with page.expect_navigation():
            await page.get_by_role("button").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        found[f"{path} wrong"] = await run_axe(page)
    assert found == {name: {"violations": [], "incomplete": []} for name in found} and len(found) == 6
    await context.close()


@pytest.mark.parametrize("path", ["/sign-in", "/password"])
async def test_a_form_fits_at_four_hundred_per_cent_and_is_easy_to_hit(browser: Browser, desk: Desk, path: str) -> None:
    context = await browser.new_context(viewport=NARROW)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(desk.base + path)
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    for one in await page.locator("input, button, a:not(.skip)").all():
        box = await one.bounding_box()
        assert box is not None and box["height"] >= 24, await one.inner_text()
    # Nothing covers the element that has the focus.
    for _ in range(await page.locator("input, button, a").count()):
        await page.keyboard.press("Tab")
        assert await page.evaluate("""() => { const one = document.activeElement, box = one.getBoundingClientRect();
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
            return one === document.body || one === top || one.contains(top); }""")
    await context.close()
