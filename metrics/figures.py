"""What is counted of contacts: one service, one half hour, a whole month. Definitions stand at each figure."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from metrics.contacts import Contact

LONGEST = 0.1
"""Share of the waits whose mean is told beside the mean of all: "average of the longest 10 %" of the European 112
figures."""

OURS, WITHOUT_SHORT, OF_OFFERED = "ours", "without_short", "of_offered"
RULES = (OURS, WITHOUT_SHORT, OF_OFFERED)
"""The service level in three variants: see `Figures.level`."""


class Figures:
    """Sums of contacts. A share or a mean of nothing is None."""

    def __init__(self) -> None:
        self.offered = 0
        """Entered the queue, one who is sent on in each of them."""
        self.answered = self.within = self.abandoned = self.short = self.still = 0
        """`within`: answered within the target; `short`: of those who abandoned, before the service's limit for it."""
        self.moved = 0
        """Went on to another queue, and are offered there too."""
        self.elsewhere = 0
        """Ended otherwise: safety net, own key, callback never taken, telephone system gone."""
        self.transfers = 0
        self.talks = 0
        self.talk_s = self.hold_s = self.wrapup_s = 0.0
        """`talk_s` without hold."""
        self.asked = self.reached = self.failed = self.open = 0
        """Callbacks: asked for, caller on the line again, given up, not yet called."""
        self.first = self.solved = 0
        """Answered at the first contact; of those, who did not come again."""
        self.waits: list[float] = []
        """Of the answered, seconds."""
        self.gave_up: list[float] = []
        """Of those who abandoned."""

    def take(self, contact: Contact) -> None:
        """Count how a contact ended, where it ended."""
        outcome = contact.outcome
        if outcome == "answered":
            self.answered += 1
            self.within += contact.within
            self.waits.append(contact.wait_s or 0.0)
        elif outcome in ("abandoned", "abandoned_short"):
            self.abandoned += 1
            self.short += outcome == "abandoned_short"
            self.gave_up.append(contact.wait_s or 0.0)
        elif outcome:
            self.elsewhere += 1
        else:
            self.still += 1
        if contact.callback:
            self.asked += 1
            self.reached += contact.callback == "reached"
            self.failed += contact.callback == "failed"
            self.open += contact.callback == "asked" and not outcome
        if contact.first:
            self.first += 1
            self.solved += not contact.came_again
        self.transfers += contact.transfers

    def enter(self, *, moved: bool) -> None:
        """A contact entered this queue; `moved`: and went on to another."""
        self.offered += 1
        self.moved += moved

    def handle(self, talk_s: float, hold_s: float, wrapup_s: float) -> None:
        """One talk that is over; `talk_s` with hold."""
        self.talks += 1
        self.talk_s += talk_s - hold_s
        self.hold_s += hold_s
        self.wrapup_s += wrapup_s

    def level(self, rule: str = OURS) -> float | None:
        """`ours`: answered within the target / (answered + abandoned), every abandon against it, from the queue entry
        to the bridge. `without_short`: short abandons are not counted. `of_offered`: / contacts that came, however
        they ended or whether they still wait."""
        if rule == OURS:
            return share(self.within, self.answered + self.abandoned)
        if rule == WITHOUT_SHORT:
            return share(self.within, self.answered + self.abandoned - self.short)
        return share(self.within, self.answered + self.abandoned + self.elsewhere + self.still)

    def level_of(self, seconds: float) -> float | None:
        """As `ours` with this threshold for every service."""
        return share(sum(1 for wait in self.waits if wait <= seconds), self.answered + self.abandoned)

    @property
    def asa_s(self) -> float | None:
        """Average speed of answer: waits of the answered / answered."""
        return mean(self.waits)

    @property
    def longest_s(self) -> float | None:
        """Mean of the longest tenth of the waits of the answered."""
        longest = sorted(self.waits)[-ceil(len(self.waits) * LONGEST):] if self.waits else []
        return mean(longest)

    @property
    def abandonment(self) -> float | None:
        """Abandoned / (answered + abandoned + elsewhere + still there)."""
        return share(self.abandoned, self.answered + self.abandoned + self.elsewhere + self.still)

    @property
    def abandon_wait_s(self) -> float | None:
        """Mean wait of those who abandoned."""
        return mean(self.gave_up)

    @property
    def answer_rate(self) -> float | None:
        """Answered / (answered + abandoned)."""
        return share(self.answered, self.answered + self.abandoned)

    @property
    def aht_s(self) -> float | None:
        """(talk + hold + wrap-up) / talks that are over."""
        return (self.talk_s + self.hold_s + self.wrapup_s) / self.talks if self.talks else None

    @property
    def kept(self) -> float | None:
        """Callbacks: caller on the line again / asked for, without those who called again themselves or still wait."""
        return share(self.reached, self.reached + self.failed)

    @property
    def resolution(self) -> float | None:
        """First-contact resolution: who did not come again within a week / answered at a first contact."""
        return share(self.solved, self.first)

    def row(self) -> dict[str, float | int | None]:
        """For CSV: every figure by its name."""
        return {
            "offered": self.offered, "answered": self.answered, "abandoned": self.abandoned, "short": self.short,
            "moved": self.moved, "elsewhere": self.elsewhere, "still": self.still,
            "within": self.within, **{f"level_{rule}": self.level(rule) for rule in RULES},
            "asa_s": self.asa_s, "longest_tenth_s": self.longest_s, "abandon_wait_s": self.abandon_wait_s,
            "talks": self.talks, "talk_s": self.talk_s, "hold_s": self.hold_s, "wrapup_s": self.wrapup_s,
            "aht_s": self.aht_s, "transfers": self.transfers, "callbacks": self.asked, "callbacks_reached":
            self.reached, "callbacks_failed": self.failed, "callbacks_open": self.open, "first_contacts": self.first,
            "first_contacts_solved": self.solved,
        }


def together(parts: Iterable[Figures]) -> Figures:
    """Some figures as one."""
    whole = Figures()
    sums = vars(whole)
    for part in parts:
        for name, value in vars(part).items():
            sums[name] += value  # numbers are added, waits are put behind the others
    return whole


def by_service(contacts: Iterable[Contact]) -> dict[str, Figures]:
    """Outcomes at the service where a contact ended, entries at each it came through, talks at the one that talked."""
    found: dict[str, Figures] = {}

    def of(service: str) -> Figures:
        figures = found.get(service)
        if figures is None:
            figures = found[service] = Figures()
        return figures

    for contact in contacts:
        for service in contact.services[:-1]:
            of(service).enter(moved=True)
        of(contact.service).enter(moved=False)
        of(contact.service).take(contact)
        for talk in contact.talks:
            of(talk.service).handle(talk.talk_s, talk.hold_s, talk.wrapup_s)
    return dict(sorted(found.items()))


def share(part: float, whole: float) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


def mean(values: list[float]) -> float | None:
    """None of nothing."""
    return sum(values) / len(values) if values else None
