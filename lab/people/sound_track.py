"""Sound of a simulated caller: silence and keys in one RTP stream, as a capture file that SIPp plays.

SIPp's own `play_dtmf` sends keys as a second stream with another SSRC. Asterisk starts over with each change of the
SSRC (res_rtp_asterisk.c, ast_rtp_interpret). A packet of sound between the three copies of a key's end then made two
keys of one. A telephone numbers sound and keys in one sequence (RFC 4733, 2.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from lab.phones.keys import KeyPress

PACKET_MS = 20
SAMPLES = 160
"""Samples of a packet, at 8 kHz."""
ALAW, EVENT = 8, 101
"""RTP payload types. Most telephones offer 101 for events."""
ALAW_SILENCE = 0xD5
KEY_PACKETS = 6
"""Packets of a pressed key, 0.12 s as with the lab's telephones (`lab.phones.network.KEY_MS`)."""
END_COPIES = 3
"""Copies of a key's last packet (RFC 4733, 2.5.1.4)."""
ALAW_QUIET = bytes(one for one in range(256) if (one ^ ALAW_SILENCE) & 0x70 < 0x20)
"""Codes of the two lowest of eight segments, below -36 dBm0: no speech and no music stays there."""
SSRC = 0x5A47_5241
BEFORE_PACKETS = 10
"""Packets before the key of a caller who sends little. Asterisk learns the sender from the first (strictrtp)."""
SPARSE = 250
"""Such a caller sends one of 250 packets. Asterisk ends a call that sends nothing for a minute."""
EVENTS = "0123456789*#ABCD"
"""Position of each key is its event number (RFC 4733, 3.2)."""
VOLUME, END = 10, 0x80

_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
"""Header of pcap 2.4 with microseconds and Ethernet."""
_ETHERNET = bytes(12) + b"\x08\x00"


def render_capture(presses: Sequence[KeyPress], seconds: float) -> bytes:
    """Render a pcap file of this many seconds: a packet each 20 ms, and keys at their times."""
    return _FILE + b"".join(_render_packet(number, marker, kind, stamp, payload)
                            for number, (marker, kind, stamp, payload) in enumerate(_packet_stream(presses, seconds)))


def render_sparse(key: str, seconds: float) -> list[tuple[float, bytes]]:
    """Render the RTP packets of a caller who presses one key or none, with their times: some sound, the key, and then a
    packet now and then, as telephones with silence suppression send it."""
    presses = (KeyPress(BEFORE_PACKETS * PACKET_MS / 1000, key),) if key else ()
    sent = [(number * PACKET_MS / 1000, packet) for number, packet in enumerate(_packet_stream(presses, seconds))
            if number < BEFORE_PACKETS or packet[1] == EVENT or number % SPARSE == 0]
    return [(at, _render_rtp(number, *packet)) for number, (at, packet) in enumerate(sent)]


def _packet_stream(presses: Sequence[KeyPress], seconds: float) -> Iterator[tuple[bool, int, int, bytes]]:
    """Yield marker, payload type, timestamp and payload of each packet."""
    waiting, key, begun = list(presses), "", 0
    for number in range(round(seconds * 1000) // PACKET_MS):
        if not key and waiting and number * PACKET_MS >= round(waiting[0].at * 1000):
            key, begun = waiting.pop(0).key, number
        if not key:
            # The marker bit starts a talk spurt (RFC 3551, 4.1).
            yield number == 0, ALAW, number * SAMPLES, bytes([ALAW_SILENCE]) * SAMPLES
            continue
        # All packets of one key have the timestamp of its start; only the duration grows (RFC 4733, 2.5.1.2).
        age = number - begun
        held, ends = min(age + 1, KEY_PACKETS), age >= KEY_PACKETS
        yield age == 0, EVENT, begun * SAMPLES, struct.pack(
            ">BBH", EVENTS.index(key), VOLUME | (END if ends else 0), held * SAMPLES)
        if age == KEY_PACKETS + END_COPIES - 1:
            key = ""


def _render_packet(number: int, marker: bool, kind: int, stamp: int, payload: bytes) -> bytes:
    """Render one packet of the capture. SIPp replaces addresses, ports and check sums."""
    rtp = _render_rtp(number, marker, kind, stamp, payload)
    udp = struct.pack(">HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0, 0) + udp
    frame, at = _ETHERNET + ip, number * PACKET_MS
    return struct.pack("<IIII", at // 1000, at % 1000 * 1000, len(frame), len(frame)) + frame


def _render_rtp(number: int, marker: bool, kind: int, stamp: int, payload: bytes) -> bytes:
    return struct.pack(">BBHII", 0x80, kind | (0x80 if marker else 0), number & 0xFFFF, stamp, SSRC) + payload
