"""Keep the deadlines of the engine in a heap. A moved or cancelled deadline stays in the heap until it is met and
skipped.

Each deadline has a key, e.g. ("ring", 17). Setting a key again moves its deadline.

Deadlines of the same moment have an order, so that a replay goes the same way:

1. deadlines of phones
2. deadlines of offers, because a phone that never rang must be known before its agent's break begins
3. deadlines of agents
4. deadlines of contacts, by their place: of two contacts the first to arrive gets the room

Of two offers the earlier one comes first. A lost link sets its deadlines again and a restart sets all, so the order of
setting says nothing about offers. It decides for phones and for agents.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

Key = tuple[str, str | int]

TURN_SPAN = 1 << 48
"""Distance between the groups. It is greater than the number of deadlines, or turns of offers, that ever are."""
PHONES, OFFERS, AGENTS, PLACED = 0, TURN_SPAN, 2 * TURN_SPAN, 3 * TURN_SPAN
GROUP_OF = {
    **dict.fromkeys(("phone_settle", "seat_retry", "link"), PHONES),
    **dict.fromkeys(("detached_wrapup", "sign_out", "auto_return", "break", "guard", "rest", "load_recheck", "limit",
                     "override", "decline", "dial_look", "messages"), AGENTS)}
"""Group of each kind of deadline that has no place and is of no offer."""
OFFER_KINDS = {kind: OFFERS + turn for turn, kind in enumerate((
    "vanish", "ring", "pre_connect", "dial", "consult", "wrapup"))}
"""Turn of each kind among the deadlines of one offer. A phone that never rang is known before it has rung out."""
OFFER_TURNS = 8
"""Turns of one offer. It is at least the number of kinds."""
STALE_SHARE = 2
"""The heap is rebuilt when it has this many times more entries than there were live deadlines at the last rebuild.
Memory then follows the live ones."""
STALE_FLOOR = 64
"""Size up to which a rebuild would cost more than the stale entries."""


class Timers:
    """Deadlines by key, in Unix seconds of the engine's clock."""

    __slots__ = ("_at", "_count", "_full", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._at: dict[Key, tuple[float, int, Key]] = {}
        self._count = 0
        self._full = STALE_FLOOR
        """Size of the heap above which it is rebuilt."""

    def __len__(self) -> int:
        return len(self._at)

    def set_deadline(self, key: Key, at: float, place: int | None = None) -> None:
        """Set or move the deadline of a key to `at`. `place` orders contacts with a deadline of the same moment."""
        kind, name = key
        if place is not None:
            turn = PLACED + place
        elif isinstance(name, int):
            turn = OFFER_KINDS[kind] + name * OFFER_TURNS
        else:
            self._count = turn = self._count + 1
            turn += GROUP_OF[kind]
        # The old entry stays in the heap. Only the entry that `_at` holds is live.
        heap, live = self._heap, self._at
        live[key] = entry = (at, turn, key)
        heappush(heap, entry)
        if len(heap) > self._full:
            # Without a rebuild, deadlines that are moved often would fill the memory.
            self._heap = list(live.values())
            heapify(self._heap)
            self._full = max(STALE_FLOOR, STALE_SHARE * len(live))

    def cancel_deadline(self, key: Key) -> None:
        """Cancel the deadline of a key. Do nothing if the key has none."""
        self._at.pop(key, None)

    def deadline_of(self, key: Key) -> float | None:
        """Return the deadline of a key, or None if the key has none."""
        entry = self._at.get(key)
        return None if entry is None else entry[0]

    def next_deadline(self) -> float | None:
        """Return the earliest deadline, or None if there is none."""
        heap = self._heap
        # Drop stale entries. Identity matters: the same key may have a newer entry with the same time.
        while heap and self._at.get(heap[0][2]) is not heap[0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: float) -> Key | None:
        """Remove and return the first key that is due, or None if no key is due."""
        due = self.next_deadline()
        if due is None or due > now:
            return None
        key = heappop(self._heap)[2]
        del self._at[key]
        return key
