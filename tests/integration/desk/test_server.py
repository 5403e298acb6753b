"""The desk as a server on loopback: slow and silent clients, wrong tokens, headers, probes, where it listens."""

from __future__ import annotations

import asyncio
import logging
import re
import tracemalloc
import zlib
from functools import cache
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from desk import server as desk_server
from desk.api.tokens import FAILURES_MAX, Tokens
from desk.server import CannotListen, HttpServer, build_application
from desk.unreadable_requests import QUIET_S, UnreadableRequests
from tests.fakes.desk import House, Inbox, running
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration


async def test_a_slow_body_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_server, "READ_S", 0.05)
    async with running() as desk:
        host, port = desk.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /api/v1/agents/a1/login HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer adm-token\r\n"
                     b"Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
        head = await asyncio.wait_for(reader.readline(), LIMIT_S)
        assert b" 408 " in head
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("sent", [b"", b"GET /metrics HTTP/1.1\r\nX-Slow: "])
async def test_who_asks_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(desk_server, "KEEPALIVE_S", 0.1)
    async with running() as desk:
        host, port = desk.base.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(), LIMIT_S) == b"", "a connection without a request is closed"
        writer.close()
        await writer.wait_closed()


async def test_wrong_tokens_are_told_to_wait_and_right_ones_never() -> None:
    async with running() as desk:
        found = [await desk.ask("GET", "/api/v1/queues", None, headers={"Authorization": f"Bearer {n}"})
                 for n in range(FAILURES_MAX + 2)]
        assert [status for status, _ in found] == [401] * FAILURES_MAX + [429] * 2
        assert found[-1][1]["error"] == "too_many"
        assert (await desk.ask("GET", "/api/v1/queues"))[0] == 200


async def test_behind_a_proxy_each_browser_has_its_own_wrong_tokens(tmp_path: Path) -> None:
    async with running(folder=tmp_path, proxies=["127.0.0.1"]) as desk:
        async def ask(address: str) -> int:
            sent = {"Authorization": "Bearer x", "X-Forwarded-For": address}
            return (await desk.ask("GET", "/api/v1/queues", None, headers=sent))[0]

        assert [await ask("192.0.2.7") for _ in range(FAILURES_MAX + 1)] == [401] * FAILURES_MAX + [429]
        assert await ask("192.0.2.8") == 401


async def test_headers_of_every_answer() -> None:
    async with running() as desk:
        for path in ("/api/v1/queues", "/nowhere", "/health/live", "/openapi.json", "/metrics"):
            async with desk.http.get(desk.base + path) as response:
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
                assert response.headers["Cache-Control"] == "no-store" and "Server" not in response.headers


async def test_probes() -> None:
    async with running() as desk:
        assert await desk.ask("GET", "/health/live", None) == (200, {"ok": True, "parts": {"loop": True}})
        assert (await desk.ask("GET", "/health/ready", None))[0] == 200
        assert await desk.ask("GET", "/health/leader", None) == (200, {"ok": True, "parts": {"leads": True}})
    async with running(ready=False) as desk:
        assert await desk.ask("GET", "/health/ready", None) == (503, {"ok": False, "parts": {"asterisk": False}})


async def test_metrics_are_for_this_machine_and_hold_no_number() -> None:
    async with running() as desk:
        status, page = await desk.ask("GET", "/metrics", None)
        assert status == 200 and 'acd_agents{state="ready",team="genel"} 2.0' in page
        page = "\n".join(line for line in page.splitlines() if "process_" not in line)  # Unix seconds look like one
        assert not re.search(r"\+?90?5\d{9}|(?<!\d)\d{11}(?!\d)|\ba\d+\b", page)
        for header in ("X-Forwarded-For", "Forwarded"):
            assert (await desk.ask("GET", "/metrics", None, headers={header: "10.0.0.1"}))[0] == 403


async def test_a_port_in_use_is_one_clear_sentence() -> None:
    async with running() as desk:
        address = desk.base.removeprefix("http://")
        second = HttpServer(build_application(desk.inbox, desk.house, Tokens("a", "b", {}), lambda: b"",
            lambda: (True, {})))
        with pytest.raises(CannotListen, match=rf"{address}: the port is in use; end the other"):
            await second.start_listening(address)


@pytest.mark.parametrize("address", ["0.0.0.0:0", "10.1.2.3:8063", "example.org:80"])
async def test_only_loopback_is_listened_on(address: str) -> None:
    with pytest.raises(CannotListen, match="loopback"):
        await HttpServer(build_application(Inbox(), House(), Tokens("a", "b", {}), lambda: b"",
            lambda: (True, {}))).start_listening(address)


@cache
def make_bomb(bits: int) -> bytes:
    """Return 64 KB that would be 64 MB if somebody decompressed them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return packer.compress(bytes(64 * 1024 * 1024)) + packer.flush()


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/agents/a1/note", "/nowhere"])
@pytest.mark.parametrize(("encoding", "bits"), [("gzip", 31), ("deflate", 15), ("GZIP", 31), ("gzip, identity", 31)])
async def test_a_compressed_body_is_refused_before_it_grows(tmp_path: Path, path: str, encoding: str, bits: int
                                                                ) -> None:
    bomb = make_bomb(bits)
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
    async with running(folder=tmp_path) as desk:
        tracemalloc.start()
        try:
            for held in (bomb, bomb[:9]):
                async with desk.http.post(desk.base + path, data=held, headers=headers) as answer:
                    assert answer.status == 415 and (await answer.json())["error"] == "compressed"
            assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
        finally:
            tracemalloc.stop()
        assert desk.inbox.events == [] and desk.house.asked == []


@pytest.mark.parametrize("raw", [
    b"GET /api/v1/agents/\xef\xbd\x8105321234567 HTTP/1.1\r\nHost: x\r\nCookie: secret-cookie\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nCookie: secret-cookie\x01\r\n\r\n",
    b"GET /05321234567 HTTP/1.1\r\nHost x\r\n\r\n",
    b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 05321234567x\r\n\r\nsecret-cookie",
    b"GET / HTTP/1.1\r\nHost: x\r\nCookie: secret-cookie" + b"x" * 20_000 + b"\r\n\r\n"])
async def test_nothing_of_an_unreadable_request_is_in_a_log(raw: bytes, caplog: pytest.LogCaptureFixture,
                                                          capfd: pytest.CaptureFixture[str]) -> None:
    async with running() as desk:
        host, port = desk.base.removeprefix("http://").split(":")
        with capture_logs() as logs:
            # A flood of them leaves one line.
            for _ in range(3):
                reader, writer = await asyncio.open_connection(host, int(port))
                writer.write(raw)
                assert b" 400 " in await asyncio.wait_for(reader.readline(), LIMIT_S)
                writer.close()
                await writer.wait_closed()
    assert [one["event"] for one in logs] == ["http.request_unreadable"] and logs[0]["kind"]
    told = caplog.text + "".join(capfd.readouterr()) + str(logs)
    assert "secret-cookie" not in told and "05321234567" not in told and "Traceback" not in told


def test_a_line_comes_again_after_a_minute() -> None:
    moments = [0.0]
    handler = UnreadableRequests(lambda: moments[-1])
    record = logging.LogRecord("x", logging.ERROR, "", 0, "secret", (), (ValueError, ValueError("secret"), None))
    with capture_logs() as logs:
        for moment in (0.0, QUIET_S - 1.0, QUIET_S, QUIET_S + 1.0):
            moments.append(moment)
            handler.handle(record)
    assert logs == 2 * [{"event": "http.request_unreadable", "kind": "ValueError", "log_level": "warning"}]
