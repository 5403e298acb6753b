"""Documents and static files over HTTP: headers, checksums in addresses, compression."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from desk.pages.page_routes import IMMUTABLE, build_page_headers
from desk.pages.static_files import COMPRESSED_FROM, StaticFiles
from desk.people.session_requests import COOKIE
from tests.fakes.desk import PHONES, running

pytestmark = pytest.mark.integration


async def test_a_file_with_its_checksum_is_immutable_and_any_other_is_asked_for_again() -> None:
    address = StaticFiles().address_of("desk.css")
    async with running() as desk:
        for path, kept in ((address, IMMUTABLE), ("/static/desk.css", "no-cache")):
            async with desk.http.get(desk.base + path) as response:
                assert response.status == 200
                assert response.headers["Cache-Control"] == kept
                assert response.headers["Content-Type"] == "text/css; charset=utf-8"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert b"--ink" in await response.read()
                tag = response.headers["ETag"]
            async with desk.http.get(desk.base + path, headers={"If-None-Match": tag}) as response:
                assert response.status == 304
        for path in ("/static/0000000000000000/desk.css", "/static/none.css", "/static/../server.py",
                     "/static/%2e%2e/page_routes.py"):
            async with desk.http.get(desk.base + path) as response:
                assert response.status == 404


async def test_large_files_are_compressed_for_browsers_that_take_it() -> None:
    address = StaticFiles().address_of("desk.css")
    async with running() as desk:
        async with desk.http.get(desk.base + address, headers={"Accept-Encoding": "identity"}) as response:
            assert "Content-Encoding" not in response.headers
            plain = await response.read()
        assert len(plain) > COMPRESSED_FROM
        async with desk.http.get(desk.base + address, headers={"Accept-Encoding": "gzip"}) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert await response.read() == plain
            assert int(response.headers["Content-Length"]) == len(gzip.compress(plain, 9, mtime=0))
        icon = StaticFiles().address_of("icon-off.svg")
        async with desk.http.get(desk.base + icon, headers={"Accept-Encoding": "gzip"}) as response:
            assert "Content-Encoding" not in response.headers


def test_only_the_origin_of_the_telephone_is_added_to_where_a_page_may_connect() -> None:
    assert build_page_headers()["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; "
        "img-src 'self'; frame-ancestors 'none'")
    assert "connect-src 'self' wss://sip.example;" in build_page_headers("wss://sip.example")["Content-Security-Policy"]
    assert build_page_headers()["Permissions-Policy"] == "microphone=(self)"


@pytest.mark.parametrize(("sip", "policy"), [
    ("", "connect-src 'self';"), ("wss://desk.example/sip", "connect-src 'self' wss://desk.example;")])
async def test_a_page_that_is_led_past_the_node_may_connect_there(tmp_path: Path, sip: str, policy: str) -> None:
    async with running(folder=tmp_path, phones=PHONES._replace(sip=sip)) as desk:
        async with desk.http.get(f"{desk.base}/sign-in") as response:
            assert policy in response.headers["Content-Security-Policy"]
        async with desk.http.post(f"{desk.base}/api/v1/agents/a2/phone", json={},
                                  headers=await desk.sign_in("a2")) as response:
            assert (await response.json())["websocket"] == (sip or "/phone")


async def test_the_desk_needs_the_session_of_an_agent(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        # 1. Without a session, or with a cookie that is none: to the sign-in.
        for cookie in ({}, {"Cookie": f"{COOKIE}=wrong"}):
            async with desk.http.get(desk.base + "/", headers=cookie, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (303, "/sign-in")
        # 2. An agent gets the own desk, never that of a different agent.
        for agent in ("a1", "a2"):
            async with desk.http.get(desk.base + "/", headers=await desk.sign_in(agent)) as response:
                assert response.status == 200
                assert response.headers["Content-Security-Policy"] == build_page_headers()["Content-Security-Policy"]
                assert response.headers["Cache-Control"] == "no-store"
                text = await response.text()
            assert f'"agent":"{agent}"' in text and '<html lang="tr">' in text
            # One of them is a supervisor too.
            assert ('href="/live"' in text) is (agent == "a2")
        # 3. A supervisor has none, and is led to the calls. Others have neither.
        async with desk.http.get(desk.base + "/", headers=await desk.sign_in("ayse")) as response:
            assert (response.status, response.url.path) == (200, "/live")
            assert response.headers["Content-Security-Policy"] == build_page_headers()["Content-Security-Policy"]
            assert "Çağrılar, olduğu gibi" in await response.text()
        for path, said in (("/", "Bu kullanıcının masası yok"), ("/live", "Bu sayfa takım yöneticileri içindir")):
            async with desk.http.get(desk.base + path, headers=await desk.sign_in("nil")) as response:
                assert response.status == 403 and said in await response.text()


async def test_a_language_in_the_address_is_kept(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        cookie = (await desk.sign_in("a1"))["Cookie"]
        async with desk.http.get(desk.base + "/?language=en", headers={"Cookie": cookie}) as response:
            assert '<html lang="en">' in await response.text()
            kept = response.headers["Set-Cookie"]
        assert kept.startswith("santral-language=en;") and "HttpOnly" in kept and "SameSite=Strict" in kept
        chosen = kept.partition(";")[0]
        async with desk.http.get(desk.base + "/", headers={"Cookie": f"{cookie}; {chosen}"}) as response:
            assert '<html lang="en">' in await response.text()
        async with desk.http.get(desk.base + "/?language=xx", headers={"Cookie": cookie}) as response:
            assert '<html lang="tr">' in await response.text() and "Set-Cookie" not in response.headers
