"""A script as values: what a caller does and must hear. `lab.script_reader` makes them from what an operator writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

WITHIN_S = 20.0
"""Without a time a sentence has this long to begin. The longest silence of a dialogue is a wait for a key, 14 s."""
CALLED_WITHIN_S = 60.0
"""So long until the caller is called back, when an agent is free."""
TALK_WITHIN_S = 40.0
"""So long until an agent is on the line: the phone rings for up to 20 s, and one may let it ring in vain before."""
ANONYMOUS = "gizli"


class Agent(NamedTuple):
    """Somebody who is signed in."""

    line: int
    who: str
    """An agent's id, or a service: then anybody who serves it and needs nothing special."""
    answer: str
    """As `lab.network.Behaviour.answer`."""
    later: bool = False
    """Signs in when a step says so."""


class Ahead(NamedTuple):
    """Others who wait already when the caller comes."""

    people: int
    keys: str
    """What they press."""


class Announced(NamedTuple):
    """A sentence that is announced while the script runs."""

    prompt: str
    service: str
    """Whose callers hear it; empty: everybody."""
    closes: bool


class Hears(NamedTuple):
    """`duyar`: this sentence is said next, to its end."""

    line: int
    key: str
    within: float = WITHIN_S


class Begins(NamedTuple):
    """`baslar`: this sentence begins; what follows comes while it is said."""

    line: int
    key: str
    within: float = WITHIN_S


class Presses(NamedTuple):
    """`basar`: keys."""

    line: int
    keys: str


class Waits(NamedTuple):
    """`bekler`: the caller does nothing."""

    line: int
    seconds: float


class Says(NamedTuple):
    """`soyler`: the caller speaks, and nobody answers (a spoken message)."""

    line: int
    seconds: float


class Music(NamedTuple):
    """`muzik`: the hold music, so long without a pause."""

    line: int
    seconds: float
    within: float = WITHIN_S


class HearsNot(NamedTuple):
    """`duymaz`: for so long anything may be heard but this."""

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
    """`temsilci: gelir`: those who come later sign in."""

    line: int


class Leaves(NamedTuple):
    """`onundeki`: the first of those who wait in front hangs up."""

    line: int


class Node(NamedTuple):
    """`dugum`: the node is killed (`durur`), or starts again (`kalkar`)."""

    line: int
    up: bool


class HangsUp(NamedTuple):
    """`kapatir`: the caller hangs up."""

    line: int


class Ends(NamedTuple):
    """`kapanir`: the other side hangs up."""

    line: int
    within: float = WITHIN_S


Step = (Hears | Begins | Presses | Waits | Says | Music | HearsNot | Talks | Acts | Comes | Leaves | Node | HangsUp
        | Ends)


Between = Comes | Leaves | Node | Waits


class Call(NamedTuple):
    """One telephone call of a script."""

    line: int
    """Of its `arar` or `aranir`; the first call has none and is 0."""
    steps: tuple[Step, ...]
    called_within: float | None = None
    """`aranir`: the caller's own telephone rings within this. None: the caller calls."""
    before: tuple[Between, ...] = ()
    """What happens between the calls."""


@dataclass(frozen=True)
class Script:
    """What one caller does and must hear."""

    path: Path
    name: str
    number: str
    """A called number or an entry of the menu; empty: the centre's first number."""
    caller: str
    """The caller's number, `gizli`, or empty: a number of its own."""
    services: frozenset[str]
    """Nobody else may wait or work there meanwhile."""
    agents: tuple[Agent, ...]
    ahead: Ahead | None
    announced: Announced | None
    calls: tuple[Call, ...]
    """One after the other, by the same caller."""

    @property
    def file(self) -> str:
        """Its name, as it stands before the line in every message."""
        return self.path.name

    @property
    def alone(self) -> bool:
        """No other script may run meanwhile: it does something to all callers."""
        if self.announced is not None and not self.announced.service:
            return True
        steps = (*self.steps, *(step for call in self.calls for step in call.before))
        return any(isinstance(step, Node) for step in steps)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Of all calls."""
        return tuple(step for call in self.calls for step in call.steps)
