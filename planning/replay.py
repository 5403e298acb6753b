"""`santral replay`: does the engine, told the same again, decide the same again, bit for bit?

Every fact of the journal is compared with the one the replay makes, in their stored form. The first that differs is
named with its fields. A decision that was asked for is explained: a reason for every agent who did not get it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import NamedTuple, Protocol

from routing.core.engine import Engine
from routing.core.errors import RoutingError
from routing.core.events import Event
from routing.core.excluded import Exclusion
from routing.core.facts import Fact, Offered
from routing.core.ids import OfferId
from routing.core.journal import encode
from routing.core.stored import Started

PROGRESS_EVERY = 1_000
"""Entries between two signs of life."""


class Input(Protocol):
    """One entry of a journal: what the engine was told."""

    @property
    def seq(self) -> int:
        """Its number."""
        ...

    @property
    def at(self) -> float:
        """Unix seconds."""
        ...

    @property
    def event(self) -> Event | None:
        """None: the clock."""
        ...


class Journal(Protocol):
    """What a node was told and what happened. Reads anew at each call; may raise PlanningError."""

    def entries(self) -> Iterator[Input]:
        """What the engine was told, in order."""
        ...

    def facts(self) -> Iterator[Fact]:
        """What happened, in order."""
        ...

    def length(self) -> int:
        """Entries there are."""
        ...


class Difference(NamedTuple):
    """Where record and replay part."""

    entry: int
    """Number of the entry that was told last."""
    told: str
    """Its kind."""
    at: float
    recorded: Fact | None
    """None: the replay made a fact too many."""
    replayed: Fact | None
    """None: the replay did not make it."""

    def words(self) -> list[str]:
        """What differs, line by line: names of fields and their values, never a caller's number (facts have none)."""
        one, other = self.recorded, self.replayed
        head = f"entry {self.entry} ({self.told}) at {self.at:.6f}"
        if one is None or other is None:
            fact, what = (other, "only in the replay") if one is None else (one, "only in the record")
            assert fact is not None
            return [f"{head}: fact {fact.seq} {type(fact).__name__} is {what}"]
        if type(one) is not type(other):
            return [f"{head}: fact {one.seq} is {type(one).__name__} in the record and {type(other).__name__} in the "
                    "replay"]
        return [f"{head}: fact {one.seq} {type(one).__name__} differs",
                *(f"  {name}: recorded {a!r}, replayed {b!r}"
                  for name, a, b in zip(one._fields, one, other, strict=True) if a != b)]


class Verdict(NamedTuple):
    """What a replay found."""

    entries: int
    facts: int
    decisions: int
    """Offers among the facts that agreed."""
    starts: int
    """Starts of a node in the record."""
    difference: Difference | None
    """None: everything is the same, bit for bit."""
    explained: tuple[Exclusion, ...] = ()
    """Of the offer that was asked for."""
    offered: Offered | None = None
    """Its decision record."""


class _Last(NamedTuple):
    seq: int
    kind: str
    at: float


def replay(entries: Iterable[Input], facts: Iterable[Fact], *, offer: OfferId | None = None,
           progress: Callable[[int], None] | None = None) -> Verdict:
    """Tell a new engine everything again. Stops at the first difference. `offer`: explain this decision; `progress` is
    given how many entries are done, now and then."""
    told = _Telling(entries, offer, progress)
    agreed = decisions = 0
    offered: Offered | None = None
    for recorded, replayed in zip_longest(facts, told.facts()):
        if recorded is None or replayed is None or encode(recorded) != encode(replayed):
            last = told.last
            return Verdict(told.count, agreed, decisions, told.starts,
                           Difference(last.seq, last.kind, last.at, recorded, replayed), tuple(told.explained), offered)
        agreed += 1
        if isinstance(recorded, Offered):
            decisions += 1
            offered = recorded if recorded.offer == offer else offered
    return Verdict(told.count, agreed, decisions, told.starts, None, tuple(told.explained), offered)


class _Telling:
    """Tells the entries one after the other and gives the facts that come."""

    def __init__(self, entries: Iterable[Input], offer: OfferId | None, progress: Callable[[int], None] | None) -> None:
        self._entries, self._offer, self._progress = entries, offer, progress
        self.count = self.starts = 0
        self.last = _Last(0, "nothing", 0.0)
        self.explained: list[Exclusion] = []

    def facts(self) -> Iterator[Fact]:
        """In order, as they come."""
        engine = self._new()
        for entry in self._entries:
            if isinstance(entry.event, Started):
                engine, self.starts = self._new(), self.starts + 1
            self.last = _Last(entry.seq, "tick" if entry.event is None else type(entry.event).__name__, entry.at)
            self.count += 1
            try:
                if entry.event is None:
                    engine.tick(entry.at)
                else:
                    engine.handle(entry.event, entry.at)
            except RoutingError:
                pass  # it changed nothing then, and changes nothing now
            yield from engine.take_facts()
            if self._progress is not None and self.count % PROGRESS_EVERY == 0:
                self._progress(self.count)

    def _new(self) -> Engine:
        engine = Engine()
        if self._offer is not None:
            engine.why(self._look, (self._offer,))
        return engine

    def _look(self, _offer: OfferId, exclusions: list[Exclusion]) -> None:
        self.explained = exclusions
