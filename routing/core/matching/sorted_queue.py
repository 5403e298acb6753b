"""Keep a sorted sequence whose head, ranks, insertion and removal never walk over the whole.

The entries are in sorted blocks, as in the sorted-list recipe. Bisection over the last entries of the blocks finds the
block of an entry. The head is at hand, and an entry in order goes to the end at once. A rank adds the lengths of the
blocks before it (200 additions at 100,000 entries).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T", bound=tuple[object, ...])

LineKey = tuple[float, int]
"""Order between contacts: (virtual start, number). Order between agents: (idle since, index)."""

BLOCK = 512
"""Entries of a full block. A removal moves at most 4 KB of pointers, and 100,000 entries make only 200-400 blocks."""

_last = itemgetter(-1)


class SortedQueue(Generic[T]):
    """Distinct entries in order.

    The first items of an entry decide the order, so they must never be equal with incomparable items after them. Use
    (key, number).
    """

    __slots__ = ("_blocks", "size")

    def __init__(self) -> None:
        self._blocks: list[list[T]] = [[]]
        """Sorted blocks. There is at least one, and only the single one may be empty."""
        self.size = 0
        """Number of entries: a field next to `len`, because every event reads it."""

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[T]:
        for block in self._blocks:
            yield from block

    def to_list(self) -> list[T]:
        """Return all entries in order. A list is read three times as fast as the iterator."""
        return [entry for block in self._blocks for entry in block]

    def head(self) -> T:
        """Return the first entry. Raise IndexError if there is none."""
        return self._blocks[0][0]

    def add(self, entry: T) -> None:
        """Put an entry into its place."""
        blocks = self._blocks
        block = blocks[-1]
        self.size += 1
        # Nearly always the entry belongs to the end: no search.
        if not block or block[-1] < entry:
            if len(block) < BLOCK:
                block.append(entry)
            else:
                blocks.append([entry])
            return
        at = self._block_index(entry)
        block = blocks[at]
        insort(block, entry)
        # A full block is split in halves, so that both have room for the next entries.
        if len(block) > BLOCK:
            blocks.insert(at + 1, block[BLOCK // 2:])
            del block[BLOCK // 2:]

    def remove(self, entry: T) -> None:
        """Take an entry out. Raise ValueError if the entry is not here."""
        blocks = self._blocks
        block = blocks[0]
        at = place = 0
        # Nearly always the entry is the head: no search.
        if not block or block[0] != entry:
            at = self._block_index(entry)
            block = blocks[at]
            place = bisect_left(block, entry)
            if place == len(block) or block[place] != entry:
                raise ValueError(f"not in the queue: {entry!r}")
        del block[place]
        self.size -= 1
        # Only a single block may be empty: `head` and `pop` rely on that.
        if not block and len(blocks) > 1:
            del blocks[at]

    def pop(self) -> T | None:
        """Take the first entry out.

        Return the entry that is first then, or None. Raise IndexError if there is none.
        """
        blocks = self._blocks
        block = blocks[0]
        del block[0]
        self.size -= 1
        if block:
            return block[0]
        if len(blocks) > 1:
            del blocks[0]
            return blocks[0][0]
        return None

    def rank(self, entry: T) -> int:
        """Return how many entries come before this one: 0 for the first. The entry need not be in the queue."""
        blocks = self._blocks
        block = blocks[-1]
        if not block or block[-1] < entry:
            return self.size
        at = self._block_index(entry)
        return sum(map(len, blocks[:at])) + bisect_left(blocks[at], entry)

    def _block_index(self, entry: T) -> int:
        """Return the block that has the entry or would have it."""
        # The last block takes everything beyond the others, so it is left out of the search.
        last = len(self._blocks) - 1
        return last and bisect_left(self._blocks, entry, hi=last, key=_last)
