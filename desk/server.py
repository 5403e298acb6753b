"""Serve the API of a node over HTTP.

Routes come from the table, checks run before each handler, and every error has one shape.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web, web_app
from pydantic import ValidationError

from desk.api import models
from desk.api.node_operations import NodeOperations
from desk.api.openapi import render_api
from desk.api.queue_snapshot import QueueSnapshot
from desk.api.route import BODY_MAX, ApiCall, Route
from desk.api.routes import ROUTES
from desk.api.tokens import Failures, TokenHolder, Tokens
from desk.desk import Desk
from desk.live.call_streams import CallStreams
from desk.live.event_stream import EventStream
from desk.live.live_desks import LiveDesks
from desk.pages.desk_page import DeskPage
from desk.pages.live_page import LivePage
from desk.pages.page_routes import Pages, choose_language
from desk.pages.sign_in_pages import SignInPages
from desk.people.client_address import ClientAddress
from desk.people.session_requests import ForeignRequest, session_cookie, session_holder
from desk.phone.web_seats import WebSeats
from desk.table_words import LANGUAGE
from desk.unreadable_requests import build_library_logger
from routing.core.inbox import Inbox, InboxClosed
from routing.core.memory.transfer_warnings import TransferWarnings
from routing.core.model.errors import Refused
from routing.core.model.ids import AgentId, ContactId

log = structlog.get_logger()

READ_S = 5.0
"""Limit for reading a body: a slow sender may not hold a connection."""
KEEPALIVE_S = 30.0
"""A connection without a whole request for this long is closed, even before its first request. Slow headers hold
nothing."""
STOP_S = 2.0
"""Time for open requests when the node stops."""

HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
           "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MetricsText = Callable[[], bytes | Awaitable[bytes]]
"""Return the page of metrics. A node that has just started waits until its counters are where they were."""

MESSAGES = {
    "bad_request": "İstek anlaşılamadı.", "unauthorized": "Geçerli bir anahtar gerekiyor.",
    "session_over": "Oturumunuz sona erdi, yeniden giriş yapın.",
    "foreign_request": "Bu istek Santral'ın sayfasından gelmedi.", "forbidden": "Bu işlem için yetkiniz yok.",
    "not_found": "Böyle bir adres yok.",
    "method_not_allowed": "Bu adres bu işlemi yapmıyor.", "too_large": "İstek çok büyük.",
    "not_json": "İstek JSON olmalı.", "compressed": "İstek sıkıştırılmadan gönderilmeli.",
    "too_many": "Çok fazla hatalı deneme oldu, biraz bekleyin.",
    "slow": "İstek zamanında gelmedi.", "unavailable": "Sistem şu anda yanıt veremiyor, biraz sonra yeniden deneyin.",
    "not_leading": "Bu düğüm yedekte bekliyor; isteği aramaları yöneten düğüme gönderin.",
    "internal": "Beklenmeyen bir hata oldu."}

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]
WatchAnswers = Callable[[str, str], None]
"""Learn of a request that was answered and decided something: its route, and the id of its agent if it names one."""


class CannotListen(Exception):
    """The address cannot be listened on. The message says why, and how to fix it."""


class _Problem(Exception):
    """Ends a request with an error of this API."""

    def __init__(self, status: int, code: str, detail: str = "", headers: dict[str, str] | None = None,
                 message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers or {}
        self.message = message or MESSAGES[code]

    def to_response(self) -> web.Response:
        body = models.Problem(error=self.code, message=self.message, detail=self.detail)
        return _json_response(body, self.status, self.headers)


def _json_response(body: models.Shape, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body.model_dump_json().encode(), status=status, content_type="application/json",
                        charset="utf-8", headers=headers)


def build_application(inbox: Inbox, house: NodeOperations, tokens: Tokens, metrics_text: MetricsText,
                      ready: Callable[[], tuple[bool, dict[str, bool]]], *, version: str = "0",
                      clock: Callable[[], float] = time.monotonic, desk: Desk | None = None,
                      leads: Callable[[], bool] = lambda: True,
                      answered: WatchAnswers | None = None) -> web.Application:
    """Build the application of a node that leads. It reaches the engine only through the inbox, and everything else
    through `house`. Without `desk` there are no people, only tokens. `answered` learns of each request that was
    answered and decided something."""
    app = web.Application(middlewares=[_translate_errors], client_max_size=BODY_MAX)
    app.on_response_prepare.append(_set_headers)

    async def name_language(request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith("/api/"):
            response.headers[LANGUAGE] = house.language()

    app.on_response_prepare.append(name_language)
    if desk is not None:
        desk.add_to(app)
    live = LiveDesks(inbox) if desk is None else desk.live
    calls = CallStreams(inbox) if desk is None else desk.calls

    async def close_streams(app: web.Application) -> None:
        live.close_streams()
        calls.close_streams()

    # Open streams would hold up every stop of the node for `STOP_S`.
    app.on_shutdown.append(close_streams)
    warnings, queues = TransferWarnings(), QueueSnapshot(inbox, clock)
    # The failures are shared by all routes, or each route would allow its own guesses.
    identify = partial(_require_holder, tokens=tokens, failures=Failures(clock),
                       address=ClientAddress() if desk is None else desk.address)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _build_responder(
            route, inbox, house, identify, warnings, live, calls, queues, None if desk is None else desk.phones,
            answered if route.method != "GET" else None))
    async def serve_openapi(request: web.Request) -> web.Response:
        # It is made when it is asked for, in a thread: a take-over and calls do not wait for it.
        document = await asyncio.to_thread(render_api, version)
        return web.Response(body=document, content_type="application/json", charset="utf-8")

    async def serve_liveness(request: web.Request) -> web.Response:
        return _json_response(models.Probe(ok=True, parts={"loop": True}))

    async def serve_readiness(request: web.Request) -> web.Response:
        ok, parts = ready()
        return _json_response(models.Probe(ok=ok, parts=parts), 200 if ok else 503)

    async def serve_leadership(request: web.Request) -> web.Response:
        ok = leads()
        return _json_response(models.Probe(ok=ok, parts={"leads": ok}), 200 if ok else 503)

    # Routes without a token are added by hand: they are not in the table.
    app.router.add_get("/openapi.json", serve_openapi)
    app.router.add_get("/health/live", serve_liveness)
    app.router.add_get("/health/ready", serve_readiness)
    app.router.add_get("/health/leader", serve_leadership)
    app.router.add_get("/metrics", partial(_serve_metrics, metrics_text))
    pages = Pages("" if desk is None else desk.sip_origin)
    pages.add_routes(app)
    if desk is not None:
        SignInPages(pages, desk.sign_ins, desk.sessions, desk.address).add_routes(app)
        DeskPage(pages, inbox, house, desk.live.sources).add_routes(app)
        LivePage(pages, house.timezone).add_routes(app)
    return app


async def _serve_metrics(metrics_text: MetricsText, request: web.Request) -> web.Response:
    # Metrics need no token, so only this machine may read them.
    if not _is_local(request):
        raise _Problem(403, "forbidden", "/metrics is for this machine only")
    found = metrics_text()
    return web.Response(body=found if isinstance(found, bytes) else await found, headers={"Content-Type": METRICS_TYPE})


def build_standby(leader: Callable[[], str], metrics_text: MetricsText, is_suspended: Callable[[], bool],
                  can_lead: Callable[[], Awaitable[bool]]) -> web.Application:
    """Build the application of a node that stands by: probes, metrics, and 421 for all other requests.

    `leader` tells where the leader is. `is_suspended` tells whether this node answers callers without the database.
    `can_lead` proves whether this node could lead now.
    """
    app = web.Application(middlewares=[_translate_errors], client_max_size=BODY_MAX)
    app.on_response_prepare.append(_set_headers)

    async def serve_liveness(request: web.Request) -> web.Response:
        return _json_response(models.Probe(ok=True, parts={"loop": True}))

    async def refuse_probe(request: web.Request) -> web.Response:
        return _json_response(models.Probe(ok=False, parts={"leads": False, "suspended": is_suspended()}), 503)

    async def prove_standby(request: web.Request) -> web.Response:
        proved = await can_lead()
        return _json_response(models.Probe(ok=proved, parts={"can_lead": proved}), 200 if proved else 503)

    async def refuse_request(request: web.Request) -> web.Response:
        raise _Problem(421, "not_leading", leader())

    app.router.add_get("/health/live", serve_liveness)
    app.router.add_get("/health/ready", refuse_probe)
    app.router.add_get("/health/leader", refuse_probe)
    app.router.add_get("/health/standby", prove_standby)
    app.router.add_get("/metrics", partial(_serve_metrics, metrics_text))
    app.router.add_route("*", "/{path:.*}", refuse_request)
    return app


def _build_responder(route: Route, inbox: Inbox, house: NodeOperations,
                     identify: Callable[[web.Request, Route], TokenHolder], warnings: TransferWarnings,
                     live: LiveDesks, calls: CallStreams, queues: QueueSnapshot,
                     phones: WebSeats | None, answered: WatchAnswers | None) -> Respond:
    """Build the handler of a route. It checks token or session, role, own id and body in this order.

    Nobody learns whether something exists before these checks have passed.
    """

    async def check_and_respond(request: web.Request) -> web.StreamResponse:
        # 1. A valid token, or a session.
        holder = identify(request, route)
        # 2. The role, and for an agent the own id.
        agent = request.match_info.get("id", "")
        who = holder.choose_role(route.roles, agent, own=route.own)
        if who is None or (route.session_only and not who.person):
            raise _Problem(403, "forbidden")
        # 3. Ids and body of the right form.
        if "id" in request.match_info and not re.fullmatch(models.NAME.strip("^$"), agent):
            raise _Problem(400, "bad_request", "id: letters, digits and _ . / - only")
        body = await _read_body(request, route.request, route.body_max)
        # While a body came slowly the session may have ended. A stream that opens afterwards would never be closed.
        if who.session:
            identify(request, route)
        # 4. A line of the audit, before anything is done. An id that nobody has may be a number that was mistaken for
        # one, so it is not written.
        if route.is_act_of(who):
            known = inbox.agent_view(AgentId(agent)) or inbox.contact_view(ContactId(agent))
            await house.audit_act(who.audit_name, "acted", route=f"{route.method} {route.path}",
                                  **({"on": agent if known else "unknown"} if agent else {}))
        # 5. The handler.
        found = await route.handler(ApiCall(inbox, house, who, AgentId(agent), body, warnings, live,
                                            queues, _last_event_id(request), _named_contact(request, route), phones,
                                            calls, choose_language(request)))
        if answered is not None:
            # An id that nobody has may be a number that was mistaken for one.
            answered(f"{route.method} {route.path}", agent if inbox.agent_view(AgentId(agent)) else "")
        if isinstance(found, models.Shape):
            return _json_response(found)
        if isinstance(found, EventStream):
            return await (calls if calls.has_stream(found) else live).serve_stream(found, request)
        return await _stream_sound(request, found)

    return check_and_respond


def _named_contact(request: web.Request, route: Route) -> ContactId | None:
    """Return the contact at hand that the request names, or None. Raise a problem if the name has a wrong form."""
    name = request.query.get("contact") if route.of_contact else None
    if name is not None and not re.fullmatch(models.NAME.strip("^$"), name):
        raise _Problem(400, "bad_request", "contact: letters, digits and _ . / - only")
    return None if name is None else ContactId(name)


def _last_event_id(request: web.Request) -> int | None:
    """Return the id of the last event that the client has seen. Return None if it names none, or no number.

    A page that opens a new stream cannot send the header, so it names the id in the address.
    """
    text = request.headers.get("Last-Event-ID", "") or request.query.get("last_event_id", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else None


def _require_holder(request: web.Request, route: Route, *, tokens: Tokens, failures: Failures,
                    address: ClientAddress) -> TokenHolder:
    """Return the holder of the token, or else of the session. Raise a problem if there is neither."""
    header = request.headers.get("Authorization", "")
    if not header and session_cookie(request):
        holder = session_holder(request, until_talk_ends=route.until_talk_ends)
        if holder is None:
            raise _Problem(401, "session_over")
        return holder
    holder = tokens.holder_of(header)
    if holder is None:
        # Too many wrong tokens from an address must wait.
        wait = failures.wait_s(address.of_request(request))
        if wait > 0:
            raise _Problem(429, "too_many", headers={"Retry-After": str(int(wait) + 1)})
        raise _Problem(401, "unauthorized", headers={"WWW-Authenticate": "Bearer"})
    return holder


async def _stream_sound(request: web.Request, pieces: AsyncGenerator[bytes, None]) -> web.StreamResponse:
    """Stream a sound piece by piece.

    An error before the first piece is answered like any error. A later one aborts the connection, so that nobody takes
    a part for the whole.
    """
    async with aclosing(pieces):
        # The first piece is awaited before the headers leave: until then an error can still be answered.
        first = await anext(pieces)
        response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        # The listener has closed the connection, which is no error.
        except ConnectionError:
            pass
        except Exception as error:
            log.error("http.sound_aborted", kind=type(error).__name__)
            # Without the last chunk the client knows that the sound is incomplete.
            if request.transport is not None:
                request.transport.abort()
        return response


async def _read_body(request: web.Request, model: type[models.Shape] | None, limit: int) -> models.Shape | None:
    # 1. Read the body in time.
    try:
        async with asyncio.timeout(READ_S):
            # The limit of the application is that of all other routes and forms.
            raw = await (request if limit == BODY_MAX else request.clone(client_max_size=limit)).read()
    except TimeoutError:
        raise _Problem(408, "slow") from None
    except web.HTTPRequestEntityTooLarge:
        raise _Problem(413, "too_large", f"at most {limit} bytes") from None
    # 2. A route without a model takes no body.
    if model is None:
        if raw.strip() not in (b"", b"{}"):
            raise _Problem(400, "bad_request", "no body is expected")
        return None
    # 3. Check the body against the model. The answer names the field, never its value.
    if raw and request.content_type != "application/json":
        raise _Problem(415, "not_json")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)[0]
        # Only names of the model go back; other parts of a location are input.
        where = ".".join(str(part) for part in found["loc"] if str(part) in model.model_fields)
        raise _Problem(400, "bad_request", f"{where}: {found['type']}" if where else str(found["type"])) from None


def _is_local(request: web.Request) -> bool:
    """Return whether the asker is on this machine and no proxy asks for somebody else."""
    # A proxy on this machine comes from loopback as well, but says for whom it asks.
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


@web.middleware
async def _translate_errors(request: web.Request, handler: Respond) -> web.StreamResponse:
    """Turn every error into JSON.

    The answer to an unexpected error says nothing about its cause; the cause goes to the log.
    """
    try:
        # A small compressed body may be a large one, and nobody needs one here: the largest has 8 KB.
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise _Problem(415, "compressed", "send the body without Content-Encoding")
        return await handler(request)
    except _Problem as problem:
        return problem.to_response()
    except ForeignRequest:
        return _Problem(403, "foreign_request").to_response()
    except Refused as error:
        # Codes that begin with unknown_ name something that does not exist.
        status = 404 if error.code.startswith("unknown_") else 409
        return _Problem(status, error.code, str(error), message=error.turkish).to_response()
    except (InboxClosed, TimeoutError):
        return _Problem(503, "unavailable", headers={"Retry-After": "1"}).to_response()
    except web.HTTPRequestEntityTooLarge:
        return _Problem(413, "too_large", f"at most {BODY_MAX} bytes").to_response()
    except web.HTTPNotFound:
        return _Problem(404, "not_found").to_response()
    except web.HTTPMethodNotAllowed as error:
        return _Problem(405, "method_not_allowed", headers={"Allow": error.headers.get("Allow", "")}).to_response()
    except web.RequestPayloadError:
        return _Problem(400, "bad_request", "the body cannot be read").to_response()
    except web.HTTPException as error:
        return _Problem(error.status, "bad_request").to_response()
    except Exception as error:
        # The pattern of the route is logged, not the path, which may hold an id.
        resource = request.match_info.route.resource
        log.error("http.request_failed", route=resource.canonical if resource else "", kind=type(error).__name__,
                  at=_error_places(error))
        return _Problem(500, "internal").to_response()


def _error_places(error: BaseException) -> list[str]:
    """Return the places of an error, innermost last.

    Messages and values stay out, because they could hold a number.
    """
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-5:]]


async def _set_headers(request: web.Request, response: web.StreamResponse) -> None:
    # Pages and static files have set some of them.
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    # The name of the server would tell its version.
    response.headers.pop("Server", None)


class HttpServer:
    """Listens for an application on loopback."""

    def __init__(self, app: web.Application) -> None:
        # Bodies are never decompressed: older versions of the library would do it without a bound, before any check.
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=STOP_S,
                                     auto_decompress=False, logger=build_library_logger())

    async def start_listening(self, address: str) -> str:
        """Listen on `host:port` and return the address; port 0 means any free port. Raise `CannotListen`."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if host != "localhost" and not _is_loopback(host):
            raise CannotListen(f"http {address} is not this machine's loopback: listen on 127.0.0.1 and put a proxy "
                               "with TLS in front of it")
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, int(port)).start()
        except OSError as error:
            await self._runner.cleanup()
            why = "the port is in use" if error.errno == errno.EADDRINUSE else (error.strerror or "it failed")
            raise CannotListen(f"http cannot listen on {address}: {why}; end the other program or set another "
                               "address at [listen] http") from None
        found: Any = self._runner.addresses[0]
        return f"{host}:{found[1]}"

    async def stop_listening(self) -> None:
        """Take no more requests, and let open ones end."""
        await self._runner.cleanup()
        # A cache of the library keeps each handler that was asked, and with it everything of a node that led.
        cache = getattr(web_app, "_cached_build_middleware", None)
        if cache is not None:
            cache.cache_clear()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
