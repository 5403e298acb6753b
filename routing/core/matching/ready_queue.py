"""Keep the ready agents of one level in order, the longest idle first.

Nearly every agent becomes ready now, later than all who already are. Such agents go to the end of an `OrderedDict`.
It gives its first key, and deletes any key, in constant time. A plain dict does not: it searches its first key over
all keys that were deleted before it.

An agent may also return to an earlier place, for example when the caller hung up while the phone rang. Such agents are
in a sorted queue, and iteration merges the two.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from heapq import merge
from typing import Generic

from routing.core.matching.protocols import A
from routing.core.matching.sorted_queue import LineKey, SortedQueue


class ReadyQueue(Generic[A]):
    """Agents in the order of (idle since, index), or of another key. Each agent is in it at most once."""

    __slots__ = ("in_order", "out_of_order")

    def __init__(self) -> None:
        self.in_order: OrderedDict[A, LineKey] = OrderedDict()
        """Agents who came later than all who were here then. The order is sorted because no other agent is let in."""
        self.out_of_order: SortedQueue[tuple[float, int, A]] = SortedQueue()

    def __bool__(self) -> bool:
        return bool(self.in_order) or self.out_of_order.size > 0

    def __iter__(self) -> Iterator[A]:
        if not self.out_of_order.size:
            return iter(self.in_order)
        prompt = ((*key, record) for record, key in self.in_order.items())
        return (entry[2] for entry in merge(prompt, self.out_of_order))

    def add(self, record: A, key: LineKey) -> None:
        """Put an agent at the place of `key`."""
        # Only the last key decides: keys in `out_of_order` are merged by iteration.
        prompt = self.in_order
        if not prompt or key > next(reversed(prompt.values())):
            prompt[record] = key
        else:
            self.out_of_order.add((*key, record))

    def remove(self, record: A, key: LineKey) -> None:
        """Take an agent out.

        `key` is the one that the agent was added with. Raise ValueError if the agent is not here.
        """
        # An agent who is not in `in_order` has returned to an earlier place.
        if self.in_order.pop(record, None) is None:
            self.out_of_order.remove((*key, record))
