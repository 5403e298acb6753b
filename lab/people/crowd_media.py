"""Sound of a crowd of callers at one UDP port: note what each of them hears first, and press their keys.

Each caller has an address of the loopback (`crowd_address`), so one socket tells a thousand apart. The kernel hands
over one packet of eight, and a caller sends only keys: a machine that plays to a thousand cannot listen to all as well.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from lab.people.sound_track import ALAW_QUIET, render_sparse

FIRST = 0x7F0A_0000
"""127.10.0.0: addresses of the crowd begin here."""
HEARD_BYTES = 16
"""Least number of loud samples in a packet (20 ms) that is sound."""
PACKET_MAX = 2048
LOOK_S = 0.05
"""Longest wait for a packet, so that keys and the end come in time."""
ATTACH_FILTER, PACKET_INFO = 26, 8
"""SO_ATTACH_FILTER and IP_PKTINFO of Linux, which Python does not name."""
EACH_EIGHTH = ((0x28, 0, 0, 10), (0x54, 0, 0, 7), (0x15, 0, 1, 0), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0))
"""Filter of BPF: the sequence number of RTP, behind the 8 bytes of UDP, ends with three zero bits."""
_INFO = struct.Struct("=I4s4s")
"""`in_pktinfo` of Linux: interface, own address, address of the header."""


def crowd_address(number: int) -> str:
    """Return the address of a caller of the crowd, from 0 on."""
    return socket.inet_ntoa((FIRST + 1 + number).to_bytes(4, "big"))


class _Line(NamedTuple):
    """Packets that a caller sends."""

    own: str
    to: tuple[str, int]
    begin: float
    track: list[tuple[float, bytes]]
    """Packets with their times after the beginning."""


class CrowdMedia:
    """The sound of a crowd, in a separate thread.

    `keys` has the key of each caller who presses one, `after_s` after the first sound: the dialogue has begun then.
    A caller sends for `stay_s`.
    """

    def __init__(self, keys: Mapping[str, str], after_s: float, stay_s: float) -> None:
        self._keys, self._after = keys, after_s
        self._tracks = {key: render_sparse(key, stay_s) for key in {"", *keys.values()}}
        self.heard: dict[str, float] = {}
        """Time of the first sound, by address."""
        self.packets: dict[str, int] = {}
        """Packets that were looked at, by address."""
        self._due: list[tuple[float, int, _Line, int]] = []
        self._order = itertools.count()
        self._over = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, PACKET_INFO, 1)
        code = b"".join(struct.pack("=HBBI", *one) for one in EACH_EIGHTH)
        buffer = ctypes.create_string_buffer(code)
        self._socket.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER,
                                struct.pack("@HP", len(EACH_EIGHTH), ctypes.addressof(buffer)))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.setblocking(False)
        self._thread = threading.Thread(target=self._listen, name="crowd.media", daemon=True)

    def start(self, port: int) -> None:
        """Listen at a port of all addresses of the crowd."""
        self._socket.bind(("0.0.0.0", port))  # noqa: S104 (one socket for all addresses of the loopback)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the port."""
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            self._send_due()
            wait = LOOK_S if not self._due else max(0.0, min(LOOK_S, self._due[0][0] - time.monotonic()))
            if select.select([self._socket], [], [], wait)[0]:
                self._read_packets()

    def _read_packets(self) -> None:
        for _ in range(64):  # then keys are due
            try:
                packet, extra, _, sender = self._socket.recvmsg(PACKET_MAX, socket.CMSG_SPACE(_INFO.size))
            except BlockingIOError:
                return
            own = next((socket.inet_ntoa(_INFO.unpack(data)[2]) for level, kind, data in extra
                        if level == socket.IPPROTO_IP and kind == PACKET_INFO), "")
            self.packets[own] = self.packets.get(own, 0) + 1
            if own not in self.heard and len(packet[12:].translate(None, ALAW_QUIET)) >= HEARD_BYTES:
                self.heard[own] = time.time()
                self._plan(_Line(own, sender, time.monotonic() + self._after, self._tracks[self._keys.get(own, "")]), 0)

    def _plan(self, line: _Line, number: int) -> None:
        """Plan the next packet of a caller."""
        if number < len(line.track):
            heapq.heappush(self._due, (line.begin + line.track[number][0], next(self._order), line, number))

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, _, line, number = heapq.heappop(self._due)
            info = _INFO.pack(0, socket.inet_aton(line.own), bytes(4))
            with suppress(BlockingIOError):  # a lost packet of sound is nothing new to Asterisk
                self._socket.sendmsg([line.track[number][1]], [(socket.IPPROTO_IP, PACKET_INFO, info)], 0, line.to)
            self._plan(line, number + 1)
