"""Replay a journal and check that the engine decides the same, bit for bit (`santral replay`).

Each fact of the journal is compared with the fact of the replay, in stored form. The first difference is reported with
its fields. On request one decision is explained, with a reason for each agent who was not chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import zip_longest
from typing import NamedTuple, Protocol

from routing.core.engine import Engine
from routing.core.events import Event
from routing.core.explain import Exclusion
from routing.core.journal import stored_form
from routing.core.model.errors import RoutingError, SnapshotError
from routing.core.model.facts import Fact, Offered
from routing.core.model.ids import OfferId
from routing.core.stored import Started

PROGRESS_EVERY = 1_000
"""Number of entries between two reports of progress."""


class JournalEntry(Protocol):
    """One entry of a journal: an event and its time."""

    @property
    def seq(self) -> int:
        """Sequence number of the entry."""
        ...

    @property
    def at(self) -> float:
        """Time in Unix seconds."""
        ...

    @property
    def event(self) -> Event | None:
        """The event, or None for a tick of the clock."""
        ...


class EventJournal(Protocol):
    """Events and facts of a node. Each method reads from the beginning and may raise PlanningError."""

    def read_entries(self) -> Iterator[JournalEntry]:
        """Yield the events that the engine got, in order."""
        ...

    def read_facts(self) -> Iterator[Fact]:
        """Yield the facts, in order."""
        ...

    def count_entries(self) -> int:
        """Return the number of entries."""
        ...


OpenJournal = Callable[[str], AbstractContextManager[EventJournal]]
"""Open the journal of a node's state, or raise PlanningError if there is none. `santral` supplies the function."""


class ReplayDifference(NamedTuple):
    """The first difference between record and replay."""

    entry: int
    """Number of the last entry that was replayed."""
    event_type: str
    """Name of the event of that entry."""
    at: float
    recorded: Fact | None
    """The recorded fact, or None if the replay made one fact too many."""
    replayed: Fact | None
    """The replayed fact, or None if the replay did not make it."""

    def describe_difference(self) -> list[str]:
        """Return the difference line by line, with names and values of the fields. Facts hold no caller's number."""
        one, other = self.recorded, self.replayed
        head = f"entry {self.entry} ({self.event_type}) at {self.at:.6f}"
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


class ReplayVerdict(NamedTuple):
    """The result of a replay."""

    entries: int
    facts: int
    decisions: int
    """Number of offers among the equal facts."""
    starts: int
    """Number of starts of a node in the record, without the states of nights."""
    difference: ReplayDifference | None
    """The first difference, or None if all facts are the same, bit for bit."""
    explained: tuple[Exclusion, ...] = ()
    """Exclusions of the requested offer."""
    offered: Offered | None = None
    """Decision record of the requested offer."""


class _LastEntry(NamedTuple):
    seq: int
    kind: str
    at: float


def replay_journal(entries: Iterable[JournalEntry], facts: Iterable[Fact], *, offer: OfferId | None = None,
           progress: Callable[[int], None] | None = None) -> ReplayVerdict:
    """Replay all entries on a new engine and stop at the first difference.

    `offer` names a decision to explain. `progress` gets the number of finished entries now and then.
    """
    told = _Replayer(entries, offer, progress)
    agreed = decisions = 0
    offered: Offered | None = None
    for recorded, replayed in zip_longest(facts, told.replay_facts()):
        # Compare the stored form: it is what another node or release would read.
        if recorded is None or replayed is None or stored_form(recorded) != stored_form(replayed):
            last = told.last
            return ReplayVerdict(
                told.count, agreed, decisions, told.starts,
                ReplayDifference(last.seq, last.kind, last.at, recorded, replayed), tuple(told.explained), offered)
        agreed += 1
        if isinstance(recorded, Offered):
            decisions += 1
            offered = recorded if recorded.offer == offer else offered
    return ReplayVerdict(told.count, agreed, decisions, told.starts, None, tuple(told.explained), offered)


class _Replayer:
    """Replay entries one by one and yield their facts."""

    def __init__(self, entries: Iterable[JournalEntry], offer: OfferId | None,
            progress: Callable[[int], None] | None) -> None:
        self._entries, self._offer, self._progress = entries, offer, progress
        self.count = self.starts = 0
        self.last = _LastEntry(0, "nothing", 0.0)
        self.explained: list[Exclusion] = []

    def replay_facts(self) -> Iterator[Fact]:
        """Yield the facts in order, as the engine makes them."""
        engine = self._new_engine()
        for entry in self._entries:
            # A node starts with an empty engine, so each start in the journal does the same. The state of a night
            # builds the same engine again.
            if isinstance(entry.event, Started):
                engine, self.starts = self._new_engine(), self.starts + (not entry.event.state)
            self.last = _LastEntry(entry.seq, "tick" if entry.event is None else type(entry.event).__name__, entry.at)
            self.count += 1
            try:
                if entry.event is None:
                    engine.tick(entry.at)
                else:
                    engine.handle(entry.event, entry.at)
            except SnapshotError:
                raise
            except RoutingError:
                # The event was refused when it was recorded and changed nothing. Now it changes nothing either.
                pass
            yield from engine.take_facts()
            if self._progress is not None and self.count % PROGRESS_EVERY == 0:
                self._progress(self.count)

    def _new_engine(self) -> Engine:
        engine = Engine()
        if self._offer is not None:
            engine.explain_offers(self._keep_exclusions, (self._offer,))
        return engine

    def _keep_exclusions(self, _offer: OfferId, exclusions: list[Exclusion]) -> None:
        self.explained = exclusions
