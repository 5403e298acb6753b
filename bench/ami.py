"""Reading AMI: our codec, panoramisk as published and bare framing, interleaved in one run.

The same bytes go through each reader in chunks as a socket gives them. There is no socket, so only the readers differ.
A call has 46 events of about 370 bytes, 8 of them wanted. Their shape is that of Asterisk 20 to 22 with all classes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from bench.row import Row
from routing.ami.event_translator import WANTED
from routing.ami.resync import Channel, Snapshot, diff_events, stray_legs
from routing.ami.wire import Decoder
from routing.core.model.centre_model import ContactState, OfferState
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId
from routing.core.model.live_calls import LiveContact, LiveOffer

TAKES_S = 5.0
CALLS = 200
CHUNK = 64 * 1024
ROUNDS = 9
"""Interleaved rounds. Ratios are medians of the rounds' own ratios, so other load on the machine affects both sides."""
LAZY_MIN, FULL_MIN, RATE_MIN = 15.0, 3.5, 1_000_000.0
RESYNC, RESYNC_GROWTH, RESYNC_GROWTH_MAX = 1_000, 10, 25.0
"""Channels of one resync, and the growth allowed for ten times as many channels.

Ten times as many may take 25 times as long: linear work, in memory that no cache of the processor holds, with the
collector of cycles at work. A search through all channels for each one would take a hundred times as long.
"""
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
_WANTED = ("Newchannel", "Newstate", "DialBegin", "DialEnd", "BridgeEnter", "BridgeEnter", "BridgeLeave", "Hangup")
_OTHER = ("VarSet", "Newexten", "RTCPSent", "AGIExecStart", "AGIExecEnd", "MusicOnHoldStart")


def build_corpus(calls: int = CALLS) -> bytes:
    """Build the bytes of this many calls, without the greeting."""
    blocks = []
    for call in range(calls):
        names = [*_WANTED, *(_OTHER[n % len(_OTHER)] for n in range(38))]
        for name in names:
            blocks.append(
                f"Event: {name}\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-{call:08x}\r\nChannelState: 6\r\n"
                "ChannelStateDesc: Up\r\nCallerIDNum: 0\r\nCallerIDName: trunk\r\nConnectedLineNum: <unknown>\r\n"
                "ConnectedLineName: <unknown>\r\nLanguage: tr\r\nAccountCode: \r\nContext: santral-hold\r\nExten: s\r\n"
                f"Priority: 3\r\nUniqueid: 1795567875.{call}\r\nLinkedid: 1795567875.{call}\r\nCause: 16\r\n"
                "Extra: Görüş ve öneri\r\n\r\n".encode())
    return b"".join(blocks)


def _split_chunks(data: bytes) -> list[bytes]:
    return [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]


def _read_lazily(chunks: Sequence[bytes]) -> int:
    decoder, seen = Decoder(WANTED), 0
    decoder.feed(GREETING)
    for chunk in chunks:
        for message in decoder.feed(chunk):
            seen += message.get("Uniqueid") != "" and message.get("ChannelStateDesc") == "Up"
    return seen + decoder.counters.dropped


def _read_fully(chunks: Sequence[bytes]) -> int:
    decoder, seen = Decoder(), 0
    decoder.feed(GREETING)
    for chunk in chunks:
        for message in decoder.feed(chunk):
            seen += message.all_headers()["Uniqueid"] != ""
    return seen


def _read_frames(chunks: Sequence[bytes]) -> int:
    seen, tail = 0, b""
    for chunk in chunks:
        *blocks, tail = (tail + chunk).split(b"\r\n\r\n")
        seen += len(blocks)
    return seen


def _read_with_panoramisk(chunks: Sequence[bytes]) -> int:
    seen = 0

    def count_event(manager: object, event: object) -> None:
        nonlocal seen
        seen += 1

    manager = Manager()
    manager.register_event("*", count_event)
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory, protocol.encoding = manager, "utf8"
    protocol.data_received(GREETING + b"\r\n")
    for chunk in chunks:
        protocol.data_received(chunk)
    return seen


_READERS: dict[str, Callable[[Sequence[bytes]], int]] = {
    "lazy": _read_lazily, "full": _read_fully, "framing": _read_frames, "panoramisk": _read_with_panoramisk}


class _Rate(NamedTuple):
    per_s: float
    """Events a second of CPU time."""
    ratio: float
    """Ratio to panoramisk."""


