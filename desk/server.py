"""The HTTP server of a node: routes from the table, checks in front of them, one shape for every error."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import re
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError

from desk.api import shapes
from desk.api.house import House
from desk.api.openapi import describe
from desk.api.routes import ROUTES, Call, Route
from desk.api.tokens import Failures, Role, Tokens
from routing.core.errors import Refused
from routing.core.ids import AgentId
from routing.core.inbox import Inbox, InboxClosed

log = structlog.get_logger()

BODY_MAX = 4096
"""Bytes of a request's body: the largest that means something is below 200."""
READ_S = 5.0
"""A body that is not here after this long is given up: a slow sender may not hold a connection."""
KEEPALIVE_S = 30.0
"""A connection without a whole request for so long, its first one included, is closed: slow headers hold nothing."""
STOP_S = 2.0
"""Requests under way get this long when the node stops."""

HEADERS = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff",
           "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin"}
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MESSAGES = {
    "bad_request": "İstek anlaşılamadı.", "unauthorized": "Geçerli bir anahtar gerekiyor.",
    "forbidden": "Bu işlem için yetkiniz yok.", "not_found": "Böyle bir adres yok.",
    "method_not_allowed": "Bu adres bu işlemi yapmıyor.", "too_large": "İstek çok büyük.",
    "not_json": "İstek JSON olmalı.", "too_many": "Çok fazla hatalı deneme oldu, biraz bekleyin.",
    "slow": "İstek zamanında gelmedi.", "unavailable": "Sistem şu anda yanıt veremiyor, biraz sonra yeniden deneyin.",
    "internal": "Beklenmeyen bir hata oldu."}

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CannotListen(Exception):
    """The address cannot be listened on; says which, why and how to mend it."""


class _Problem(Exception):
    """Ends a request with one of our errors."""

    def __init__(self, status: int, code: str, detail: str = "", headers: dict[str, str] | None = None,
                 message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers or {}
        self.message = message or MESSAGES[code]

    def response(self) -> web.Response:
        body = shapes.Problem(error=self.code, message=self.message, detail=self.detail)
        return _json(body, self.status, self.headers)


def _json(body: shapes.Shape, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=body.model_dump_json().encode(), status=status, content_type="application/json",
                        charset="utf-8", headers=headers)


def build(inbox: Inbox, house: House, tokens: Tokens, metrics_text: Callable[[], bytes],
          ready: Callable[[], tuple[bool, dict[str, bool]]], *, version: str = "0",
          clock: Callable[[], float] = time.monotonic) -> web.Application:
    """The application of a node. It reaches the engine through the inbox and nothing else, and the rest by `house`."""
    app = web.Application(middlewares=[_errors], client_max_size=BODY_MAX)
    app.on_response_prepare.append(_finish)
    failures = Failures(clock)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _responder(route, inbox, house, tokens, failures))
    document = json.dumps(describe(version), ensure_ascii=False).encode()

    async def openapi(request: web.Request) -> web.Response:
        return web.Response(body=document, content_type="application/json", charset="utf-8")

    async def live(request: web.Request) -> web.Response:
        return _json(shapes.Probe(ok=True, parts={"loop": True}))

    async def is_ready(request: web.Request) -> web.Response:
        ok, parts = ready()
        return _json(shapes.Probe(ok=ok, parts=parts), 200 if ok else 503)

    async def metrics(request: web.Request) -> web.Response:
        if not _from_here(request):
            raise _Problem(403, "forbidden", "/metrics is for this machine only")
        return web.Response(body=metrics_text(), headers={"Content-Type": METRICS_TYPE})

    app.router.add_get("/openapi.json", openapi)
    app.router.add_get("/health/live", live)
    app.router.add_get("/health/ready", is_ready)
    app.router.add_get("/metrics", metrics)
    return app


