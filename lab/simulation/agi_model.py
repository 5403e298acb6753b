"""Ask nodes by FastAGI as the dialplan does, byte for byte: one connection for each question."""

from __future__ import annotations

import re
from collections.abc import Callable

from ivr import dialplan
from lab.simulation.channels import Caller, Switch
from lab.simulation.network import Connection
from routing.ami.cel_recovery import LEFT_MENU, NO_NODE

_ARGUMENT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_VARIABLE = re.compile(r"\$\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")

REFUSED_S = 0.001
"""Time of a connection that nobody accepts."""
CONTEXT_MENU = "santral-menu"


def find_menu_end(caller: Caller) -> str:
    """Return the event of `[santral-menu]`, h: a node was alive or nobody was asked, or no node has answered."""
    return LEFT_MENU if caller.variables.get("SC_ALIVE") or caller.question is None else NO_NODE


class AgiQuestion:
    """One step of the dialplan that asks the nodes (the macros `ask` and `ask_other` of the templates).

    Of two nodes the one that answered last comes first. The other one follows after a refusal, and after `step_s` if
    the first one is frozen. With `again` both are asked once more after some music. `done` gets the next part of the
    dialplan, or an empty text.
    """

    def __init__(self, asterisk: Switch, caller: Caller, route: str, argument: str, done: Callable[[str], None],
                 again: bool) -> None:
        self._asterisk, self._caller, self._route, self._argument = asterisk, caller, route, argument
        self._done, self._again, self._over = done, again, False
        self._connection: Connection | None = None
        self._buffer = b""
        self._asks, self._at = 0, asterisk.first_node
        self._limit = 0.0
        caller.question = self
        self._ask_node()

    # -- the step ----------------------------------------------------------------------------------------------------

    def _set_limit(self, within_s: float) -> None:
        """Set `TIMEOUT(absolute)`."""
        limit = self._limit = self._asterisk.world.now + within_s

        def end_step() -> None:
            if not self._over and self._limit == limit:
                self._on_limit()
        self._asterisk.after(within_s, end_step)

    def _on_limit(self) -> None:
        """Go to the extension `T`: the node that was asked is frozen."""
        self._drop_connection()
        if self._asks or len(self._asterisk.node_ports) < 2:
            self._finish("")
            return
        self._asks, self._at = 1, 1 - self._at
        self._asterisk.first_node = self._at
        self._ask_node()

    def _ask_node(self) -> None:
        if self._over:
            return
        caller, asterisk = self._caller, self._asterisk
        caller.variables[dialplan.NEXT] = caller.variables[dialplan.SAY] = ""
        self._set_limit(asterisk.times.step_s)
        self._buffer = b""
        self._connection = asterisk.network.dial(asterisk.node_ports[self._at], self)
        if self._connection is None:
            asterisk.after(REFUSED_S, self._on_missed)
            return
        lines = {"agi_network": "yes", "agi_network_script": self._route, "agi_channel": caller.name,
                 "agi_uniqueid": caller.uniqueid, "agi_context": caller.context}
        if self._argument or self._route == dialplan.TICK_ROUTE:
            lines["agi_arg_1"] = self._argument
        self._connection.send("".join(f"{name}: {value}\n" for name, value in lines.items()).encode() + b"\n")

    def _on_missed(self) -> None:
        """Ask the other node, or both once more after some music."""
        if self._over:
            return
        asterisk = self._asterisk
        if len(asterisk.node_ports) < 2:
            self._finish("")
            return
        self._at, self._asks = 1 - self._at, self._asks + 1
        if self._asks in (1, 3):
            self._ask_node()
        elif not self._again or self._asks > 3:
            self._finish("")
        else:
            self._limit, self._at = 0.0, asterisk.first_node
            asterisk.after(asterisk.times.retry_s, self._ask_node)

    def abandon(self) -> None:
        """End the question without a result: the caller has hung up, or was taken into a bridge."""
        if not self._over:
            self._over = True
            self._hang_up()

    def vanish(self) -> None:
        """End the question with the process of Asterisk: its kernel closes the connection."""
        self._over = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.shut()

    def _hang_up(self) -> None:
        if self._caller.question is self:
            self._caller.question = None
        self._drop_connection()

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.send(b"HANGUP\n")
            connection.shut()

    def _finish(self, onward: str) -> None:
        self._over = True
        self._hang_up()
        self._done(onward)

    # -- the connection ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Do nothing: the question was sent with the connection."""

    def receive(self, data: bytes) -> None:
        """Take commands of the node."""
        self._asterisk.after(0.0, lambda: self._take(data))

    def peer_closed(self) -> None:
        """Go on: the node has closed the connection, or it was cut."""
        self._asterisk.after(0.0, self._on_closed)

    def _on_closed(self) -> None:
        if self._over or self._connection is None:
            return
        epoch, self._connection = self._asterisk.epoch_of(self._connection), None
        if onward := self._caller.variables[dialplan.NEXT]:
            self._asterisk.history.answers[self._caller.uniqueid] = epoch
            self._asterisk.first_node = self._at
            self._finish(onward)
        else:
            self._on_missed()

    def _take(self, data: bytes) -> None:
        if self._over or self._connection is None:
            return
        self._buffer += data
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._connection.send(f"200 result={self._run(line.decode())}\n".encode())

    def _run(self, line: str) -> str:
        variables = self._caller.variables
        verb, arguments = line.partition(' "')[0], [
            re.sub(r"\\(.)", r"\1", one) for one in _ARGUMENT.findall(line)]
        if verb == "SET VARIABLE":
            self._set(*arguments)
            return "1"
        if verb == "GET VARIABLE":
            return f"1 ({variables[arguments[0]]})" if arguments[0] in variables else "0"
        if verb == "GET FULL VARIABLE":
            return f"1 ({_VARIABLE.sub(lambda found: self._read(found[1]), arguments[0])})"
        if verb == "GOSUB":
            # Nobody listens here, so a sound takes no time. From its end on the node has a step.
            self._set_limit(self._asterisk.times.step_s)
        return "0"

    def _read(self, name: str) -> str:
        if name.startswith("SET("):
            self._set(*name[4:-1].split("=", 1))
        return self._caller.variables.get(name, "")

    def _set(self, name: str, value: str) -> None:
        if name.startswith("ARRAY("):
            for one, part in zip(name[6:-1].split(","), value.split(","), strict=True):
                self._set(one, part)
        else:
            self._caller.variables[name.removeprefix(dialplan.INHERITED)] = value
