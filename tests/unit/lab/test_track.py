"""What SIPp's callers send: one stream, in which keys have the place of the sound."""

from __future__ import annotations

import struct
from itertools import groupby, pairwise
from typing import NamedTuple

import pytest

from lab.people import sound_track
from lab.people.sipp_load import CrowdCaller, LoadPlan, render_scenario
from lab.phones.keys import parse_presses

pytestmark = pytest.mark.unit


class Packet(NamedTuple):
    """A record of the capture."""

    at_ms: int
    marker: bool
    kind: int
    number: int
    stamp: int
    ssrc: int
    payload: bytes

    @property
    def key(self) -> str:
        return "0123456789*#ABCD"[self.payload[0]]

    @property
    def ends(self) -> bool:
        return bool(self.payload[1] & 0x80)

    @property
    def held(self) -> int:
        """Samples."""
        return int.from_bytes(self.payload[2:4], "big")


def packets(press: str, seconds: float) -> list[Packet]:
    """Read as a pcap file of Ethernet, IPv4 and UDP."""
    data = sound_track.render_capture(parse_presses(press), seconds)
    assert struct.unpack("<IHHiIII", data[:24]) == (0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    found, place = [], 24
    while place < len(data):
        second, micro, length, whole = struct.unpack("<IIII", data[place: place + 16])
        frame = data[place + 16: place + 16 + length]
        assert length == whole == len(frame) and frame[12:14] == b"\x08\x00"
        ip, udp, rtp = frame[14:34], frame[34:42], frame[42:]
        assert ip[0] == 0x45 and ip[9] == 17 and int.from_bytes(ip[2:4], "big") == 28 + len(rtp)
        assert int.from_bytes(udp[4:6], "big") == 8 + len(rtp)
        version, kind, number, stamp, ssrc = struct.unpack(">BBHII", rtp[:12])
        assert version == 0x80
        at_ms = second * 1000 + micro // 1000
        found.append(Packet(at_ms, bool(kind & 0x80), kind & 0x7F, number, stamp, ssrc, rtp[12:]))
        place += 16 + length
    return found


def test_silence_and_keys_are_one_stream() -> None:
    sent = packets("12@400ms,3@2500ms", 4.5)
    assert [one.at_ms for one in sent] == list(range(0, 4500, 20))
    assert [one.number for one in sent] == list(range(len(sent)))
    assert len({one.ssrc for one in sent}) == 1
    for before, after in pairwise(sent):
        assert before.stamp <= after.stamp <= after.number * 160
    assert all(one.stamp == one.number * 160 and one.payload == b"\xd5" * 160 for one in sent if one.kind == 8)


def test_a_key_is_held_and_its_end_said_three_times_with_nothing_between() -> None:
    sent = packets("12@400ms,3@2500ms,#@3s", 4.5)
    keys = [list(group) for kind, group in groupby(sent, key=lambda one: one.kind) if kind == 101]
    assert [(one[0].at_ms, one[0].key) for one in keys] == [(400, "1"), (660, "2"), (2500, "3"), (3000, "#")]
    for one in keys:
        assert {packet.key for packet in one} == {one[0].key}
        assert {packet.stamp for packet in one} == {one[0].number * 160}
        assert [packet.marker for packet in one] == [True] + [False] * 8
        assert [packet.ends for packet in one] == [False] * 6 + [True] * 3
        assert [packet.held for packet in one] == [160, 320, 480, 640, 800, 960, 960, 960, 960]


def test_a_key_that_is_pressed_after_the_end_is_not_sent() -> None:
    assert {one.kind for one in packets("1@3s", 2.0)} == {8}


def test_the_scenario_offers_keys_as_they_are_sent() -> None:
    text = render_scenario(LoadPlan("127.0.0.1:5060", "444", 1, 1.0, 5.0, 6000, 7000, press="12@1s,3@4s"))
    assert f"a=rtpmap:{sound_track.EVENT} telephone-event/8000" in text \
        and f"RTP/AVP {sound_track.ALAW} {sound_track.EVENT}" in text
    assert [line for line in text.splitlines() if "pause" in line] == ['  <pause milliseconds="5000"/>']


def test_a_caller_who_sends_little_sends_a_key_in_one_sequence_and_a_packet_now_and_then() -> None:
    sent = sound_track.render_sparse("2", 20.0)
    rtp = [struct.unpack(">BBH", packet[:4]) for _, packet in sent]
    assert [number for _, _, number in rtp] == list(range(len(sent)))
    assert [kind & 0x7F for _, kind, _ in rtp] == [8] * 10 + [sound_track.EVENT] * 9 + [8] * 3
    assert [at for at, _ in sent[-3:]] == [5.0, 10.0, 15.0]
    assert all(packet[12] == 2 for _, packet in sent[10:19])
    assert len(sound_track.render_sparse("", 20.0)) == 10 + 3


def test_each_caller_of_a_crowd_has_a_number_and_an_address() -> None:
    crowd = [CrowdCaller("05000000001", "127.10.0.1")]
    text = render_scenario(LoadPlan("127.0.0.1:5060", "444", 1, 1.0, 5.0, 6000, 7000, crowd=crowd))
    assert "From: <sip:[field0]@" in text and "c=IN IP4 [field1]" in text and "m=audio 7000 " in text
    assert "play_pcap_audio" not in text
