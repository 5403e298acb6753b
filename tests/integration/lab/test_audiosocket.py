"""Live sound over AudioSocket: packets cut anywhere, silence where nothing comes, the end from either side."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from lab.phones.audio import RATE, read_wav, root_mean_square, tone_energy
from lab.phones.audio_socket import BUFFER_MAX_S, FRAME, AudioExchange, AudioLine, LiveAddress
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

Wires = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def exchange() -> AsyncIterator[AudioExchange]:
    async with AudioExchange() as exchange:
        yield exchange


async def connect(live: LiveAddress) -> Wires:
    """As Asterisk does, when a call is brought under this name."""
    host, _, port = live.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(packet(0x01, uuid.UUID(live.name).bytes))
    return reader, writer


def packet(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body) >> 8, len(body) & 0xFF)) + body


def sound(*values: int) -> bytes:
    return b"".join(packet(0x10, np.full(FRAME, value, dtype="<i2").tobytes()) for value in values)


async def hears(reader: asyncio.StreamReader, frames: int) -> np.ndarray:
    """So much of what the line says."""
    found = b""
    for _ in range(frames):
        head = await asyncio.wait_for(reader.readexactly(3), LIMIT_S)
        assert head[0] == 0x10
        found += await reader.readexactly(int.from_bytes(head[1:]))
    return np.frombuffer(found, dtype="<i2").astype(np.float64)


async def test_sound_comes_whole_however_the_packets_are_cut(exchange: AudioExchange) -> None:
    lines: list[AudioLine] = []
    _, writer = await connect(exchange.expect_call(lines.append))
    for byte in sound(1, 2) + packet(0x03, b"5") + sound(3):
        writer.write(bytes((byte,)))
        await asyncio.sleep(0)
    line = (await until_async(lambda: lines))[0]
    found: list[float] = []

    def three() -> bool:
        found.extend(line.take_sound())
        return len(found) == 3 * FRAME

    await until_async(three)
    assert found == [1.0] * FRAME + [2.0] * FRAME + [3.0] * FRAME
    writer.close()
    await asyncio.wait_for(line.ended.wait(), LIMIT_S)


async def test_a_line_says_silence_and_then_its_tone_frame_by_frame(exchange: AudioExchange) -> None:
    lines: list[AudioLine] = []
    reader, writer = await connect(exchange.expect_call(lines.append))
    assert root_mean_square(await hears(reader, 5)) == 0.0
    lines[0].send_tone(650)
    heard = await hears(reader, 60)
    assert tone_energy(heard[-RATE // 2:], 650) > 0.99
    lines[0].send_tone(None)
    assert root_mean_square((await hears(reader, 60))[-FRAME:]) == 0.0
    lines[0].close()
    assert (await asyncio.wait_for(reader.read(), LIMIT_S))[-3:] == bytes(3), "it hangs up in order"
    writer.close()


async def test_where_nothing_comes_there_was_silence(exchange: AudioExchange) -> None:
    lines: list[AudioLine] = []
    _, writer = await connect(exchange.expect_call(lines.append))
    writer.write(sound(7) * 10)
    line = (await until_async(lambda: lines))[0]
    await until_async(lambda: line.silence_s >= 0.3)
    assert len(line.take_sound()) == 10 * FRAME
    began, missing, ended = line.seconds, line.fill_silence(), line.seconds
    assert not missing.any() and began * RATE - 1 <= len(missing) + 10 * FRAME <= ended * RATE + 1
    again = line.fill_silence()
    assert len(again) <= (line.seconds - began) * RATE + 1, "what was filled is not filled again"
    writer.close()


async def test_each_call_comes_to_whom_it_belongs_and_nobody_elses_is_taken(exchange: AudioExchange) -> None:
    first: list[AudioLine] = []
    second: list[AudioLine] = []
    one, other = exchange.expect_call(first.append), exchange.expect_call(second.append)
    wires = [await connect(live) for live in (one, other, one)]
    await until_async(lambda: len(first) == 2 and len(second) == 1)
    exchange.forget_call(one)
    reader, writer = await connect(one)
    while await asyncio.wait_for(reader.read(1_000), LIMIT_S):  # it is sent away
        pass
    assert len(first) == 2
    for _, each in (*wires, (reader, writer)):
        each.close()


async def test_sound_that_nobody_takes_is_bounded(exchange: AudioExchange) -> None:
    lines: list[AudioLine] = []
    _, writer = await connect(exchange.expect_call(lines.append))
    line = (await until_async(lambda: lines))[0]
    writer.write(sound(1) * round(BUFFER_MAX_S * 50) + sound(2) * 10)
    await writer.drain()
    await until_async(lambda: len(line._sound) == round(BUFFER_MAX_S * RATE) * 2 and line._sound[-2] == 2)
    assert line.take_sound()[-10 * FRAME - 1:].tolist() == [1.0] + [2.0] * 10 * FRAME
    writer.close()


async def test_at_the_end_every_line_is_closed() -> None:
    lines: list[AudioLine] = []
    async with AudioExchange() as exchange:
        reader, writer = await connect(exchange.expect_call(lines.append))
        await until_async(lambda: lines)
    assert lines[0].ended.is_set()
    writer.close()
    assert not reader.exception()


async def test_a_recorded_line_leaves_a_whole_file_at_its_end(exchange: AudioExchange, tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    lines: list[AudioLine] = []

    def record(line: AudioLine) -> None:
        line.record_sound(path)
        lines.append(line)

    _, writer = await connect(exchange.expect_call(record))
    writer.write(sound(7000, 7000))
    await until_async(lambda: bool(lines), what="the call came")
    writer.write(sound(*[7000] * 10))
    await writer.drain()
    writer.close()
    await until_async(lambda: lines[0].ended.is_set(), what="the call is over")
    heard = read_wav(path)
    assert np.sum(heard == 7000) == 12 * FRAME, "nothing is lost, also not what came with the name"
    assert not len(lines[0].take_sound())
