"""A stand-in for Asterisk in a process of its own, as far as a storm of events needs one: `burst` drives it by a pipe.

What other calls say has the shape Asterisk 20 to 22 sends with all classes on. The waits it tells are of its own clock:
from the moment the bytes of a hang-up are written until the `Originate` for that agent's phone is read.
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
"""In one storm: every agent twice, ten times what a centre of 180 sees in such a second."""
CHANNELS = 1_000
"""Held for the look of a node that has come back."""
UP_S = 30.0
"""Longest wait for the house to be up, and for a storm to be over."""
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
LAST = "9.last"
"""Uniqueid of the hang-up behind the storm: when it is handled, so is all before it."""
_OTHER = ("VarSet", "Newexten", "RTCPSent", "AGIExecStart", "AGIExecEnd", "MusicOnHoldStart")


def _block(*headers: tuple[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"


def _event(name: str, uniqueid: str, channel: str, *more: tuple[str, str]) -> bytes:
    """An event about a channel, about as long as Asterisk's are."""
    return _block(
        ("Event", name), ("Privilege", "call,all"), ("Channel", channel), ("ChannelState", "6"),
        ("ChannelStateDesc", "Up"), ("CallerIDNum", "0"), ("CallerIDName", "trunk"), ("ConnectedLineNum", "<unknown>"),
        ("ConnectedLineName", "<unknown>"), ("Language", "tr"), ("AccountCode", ""), ("Context", "santral-hold"),
        ("Exten", "s"), ("Priority", "3"), ("Uniqueid", uniqueid), ("Linkedid", uniqueid), *more,
        ("Extra", "Görüş ve öneri"))


def other_call(number: int) -> bytes:
    """All events of a call that is none of ours."""
    one, two = (f"9.{number}", f"PJSIP/trunk-{number:08x}"), (f"9.{number}b", f"PJSIP/trunk-{number:07x}b")
    bridge = ("BridgeUniqueid", f"b{number}")
    filler = [_event(_OTHER[n % len(_OTHER)], *one) for n in range(36)]
    return b"".join([
        _event("Newchannel", *one), *filler[:20], _event("Newstate", *one),
        _event("DialBegin", *one, ("DestUniqueid", two[0])),
        _event("DialEnd", *one, ("DestUniqueid", two[0]), ("DialStatus", "ANSWER")),
        _event("BridgeEnter", *one, bridge), _event("BridgeEnter", *two, bridge), *filler[20:],
        _event("BridgeLeave", *one, bridge), _event("Hangup", *one, ("Cause", "16")),
        _event("BridgeLeave", *two, bridge), _event("Hangup", *two, ("Cause", "16"))])


