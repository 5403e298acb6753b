"""Remember callers after their contacts are over. Callers are keyed hashes, opaque to the engine.

All of it is in one object. One call then forgets a caller everywhere, and a new memory cannot be left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

from routing.core.memory.bounded import BoundedMemory
from routing.core.model.ids import AgentId, ServiceId
from routing.core.model.privacy import CallerHash


class Spoke(NamedTuple):
    """The last talk of one caller."""

    caller_hash: CallerHash
    agent: AgentId
    at: float
    """Unix seconds."""


class Abused(NamedTuple):
    """The time at which an agent last flagged a caller as abusive."""

    caller_hash: CallerHash
    at: float
    """Unix seconds."""


class OldPlace(NamedTuple):
    """The position of a caller who hung up, or was lost, while waiting."""

    caller_hash: CallerHash
    services: tuple[ServiceId, ...]
    """The service that the caller waited for, and those before it."""
    since: float
    priority: int
    """The caller's points, without those of the service."""
    at: float
    """Time at which the caller was gone, in Unix seconds."""


class CallbackCall(NamedTuple):
    """One dial of a callback's number, or one refusal by its owner."""

    caller_hash: CallerHash
    at: float
    """Unix seconds."""
    refused: bool


LAST_AGENTS_MAX = 200_000
"""Callers whose last agent is remembered. A month of a centre of 180 agents has about 500,000 talks, most by people who
call once. At some 250 bytes each the memory takes 50 MB at most."""

HELD_POSITIONS_MAX = 5_000
"""Positions that are held for callers who may ring again. Half an hour is the longest time of a held position. A
hundred hang-ups a minute for that long are the load of a disaster. At some 200 bytes each the memory takes 1 MB."""

ABUSIVE_CALLERS_MAX = 20_000
"""Abusive callers that are remembered. A month of a full centre has 500,000 talks, and one in a hundred is 5,000. The
limit is therefore four months of them. At some 200 bytes each the memory takes 4 MB."""

CALLED_NUMBERS_MAX = 20_000
"""Numbers whose callbacks of a day are remembered. A centre that calls 10,000 people back in a day is a disaster's. At
some 500 bytes each the memory takes 10 MB."""

RECENT_TALKS_MAX = 5_000
"""Talks that are remembered. A lost call is reported when its link is up again. 200 agents have this many talks in an
hour and a half at four minutes each. At some 200 bytes each the memory takes 1 MB."""


class ServedTalk(NamedTuple):
    """A talk in which a caller was served."""

    caller_hash: CallerHash
    service: ServiceId
    queued_at: float
    """Time at which the call came."""
    at: float
    """Time at which the talk ended."""


class CallerNote(Protocol):
    """A note about a caller. A restart brings the last one of each caller."""

    @property
    def caller_hash(self) -> str:
        """Return the keyed hash of the caller's number."""

    @property
    def at(self) -> float:
        """Return the moment of the note, in Unix seconds."""


N = TypeVar("N", bound=CallerNote)


class CallerMemory:
    """Memories of callers: the last agent, a held position, abuse, recent talks, and dials of callbacks."""

    __slots__ = ("abuse", "callback_calls", "held_positions", "last_agents", "recent_talks")

    def __init__(self) -> None:
        self.last_agents: BoundedMemory[str, Spoke] = BoundedMemory(LAST_AGENTS_MAX)
        """The last talk of each caller, by caller."""
        self.held_positions: BoundedMemory[str, OldPlace] = BoundedMemory(HELD_POSITIONS_MAX)
        """The position of each caller who hung up or was lost while waiting, by caller."""
        self.abuse: BoundedMemory[str, Abused] = BoundedMemory(ABUSIVE_CALLERS_MAX)
        """The time at which an agent last flagged each abusive caller, by caller."""
        self.callback_calls: BoundedMemory[str, tuple[CallbackCall, ...]] = BoundedMemory(CALLED_NUMBERS_MAX)
        """The dials and refusals of callbacks of the last day, oldest first, by number."""
        self.recent_talks: BoundedMemory[ServedTalk, None] = BoundedMemory(RECENT_TALKS_MAX)
        """The last talks of callers whose number is known, the talk itself as key."""

    def restore_notes(self, spoke: Iterable[Spoke], places: Iterable[OldPlace], abusive: Iterable[Abused],
                      calls: Iterable[CallbackCall] = ()) -> None:
        """Fill the memories that a restart keeps. The rows may come in any order."""
        _note_by_age(self.last_agents, spoke)
        _note_by_age(self.held_positions, places)
        _note_by_age(self.abuse, abusive)
        for call in sorted(calls, key=_BY_AGE):
            self.callback_calls.set_value(
                call.caller_hash, (*(self.callback_calls.get(call.caller_hash) or ()), call))

    def forget_caller(self, caller_hash: str) -> None:
        """Forget everything that is remembered of this caller. Looks at every recent talk."""
        for memory in (self.last_agents, self.held_positions, self.abuse, self.callback_calls):
            memory.discard(caller_hash)
        # Recent talks have the talk as key, so only a look at each finds those of one caller.
        for talk in [one for one in self.recent_talks if one.caller_hash == caller_hash]:
            self.recent_talks.discard(talk)


_BY_AGE = attrgetter("at")


def _note_by_age(memory: BoundedMemory[str, N], notes: Iterable[N]) -> None:
    # The oldest first: the newest note of a caller wins, and the limit displaces the oldest ones.
    for note in sorted(notes, key=_BY_AGE):
        memory.set_value(note.caller_hash, note)
