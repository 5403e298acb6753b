"""A stand-in for Asterisk's AMI on loopback. It parses as manager.c does, and answers in the words and order of
Asterisk 22.10.1 (`tests/wire/ami`). Each fault is intended: see the knobs.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
Block = list[tuple[str, str]]


@dataclass
class Channel:
    """A channel as `CoreShowChannels` lists it."""

    uniqueid: str
    name: str
    state: str = "Up"
    bridge: str = ""
    linkedid: str = ""
    variables: dict[str, str] = field(default_factory=dict)


@dataclass
class QueueCaller:
    """A caller in an app_queue."""

    queue: str
    channel: str
    uniqueid: str


@dataclass
class Knobs:
    """Faults, by action name where the type says so."""

    split: int = 0
    """Write in pieces of this many bytes. 0 means whole."""
    silent: set[str] = field(default_factory=set)
    """These actions are done but never answered."""
    twice: set[str] = field(default_factory=set)
    refuse: dict[str, str] = field(default_factory=dict)
    """Action name and the message of its `Response: Error`."""
    cut_after: set[str] = field(default_factory=set)
    """The connection breaks after these actions are done and before their answer."""
    greeting: bytes = GREETING
    booted: bool = True
    stop_reading: bool = False
    """The kernel still takes bytes, but nobody reads them."""


class FakeAsterisk:
    """`async with FakeAsterisk() as asterisk:` listens on `asterisk.port`."""

    def __init__(self, users: dict[str, str] | None = None) -> None:
        self.users = users or {"engine-events": "e1", "engine-actions": "a1"}
        self.knobs = Knobs()
        self.received: list[dict[str, list[str]]] = []
        self.channels: dict[str, Channel] = {}
        self.devices: dict[str, str] = {}
        self.queues: dict[str, dict[str, str | None]] = {}
        """Members of each app_queue by interface, with the reason of their pause."""
        self.queue_callers: list[QueueCaller] = []
        self.phones: dict[str, str] = {}
        """Seat: `answer`, `ring`, `busy`, `decline`, `absent` (the default)."""
        self.started = ("2026-11-25", "00:50:11")
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, bool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0

    async def __aenter__(self) -> FakeAsterisk:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> None:
        """Break every connection now."""
        for writer in list(self._writers):
            writer.transport.abort()

    @property
    def open_sessions(self) -> int:
        """Return the number of connections that stand now."""
        return len(self._writers)

    def names(self) -> list[str]:
        """Return the received actions in order, without Login and Ping."""
        return [one["Action"][0] for one in self.received if one["Action"][0] not in ("Login", "Ping")]

    def asked(self, action: str) -> list[dict[str, list[str]]]:
        """Return the received actions of this name."""
        return [one for one in self.received if one["Action"] == [action]]

    # -- what it says ------------------------------------------------------------------------------------------------

    def raw(self, data: bytes) -> None:
        """Send these bytes to every session with events."""
        for writer, events in self._writers.items():
            if events and not writer.is_closing():
                self._write(writer, data)

    def emit(self, event: str, privilege: str = "call,all", /, **headers: str) -> None:
        """Send an event to every session with events. `_` in a header's name means `-`."""
        self.raw(render([("Event", event), ("Privilege", privilege),
                         *((name.replace("_", "-"), value) for name, value in headers.items())]))

    def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        step = self.knobs.split or len(data)
        for start in range(0, len(data), step):
            writer.write(data[start : start + step])

    # -- calls -------------------------------------------------------------------------------------------------------

    def caller(self, uniqueid: str, name: str = "") -> Channel:
        """A caller waits in the hold loop."""
        channel = Channel(uniqueid, name or f"PJSIP/trunk-{len(self.channels):08x}", linkedid=uniqueid)
        self.channels[uniqueid] = channel
        self.emit("Newchannel", Channel=channel.name, ChannelStateDesc="Ring", Uniqueid=uniqueid, Linkedid=uniqueid)
        self.emit("Newstate", Channel=channel.name, ChannelStateDesc="Up", Uniqueid=uniqueid, Linkedid=uniqueid)
        return channel

    def leg(self, uniqueid: str, seat: str, state: str = "Ringing") -> Channel:
        """An agent's leg is born (and rings)."""
        channel = Channel(uniqueid, f"PJSIP/{seat}-{len(self.channels):08x}", state, linkedid=uniqueid)
        self.channels[uniqueid] = channel
        self.emit("Newchannel", Channel=channel.name, ChannelStateDesc="Down", Uniqueid=uniqueid)
        self.emit("DialBegin", DestChannel=channel.name, DestUniqueid=uniqueid)
        if state != "Down":
            self.emit("Newstate", Channel=channel.name, ChannelStateDesc="Ringing", Uniqueid=uniqueid)
        return channel

    def up(self, channel: Channel, status: str = "ANSWER") -> None:
        """The leg answers."""
        channel.state = "Up"
        self.emit("Newstate", Channel=channel.name, ChannelStateDesc="Up", Uniqueid=channel.uniqueid)
        self.emit("DialEnd", DestChannel=channel.name, DestUniqueid=channel.uniqueid, DialStatus=status)

    def bridge(self, *channels: Channel) -> None:
        """These channels come together, in this order."""
        self._count += 1
        for channel in channels:
            channel.bridge = f"bridge-{self._count}"
            # The dialplan notes which leg has the caller (`[santral-fence]`).
            channel.variables["SHARED(SC_TALK)"] = next((one.uniqueid for one in channels if one is not channel), "")
            self.emit("BridgeEnter", BridgeUniqueid=channel.bridge, Channel=channel.name, Uniqueid=channel.uniqueid)

    def hangup(self, channel: Channel, cause: int = 16) -> None:
        """The channel leaves its bridge and is gone."""
        if self.channels.pop(channel.uniqueid, None) is None:
            return
        if channel.bridge:
            self.emit("BridgeLeave", BridgeUniqueid=channel.bridge, Channel=channel.name, Uniqueid=channel.uniqueid)
        self.emit("Hangup", Channel=channel.name, Uniqueid=channel.uniqueid, Cause=str(cause),
                  ChannelStateDesc=channel.state)

    # -- what it hears -----------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers[writer] = False
        self.connections += 1
        try:
            self._write(writer, self.knobs.greeting)
            while block := await self._read(reader):
                while self.knobs.stop_reading:
                    # A test stops and resumes the reading; the link stays open, as with a frozen Asterisk.
                    await asyncio.sleep(0.01)
                await self._handle(block, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._writers.pop(writer, None)
            writer.close()
            self._tasks.discard(task)

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> dict[str, list[str]]:
        headers: dict[str, list[str]] = {}
        while line := await reader.readline():
            text = line.rstrip(b"\r\n").partition(b"\0")[0].decode()
            if not text:
                return headers
            name, _, value = text.partition(": ")
            headers.setdefault(name, []).append(value)
        return {}

    async def _handle(self, action: dict[str, list[str]], writer: asyncio.StreamWriter) -> None:
        name = action["Action"][0]
        self.received.append(action)
        refusal = self.knobs.refuse.get(name)
        answer = [("Response", "Error"), ("Message", refusal)] if refusal else self._do(name, action, writer)
        if name in self.knobs.cut_after:
            # The bytes before the cut leave first.
            await asyncio.sleep(0)
            writer.transport.abort()
            return
        if name in self.knobs.silent:
            return
        action_id = action.get("ActionID", [""])[0]
        blocks = answer if answer and isinstance(answer[0], list) else [answer]
        for _ in range(2 if name in self.knobs.twice else 1):
            for block in blocks:
                self._write(writer, render([block[0], ("ActionID", action_id), *block[1:]]))  # type: ignore[list-item]
        if name == "Login" and self._writers.get(writer) and self.knobs.booted:
            self._write(writer, render([("Event", "FullyBooted"), ("Privilege", "system,all"),
                                        ("Status", "Fully Booted")]))

    def _do(self, name: str, action: dict[str, list[str]],
            writer: asyncio.StreamWriter) -> Block | list[Block]:
        one = {key: values[0] for key, values in action.items()}
        if name == "Login":
            if self.users.get(one["Username"]) != one["Secret"]:
                asyncio.get_running_loop().call_later(0.01, writer.close)
                return [("Response", "Error"), ("Message", "Authentication failed")]
            self._writers[writer] = one.get("Events", "on") != "off"
            return [("Response", "Success"), ("Message", "Authentication accepted")]
        if name == "Logoff":
            asyncio.get_running_loop().call_later(0.01, writer.close)
            return [("Response", "Goodbye"), ("Message", "Thanks for all the fish.")]
        if name == "Ping":
            return [("Response", "Success"), ("Ping", "Pong")]
        if name == "CoreStatus":
            return [("Response", "Success"), ("CoreStartupDate", self.started[0]),
                    ("CoreStartupTime", self.started[1])]
        if name == "CoreShowChannels":
            return listed("CoreShowChannel", [[
                ("Channel", c.name), ("ChannelStateDesc", c.state), ("Uniqueid", c.uniqueid),
                ("Linkedid", c.linkedid), ("BridgeId", c.bridge)] for c in self.channels.values()])
        if name == "DeviceStateList":
            return listed("DeviceStateChange", [[("Device", d), ("State", s)] for d, s in self.devices.items()])
        if name.startswith("Queue"):
            return self._do_queue(name, one)
        if name == "Originate":
            self._originate(one)
            return [("Response", "Success"), ("Message", "Originate successfully queued")]
        channel = self.channels.get(one.get("Channel", ""))
        if channel is None:
            return [("Response", "Error"), ("Message", "No such channel")]
        if name == "Hangup":
            self.hangup(channel, int(one.get("Cause", "16")))
        if name == "Setvar":
            channel.variables[one["Variable"]] = one["Value"]
        if name == "Getvar":
            return [("Response", "Success"), ("Variable", one["Variable"]),
                    ("Value", channel.variables.get(one["Variable"], ""))]
        return [("Response", "Success"), ("Message", f"{name} done")]

    def _do_queue(self, name: str, one: dict[str, str]) -> Block | list[Block]:
        if name == "QueueStatus":
            # app_queue writes the ActionID of each item last.
            return [[("Response", "Success"), ("EventList", "start")],
                    *[[("Event", "QueueParams"), ("Queue", queue)] for queue in self.queues],
                    *[[("Event", "QueueMember"), ("Queue", queue), ("Location", interface),
                       ("Paused", "0" if reason is None else "1"), ("PausedReason", reason or "")]
                      for queue, members in self.queues.items() for interface, reason in members.items()],
                    *[[("Event", "QueueEntry"), ("Queue", caller.queue), ("Channel", caller.channel),
                       ("Uniqueid", caller.uniqueid)] for caller in self.queue_callers],
                    [("Event", "QueueStatusComplete"), ("EventList", "Complete")]]
        if name == "QueueWithdrawCaller":
            found = any(caller.channel == one["Caller"] for caller in self.queue_callers)
            return [("Response", "Success" if found else "Error"), ("Message", "withdrawn")]
        members = self.queues.get(one["Queue"])
        if members is None:
            return [("Response", "Error"), ("Message", "Unable to add interface to queue: No such queue")]
        if name == "QueueRemove":
            members.pop(one["Interface"], None)
        else:
            members[one["Interface"]] = one.get("Reason", "") if one["Paused"] in ("1", "true") else None
        return [("Response", "Success"), ("Message", f"{name} done")]

    def _originate(self, one: dict[str, str]) -> None:
        seat = one["Channel"].removeprefix("PJSIP/")
        uniqueid, mode = one["ChannelId"], self.phones.get(seat, "absent")
        ended = {"Response": "Failure", "Channel": one["Channel"], "Reason": "0", "Uniqueid": uniqueid}
        if mode == "absent" or uniqueid in self.channels:
            self.emit("OriginateResponse", ActionID=one["ActionID"], **ended)
            return
        leg = self.leg(uniqueid, seat, "Ringing" if mode in ("ring", "answer", "decline") else "Down")
        if mode in ("busy", "decline"):
            self.emit("DialEnd", DestChannel=leg.name, DestUniqueid=uniqueid,
                      DialStatus="BUSY" if mode == "busy" else "NOANSWER")
            self.emit("OriginateResponse", ActionID=one["ActionID"], **ended)
            self.hangup(leg, 17 if mode == "busy" else 21)
        elif mode == "answer":
            self.up(leg)
            self.emit("OriginateResponse", ActionID=one["ActionID"], Response="Success", Reason="4",
                      Uniqueid=uniqueid, Channel=leg.name)
            name = one["Variable"].removeprefix("SC_CHAN=")
            caller = next((c for c in self.channels.values() if c.name == name), None)
            self.bridge(*([caller, leg] if caller else [leg]))


def render(block: Block) -> bytes:
    """A block as Asterisk writes it."""
    return "".join(f"{name}: {value}\r\n" for name, value in block).encode() + b"\r\n"


def listed(event: str, items: list[Block]) -> list[Block]:
    """A list reply."""
    return [[("Response", "Success"), ("EventList", "start"), ("Message", "will follow")],
            *([("Event", event), *item] for item in items),
            [("Event", f"{event}sComplete"), ("EventList", "Complete"), ("ListItems", str(len(items)))]]
