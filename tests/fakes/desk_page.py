"""A node that serves the real page and plays states to it: its stream and its answers are written in advance."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from desk.api import models, own_models
from desk.live.desk_state import DeskState
from desk.pages.desk_page import build_page_values
from desk.pages.page_routes import Pages, choose_language
from desk.server import HttpServer
from tests.fakes.desk_states import AT, NAMES, REASONS, SERVICES, STATES

NEEDS = models.OwnNeeds(everybody={"wrapup_s": 20.0}, entries=[models.Need(
    in_force=True, valid_from=None, valid_to=None, review_at="2026-09-01", approved_by="kurul",
    needs={"ring_timeout_s": 30.0, "channels": ["voice", "chat"], "no_abusive_history": True,
           "max_concurrency": {"voice": 1}, "break_plan": ["10:00-10:15"], "no_topics": ["psikososyal"]})])
ACCESS = own_models.AccessLog(
    shown=[own_models.Shown(at="2026-03-01T09:30:00Z", who="admin omer", what="needs")],
    rules=[own_models.RuleSetAside(at=AT - 3600.0, rule="rest_gap", offer=None, until=AT, by="supervisor ayse"),
           own_models.RuleSetAside(at=AT - 7200.0, rule="distress_limit", offer=12, until=AT - 7000.0, by="ceiling")])
DAY = {"since": AT - 50_000.0, "signed_in_s": 9000.0, "calls": 7, "talk_s": 4000.0, "hold_s": 60.0, "wrapup_s": 300.0,
       "missed": 0, "breaks": [{"begins": AT - 5000.0, "ends": AT - 4100.0, "reason": "mola", "planned": True}],
       "breaks_kept": 1, "next_break_at": None}
COLLEAGUES = {"colleagues": [{"id": "a2", "name": "Ayşe Şahin", "services": ["temsilci"], "free": True}]}
COMFORT = {"ear": "left", "gain_db": 6.0, "limiter": True, "verbosity": "normal", "ring": ["audio"], "chosen": ["ear"]}
CODES = {"psikososyal": {"yonlendirildi": "Yönlendirildi"}, "temsilci": {"cozuldu": "Çözüldü"}}
CALLER = {"callers": [{"contact": "c17", "last_digits": "63", "times": 2, "note": None, "passed": None, "earlier": [
    {"at": AT - 864_000.0, "service": "psikososyal", "outcome": "served", "notes": [
        {"at": AT - 864_000.0, "code": "yonlendirildi", "text": "Yeniden arayacak.", "mine": False}]},
    {"at": AT - 1_728_000.0, "service": "temsilci", "outcome": "served", "notes": []}]}]}
CONTACTS = {"contacts": [
    {"contact": "c16", "service": "psikososyal", "at": AT - 3600.0, "talk_s": 312.0,
     "note": {"at": AT, "code": "yonlendirildi", "text": "Yeniden arayacak.", "mine": True}},
    {"contact": "c15", "service": "temsilci", "at": AT - 90_000.0, "talk_s": None, "note": None}]}
CALLBACKS = {"callbacks": [
    {"id": "c3", "service": "temsilci", "since": AT - 7200.0, "tries": 2, "next_at": AT + 600.0, "mine": False},
    {"id": "c4", "service": "uzaktan_egitim", "since": AT - 90_000.0, "tries": 0, "next_at": AT - 60.0, "mine": False},
    {"id": "c5", "service": "psikososyal", "since": AT - 60.0, "tries": 0, "next_at": AT, "mine": True}]}
PHONE = {"seat": "3001", "uri": "sip:3001@example.invalid", "secret": "s", "websocket": "/phone", "turn": None}

SOFTPHONE = """
export class Softphone extends EventTarget {
  constructor(access) {
    super();
    this.state = { connected: true, registered: true, call: null, muted: false, microphone: true, ended: "",
      sound: true };
    this.microphoneWorks = true;
    window.softphone = this;
    window.calls = [];
  }
  tell(name, detail = {}) { this.dispatchEvent(new CustomEvent(name, { detail })); }
  note(...call) { window.calls.push(call.join(" ")); }
  start() { this.note("start"); }
  leave() { this.note("leave"); }
  close() { this.note("close"); this.state.microphone = false; }
  dropTalk() { this.note("dropTalk"); this.state.call = null; }
  restart() { this.note("restart"); this.state.ended = ""; }
  renewAccess() { this.note("renew"); }
  tick() { this.note("tick"); }
  answer() { this.note("answer"); this.state.call = "talking"; }
  hangUp() { this.note("hangUp"); this.state.call = null; }
  async hold() { this.note("hold"); this.state.call = "held"; }
  async resume() { this.note("resume"); this.state.call = "talking"; }
  mute(on) { this.note("mute", on); this.state.muted = on; }
  sendKeys(keys) { this.note("keys", keys); }
  async setSound(wanted) { this.note("sound", wanted.ear, wanted.gainDb, wanted.limiter); }
  async setRinger(wanted) { this.note("ringer", wanted.on, wanted.volume); }
  async openMicrophone() {
    const works = this.state.microphone = window.microphoneWorks !== false;
    this.tell("microphone", { state: works ? "open" : "refused", name: "" });
    return works;
  }
  async devices() { return { input: [{ id: "m1", name: "Kulaklık" }], output: [{ id: "o1", name: "Kulaklık" }] }; }
  async soundCheck() { this.note("check"); return window.checkResult ?? { ok: true, step: "" }; }
}
"""
"""Takes the place of the softphone: it notes what it is asked, and has no telephone."""


class PlayedNode:
    """The node that the page reaches.

    `asked` has each request of the page. `answers` has answers by path, and any other path gets 200 {}.
    """

    def __init__(self) -> None:
        self.pages = Pages()
        self.state: DeskState = STATES["ready"]
        self.asked: list[tuple[str, Any]] = []
        self.named: dict[str, str] = {}
        """The contact that the last request of each path named."""
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {
            "phone": (200, PHONE), "day": (200, DAY), "colleagues": (200, COLLEAGUES), "comfort": (200, COMFORT),
            "caller": (200, CALLER), "contacts": (200, CONTACTS), "callbacks": (200, CALLBACKS)}
        self.late: dict[str, asyncio.Event] = {}
        """Requests of these paths are answered when the event is set."""
        self.streams: list[asyncio.Queue[bytes | None]] = []
        self.refuses_streams = False
        self.base = ""
        self.needs = NEEDS
        self.supervises = False

    def build_application(self) -> web.Application:
        """Return the application."""
        app = web.Application()
        self.pages.add_routes(app)
        app.router.add_get("/", self.serve_page)
        app.router.add_get("/api/v1/agents/a1/events", self.serve_events)
        app.router.add_route("*", "/api/v1/agents/a1{path:.*}", self.answer_request)
        return app

    async def serve_page(self, request: web.Request) -> web.Response:
        language = choose_language(request)
        return self.pages.respond_document(request, "desk.html", **build_page_values(
            self.state, language, SERVICES, REASONS[language], NAMES, self.needs, ACCESS, "Europe/Istanbul", self.pages,
            CODES, supervises=self.supervises))

    async def serve_events(self, request: web.Request) -> web.StreamResponse:
        if self.refuses_streams:
            return web.Response(status=503)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.streams.append(queue)
        try:
            await response.write(self.format_state())
            while True:
                try:
                    frame = await asyncio.wait_for(queue.get(), 0.2)
                except TimeoutError:
                    # Only a write tells that a page is gone.
                    frame = b"event: beat\ndata: {}\n\n"
                if frame is None:
                    break
                await response.write(frame)
        except ConnectionError:
            pass
        finally:
            self.streams.remove(queue)
        return response

    async def answer_request(self, request: web.Request) -> web.Response:
        name = request.match_info["path"].strip("/")
        body = await request.text()
        self.asked.append((name, json.loads(body) if body else None))
        self.named[name] = request.query.get("contact", "")
        if name in self.late:
            await self.late[name].wait()
        status, answer = self.answers.get(name, (200, {}))
        return web.json_response(answer, status=status)

    def format_state(self) -> bytes:
        """Return the present state as an event."""
        return f"event: state\ndata: {self.state.model_dump_json(by_alias=True)}\n\n".encode()

    def play(self, *names: str | DeskState) -> None:
        """Send states, one directly after another."""
        for name in names:
            self.state = STATES[name] if isinstance(name, str) else name
            self.send(self.format_state())

    def notify(self, **notice: Any) -> None:
        """Send a notice."""
        self.send(f"id: {notice['id']}\nevent: notice\ndata: {json.dumps(notice)}\n\n".encode())

    def send(self, frame: bytes) -> None:
        """Send a frame to all open pages."""
        for queue in self.streams:
            queue.put_nowait(frame)

    def cut_streams(self) -> None:
        """End all streams."""
        for queue in self.streams:
            queue.put_nowait(None)


@contextlib.asynccontextmanager
async def played_node(node: PlayedNode | None = None) -> AsyncIterator[PlayedNode]:
    """Run the node on loopback."""
    node = node or PlayedNode()
    server = HttpServer(node.build_application())
    node.base = f"http://{await server.start_listening('127.0.0.1:0')}"
    try:
        yield node
    finally:
        node.cut_streams()
        await server.stop_listening()
