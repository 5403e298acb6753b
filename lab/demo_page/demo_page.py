"""Serve the demo's own page on loopback, in the process of the demo."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from centres.centre_reader import load_centre
from desk.pages.page_routes import build_page_headers, choose_language
from desk.pages.page_words import LANGUAGES
from desk.pages.static_files import StaticFiles
from desk.people.session_requests import ForeignRequest, require_own_page
from lab.caller_page.page_server import require_loopback, set_headers
from lab.centre_words import words_of
from lab.demo_page.call_watch import CallWatch, Sentence, WatchedCall
from lab.demo_page.node_switch import NodeSwitch
from lab.demo_page.page_words import list_words
from lab.lifecycle import LabInfo
from lab.pbx.ports import is_free
from prompts.text_reader import all_prompts

FOLDER = Path(__file__).parent
PORT = 8065
"""Port that is taken when it is free, next to those of the desk and of the caller's page."""
BYTES_A_SECOND = 16_000
"""A sound has 8,000 samples a second, of two bytes."""
ENDED_S = 10.0
"""Time for which a call that is over stays in the list."""


class DemoPage:
    """The page and its two answers."""

    def __init__(self, live: str, watch: CallWatch, switch: NodeSwitch) -> None:
        self._live, self._watch, self._switch = live, watch, switch
        self._files, self._shared = StaticFiles(FOLDER), StaticFiles()
        self._templates = jinja2.Environment(loader=jinja2.FileSystemLoader(FOLDER / "templates"), autoescape=True,
                                             undefined=jinja2.StrictUndefined, trim_blocks=True)

    def build_application(self) -> web.Application:
        """Build the application with all routes."""
        app = web.Application(middlewares=[require_loopback])
        app.on_response_prepare.append(set_headers)
        app.router.add_get("/", self._serve_document)
        app.router.add_get("/state", self._serve_state)
        app.router.add_post("/kill", self._kill_node)
        app.router.add_get("/static/{name:.+}", self._serve_file)
        return app

    async def _serve_document(self, request: web.Request) -> web.Response:
        language = choose_language(request)
        text = self._templates.get_template("demo.html").render(
            language=language, other=next(one for one in LANGUAGES if one != language), words=list_words(language),
            live=self._live)
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers=build_page_headers())

    async def _serve_state(self, request: web.Request) -> web.Response:
        now, last = time.time(), self._switch.last
        shown = [call for call in self._watch.calls.values() if call.ended_at is None or now - call.ended_at < ENDED_S]
        return web.json_response({
            "calls": [_show_call(call, now) for call in shown], "on_line": len(self._watch.on_line()),
            "failed": self._switch.has_failed, "outage": None if last is None else {
                "callers": len(last.callers), "lost": last.count_lost(now),
                "seconds": None if last.ended is None else round(last.ended - last.began, 1)}},
            headers={"Cache-Control": "no-store"})

    async def _kill_node(self, request: web.Request) -> web.Response:
        """Kill the node, if our own page asks."""
        try:
            require_own_page(request)
        except ForeignRequest:
            raise web.HTTPForbidden from None
        return web.Response(status=204 if self._switch.press_button() else 409)

    async def _serve_file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        file = self._files.find_file(name) or self._shared.find_file(name)
        if file is None:
            raise web.HTTPNotFound
        return web.Response(body=file.content, headers={"Content-Type": file.content_type, "Cache-Control": "no-cache"})


def _show_call(call: WatchedCall, now: float) -> dict[str, Any]:
    return {"call": call.call, "talking": call.talking, "hears": now < call.hears_until, "heard": list(call.heard),
            "ended": call.ended_at is not None}


def list_sentences(centre: Path, sounds: Path) -> dict[str, Sentence]:
    """Return the sentence of each sound of a centre by the place of its file, with its length."""
    return {prompt.place: Sentence(prompt.text, (sounds / f"{prompt.place}.wav").stat().st_size / BYTES_A_SECOND)
            for prompt in all_prompts(words_of(load_centre(centre))).values() if prompt.text}


@asynccontextmanager
async def serve_demo_page(info: LabInfo) -> AsyncIterator[tuple[str, NodeSwitch]]:
    """Serve the page while the demo runs. Yield its address and the switch of the node."""
    state = Path(info.state)
    watch = CallWatch(list_sentences(Path(info.centre), info.sounds))
    switch = NodeSwitch(state, info.nodes[0], watch)
    await watch.connect_to(int(info.ami.rpartition(":")[2]), state)
    runner = web.AppRunner(DemoPage(f"{info.desk}live", watch, switch).build_application(), access_log=None,
                           shutdown_timeout=1.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", PORT if is_free(PORT) else 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", switch
    finally:
        await runner.cleanup()
        await switch.wait_back()
        await watch.close()
