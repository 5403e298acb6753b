"""Hold the menu of a centre as frozen values. `menu_reader` makes them, and `dialogue_machine` walks through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from prompts.verbalise import number_prompts

HUMAN_KEY = "0"
"""Key of the human agent in every menu, and never of anything else (rule I1)."""
REPEAT_KEY = "#"
SLOW_KEY = "*"
BACK_KEY = "9"
RESERVED = (REPEAT_KEY, SLOW_KEY, BACK_KEY)
"""Keys with the same meaning everywhere. They are never options (rule I7)."""
OPTION_KEYS = "012345678"
REFUSE_KEY = "8"
"""Key that refuses a recording, in a menu with a recording notice. It is never an option there."""
NOTICE_HEARD, NOTICE_REFUSED = "heard", "refused"
"""Results of the notice: said to its end, or refused. Without `heard` nothing may be recorded."""

GOOD_OPTIONS = 4
"""Options besides 0 that people can remember (rule I3). One more is a warning, two more are an error."""
MAX_OPTIONS = 5
MAX_DEPTH = 2
"""Number of menus on the way to a leaf (rule I15)."""

Needs = tuple[tuple[str, int], ...]
"""Skills and levels that the agent must have for this caller, in addition to those of the service."""

Sms = tuple[tuple[str, str], ...]
"""Words of a short message in each language."""

TCKN, PHONE, DATE, NUMBER = "tckn", "telefon", "tarih", "sayi"
CHECKS = {TCKN: (11, 11), PHONE: (10, 11), DATE: (8, 8), NUMBER: (1, 20)}
"""Fewest and most digits of each kind that a caller can be asked for. Only `sayi` allows other limits."""


class Speech(NamedTuple):
    """Node that says something and goes to the next node."""

    name: str
    say: tuple[str, ...]
    then: str


class Option(NamedTuple):
    """Key of a menu with its sentence, its acknowledgement and its target."""

    key: str
    say: str
    confirm: str
    then: str
    needs: Needs = ()


class Menu(NamedTuple):
    """Question that one key answers."""

    name: str
    options: tuple[Option, ...]
    after_failures: str
    intro: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()

    def option_for(self, key: str) -> Option | None:
        """Return the option of a key, or None."""
        return next((option for option in self.options if option.key == key), None)


class Digits(NamedTuple):
    """Question that several keys answer. The digits are checked, read back and stored as a keyed hash."""

    name: str
    field: str
    """Name of the input, for people who look at the contact later."""
    check: str
    """Kind of the digits, one of `CHECKS`."""
    least: int
    most: int
    say: tuple[str, ...]
    then: str
    after_failures: str
    keep_encrypted: bool = False
    """Whether the digits are also stored encrypted, so that they can be shown. Never for a national id."""


class Language(NamedTuple):
    """Node from which another language is spoken."""

    name: str
    language: str
    then: str
    needs: Needs = ()


class Message(NamedTuple):
    """Node where the caller may leave a spoken message for `service`."""

    name: str
    service: str
    max_s: float
    say: tuple[str, ...]
    then: str
    after_failures: str
    """Next node if no message could be taken."""
    text: str = ""


class Queue(NamedTuple):
    """End of the dialogue: the caller waits for `service`."""

    name: str
    service: str
    priority: int = 0
    """Points in addition to those of the service. One point counts as one minute of waiting."""
    say: tuple[str, ...] = ()
    needs: Needs = ()
    text: str = ""
    """Written form (rule I17): an address of the web, or a prompt that tells where to write."""
    sms: Sms = ()
    """Words before the address in a short message. Empty if none is offered."""
    topics: tuple[str, ...] = ()
    """Subjects of these callers, which the profile of an agent may exclude (`no_topics`)."""


class Transfer(NamedTuple):
    """Transfer to an outside number named in santral.toml. `after_failures` is next if nobody answers."""

    name: str
    to: str
    say: tuple[str, ...]
    after_failures: str
    text: str = ""


class End(NamedTuple):
    """End of the call: these sentences, then good-bye."""

    name: str
    say: tuple[str, ...]
    text: str = ""
    sms: Sms = ()


Node = Speech | Menu | Digits | Language | Message | Queue | Transfer | End
LEAVES = (Queue, Transfer, End)
"""Kinds of nodes that end a dialogue."""


def is_address(text: str) -> bool:
    """Return whether a written form is an address of the web. Otherwise it is a prompt."""
    return text.startswith("https://")


def leaf_prompts(node: Queue | Transfer | End | Message) -> tuple[str, ...]:
    """Return the prompts of a leaf. A written form that is a prompt comes last; an address is left out."""
    return (*node.say, node.text) if node.text and not is_address(node.text) else node.say


class HumanFirst(NamedTuple):
    """Advantages of callers who asked for a person at once (rule I20)."""

    priority: int
    """Points in addition to those of the queue."""
    then: str = ""
    """Node where these callers begin, unless they prefer the menu. Empty to begin like everybody."""


class MenuFlow(NamedTuple):
    """A whole menu. It is checked, so every name leads to a node."""

    entries: Mapping[str, str]
    human: str
    nodes: Mapping[str, Node]
    human_first: HumanFirst | None = None
    notice: str = ""
    """Prompt of the recording notice, which names `REFUSE_KEY`. It follows the choice of a service whose talks are
    recorded. Empty for none."""

    def queue_node(self, name: str) -> Queue:
        """Return the queue node of that name."""
        node = self.nodes[name]
        assert isinstance(node, Queue)
        return node

    @property
    def has_notice(self) -> bool:
        """Whether callers hear a recording notice."""
        return bool(self.notice)

    def prompt_keys(self) -> frozenset[str]:
        """Return every prompt key of the menu, and those that reading digits back needs."""
        found = {self.notice} if self.notice else set[str]()
        for node in self.nodes.values():
            found.update(prompts_of(node))
            if isinstance(node, Digits):
                found.update(number_prompts.digit_keys("0123456789"))
        return frozenset(found)


def prompts_of(node: Node) -> Iterator[str]:
    """Yield every prompt that a node names."""
    match node:
        case Menu():
            yield from (*node.intro, *node.closing)
            for option in node.options:
                yield from (option.say, option.confirm)
        case Queue() | Transfer() | End() | Message():
            yield from leaf_prompts(node)
        case Speech() | Digits():
            yield from node.say
        case Language():
            pass
