"""A stand-in for Asterisk in a separate process, as far as a storm of events needs one. `burst` drives it by a pipe.

The events of other calls have the shape that Asterisk 20 to 22 sends with all classes on. Reported waits are by the
stand-in's clock: from the moment the bytes of a hang-up are written until the `Originate` for that agent's phone is
read.
"""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import BinaryIO

CHUNK_EVENTS = 46
"""Events written at once: one call's, about 16 KiB."""
AGENTS = 180
HANG_UPS = 360
"""Hang-ups of one storm: every agent twice, ten times what a centre of 180 sees in such a second."""
CHANNELS = 1_000
"""Channels for the resync of a node that reconnects."""
UP_S = 30.0
"""Longest wait until the stand-in is up, and until a storm is over."""
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
LAST = "9.last"
"""Uniqueid of the hang-up at the end of the storm. When it is handled, all earlier events are handled too."""
_OTHER = ("VarSet", "Newexten", "RTCPSent", "AGIExecStart", "AGIExecEnd", "MusicOnHoldStart")


def _encode_message(*headers: tuple[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"


def _encode_event(name: str, uniqueid: str, channel: str, *more: tuple[str, str]) -> bytes:
    """Encode an event about a channel, about as long as Asterisk's events."""
    return _encode_message(
        ("Event", name), ("Privilege", "call,all"), ("Channel", channel), ("ChannelState", "6"),
        ("ChannelStateDesc", "Up"), ("CallerIDNum", "0"), ("CallerIDName", "trunk"), ("ConnectedLineNum", "<unknown>"),
        ("ConnectedLineName", "<unknown>"), ("Language", "tr"), ("AccountCode", ""), ("Context", "santral-hold"),
        ("Exten", "s"), ("Priority", "3"), ("Uniqueid", uniqueid), ("Linkedid", uniqueid), *more,
        ("Extra", "Görüş ve öneri"))


def encode_other_call(number: int) -> bytes:
    """Encode all events of a call that does not belong to the node."""
    one, two = (f"9.{number}", f"PJSIP/trunk-{number:08x}"), (f"9.{number}b", f"PJSIP/trunk-{number:07x}b")
    bridge = ("BridgeUniqueid", f"b{number}")
    filler = [_encode_event(_OTHER[n % len(_OTHER)], *one) for n in range(36)]
    return b"".join([
        _encode_event("Newchannel", *one), *filler[:20], _encode_event("Newstate", *one),
        _encode_event("DialBegin", *one, ("DestUniqueid", two[0])),
        _encode_event("DialEnd", *one, ("DestUniqueid", two[0]), ("DialStatus", "ANSWER")),
        _encode_event("BridgeEnter", *one, bridge), _encode_event("BridgeEnter", *two, bridge), *filler[20:],
        _encode_event("BridgeLeave", *one, bridge), _encode_event("Hangup", *one, ("Cause", "16")),
        _encode_event("BridgeLeave", *two, bridge), _encode_event("Hangup", *two, ("Cause", "16"))])


class AsteriskStandIn:
    """Asterisk as far as a storm needs it, with one thread for each connection and blocking sockets."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self._events: socket.socket | None = None
        self._write = threading.Lock()
        self._talks: dict[str, tuple[str, str, str]] = {}
        """Id and channel of the leg, and the bridge, by seat."""
        self._order: deque[str] = deque()
        """Talking seats, the longest talk first."""
        self._freed: dict[str, float] = {}
        self._channels = b""
        """List for `CoreShowChannels`: one block a channel, with `%s` for the ActionID."""
        self._waits: list[float] = []
        self._count = 0

    def serve_connections(self) -> None:
        """Accept connections until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve_connection, args=(connection,), daemon=True).start()

    def _serve_connection(self, connection: socket.socket) -> None:
        connection.sendall(GREETING)
        with suppress(OSError), connection.makefile("rb") as lines:
            while action := self._read_action(lines):
                got = time.monotonic()
                self._answer_action(connection, action, got)

    @staticmethod
    def _read_action(lines: BinaryIO) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.decode().rstrip("\r\n").partition(": ")
            if not colon:
                break
            found.setdefault(name, value)
        return found

    def _answer_action(self, connection: socket.socket, action: dict[str, str], got: float) -> None:
        name, reply = action["Action"], ("ActionID", action["ActionID"])
        answer = _encode_message(("Response", "Success"), reply)
        if name == "Login" and action["Events"] != "off":
            self._events = connection
            answer += _encode_message(("Event", "FullyBooted"), ("Privilege", "system,all"))
        elif name == "CoreStatus":
            answer = _encode_message(("Response", "Success"), reply, ("CoreStartupDate", "2026-11-25"),
                                     ("CoreStartupTime", "00:50:11"))
        elif name in ("DeviceStateList", "CoreShowChannels"):
            items = ([_encode_message(("Event", "DeviceStateChange"), reply, ("Device", f"PJSIP/s{n}"),
                                      ("State", "NOT_INUSE"))
                      for n in range(AGENTS)] if name == "DeviceStateList"
                     else [self._channels.replace(b"%s", action["ActionID"].encode())])
            answer = b"".join([_encode_message(("Response", "Success"), reply, ("EventList", "start")), *items,
                               _encode_message(("Event", f"{name}Complete"), reply, ("EventList", "Complete"))])
        elif name == "Originate":
            self._note_ring(action, got)
        with self._write:
            connection.sendall(answer)
            if name == "Originate":
                self._answer_call(action)

    def open_channels(self) -> None:
        """Hold CHANNELS channels: callers, and a leg for each agent in one bridge with its caller."""
        blocks = []
        for number in range(CHANNELS):
            caller = number % (CHANNELS - AGENTS)
            uniqueid = f"7.{caller}" if caller == number else f"o{caller}-7.{caller}"
            blocks.append(_encode_message(
                ("Event", "CoreShowChannel"), ("ActionID", "%s"), ("Channel", f"PJSIP/trunk-{number:08x}"),
                ("ChannelState", "6"), ("ChannelStateDesc", "Up"), ("CallerIDNum", "0"), ("CallerIDName", "trunk"),
                ("ConnectedLineNum", "<unknown>"), ("ConnectedLineName", "<unknown>"), ("Language", "tr"),
                ("AccountCode", ""), ("Context", "santral-hold"), ("Exten", "s"), ("Priority", "3"),
                ("Uniqueid", uniqueid), ("Linkedid", f"7.{caller}"), ("Application", "Read"),
                ("ApplicationData", "KEY,santral/bekleme"), ("Duration", "00:01:02"),
                ("BridgeId", f"b{caller}" if caller < AGENTS else "")))
        self._channels = b"".join(blocks)

    def _note_ring(self, action: dict[str, str], got: float) -> None:
        freed = self._freed.pop(action["Channel"].removeprefix("PJSIP/"), None)
        if freed is not None:
            self._waits.append(got - freed)

    def _answer_call(self, action: dict[str, str]) -> None:
        """Let the phone ring and be answered, and bridge caller and agent."""
        assert self._events is not None
        seat, leg = action["Channel"].removeprefix("PJSIP/"), action["ChannelId"]
        self._count += 1
        channel, caller, bridge = f"PJSIP/{seat}-{self._count:08x}", leg.partition("-")[2], f"t{self._count}"
        self._events.sendall(b"".join([
            _encode_event("Newchannel", leg, channel), self._encode_state(leg, channel, "Ringing"),
            _encode_device(seat, "INUSE"), self._encode_state(leg, channel, "Up"),
            _encode_event("BridgeEnter", caller, "PJSIP/trunk", ("BridgeUniqueid", bridge)),
            _encode_event("BridgeEnter", leg, channel, ("BridgeUniqueid", bridge))]))
        self._talks[seat] = (leg, channel, bridge)
        with suppress(ValueError):
            self._order.remove(seat)  # the node rang a phone that had not hung up
        self._order.append(seat)

    @staticmethod
    def _encode_state(leg: str, channel: str, state: str) -> bytes:
        return _encode_message(("Event", "Newstate"), ("Privilege", "call,all"), ("Channel", channel),
                               ("ChannelStateDesc", state), ("Uniqueid", leg))

    def run_storm(self, chunks: Sequence[bytes], lasts_s: float) -> tuple[int, list[float]]:
        """Write all chunks evenly over `lasts_s` seconds (0: at once) while agents hang up.

        Return the number of hang-ups and the waits.
        """
        assert self._events is not None
        self._waits = []
        every, begin, done = len(chunks) / HANG_UPS, time.monotonic(), 0
        for number, chunk in enumerate(chunks):
            early = begin + lasts_s * number / len(chunks) - time.monotonic()
            if early > 0:
                time.sleep(early)
            with self._write:
                if number >= done * every and self._order:
                    done += 1
                    chunk = self._encode_hang_up() + chunk
                self._events.sendall(chunk)
        with self._write:
            self._events.sendall(_encode_event("Hangup", LAST, "PJSIP/trunk-last", ("Cause", "16")))
        deadline = time.monotonic() + UP_S
        while self._freed and time.monotonic() < deadline:
            time.sleep(0.01)
        return done, self._waits

    def _encode_hang_up(self) -> bytes:
        seat = self._order.popleft()
        leg, channel, bridge = self._talks.pop(seat)
        caller = leg.partition("-")[2]
        self._freed[seat] = time.monotonic()
        return b"".join([
            _encode_event("BridgeLeave", leg, channel, ("BridgeUniqueid", bridge)),
            _encode_event("Hangup", leg, channel, ("Cause", "16")),
            _encode_event("BridgeLeave", caller, "PJSIP/trunk", ("BridgeUniqueid", bridge)),
            _encode_event("Hangup", caller, "PJSIP/trunk", ("Cause", "16"))])


def _encode_device(seat: str, state: str) -> bytes:
    return _encode_message(("Event", "DeviceStateChange"), ("Privilege", "call,all"), ("Device", f"PJSIP/{seat}"),
                           ("State", state))


def run_stand_in(pipe: Connection) -> None:
    """Run the other process. It sends its port, then runs a storm for each triple (first call, calls, seconds) it
    gets."""
    peer = AsteriskStandIn()
    threading.Thread(target=peer.serve_connections, daemon=True).start()
    pipe.send(peer.listener.getsockname()[1])
    while (wanted := pipe.recv()) is not None:
        if wanted == "house":
            peer.open_channels()
            pipe.send("ready")
            continue
        first, calls, lasts_s = wanted
        chunks = [encode_other_call(number) for number in range(first, first + calls)]
        pipe.send("ready")
        pipe.recv()
        pipe.send(peer.run_storm(chunks, lasts_s))


@contextmanager
def start_stand_in() -> Iterator[Connection]:
    """Start the other process and yield the pipe to it. Its first message is its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_stand_in, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.terminate()
        process.join()
