"""Declare what the store keeps of contacts, offers, agents, talks and learned values. A restart reads it.

All times are Unix seconds. `restore.py` makes the domain of these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from routing.core.memory.callers import Abused, CallbackCall, OldPlace, Spoke
from routing.core.memory.waits import LearnedService
from routing.core.model import centre_model, ids, privacy
from routing.core.model.centre_model import Centre
from routing.core.model.declare import Stored, fields_of, reader, row_type
from routing.core.model.ids import ContactId
from routing.core.model.privacy import CallerHash
from routing.core.records import AgentRecord, Contact, Offer


def _rows() -> tuple[Any, Any, Any, Any]:
    # The declarations name their types as texts, so the modules of these types are searched for them.
    names = {**vars(ids), **vars(centre_model), **vars(privacy)}
    return tuple([  # type: ignore[return-value]
        (kind, fields, row_type(name, fields)) for kind, name in (
            (Contact, "StoredContact"), (Offer, "StoredOffer"), (AgentRecord, "StoredAgent"),
            (LearnedService, "StoredLearned"))
        for fields in [fields_of(kind, names)]])


_contact, _offer, _agent, _learned = _rows()

FIELDS: dict[type, tuple[Stored, ...]] = {kind: fields for kind, fields, _ in (_contact, _offer, _agent, _learned)}
"""Stored fields of each class of records."""

if TYPE_CHECKING:
    # `Any`, because the rows are built at run time.
    # The declarations of the records make these types: a type checker sees nothing of their fields.
    StoredContact: TypeAlias = Any
    StoredOffer: TypeAlias = Any
    StoredAgent: TypeAlias = Any
    StoredLearned: TypeAlias = Any
else:
    StoredContact, StoredOffer, StoredAgent, StoredLearned = _contact[2], _offer[2], _agent[2], _learned[2]

ROWS: dict[type, Any] = {kind: row for kind, _, row in (_contact, _offer, _agent, _learned)}
"""Row type of each class of records."""

contact_row = reader(StoredContact, FIELDS[Contact])
offer_row = reader(StoredOffer, FIELDS[Offer])
agent_row = reader(StoredAgent, FIELDS[AgentRecord])
learned_row = reader(StoredLearned, FIELDS[LearnedService])
"""Functions that make the row of a record as it is now."""

KEYS = {kind: next(one.column for one in fields if one.key) for kind, fields in FIELDS.items()}
"""Name of the key in the rows of each class of records."""

ROW_OF: dict[type, Callable[[Any], Any]] = {Contact: contact_row, Offer: offer_row, AgentRecord: agent_row,
                                            LearnedService: learned_row}
"""Function that makes the row, by class of records."""

Row = Any
"""A `StoredContact`, `StoredOffer`, `StoredAgent` or `StoredLearned`."""


class Change(NamedTuple):
    """A row that a turn adds or changes."""

    kind: type
    """`Contact`, `Offer`, `AgentRecord` or `LearnedService`."""
    before: int
    """Version of the row before the change, which the store compares before it writes. 0 for a new row."""
    groups: int
    """Changed groups of columns (`declare`)."""
    at: float
    row: Row


class ChangeLog:
    """Collect the changes of several turns of an engine, for one commit."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._places: dict[tuple[type, Any], int] = {}

    def add(self, changes: Iterable[Change]) -> None:
        """Add the changes of a turn. Several changes of one row become one change, from the first version to the
        last."""
        for change in changes:
            name = change.kind, getattr(change.row, KEYS[change.kind])
            place = self._places.get(name)
            # A new row with a known id is a different row, because ids may be reused after a contact's end.
            if place is None or not change.before:
                self._places[name] = len(self._changes)
                self._changes.append(change)
            else:
                first = self._changes[place]
                self._changes[place] = change._replace(before=first.before, groups=first.groups | change.groups)

    def take(self) -> list[Change]:
        """Return the changes since the last call, in the order of the first change of each row."""
        found = self._changes
        self._changes, self._places = [], {}
        return found


class Started(NamedTuple):
    """A node starts with this state. The event is an entry of the journal, so that a replay passes through restarts.

    A new engine handles it before any other event.
    """

    centre: Centre
    contacts: tuple[StoredContact, ...] = ()
    offers: tuple[StoredOffer, ...] = ()
    agents: tuple[StoredAgent, ...] = ()
    ended_contacts: tuple[ContactId, ...] = ()
    """Contacts that ended recently. Late events about them must change nothing."""
    last_talks: tuple[Spoke, ...] = ()
    """The last talk of each caller, for last-agent routing."""
    next_offer: int = 1
    next_fact: int = 1
    held_positions: tuple[OldPlace, ...] = ()
    """Positions of callers who hung up recently while waiting."""
    abuse_flags: tuple[Abused, ...] = ()
    """Callers whom an agent has flagged as abusive."""
    callback_calls: tuple[CallbackCall, ...] = ()
    """Dials and refusals of callbacks of the last day."""
    learned: tuple[StoredLearned, ...] = ()
    """Learned values of each service, for expected waits and planned breaks."""
    past_offers: tuple[StoredOffer, ...] = ()
    """Recent offers of the contacts that are over, in order. The talk of one may still be found (`found_talk`)."""
    callers: tuple[CallerHash, ...] = ()
    """Callers to whom `state` refers by number."""
    state: str = ""
    """The whole state of a running engine (`snapshot`), from which a replay goes on. Such an entry has no rows, and the
    running engine does not handle it. Empty at the start of a node."""
