"""Deliver facts to an MQTT broker: every fact after it is stored, in order, from the last confirmed one.

The store is the buffer. Facts are read from there, and a cursor notes the last fact that the broker has confirmed. So
an outage of hours costs neither memory nor a message. Messages that were under way when a connection broke are sent
again with the same id. The runner never waits for a broker: `note_facts` only wakes the outbox.
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

from metrics.mqtt.message import (
    ACKS,
    NODE,
    Ack,
    Device,
    Message,
    RingingOffers,
    messages_of,
    node_state_message,
    oldest_since,
    queue_state_message,
    read_ack,
)
from routing.core.backoff import waits
from routing.core.inbox import QueueStatus, QueueView
from routing.core.model.facts import Fact, OfferClosed, Offered
from routing.core.model.ids import AgentId, ServiceId
from routing.core.model.talk_facts import Connected
from routing.store.errors import StoreError

log = structlog.get_logger()

CURSOR = "mqtt"
"""Name of the cursor in the store."""
CLIENT = "santral-node"
"""Client id. A node that takes over ends the session of the previous one."""

BATCH_FACTS = 200
"""Facts of one batch, which is read at once and confirmed by one commit of the cursor.

This bounds the memory of an outage, and what is sent twice after a broken connection or a kill in a backlog.
"""
WINDOW = 20
"""Unconfirmed messages under way: the receive maximum of mosquitto's default, so that none waits inside the client."""
BATCH_DELAY_S = 0.02
"""Pause after news, to collect facts of the same moment. A lamp is late by 20 ms at most, and the store is read less
often."""
YIELD_S, YIELD_MAX_S = 0.05, 1.0
"""While the node is busy, a window of messages waits, checks at this interval, and goes after this long at the latest.

A lamp that is late by a second in a storm still shows that it rings.
"""
STATE_INTERVAL_S = 1.0
"""Interval for storing the cursor and sending queue states, while facts come in less than whole batches.

A killed node repeats the last second, no call waits for these commits, and states are for eyes.
"""
ANSWER_S = 5.0
"""A broker on the same network answers in milliseconds. One that does not answer in this time is gone."""
KEEPALIVE_S = 15
"""A broker without power is noticed after one and a half of this, and so is a node."""
BACKOFF_FIRST_S, BACKOFF_MOST_S = 1.0, 30.0
"""Bounds of the pause between tries. It doubles and is random from its half up, so a returning broker has the node
within half a minute."""
REFUSED = (4, 5, 134, 135)
"""Reason codes of CONNACK (MQTT 3.1.1 and 5): bad user name or password, not authorised."""
END_S = 1.0
"""Time for a stopping node to tell the broker that it is offline."""
ACKS_MAX = 1000
"""Limit of acknowledgements that wait to be counted. A broken device may send more; they are dropped."""
SIGNALS_MAX = 2000
"""Signals whose acknowledgement is awaited: ten times those of 180 agents in a minute."""


class FactSource(Protocol):
    """The part of the store that the outbox uses."""

    async def facts_after(self, seq: int, limit: int = ...) -> list[Fact]:
        """Return committed facts above `seq`, in order."""
        ...

    async def read_cursor(self, name: str) -> int | None:
        """Return the last fact of a reader, or None if it never began."""
        ...

    async def set_cursor(self, name: str, seq: int) -> None:
        """Store the last fact of a reader."""
        ...


@dataclass(frozen=True, slots=True)
class MqttBroker:
    """Address of the broker, and the credentials of the node."""

    host: str
    port: int
    user: str
    password: str
    tls: bool = True
    ca: str | None = None
    """File of the authorities for the broker's certificate; None: those of the system."""


class NotDelivered(Exception):
    """The broker takes messages and delivers them to nobody."""


