"""Keep the ready agents of one level in order, the longest idle first.

Nearly every agent becomes ready now, later than all who already are. Such agents go to the end of an `OrderedDict`,
which gives its first key and deletes any key in constant time. A plain dict does not: it searches its first key over
all keys that were deleted before it.

An agent may also return to an earlier place, for example when the caller hung up while the phone rang. Such agents are
in a sorted line, and iteration merges the two.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from heapq import merge
from typing import Generic

from routing.core.line import Line, LineKey
from routing.core.matching.protocols import A


class ReadyLine(Generic[A]):
    """Agents in the order of (idle since, index), or of another key. Each agent is in it at most once."""

    __slots__ = ("late", "prompt")

    def __init__(self) -> None:
        self.prompt: OrderedDict[A, LineKey] = OrderedDict()
        """Agents who came later than all who were here then. The order is sorted because no other agent is let in."""
        self.late: Line[tuple[float, int, A]] = Line()

    def __bool__(self) -> bool:
        return bool(self.prompt) or self.late.size > 0

    def __iter__(self) -> Iterator[A]:
        if not self.late.size:
            return iter(self.prompt)
        prompt = ((*key, record) for record, key in self.prompt.items())
        return (entry[2] for entry in merge(prompt, self.late))

    def add(self, record: A, key: LineKey) -> None:
        """Put an agent at the place of `key`."""
        prompt = self.prompt
        if not prompt or key > next(reversed(prompt.values())):
            prompt[record] = key
        else:
            self.late.add((*key, record))

    def remove(self, record: A, key: LineKey) -> None:
        """Take an agent out. `key` is the one that the agent was added with. Raise ValueError if the agent is not
        here."""
        if self.prompt.pop(record, None) is None:
            self.late.remove((*key, record))
