"""Count calls that came to no agent's queue: refused before the answer, or while the line or a service was closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Integer

from metrics.reports.fact_query import Field, read_facts
from metrics.reports.period import Period
from routing.core.model.centre_model import Trigger
from routing.store.reader import Query

FIELDS = (Field("reason"), Field("calls", Integer), Field("form"), Field("trigger"))
"""Fields of `CallsRefusedRecorded`, and the trigger of `WayOutOffered`."""


class UnqueuedRow(NamedTuple):
    """A count with its reason."""

    reason: str
    """`closed_line`, `closed_service`, or a reason of `refused_calls`."""
    calls: int
    form: str = ""
    """Form of the called number, of an unknown number."""


class UnqueuedCalls:
    """Sums of a period."""

    def __init__(self) -> None:
        self.closed_line = 0
        """Calls that came to the menu entry of the closed line."""
        self.closed_service = 0
        """Contacts of a closed service, which were led out of its queue. They are offered contacts too."""
        self._refused: Counter[tuple[str, str]] = Counter()

    @property
    def closed(self) -> int:
        """Calls in closed hours."""
        return self.closed_line + self.closed_service

    def count_refused(self, reason: str | None = None) -> int:
        """Return the calls refused before the answer, for one reason or for all."""
        return sum(calls for (why, _), calls in self._refused.items() if reason in (None, why))

    def list_rows(self) -> Iterator[UnqueuedRow]:
        """Yield the counts that are not 0, the most frequent refusals first."""
        for name, calls in (("closed_line", self.closed_line), ("closed_service", self.closed_service)):
            if calls:
                yield UnqueuedRow(name, calls)
        for (reason, form), calls in sorted(self._refused.items(), key=lambda one: (-one[1], one[0])):
            yield UnqueuedRow(reason, calls, form)

    def read_refused(self, ask: Query, period: Period) -> None:
        """Add the refused calls of a period, and the contacts of closed services."""
        for _, at, kind, reason, calls, form, trigger in read_facts(
                ask, ("CallsRefusedRecorded", "WayOutOffered"), FIELDS, period.start, period.end):
            if not period.contains_time(at):
                continue
            if kind == "CallsRefusedRecorded":
                self._refused[reason, form or ""] += calls
            elif trigger == Trigger.CLOSED:
                self.closed_service += 1
