"""Hold one AMI connection that reports every loss.

panoramisk carries the connection. Each override here names the defect of panoramisk that it corrects.

A `Link` is one connection for its whole life: open, use, lose, close. A new connection is a new `Link`. Nothing is sent
twice and nothing is kept for later. Every wait ends by the reply, an error, its deadline or the loss of the link.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from routing.ami.errors import ActionRefused, AuthFailed, LinkError, LinkLost, OutcomeUnknown
from routing.ami.wire import Counters, Decoder, Fields, Message, WireError, encode_action
from routing.core.backoff import waits
from routing.core.event_times import LATE_S

log = structlog.get_logger()

EVENTS_MAX = 20_000
"""Events that may wait for their reader: half a minute of 180 agents' busiest traffic, about 12 MB.

Beyond this number the reader is stuck. The link is given up and the state is read again, because an unknown gap is
worse.
"""
LIST_MAX = 20_000
"""Items of one list reply. A big centre has 1,000 channels and 200 phones."""
IN_FLIGHT_MAX = 64
"""Actions under way at once. Asterisk handles one action of a session at a time, and more would only wait there."""
RESET = struct.pack("ii", 1, 0)
"""Option of a socket whose end is a reset, so that the kernel drops what it has not sent."""
TIMESTAMP = "Timestamp"
"""Header of events (`timestampevents` in manager.conf) and of the answer to a ping: seconds by Asterisk's clock."""
ROUND_TRIP_MAX_S = 0.3
"""Longest way of a ping and its answer that gives a reading. Both take a millisecond, unless somebody was stopped."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 5.0
"""Ceilings of the random waits between connection tries: the state must be right 10 s after Asterisk is back."""


@dataclass(frozen=True)
class Login:
    """Address and user of one log-in. `events` are the wanted classes, as in the action Login (`system,call`, `off`).
    """

    host: str
    port: int
    user: str
    secret: str = field(repr=False)
    events: str = "off"


class Timing(NamedTuple):
    """Limits in seconds. The defaults are for production, and tests shorten them."""

    connect: float = 5.0
    login: float = 10.0
    """Asterisk answers a refused log-in after 1 s (manager.c sleeps), and a booting Asterisk is slow."""
    action: float = 5.0
    """Every action of this code is answered in milliseconds. The dialplan gives a step 5 s."""
    ping_every: float = 1.0
    """A leader that hears nothing for 3 s hands over, so the answer to a ping is heard more often."""
    pong: float = 3.0
    """With `ping_every`, a silent peer is found within 4 s. AMI has no keepalive."""


@dataclass(slots=True)
class LinkCounters(Counters):
    """Count the faults of a link, for metrics."""

    orphans: int = 0
    """Replies and list items for which nobody waits."""
    overflows: int = 0


WatchActions = Callable[[Fields], None]
"""Learn of each action that was written."""


def backoff_delays(rand: Callable[[], float] = random.random) -> Iterator[float]:
    """Return the waits between tries to connect, without end."""
    return waits(BACKOFF_FIRST_S, BACKOFF_MAX_S, rand)


class StartedAction(NamedTuple):
    """An action that was written and whose reply is still to come."""

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
    """Handle the bytes of a link. panoramisk calls it by its hook `protocol_factory`."""

    def __init__(self, link: Link) -> None:
        self.factory = link
        self.decoder = Decoder(link.wanted, link.counters)
        self.responses: dict[str, _Pending] = {}
        self.writable = asyncio.Event()
        self.gone = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self.closed = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register the session with its link before bytes can arrive.

        Corrects `Manager.connection_made`, which set the protocol's state only afterwards.
        """
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.closed = False
        self.factory.heard_at = self.factory.loop.time()
        self.writable.set()
        self.factory.protocol = self

    def data_received(self, data: bytes) -> None:
        """Decode bytes into messages.

        Corrects ami_protocol.py:41, which decoded each chunk alone and lost split letters, and the unbounded buffer of
        :59-62.
        """
        self.factory.heard_at = self.factory.loop.time()
        try:
            messages = self.decoder.feed(data)
        except WireError as error:
            self.factory.mark_lost(str(error))
            return
        for message in messages:
            self.handle_message(message)

    def handle_message(self, message: Message) -> None:
        """Pass an event on, or give a reply to its action.

        Corrects ami_protocol.py:74-87 in three points. An event for everybody is dispatched even if it has the ActionID
        of an action under way (OriginateResponse). Shutdown is an event like others. A list ends where Asterisk says so
        (`EventList: Complete`), not at a word of an English sentence (actions.py:60-72).
        """
        if message.is_event and not message.is_item:
            self.factory.dispatch(message)
            return
        action_id = message.get("ActionID")
        pending = self.responses.get(action_id)
        # A list item before its head, or a second head, answers nothing that was asked.
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
            self.factory.mark_lost(f"a list of more than {LIST_MAX} items")

    def send(self, data: bytes, as_list: bool = False, *, action_id: str = "") -> asyncio.Future[list[Message]]:
        """Write an action and return the future of its reply.

        Corrects ami_protocol.py:19-38, which stored a second key for one action and only logged errors of `write`.
        """
        assert self.transport is not None
        future: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()
        self.responses[action_id] = _Pending(as_list, future)
        self.transport.write(data)
        return future

    def pause_writing(self) -> None:
        """Stop writing while the peer does not read. Corrects ami_protocol.py:34, which wrote in any case."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Go on writing, because the peer reads again."""
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the loss. Corrects ami_protocol.py:91, which passed a Shutdown event as if it were an exception."""
        self.gone.set()
        self.factory.connection_lost(exc)

    def close(self) -> None:
        """End every action under way with `OutcomeUnknown`, and keep nothing.

        Corrects ami_protocol.py:94-111. There, unanswered actions were sent again, so that a phone rang twice, and
        other futures never ended.
        """
        self.closed = True
        in_doubt = bool(self.responses)
        for pending in self.responses.values():
            if not pending.future.done():
                pending.future.set_exception(OutcomeUnknown("the link to Asterisk was lost before the reply came"))
        self.responses.clear()
        self.writable.set()
        if self.transport is not None:
            if in_doubt or not self.factory.may_act():
                # Bytes that are under way must not arrive later. Their action was given up, or another node acts.
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.transport.abort()


class AsteriskClock:
    """Tell how late events of Asterisk are read. All times are by the steady clock of this process.

    A process that was stopped reads the events of that time when it wakes up. Both wall clocks may be wrong, so each
    event is compared with the last answer to a ping that came at once.
    """

    def __init__(self) -> None:
        self._difference: float | None = None
        """This clock minus Asterisk's. None before the first reading."""
        self._read_at = 0.0
        """Time of the last reading. All events before that answer were read by then, so no later one is older."""

    def note_pong(self, pong: Message, sent_at: float, now: float) -> None:
        """Take a reading from the answer to a ping, unless it was under way for long."""
        stamp = _read_stamp(pong)
        if stamp is not None and now - sent_at <= ROUND_TRIP_MAX_S:
            self._difference, self._read_at = now - stamp, now

    def find_delay(self, event: Message, now: float) -> float:
        """Return how long ago Asterisk wrote the event, or 0.0 if it was just now or nobody knows.

        A clock that was set since the last reading cannot move an event before that reading.
        """
        if self._difference is None or now - self._read_at <= LATE_S:
            return 0.0
        stamp = _read_stamp(event)
        if stamp is None:
            return 0.0
        delay = min(now - (stamp + self._difference), now - self._read_at)
        return delay if delay > LATE_S else 0.0


