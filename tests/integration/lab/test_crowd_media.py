"""A crowd at one port: each caller is told apart by the address, hears a first sound, and presses a key after it."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from lab.people.crowd_media import CrowdMedia, crowd_address
from lab.people.sound_track import ALAW_SILENCE, EVENT
from tests.until import until

pytestmark = pytest.mark.integration

LOUD = bytes(range(160))


def rtp(number: int, payload: bytes) -> bytes:
    return struct.pack(">BBHII", 0x80, 8, number, 160 * number, 7) + payload


@pytest.fixture
def asterisk() -> Iterator[socket.socket]:
    """The port of one call at Asterisk."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as found:
        found.bind(("127.0.0.1", 0))
        found.settimeout(10.0)
        yield found


@pytest.fixture
def port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as found:
        found.bind(("0.0.0.0", 0))
        return int(found.getsockname()[1])


def test_each_caller_hears_and_presses_at_an_address_of_their_own(asterisk: socket.socket, port: int) -> None:
    hears, waits, silent = map(crowd_address, (0, 1, 300))
    media = CrowdMedia({hears: "2"}, 0.0, 1.0)
    media.start(port)
    try:
        began = time.time()
        for number in range(16):
            asterisk.sendto(rtp(number, bytes([ALAW_SILENCE]) * 160), (silent, port))
            asterisk.sendto(rtp(number, LOUD), (waits, port))
            asterisk.sendto(rtp(number, LOUD), (hears, port))
        until(lambda: set(media.packets.values()) == {2} and len(media.packets) == 3, what="one of eight is looked at")
        assert set(media.heard) == {hears, waits}, "silence is no sound"
        assert all(began <= at <= time.time() for at in media.heard.values())
        # Both send sound from their own addresses, and one of them a key in the same sequence.
        sent: dict[str, list[bytes]] = {hears: [], waits: []}

        def pressed() -> bool:
            packet, (address, _) = asterisk.recvfrom(2048)
            sent[address].append(packet)
            return sum(one[1] & 0x7F == EVENT for one in sent[hears]) == 9 and len(sent[waits]) == 10

        until(pressed, what="the key is pressed")
    finally:
        media.stop()
    assert {one[12] for one in sent[hears] if one[1] & 0x7F == EVENT} == {2}
    assert [struct.unpack(">H", one[2:4])[0] for one in sent[hears]] == list(range(19))
    assert all(one[1] & 0x7F != EVENT for one in sent[waits])
