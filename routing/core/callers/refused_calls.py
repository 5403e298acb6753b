"""Note calls that were refused before the answer, which were never contacts.

A flood of refused calls must not fill the store, so the event is a sum: the sender counts a minute.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.events import CallsRefused
from routing.core.model.errors import OutOfRange

UNKNOWN_NUMBER, NO_LINE = "unknown_number", "no_line"
REASONS = (UNKNOWN_NUMBER, NO_LINE)
"""Why a call was refused: the called number is not the centre's, or the class of the call had no free line."""

FORM_MAX = 16
"""Longest form of a number. A form is a word and two digits, so a longer text could be a number."""


def on_calls_refused(d: Domain, event: CallsRefused) -> None:
    """Emit the sum. Raise OutOfRange if the event has values that no count can have."""
    if event.reason not in REASONS or event.calls < 1 or len(event.form) > FORM_MAX:
        raise OutOfRange(f"refused calls: {event.reason[:FORM_MAX]}, {event.calls} calls, {len(event.form)} characters")
    emit.calls_refused(d, reason=event.reason, calls=event.calls, form=event.form)
