"""Define what the checker says of a history: findings, each with an invariant and the lines that prove it."""

from __future__ import annotations

from typing import NamedTuple

INVARIANTS = {
    "I1": "no caller is dropped by us, or loses the place in line",
    "I2": "no agent has two assignments, no call two agents, and only the leader acts",
    "I3": "every arrival has exactly one final outcome",
    "I4": "the records have all that was acknowledged, with times and talks as others saw them",
    "I5": "agents' states equal reality 10 s after a recovery",
    "I6": "readers of facts get each of them, in order",
    "I7": "no personal data in logs and records",
    "I8": "recovery needs no human",
}


class Finding(NamedTuple):
    """One contradiction in a history."""

    invariant: str
    fault: str
    """Name of the kind of fault, such as `record_missing`."""
    subject: str
    """Contact, offer, agent or node, such as `contact 1790000000.12`."""
    at: float | None
    """Unix seconds, or None if it has no moment."""
    what: str
    """One sentence."""
    lines: tuple[str, ...]
    """Files and line numbers that prove it, such as `store.jsonl:12`."""


class Findings(NamedTuple):
    """The result of a check."""

    findings: tuple[Finding, ...]
    callers: int
    contacts: int
    acts: int
    notes: tuple[str, ...]
    """Sentences on what could not be checked."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def of_invariant(self, name: str) -> tuple[Finding, ...]:
        """Return the findings of one invariant."""
        return tuple(one for one in self.findings if one.invariant == name)
