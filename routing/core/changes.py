"""Describe changes of one record that may matter to other records.

Modules below the handlers change one contact, one offer or one agent, and decide nothing about others. They append one
of these values to `Domain.changes`. The `reactions` stage handles the list after the handler and before the assignment.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from routing.core.model.ids import ServiceId
from routing.core.records import AgentRecord, Contact

CallerName: TypeAlias = tuple[str, ServiceId]
"""Keyed hash of a number, and a service. The pair recognises a caller in a later call."""


class PlaceChanged(NamedTuple):
    """A contact entered a queue, left a queue or ended. Callbacks of the same caller may have to wait or may
    continue."""

    contact: Contact


class AvailabilityChanged(NamedTuple):
    """The state or seat of an agent changed. Contacts that wait for this agent may have to be offered to others."""

    record: AgentRecord


class CallerServed(NamedTuple):
    """A caller was served in a talk. Earlier callbacks of the same caller are no longer needed."""

    names: tuple[CallerName, ...]
    """All names of the caller at the end of the talk. The contact may be anonymised or deleted later in the turn."""
    queued_at: float
    """Time at which the call of the talk entered the queue, Unix seconds."""


class CallLost(NamedTuple):
    """The network ended the call of a contact. A caller who has agreed to a follow-up call gets one."""

    contact: Contact
    at: float
    """Time of the loss, Unix seconds."""


Change: TypeAlias = PlaceChanged | AvailabilityChanged | CallerServed | CallLost