def _read_stamp(message: Message) -> float | None:
    try:
        return float(message.get(TIMESTAMP))
    except ValueError:
        return None


class Link(Manager):  # type: ignore[misc]
    """Hold one AMI connection, used once. `wanted` names the events to pass on, or is None for all events.

    `may_act` tells whether this node may act. Once it says no, no action is written and the connection is reset.
    `watch` learns of each action that was written.
    """

    def __init__(self, login: Login, wanted: frozenset[str] | None = frozenset(), *, timing: Timing | None = None,
                 counters: LinkCounters | None = None, may_act: Callable[[], bool] = lambda: True,
                 watch: WatchActions | None = None) -> None:
        super().__init__(host=login.host, port=login.port, loop=asyncio.get_running_loop(),
                         protocol_factory=lambda: Session(self))
        self.who = login
        self.wanted = wanted
        self.heard_at = 0.0
        """Time of the loop's clock at which bytes of Asterisk came last."""
        self.timing = timing or Timing()
        self.counters = counters or LinkCounters()
        self.may_act, self.watch = may_act, watch
        self.protocol: Session | None = None
        self.pinger: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._in_line = 0
        """Actions that wait to be written. No other action may overtake them."""
        self._events: deque[Message] = deque()
        self._clock = AsteriskClock()
        self._arrived = asyncio.Event()

    # -- life --------------------------------------------------------------------------------------------------------

    async def connect_and_login(self) -> None:
        """Connect and log in. Raise LinkLost if a later try may help, or AuthFailed if none can."""
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
        """Consume the result of a connect: the session registers itself, and the opener hears of a failure.

        Corrects manager.py:72, which repeated a failed connect every 2 s without end, and :146, where `protocol` was
        None until this callback.
        """
        if not f.cancelled():
            f.exception()

    async def login(self) -> None:
        """Log in, and raise AuthFailed if user or secret is wrong.

        Corrects manager.py:96-105, where `await connect()` succeeded with a wrong password and log-in was repeated
        without end.
        """
        try:
            reply = await self.run_action({"Action": "Login", "Username": self.who.user, "Secret": self.who.secret,
                                       "Events": self.who.events}, self.timing.login)
        except OutcomeUnknown as error:
            raise LinkLost(f"Asterisk closed the link or kept silent while [{self.who.user}] logged in") from error
        if not reply.ok:
            if "Authentication failed" in reply.get("Message"):
                raise AuthFailed(self.who.user, self.who.host, self.who.port)
            raise LinkLost(f"Asterisk does not let [{self.who.user}] log in now: {reply.get('Message')}")

    async def ping(self) -> None:
        """Send pings at regular times, and give the link up if no answer comes in time.

        Corrects manager.py:107-109, where pings had no deadline and piled up, so that a dead peer was never found.
        """
        while True:
            await asyncio.sleep(self.timing.ping_every)
            sent_at = self.loop.time()
            try:
                [pong] = await self.send_action({"Action": "Ping"}, deadline_s=self.timing.pong, urgent=True)
            except LinkError:
                self.mark_lost("no pong")
                return
            self._clock.note_pong(pong, sent_at, self.loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """Mark the link as lost. Corrects manager.py:283, which scheduled a reconnect even after `close()`."""
        self.mark_lost("closed by Asterisk" if exc is None else f"connection broke ({type(exc).__name__})")

    def mark_lost(self, reason: str) -> None:
        """Give the link up, and wake everything that waits for it. Safe to repeat: the first reason stays."""
        if self._lost.done():
            return
        self._lost.set_result(reason)
        self._arrived.set()
        if self.protocol is not None:
            self.protocol.close()

    def check_lost(self) -> bool:
        """Return whether no action may be written: the link is lost, or is given up because the node may not act."""
        if not self.may_act():
            self.mark_lost("this node may not act any more")
        return self.is_lost

    @property
    def is_lost(self) -> bool:
        """Return whether the link is lost."""
        return self._lost.done()

    async def wait_lost(self) -> str:
        """Wait until the link is lost, and return the reason."""
        return await asyncio.shield(self._lost)

    async def close(self) -> None:
        """Close the connection. The work is done before the first wait, so a cancelled `close` has closed as well.

        Corrects manager.py:270, which neither stopped a reconnect nor ended futures.
        """
        self.mark_lost("closed")
        if self.pinger is not None:
            self.pinger.cancel()
            await asyncio.wait([self.pinger])
        if self.protocol is not None and self.protocol.transport is not None:
            await self.protocol.gone.wait()

    # -- actions -----------------------------------------------------------------------------------------------------

    async def run_action(self, fields: Fields, deadline_s: float | None = None) -> Message:
        """Send one action and return its response, also an `Error`. Raise BadAction, LinkLost or OutcomeUnknown."""
        return (await self.send_action(fields, deadline_s=deadline_s))[0]

    async def list_action(self, fields: Fields, deadline_s: float | None = None) -> list[Message]:
        """Send an action and return the items of its list, without head and end. Raise ActionRefused as well."""
        head, *items = await self.send_action(fields, as_list=True, deadline_s=deadline_s)
        if not head.ok:
            raise ActionRefused(str(fields["Action"]), head.get("Message"))
        return items[:-1]

    def start_action(self, action: Fields) -> StartedAction | None:
        """Write an action at once, without a turn of the loop, because a phone waits for it.

        Return None if something holds the action up: a lost link, a peer that does not read, or too many actions.
        `send_action` then waits or raises. Raise BadAction if the action must not be sent.
        """
        session = self.protocol
        if session is None or self.check_lost() or self._in_line or not session.writable.is_set() or (
                len(session.responses) >= IN_FLIGHT_MAX):
            return None
        action_id = secrets.token_hex(8)
        future = session.send(encode_action(action, action_id), action_id=action_id)
        if self.watch is not None:
            self.watch(action)
        return StartedAction(str(action["Action"]), action_id, future)

    async def await_reply(self, started: StartedAction) -> Message:
        """Return the response to a started action, also an `Error`. Raise OutcomeUnknown if none comes in time."""
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
        """Send an action and return its response with all list items. An `urgent` action overtakes the waiting ones.

        Corrects manager.py:146-147, which failed before a connect, changed the caller's dict and had no deadline.
        Corrects actions.py:45-53, which did not check line breaks.
        """
        # 1. Encode first: a bad action fails before it takes a place.
        action_id = secrets.token_hex(8)
        data = encode_action(action, action_id)
        session, sent = self.protocol, False
        if session is None or self.is_lost:
            raise LinkLost(f"{action['Action']} was not sent: no link to Asterisk")
        # 2. Wait for a place and for a peer that reads. Until the write, a failure means that nothing was sent.
        slots = asyncio.Semaphore(1) if urgent else self._slots
        self._in_line += 1
        try:
            async with asyncio.timeout(self.timing.action if deadline_s is None else deadline_s), slots:
                await session.writable.wait()
                if self.check_lost():
                    raise LinkLost(f"{action['Action']} was not sent: the link to Asterisk was lost")
                future = session.send(data, as_list, action_id=action_id)
                sent = True
                self._in_line -= 1
                if self.watch is not None:
                    self.watch(action)
                return await future
        # 3. After the write, only a look at Asterisk can tell the outcome.
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
        """Queue an event for its reader.

        Corrects manager.py:261-265. There, handlers ran inside `data_received`, where an exception closed the
        connection. Async handlers became loose tasks without order or bound.
        """
        if len(self._events) >= EVENTS_MAX:
            if not self.is_lost:
                self.counters.overflows += 1
            self.mark_lost("events came faster than they were handled")
            return
        event.late_s = self._clock.find_delay(event, self.loop.time())
        self._events.append(event)
        self._arrived.set()

    async def next_events(self) -> list[Message]:
        """Return all events that have arrived, at least one, in order.

        Raise LinkLost if the link is lost and no event is left.
        """
        while not self._events:
            if self.is_lost:
                raise LinkLost(self._lost.result())
            self._arrived.clear()
            await self._arrived.wait()
        return self.take_arrived()

    def take_arrived(self) -> list[Message]:
        """Return all events that have arrived, in order, perhaps none."""
        batch = list(self._events)
        self._events.clear()
        return batch
