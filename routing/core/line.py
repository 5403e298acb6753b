"""A line: things in order, with the head, the rank of one, insertion and removal, none of them a walk over the whole.

Blocks of sorted entries, the way of the sorted-list recipe by blocks: an entry's block is found by bisection over the
last entries of the blocks. The head is at hand, an entry in order goes to the end at once. A rank adds the lengths of
the blocks before (200 additions at 100,000 entries).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Ordered(Protocol):
    """What can be compared, e.g. a tuple (time, number)."""

    def __lt__(self, other: object, /) -> bool: ...


T = TypeVar("T", bound=tuple[object, ...])

BLOCK = 512
"""Entries of a full block: a removal moves at most 4 KB of pointers, and 100,000 entries are only 200-400 blocks."""


class Line(Generic[T]):
    """Entries must be distinct. An entry's first items decide the order, so they must never be equal and incomparable
    after that: use (key, number)."""

    __slots__ = ("_blocks", "_lasts", "size")

    def __init__(self) -> None:
        self._blocks: list[list[T]] = []
        self._lasts: list[T] = []
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
        blocks, lasts = self._blocks, self._lasts
        self.size += 1
        if not blocks:
            blocks.append([entry])
            lasts.append(entry)
            return
        if lasts[-1] < entry:
            at = len(blocks) - 1
            blocks[at].append(entry)
            lasts[at] = entry
        else:
            at = bisect_left(lasts, entry)
            insort(blocks[at], entry)
        block = blocks[at]
        if len(block) > BLOCK:
            half = BLOCK // 2 if at < len(blocks) - 1 else BLOCK  # a line that grows at its end keeps full blocks
            blocks.insert(at + 1, block[half:])
            del block[half:]
            lasts.insert(at, block[-1])

    def remove(self, entry: T) -> None:
        """Take an entry out. ValueError when it is not there."""
        blocks = self._blocks
        if blocks and blocks[0][0] == entry:  # the head, as nearly always
            block = blocks[0]
            del block[0]
            self.size -= 1
            if not block:
                del blocks[0], self._lasts[0]
            return
        at = bisect_left(self._lasts, entry)
        if at == len(blocks):
            raise ValueError(f"not in the line: {entry!r}")
        block = blocks[at]
        place = bisect_left(block, entry)
        if place == len(block) or block[place] != entry:
            raise ValueError(f"not in the line: {entry!r}")
        del block[place]
        self.size -= 1
        if not block:
            del blocks[at], self._lasts[at]
        else:
            self._lasts[at] = block[-1]

    def pop(self) -> T | None:
        """Take the head out; gives who is the head then. IndexError when there is none."""
        blocks = self._blocks
        block = blocks[0]
        del block[0]
        self.size -= 1
        if block:
            return block[0]
        del blocks[0], self._lasts[0]
        return blocks[0][0] if blocks else None

    def rank(self, entry: T) -> int:
        """How many stand before it: 0 for the head. The entry need not be in the line."""
        if not self._lasts or self._lasts[-1] < entry:
            return self.size
        if self._lasts and self._lasts[-1] == entry:  # the last one, who has just come
            return self.size - 1
        at = bisect_left(self._lasts, entry)
        before = sum(map(len, self._blocks[:at]))
        return before + (bisect_left(self._blocks[at], entry) if at < len(self._blocks) else 0)