class Peer:
    """Asterisk as far as a storm needs it. One thread for each connection, blocking sockets."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self._events: socket.socket | None = None
        self._write = threading.Lock()
        self._talks: dict[str, tuple[str, str, str]] = {}
        """By seat: the leg's id and channel, the bridge."""
        self._order: deque[str] = deque()
        """Seats that talk, the longest talk first."""
        self._freed: dict[str, float] = {}
        self._channels = b""
        """What `CoreShowChannels` lists: one block a channel, `%s` for the ActionID."""
        self._waits: list[float] = []
        self._count = 0

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        connection.sendall(GREETING)
        with suppress(OSError), connection.makefile("rb") as lines:
            while action := self._read(lines):
                got = time.monotonic()
                self._do(connection, action, got)

    @staticmethod
    def _read(lines: BinaryIO) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.decode().rstrip("\r\n").partition(": ")
            if not colon:
                break
            found.setdefault(name, value)
        return found

    def _do(self, connection: socket.socket, action: dict[str, str], got: float) -> None:
        name, reply = action["Action"], ("ActionID", action["ActionID"])
        answer = _block(("Response", "Success"), reply)
        if name == "Login" and action["Events"] != "off":
            self._events = connection
            answer += _block(("Event", "FullyBooted"), ("Privilege", "system,all"))
        elif name == "CoreStatus":
            answer = _block(("Response", "Success"), reply, ("CoreStartupDate", "2026-11-25"),
                            ("CoreStartupTime", "00:50:11"))
        elif name in ("DeviceStateList", "CoreShowChannels"):
            items = ([_block(("Event", "DeviceStateChange"), reply, ("Device", f"PJSIP/s{n}"), ("State", "NOT_INUSE"))
                      for n in range(AGENTS)] if name == "DeviceStateList"
                     else [self._channels.replace(b"%s", action["ActionID"].encode())])
            answer = b"".join([_block(("Response", "Success"), reply, ("EventList", "start")), *items,
                               _block(("Event", f"{name}Complete"), reply, ("EventList", "Complete"))])
        elif name == "Originate":
            self._ring(action, got)
        with self._write:
            connection.sendall(answer)
            if name == "Originate":
                self._answer(action)

    def house(self) -> None:
        """Hold CHANNELS channels: callers, and an agent's leg for each agent in one bridge with its caller."""
        blocks = []
        for number in range(CHANNELS):
            caller = number % (CHANNELS - AGENTS)
            uniqueid = f"7.{caller}" if caller == number else f"o{caller}-7.{caller}"
            blocks.append(_block(
                ("Event", "CoreShowChannel"), ("ActionID", "%s"), ("Channel", f"PJSIP/trunk-{number:08x}"),
                ("ChannelState", "6"), ("ChannelStateDesc", "Up"), ("CallerIDNum", "0"), ("CallerIDName", "trunk"),
                ("ConnectedLineNum", "<unknown>"), ("ConnectedLineName", "<unknown>"), ("Language", "tr"),
                ("AccountCode", ""), ("Context", "santral-hold"), ("Exten", "s"), ("Priority", "3"),
                ("Uniqueid", uniqueid), ("Linkedid", f"7.{caller}"), ("Application", "Read"),
                ("ApplicationData", "KEY,santral/bekleme"), ("Duration", "00:01:02"),
                ("BridgeId", f"b{caller}" if caller < AGENTS else "")))
        self._channels = b"".join(blocks)

    def _ring(self, action: dict[str, str], got: float) -> None:
        freed = self._freed.pop(action["Channel"].removeprefix("PJSIP/"), None)
        if freed is not None:
            self._waits.append(got - freed)

    def _answer(self, action: dict[str, str]) -> None:
        """The phone rings and is answered, caller and agent are together."""
        assert self._events is not None
        seat, leg = action["Channel"].removeprefix("PJSIP/"), action["ChannelId"]
        self._count += 1
        channel, caller, bridge = f"PJSIP/{seat}-{self._count:08x}", leg.partition("-")[2], f"t{self._count}"
        self._events.sendall(b"".join([
            _event("Newchannel", leg, channel), self._state(leg, channel, "Ringing"), _device(seat, "INUSE"),
            self._state(leg, channel, "Up"), _event("BridgeEnter", caller, "PJSIP/trunk", ("BridgeUniqueid", bridge)),
            _event("BridgeEnter", leg, channel, ("BridgeUniqueid", bridge))]))
        self._talks[seat] = (leg, channel, bridge)
        with suppress(ValueError):
            self._order.remove(seat)  # asked to ring again before it hung up: the node thought that it was free
        self._order.append(seat)

    @staticmethod
    def _state(leg: str, channel: str, state: str) -> bytes:
        return _block(("Event", "Newstate"), ("Privilege", "call,all"), ("Channel", channel),
                      ("ChannelStateDesc", state), ("Uniqueid", leg))

    def storm(self, chunks: Sequence[bytes], lasts_s: float) -> tuple[int, list[float]]:
        """Write all chunks, evenly over so many seconds (0: at once); between them agents hang up, if one talks. Gives
        the number of hang-ups and the waits."""
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
                    chunk = self._hang_up() + chunk
                self._events.sendall(chunk)
        with self._write:
            self._events.sendall(_event("Hangup", LAST, "PJSIP/trunk-last", ("Cause", "16")))
        deadline = time.monotonic() + UP_S
        while self._freed and time.monotonic() < deadline:
            time.sleep(0.01)
        return done, self._waits

    def _hang_up(self) -> bytes:
        seat = self._order.popleft()
        leg, channel, bridge = self._talks.pop(seat)
        caller = leg.partition("-")[2]
        self._freed[seat] = time.monotonic()
        return b"".join([
            _event("BridgeLeave", leg, channel, ("BridgeUniqueid", bridge)),
            _event("Hangup", leg, channel, ("Cause", "16")),
            _event("BridgeLeave", caller, "PJSIP/trunk", ("BridgeUniqueid", bridge)),
            _event("Hangup", caller, "PJSIP/trunk", ("Cause", "16"))])


def _device(seat: str, state: str) -> bytes:
    return _block(("Event", "DeviceStateChange"), ("Privilege", "call,all"), ("Device", f"PJSIP/{seat}"),
                  ("State", state))


def other_process(pipe: Connection) -> None:
    """Entry of the other process: tells its port, makes a storm for each triple (first call, calls,
    seconds) it gets."""
    peer = Peer()
    threading.Thread(target=peer.serve, daemon=True).start()
    pipe.send(peer.listener.getsockname()[1])
    while (wanted := pipe.recv()) is not None:
        if wanted == "house":
            peer.house()
            pipe.send("ready")
            continue
        first, calls, lasts_s = wanted
        chunks = [other_call(number) for number in range(first, first + calls)]
        pipe.send("ready")
        pipe.recv()
        pipe.send(peer.storm(chunks, lasts_s))


@contextmanager
def asterisk() -> Iterator[Connection]:
    """The other process, and the way to it. Its first word is its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=other_process, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours
    finally:
        process.terminate()
        process.join()
