"""Who spoke with whom last: the memory behind preferred agents. Callers are keyed hashes, opaque to the engine."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from routing.core.ids import AgentId
from routing.core.stored import Spoke

if TYPE_CHECKING:
    from routing.core.domain import Domain
    from routing.core.records import AgentRecord, Contact

KNOWN_MAX = 200_000
"""Callers remembered, those of the oldest talks forgotten first: a month of a centre of 180 agents has about 500,000
talks, most by people who call once; at some 250 bytes each this is 50 MB at most."""


class Known:
    """The last talk of each caller, at most `KNOWN_MAX` of them."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: OrderedDict[str, tuple[AgentId, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._last)

    def note(self, caller_hash: str, agent: AgentId, at: float) -> None:
        """This agent speaks with this caller now."""
        last = self._last
        last[caller_hash] = (agent, at)
        last.move_to_end(caller_hash)
        if len(last) > KNOWN_MAX:
            last.popitem(last=False)

    def restore(self, rows: Iterable[Spoke]) -> None:
        """Fill it after a restart; the rows may come in any order."""
        for row in sorted(rows, key=lambda one: one.at):
            self.note(row.caller_hash, row.agent, row.at)

    def forget(self, caller_hash: str) -> None:
        """Nobody has spoken with this caller."""
        self._last.pop(caller_hash, None)

    def last(self, caller_hash: str) -> tuple[AgentId, float] | None:
        """Who spoke with this caller last, and when; None: nobody that is remembered."""
        return self._last.get(caller_hash)


def spoke(d: Domain, contact: Contact, record: AgentRecord) -> None:
    """Remember who speaks with this caller now. Nothing of anonymous services."""
    if contact.caller_hash and not contact.service.anonymous:
        d.known.note(contact.caller_hash, record.id, d.now)
