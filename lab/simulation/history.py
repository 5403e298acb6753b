"""Write down what really happened to callers and phones, and which rule was broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from lab.simulation.virtual_time import World

BEGAN = 1_767_225_600.0
"""Begin of each simulation in Unix seconds, by the clock of Asterisk's machine."""

RACE_S = 1.0
"""Length of a talk that the node may still end: the news of its answer and of the end of its offer cross each other."""


TAKEN_BY = "the leg "
"""Beginning of the end of a talk that another leg has ended by taking the caller."""

DIED = "asterisk"
"""End of a call or talk whose Asterisk has ended."""


class Violation(NamedTuple):
    """A rule that was broken."""

    rule: str
    at: float
    what: str


@dataclass
class Talk:
    """A talk, as the two people had it."""

    caller: str
    seat: str
    offer: int
    """0 for a talk by the fallback queue."""
    began: float
    ended: float | None = None
    by: str = ""
    """`caller`, `agent`, or what cut it."""
    unseen: bool = False
    """No node heard of the begin at once."""

    @property
    def length_s(self) -> float:
        """Return the length of an ended talk."""
        return 0.0 if self.ended is None else self.ended - self.began


@dataclass
class CallerPast:
    """The past of a caller."""

    service: str
    came: float
    ended: float | None = None
    how: str = ""
    """`caller`, or the part of the dialplan that hung up."""
    queued: bool = False
    """A node has told the caller to wait, and has the caller in its records."""
    missed: bool = False
    """No node has answered a question of the caller. The file of the calls' events says so."""


@dataclass
class History:
    """Everything that happened, and the broken rules."""

    world: World
    traced: bool = False
    lines: list[str] = field(default_factory=list)
    callers: dict[str, CallerPast] = field(default_factory=dict)
    talks: list[Talk] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    """Epoch of the node that has answered each caller last."""
    clock_set: bool = False
    """The wall clock was set by more than the node accepts as a difference of clocks."""
    clock_moved: bool = False
    """The wall clock was set at all, so a node that starts may take times of the rows for times to come."""
    wall_error_s: float = 0.0
    """Error of the wall clock of that machine."""
    epoch: int = 0
    """Epoch of the lease, as the database has it."""

    def wall_time(self) -> float:
        """Return the wall clock of that machine now."""
        return self.wall_at(self.world.now)

    def wall_at(self, true_time: float) -> float:
        """Return the wall clock of the machine of Asterisk and the nodes at a true time."""
        return BEGAN + true_time + self.wall_error_s

    def answered_by_old_epoch(self, caller: str) -> bool:
        """Return whether a node has answered that does not hold the lease any more."""
        return self.answers.get(caller, 0) < self.epoch

    def note(self, text: str) -> None:
        """Write a line of the trace."""
        if self.traced:
            self.lines.append(f"{self.world.now:9.4f}  {text}")

    def blame(self, rule: str, what: str) -> None:
        """Note a broken rule."""
        self.violations.append(Violation(rule, self.world.now, what))
        self.note(f"BROKEN {rule}: {what}")

    # -- talks -------------------------------------------------------------------------------------------------------

    def begin_talk(self, caller: str, seat: str, offer: int, unseen: bool) -> None:
        """Note that a caller and an agent hear each other. Nobody has two talks."""
        for talk in self.talks:
            if talk.ended is None and (talk.caller == caller or talk.seat == seat):
                self.blame("I2", f"{caller} talks with {seat}, but {talk.caller} talks with {talk.seat}")
        self.talks.append(Talk(caller, seat, offer, self.world.now, unseen=unseen))
        self.note(f"talk of {caller} with {seat} by offer {offer}")

    def end_talk(self, caller: str, by: str) -> None:
        """Note the end of a talk. The node ends none that has lasted for a while."""
        for talk in self.talks:
            if talk.ended is None and talk.caller == caller:
                talk.ended, talk.by = self.world.now, by
                self.note(f"talk of {caller} with {talk.seat} ended by {by}")
                if by.startswith(TAKEN_BY) or (by not in ("caller", "agent", DIED) and talk.length_s > RACE_S):
                    self.blame("I1", f"the talk of {caller} with {talk.seat} was cut after {talk.length_s:.1f} s by "
                                     f"{by}")

    def last_talk(self, caller: str) -> Talk | None:
        """Return the last talk of a caller."""
        return next((talk for talk in reversed(self.talks) if talk.caller == caller), None)