def _measure_rates() -> dict[str, _Rate]:
    """Measure all readers in interleaved rounds and return the medians. A round before them warms up."""
    chunks, events = _split_chunks(build_corpus()), CALLS * 46
    taken: dict[str, list[float]] = {name: [] for name in _READERS}
    for number in range(ROUNDS + 1):
        for name, reader in _READERS.items():
            begin = time.process_time()
            seen = reader(chunks)
            if number:
                taken[name].append(time.process_time() - begin)
            if abs(seen - events) > (name == "panoramisk"):  # panoramisk counts the greeting's chunk as one
                raise RuntimeError(f"the reader {name} saw {seen} of {events} events")
    yardstick = taken["panoramisk"]
    return {name: _Rate(events / median(times),
                        median(slow / own for slow, own in zip(yardstick, times, strict=True)))
            for name, times in taken.items()}


def _resync_ms(channels: int) -> float:
    """Return the processor time of one resync in milliseconds: decode the list and compare both views.

    Of 1,000 channels 180 are agents' legs that talk with a caller. A tenth of the talks ended meanwhile.
    """
    # 1. Write the list that Asterisk would send.
    legs = channels * 180 // 1000
    callers = channels - legs
    items = []
    for number in range(channels):
        talks = number < legs or number >= callers
        caller = number if number < callers else number - callers
        uniqueid = f"7.{number}" if number < callers else f"o{caller}-7.{caller}"
        bridge = f"b{caller}" if talks and caller % 10 else ""
        items.append(f"Event: CoreShowChannel\r\nActionID: x\r\nChannel: PJSIP/trunk-{number:08x}\r\n"
                     f"ChannelStateDesc: Up\r\nUniqueid: {uniqueid}\r\nLinkedid: {uniqueid}\r\n"
                     f"BridgeId: {bridge}\r\n{'Pad: x' * 30}\r\n\r\n".encode())
    data = b"".join(items)
    # 2. Build the engine's view.
    contacts = [LiveContact(ContactId(f"7.{n}"), "", ContactState.ASSIGNED if n < legs else ContactState.PENDING, "")
                for n in range(callers)]
    offers = [LiveOffer(OfferId(n), ContactId(f"7.{n}"), AgentId("a"), SeatId("s"), OfferState.PENDING, False,
                        f"o{n}-7.{n}") for n in range(legs)]
    # 3. Compare both in each round.
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        decoder = Decoder(WANTED)
        decoder.feed(GREETING)
        found = {}
        for item in decoder.feed(data):
            uniqueid = item.get("Uniqueid")
            found[uniqueid] = Channel(uniqueid, item.get("Channel"), item.get("ChannelStateDesc"), item.get("BridgeId"))
        now = Snapshot("", found, ())
        told = diff_events(now, contacts, offers)
        told_strays = stray_legs(now, offers)
        times.append(time.process_time() - begin)
        if len(told) != legs or told_strays:
            raise RuntimeError(f"the look told {len(told)} differences instead of {legs}")
    return 1000 * median(times)


def measure_rows() -> list[Row]:
    """Measure the events a second of CPU, and one full resync."""
    async def measure_in_loop() -> dict[str, _Rate]:
        return _measure_rates()

    rate = asyncio.run(measure_in_loop())
    beside = f"panoramisk 1.4: {rate['panoramisk'].per_s:,.0f} 1/s"
    (lazy, lazily), (full, fully), framing = rate["lazy"], rate["full"], rate["framing"]
    look, long_look = _resync_ms(RESYNC), _resync_ms(RESYNC * RESYNC_GROWTH)
    growth = long_look / look
    return [
        Row("ami.lazy", lazy, "1/s", beside, lazily, ">= 15x panoramisk", lazily >= LAZY_MIN),
        Row("ami.lazy.rate", lazy, "1/s", "", None, ">= 1.0 M/s a core", lazy >= RATE_MIN),
        Row("ami.full", full, "1/s", beside, fully, ">= 3.5x panoramisk", fully >= FULL_MIN),
        Row("ami.framing", framing.per_s, "1/s", beside, framing.ratio, "", None),
        Row("ami.resync", look, "ms", f"{RESYNC:,} channels, 180 of them agents' legs", None, "<= 100 ms", look <= 100),
        Row("ami.resync.growth", long_look, "ms", f"{RESYNC_GROWTH * RESYNC:,} channels", growth,
            f"<= {RESYNC_GROWTH_MAX:g}x", growth <= RESYNC_GROWTH_MAX),
    ]
