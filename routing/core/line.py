"""A line: things in order, with the head, the rank of one, insertion and removal, none of them a walk over the whole.

Blocks of sorted entries, the way of the sorted-list recipe by blocks: an entry's block is found by bisection over the
last entries of the blocks. The head is at hand, an entry in order goes to the end at once. A rank adds the lengths of
the blocks before (200 additions at 100,000 entries).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from operator import itemgetter
from typing import Generic, TypeVar

T = TypeVar("T", bound=tuple[object, ...])

LineKey = tuple[float, int]
"""(virtual start, number): the order between contacts; (idle since, index): the order between agents."""

BLOCK = 512
"""Entries of a full block: a removal moves at most 4 KB of pointers, and 100,000 entries are only 200-400 blocks."""

_last = itemgetter(-1)


class Line(Generic[T]):
    """Entries must be distinct. An entry's first items decide the order, so they must never be equal and incomparable
    after that: use (key, number)."""

    __slots__ = ("_blocks", "size")

    def __init__(self) -> None:
        self._blocks: list[list[T]] = [[]]
        """Never none, and none is empty but the only one."""
        self.size = 0
        """How many; a field beside `len`, because it is asked with every event."""

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[T]:
        for block in self._blocks:
            yield from block

    def head(self) -> T:
        """The first entry. IndexError when there is none."""
        return self._blocks[0][0]

    def add(self, entry: T) -> None:
        """Put an entry into its place."""
        blocks = self._blocks
        block = blocks[-1]
        self.size += 1
        if not block or block[-1] < entry:  # at the end, as nearly always
            if len(block) < BLOCK:
                block.append(entry)
            else:
                blocks.append([entry])
            return
        at = self._block(entry)
        block = blocks[at]
        insort(block, entry)
        if len(block) > BLOCK:
            blocks.insert(at + 1, block[BLOCK // 2:])
            del block[BLOCK // 2:]

    def remove(self, entry: T) -> None:
        """Take an entry out. ValueError when it is not there."""
        blocks = self._blocks
        block = blocks[0]
        at = place = 0
        if not block or block[0] != entry:  # nearly always it is the head
            at = self._block(entry)
            block = blocks[at]
            place = bisect_left(block, entry)
            if place == len(block) or block[place] != entry:
                raise ValueError(f"not in the line: {entry!r}")
        del block[place]
        self.size -= 1
        if not block and len(blocks) > 1:
            del blocks[at]

    def pop(self) -> T | None:
        """Take the head out; gives who is the head then. IndexError when there is none."""
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
        """How many stand before it: 0 for the head. The entry need not be in the line."""
        blocks = self._blocks
        block = blocks[-1]
        if not block or block[-1] < entry:
            return self.size
        at = self._block(entry)
        return sum(map(len, blocks[:at])) + bisect_left(blocks[at], entry)

    def _block(self, entry: T) -> int:
        """Which block an entry is in or belongs into."""
        last = len(self._blocks) - 1
        return last and bisect_left(self._blocks, entry, hi=last, key=_last)
