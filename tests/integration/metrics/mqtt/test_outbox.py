"""The way to a real mosquitto with the rendered files, TLS and passwords. Delivery proves which topics a client may
hear.
"""

from __future__ import annotations

import asyncio
import gc
import json
import shutil
import socket
import subprocess
import typing
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from metrics.mqtt import outbox
from metrics.mqtt.message import Device, Message
from metrics.mqtt.mosquitto_conf import NODE_USER, WATCH_USER, BrokerPlan, render_files
from metrics.mqtt.outbox import MqttBroker, MqttOutbox
from routing.core.inbox import QueueStatus, QueueView
from routing.core.model.facts import Fact, Offered
from routing.core.model.ids import AgentId, ServiceId
from tests.fakes.tls import certificates
from tests.unit.metrics.mqtt.test_message import any_of
from tests.until import LIMIT_S, until, until_async

LEFT_OPEN = "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
"""paho leaves the socket of a failed TLS handshake to the collector, which closes it."""
pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings(LEFT_OPEN)]

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
if MOSQUITTO is None:
    pytest.skip("mosquitto is not here: Debian package mosquitto", allow_module_level=True)

AGENT, DEVICE, OTHER = AgentId("a1001"), "0f1e2d3c4b5a6978", "8796a5b4c3d2e1f0"
USERS = {NODE_USER: "node-password", WATCH_USER: "watch-password", DEVICE: "device-password", OTHER: "other-password"}
NOW = 1_700_000_000.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """A broker of our own on a free port, from the rendered files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.ca = str(certificates(folder))
        self._process: subprocess.Popen[bytes] | None = None
        plan = BrokerPlan(self.port, USERS, str(folder), str(folder), str(folder), "127.0.0.1")
        for name, text in render_files(plan).items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o600)
        with (folder / "mosquitto.conf").open("a") as conf:
            conf.write("user root\n")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([str(MOSQUITTO), "-c", str(self.folder / "mosquitto.conf")], stderr=log,
                                             stdout=log)
        until(lambda: listens(self.port), what=f"mosquitto listens; {(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(LIMIT_S)
            self._process = None

    def broker(self, user: str = NODE_USER, password: str | None = None, ca: str | None = None) -> MqttBroker:
        return MqttBroker("127.0.0.1", self.port, user, password or USERS[user], ca=ca or self.ca)

    def known(self, user: str) -> aiomqtt.Client:
        return aiomqtt.Client("127.0.0.1", self.port, username=user, password=USERS[user],
                              tls_params=aiomqtt.TLSParameters(ca_certs=self.ca),
                              protocol=aiomqtt.ProtocolVersion.V5)

    @asynccontextmanager
    async def client(self, user: str, *topics: str) -> AsyncIterator[aiomqtt.Client]:
        async with self.known(user) as client:
            for topic in topics:
                await client.subscribe(topic, qos=1)
            yield client


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BACKOFF_MOST_S", 0.2)
    # A broker on a busy machine is no silent one.
    monkeypatch.setattr(outbox, "ANSWER_S", LIMIT_S)


class Memory:
    """The store's facts and cursor."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.cursors: dict[str, int] = {}

    async def facts_after(self, seq: int, limit: int = 1000) -> list[Fact]:
        return self.facts[seq:seq + limit]

    async def read_cursor(self, name: str) -> int | None:
        return self.cursors.get(name)

    async def set_cursor(self, name: str, seq: int) -> None:
        self.cursors[name] = seq


