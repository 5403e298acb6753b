"""Send server-sent events to one client, and end the stream of a client that does not take them.

A stream that ends costs its client nothing: the next one opens with the whole state, and with the notices after the
last one that the client has seen. So there is no long buffer for anybody.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import termios
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import web

UNSENT_MAX = 65_536
"""Bytes that a client may leave behind. An hour of an agent's notices and states has less, so the client is gone, or
stopped."""
MEDIA_TYPE = "text/event-stream"
BEAT = b": beat\nevent: beat\ndata: {}\n\n"
"""A comment for readers that wait for bytes, and an event for scripts, which see no comments."""


class StreamPace(NamedTuple):
    """Times of a stream, in seconds. Tests shorten them."""

    check_s: float = 1.0
    """Time between two looks at what the client has taken."""
    stalled_s: float = 20.0
    """Time without a byte taken after which the stream ends. A phone that changes its network is back before."""
    beat_s: float = 2.0
    """Time between two beats. A page that has heard nothing for 8 s says so, and proxies close a silent connection."""
    look_s: float = 10.0
    """Time between two looks for what changes without an event, such as a time that has passed."""
    tick_s: float = 60.0
    """Time between two ticks, by which a page registers its phone. Timers of a hidden page are held back."""


def format_event(name: str, data: str, id_: int | None = None) -> bytes:
    """Return one event of the stream. `data` is one line."""
    head = "" if id_ is None else f"id: {id_}\n"
    return f"{head}event: {name}\ndata: {data}\n\n".encode()


class EventStream:
    """The stream to one client. Frames are written at once, and never waited for."""

    def __init__(self, agent: str, person: str, *, own: bool, pace: StreamPace, session: str = "") -> None:
        self.agent, self.person, self.own, self.pace, self.session = agent, person, own, pace, session
        self._frames: list[bytes] = []
        self._wake = asyncio.Event()
        self._ended = ""

    @property
    def is_desk(self) -> bool:
        """Return whether the agent's own page reads the stream: it belongs to a session, not to a token."""
        return self.own and bool(self.session)

    @property
    def is_ended(self) -> bool:
        """Return whether the stream takes no more frames."""
        return bool(self._ended)

    def send_frame(self, frame: bytes) -> None:
        """Send a frame to the client, unless the stream has ended."""
        if not self._ended:
            self._frames.append(frame)
            self._wake.set()

    def end_stream(self, reason: str) -> None:
        """End the stream with an event that tells why. The first reason counts."""
        if not self._ended:
            self.send_frame(format_event("end", f'{{"reason":"{reason}"}}'))
            self._ended = reason
            self._wake.set()

    async def serve_client(self, request: web.Request, clock: Callable[[], float],
                           on_look: Callable[[EventStream], None]) -> web.StreamResponse:
        """Write frames until the stream ends, or the client is gone. `on_look` is called every `look_s`."""
        # 1. Headers. A proxy must not collect events.
        response = web.StreamResponse(headers={"Content-Type": MEDIA_TYPE, "X-Accel-Buffering": "no"})
        response.enable_chunked_encoding()
        # After the end nobody may ask on this connection: a node that stops would wait for it.
        response.force_close()
        await response.prepare(request)
        transport = request.transport
        if transport is None:
            return response
        # The stream ends before this limit, so no write ever waits.
        transport.set_write_buffer_limits(high=4 * UNSENT_MAX)
        watch = _Watch(transport, clock, self.pace.stalled_s)
        beat_at, look_at = clock() + self.pace.beat_s, clock() + self.pace.look_s
        try:
            while True:
                # 2. Wait for frames, but look at the client in between.
                try:
                    async with asyncio.timeout(self.pace.check_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()
                if transport.is_closing():
                    return response
                # 3. A client that takes nothing gets nothing more. There is no end to be sent to it.
                if watch.has_stalled():
                    transport.abort()
                    return response
                if clock() >= look_at:
                    look_at = clock() + self.pace.look_s
                    on_look(self)
                if clock() >= beat_at:
                    beat_at = clock() + self.pace.beat_s
                    self.send_frame(BEAT)
                # 4. Write everything at once: one packet for a batch of facts.
                if self._frames:
                    block, self._frames = b"".join(self._frames), []
                    await response.write(block)
                    watch.note_written(len(block))
                if self._ended:
                    await response.write_eof()
                    return response
        except ConnectionError:
            return response


class _Watch:
    """Watch how much a client has taken."""

    def __init__(self, transport: asyncio.Transport, clock: Callable[[], float], stalled_s: float) -> None:
        self._transport, self._clock, self._stalled_s = transport, clock, stalled_s
        self._written = 0
        self._taken = 0
        self._progress_at = clock()

    def note_written(self, size: int) -> None:
        """Count bytes that were written."""
        self._written += size

    def has_stalled(self) -> bool:
        """Return whether the client has left too much, or has taken nothing for too long."""
        unsent = self._transport.get_write_buffer_size() + _unacknowledged(self._transport)
        taken, now = self._written - unsent, self._clock()
        if taken > self._taken or not unsent:
            self._taken, self._progress_at = max(self._taken, taken), now
        return unsent > UNSENT_MAX or now - self._progress_at >= self._stalled_s


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Return the bytes that the kernel holds because the other side has not acknowledged them."""
    sock = transport.get_extra_info("socket")
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    # The socket is closed already.
    except (OSError, ValueError):
        return 0
    return int(struct.unpack("i", answer)[0])
