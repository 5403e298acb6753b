"""What a simulated caller sends: silence and keys in one RTP stream, as a capture that SIPp plays.

SIPp's own `play_dtmf` is a second stream, with an SSRC of its own, beside the sound. Asterisk begins anew with each
change of it (res_rtp_asterisk.c, ast_rtp_interpret): a packet of sound between the three copies of a key's end made two
keys of one. A telephone numbers sound and keys in one row (RFC 4733, 2.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from lab.keys import Press

PACKET_MS = 20
SAMPLES = 160
"""Of a packet, at 8 kHz."""
ALAW, EVENT = 8, 101
"""Payload types; the one of events is what most telephones offer."""
ALAW_SILENCE = 0xD5
KEY_PACKETS = 6
"""A key is held for 0.12 s, as the lab's telephones do (`lab.network.KEY_MS`)."""
END_COPIES = 3
"""The end of a key is said three times (RFC 4733, 2.5.1.4)."""
SSRC = 0x5A47_5241
EVENTS = "0123456789*#ABCD"
"""Each key at its number (RFC 4733, 3.2)."""
VOLUME, END = 10, 0x80

_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
"""pcap 2.4, microseconds, Ethernet."""
_ETHERNET = bytes(12) + b"\x08\x00"


def capture(presses: Sequence[Press], seconds: float) -> bytes:
    """A pcap file of so many seconds: a packet each 20 ms, keys at their times."""
    return _FILE + b"".join(_packet(number, marker, kind, stamp, payload)
                            for number, (marker, kind, stamp, payload) in enumerate(_stream(presses, seconds)))


def _stream(presses: Sequence[Press], seconds: float) -> Iterator[tuple[bool, int, int, bytes]]:
    """Marker, payload type, timestamp and payload of each packet."""
    waiting, key, begun = list(presses), "", 0
    for number in range(round(seconds * 1000) // PACKET_MS):
        if not key and waiting and number * PACKET_MS >= round(waiting[0].at * 1000):
            key, begun = waiting.pop(0).key, number
        if not key:
            yield number == 0, ALAW, number * SAMPLES, bytes([ALAW_SILENCE]) * SAMPLES
            continue
        age = number - begun
        held, ends = min(age + 1, KEY_PACKETS), age >= KEY_PACKETS
        yield age == 0, EVENT, begun * SAMPLES, struct.pack(
            ">BBH", EVENTS.index(key), VOLUME | (END if ends else 0), held * SAMPLES)
        if age == KEY_PACKETS + END_COPIES - 1:
            key = ""


def _packet(number: int, marker: bool, kind: int, stamp: int, payload: bytes) -> bytes:
    """A record of the capture; SIPp puts addresses, ports and check sums of its own."""
    rtp = struct.pack(">BBHII", 0x80, kind | (0x80 if marker else 0), number & 0xFFFF, stamp, SSRC) + payload
    udp = struct.pack(">HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0, 0) + udp
    frame, at = _ETHERNET + ip, number * PACKET_MS
    return struct.pack("<IIII", at // 1000, at % 1000 * 1000, len(frame), len(frame)) + frame
