"""The page's own telephone in Chromium, against an exchange that takes registrations and loses connections."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.fakes.desk_page import played_node
from tests.fakes.page_exchange import MICROPHONE, PageExchange
from tests.until import LIMIT_S, until_async

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

NO_LIMIT = """const later = window.setTimeout;
window.setTimeout = (run, ms, ...more) => ms === 6000 ? 0 : later(run, ms, ...more);"""
"""Drops the timer of a connection that hangs: `CONNECT_MS` of phone_socket.js."""


@pytest_asyncio.fixture(loop_scope="module")
async def exchange() -> AsyncIterator[PageExchange]:
    node = PageExchange()
    async with played_node(node):
        yield node


@pytest_asyncio.fixture(loop_scope="module")
async def own_phone(context: BrowserContext, exchange: PageExchange) -> Page:
    """A page with its own telephone and a microphone, not opened yet."""
    page = await context.new_page()
    page.set_default_timeout(LIMIT_S * 1000)
    await page.add_init_script(MICROPHONE)
    return page


async def test_a_phone_that_begins_again_is_no_other_page(own_phone: Page, exchange: PageExchange) -> None:
    exchange.state = exchange.state.model_copy(update={"state": "signed_out", "seat": None})
    await own_phone.goto(exchange.base)
    await own_phone.get_by_role("button", name="Çalışmaya başla").click()
    await expect(own_phone.locator("#check-note")).to_contain_text("Ses yolu kurulamadı")
    # An agent at home needs another seat: the phone leaves one and takes the other.
    await own_phone.get_by_label("Evden çalışıyorum").check()
    await own_phone.get_by_role("button", name="Çalışmaya başla").click()
    await until_async(lambda: 2 in exchange.registered, what="the phone registers at the other seat")
    # The old connection has 2 s left to sign off.
    await own_phone.wait_for_timeout(3500)
    await expect(own_phone.locator("#trouble-tab")).to_be_hidden()
    assert len(exchange.lines) == 2 and not exchange.lines[1].closed


async def test_a_connection_that_hangs_is_given_up_for_a_new_one(own_phone: Page, exchange: PageExchange) -> None:
    exchange.holds_back = True
    await own_phone.goto(exchange.base)
    await until_async(lambda: exchange.held == 1, what="the phone asks for a connection")
    # The network is back, and the first connection has lost its packets.
    exchange.holds_back = False
    began = time.monotonic()
    await until_async(lambda: exchange.registered, what="the phone registers")
    print(f"registered {time.monotonic() - began:.1f} s after the network was back")


async def test_a_connection_that_died_in_silence_is_found(own_phone: Page, exchange: PageExchange) -> None:
    await own_phone.goto(exchange.base)
    await until_async(lambda: exchange.registered == [1], what="the phone registers")
    await until_async(lambda: exchange.streams, what="the page opens its stream")
    exchange.deaf.add(1)
    began = time.monotonic()
    exchange.send(b'event: tick\ndata: {"at": 1772449500}\n\n')
    await until_async(lambda: 2 in exchange.registered, what="the phone registers by a new connection")
    print(f"registered {time.monotonic() - began:.1f} s after the tick")


async def test_the_return_of_the_server_waits_for_no_connection_that_hangs(own_phone: Page,
                                                                           exchange: PageExchange) -> None:
    # The limit after which any connection is given up never comes, so only the return does it.
    await own_phone.add_init_script(NO_LIMIT)
    exchange.holds_back = True
    await own_phone.goto(exchange.base)
    await until_async(lambda: exchange.held == 1, what="the phone asks for a connection")
    await until_async(lambda: exchange.streams, what="the page opens its stream")
    await own_phone.wait_for_timeout(2500)
    assert exchange.registered == []
    exchange.holds_back = False
    exchange.send(b'event: tick\ndata: {"at": 1772449500}\n\n')
    await until_async(lambda: exchange.registered, what="the phone registers by a new connection")
