"""A script as values: what a caller does and must hear. `lab.script.reader` makes them from an operator's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

WITHIN_S = 20.0
"""Default time for a sentence to begin. The longest silence of a dialogue is the wait for a key, 14 s."""
CALLED_WITHIN_S = 60.0
"""Default time until the caller is called back, when an agent is free."""
TALK_WITHIN_S = 40.0
"""Default time until an agent is on the line.

A phone rings for up to 20 s, and one ring-no-answer may come before.
"""
ANONYMOUS = "gizli"


class ScriptAgent(NamedTuple):
    """An agent who is signed in."""

    line: int
    who: str
    """An agent's id or a service. A service stands for any agent who serves it and needs nothing special."""
    answer: str
    """As in `lab.phones.network.PhoneBehaviour.answer`."""
    later: bool = False
    """True if the agent signs in when a step says so."""


class CallersAhead(NamedTuple):
    """Other callers who wait already when the caller comes."""

    people: int
    keys: str
    """Keys that they press in the menu."""


class Announcement(NamedTuple):
    """An announcement that is on while the script runs."""

    prompt: str
    service: str
    """Service whose callers hear it, empty for all callers."""
    closes: bool


class Hears(NamedTuple):
    """`duyar`: this sentence is played next, to its end."""

    line: int
    key: str
    within: float = WITHIN_S


class Begins(NamedTuple):
    """`baslar`: this sentence begins. The next step happens while it is played."""

    line: int
    key: str
    within: float = WITHIN_S


class Presses(NamedTuple):
    """`basar`: the caller presses keys."""

    line: int
    keys: str


class Waits(NamedTuple):
    """`bekler`: the caller does nothing."""

    line: int
    seconds: float


class Says(NamedTuple):
    """`soyler`: the caller speaks and nobody answers (a spoken message)."""

    line: int
    seconds: float


class Music(NamedTuple):
    """`muzik`: the hold music plays this long without a pause."""

    line: int
    seconds: float
    within: float = WITHIN_S


class HearsNot(NamedTuple):
    """`duymaz`: for this long the caller may hear anything but this sentence."""

    line: int
    key: str
    seconds: float


class Talks(NamedTuple):
    """`konusur`: the caller and an agent hear each other."""

    line: int
    who: str
    """A service or an agent's id."""
    within: float = TALK_WITHIN_S


class Acts(NamedTuple):
    """`temsilci`: the agent in the talk does something."""

    line: int
    what: str
    value: str


class Comes(NamedTuple):
    """`temsilci: gelir`: the agents who come later sign in."""

    line: int


class Leaves(NamedTuple):
    """`onundeki`: the first of the callers who wait in front hangs up."""

    line: int


class NodeStep(NamedTuple):
    """`dugum`: the node is killed (`durur`) or starts again (`kalkar`)."""

    line: int
    up: bool


class HangsUp(NamedTuple):
    """`kapatir`: the caller hangs up."""

    line: int


class Ends(NamedTuple):
    """`kapanir`: the other side hangs up."""

    line: int
    within: float = WITHIN_S


Step = (Hears | Begins | Presses | Waits | Says | Music | HearsNot | Talks | Acts | Comes | Leaves | NodeStep | HangsUp
        | Ends)


Between = Comes | Leaves | NodeStep | Waits


class ScriptCall(NamedTuple):
    """One telephone call of a script."""

    line: int
    """Line of its `arar` or `aranir`, 0 for the first call."""
    steps: tuple[Step, ...]
    called_within: float | None = None
    """`aranir`: limit until the caller's own telephone rings. None if the caller dials."""
    before: tuple[Between, ...] = ()
    """Steps between the calls."""


@dataclass(frozen=True)
class CallScript:
    """A caller's script: what the caller does and must hear."""

    path: Path
    name: str
    number: str
    """A called number or an entry of the menu, empty for the centre's first number."""
    caller: str
    """The caller's number, `gizli`, or empty for a new number."""
    services: frozenset[str]
    """Services in which no other script may wait or work meanwhile."""
    agents: tuple[ScriptAgent, ...]
    ahead: CallersAhead | None
    announced: Announcement | None
    calls: tuple[ScriptCall, ...]
    """Calls of the same caller, one after the other."""

    @property
    def file(self) -> str:
        """File name, as it precedes the line in every message."""
        return self.path.name

    @property
    def alone(self) -> bool:
        """Whether the script affects all callers, so that no other script may run meanwhile."""
        # An announcement without a service reaches every caller, and a killed node drops them all.
        if self.announced is not None and not self.announced.service:
            return True
        steps = (*self.steps, *(step for call in self.calls for step in call.before))
        return any(isinstance(step, NodeStep) for step in steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Steps of all calls."""
        return tuple(step for call in self.calls for step in call.steps)
