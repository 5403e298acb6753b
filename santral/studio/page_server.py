"""Serve the recording studio to one browser on this machine.

The address has a token. The first request changes it for a cookie, so that it stays in no history, and every other
request needs the cookie.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
from aiohttp import web

from desk.pages.page_routes import build_page_headers, choose_language
from desk.pages.page_words import LANGUAGES
from desk.pages.static_files import StaticFiles
from santral.studio.page_words import list_words
from santral.studio.takes import Sentence, Takes

FOLDER = Path(__file__).parent
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
"""Names by which a browser reaches this machine, also through a forwarded port."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin", "Server": "studio"}
COOKIE = "santral-studio"
TOKEN_BYTES = 24


class StudioPage:
    """The page, its files and the takes."""

    def __init__(self, sentences: Sequence[Sentence], takes: Takes, build_command: str) -> None:
        self._sentences, self._takes, self._build_command = sentences, takes, build_command
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._session = secrets.token_urlsafe(TOKEN_BYTES)
        self._names = {one.prompt.id for one in sentences}
        self._files, self._shared = StaticFiles(FOLDER), StaticFiles()
        self._templates = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True,
                                             undefined=jinja2.StrictUndefined, trim_blocks=True)
        self._headers = build_page_headers()
        # One check at a time: each runs two programs, and all write one file of notes.
        self._checks = asyncio.Lock()

    def build_application(self) -> web.Application:
        """Build the application with all routes."""
        app = web.Application(middlewares=[self._require_owner],
                              client_max_size=max((self._takes.most_bytes(name) for name in self._names), default=0))
        app.on_response_prepare.append(_set_headers)
        app.router.add_get("/", self._serve_document)
        app.router.add_get("/static/{name:.+}", self._serve_file)
        app.router.add_get("/takes/{name:.+}", self._serve_take)
        app.router.add_post("/takes/{name:.+}", self._keep_take)
        app.router.add_post("/import", self._import_takes)
        return app

    @web.middleware
    async def _require_owner(self, request: web.Request,
                             handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        """Refuse everybody who has no token, and pages of the web that lead a browser here."""
        if urlsplit(f"//{request.host}").hostname not in LOOPBACK:
            raise web.HTTPForbidden
        if request.method == "POST" and request.headers.get("Origin") != f"http://{request.host}":
            raise web.HTTPForbidden
        if hmac.compare_digest(request.query.get("token", "").encode(), self.token.encode()):
            response = web.HTTPFound("/")
            response.set_cookie(COOKIE, self._session, httponly=True, samesite="Strict")
            raise response
        if not hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self._session.encode()):
            raise web.HTTPForbidden
        return await handler(request)

    async def _serve_document(self, request: web.Request) -> web.Response:
        language = choose_language(request)
        words = list_words(language)
        # The check of old takes runs programs, which would stop the loop.
        async with self._checks:
            sentences = await asyncio.to_thread(self._describe_sentences)
        text = self._templates.get_template("studio.html").render(
            language=language, other=next(one for one in LANGUAGES if one != language), words=words,
            sentences=sentences)
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=self._headers)

    def _describe_sentences(self) -> list[dict[str, object]]:
        described: list[dict[str, object]] = []
        for one in self._sentences:
            faults = self._takes.faults_of_take(one.prompt.id)
            described.append({"name": one.prompt.id, "text": one.prompt.text, "language": one.prompt.language,
                              "often": one.often, "most_s": self._takes.most_seconds(one.prompt.id),
                              "faults": faults})
        return described

    async def _serve_file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        for files in (self._files, self._shared):
            if (file := files.find_file(name)) is not None:
                return web.Response(body=file.content, headers={"Cache-Control": "no-cache",
                                                                "Content-Type": file.content_type})
        raise web.HTTPNotFound

    async def _serve_take(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        path = self._takes.find_take(name) if name in self._names else None
        if path is None:
            raise web.HTTPNotFound
        return web.Response(body=await asyncio.to_thread(path.read_bytes),
                            headers={"Content-Type": "audio/wav", "Cache-Control": "no-store"})

    async def _keep_take(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._names:
            raise web.HTTPNotFound
        # The bound of the application is that of the longest sentence.
        most = self._takes.most_bytes(name)
        if (request.content_length or 0) > most:
            raise web.HTTPRequestEntityTooLarge(most, request.content_length or 0)
        sound = await request.read()
        if len(sound) > most:
            raise web.HTTPRequestEntityTooLarge(most, len(sound))
        async with self._checks:
            faults = await asyncio.to_thread(self._takes.keep_take, name, sound)
        return web.json_response({"faults": faults})

    async def _import_takes(self, request: web.Request) -> web.Response:
        async with self._checks:
            found = await asyncio.to_thread(self._takes.import_good)
        return web.json_response({"taken": found.taken, "faulty": sorted(found.faults),
                                  "command": self._build_command})


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers[name] = value


async def serve_studio(page: StudioPage, port: int, announce: Callable[[str], None]) -> None:
    """Serve the page on 127.0.0.1 until a signal ends it. `announce` gets its address."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    runner = web.AppRunner(page.build_application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        address = runner.addresses[0]
        announce(f"http://127.0.0.1:{address[1]}/?token={page.token}")
        await stop.wait()
    finally:
        await runner.cleanup()
