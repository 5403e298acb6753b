"""Live sound of the lab's telephones, both ways: Asterisk's AudioSocket, spoken by us.

    async with Exchange() as exchange:
        live = exchange.expect(lines.append)
        await network.call("4440632", live=live)     # once answered, `lines` has a `Line`

What a `Line` gives has come over RTP through both Asterisks; what it is given goes the same way. A packet has a kind, a
length of 16 bits and so many bytes (res_audiosocket.c): 0x00 the end, 0x01 the call's UUID, 0x03 a key, 0x10 sound at
8 kHz, 16 bit, little-endian.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lab.audio import RATE, Samples

END, NAME, SOUND = 0x00, 0x01, 0x10
HEADER = 3
FRAME_S = 0.02
"""Telephones send sound in pieces of 20 ms."""
FRAME = round(FRAME_S * RATE)
LATE_FRAMES = 10
"""A loop that was held up sends so much of what it owes, the rest is dropped: nobody hears a burst."""
LOUD = 8_000
"""Amplitude of what our people say: a clear voice, no clipping."""
KEPT_S = 120.0
"""Sound that nobody has taken yet; more is dropped, oldest first. Twice the longest pause of a busy machine."""

_SILENCE = bytes(2 * FRAME)


class Live(NamedTuple):
    """What Asterisk needs to bring a call to us."""

    name: str
    """UUID; the same for every call of one telephone."""
    address: str


class Line(asyncio.Protocol):
    """One call, as long as it lasts."""

    def __init__(self, exchange: Exchange) -> None:
        self.ended = asyncio.Event()
        self._exchange = exchange
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = bytearray()
        self._sound = bytearray()
        self._taken = 0
        self._began = 0.0
        self._idle = 0
        self._frames: list[bytes] = [_SILENCE]
        self._turn = 0

    # --- what it hears ------------------------------------------------------------------------------------------------

    def take(self) -> Samples:
        """The sound that has come since the last time."""
        sound = bytes(self._sound)
        self._sound.clear()
        self._taken += len(sound) // 2
        samples: Samples = np.frombuffer(sound, dtype="<i2").astype(np.float64)
        return samples

    @property
    def quiet_s(self) -> float:
        """So long nothing has come. Counted in turns of the loop, in each of which the socket is read: a loop that was
        held up takes nothing for silence."""
        return self._idle * FRAME_S

    def fill(self) -> Samples:
        """Silence for the time in which nothing came: Asterisk sends no packets where it plays nothing."""
        missing = round(self.seconds * RATE) - self._taken - len(self._sound) // 2
        self._taken += max(0, missing)
        return np.zeros(max(0, missing))

    @property
    def seconds(self) -> float:
        """Since the call came."""
        return asyncio.get_running_loop().time() - self._began

    # --- what it says -------------------------------------------------------------------------------------------------

    def say(self, hertz: int | None) -> None:
        """Speak a tone from now on; None: silence."""
        self._frames = [_SILENCE] if hertz is None else _tone(hertz)
        self._turn = 0

    def close(self, *, now: bool = False) -> None:
        """Hang up. `now`: whatever was not sent yet is not waited for."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes((END, 0, 0)))
            self._transport.close()
        if self._transport is not None and now:
            self._transport.abort()

    def turn(self, count: int) -> None:
        """So many frames are due."""
        self._idle += 1
        if self._transport is None or self._transport.is_closing():
            return
        packets = bytearray()
        for _ in range(count):
            frame = self._frames[self._turn % len(self._frames)]
            packets += bytes((SOUND, len(frame) >> 8, len(frame) & 0xFF)) + frame
            self._turn += 1
        self._transport.write(packets)

    # --- asyncio ------------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asterisk has come."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport, self._began = transport, asyncio.get_running_loop().time()
        self._exchange.add(self)

    def data_received(self, data: bytes) -> None:
        """Packets, cut anywhere."""
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= HEADER:
            kind, size = self._buffer[at], int.from_bytes(self._buffer[at + 1: at + HEADER])
            if len(self._buffer) - at < HEADER + size:
                break
            body = bytes(self._buffer[at + HEADER: at + HEADER + size])
            at += HEADER + size
            if kind == SOUND:
                self._idle = 0
                self._sound += body
            elif kind == NAME:
                self._exchange.named(self, body)
            elif kind == END:
                self.close()
        del self._buffer[:at]
        old = len(self._sound) - round(KEPT_S * RATE) * 2
        if old > 0:
            del self._sound[:old]

    def connection_lost(self, exc: Exception | None) -> None:
        """The call is over."""
        self._exchange.remove(self)
        self.ended.set()


class Exchange:
    """Where Asterisk brings the calls that somebody expects."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._lines: set[Line] = set()
        self._expected: dict[bytes, Callable[[Line], None]] = {}
        self._pace: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Exchange:
        self._server = await asyncio.get_running_loop().create_server(lambda: Line(self), "127.0.0.1", 0)
        self._pace = asyncio.create_task(self._turns(), name="lab.exchange")
        return self

    async def __aexit__(self, *_: Any) -> None:
        assert self._server is not None and self._pace is not None
        self._pace.cancel()
        await asyncio.gather(self._pace, return_exceptions=True)
        self._server.close()
        lines = list(self._lines)
        for line in lines:
            line.close(now=True)
        await asyncio.gather(*(line.ended.wait() for line in lines))
        await self._server.wait_closed()

    def expect(self, came: Callable[[Line], None]) -> Live:
        """`came` is called with each call that is brought under this name."""
        assert self._server is not None
        name = uuid.uuid4()
        self._expected[name.bytes] = came
        host, port = self._server.sockets[0].getsockname()[:2]
        return Live(str(name), f"{host}:{port}")

    def forget(self, live: Live) -> None:
        """Nobody comes under this name any more."""
        self._expected.pop(uuid.UUID(live.name).bytes, None)

    def add(self, line: Line) -> None:
        """A connection; whose it is comes with its first packet."""
        self._lines.add(line)

    def remove(self, line: Line) -> None:
        """A connection is over."""
        self._lines.discard(line)

    def named(self, line: Line, name: bytes) -> None:
        """It said whose it is. One that nobody expects is sent away."""
        came = self._expected.get(name)
        if came is None:
            line.close()
        else:
            came(line)

    async def _turns(self) -> None:
        """Each line sends a frame every 20 ms, as a telephone does, whatever it has to say."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += FRAME_S
            await asyncio.sleep(due - loop.time())
            count = 1 + int((loop.time() - due) / FRAME_S)
            due += (count - 1) * FRAME_S
            for line in list(self._lines):
                line.turn(min(count, LATE_FRAMES))


def _tone(hertz: int) -> list[bytes]:
    """A second of it in frames: whole cycles, so that it goes on without a click."""
    wave = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE) * LOUD
    data = wave.astype("<i2").tobytes()
    return [data[at: at + 2 * FRAME] for at in range(0, len(data), 2 * FRAME)]
