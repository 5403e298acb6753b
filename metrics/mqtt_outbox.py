"""Brings what happened to an MQTT broker: everything once it is stored, in order, from where the broker has it.

The store is the buffer: facts are read from there and a cursor says up to where the broker has confirmed them, so an
outage of hours costs neither memory nor a message. What was under way when a connection broke is sent again with the
same id. The runner never waits for a broker: `take` only says that there is more.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from metrics.mqtt_message import (
    ACKS,
    NODE,
    Ack,
    Device,
    Message,
    Rings,
    messages,
    node_state,
    oldest_since,
    queue_state,
    read_ack,
)
from routing.core.backoff import waits
from routing.core.facts import Fact, OfferClosed, Offered
from routing.core.ids import AgentId, ServiceId
from routing.core.inbox import QueueView, Status
from routing.core.talk_facts import Connected
from routing.store.errors import StoreError

log = structlog.get_logger()

CURSOR = "mqtt"
"""Name of the cursor in the store."""
CLIENT = "santral-node"
"""Client id: a node that takes over ends the session of the one before."""

PAGE_FACTS = 200
"""Facts read at once: what memory holds of an outage, and what is sent again when a connection breaks."""
WINDOW = 20
"""Messages under way without a confirmation: the receive maximum of mosquitto's default, so that none waits inside."""
GATHER_S = 0.02
"""After news the rest of the same moment is waited for: no lamp is late by 20 ms, and the store is read less often."""
WAY_S, WAY_MOST_S = 0.05, 1.0
"""While the node is busy a window of messages waits, looks again so often, and goes after so long all the same: a lamp
that is late by a second in a storm still says that it rings."""
REST_S = 1.0
"""The cursor is stored and the states of queues are told so often: a node that is killed says the last second twice,
no call waits for commits of ours, and a state is for eyes."""
ANSWER_S = 5.0
"""A broker on the same network answers in milliseconds; one that does not in this time is away."""
KEEPALIVE_S = 15
"""A broker without power is noticed, and a node without power is `offline`, after one and a half of it."""
BACKOFF_FIRST_S, BACKOFF_MOST_S = 1.0, 30.0
"""Between tries, doubled and drawn at random from the half up: a broker that comes back has us within half a minute."""
REFUSED = (4, 5, 134, 135)
"""Reason codes of CONNACK, MQTT 3.1.1 and 5: bad user name or password, not authorised."""
END_S = 1.0
"""What a node that stops gives the broker to hear that it is offline."""
ACKS_MAX = 1000
"""Acknowledgements that may wait to be counted; more come from a device that is broken, and are dropped."""
SIGNALS_MAX = 2000
"""Signals whose acknowledgement is awaited: those of a minute of 180 agents, ten times over."""


