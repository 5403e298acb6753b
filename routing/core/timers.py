"""Deadlines of the engine: a heap in which a moved or cancelled deadline is skipped when it is met.

Each deadline has a key, e.g. ("ring", 17); setting a key again moves it. Of deadlines of the same moment those of
phones come first, then those of offers, then those of agents (a phone that never rang is known to be gone before its
agent's break begins), each in the order in which they were set; after them those that have a place among each other:
where there is room for one of two contacts it is for the one that came first. A replay goes the same way.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

Key = tuple[str, str | int]

TURN = 1 << 48
"""More than deadlines are ever set: each kind has its turn."""
TURNS = {"settle": 0, "again": 0, "vanish": TURN, "ring": TURN, "brief": TURN, "dial": TURN, "consult": TURN,
         "wrap": TURN}
"""Phones and offers; every other kind without a place is an agent's."""
AGENTS, PLACED = 2 * TURN, 3 * TURN
STALE_SHARE = 2
"""The heap is rebuilt when it is this many times larger than what is wanted: memory follows the live deadlines."""
STALE_FLOOR = 64
"""Below this size a rebuild would cost more than the stale entries do."""


class Timers:
    """What is due when. Times are Unix seconds of the engine's clock."""

    __slots__ = ("_at", "_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._at: dict[Key, tuple[float, int, Key]] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._at)

    def set(self, key: Key, at: float, place: int | None = None) -> None:
        """Be due at `at`; an earlier setting of the key is forgotten. `place`: among others of the same moment."""
        if place is None:
            self._count = count = self._count + 1
            count += TURNS.get(key[0], AGENTS)
        else:
            count = PLACED + place
        heap, live = self._heap, self._at
        live[key] = entry = (at, count, key)
        heappush(heap, entry)
        if len(heap) > STALE_FLOOR and len(heap) > STALE_SHARE * len(live):
            self._heap = list(self._at.values())
            heapify(self._heap)

    def cancel(self, key: Key) -> None:
        """Never be due. A key that is not set is fine."""
        self._at.pop(key, None)

    def at(self, key: Key) -> float | None:
        """When the key is due; None: not set."""
        entry = self._at.get(key)
        return None if entry is None else entry[0]

    def next(self) -> float | None:
        """The earliest deadline; None: there is none."""
        heap = self._heap
        while heap and self._at.get(heap[0][2]) is not heap[0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: float) -> Key | None:
        """Take the first key that is due; None: nothing is."""
        due = self.next()
        if due is None or due > now:
            return None
        key = heappop(self._heap)[2]
        del self._at[key]
        return key
