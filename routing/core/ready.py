"""Ready agents of one level, longest idle first.

Nearly everybody becomes ready *now*, later than all who already are: they go to the end of an `OrderedDict`, which
gives its first key and forgets any key in constant time. (A plain dict does not: its first key is searched over all
that were deleted before it.) Who comes back to an older place (the caller hung up while it rang, a rest gap is over)
stands in a sorted line beside it, and the two are read as one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from heapq import merge
from typing import Generic

from routing.core.line import Line, LineKey
from routing.core.matching.protocols import A


class ReadyLine(Generic[A]):
    """In the order of (idle since, index), or of another key. Each agent at most once."""

    __slots__ = ("late", "prompt")

    def __init__(self) -> None:
        self.prompt: OrderedDict[A, LineKey] = OrderedDict()
        """Who came later than everybody who was here then. Sorted, because nobody else is let in."""
        self.late: Line[tuple[float, int, A]] = Line()

    def __bool__(self) -> bool:
        return bool(self.prompt) or self.late.size > 0

    def __iter__(self) -> Iterator[A]:
        if not self.late.size:
            return iter(self.prompt)
        prompt = ((*key, record) for record, key in self.prompt.items())
        return (entry[2] for entry in merge(prompt, self.late))

    def add(self, record: A, key: LineKey) -> None:
        """Put an agent into their place."""
        prompt = self.prompt
        if not prompt or key > next(reversed(prompt.values())):
            prompt[record] = key
        else:
            self.late.add((*key, record))

    def remove(self, record: A, key: LineKey) -> None:
        """Take an agent out. `key` is the one they came with. ValueError when they are not there."""
        if self.prompt.pop(record, None) is None:
            self.late.remove((*key, record))
