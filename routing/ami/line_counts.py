"""Count the lines of the carrier that calls hold, and the calls that found no line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from routing.ami.link import Link
from routing.ami.wire import Message

CONTEXT_LINES = "santral-lines"
"""Context of the dialplan that counts a call and may refuse it. A call that ends there was never a contact."""
ALL_CLASSES = "all"
"""Name under which the calls of every class are counted together."""
OTHER_CLASSES = ("other", "words")
"""Classes besides the services with lines for themselves."""
ANSWERS = {"full": "refused", "words": "words"}
"""Result of a call by the extension at which it ended: refused before the answer, or ended after the emergency text."""

LineRefusals = Mapping[tuple[str, str], int]
"""Calls without a line since the start of the node, by class and result."""


class RefusalCounter:
    """Count calls that end in `[santral-lines]`, by class and result."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def take_hangup(self, message: Message) -> bool:
        """Count the end of a call. Return whether the call found no line, so that nobody else needs to know of it."""
        if message.get("Context") != CONTEXT_LINES:
            return False
        answer, _, line_class = message.get("Exten").partition("_")
        # A caller may also hang up in the moment between the count and the menu.
        if answer in ANSWERS and line_class:
            self.counts[line_class, ANSWERS[answer]] += 1
        return True


async def read_lines(link: Link, classes: Sequence[str]) -> dict[str, int]:
    """Ask Asterisk for the lines held by each class and by all. Raise LinkError if the link fails."""
    groups = {ALL_CLASSES: f"{ALL_CLASSES}@lines"} | {
        name: f"{name}@class" for name in (*classes, *OTHER_CLASSES)}
    found = {}
    for name, group in groups.items():
        reply = await link.run_action({"Action": "Getvar", "Variable": f"GROUP_COUNT({group})"})
        value = reply.get("Value")
        # A group without a call has no count.
        found[name] = int(value) if value.isascii() and value.isdigit() else 0
    return found
