"""The FastAGI listener: panoramisk's `Application` for its route table, with a handler and a request of our own.

What stands in panoramisk 1.4 (fast_agi.py) and is replaced here: its header loop never ends when a peer connects and
closes (the process freezes), HANGUP and end of file are taken as replies, one undecodable byte in a name ends the call,
`ivr?lang=tr` finds no route, cancellation is swallowed. Each has a test in tests/integration/test_ivr_server.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from panoramisk import fast_agi

from ivr.agi import wire
from ivr.agi.errors import CallerGone, ReplyTimeout, WireError
from ivr.agi.session import Session

READ_BYTES = 4_096
"""One read: the whole environment of a usual call; longer ones come in pieces."""

Endpoint = Callable[[Session], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one listener takes."""

    calls: int = 1_000
    """Calls at once: more than twice what one Asterisk of ours carries. One more is closed at once; the dialplan then
    goes on without us."""
    env_s: float = 5.0
    """From the connection to the end of the environment. Asterisk sends it in one go."""
    drain_s: float = 10.0
    """At stop: as long may running dialogues go on. Ticks take milliseconds; a menu that is cut is begun again."""
    backlog: int = 256
    """Connections the kernel keeps for us: a burst of callers within one turn of the loop."""


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    accepted: int = 0
    refused: int = 0
    """Over the limit, or while stopping."""
    silent: int = 0
    """Closed, or nothing for `env_s`, before the environment was complete: port scans, health checks."""
    broken: int = 0
    """Ended by a WireError."""
    unrouted: int = 0
    failed: int = 0
    """Dialogues that ended by an exception of ours."""
    late: int = 0
    """Dialogues that ended because a reply did not come in time."""
    gone: int = 0
    """Callers who left a dialogue."""
    tainted: int = 0
    """Calls whose environment had control characters, lines without a name or bytes that are no UTF-8."""
    missing: int = 0
    """Prompts that Asterisk could not play."""


class FastAgi(fast_agi.Application):  # type: ignore[misc]  # panoramisk has no types
    """Listener and route table. Run `await run()` in a task of the program; `stop()` lets it end."""

    def __init__(self, host: str = "127.0.0.1", port: int = 4573, limits: Limits | None = None) -> None:
        super().__init__(loop=False)  # the constructor's get_event_loop() raises outside a running loop
        self._host, self._port = host, port
        self.limits = limits or Limits()
        self.counters = Counters()
        self.connections: set[_Connection] = set()
        self.read = bytearray(READ_BYTES)
        """Where the kernel writes to. One for all: what was read is taken out before the loop reads from another."""
        self._group: asyncio.TaskGroup | None = None
        self._listening: asyncio.Event = asyncio.Event()
        self._stop = asyncio.Event()
        self.stopping = False
        self.address: tuple[str, int] = (host, port)
        """Where it listens; with port 0 known when `listening()` is over."""

    def add_route(self, path: str, endpoint: Endpoint) -> None:
        """`agi://node/<path>` is answered by `endpoint`. ValueError when there is one already."""
        if not asyncio.iscoroutinefunction(endpoint):
            raise TypeError(f"the endpoint of {path!r} must be an `async def` function")
        super().add_route(path.strip("/"), endpoint)

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """panoramisk's way in is closed: connections are served by `run()`."""
        writer.close()
        raise RuntimeError("use run(): the header loop of panoramisk 1.4 freezes at end of file")

    async def listening(self) -> tuple[str, int]:
        """Wait until connections are taken; the address."""
        await self._listening.wait()
        return self.address

    def stop(self) -> None:
        """No new connections; running dialogues have `drain_s`, then they end."""
        self._stop.set()

    async def run(self) -> None:
        """Listen until `stop()`. OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Connection(self), self._host, self._port, backlog=self.limits.backlog)
        try:
            self.address = server.sockets[0].getsockname()[:2]
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._listening.set()
                await self._stop.wait()
                self.stopping = True
                server.close()
                await self._drain()
        finally:
            self.stopping = True
            self._group = None
            server.close()
            for connection in list(self.connections):
                connection.transport.abort()

    async def _drain(self) -> None:
        calls = [connection.task for connection in self.connections if connection.task is not None]
        if not calls:
            return
        _, running = await asyncio.wait(calls, timeout=self.limits.drain_s)
        for call in running:
            call.cancel()
        if running:
            log.warning("agi.cut", calls=len(running), after_s=self.limits.drain_s)

    def begin(self, session: Session) -> asyncio.Task[None] | None:
        """The environment is there: start the dialogue's task, None when no route leads to one."""
        path = session.script.strip("/")
        endpoint: Endpoint | None = self._route.get(path)
        if endpoint is None or self._group is None:
            self.counters.unrouted += 1
            log.warning("agi.no_route", path=path[:80], known=sorted(self._route))
            return None
        self.counters.accepted += 1
        name = f"call[{session.uniqueid[:40]}].{path[:40]}"
        return self._group.create_task(self._call(endpoint, session, path), name=name)

    async def _call(self, endpoint: Endpoint, session: Session, path: str) -> None:
        """One dialogue. Its exceptions cost this call only; cancellation goes through."""
        try:
            await endpoint(session)
        except CallerGone:
            self.counters.gone += 1
        except WireError:
            pass  # counted and told where it was found
        except ReplyTimeout as error:
            self.counters.late += 1
            log.warning("agi.late", path=path, call=session.uniqueid[:40], error=str(error))
        except Exception as error:
            self.counters.failed += 1
            # The type and place only: a message may hold what a caller sent.
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            place = f"{where.tb_frame.f_code.co_filename.rpartition('/')[2]}:{where.tb_lineno}" if where else ""
            log.error("agi.failed", path=path, call=session.uniqueid[:40], error=type(error).__name__, place=place)
        finally:
            self.counters.missing += session.missing
            session.close()


