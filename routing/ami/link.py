"""One AMI connection that tells the truth: panoramisk carries it, every override here names the defect it mends.

A `Link` is one connection for its whole life: `open` it, use it, wait until it is `lost`, `close` it, make a new one.
Nothing is sent twice, nothing is kept for later, and every wait ends: by the reply, by an error, by its deadline or by
the loss of the link.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from routing.ami.errors import ActionRefused, AuthFailed, LinkError, LinkLost, OutcomeUnknown
from routing.ami.wire import Counters, Decoder, Fields, Message, WireError, encode
from routing.core.backoff import waits

log = structlog.get_logger()

EVENTS_MAX = 20_000
"""Events that may wait for their reader: half a minute of 180 agents' busiest traffic, and about 12 MB. Beyond it the
reader is stuck; the link is given up and the state read anew, because a gap nobody knows of is worse."""
LIST_MAX = 20_000
"""Items of one list reply; 1,000 channels and 200 phones are a big centre."""
IN_FLIGHT_MAX = 64
"""Actions under way at once. Asterisk handles one a session at a time, more would only wait there, out of sight."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 5.0
"""Ceilings of the random waits between connection tries: state must be right 10 s after Asterisk is back."""


@dataclass(frozen=True)
class Login:
    """Who logs in where. `events`: classes wanted, as in the action Login (`system,call`, `off`)."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    events: str = "off"


class Timing(NamedTuple):
    """Seconds. The defaults hold in production; tests shorten them."""

    connect: float = 5.0
    login: float = 10.0
    """A refused login is answered after 1 s (manager.c sleeps); a booting Asterisk is slow."""
    action: float = 5.0
    """Every action of ours is answered in milliseconds; the dialplan gives a step 5 s."""
    ping_every: float = 5.0
    pong: float = 3.0
    """With `ping_every`: a silent peer is found within 8 s. AMI has no keepalive of its own."""


@dataclass(slots=True)
class LinkCounters(Counters):
    """What went wrong on a link, for metrics."""

    orphans: int = 0
    """Replies and list items nobody waits for."""
    overflows: int = 0


def backoff(rand: Callable[[], float] = random.random) -> Iterator[float]:
    """Return the waits between tries to connect, without end."""
    return waits(BACKOFF_FIRST_S, BACKOFF_MAX_S, rand)


class Started(NamedTuple):
    """An action that was written; its reply is under way."""

    name: str
    action_id: str
    future: asyncio.Future[list[Message]]


class _Pending:
    """An action under way."""

    __slots__ = ("as_list", "future", "messages")

    def __init__(self, as_list: bool, future: asyncio.Future[list[Message]]) -> None:
        self.as_list, self.future = as_list, future
        self.messages: list[Message] = []


class Session(AMIProtocol):  # type: ignore[misc]
    """The bytes' side of a link, put into panoramisk by its hook `protocol_factory`."""

    def __init__(self, link: Link) -> None:
        self.factory = link
        self.decoder = Decoder(link.wanted, link.counters)
        self.responses: dict[str, _Pending] = {}
        self.writable = asyncio.Event()
        self.gone = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self.closed = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Mends: state that `Manager.connection_made` put on the protocol only after bytes could arrive."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.closed = False
        self.writable.set()
        self.factory.protocol = self

    def data_received(self, data: bytes) -> None:
        """Mends ami_protocol.py:41 (each chunk decoded alone: split letters vanish) and :59-62 (unbounded buffer)."""
        try:
            messages = self.decoder.feed(data)
        except WireError as error:
            self.factory.fail(str(error))
            return
        for message in messages:
            self.handle_message(message)

    def handle_message(self, message: Message) -> None:
        """Mends ami_protocol.py:74-87: an event told to everybody is dispatched even when it bears the ActionID of
        an action under way (OriginateResponse), Shutdown is an event like others, and the end of a list is what
        Asterisk says is its end (`EventList: Complete`), not a word in an English sentence (actions.py:60-72)."""
        if message.is_event and not message.is_item:
            self.factory.dispatch(message)
            return
        action_id = message.get("ActionID")
        pending = self.responses.get(action_id)
        if pending is None or message.is_item != bool(pending.messages):
            self.factory.counters.orphans += 1
            return
        pending.messages.append(message)
        if message.is_event:
            over = message.get("EventList") in ("Complete", "Cancelled")
        else:
            over = not (pending.as_list and message.ok and message.get("EventList") == "start")
        if over and not pending.future.done():
            self.responses.pop(action_id)
            pending.future.set_result(pending.messages)
        elif len(pending.messages) > LIST_MAX:
            self.factory.fail(f"a list of more than {LIST_MAX} items")

    def send(self, data: bytes, as_list: bool = False, *, action_id: str = "") -> asyncio.Future[list[Message]]:
        """Mends ami_protocol.py:19-38 (a second key for one action, errors of `write` only logged)."""
        assert self.transport is not None
        future: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()
        self.responses[action_id] = _Pending(as_list, future)
        self.transport.write(data)
        return future

    def pause_writing(self) -> None:
        """Mends ami_protocol.py:34 (writes without regard to a peer that does not read)."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Mends :91 (a Shutdown event passed as if it were an exception)."""
        self.gone.set()
        self.factory.connection_lost(exc)

    def close(self) -> None:
        """Mends :94-111: unanswered actions were queued to be sent again (a phone rang twice), the others' futures
        never ended. Here each ends with `OutcomeUnknown`, and nothing is kept."""
        self.closed = True
        for pending in self.responses.values():
            if not pending.future.done():
                pending.future.set_exception(OutcomeUnknown("the link to Asterisk was lost before the reply came"))
        self.responses.clear()
        self.writable.set()
        if self.transport is not None:
            self.transport.abort()


