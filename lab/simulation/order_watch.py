"""Watch each turn that the database keeps: nobody is overtaken, no place is lost, and each contact ends once.

Each agent of the simulated centre serves both services. So the contact that is offered has waited longest, and a caller
in distress comes before all others, whichever node decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence

from lab.simulation.history import History
from routing.core.model.centre_model import ContactState
from routing.core.model.facts import Ended, Fact, Offered
from routing.core.model.ids import ContactId, ServiceId
from routing.core.model.reasons import FOUND
from routing.core.records import Contact
from routing.core.stored import Change, Row

ROUNDED_S = 0.01
"""The dialplan keeps the start of a wait in milliseconds."""


class OrderWatch:
    """The order of the contacts in the rows `contacts`, and their ends."""

    def __init__(self, history: History, contacts: Mapping[ContactId, Row], distress: Container[ServiceId]) -> None:
        self._history, self._contacts, self._distress = history, contacts, distress
        self._since: dict[ContactId, float] = {}
        self.ends: Counter[ContactId] = Counter()
        """Ends of each contact in the facts."""

    def watch_turn(self, facts: Sequence[Fact], changes: Sequence[Change]) -> None:
        """Look at a turn that was just kept."""
        # 1. The start of a wait decides the place. It stays, whichever node has the contact.
        changed = {change.row.contact: change.row for change in changes if change.kind is Contact}
        for contact, row in changed.items():
            since = self._since.setdefault(contact, row.since)
            if abs(row.since - since) > ROUNDED_S and not self._history.clock_moved:
                self._history.blame("I1", f"{contact} has lost the place: waits since {row.since:.3f}, not {since:.3f}")
        # 2. Nobody is offered before somebody who has waited longer. A contact that changed in the same turn may have
        #    come to the line after the offer.
        for fact in facts:
            if isinstance(fact, Ended):
                self.ends[fact.contact] += 1
            elif isinstance(fact, Offered) and fact.strategy != FOUND and not self._history.clock_moved:
                own = self._contacts[fact.contact]
                for other in self._contacts.values():
                    if other.contact not in changed and _may_be_offered(other, fact.at) \
                            and self._place(other) < self._place(own):
                        self._history.blame(
                            "I1", f"{fact.contact} was offered before {other.contact}, who has waited longer")

    def check_end(self) -> None:
        """Check that each caller is recorded once, and nobody else."""
        for contact, row in self._contacts.items():
            if contact not in self._history.callers:
                self._history.blame("I3", f"{contact} is recorded, and has never called")
            elif self.ends[contact] != (row.outcome is not None):
                self._history.blame("I3", f"{contact} has ended {self.ends[contact]} times")

    def _place(self, row: Row) -> tuple[bool, float]:
        return row.service not in self._distress, row.since


def _may_be_offered(row: Row, at: float) -> bool:
    return row.state is ContactState.PENDING and row.not_before <= at and row.shown and not row.in_menu