def _responder(route: Route, inbox: Inbox, house: House, tokens: Tokens, failures: Failures) -> Respond:
    """Checks in this order: token, role, own id, body. Only then anybody learns whether something exists."""

    async def respond(request: web.Request) -> web.StreamResponse:
        who = tokens.who(request.headers.get("Authorization", ""))
        if who is None:
            wait = failures.wait_s(request.remote or "")
            if wait > 0:
                raise _Problem(429, "too_many", headers={"Retry-After": str(int(wait) + 1)})
            raise _Problem(401, "unauthorized", headers={"WWW-Authenticate": "Bearer"})
        agent = request.match_info.get("id", "")
        if who.role not in route.roles or (route.own and who.role is Role.AGENT and agent != who.agent):
            raise _Problem(403, "forbidden")
        if "id" in request.match_info and not re.fullmatch(shapes.NAME.strip("^$"), agent):
            raise _Problem(400, "bad_request", "id: letters, digits and _ . / - only")
        body = await _body(request, route.request)
        found = await route.handler(Call(inbox, house, who, AgentId(agent), body))
        return _json(found) if isinstance(found, shapes.Shape) else await _sound(request, found)

    return respond


async def _sound(request: web.Request, pieces: AsyncGenerator[bytes, None]) -> web.StreamResponse:
    """A sound as it comes. What is wrong from the beginning is an error like any; a later fault breaks the connection
    off, so that nobody takes a part for the whole. Who stops listening has done nothing wrong."""
    async with aclosing(pieces):
        first = await anext(pieces)
        response = web.StreamResponse(headers={"Content-Type": "audio/wav"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            await response.write(first)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        except ConnectionError:
            pass
        except Exception as error:
            log.error("http.sound_broken_off", kind=type(error).__name__)
            if request.transport is not None:
                request.transport.abort()
        return response


async def _body(request: web.Request, model: type[shapes.Shape] | None) -> shapes.Shape | None:
    try:
        async with asyncio.timeout(READ_S):
            raw = await request.read()
    except TimeoutError:
        raise _Problem(408, "slow") from None
    if model is None:
        if raw.strip() not in (b"", b"{}"):
            raise _Problem(400, "bad_request", "no body is expected")
        return None
    if raw and request.content_type != "application/json":
        raise _Problem(415, "not_json")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(str(part) for part in found["loc"] if str(part) in model.model_fields)
        raise _Problem(400, "bad_request", f"{where}: {found['type']}" if where else str(found["type"])) from None


def _from_here(request: web.Request) -> bool:
    """Whether the asker is on this machine, and no proxy asks for somebody else."""
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


@web.middleware
async def _errors(request: web.Request, handler: Respond) -> web.StreamResponse:
    """Every error as JSON; what nobody expected says nothing about its inside and goes to the log."""
    try:
        return await handler(request)
    except _Problem as problem:
        return problem.response()
    except Refused as error:
        status = 404 if error.code.startswith("unknown_") else 409
        return _Problem(status, error.code, str(error), message=error.turkish).response()
    except (InboxClosed, TimeoutError):
        return _Problem(503, "unavailable", headers={"Retry-After": "1"}).response()
    except web.HTTPRequestEntityTooLarge:
        return _Problem(413, "too_large", f"at most {BODY_MAX} bytes").response()
    except web.HTTPNotFound:
        return _Problem(404, "not_found").response()
    except web.HTTPMethodNotAllowed as error:
        return _Problem(405, "method_not_allowed", headers={"Allow": error.headers.get("Allow", "")}).response()
    except web.HTTPException as error:
        return _Problem(error.status, "bad_request").response()
    except Exception as error:
        resource = request.match_info.route.resource
        log.error("http.internal", route=resource.canonical if resource else "", kind=type(error).__name__,
                  at=_places(error))
        return _Problem(500, "internal").response()


def _places(error: BaseException) -> list[str]:
    """Where it happened, innermost last. Neither the message nor any value: they could hold a number."""
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-5:]]


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    response.headers.pop("Server", None)


class Server:
    """Listens for an application on loopback."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=STOP_S)

    async def start(self, address: str) -> str:
        """Listen on `host:port` (port 0: any free one); the address that is listened on. Raises `CannotListen`."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if host != "localhost" and not _loopback(host):
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

    async def stop(self) -> None:
        """Take no more requests, let those under way end."""
        await self._runner.cleanup()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