class Link(Manager):  # type: ignore[misc]
    """One AMI connection, used once. `wanted`: names of events to hand on (None: all)."""

    def __init__(self, login: Login, wanted: frozenset[str] | None = frozenset(), *, timing: Timing | None = None,
                 counters: LinkCounters | None = None) -> None:
        super().__init__(host=login.host, port=login.port, loop=asyncio.get_running_loop(),
                         protocol_factory=lambda: Session(self))
        self.who = login
        self.wanted = wanted
        self.timing = timing or Timing()
        self.counters = counters or LinkCounters()
        self.protocol: Session | None = None
        self.pinger: asyncio.Task[None] | None = None
        self.pong_s = 0.0
        """Round trip of the last ping."""
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._in_line = 0
        """Actions that wait to be written: nobody goes past them."""
        self._events: deque[Message] = deque()
        self._arrived = asyncio.Event()

    # -- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect and log in. Raises LinkLost (try again later) or AuthFailed (final)."""
        where = f"{self.who.host}:{self.who.port}"
        try:
            async with asyncio.timeout(self.timing.connect):
                await self.connect()
        except (OSError, TimeoutError) as error:
            raise LinkLost(f"no connection to Asterisk's AMI at {where}: is Asterisk running, and `enabled=yes` with "
                           f"this port in manager.conf? ({type(error).__name__})") from error
        await self.login()
        self.pinger = asyncio.create_task(self.ping(), name=f"ami ping {self.who.user}")

    def connection_made(self, f: asyncio.Future[Any]) -> None:
        """Mends manager.py:72 (a failed connect tried again every 2 s for ever, uncancellable) and :146 (`protocol` is
        None until this callback): the session registers itself, and who opened the link hears of a failure."""
        if not f.cancelled():
            f.exception()

    async def login(self) -> None:
        """Mends manager.py:96-105: `await connect()` succeeded with a wrong password, then it was tried for ever."""
        try:
            reply = await self.action({"Action": "Login", "Username": self.who.user, "Secret": self.who.secret,
                                       "Events": self.who.events}, self.timing.login)
        except OutcomeUnknown as error:
            raise LinkLost(f"Asterisk closed the link or kept silent while [{self.who.user}] logged in") from error
        if not reply.ok:
            if "Authentication failed" in reply.get("Message"):
                raise AuthFailed(self.who.user, self.who.host, self.who.port)
            raise LinkLost(f"Asterisk does not let [{self.who.user}] log in now: {reply.get('Message')}")

    async def ping(self) -> None:
        """Mends manager.py:107-109: pings had no deadline and piled up; a dead peer was never found."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self.timing.ping_every)
            sent = clock()
            try:
                await self.send_action({"Action": "Ping"}, deadline_s=self.timing.pong, urgent=True)
            except LinkError:
                self.fail("no pong")
                return
            self.pong_s = clock() - sent

    def connection_lost(self, exc: Exception | None) -> None:
        """Mends manager.py:283: a reconnect was scheduled whatever happened, even after `close()`."""
        self.fail("closed by Asterisk" if exc is None else f"connection broke ({type(exc).__name__})")

    def fail(self, reason: str) -> None:
        """Give the link up: whoever waits hears of it now. Safe to repeat; the first reason stays."""
        if self._lost.done():
            return
        self._lost.set_result(reason)
        self._arrived.set()
        if self.protocol is not None:
            self.protocol.close()

    @property
    def lost(self) -> bool:
        """The link is of no use any more."""
        return self._lost.done()

    async def wait_lost(self) -> str:
        """Wait until the link is lost; the reason."""
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        """Mends manager.py:270 (it did not stop a reconnect, and futures stayed). The work is done before the first
        wait, so a cancelled `close` has closed all the same."""
        self.fail("closed")
        if self.pinger is not None:
            self.pinger.cancel()
            await asyncio.wait([self.pinger])
        if self.protocol is not None and self.protocol.transport is not None:
            await self.protocol.gone.wait()

    # -- actions -----------------------------------------------------------------------------------------------------

    async def action(self, fields: Fields, deadline_s: float | None = None) -> Message:
        """Send one action; its response, `Error` too. Raises BadAction, LinkLost, OutcomeUnknown."""
        return (await self.send_action(fields, deadline_s=deadline_s))[0]

    async def list_action(self, fields: Fields, deadline_s: float | None = None) -> list[Message]:
        """Send an action that answers with a list; its items without head and end. Raises ActionRefused too."""
        head, *items = await self.send_action(fields, as_list=True, deadline_s=deadline_s)
        if not head.ok:
            raise ActionRefused(str(fields["Action"]), head.get("Message"))
        return items[:-1]

    def start(self, action: Fields) -> Started | None:
        """Write an action now, without a turn of the loop: a phone waits for it. None when something holds it up (the
        link is lost, Asterisk does not read, too many are under way); then `send_action` waits or tells. Raises
        BadAction."""
        session = self.protocol
        if session is None or self.lost or self._in_line or not session.writable.is_set() or (
                len(session.responses) >= IN_FLIGHT_MAX):
            return None
        action_id = secrets.token_hex(8)
        return Started(str(action["Action"]), action_id, session.send(encode(action, action_id), action_id=action_id))

    async def reply(self, started: Started) -> Message:
        """The response to what was started, `Error` too. Raises OutcomeUnknown."""
        try:
            async with asyncio.timeout(self.timing.action):
                return (await started.future)[0]
        except TimeoutError as error:
            raise OutcomeUnknown(f"no reply to {started.name} in time") from error
        finally:
            if self.protocol is not None:
                self.protocol.responses.pop(started.action_id, None)

    async def send_action(self, action: Fields, as_list: bool = False, *, deadline_s: float | None = None,
                          urgent: bool = False) -> list[Message]:
        """Mends manager.py:146-147 (`None.send` before connect, the caller's dict changed, no deadline) and
        actions.py:45-53 (no look at line breaks). `urgent` goes past the queue of actions under way."""
        action_id = secrets.token_hex(8)
        data = encode(action, action_id)
        session, sent = self.protocol, False
        if session is None or self.lost:
            raise LinkLost(f"{action['Action']} was not sent: no link to Asterisk")
        slots = asyncio.Semaphore(1) if urgent else self._slots
        self._in_line += 1
        try:
            async with asyncio.timeout(self.timing.action if deadline_s is None else deadline_s), slots:
                await session.writable.wait()
                if self.lost:
                    raise LinkLost(f"{action['Action']} was not sent: the link to Asterisk was lost")
                future = session.send(data, as_list, action_id=action_id)
                sent = True
                self._in_line -= 1
                return await future
        except TimeoutError as error:
            if sent:
                raise OutcomeUnknown(f"no reply to {action['Action']} in time") from error
            raise LinkLost(f"{action['Action']} was not sent in time: Asterisk does not read") from error
        finally:
            if not sent:
                self._in_line -= 1
            session.responses.pop(action_id, None)

    # -- events ------------------------------------------------------------------------------------------------------

    def dispatch(self, event: Message) -> None:
        """Mends manager.py:261-265: handlers ran inside `data_received` (an exception in one closed the connection),
        async ones became loose tasks without order or bound. Here an event is only put in line."""
        if len(self._events) >= EVENTS_MAX:
            if not self.lost:
                self.counters.overflows += 1
            self.fail("events came faster than they were handled")
            return
        self._events.append(event)
        self._arrived.set()

    async def events(self) -> list[Message]:
        """All events that have arrived, in order, at least one. Raises LinkLost when the link is lost and none is
        left."""
        while not self._events:
            if self.lost:
                raise LinkLost(self._lost.result())
            self._arrived.clear()
            await self._arrived.wait()
        return self.arrived()

    def arrived(self) -> list[Message]:
        """All events that have arrived, in order; maybe none."""
        batch = list(self._events)
        self._events.clear()
        return batch