class Facts(Protocol):
    """The store, as far as it is needed here."""

    async def facts_after(self, seq: int, limit: int = ...) -> list[Fact]:
        """Committed facts above `seq`, in order."""
        ...

    async def cursor(self, name: str) -> int | None:
        """Up to where a reader is done; None: it never began."""
        ...

    async def set_cursor(self, name: str, seq: int) -> None:
        """Note it."""
        ...


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and who we are there."""

    host: str
    port: int
    user: str
    password: str
    tls: bool = True
    ca: str | None = None
    """File of the authorities that may have signed its certificate; None: those of the system."""


class Undelivered(Exception):
    """The broker takes messages and gives them to nobody."""


class Outbox:
    """`take` facts of each turn, `run` for ever. `status` is what is true now, `clock` Unix seconds. `acknowledged` is
    told of each signal that a device has answered: its kind, and seconds since it went out. `busy`: calls wait for the
    node, and the broker comes after them."""

    def __init__(self, broker: Broker, store: Facts, status: Callable[[], Status],
                 devices: Mapping[AgentId, Device], clock: Callable[[], float],
                 acknowledged: Callable[[str, float], None] | None = None,
                 busy: Callable[[], bool] = lambda: False) -> None:
        self.devices = devices
        """Agents with a device; may be replaced while it runs."""
        self.connected = False
        self.signals: Counter[tuple[str, str]] = Counter()
        """By kind and result: `sent`, `late` (not sent any more), and each status of acknowledgements; kind `unknown`:
        of no signal that was sent."""
        self._acknowledged_to, self._busy = acknowledged, busy
        self._broker, self._store, self._status, self._clock = broker, store, status, clock
        self._last = self._done = self._noted = 0
        self._begun = False
        self._more, self._delivers = asyncio.Event(), asyncio.Event()
        self._rings: Rings = {}
        """As of the last confirmed fact."""
        self._states: dict[ServiceId, tuple[QueueView, float | None]] = {}
        """What was told of each queue, and since when its longest waits."""
        self._awaited: OrderedDict[tuple[str, int], tuple[str, float]] = OrderedDict()
        """Device and number of a signal -> its kind, and when it went out by the loop's clock."""
        self._told = ""

    @property
    def behind(self) -> int:
        """Facts that the broker has not confirmed."""
        return max(0, self._last - self._done)

    async def begin(self, seq: int) -> None:
        """Where to go on. `seq`: the last fact before this node began; who is new to the broker begins there."""
        known = await self._store.cursor(CURSOR)
        if known is None:
            # Noted at once: the next node goes on from here also when no broker was there in between.
            await self._store.set_cursor(CURSOR, seq)
        self._done = self._noted = seq if known is None else known
        self._last = max(seq, self._done)

    def take(self, facts: Sequence[Fact]) -> None:
        """There is more in the store."""
        if facts:
            self._last = max(self._last, facts[-1].seq)
            self._more.set()

    async def run(self) -> None:
        """Connect, send, connect again, until cancelled. Whatever the broker does is told in the log, once."""
        pauses = waits(BACKOFF_FIRST_S, BACKOFF_MOST_S, random.random)
        try:
            while True:
                try:
                    await self._session()
                except (aiomqtt.MqttError, OSError, ValueError, StoreError, Undelivered) as error:
                    if (task := asyncio.current_task()) is not None and task.cancelling():
                        # The broker went away while we said good-bye: we still end.
                        raise asyncio.CancelledError from error
                    if self.connected:
                        pauses = waits(BACKOFF_FIRST_S, BACKOFF_MOST_S, random.random)
                    self.connected = False
                    self._tell(error)
                await asyncio.sleep(next(pauses))
        finally:
            self.connected = False
            with suppress(StoreError):
                await self._note()

    # -- one connection ------------------------------------------------------------------------------------------------

    async def _session(self) -> None:
        broker, will = self._broker, node_state(online=False)
        context = await asyncio.to_thread(ssl.create_default_context, cafile=broker.ca) if broker.tls else None
        client = aiomqtt.Client(
            broker.host, broker.port, username=broker.user, password=broker.password, identifier=CLIENT,
            protocol=aiomqtt.ProtocolVersion.V5, tls_context=context, timeout=ANSWER_S, keepalive=KEEPALIVE_S,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True), clean_start=True,
            max_queued_incoming_messages=ACKS_MAX, max_inflight_messages=WINDOW, logger=_silent(),
            # Small messages and their confirmations must not wait for each other (Nagle, delayed ACK: 40 ms a window).
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])
        client.pending_calls_threshold = 2 * WINDOW
        async with client:
            heard = asyncio.create_task(self._hear(client), name="mqtt.hear")
            said = asyncio.create_task(self._say(client), name="mqtt.say")
            try:
                done, _ = await asyncio.wait({heard, said}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except asyncio.CancelledError:
                said.cancel()
                with suppress(aiomqtt.MqttError, TimeoutError):
                    async with asyncio.timeout(END_S):
                        await _publish(client, will, 0.0)
                raise
            finally:
                heard.cancel()
                said.cancel()
                await asyncio.gather(heard, said, return_exceptions=True)

    async def _hear(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if message.topic.value == NODE:
                if not message.retain and payload == node_state(online=True).payload:
                    self._delivers.set()
            elif (ack := read_ack(message.topic.value, payload)) is not None:
                self._acknowledged(ack)

    def _acknowledged(self, ack: Ack) -> None:
        kind, sent = self._awaited.pop((ack.device, ack.id), ("unknown", 0.0))
        self.signals[kind, ack.status] += 1
        if sent and self._acknowledged_to is not None:
            self._acknowledged_to(kind, asyncio.get_running_loop().time() - sent)

    async def _say(self, client: aiomqtt.Client) -> None:
        await self._prove(client)
        self.connected, self._told = True, ""
        log.info("mqtt.connected", behind=self.behind)
        loop, stated = asyncio.get_running_loop(), -1
        rest = loop.time()
        self._states = {}
        while True:
            self._more.clear()
            while facts := await self._store.facts_after(self._done, PAGE_FACTS):
                await self._send(client, facts)
                if loop.time() >= rest + REST_S:
                    await self._note()
                    rest = loop.time()
            if stated != self._done and loop.time() >= rest:
                await self._state(client)
                await self._note()
                stated, rest = self._done, loop.time() + REST_S
            with suppress(TimeoutError):
                async with asyncio.timeout(None if stated == self._done else rest - loop.time()):
                    await self._more.wait()
                    await asyncio.sleep(GATHER_S)

    async def _prove(self, client: aiomqtt.Client) -> None:
        """A broker acknowledges what it does not deliver: what we say of ourselves must come back to us."""
        self._delivers.clear()
        await client.subscribe(NODE, qos=1)
        await client.subscribe(ACKS, qos=1)
        await _publish(client, node_state(online=True), self._clock())
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._delivers.wait()
        except TimeoutError:
            raise Undelivered from None

    async def _send(self, client: aiomqtt.Client, facts: Sequence[Fact]) -> None:
        """All of a page, in order, each confirmed."""
        over = {fact.offer for fact in facts if isinstance(fact, OfferClosed | Connected)}
        past = {fact.seq for fact in facts if isinstance(fact, Offered) and fact.offer in over}
        rings = dict(self._rings)  # a page that is sent again is read from where it began
        out = [message for fact in facts for message in messages(fact, self.devices, rings)]
        for start in range(0, len(out), WINDOW):
            await self._give_way()
            now = self._clock()
            await asyncio.gather(*(_publish(client, message, now) for message in out[start:start + WINDOW]
                                   if self._in_time(message, now, past)))
        self._done, self._rings = facts[-1].seq, rings

    async def _give_way(self) -> None:
        """A message costs the node more than a decision: while it has more to decide than it can, those go first."""
        for _ in range(round(WAY_MOST_S / WAY_S)):
            if not self._busy():
                return
            await asyncio.sleep(WAY_S)

    def _in_time(self, message: Message, now: float, past: Set[int] = frozenset()) -> bool:
        """Whether it is still worth something. `past`: offers that are over by now; they do not ring."""
        if message.until is None:
            return True
        _, _, _, device, kind = message.topic.split("/")
        if message.until - now < 1.0 or (kind == "ring" and message.id in past):
            self.signals[kind, "late"] += 1
            return False
        self.signals[kind, "sent"] += 1
        self._awaited[device, message.id] = kind, asyncio.get_running_loop().time()
        while len(self._awaited) > SIGNALS_MAX:
            self._awaited.popitem(last=False)
        return True

    async def _state(self, client: aiomqtt.Client) -> None:
        """Queues that are otherwise than they were told."""
        status = self._status()
        for view in status.queues:
            seen = (view._replace(oldest_wait_s=0.0, estimate=None, agents_signed_in=0, agents_ready=0),
                    oldest_since(view, status.at))
            if self._states.get(view.service) != seen:  # one gone and another come is as many, and not as long
                await _publish(client, queue_state(view, self._done, status.at), status.at)
                self._states[view.service] = seen

    async def _note(self) -> None:
        if self._done > self._noted:
            await self._store.set_cursor(CURSOR, self._done)
            self._noted = self._done

    def _tell(self, error: Exception) -> None:
        """Each reason once, until a connection stands."""
        why = reason(error, self._broker)
        if why != self._told:
            self._told = why
            log.warning("mqtt.away", why=why, behind=self.behind)


def reason(error: Exception, broker: Broker) -> str:
    """What is wrong with the broker, and how to mend it."""
    where, text = f"the broker at {broker.host}:{broker.port}", str(error)
    if isinstance(error, Undelivered):
        return (f"{where} takes messages of user '{broker.user}' and delivers none: its access list does not allow "
                "them. Give it the files of `santral mqtt-conf`")
    code = getattr(error, "rc", None)
    if getattr(code, "value", code) in REFUSED:
        return (f"{where} refuses user '{broker.user}' or the password. Give it the password file of "
                "`santral mqtt-conf`, made from this node's state folder")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (f"the certificate of {where} is not trusted: {text.rpartition(': ')[2].partition(' (_ssl')[0]}. Name "
                "its authority at [mqtt] ca, and the broker as its certificate does at [mqtt] broker")
    if isinstance(error, StoreError):
        return f"what happened cannot be read from the store: {text}"
    if isinstance(error, ssl.SSLError):
        return f"[mqtt] ca {broker.ca} holds no certificate of an authority"
    if isinstance(error, OSError):
        return f"[mqtt] ca {broker.ca} cannot be read: {error.strerror or text}"
    return f"{where} does not answer: {text}. Does it run, does it speak {'TLS' if broker.tls else 'plain TCP'} there?"


async def _publish(client: aiomqtt.Client, message: Message, now: float) -> None:
    properties = None
    if message.until is not None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = int(message.until - now)
    await client.publish(message.topic, message.payload, qos=1, retain=message.retain, properties=properties)


def _silent() -> logging.Logger:
    """The library's own lines say twice what is told here once."""
    logger = logging.getLogger("santral.mqtt.library")
    logger.setLevel(logging.CRITICAL)
    return logger
