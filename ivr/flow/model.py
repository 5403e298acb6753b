"""The menu of a centre as frozen values. `load.py` makes them from a document, `machine.py` walks through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prompts import say

HUMAN_KEY = "0"
"""The human agent in every menu, never anything else (rule I1)."""
REPEAT_KEY = "#"
SLOW_KEY = "*"
BACK_KEY = "9"
RESERVED = (REPEAT_KEY, SLOW_KEY, BACK_KEY)
"""The same everywhere, never an option (rule I7)."""
OPTION_KEYS = "012345678"
REFUSE_KEY = "8"
"""In a menu with a recording notice: the caller does not want to be recorded. Never an option there."""
HEARD, REFUSED = "heard", "refused"
"""What became of the notice: said to its end, or refused; empty: neither, and nothing may be recorded."""

GOOD_OPTIONS = 4
"""Options beside 0 that people can keep in mind (rule I3); one more is a warning, two more an error."""
MAX_OPTIONS = 5
MAX_DEPTH = 2
"""Menus one behind the other (rule I15)."""

Needs = tuple[tuple[str, int], ...]
"""Skill and level that the agent must have for this caller, whatever the service asks for."""

Sms = tuple[tuple[str, str], ...]
"""Language -> words of a short message."""

TCKN, PHONE, DATE, NUMBER = "tckn", "telefon", "tarih", "sayi"
CHECKS = {TCKN: (11, 11), PHONE: (10, 11), DATE: (8, 8), NUMBER: (1, 20)}
"""What a caller can be asked to key in -> fewest and most digits. Only `sayi` may say others."""


class Speech(NamedTuple):
    """Something is said, then the next node."""

    name: str
    say: tuple[str, ...]
    then: str
    notice: bool = False
    """It says that the talk may be recorded, and that `REFUSE_KEY` refuses it."""


class Option(NamedTuple):
    """One key of a menu."""

    key: str
    say: str
    confirm: str
    then: str
    needs: Needs = ()


class Menu(NamedTuple):
    """A question answered by a key."""

    name: str
    options: tuple[Option, ...]
    after_failures: str
    intro: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()

    def option(self, key: str) -> Option | None:
        """What a key means there, if anything."""
        return next((option for option in self.options if option.key == key), None)


class Digits(NamedTuple):
    """A question answered by several keys: they are checked, read back, and kept as a keyed hash with the contact."""

    name: str
    field: str
    """What it is, for those who look at the contact later."""
    check: str
    """One of `CHECKS`."""
    least: int
    most: int
    say: tuple[str, ...]
    then: str
    after_failures: str
    boxed: bool = False
    """Kept encrypted too, so that it can be shown; never so for a national id."""


class Language(NamedTuple):
    """From here on another language is spoken."""

    name: str
    language: str
    then: str
    needs: Needs = ()


class Message(NamedTuple):
    """The caller may leave a spoken message for `service`."""

    name: str
    service: str
    max_s: float
    say: tuple[str, ...]
    then: str
    after_failures: str
    """When none could be taken."""
    text: str = ""


class Queue(NamedTuple):
    """The end of the dialogue: the caller waits for `service`."""

    name: str
    service: str
    priority: int = 0
    """Points added to the service's own; a point counts as one minute of waiting."""
    say: tuple[str, ...] = ()
    needs: Needs = ()
    text: str = ""
    """The twin in writing (rule I17): an address of the web, or a prompt that tells where to write."""
    sms: Sms = ()
    """What stands before that address in a short message; empty: none is offered."""
    topics: tuple[str, ...] = ()
    """What these callers want to talk about, which an agent's profile may exclude (`no_topics`)."""


class Transfer(NamedTuple):
    """The call is led to an outside number that santral.toml names; back to `after_failures` when nobody answers."""

    name: str
    to: str
    say: tuple[str, ...]
    after_failures: str
    text: str = ""


class End(NamedTuple):
    """The end of the call: these sentences, then good-bye."""

    name: str
    say: tuple[str, ...]
    text: str = ""
    sms: Sms = ()


Node = Speech | Menu | Digits | Language | Message | Queue | Transfer | End
LEAVES = (Queue, Transfer, End)
"""Nodes with which a dialogue is over."""


def is_address(text: str) -> bool:
    """Whether a text twin is an address of the web; else it is a prompt."""
    return text.startswith("https://")


def leaf_says(node: Queue | Transfer | End | Message) -> tuple[str, ...]:
    """What is said there, the text twin included when it is a sentence."""
    return (*node.say, node.text) if node.text and not is_address(node.text) else node.say


class HumanFirst(NamedTuple):
    """What holds for callers who asked for a person at once (rule I20)."""

    priority: int
    """Points on top of those of the queue they come to."""
    then: str = ""
    """Where they begin unless they would rather have the menu; empty: as everybody."""


class Flow(NamedTuple):
    """A whole menu: checked, every name leads somewhere."""

    entries: Mapping[str, str]
    human: str
    nodes: Mapping[str, Node]
    human_first: HumanFirst | None = None

    def queue(self, name: str) -> Queue:
        """The queue node of that name."""
        node = self.nodes[name]
        assert isinstance(node, Queue)
        return node

    @property
    def noticed(self) -> bool:
        """Whether callers are told of recordings."""
        return any(isinstance(node, Speech) and node.notice for node in self.nodes.values())

    def prompts(self) -> frozenset[str]:
        """Every prompt key of the file, and what reading digits back needs."""
        found: set[str] = set()
        for node in self.nodes.values():
            found.update(said(node))
            if isinstance(node, Digits):
                found.update(say.digits("0123456789"))
        return frozenset(found)


def said(node: Node) -> Iterator[str]:
    """Every prompt that a node names."""
    match node:
        case Menu():
            yield from (*node.intro, *node.closing)
            for option in node.options:
                yield from (option.say, option.confirm)
        case Queue() | Transfer() | End() | Message():
            yield from leaf_says(node)
        case Speech() | Digits():
            yield from node.say
        case Language():
            pass
