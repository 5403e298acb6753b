"""Listen for FastAGI connections and run one dialogue for each.

`FastAgi` keeps the route table of panoramisk's `Application` and replaces its connection handling. The handling of
panoramisk 1.4 (fast_agi.py) has five faults, each with a test in tests/integration/ivr/test_server.py:

* The header loop never ends when a peer connects and closes, and the process freezes.
* HANGUP and end of file are taken as replies.
* One undecodable byte in a name ends the call.
* `ivr?lang=tr` finds no route.
* Cancellation is swallowed.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from panoramisk import fast_agi

from ivr.agi import wire
from ivr.agi.errors import CallerGone, NotLeading, ReplyTimeout, WireError
from ivr.agi.session import MayAct, Session, WatchCommands, always_acts

FORGED_LOG_S = 60.0
"""Shortest time between two log lines of refused keys: a program that guesses must not fill the disk."""
READ_BYTES = 4_096
"""Size of one read. The whole environment of a usual call fits. Longer environments come in pieces."""

Endpoint = Callable[[Session], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one listener."""

    calls: int = 1_000
    """Dialogues at the same time: more than twice what one of our Asterisk servers carries. A dialogue above the limit
    is closed at once, and the dialplan continues without the node."""
    urgent: int = 1_000
    """Connections above `calls` that only urgent routes may use. They are as short as a tick, one for each caller.

    A full menu must not send callers who wait into the fallback queue."""
    strangers: int = 512
    """Connections whose environment is not complete. Above the limit the oldest one ends, so connections that say
    nothing keep no caller out. The limit is twice `backlog`: nobody of a burst ends before the first look."""
    env_s: float = 5.0
    """Time from the connection to the end of the environment. Asterisk sends the environment in one go."""
    drain_s: float = 10.0
    """Time that running dialogues get at a stop. Ticks take milliseconds. An aborted menu starts again."""
    backlog: int = 256
    """Connections that the kernel holds: a burst of callers within one turn of the event loop."""


@dataclass(slots=True)
class Counters:
    """Counts since the start of the listener."""

    accepted: int = 0
    refused: int = 0
    """Dialogues over the limit, and connections over both limits or while stopping."""
    silent: int = 0
    """Connections that closed, or sent nothing for `env_s`, before the environment was complete: port scans, health
    checks."""
    forged: int = 0
    """Questions without the key of this node. They do nothing."""
    stale: int = 0
    """Dialogues of a node that may not act, because another may have taken over while it was frozen."""
    broken: int = 0
    """Connections ended by a WireError."""
    unrouted: int = 0
    failed: int = 0
    """Dialogues ended by an exception of this program."""
    late: int = 0
    """Dialogues ended because a reply did not come in time."""
    gone: int = 0
    """Callers who left a dialogue."""
    tainted: int = 0
    """Calls whose environment had control characters, lines without a name or bytes that are not UTF-8."""
    missing: int = 0
    """Prompts that Asterisk could not play."""

    def refusals(self) -> dict[str, int]:
        """Return the connections that got no dialogue, by reason."""
        return {"forged": self.forged, "stale": self.stale, "silent": self.silent, "full": self.refused,
                "broken": self.broken, "unrouted": self.unrouted}


