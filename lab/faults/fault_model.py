"""Needs and bounds of a fault, and the row of its result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from lab.errors import LabError

TALK_GAP_S, WAIT_GAP_S = 0.15, 0.7
"""Longest gap of who talks and of who waits, in faults of the node, its store and their links: talks need no node, and
a step of the hold loop is a pause between two pieces of music."""
STEP_S = 6.0
"""Longest silence of a new caller: one unanswered question to a node (5 s) and the words behind it."""
DECISION_S = 7.0
"""Longest time to the first right decision without a start of a node: the lease (5 s) and 2 s."""
START_S = 15.0
"""The same with a start, which takes 1 s on idle cores and 6 s on busy ones, after a wait of 1 s."""
SECONDS_TRUE = 1.0
"""Times in the records are true to this."""


class Need(StrEnum):
    """Something that a fault needs from its lab or its machine."""

    NODE = "one node"
    NODES = "two nodes"
    POSTGRES = "postgres with a standby"
    ROOT = "root"
    MOSQUITTO = "mosquitto"
    FAKETIME = "libfaketime"
    SIPP = "sipp"
    PBX = "a second Asterisk"


@dataclass(frozen=True)
class Bounds:
    """Limits of a row, in seconds. Limits that differ from the default have a reason."""

    talk_gap_s: float = TALK_GAP_S
    wait_gap_s: float = WAIT_GAP_S
    new_gap_s: float = STEP_S
    decision_s: float = DECISION_S
    """It counts from the injection, or from the end of the fault with `Fault.decides_after`."""
    true_s: float = SECONDS_TRUE
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class FaultLab:
    """Wishes of a fault for its lab."""

    needs: tuple[Need, ...] = (Need.NODE,)
    extra: str = ""
    """Settings. `{broker}` stands for the port of a broker."""
    links: tuple[str, ...] = ()
    """Links with a TCP proxy (`lab.lifecycle.Through`): `a.ami`, `a.primary`, …"""
    lone: str = ""
    """The phone of this role is in a separate network, so that it can vanish: `talks` or `rings`."""


@dataclass
class FaultRow:
    """The result of one fault."""

    id: str
    title: str
    how: str
    ok: bool = False
    calls: int = 0
    lost: int = 0
    """Callers who did not hang up and ended without a talk, or in the middle of a talk."""
    doubled: int = 0
    records: int = 0
    """Wrong or missing records."""
    history: int = 0
    """Contradictions that `lab.history` found."""
    talk_gap_s: float | None = None
    wait_gap_s: float | None = None
    new_gap_s: float | None = None
    decision_s: float | None = None
    took_s: float = 0.0
    """Seconds from the start of its lab to its end."""
    bounds: str = ""
    """Reason of bounds that differ."""
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    """Figures of a random run or a flood, for programs."""
    skipped: str = ""
    """Why this machine cannot do it."""

    def as_json(self) -> dict[str, Any]:
        """Return the row for `--json`."""
        return asdict(self)


class CannotInject(LabError):
    """Raised when this machine cannot do a fault."""


