"""Answer a node's AMI links as Asterisk's manager does, byte for byte."""

from __future__ import annotations

from lab.simulation.channels import Switch
from lab.simulation.network import Connection
from routing.ami.resync import ON_HOLD

Block = list[tuple[str, str]]
Headers = dict[str, str]

SUCCESS = ("Response", "Success")


class ManagerSession:
    """One log-in at the manager."""

    def __init__(self, asterisk: Switch, connection: Connection, epoch: int) -> None:
        """`epoch` is that of the node that connects."""
        self._asterisk, self._connection, self.epoch = asterisk, connection, epoch
        self.wants_events = False
        self._buffer = b""

    def begin(self) -> None:
        """Greet."""
        self._connection.send(b"Asterisk Call Manager/11.0.0\r\n")

    def peer_closed(self) -> None:
        """End the session."""
        self._asterisk.managers.pop(self, None)

    def receive(self, data: bytes) -> None:
        """Take actions."""
        if self in self._asterisk.managers:
            self._asterisk.after(0.0, lambda: self._take(data))

    @property
    def is_stalled(self) -> bool:
        """Return whether the node hears nothing now."""
        return self._connection.is_stalled

    def tell(self, data: bytes) -> None:
        """Send an event."""
        self._connection.send(data)

    def close(self) -> None:
        """Close Asterisk's side."""
        self._asterisk.managers.pop(self, None)
        self._connection.shut()

    def _take(self, data: bytes) -> None:
        self._buffer += data
        *blocks, self._buffer = self._buffer.split(b"\r\n\r\n")
        for block in blocks:
            headers: dict[str, list[str]] = {}
            for line in block.decode().split("\r\n"):
                name, _, value = line.partition(": ")
                headers.setdefault(name, []).append(value)
            one = {name: values[0] for name, values in headers.items()}
            answers = self._answer(one, headers.get("Variable", []))
            # An item of app_queue names its action last.
            last = one["Action"] == "QueueStatus"
            self._connection.send(b"".join(render(
                [*answer, ("ActionID", one["ActionID"])] if last and answer[0][0] == "Event" else
                [answer[0], ("ActionID", one["ActionID"]), *answer[1:]]) for answer in answers))
            if one["Action"] == "Login" and self.wants_events:
                self.tell(render([("Event", "FullyBooted"), ("Privilege", "system,all")]))

    def _answer(self, one: Headers, variables: list[str]) -> list[Block]:
        asterisk, name = self._asterisk, one["Action"]
        if name == "Login":
            self.wants_events = one["Events"] != "off"
            return [[SUCCESS, ("Message", "Authentication accepted")]]
        if name == "Ping":
            return [[SUCCESS, ("Ping", "Pong")]]
        if name == "CoreStatus":
            return [[SUCCESS, ("CoreStartupDate", "2026-01-01"), ("CoreStartupTime", asterisk.started)]]
        if name == "DeviceStateList":
            return listed("DeviceStateChange", [[("Device", f"PJSIP/{phone.seat}"), ("State", phone.device_state)]
                                                for phone in asterisk.phones.values()])
        if name == "CoreShowChannels":
            return listed("CoreShowChannel", [[
                ("Channel", one.name), ("ChannelStateDesc", one.state), ("Uniqueid", one.uniqueid),
                ("BridgeId", one.bridge), ("Context", one.context)] for one in asterisk.channels.values()])
        if name == "Originate":
            asterisk.originate(one, dict(value.partition("=")[::2] for value in variables), self.epoch)
            return [[SUCCESS, ("Message", "Originate successfully queued")]]
        if name.startswith("Queue"):
            return asterisk.answer_queues(name, one)
        return [self._answer_channel(name, one)]

    def _answer_channel(self, name: str, one: Headers) -> Block:
        asterisk = self._asterisk
        channel = asterisk.channels.get(one["Channel"])
        if channel is None:
            return [("Response", "Error"), ("Message", "No such channel")]
        if name == "Getvar":
            value = {ON_HOLD: "0", "CHANNEL(state)": channel.state}.get(one["Variable"]) \
                or channel.variables.get(one["Variable"], "")
            return [SUCCESS, ("Variable", one["Variable"]), ("Value", value)]
        if name == "Setvar":
            channel.variables[one["Variable"]] = one["Value"]
        elif name == "Hangup":
            asterisk.hang_up(channel, int(one["Cause"]), "node")
        elif name == "Redirect":
            asterisk.redirect(channel, one["Context"])
        return [SUCCESS, ("Message", "done")]


def listed(event: str, items: list[Block]) -> list[Block]:
    """Return a list reply: head, items and end."""
    return [[SUCCESS, ("EventList", "start"), ("Message", "follows")],
            *[[("Event", event), *item] for item in items],
            [("Event", f"{event}Complete"), ("EventList", "Complete"), ("ListItems", str(len(items)))]]


def render(block: Block) -> bytes:
    """Return a block as Asterisk writes it."""
    return "".join(f"{name}: {value}\r\n" for name, value in block).encode() + b"\r\n"
