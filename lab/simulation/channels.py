"""Hold the channels of the simulated Asterisk, and what their people do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from asterisk_conf.dialplan_values import Timings
from lab.simulation.history import History
from lab.simulation.network import Connection, Network
from lab.simulation.virtual_time import World


class Question(Protocol):
    """A question to a node that is under way."""

    def abandon(self) -> None:
        """End the question without a result."""

    def vanish(self) -> None:
        """End the question with the process of Asterisk."""


@dataclass(eq=False)
class Channel:
    """One channel. `turn` grows with each jump of its dialplan, so that an older timer means nothing."""

    uniqueid: str
    name: str
    context: str
    state: str = "Down"
    bridge: str = ""
    partner: Channel | None = None
    """The other channel of the bridge."""
    variables: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    turn: int = 0


@dataclass(eq=False)
class Caller(Channel):
    """A caller, with the person's habits."""

    service: str = ""
    patience_s: float = 0.0
    """Time in the queue after which the caller hangs up."""
    talk_s: float = 0.0
    """Length of the talk, until one of the two hangs up."""
    ends_talk: bool = False
    """The caller hangs up at the end of a talk. Otherwise the agent does."""
    fails: int = 0
    question: Question | None = None
    asked_at: float = float("-inf")
    """Time of the last question from the fallback queue."""
    looked_at: Leg | None = None
    """The leg that looks whether it may have the caller (`santral-fence`)."""


@dataclass(eq=False)
class Leg(Channel):
    """A leg to an agent's phone: by Originate, or by the fallback queue."""

    seat: str = ""
    offer: int = 0
    """Number of the offer. 0 for the fallback queue."""
    epoch: int = 0
    """Epoch of the node whose Originate made the leg."""


@dataclass(eq=False)
class Phone:
    """The phone of an agent, with its habits. It carries one call."""

    seat: str
    answers_s: tuple[float, float] = (0.3, 2.5)
    misses: float = 0.08
    """Share of the calls that ring until their end."""
    declines: float = 0.04
    reachable: bool = True
    legs: list[Leg] = field(default_factory=list)

    @property
    def device_state(self) -> str:
        """Return the state that Asterisk reports."""
        if not self.reachable:
            return "UNAVAILABLE"
        if not self.legs:
            return "NOT_INUSE"
        return "INUSE" if any(leg.state == "Up" for leg in self.legs) else "RINGING"


class Switch(Protocol):
    """The Asterisk, as its parts see it (`asterisk_model`)."""

    world: World
    network: Network
    history: History
    times: Timings
    node_ports: tuple[int, ...]
    first_node: int
    """Place of the node that has answered last."""
    epoch_of: Callable[[Connection], int]
    started: str
    channels: dict[str, Channel]
    phones: dict[str, Phone]
    managers: dict[Any, None]
    """Sessions at the manager."""

    def after(self, delay_s: float, run: Callable[[], None]) -> None:
        """Have a thread run something later."""

    def go_on(self, channel: Channel, delay_s: float, step: Callable[[], None]) -> None:
        """Have a channel take its next step later."""

    def next_id(self) -> str:
        """Return the uniqueid of a new channel."""

    def ring(self, leg: Leg, ring_s: float, answered: Callable[[], None], failure: dict[str, str] | None = None,
             **dialling: str) -> None:
        """Let a phone ring for a new leg."""

    def bridge(self, leg: Leg, caller: Caller) -> None:
        """Take a caller into a bridge with a leg."""

    def hang_up(self, channel: Channel, cause: int, by: str) -> None:
        """End a channel."""

    def leave_fallback(self, caller: Caller, withdrawn: bool) -> None:
        """Go on after a round of a fallback queue."""

    def originate(self, one: dict[str, str], variables: dict[str, str], epoch: int) -> None:
        """Begin an Originate of a node."""

    def redirect(self, channel: Channel, context: str) -> None:
        """Lead a caller into the hold loop."""

    def answer_queues(self, name: str, one: dict[str, str]) -> list[list[tuple[str, str]]]:
        """Answer an action about queues."""
