"""Read observations in order, and tell what a caller or an agent would call wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from tests.callers_side.invariants import MOMENTS, STANDING
from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene


class Finding(NamedTuple):
    """Something that is wrong, in one plain sentence."""

    at: float
    rule: str
    said: str

    def __str__(self) -> str:
        return f"{self.at:.1f} {self.rule}: {self.said}"


class Reader:
    """The third reader. Observations come in the order of their times."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.findings: list[Finding] = []
        self.observations = 0
        self.begun: Counter[str] = Counter()
        """How often each state began that must not last. A reader that meets none has tested nothing."""
        self._lasting: dict[tuple[str, ...], tuple[float, float, str]] = {}
        """For each state that must not last: since when it is wrong, how long it may be, and the sentence."""
        self._told: set[tuple[str, ...]] = set()
        """Lasting states that have been told, until they end."""

    def see(self, seen: Seen) -> None:
        """Take the next observation."""
        if seen.at > self.scene.now:
            self._look()
            self._let_pass(seen.at)
        self.observations += 1
        for invariant in MOMENTS:
            for said in invariant(self.scene, seen):
                self.findings.append(Finding(seen.at, invariant.__name__, said))
        self.scene.apply(seen)

    def pass_time(self, until: float) -> None:
        """Let time pass without an observation."""
        if until > self.scene.now:
            self._look()
            self._let_pass(until)
            self.scene.now = until

    def _look(self) -> None:
        """Look at everything once nothing more happens at this moment."""
        now, scene, before = self.scene.now, self.scene, self._lasting
        found: dict[tuple[str, ...], tuple[float, float, str]] = {}
        for invariant in STANDING:
            for one in invariant(scene):
                key = (invariant.__name__, *one.key)
                since = before[key][0] if key in before else now
                self.begun[invariant.__name__] += key not in before
                found[key] = max(since, one.wrong_from), one.grace_s, one.said
        self._lasting = found
        if self._told:
            self._told &= found.keys()

    def _let_pass(self, until: float) -> None:
        for key, (since, grace_s, said) in self._lasting.items():
            if until - since > grace_s and key not in self._told:
                self._told.add(key)
                self.findings.append(Finding(since + grace_s, key[0], said))


def read(day: Iterable[Seen], more_s: float = 0.0) -> list[Finding]:
    """Return the findings of a day, whose last state lasts for `more_s`."""
    reader = Reader()
    for seen in day:
        reader.see(seen)
    reader.pass_time(reader.scene.now + more_s)
    return reader.findings
