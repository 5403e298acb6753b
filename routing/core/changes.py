"""Changes of one record that may matter to other records.

Modules below the handlers change one contact, one offer or one agent. They decide nothing about others: they append one
of these values to `Domain.changes`, and `reactions` handles the list once, after the handler and before the assignment.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from routing.core.ids import ServiceId
from routing.core.records import AgentRecord, Contact

CallerName: TypeAlias = tuple[str, ServiceId]
"""Keyed hash of a number and a service: by this a caller is recognised in a later call."""


class PlaceChanged(NamedTuple):
    """A contact entered a queue, left one or ended. Callbacks of the same caller may have to wait, or go on."""

    contact: Contact


class AvailabilityChanged(NamedTuple):
    """The state or seat of an agent changed. Contacts that wait in person for this agent may have to look elsewhere."""

    record: AgentRecord


class CallerServed(NamedTuple):
    """A caller was served in a talk. Earlier callbacks of the same caller are not needed any more."""

    names: tuple[CallerName, ...]
    """All names of the caller at the end of the talk; the contact may be anonymous or deleted later in the turn."""
    queued_at: float
    """Time of the caller's own queue entry."""


class CallLost(NamedTuple):
    """The network ended the call of a contact. A caller who has agreed to a follow-up call gets one."""

    contact: Contact
    at: float
    """Time of the loss, Unix seconds."""


Change: TypeAlias = PlaceChanged | AvailabilityChanged | CallerServed | CallLost