class MqttOutbox:
    """Sends facts to the broker. Call `note_facts` after each turn, and let `run` run for ever.

    `status` gives the present state of the queues, `clock` Unix seconds. `acknowledged` gets each answered signal: its
    kind, and the seconds since it was sent. `busy` says that calls wait for the node; the broker comes after them.
    """

    def __init__(self, broker: MqttBroker, store: FactSource, status: Callable[[], QueueStatus],
                 devices: Mapping[AgentId, Device], clock: Callable[[], float],
                 acknowledged: Callable[[str, float], None] | None = None,
                 busy: Callable[[], bool] = lambda: False) -> None:
        self.devices = devices
        """Agents with a device. It may be replaced at any time."""
        self.connected = False
        self.signals: Counter[tuple[str, str]] = Counter()
        """Counts by kind and result: `sent`, `late` (not sent) and each status of acknowledgements.

        The kind `unknown` is an answer to no signal of this node.
        """
        self._acknowledged_to, self._busy = acknowledged, busy
        self._broker, self._store, self._status, self._clock = broker, store, status, clock
        self._last_seq = self._confirmed_seq = self._saved_cursor = 0
        self._begun = False
        self._more, self._delivers = asyncio.Event(), asyncio.Event()
        self._rings: RingingOffers = {}
        """Ringing devices as of the last confirmed fact."""
        self._states: dict[ServiceId, tuple[QueueView, float | None]] = {}
        """The last state sent for each queue, and since when its longest contact waits."""
        self._awaited: OrderedDict[tuple[str, int], tuple[str, float]] = OrderedDict()
        """Device and number of a signal -> its kind, and its sending time by the loop's clock."""
        self._last_reason = ""

    @property
    def behind(self) -> int:
        """Number of facts that the broker has not confirmed."""
        return max(0, self._last_seq - self._confirmed_seq)

    async def load_cursor(self, seq: int) -> None:
        """Set where to continue. A broker without a cursor begins after `seq`, the last fact before this node began."""
        known = await self._store.read_cursor(CURSOR)
        if known is None:
            # Store it at once, so that the next node continues here even if no broker appears in between.
            await self._store.set_cursor(CURSOR, seq)
        self._confirmed_seq = self._saved_cursor = seq if known is None else known
        self._last_seq = max(seq, self._confirmed_seq)

    def note_facts(self, facts: Sequence[Fact]) -> None:
        """Note that the store has more facts."""
        if facts:
            self._last_seq = max(self._last_seq, facts[-1].seq)
            self._more.set()

    async def run(self) -> None:
        """Connect, send, and connect again until cancelled. Each failure is logged once."""
        pauses = waits(BACKOFF_FIRST_S, BACKOFF_MOST_S, random.random)
        try:
            while True:
                try:
                    await self._run_session()
                except (aiomqtt.MqttError, OSError, ValueError, StoreError, NotDelivered) as error:
                    if (task := asyncio.current_task()) is not None and task.cancelling():
                        # The broker left during the farewell. The task must still end, so the cancellation goes on.
                        raise asyncio.CancelledError from error
                    # A connection that worked begins the pauses again.
                    if self.connected:
                        pauses = waits(BACKOFF_FIRST_S, BACKOFF_MOST_S, random.random)
                    self.connected = False
                    self._log_failure(error)
                await asyncio.sleep(next(pauses))
        # The next node need not repeat confirmed messages.
        finally:
            self.connected = False
            with suppress(StoreError):
                await self._save_cursor()

    # -- one connection ------------------------------------------------------------------------------------------------

    async def _run_session(self) -> None:
        broker, will = self._broker, node_state_message(online=False)
        # Reading certificates from the disk would hold the loop.
        context = await asyncio.to_thread(ssl.create_default_context, cafile=broker.ca) if broker.tls else None
        client = aiomqtt.Client(
            broker.host, broker.port, username=broker.user, password=broker.password, identifier=CLIENT,
            protocol=aiomqtt.ProtocolVersion.V5, tls_context=context, timeout=ANSWER_S, keepalive=KEEPALIVE_S,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True), clean_start=True,
            max_queued_incoming_messages=ACKS_MAX, max_inflight_messages=WINDOW, logger=_silence_library(),
            # Small messages and their confirmations must not wait for each other (Nagle, delayed ACK: 40 ms a window).
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)])
        client.pending_calls_threshold = 2 * WINDOW
        async with client:
            # 1. Receive and send side by side; the first that ends ends the connection.
            heard = asyncio.create_task(self._receive_messages(client), name="mqtt.receive")
            said = asyncio.create_task(self._send_facts_forever(client), name="mqtt.send")
            try:
                done, _ = await asyncio.wait({heard, said}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            # 2. On cancellation say good-bye. A clean disconnect would suppress the last will, so it is sent as a
            # message.
            except asyncio.CancelledError:
                said.cancel()
                with suppress(aiomqtt.MqttError, TimeoutError):
                    async with asyncio.timeout(END_S):
                        await _publish_message(client, will, 0.0)
                raise
            finally:
                # 3. Collect both tasks, or their errors would be reported as never retrieved.
                heard.cancel()
                said.cancel()
                await asyncio.gather(heard, said, return_exceptions=True)

    async def _receive_messages(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload if isinstance(message.payload, bytes) else b""
            # A retained message is an old state of this topic, not the one that was sent now.
            if message.topic.value == NODE:
                if not message.retain and payload == node_state_message(online=True).payload:
                    self._delivers.set()
            elif (ack := read_ack(message.topic.value, payload)) is not None:
                self._count_acknowledgement(ack)

    def _count_acknowledgement(self, ack: Ack) -> None:
        kind, sent = self._awaited.pop((ack.device, ack.id), ("unknown", 0.0))
        self.signals[kind, ack.status] += 1
        if sent and self._acknowledged_to is not None:
            self._acknowledged_to(kind, asyncio.get_running_loop().time() - sent)

    async def _send_facts_forever(self, client: aiomqtt.Client) -> None:
        # 1. Facts wait until delivery is proven.
        await self._prove_delivery(client)
        self.connected, self._last_reason = True, ""
        log.info("mqtt.connected", behind=self.behind)
        loop, stated = asyncio.get_running_loop(), -1
        rest = loop.time()
        # A new connection gets all states again: retained messages may have been lost with the broker.
        self._states = {}
        while True:
            # 2. Clear the mark before reading, so that facts stored while reading are not missed.
            self._more.clear()
            while facts := await self._store.facts_after(self._confirmed_seq, BATCH_FACTS):
                await self._send_batch(client, facts)
                # A whole batch means a backlog: one commit for each, so that a kill repeats no more than one.
                if len(facts) == BATCH_FACTS or loop.time() >= rest + STATE_INTERVAL_S:
                    await self._save_cursor()
                    rest = loop.time()
            # 3. States and cursor at most once in an interval, and only after something has changed.
            if stated != self._confirmed_seq and loop.time() >= rest:
                await self._send_queue_states(client)
                await self._save_cursor()
                stated, rest = self._confirmed_seq, loop.time() + STATE_INTERVAL_S
            # 4. Sleep until there are more facts. With states still to send, wake at the end of the interval.
            with suppress(TimeoutError):
                async with asyncio.timeout(None if stated == self._confirmed_seq else rest - loop.time()):
                    await self._more.wait()
                    await asyncio.sleep(BATCH_DELAY_S)

    async def _prove_delivery(self, client: aiomqtt.Client) -> None:
        """Raise NotDelivered if the broker acknowledges but does not deliver: the node's own state must come back."""
        self._delivers.clear()
        # Subscribe first, or the echo of the state would be missed.
        await client.subscribe(NODE, qos=1)
        await client.subscribe(ACKS, qos=1)
        await _publish_message(client, node_state_message(online=True), self._clock())
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._delivers.wait()
        except TimeoutError:
            raise NotDelivered from None

    async def _send_batch(self, client: aiomqtt.Client, facts: Sequence[Fact]) -> None:
        """Send all messages of a batch in order, and wait for each confirmation."""
        # An offer that ended within this batch need not ring any more.
        over = {fact.offer for fact in facts if isinstance(fact, OfferClosed | Connected)}
        past = {fact.seq for fact in facts if isinstance(fact, Offered) and fact.offer in over}
        # This is a copy, because a batch that is sent again starts from the same state.
        rings = dict(self._rings)
        out = [message for fact in facts for message in messages_of(fact, self.devices, rings)]
        # A confirmation makes room for the next message, so one late confirmation holds up nothing else.
        window = asyncio.Semaphore(WINDOW)

        async def send_message(message: Message, now: float) -> None:
            try:
                await _publish_message(client, message, now)
            finally:
                window.release()

        try:
            async with asyncio.TaskGroup() as under_way:
                for number, message in enumerate(out):
                    if number % WINDOW == 0:
                        await self._yield_to_calls()
                    await window.acquire()
                    now = self._clock()
                    if self._is_in_time(message, now, past):
                        under_way.create_task(send_message(message, now))
                    else:
                        window.release()
        # The connection's own error is handled where a session ends.
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        # Only now is the batch done. A broken connection before this repeats all of it.
        self._confirmed_seq, self._rings = facts[-1].seq, rings

    async def _yield_to_calls(self) -> None:
        """Wait while the node is busy. A message costs the node more than a decision, so decisions come first."""
        for _ in range(round(YIELD_MAX_S / YIELD_S)):
            if not self._busy():
                return
            await asyncio.sleep(YIELD_S)

    def _is_in_time(self, message: Message, now: float, past: Set[int] = frozenset()) -> bool:
        """Return whether a message is still useful, and count it. `past`: facts of offers that are over and should not
        ring."""
        if message.until is None:
            return True
        # Only signals expire, and their topics have five levels.
        _, _, _, device, kind = message.topic.split("/")
        if message.until - now < 1.0 or (kind == "ring" and message.id in past):
            self.signals[kind, "late"] += 1
            return False
        self.signals[kind, "sent"] += 1
        self._awaited[device, message.id] = kind, asyncio.get_running_loop().time()
        # A device that never answers must not fill the memory.
        while len(self._awaited) > SIGNALS_MAX:
            self._awaited.popitem(last=False)
        return True

    async def _send_queue_states(self, client: aiomqtt.Client) -> None:
        """Send the states of queues that have changed since they were sent."""
        status = self._status()
        for view in status.queues:
            # Fields that the message does not hold are not compared.
            seen = (view._replace(oldest_wait_s=0.0, estimate=None, agents_signed_in=0, agents_ready=0),
                    oldest_since(view, status.at))
            # If one caller leaves and another comes, the count is equal but the longest wait is not.
            if self._states.get(view.service) != seen:
                await _publish_message(client, queue_state_message(view, self._confirmed_seq, status.at), status.at)
                self._states[view.service] = seen

    async def _save_cursor(self) -> None:
        if self._confirmed_seq > self._saved_cursor:
            await self._store.set_cursor(CURSOR, self._confirmed_seq)
            self._saved_cursor = self._confirmed_seq

    def _log_failure(self, error: Exception) -> None:
        """Log each reason once, until a connection works."""
        why = failure_reason(error, self._broker)
        if why != self._last_reason:
            self._last_reason = why
            log.warning("mqtt.disconnected", why=why, behind=self.behind)


def failure_reason(error: Exception, broker: MqttBroker) -> str:
    """Return what is wrong with the broker, and how to fix it."""
    where, text = f"the broker at {broker.host}:{broker.port}", str(error)
    if isinstance(error, NotDelivered):
        return (f"{where} takes messages of user '{broker.user}' and delivers none: its access list does not allow "
                "them. Give it the files of `santral mqtt-conf`")
    code = getattr(error, "rc", None)
    # A refusal is an error of the library with a reason code, as a number or as an object.
    if getattr(code, "value", code) in REFUSED:
        return (f"{where} refuses user '{broker.user}' or the password. Give it the password file of "
                "`santral mqtt-conf`, made from this node's state folder")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return (f"the certificate of {where} is not trusted: {text.rpartition(': ')[2].partition(' (_ssl')[0]}. Name "
                "its authority at [mqtt] ca, and the broker as its certificate does at [mqtt] broker")
    if isinstance(error, StoreError):
        return f"the facts cannot be read from the store: {text}"
    # SSLError is an OSError, so it must come first.
    if isinstance(error, ssl.SSLError):
        return f"[mqtt] ca {broker.ca} holds no certificate of an authority"
    if isinstance(error, OSError):
        return f"[mqtt] ca {broker.ca} cannot be read: {error.strerror or text}"
    return f"{where} does not answer: {text}. Does it run, does it speak {'TLS' if broker.tls else 'plain TCP'} there?"


async def _publish_message(client: aiomqtt.Client, message: Message, now: float) -> None:
    properties = None
    if message.until is not None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        # The broker drops the message after this time, for a subscriber that is away.
        properties.MessageExpiryInterval = int(message.until - now)
    await client.publish(message.topic, message.payload, qos=1, retain=message.retain, properties=properties)


def _silence_library() -> logging.Logger:
    """Return a silent logger for the library, whose own lines repeat what is logged here once."""
    logger = logging.getLogger("santral.mqtt.library")
    logger.setLevel(logging.CRITICAL)
    return logger
