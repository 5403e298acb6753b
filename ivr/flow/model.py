"""The menu of a centre as frozen values. `load.py` makes them from a document, `machine.py` walks through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

HUMAN_KEY = "0"
"""The human agent in every menu, never anything else (rule I1)."""
REPEAT_KEY = "#"
SLOW_KEY = "*"
BACK_KEY = "9"
RESERVED = (REPEAT_KEY, SLOW_KEY, BACK_KEY)
"""The same everywhere, never an option (rule I7)."""
OPTION_KEYS = "012345678"

GOOD_OPTIONS = 4
"""Options beside 0 that people can keep in mind (rule I3); one more is a warning, two more an error."""
MAX_OPTIONS = 5
MAX_DEPTH = 2
"""Menus one behind the other (rule I15)."""


class Speech(NamedTuple):
    """Something is said, then the next node."""

    name: str
    say: tuple[str, ...]
    then: str


class Option(NamedTuple):
    """One key of a menu."""

    key: str
    say: str
    confirm: str
    then: str


class Menu(NamedTuple):
    """A question answered by a key."""

    name: str
    options: tuple[Option, ...]
    after_failures: str
    intro: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()


class Queue(NamedTuple):
    """The end of the dialogue: the caller waits for `service`."""

    name: str
    service: str
    priority: int = 0
    """Points added to the service's own; a point counts as one minute of waiting."""
    say: tuple[str, ...] = ()


class End(NamedTuple):
    """The end of the call: these sentences, then good-bye."""

    name: str
    say: tuple[str, ...]


Node = Speech | Menu | Queue | End


class Flow(NamedTuple):
    """A whole menu: checked, every name leads somewhere."""

    entries: Mapping[str, str]
    human: str
    nodes: Mapping[str, Node]

    def queue(self, name: str) -> Queue:
        """The queue node of that name."""
        node = self.nodes[name]
        assert isinstance(node, Queue)
        return node

    def prompts(self) -> frozenset[str]:
        """Every prompt key of the file."""
        found: set[str] = set()
        for node in self.nodes.values():
            match node:
                case Speech() | Queue() | End():
                    found.update(node.say)
                case Menu():
                    found.update(node.intro, node.closing)
                    for option in node.options:
                        found.update((option.say, option.confirm))
        return frozenset(found)
