"""Serve the page from which a visitor's browser calls the centre: `python -m lab.caller_page.page_server FILE`.

The page is the lab's own and no route of the product. FILE has the settings of `PageSettings` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import jinja2
from aiohttp import web

from desk.pages.page_routes import build_page_headers, choose_language
from desk.pages.page_words import LANGUAGES
from desk.pages.static_files import StaticFiles
from desk.phone.turn import TurnRelay, make_credentials
from lab.caller_page.page_relay import NetworkRelay
from lab.caller_page.page_words import SPOKEN, list_words
from lab.phones.network_conf import PAGE_HEADER, VISITORS

FOLDER = Path(__file__).parent
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
"""Names by which a browser reaches this machine, also through a forwarded port."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
           "Cross-Origin-Resource-Policy": "same-origin", "Server": "lab"}
NUMBERS = 10 ** 7
"""Numbers of the lab's callers, 0500 and seven digits. The block belongs to nobody."""


class PageSettings(NamedTuple):
    """Settings of the page."""

    port: int
    network: int
    """Port of the web server of the network's Asterisk."""
    number: str
    """Number that the page dials."""
    turn_url: str = ""
    """Address of the TURN relay. Nothing if browsers send their sound to Asterisk directly."""
    turn_secret: str = ""


class CallerPage:
    """The page, its files and its relay."""

    def __init__(self, settings: PageSettings) -> None:
        self._settings = settings
        self._files = StaticFiles(FOLDER)
        self._shared = StaticFiles()
        self._templates = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True,
                                             undefined=jinja2.StrictUndefined, trim_blocks=True)
        self._headers = build_page_headers()
        self._relay = NetworkRelay(settings.network, VISITORS)

    def build_application(self) -> web.Application:
        """Build the application with all routes."""
        app = web.Application(middlewares=[require_loopback])
        app.on_response_prepare.append(set_headers)
        app.router.add_get("/", self._serve_document)
        app.router.add_get("/access", self._serve_access)
        app.router.add_get("/phone", self._relay.serve_page)
        app.router.add_get("/static/{name:.+}", self._serve_file)

        async def stop_relaying(app: web.Application) -> None:
            await self._relay.stop_relaying()

        app.on_shutdown.append(stop_relaying)
        return app

    async def _serve_document(self, request: web.Request) -> web.Response:
        language = choose_language(request)
        words = list_words(language, self._settings.number)
        text = self._templates.get_template("caller.html").render(
            language=language, other=next(one for one in LANGUAGES if one != language), words=words,
            spoken={key: words[key] for key in SPOKEN})
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=self._headers)

    async def _serve_access(self, request: web.Request) -> web.Response:
        """Answer with what a call needs. Each page gets a number, so that two visitors are two callers."""
        turn = None
        if self._settings.turn_url:
            found = make_credentials(TurnRelay(self._settings.turn_url, self._settings.turn_secret), "visitor",
                                     time.time())
            turn = {"urls": found.url, "username": found.username, "credential": found.credential}
        return web.json_response(
            {"caller": f"0500{secrets.randbelow(NUMBERS):07d}", "number": self._settings.number, "header": PAGE_HEADER,
             "turn": turn}, headers={"Cache-Control": "no-store"})

    async def _serve_file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        for files in (self._files, self._shared):
            if (file := files.find_file(name)) is None:
                continue
            headers = {"Cache-Control": "no-cache", "ETag": f'"{files.checksum}"', "Vary": "Accept-Encoding",
                       "Content-Type": file.content_type}
            if request.headers.get("If-None-Match") == headers["ETag"]:
                return web.Response(status=304, headers=headers)
            if file.compressed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
                return web.Response(body=file.compressed, headers=headers | {"Content-Encoding": "gzip"})
            return web.Response(body=file.content, headers=headers)
        raise web.HTTPNotFound


@web.middleware
async def require_loopback(request: web.Request,
                            handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
    """Refuse a request for another host: a foreign name that leads to this machine is an attack."""
    if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
        raise web.HTTPForbidden
    return await handler(request)


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every answer of a page of the lab."""
    for name, value in HEADERS.items():
        response.headers[name] = value


async def serve_forever(settings: PageSettings) -> None:
    """Serve the page on 127.0.0.1 until a signal ends it."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    runner = web.AppRunner(CallerPage(settings).build_application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", settings.port).start()
        await stop.wait()
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve_forever(PageSettings(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
