"""The outbox sends a backlog in batches, also to a broker that confirms late and twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from metrics.mqtt import outbox
from metrics.mqtt.message import NODE, Device
from metrics.mqtt.outbox import BATCH_FACTS, WINDOW, MqttBroker, MqttOutbox
from routing.core.inbox import QueueStatus
from routing.core.model.facts import Fact, Queued
from routing.core.model.ids import AgentId
from tests.unit.metrics.mqtt.test_message import any_of
from tests.until import until_async

pytestmark = pytest.mark.integration

NOW = 1_700_000_000.0


def packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([kind, len(body)]) + body


class LateBroker:
    """Speaks enough of MQTT 5: each message is confirmed late, twice and out of order."""

    def __init__(self) -> None:
        self.port = 0
        self.topics: list[str] = []
        self.under_way = self.most_under_way = 0
        self.mute = False
        """Confirm nothing any more."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        self.under_way = 0
        try:
            while True:
                kind, body = await self._read_packet(reader)
                match kind >> 4:
                    case 1:
                        writer.write(packet(0x20, b"\0\0\0"))
                    case 8:
                        writer.write(packet(0x90, body[:2] + b"\0\1"))
                    case 3:
                        end = 2 + int.from_bytes(body[:2], "big")
                        topic, number = body[2:end].decode(), body[end:end + 2]
                        # The node's own state comes back, as to every subscriber.
                        if topic == NODE:
                            writer.write(packet(0x30, body[:end] + body[end + 2:]))
                            writer.write(packet(0x40, number))
                            continue
                        self.topics.append(topic)
                        self.under_way += 1
                        self.most_under_way = max(self.most_under_way, self.under_way)
                        if not self.mute:
                            loop.call_later(0.01 * (len(self.topics) % 3), self._confirm, writer, number)
                    case 14:
                        return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    def _confirm(self, writer: asyncio.StreamWriter, number: bytes) -> None:
        self.under_way -= 1
        if not writer.is_closing():
            writer.write(packet(0x40, number) * 2)

    async def _read_packet(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, length, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            digit = (await reader.readexactly(1))[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return kind, await reader.readexactly(length)


class Backlog:
    """A store with facts of an outage. It counts commits of the cursor."""

    def __init__(self, many: int) -> None:
        template: Any = any_of(Queued)
        self.facts: list[Fact] = [template._replace(seq=seq, at=NOW) for seq in range(1, many + 1)]
        self.cursor: int | None = 0
        self.commits: list[int] = []

    async def facts_after(self, seq: int, limit: int = 1000) -> list[Fact]:
        return self.facts[seq:seq + limit]

    async def read_cursor(self, name: str) -> int | None:
        return self.cursor

    async def set_cursor(self, name: str, seq: int) -> None:
        self.cursor = seq
        self.commits.append(seq)


@asynccontextmanager
async def sending(broker: LateBroker, store: Backlog) -> AsyncIterator[MqttOutbox]:
    made = MqttOutbox(MqttBroker("127.0.0.1", broker.port, "node", "password", tls=False), store,
                      lambda: QueueStatus(NOW, ()), {AgentId("a1"): Device("0f1e2d3c4b5a6978", "both")}, lambda: NOW)
    await made.load_cursor(0)
    made.note_facts(store.facts[-1:])
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_late_and_double_confirmations_lose_and_repeat_nothing() -> None:
    broker, store = LateBroker(), Backlog(3 * BATCH_FACTS + 7)
    async with broker.listening(), sending(broker, store) as made:
        await until_async(lambda: made.behind == 0, what="all facts are confirmed")
        await until_async(lambda: store.commits and store.commits[-1] == len(store.facts), what="the cursor is stored")
    assert len(broker.topics) == len(store.facts), "each fact is one message, sent once"
    assert store.commits == [BATCH_FACTS, 2 * BATCH_FACTS, 3 * BATCH_FACTS, len(store.facts)], "one commit a batch"
    assert WINDOW / 2 < broker.most_under_way <= WINDOW


async def test_a_broker_that_falls_silent_repeats_one_batch_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "ANSWER_S", 0.5)
    monkeypatch.setattr(outbox, "BACKOFF_FIRST_S", 0.05)
    broker, store = LateBroker(), Backlog(3 * BATCH_FACTS)
    async with broker.listening(), sending(broker, store) as made:
        await until_async(lambda: store.commits, what="the first batch is stored")
        broker.mute = True
        await until_async(lambda: not made.connected, what="the silence is noticed")
        before, done = len(broker.topics), store.commits[-1]
        assert before <= done + BATCH_FACTS, "no message of the batch after the next one has left"
        broker.mute = False
        await until_async(lambda: made.behind == 0, what="the rest is sent")
    assert len(broker.topics) - len(store.facts) <= BATCH_FACTS, "at most one batch was sent twice"