class FastAgi(fast_agi.Application):  # type: ignore[misc]  # panoramisk has no types
    """Listener with a route table. Run `await run()` in a task of the program. `stop()` ends that task."""

    def __init__(self, host: str = "127.0.0.1", port: int = 4573, limits: Limits | None = None,
                 key: str | None = None) -> None:
        """`key` is the first part of each path that Asterisk asks for. None accepts everybody."""
        # The constructor calls get_event_loop() without this argument, and that raises outside a running loop.
        super().__init__(loop=False)
        self._host, self._port = host, port
        self.limits = limits or Limits()
        self.counters = Counters()
        self.watch: WatchCommands | None = None
        """Learns of the commands of each dialogue that begins."""
        self.may_act: MayAct = always_acts
        self.connections: dict[_Connection, None] = {}
        self.strangers: dict[_Connection, None] = {}
        """Connections whose environment is not complete, the oldest first."""
        self._key = None if key is None else key.encode()
        self._forged_told = float("-inf")
        """Time of the last log line of a refused key, by the loop's clock."""
        self.read = bytearray(READ_BYTES)
        """Buffer that the kernel writes to, shared by all connections. Bytes are copied out before the next read."""
        self._urgent: set[str] = set()
        self._dialogues = 0
        """Running dialogues of routes that are not urgent."""
        self._group: asyncio.TaskGroup | None = None
        self._listening: asyncio.Event = asyncio.Event()
        self._stop, self._closed = asyncio.Event(), asyncio.Event()
        self.stopping = False
        self.address: tuple[str, int] = (host, port)
        """Address of the listener. Port 0 is replaced by the real port when `wait_listening()` returns."""

    def copy_settings(self) -> FastAgi:
        """Return a new listener for the same address, with the same limits and key. It has no routes."""
        return FastAgi(self._host, self._port, self.limits, None if self._key is None else self._key.decode())

    def add_route(self, path: str, endpoint: Endpoint, *, urgent: bool = False) -> None:
        """Let `endpoint` answer `agi://node/<path>`. Raise ValueError if the path has an endpoint already.

        An urgent route is answered also while the dialogues of all other routes are at their limit.
        """
        if not asyncio.iscoroutinefunction(endpoint):
            raise TypeError(f"the endpoint of {path!r} must be an `async def` function")
        super().add_route(path.strip("/"), endpoint)
        if urgent:
            self._urgent.add(path.strip("/"))

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Refuse to serve in panoramisk's way. `run()` serves the connections."""
        writer.close()
        raise RuntimeError("use run(): the header loop of panoramisk 1.4 freezes at end of file")

    async def wait_listening(self) -> tuple[str, int]:
        """Wait until the listener accepts connections and return its address."""
        await self._listening.wait()
        return self.address

    async def wait_closed(self) -> None:
        """Wait until the address is free again. Running dialogues may still go on."""
        await self._closed.wait()

    def stop(self) -> None:
        """Accept no new connections. Running dialogues end after at most `drain_s`."""
        self._stop.set()

    def end_others(self, path: str) -> None:
        """End all running dialogues but those of one route. The dialplan goes on as without a node."""
        for connection in list(self.connections):
            session = connection.session
            if session is not None and session.script.strip("/").rpartition("/")[2] != path:
                session.end_dialogue(NotLeading())
                connection.transport.abort()

    async def run(self) -> None:
        """Listen until `stop()` is called. Raise OSError if the port is taken."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _Connection(self), self._host, self._port, backlog=self.limits.backlog)
        try:
            self.address = server.sockets[0].getsockname()[:2]
            # Dialogues run in this group, so `run` ends only after the last of them.
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._listening.set()
                await self._stop.wait()
                self.stopping = True
                # No new caller may enter while the running dialogues end.
                server.close()
                self._closed.set()
                await self._drain_dialogues()
        finally:
            self.stopping = True
            self._group = None
            server.close()
            self._closed.set()
            # A peer that never closes its side must not hold the program.
            for connection in list(self.connections):
                connection.transport.abort()

    async def _drain_dialogues(self) -> None:
        calls = [connection.task for connection in self.connections if connection.task is not None]
        if not calls:
            return
        _, running = await asyncio.wait(calls, timeout=self.limits.drain_s)
        for call in running:
            call.cancel()
        if running:
            log.warning("agi.dialogues_aborted", calls=len(running), after_s=self.limits.drain_s)

    def start_dialogue(self, session: Session) -> asyncio.Task[None] | None:
        """Start the dialogue's task after the environment is complete.

        Return None if the key is wrong, if the node may not act, if no route matches, or if the route is not urgent and
        the limit of dialogues is reached.
        """
        path = session.script.strip("/")
        if self._key is not None:
            given, _, path = path.partition("/")
            if not hmac.compare_digest(given.encode(), self._key):
                self._note_forged()
                return None
        if not self.may_act():
            self.counters.stale += 1
            return None
        endpoint: Endpoint | None = self._route.get(path)
        if endpoint is None or self._group is None:
            self.counters.unrouted += 1
            log.warning("agi.route_not_found", path=path[:80], known=sorted(self._route))
            return None
        urgent = path in self._urgent
        if not urgent and self._dialogues >= self.limits.calls:
            self.counters.refused += 1
            return None
        self.counters.accepted += 1
        self._dialogues += not urgent
        name = f"call[{session.uniqueid[:40]}].{path[:40]}"
        return self._group.create_task(self._run_dialogue(endpoint, session, path), name=name)

    def _note_forged(self) -> None:
        """Count a question without the key. Log it, but no part of it."""
        self.counters.forged += 1
        now = asyncio.get_running_loop().time()
        if now - self._forged_told >= FORGED_LOG_S:
            self._forged_told = now
            log.warning("agi.key_refused", times=self.counters.forged)

    async def _run_dialogue(self, endpoint: Endpoint, session: Session, path: str) -> None:
        """Run one dialogue. Its exceptions end this call only, but cancellation passes through."""
        try:
            await endpoint(session)
        except CallerGone:
            self.counters.gone += 1
        except NotLeading:
            self.counters.stale += 1
        except WireError:
            # The connection that found the fault has counted and logged it.
            pass
        except ReplyTimeout as error:
            self.counters.late += 1
            log.warning("agi.reply_timed_out", path=path, call=session.uniqueid[:40], error=str(error))
        except Exception as error:
            self.counters.failed += 1
            # Log the type and the place only: the message may contain what a caller sent.
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            place = f"{where.tb_frame.f_code.co_filename.rpartition('/')[2]}:{where.tb_lineno}" if where else ""
            log.error("agi.dialogue_failed", path=path, call=session.uniqueid[:40], error=type(error).__name__,
                place=place)
        finally:
            self._dialogues -= path not in self._urgent
            self.counters.missing += session.missing
            session.close()


class _Connection(asyncio.BufferedProtocol):
    """One TCP connection. It feeds bytes to the decoder, passes events to the session and enforces the limits.

    No dialogue runs in here. The protocol is a buffered one: for a plain Protocol the kernel fills 256 KiB for each
    reply of 15 bytes.
    """

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
        # Refuse at once: the dialplan then continues without the node, and the caller hears no silence.
        known = len(server.connections) - len(server.strangers)
        if server.stopping or known >= server.limits.calls + server.limits.urgent:
            server.counters.refused += 1
            transport.abort()
            return
        if len(server.strangers) >= server.limits.strangers:
            next(iter(server.strangers)).end_silence()
        server.connections[self] = None
        server.strangers[self] = None
        # A peer that connects and says nothing must not occupy one of the calls.
        self._timer = asyncio.get_running_loop().call_later(server.limits.env_s, self.end_silence)

    def end_silence(self) -> None:
        """End a connection whose environment did not come."""
        self.server.strangers.pop(self, None)
        self.transport.abort()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.server.read

    def buffer_updated(self, nbytes: int) -> None:
        try:
            # Copy the bytes: the buffer is shared, and the next connection overwrites it.
            for event in self.decoder.feed(bytes(self.server.read[:nbytes])):
                self._take_event(event)
        except WireError as error:
            self.server.counters.broken += 1
            log.warning("agi.protocol_violated", error=str(error))
            if self.session is not None:
                self.session.end_dialogue(error)
            self.transport.abort()

    def _take_event(self, event: wire.Event) -> None:
        if self.session is not None:
            self.session.take_event(event)
            return
        if not isinstance(event, wire.Env):
            # HANGUP came before the environment was complete, so end of file follows.
            return
        self._cancel_timer()
        self.server.strangers.pop(self, None)
        self.session = Session(self.transport, event.values, self.server.watch, self.server.may_act)
        if self.decoder.tainted or self.decoder.replaced:
            self.server.counters.tainted += 1
        self.task = self.server.start_dialogue(self.session)
        if self.task is None:
            self.transport.abort()

    def eof_received(self) -> bool:
        # An aborted transport reports end of file as well, but then the session has its reason already.
        if self.session is not None and not self.transport.is_closing():
            for event in self.decoder.eof():
                self.session.take_event(event)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._cancel_timer()
        if self in self.server.connections:
            del self.server.connections[self]
            self.server.strangers.pop(self, None)
            # Refused connections are not there, so they are not counted a second time here.
            if self.session is None:
                self.server.counters.silent += 1
        if self.session is not None:
            self.session.end_dialogue(CallerGone("the connection to Asterisk is lost"))

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