class Source:
    """A centre that goes on: facts of calls, and an outbox that is told of them."""

    def __init__(self, broker: MqttBroker, store: Memory | None = None) -> None:
        self.store, self.now, self.waiting = store or Memory(), NOW, 0
        self.outbox = MqttOutbox(broker, self.store, self.status, {AGENT: Device(DEVICE, "both")}, lambda: self.now)

    def status(self) -> QueueStatus:
        view = QueueView(ServiceId("destek"), "Destek", self.waiting, 0, 0, 3.0, 1, 1)
        return QueueStatus(self.now, (view,))

    def happen(self, kind: str, contact: int = 1, **fields: object) -> None:
        made = any_of(next(one for one in typing.get_args(Fact) if one.__name__ == kind))
        fact = made._replace(seq=len(self.store.facts) + 1, at=self.now, **fields)
        if "contact" in fact._fields:
            fact = fact._replace(contact=f"1700000000.{contact}")  # type: ignore[call-arg]
        self.store.facts.append(fact)
        self.outbox.note_facts([fact])

    def ring(self) -> None:
        self.happen("Offered", ring_s=15.0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.outbox.load_cursor(0)
        task = asyncio.create_task(self.outbox.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


async def collect(client: aiomqtt.Client, into: list[tuple[str, dict[str, typing.Any], bool]]) -> None:
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        into.append((message.topic.value, json.loads(message.payload), bool(message.retain)))


def heard(mosquitto: Mosquitto, user: str, *topics: str) -> AbstractAsyncContextManager[
        list[tuple[str, dict[str, typing.Any], bool]]]:
    return heard_at(mosquitto.known(user), *topics)


@asynccontextmanager
async def heard_at(known: aiomqtt.Client,
                   *topics: str) -> AsyncIterator[list[tuple[str, dict[str, typing.Any], bool]]]:
    """Yield the messages of these topics: topic, payload, and whether the broker retained it."""
    found: list[tuple[str, dict[str, typing.Any], bool]] = []
    async with known as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        task = asyncio.create_task(collect(client, found))
        try:
            yield found
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_a_broker_down_for_the_whole_run_then_up_gets_everything_once_in_order(mosquitto: Mosquitto) -> None:
    source = Source(mosquitto.broker())
    async with source.running():
        for contact in range(300):
            for kind in ("Queued", "Offered", "Connected", "TalkEndedRecorded", "Ended", "WrappedUp"):
                source.happen(kind, contact)
        await until_async(lambda: source.outbox._last_reason)
        source.now += 3600
        mosquitto.start()
        async with heard(mosquitto, WATCH_USER, "acd/v1/events/#") as events, \
                heard(mosquitto, DEVICE, f"acd/v1/signal/{DEVICE}/#") as signals:
            await until_async(lambda: len(events) >= 1800)
            assert [event["id"] for _, event, _ in events] == list(range(1, 1801))
            by_contact = Counter(event["contact"] for _, event, _ in events)
            assert set(by_contact.values()) == {6}
            await until_async(lambda: source.store.cursors.get("mqtt") == 1800)
            assert not signals and source.outbox.signals == {("ring", "late"): 300, ("ringstop", "late"): 300}, \
                "an hour late, nothing rings"
            source.ring()
            await until_async(lambda: signals)
            assert signals[0][:2] == (f"acd/v1/signal/{DEVICE}/ring", {
                "v": 1, "id": 1801, "kind": "ring", "pattern": "both", "ttl_s": 15.0, "ts": source.now})


async def test_a_broker_that_goes_away_meanwhile_misses_nothing(mosquitto: Mosquitto) -> None:
    mosquitto.start()
    source = Source(mosquitto.broker())
    async with source.running():
        await until_async(lambda: source.outbox.connected)
        source.happen("Queued")
        await until_async(lambda: source.outbox.behind == 0)
        mosquitto.stop()
        await until_async(lambda: not source.outbox.connected)
        source.happen("Ended")
        assert source.outbox.behind == 1
        mosquitto.start()
        async with heard(mosquitto, WATCH_USER, "acd/v1/events/#") as events:
            await until_async(lambda: source.outbox.behind == 0)
            source.happen("Queued", 2)
            await until_async(lambda: events and events[-1][1]["id"] == 3)
    again = Source(mosquitto.broker(), source.store)
    async with heard(mosquitto, WATCH_USER, "acd/v1/events/#") as events, again.running():
        again.happen("Ended", 2)
        await until_async(lambda: events)
        assert [event["id"] for _, event, _ in events] == [4], "the next node goes on where this one ended"


async def test_states_are_retained_and_the_last_will_tells_of_a_node_that_is_gone(mosquitto: Mosquitto) -> None:
    mosquitto.start()
    source = Source(mosquitto.broker())
    source.waiting = 2
    async with source.running():
        source.happen("Queued")
        await until_async(lambda: source.outbox.connected and source.outbox._states)
        async with heard(mosquitto, WATCH_USER, "acd/v1/state/#") as late:
            await until_async(lambda: len(late) >= 2)
            told = {topic: value for topic, value, retain in late if retain}
            assert told["acd/v1/state/node"]["state"] == "online"
            assert told["acd/v1/state/queue/destek"]["waiting"] == 2
    async with heard(mosquitto, WATCH_USER, "acd/v1/state/node") as after:
        await until_async(lambda: after and after[-1][1]["state"] == "offline", what="it said good-bye")


async def test_a_node_that_is_cut_off_is_offline_by_its_last_will(mosquitto: Mosquitto) -> None:
    mosquitto.start()
    source = Source(mosquitto.broker())
    async with source.running(), heard(mosquitto, WATCH_USER, "acd/v1/state/node") as states:
        await until_async(lambda: states and states[-1][1]["state"] == "online")
        async with aiomqtt.Client("127.0.0.1", mosquitto.port, username=NODE_USER, password=USERS[NODE_USER],
                                  identifier=outbox.CLIENT, protocol=aiomqtt.ProtocolVersion.V5,
                                  tls_params=aiomqtt.TLSParameters(ca_certs=mosquitto.ca)):
            # The broker drops the first session without a good-bye: another with its name has come.
            await until_async(lambda: "offline" in [state["state"] for _, state, _ in states])
        await until_async(lambda: states[-1][1]["state"] == "online", what="it comes back")


async def test_calls_go_first_and_a_lamp_is_late_by_a_moment_at_most(mosquitto: Mosquitto,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "YIELD_S", 0.01)
    monkeypatch.setattr(outbox, "YIELD_MAX_S", 0.1)
    mosquitto.start()
    asked: list[bool] = []

    def busy() -> bool:
        asked.append(True)
        return True

    source = Source(mosquitto.broker())
    source.outbox._busy = busy
    async with source.running(), heard(mosquitto, DEVICE, f"acd/v1/signal/{DEVICE}/#") as signals:
        await until_async(lambda: source.outbox.connected)
        source.ring()
        await until_async(lambda: signals, what="it rings though the node stays busy")
    assert len(asked) > 1, "it has waited"


async def test_who_may_not_hear_gets_nothing_though_the_broker_grants_it(mosquitto: Mosquitto) -> None:
    mosquitto.start()
    source = Source(mosquitto.broker())
    everything = ("#", "acd/v1/#", f"acd/v1/signal/{DEVICE}/#", "acd/v1/events/#", "acd/v1/state/#")
    async with source.running(), heard(mosquitto, OTHER, *everything) as other, \
            heard(mosquitto, WATCH_USER, "acd/v1/#") as watch, heard(mosquitto, DEVICE, "acd/v1/#") as device:
        await until_async(lambda: source.outbox.connected)
        async with mosquitto.client(OTHER) as liar:
            await liar.publish("acd/v1/events/queue/destek", b"{}", qos=1)
            await liar.publish(f"acd/v1/signal/{DEVICE}/ring", b"{}", qos=1)
            await liar.publish(f"acd/v1/ack/{DEVICE}/status", b'{"v":1,"id":1,"status":"felt"}', qos=1)
            await liar.publish(f"acd/v1/ack/{OTHER}/status", b'{"v":1,"id":1,"status":"felt"}', qos=1)
        source.ring()
        await until_async(lambda: len(device) == 1 and any("events" in topic for topic, _, _ in watch))
        await until_async(lambda: source.outbox.signals["unknown", "felt"])
        assert not other, "neither events nor another's signals"
        assert all(value for _, value, _ in (*watch, *device)), "nothing that a device made up"
        assert not any("signal" in topic for topic, _, _ in watch)
        assert source.outbox.signals == {("ring", "sent"): 1, ("unknown", "felt"): 1}, \
            "only its own acknowledgement came, of a signal it never had"


async def test_a_device_acknowledges(mosquitto: Mosquitto) -> None:
    mosquitto.start()
    source = Source(mosquitto.broker())
    async with source.running(), mosquitto.client(DEVICE, f"acd/v1/signal/{DEVICE}/#") as device:
        await until_async(lambda: source.outbox.connected)
        source.ring()
        message = await asyncio.wait_for(anext(aiter(device.messages)), LIMIT_S)
        assert message.properties is not None
        left = message.properties.MessageExpiryInterval
        # The broker takes off the time that the message was with it.
        assert 1 <= left <= 15, "the broker drops what comes late"
        number = json.loads(typing.cast(bytes, message.payload))["id"]
        for _ in range(2):
            await device.publish(f"acd/v1/ack/{DEVICE}/status",
                                 json.dumps({"v": 1, "id": number, "status": "felt"}), qos=1)
        await until_async(lambda: source.outbox.signals == {
            ("ring", "sent"): 1, ("ring", "felt"): 1, ("unknown", "felt"): 1}, what="counted once")


def other_authority(mosquitto: Mosquitto) -> MqttBroker:
    folder = mosquitto.folder / "other"
    folder.mkdir()
    return mosquitto.broker(ca=str(certificates(folder)))


REFUSALS = {
    "password": (lambda broker: broker.broker(password="wrong"), "refuses user 'santral-node' or the password"),
    "unknown authority": (other_authority, "is not trusted"),
    "no file": (lambda broker: broker.broker(ca=str(broker.folder / "none.crt")), "cannot be read: No such file"),
    "no certificate": (lambda broker: broker.broker(ca=str(broker.folder / "acl")), "holds no certificate"),
    "access": (lambda broker: broker.broker(WATCH_USER), "delivers none"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_what_the_broker_refuses_is_told_and_nothing_is_lost(mosquitto: Mosquitto, case: str,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "ANSWER_S", 2.0)
    make, words = REFUSALS[case]
    mosquitto.start()
    source = Source(make(mosquitto))
    async with source.running():
        source.happen("Queued")
        await until_async(lambda: source.outbox._last_reason)
        assert words in source.outbox._last_reason
        assert "password" not in source.outbox._last_reason.replace("the password", "")
        assert not source.outbox.connected and source.outbox.behind == 1
    assert source.store.cursors == {"mqtt": 0}
    gc.collect()


async def test_a_broker_that_is_not_there_or_speaks_something_else(mosquitto: Mosquitto,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "ANSWER_S", 2.0)
    source = Source(mosquitto.broker())
    async with source.running():
        await until_async(lambda: "does not answer: " in source.outbox._last_reason)
    mosquitto.start()
    plain = Source(MqttBroker("127.0.0.1", mosquitto.port, NODE_USER, USERS[NODE_USER], tls=False))
    async with plain.running():
        await until_async(lambda: "plain TCP" in plain.outbox._last_reason)


async def test_an_offer_that_is_over_does_not_ring_though_there_were_time(mosquitto: Mosquitto) -> None:
    source = Source(mosquitto.broker())
    await source.outbox.load_cursor(0)
    source.ring()
    source.happen("Connected")
    source.happen("Offered", offer=4, ring_s=15.0)
    mosquitto.start()
    async with heard(mosquitto, DEVICE, f"acd/v1/signal/{DEVICE}/#") as signals, source.running():
        await until_async(lambda: len(signals) == 2)
        assert [(value["kind"], value["id"]) for _, value, _ in signals] == [("ringstop", 2), ("ring", 3)]


async def test_a_page_that_is_sent_again_puts_the_same_devices_out() -> None:
    source = Source(MqttBroker("127.0.0.1", 1, "", ""))
    mate = AgentId("a1002")
    source.outbox.devices = {AGENT: Device(DEVICE, "both"), mate: Device(OTHER, "both")}
    topics: list[str] = []

    class Client:
        async def publish(self, topic: str, payload: bytes, **_: object) -> None:
            topics.append(topic)

    client = typing.cast(aiomqtt.Client, Client())
    source.happen("Offered", ring_s=15.0, partner=mate)
    await source.outbox._send_batch(client, source.store.facts[:1])
    source.happen("Connected")
    topics.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "_publish_message", _torn)
        with pytest.raises(aiomqtt.MqttError):
            await source.outbox._send_batch(client, source.store.facts[1:])
    await source.outbox._send_batch(client, source.store.facts[1:])
    assert [topic for topic in topics if "signal" in topic] == [
        f"acd/v1/signal/{one}/ringstop" for one in (DEVICE, OTHER)]


async def _torn(*_: object) -> None:
    raise aiomqtt.MqttError("torn")


async def test_who_waits_longest_is_told_again_though_as_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float | None] = []

    async def publish(_: object, message: Message, __: float) -> None:
        told.append(json.loads(message.payload)["oldest_since"])

    monkeypatch.setattr(outbox, "_publish_message", publish)
    source = Source(MqttBroker("127.0.0.1", 1, "", ""))
    client = typing.cast(aiomqtt.Client, None)
    came = NOW + 0.1

    def status() -> QueueStatus:
        waits_s = source.now - came if source.waiting else 0.0
        view = QueueView(ServiceId("destek"), "Destek", source.waiting, 0, 0, waits_s, 1, 1)
        return QueueStatus(source.now, (view,))

    source.outbox._status, source.waiting = status, 1
    for after_s in (300.0, 300.3, 300.7):
        source.now = NOW + after_s
        await source.outbox._send_queue_states(client)
    assert told == [NOW + 0.1], "the same wait is no news"
    came = NOW + 300.6
    await source.outbox._send_queue_states(client)
    assert told == [NOW + 0.1, NOW + 300.6], "the first has gone, another one has come"
    source.waiting = 0
    for source.now in (NOW + 400.0, NOW + 500.0):
        await source.outbox._send_queue_states(client)
    assert told[2:] == [None], "nobody waits, and that is told once"


async def test_who_is_new_to_the_broker_begins_with_the_node() -> None:
    source = Source(MqttBroker("127.0.0.1", 1, "", ""))
    source.happen("Queued")
    await source.outbox.load_cursor(1)
    assert source.store.cursors == {"mqtt": 1} and source.outbox.behind == 0
    source.happen("Ended")
    assert source.outbox.behind == 1


async def test_a_node_that_never_had_the_broker_leaves_everything_to_the_next() -> None:
    first = Source(MqttBroker("127.0.0.1", 1, "", ""))
    await first.outbox.load_cursor(0)
    first.happen("Queued")
    second = Source(MqttBroker("127.0.0.1", 1, "", ""), first.store)
    await second.outbox.load_cursor(1)
    assert second.outbox.behind == 1


async def test_signals_that_nobody_acknowledges_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SIGNALS_MAX", 3)
    source = Source(MqttBroker("127.0.0.1", 1, "", ""))
    for _ in range(5):
        source.ring()
        [signal, _] = outbox.messages_of(typing.cast(Offered, source.store.facts[-1]), source.outbox.devices, {})
        assert source.outbox._is_in_time(signal, source.now)
    assert [number for _, number in source.outbox._awaited] == [3, 4, 5]