class _Connection(asyncio.BufferedProtocol):
    """One TCP connection: bytes to the codec, events to the session, limits. No dialogue runs in here.

    Buffered: a plain Protocol has the kernel fill 256 KiB afresh for each reply of 15 bytes."""

    def __init__(self, server: FastAgi) -> None:
        self.server = server
        self.decoder = wire.Decoder()
        self.session: Session | None = None
        self.task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        server = self.server
        if server.stopping or len(server.connections) >= server.limits.calls:
            server.counters.refused += 1
            transport.abort()
            return
        server.connections.add(self)
        self._timer = asyncio.get_running_loop().call_later(server.limits.env_s, self._silent)

    def _silent(self) -> None:
        self.transport.abort()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.server.read

    def buffer_updated(self, nbytes: int) -> None:
        try:
            for event in self.decoder.feed(bytes(self.server.read[:nbytes])):
                self._take(event)
        except WireError as error:
            self.server.counters.broken += 1
            log.warning("agi.broken", error=str(error))
            if self.session is not None:
                self.session.end(error)
            self.transport.abort()

    def _take(self, event: wire.Event) -> None:
        if self.session is not None:
            self.session.take(event)
            return
        if not isinstance(event, wire.Env):
            return  # HANGUP before the environment is complete: end of file follows
        self._cancel_timer()
        self.session = Session(self.transport, event.values)
        if self.decoder.tainted or self.decoder.replaced:
            self.server.counters.tainted += 1
        self.task = self.server.begin(self.session)
        if self.task is None:
            self.transport.close()

    def eof_received(self) -> bool:
        if self.session is not None and not self.transport.is_closing():
            for event in self.decoder.eof():
                self.session.take(event)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._cancel_timer()
        if self in self.server.connections:
            self.server.connections.discard(self)
            if self.session is None:
                self.server.counters.silent += 1
        if self.session is not None:
            self.session.end(CallerGone("the connection to Asterisk is lost"))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
