"""The caller's page is served to this machine alone, says everything in two languages, and relays SIP on its port."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestServer

from lab.caller_page import page_words
from lab.caller_page.page_server import CallerPage, PageSettings

pytestmark = pytest.mark.integration

SIP = "OPTIONS sip:centre SIP/2.0\r\n\r\n"
URL, SECRET = "turn:127.0.0.1:3478?transport=tcp", "shared"


@pytest.fixture
async def network() -> AsyncIterator[TestServer]:
    """A web server that answers as the network's Asterisk would, with what it got."""
    async def answer(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{socket.ws_protocol} {message.data}")
        return socket

    app = web.Application()
    app.router.add_get("/ws", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def page(network: TestServer) -> AsyncIterator[TestServer]:
    """The caller's page in front of that network."""
    settings = PageSettings(0, network.port or 0, "4440632", URL, SECRET)
    server = TestServer(CallerPage(settings).build_application(), host="127.0.0.1")
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def browser() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def test_all_words_are_there_in_both_languages() -> None:
    turkish, english = (page_words.list_words(language, "4440632") for language in ("tr", "en"))
    assert set(page_words.SPOKEN) < set(turkish)
    assert [key for key in turkish if not turkish[key] or not english[key] or turkish[key] == english[key]] == []
    assert "444 0 632" in turkish["call"]
    assert "444 0 632" in english["call"]
    assert "1234567890" in page_words.list_words("en", "1234567890")["call"]


def test_the_script_shows_only_words_that_the_page_has() -> None:
    folder = Path(page_words.__file__).parent / "static"
    states = set(re.findall(r'#(?:tell|end)\("(\w+)"\)', (folder / "caller_line.js").read_text(encoding="utf-8")))
    assert {"asking", "dialling", "talking", "ended", "network"} <= states
    assert states <= set(page_words.SPOKEN)


async def test_turkish_comes_first_and_english_is_a_link_away(page: TestServer, browser: ClientSession) -> None:
    async with browser.get(page.make_url("/")) as response:
        turkish = await response.text()
        policy = response.headers["Content-Security-Policy"]
    async with browser.get(page.make_url("/?language=en")) as response:
        english = await response.text()
    assert '<html lang="tr">' in turkish
    assert "444 0 632 numarasını ara" in turkish
    assert '<html lang="en">' in english
    assert "Call 444 0 632" in english
    # Nothing inline may run, and nothing from elsewhere.
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
    assert "unsafe" not in policy
    for key in "0123456789*#":
        assert f'data-key="{key}"' in turkish


async def test_every_file_that_the_page_names_is_served(page: TestServer, browser: ClientSession) -> None:
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        async with browser.get(page.make_url(path)) as response:
            assert response.status == 200, path
            text = await response.text()
        found = re.findall(r'(?:href|src)="(/[^"?]+)"', text) if path == "/" else [
            f"/static/{name}" for name in re.findall(r'from "\./([^"]+)"', text[:20_000])]
        waiting += [one for one in found if one not in seen]
    assert any("jssip" in path for path in seen)


async def test_each_page_is_another_caller_and_has_credentials_for_ten_minutes(page: TestServer,
                                                                                browser: ClientSession) -> None:
    found = []
    for _ in range(3):
        async with browser.get(page.make_url("/access")) as response:
            assert response.headers["Cache-Control"] == "no-store"
            found.append(await response.json())
    assert len({one["caller"] for one in found}) == 3
    assert all(re.fullmatch("0500[0-9]{7}", one["caller"]) for one in found)
    assert found[0]["number"] == "4440632"
    turn = found[0]["turn"]
    assert turn["urls"] == URL
    assert 500 < int(turn["username"].partition(":")[0]) - time.time() <= 600
    digest = hmac.new(SECRET.encode(), turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(digest).decode()
    assert SECRET not in json.dumps(found)


async def test_the_relay_carries_sip_for_the_page_itself_and_for_no_other(page: TestServer,
                                                                          browser: ClientSession) -> None:
    url, own = page.make_url("/phone"), str(page.make_url("/")).rstrip("/")
    async with browser.ws_connect(url, protocols=("sip",), origin=own) as socket:
        await socket.send_str(SIP)
        assert (await socket.receive_str()) == f"sip {SIP}"
        await socket.send_bytes(b"no text")
        assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING)
    for origin in ("http://evil.example", None):
        with pytest.raises(WSServerHandshakeError) as error:
            await browser.ws_connect(url, protocols=("sip",), origin=origin)
        assert error.value.status == 403


async def test_the_page_says_when_the_network_is_away(page: TestServer, network: TestServer,
                                                      browser: ClientSession) -> None:
    await network.close()
    own = str(page.make_url("/")).rstrip("/")
    async with browser.ws_connect(page.make_url("/phone"), protocols=("sip",), origin=own) as socket:
        message = await socket.receive()
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1013)


async def test_a_foreign_name_for_this_machine_gets_nothing(page: TestServer, browser: ClientSession) -> None:
    for host, status in (("evil.example", 403), ("localhost:1234", 200), ("127.0.0.1", 200)):
        async with browser.get(page.make_url("/access"), headers={"Host": host}) as response:
            assert response.status == status, host
