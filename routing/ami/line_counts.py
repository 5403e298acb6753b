"""Count the lines of the carrier that calls hold, and the calls that were refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from routing.ami.link import Link
from routing.ami.wire import Message
from routing.core.callers.refused_calls import NO_LINE, UNKNOWN_NUMBER
from routing.core.events import CallsRefused

CONTEXT_LINES = "santral-lines"
"""Context of the dialplan that counts a call and may refuse it. A call that ends there was never a contact."""
ALL_CLASSES = "all"
"""Name under which the calls of every class are counted together."""
OTHER_CLASSES = ("other", "words")
"""Classes besides the services with lines for themselves."""
ANSWERS = {"full": "refused", "words": "words"}
"""Result of a call by the extension at which it ended: refused before the answer, or ended after the emergency text."""

CONTEXT_SEAT_CALLS = "santral-seat-calls"
"""Context of the dialplan that counts the calls of seats and may refuse one. A call of a seat was never a contact."""
SEATS_FULL = "full_"
"""Begin of the extensions at which such a call was refused."""

CONTEXT_REFUSED = "santral-refused"
"""Context of the dialplan in which a call to a number that is not the centre's ends."""
FORMS = ("plus", "zeros", "country", "zero", "plain", "text")
"""Begin of a refused number: +, 00, 90, 0, another digit, or no number at all."""
_FORM = re.compile(rf"form_({'|'.join(FORMS)})_([0-9]{{1,2}})\Z", re.ASCII)

FORMS_A_SUM = 5
"""Forms of numbers that one sum names; further ones are together `OTHER_FORM`. So a flood of refused calls in all 126
forms writes seven rows a minute, ten thousand a day."""
OTHER_FORM = "other"

RefusedNumbers = Mapping[tuple[str, int], int]
"""Calls to numbers that are not the centre's since the start of the node, by begin and digits of the number."""
LineRefusals = Mapping[tuple[str, str], int]
"""Calls without a line since the start of the node, by class and result."""


log = structlog.get_logger(__name__)


class RefusalCounter:
    """Count calls that end in `[santral-lines]`, `[santral-refused]` or `[santral-seat-calls]`."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        """Calls without a line, by class and result."""
        self.numbers: Counter[tuple[str, int]] = Counter()
        """Calls to an unknown number, by begin and digits. At most 6 times 21 forms pass the dialplan."""
        self.seats: Counter[str] = Counter()
        """Refused calls of each seat. Only phones that the centre knows are counted."""
        self._seats_told: Counter[str] = Counter()
        self._summed: Counter[tuple[str, str]] = Counter()
        """Calls in the sums so far, by reason and form."""

    def take_hangup(self, message: Message) -> bool:
        """Count the end of a call. Return whether the call was refused, so that nobody else needs to know of it."""
        if message.get("Context") == CONTEXT_REFUSED:
            self._count_number(message.get("Exten"))
            return True
        if message.get("Context") != CONTEXT_LINES:
            return False
        answer, _, line_class = message.get("Exten").partition("_")
        # A caller may also hang up in the moment between the count and the menu.
        if answer in ANSWERS and line_class:
            self.counts[line_class, ANSWERS[answer]] += 1
        return True

    def take_seat_hangup(self, seat: str, message: Message) -> None:
        """Count the end of a call that a seat has made, if it was refused."""
        if message.get("Context") == CONTEXT_SEAT_CALLS and message.get("Exten").startswith(SEATS_FULL):
            self.seats[seat] += 1

    def log_seats(self) -> None:
        """Log the seats whose calls were refused since the last time: one line for a flood, not one for each call."""
        fresh, self._seats_told = self.seats - self._seats_told, self.seats.copy()
        for seat, calls in fresh.items():
            log.warning("seat.calls_refused", seat=seat, calls=calls)

    def take_sums(self) -> list[CallsRefused]:
        """Return the calls that were refused before the answer since the last sums, at most `FORMS_A_SUM` + 2."""
        # 1. The calls since the last sums. A call after the emergency text was answered.
        counted = Counter({(UNKNOWN_NUMBER, f"{form}-{digits}"): calls
                           for (form, digits), calls in self.numbers.items()})
        counted[NO_LINE, ""] = sum(calls for (_, result), calls in self.counts.items() if result == ANSWERS["full"])
        fresh, self._summed = counted - self._summed, counted
        # 2. The forms that came most, and the rest of them together.
        lines = fresh.pop((NO_LINE, ""), 0)
        named, rest = fresh.most_common(FORMS_A_SUM), fresh.total()
        found = [CallsRefused(reason, calls, form) for (reason, form), calls in named]
        if rest := rest - sum(calls for _, calls in named):
            found.append(CallsRefused(UNKNOWN_NUMBER, rest, OTHER_FORM))
        return found if not lines else [*found, CallsRefused(NO_LINE, lines)]

    def _count_number(self, extension: str) -> None:
        found = _FORM.match(extension)
        # A carrier may also hang up before the form of the number is known.
        if found is None:
            return
        form, digits = found[1], int(found[2])
        self.numbers[form, digits] += 1
        log.warning("call.number_refused", form=form, digits=digits)


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
