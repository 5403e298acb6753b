"""What the store keeps of a contact, an offer, an agent and a talk: what the engine is built from after a restart.

All times are Unix seconds. `restore.py` makes the domain of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from routing.core import ids, model
from routing.core.declare import Stored, fields_of, reader, row_type
from routing.core.ids import ContactId
from routing.core.memory.callers import Abused, OldPlace, Spoke
from routing.core.model import Centre
from routing.core.records import AgentRecord, Contact, Offer


def _rows() -> tuple[Any, Any, Any]:
    names = {**vars(ids), **vars(model)}
    return tuple([  # type: ignore[return-value]
        (kind, fields, row_type(name, fields)) for kind, name in (
            (Contact, "StoredContact"), (Offer, "StoredOffer"), (AgentRecord, "StoredAgent"))
        for fields in [fields_of(kind, names)]])


_contact, _offer, _agent = _rows()

FIELDS: dict[type, tuple[Stored, ...]] = {kind: fields for kind, fields, _ in (_contact, _offer, _agent)}
"""The stored fields of each class of records."""

if TYPE_CHECKING:
    # The declarations of the records make these types: a type checker sees nothing of their fields.
    StoredContact: TypeAlias = Any
    StoredOffer: TypeAlias = Any
    StoredAgent: TypeAlias = Any
else:
    StoredContact, StoredOffer, StoredAgent = _contact[2], _offer[2], _agent[2]

ROWS: dict[type, Any] = {kind: row for kind, _, row in (_contact, _offer, _agent)}
"""The row type of each class of records."""

contact_row = reader(StoredContact, FIELDS[Contact])
offer_row = reader(StoredOffer, FIELDS[Offer])
agent_row = reader(StoredAgent, FIELDS[AgentRecord])
"""Make the row of a record as the record is now."""

KEYS = {kind: next(one.column for one in fields if one.key) for kind, fields in FIELDS.items()}
"""Name of the key in the rows of each class of records."""

ROW_OF: dict[type, Callable[[Any], Any]] = {Contact: contact_row, Offer: offer_row, AgentRecord: agent_row}

Row = Any
"""A `StoredContact`, `StoredOffer` or `StoredAgent`."""


class Change(NamedTuple):
    """A row that a turn adds or changes."""

    kind: type
    """`Contact`, `Offer` or `AgentRecord`."""
    before: int
    """Version of the row until now: the store compares it before it sets. 0: the row is new."""
    groups: int
    """Groups of columns that have changed (`declare`)."""
    at: float
    row: Row


class ChangeLog:
    """Collects the changes of several turns of an engine, to be kept in one commit."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._places: dict[tuple[type, Any], int] = {}

    def add(self, changes: Iterable[Change]) -> None:
        """Take in the changes of a turn: a row that has changed already changes once, from the first to the last."""
        for change in changes:
            name = change.kind, getattr(change.row, KEYS[change.kind])
            place = self._places.get(name)
            if place is None or not change.before:  # an id that comes again begins another row
                self._places[name] = len(self._changes)
                self._changes.append(change)
            else:
                first = self._changes[place]
                self._changes[place] = change._replace(before=first.before, groups=first.groups | change.groups)

    def take(self) -> list[Change]:
        """Return the changes since this was last called, in the order of the rows' first change."""
        found = self._changes
        self._changes, self._places = [], {}
        return found


class Started(NamedTuple):
    """A node starts: everything its engine begins with, as one entry of the journal, so that a replay goes through
    restarts. Handled by a new engine, before any other event."""

    centre: Centre
    contacts: tuple[StoredContact, ...] = ()
    offers: tuple[StoredOffer, ...] = ()
    agents: tuple[StoredAgent, ...] = ()
    over: tuple[ContactId, ...] = ()
    """Contacts that ended lately, so that late news of them is known to be late."""
    spoke: tuple[Spoke, ...] = ()
    """The last talk of each caller, for preferred agents."""
    next_offer: int = 1
    next_fact: int = 1
    places: tuple[OldPlace, ...] = ()
    """Of callers who hung up lately while waiting."""
    abusive: tuple[Abused, ...] = ()
    """Callers of whom an agent has said it."""
