"""The journal of a recorded engine, as `santral why` reads one from a store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from planning.journal.recording_engine import RecordingEngine
from routing.core.events import Event
from routing.core.model import facts as f
from routing.core.model.centre_model import Outcome
from routing.core.model.facts import Fact, MenuEndedRecorded
from routing.core.model.ids import AgentId, ContactId, ServiceId
from routing.core.model.talk_facts import Connected
from routing.core.stored import Started


class Entry(NamedTuple):
    seq: int
    at: float
    event: Event | None


class Row(NamedTuple):
    contact: ContactId
    service: ServiceId
    since: float
    queued_at: float
    caller_hash: str
    agent: AgentId | None = None
    outcome: Outcome | None = None
    changed_at: float = 0.0

    @property
    def name(self) -> ContactId:
        return ContactId(self.contact.partition("~")[0])


class Archive:
    """Entries and facts of one engine from its start on, or of several, one after the other."""

    def __init__(self, entries: Iterable[tuple[float, Event | None]], facts: Iterable[Fact]) -> None:
        self._entries = [Entry(seq, *one) for seq, one in enumerate(entries, 1)]
        self._facts = list(facts)
        self.rows: dict[ContactId, Row] = {}
        for fact in self._facts:
            self._note(fact)

    @classmethod
    def of(cls, *heard: RecordingEngine) -> Archive:
        """Of engines that were listened to."""
        return cls([one for each in heard for one in each.entries], [one for each in heard for one in each.happened])

    def _note(self, fact: Fact) -> None:
        if isinstance(fact, f.Queued):
            if fact.contact in self.rows:
                old = self.rows.pop(fact.contact)
                self.rows[ContactId(f"{old.contact}~{fact.seq}")] = old._replace(
                    contact=ContactId(f"{old.contact}~{fact.seq}"))
            self.rows[fact.contact] = Row(fact.contact, fact.service, fact.since, fact.at, fact.caller_hash)
        elif isinstance(fact, Connected):
            self.rows[fact.contact] = self.rows[fact.contact]._replace(agent=fact.agent)
        elif isinstance(fact, f.Ended):
            self.rows[fact.contact] = self.rows[fact.contact]._replace(outcome=fact.outcome, changed_at=fact.at)

    @property
    def last(self) -> int:
        return len(self._entries)

    def read_entries(self) -> Iterator[Entry]:
        return iter(self._entries)

    def read_facts(self) -> Iterator[Fact]:
        return iter(self._facts)

    def count_entries(self) -> int:
        return len(self._entries)

    def find_contacts(self, beginning: str, limit: int) -> Sequence[Row]:
        if ContactId(beginning) in self.rows:
            return [self.rows[ContactId(beginning)]]
        return [row for name, row in self.rows.items() if name.startswith(beginning)][:limit]

    def find_longest(self, start: float, end: float) -> Row | None:
        waits = {fact.contact: fact.wait_s for fact in self._facts if isinstance(fact, f.Ended)}
        return max((row for row in self.rows.values() if start <= row.queued_at < end and row.contact in waits),
                   key=lambda row: waits[row.contact], default=None)

    def contacts_of_caller(self, caller_hash: str, before: float) -> Sequence[Row]:
        return sorted((row for row in self.rows.values() if row.caller_hash == caller_hash and row.queued_at < before),
                      key=lambda row: -row.queued_at)

    def facts_of(self, row: Row) -> Sequence[Fact]:
        return [fact for fact in self._facts if getattr(fact, "contact", None) == row.name]

    def find_menu_paths(self, beginning: str) -> Sequence[MenuEndedRecorded]:
        return [fact for fact in self._facts if isinstance(fact, MenuEndedRecorded)
            and fact.contact.startswith(beginning)]

    def entries_for(self, fact: int) -> Iterator[Entry]:
        starts = [entry.seq for entry in self._entries
                  if isinstance(entry.event, Started) and entry.event.next_fact <= fact]
        return iter(self._entries[starts[-1] - 1:] if starts else self._entries)
