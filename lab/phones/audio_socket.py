"""Live sound of the lab's telephones in both directions, over Asterisk's AudioSocket.

    async with AudioExchange() as exchange:
        live = exchange.expect_call(lines.append)
        await network.place_call("4440632", live=live)     # once answered, `lines` has an `AudioLine`

All sound of an `AudioLine` travels over RTP through both Asterisks. A packet has a kind, a length of 16 bits and that
many bytes (res_audiosocket.c). Kind 0x00 is the end, 0x01 the UUID of the call, 0x03 a key, and 0x10 sound. Sound has 8
kHz, 16 bit, little-endian.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lab.phones.audio import RATE, Samples
from lab.phones.timed_recording import TimedRecording

END, NAME, SOUND = 0x00, 0x01, 0x10
HEADER = 3
FRAME_S = 0.02
"""Telephones send sound in pieces of 20 ms."""
FRAME = round(FRAME_S * RATE)
LATE_FRAMES = 10
"""Most frames sent at once by a loop that was held up. The rest is dropped, so that nobody hears a burst."""
LOUD = 8_000
"""Amplitude of the lab's voices: clear, without clipping."""
BUFFER_MAX_S = 120.0
"""Longest sound that nobody has taken yet; the oldest is dropped. It is twice the longest pause of a busy machine."""

_SILENCE = bytes(2 * FRAME)


class LiveAddress(NamedTuple):
    """Values that Asterisk needs to bring a call to this process."""

    name: str
    """UUID, the same for every call of one telephone."""
    address: str


class AudioLine(asyncio.Protocol):
    """One call, from its connection to its end."""

    def __init__(self, exchange: AudioExchange) -> None:
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
        self._recording: TimedRecording | None = None

    # --- what it hears ------------------------------------------------------------------------------------------------

    def take_sound(self) -> Samples:
        """Return the sound that came since the last call of this method."""
        sound = bytes(self._sound)
        self._sound.clear()
        self._taken += len(sound) // 2
        samples: Samples = np.frombuffer(sound, dtype="<i2").astype(np.float64)
        return samples

    def record_sound(self, path: Path) -> None:
        """Record everything that comes from now on, true in time, instead of keeping it for `take_sound`."""
        self._recording = TimedRecording(path, asyncio.get_running_loop().time)

    @property
    def silence_s(self) -> float:
        """Seconds without sound.

        They are counted in turns of the loop, and each turn reads the socket. A loop that was held up therefore sees no
        false silence.
        """
        return self._idle * FRAME_S

    def fill_silence(self) -> Samples:
        """Return silence for the time in which nothing came. Asterisk sends no packets where it plays nothing."""
        missing = round(self.seconds * RATE) - self._taken - len(self._sound) // 2
        self._taken += max(0, missing)
        return np.zeros(max(0, missing))

    @property
    def seconds(self) -> float:
        """Seconds since the call came."""
        return asyncio.get_running_loop().time() - self._began

    # --- what it says -------------------------------------------------------------------------------------------------

    def send_tone(self, hertz: int | None) -> None:
        """Speak a tone from now on, or be silent if `hertz` is None."""
        self._frames = [_SILENCE] if hertz is None else _tone_frames(hertz)
        self._turn = 0

    def close(self, *, now: bool = False) -> None:
        """Hang up. With `now`, drop what was not sent yet."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes((END, 0, 0)))
            self._transport.close()
        if self._transport is not None and now:
            self._transport.abort()

    def send_frames(self, count: int) -> None:
        """Send `count` due frames."""
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
        """Add the line when Asterisk connects."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport, self._began = transport, asyncio.get_running_loop().time()
        self._exchange.add_line(self)

    def data_received(self, data: bytes) -> None:
        """Handle packets from any piece of the stream."""
        self._buffer += data
        at = 0
        # 1. Take each whole packet. The rest stays in the buffer.
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
                self._exchange.connect_line(self, body)
            elif kind == END:
                self.close()
        del self._buffer[:at]
        # 2. Record what came at once.
        if self._recording is not None and self._sound:
            self._recording.add_sound(bytes(self._sound))
            self._sound.clear()
        # 3. Drop the oldest sound if nobody takes it.
        old = len(self._sound) - round(BUFFER_MAX_S * RATE) * 2
        if old > 0:
            del self._sound[:old]

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the line when the call is over."""
        self._exchange.remove_line(self)
        if self._recording is not None:
            self._recording.close()
        self.ended.set()


class AudioExchange:
    """A listener to which Asterisk brings the calls that somebody expects."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._lines: set[AudioLine] = set()
        self._expected: dict[bytes, Callable[[AudioLine], None]] = {}
        self._pace: asyncio.Task[None] | None = None

    async def __aenter__(self) -> AudioExchange:
        self._server = await asyncio.get_running_loop().create_server(lambda: AudioLine(self), "127.0.0.1", 0)
        self._pace = asyncio.create_task(self._pace_frames(), name="lab.exchange")
        return self

    async def __aexit__(self, *_: Any) -> None:
        assert self._server is not None and self._pace is not None
        self._pace.cancel()
        await asyncio.gather(self._pace, return_exceptions=True)
        self._server.close()
        lines = list(self._lines)
        # A line that is only closed would wait for Asterisk to read it.
        for line in lines:
            line.close(now=True)
        await asyncio.gather(*(line.ended.wait() for line in lines))
        await self._server.wait_closed()

    def expect_call(self, came: Callable[[AudioLine], None]) -> LiveAddress:
        """Expect calls under a new name, and call `came` with each of them."""
        assert self._server is not None
        name = uuid.uuid4()
        self._expected[name.bytes] = came
        host, port = self._server.sockets[0].getsockname()[:2]
        return LiveAddress(str(name), f"{host}:{port}")

    def forget_call(self, live: LiveAddress) -> None:
        """Expect no more calls under this name."""
        self._expected.pop(uuid.UUID(live.name).bytes, None)

    def add_line(self, line: AudioLine) -> None:
        """Add a connection. Its first packet says which call it is."""
        self._lines.add(line)

    def remove_line(self, line: AudioLine) -> None:
        """Remove a connection that is over."""
        self._lines.discard(line)

    def connect_line(self, line: AudioLine, name: bytes) -> None:
        """Hand a line to the callback that expects its name. Close a line that nobody expects."""
        came = self._expected.get(name)
        if came is None:
            line.close()
        else:
            came(line)

    async def _pace_frames(self) -> None:
        """Send a frame on each line every 20 ms, as a telephone does, also when it is silent."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            # Sleep to a fixed schedule: sleeping 20 ms each time would lag behind.
            due += FRAME_S
            await asyncio.sleep(due - loop.time())
            count = 1 + int((loop.time() - due) / FRAME_S)
            due += (count - 1) * FRAME_S
            for line in list(self._lines):
                line.send_frames(min(count, LATE_FRAMES))


def _tone_frames(hertz: int) -> list[bytes]:
    """Return one second of the tone in frames. It has whole cycles, so that the repetition makes no click."""
    wave = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE) * LOUD
    data = wave.astype("<i2").tobytes()
    return [data[at: at + 2 * FRAME] for at in range(0, len(data), 2 * FRAME)]
