"""Count contacts: of one service, one half hour or a whole month. Each figure has its definition."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from metrics.reports.contacts import Contact
from routing.core.model.centre_model import ABANDONS, Outcome
from routing.core.model.reasons import FAILED, FALLBACK, REACHED, REQUESTED

LONGEST = 0.1
"""Share of the longest waits whose mean is reported next to the mean of all.

It is the "average of the longest 10 %" of the European 112 figures.
"""

PERCENTILES = {"wait_p50_s": 0.5, "wait_p80_s": 0.8, "wait_p90_s": 0.9, "wait_p95_s": 0.95}
"""Shares of the answered whose wait is reported, by the name of the figure."""

OURS, WITHOUT_SHORT, OF_OFFERED = "ours", "without_short", "of_offered"
RULES = (OURS, WITHOUT_SHORT, OF_OFFERED)
"""The service level in three variants: see `Figures.service_level`."""


class Figures:
    """Sums of contacts. A share or a mean of nothing is None."""

    def __init__(self) -> None:
        self.offered = 0
        """Contacts that entered the queue. A transferred contact counts in each of its queues."""
        self.answered = self.within = self.abandoned = self.short = self.still = 0
        """Contacts by their end here. `within`: answered within the target. `short`: abandoned before the limit of the
        service."""
        self.moved = 0
        """Contacts that moved to another queue, where they are offered too."""
        self.turned_away = 0
        """Contacts that a rule of the service kept from every agent, without a callback or a message."""
        self.elsewhere = 0
        """Contacts with another end: fallback queue, own key, callback never taken, fault of the telephone system."""
        self.without_node = 0
        """Contacts whose callers no node answered, whatever their end."""
        self.transfers = 0
        self.talks = 0
        self.talk_s = self.hold_s = self.wrapup_s = 0.0
        """Sums of times. `talk_s` is without hold."""
        self.asked = self.reached = self.failed = self.open = 0
        """Callbacks: requested, reached, given up, not yet dialled."""
        self.first = self.solved = 0
        """Contacts answered at the first contact, and those of them whose caller did not call again."""
        self.waits: list[float] = []
        """Waits of the answered, in seconds."""
        self.gave_up: list[float] = []
        """Waits of the abandoned, in seconds."""

    def count_contact(self, contact: Contact) -> None:
        """Count how a contact ended, in the queue where it ended."""
        # 1. The outcome.
        outcome = contact.outcome
        if outcome == Outcome.ANSWERED:
            self.answered += 1
            self.within += contact.within
            self.waits.append(contact.wait_s or 0.0)
        elif outcome in ABANDONS:
            self.abandoned += 1
            self.short += outcome == Outcome.ABANDONED_SHORT
            self.gave_up.append(contact.wait_s or 0.0)
        elif outcome == Outcome.TURNED_AWAY:
            self.turned_away += 1
        elif outcome:
            self.elsewhere += 1
        else:
            self.still += 1
        self.without_node += contact.source == FALLBACK
        # 2. The callback. An open one has neither been reached nor given up.
        if contact.callback:
            self.asked += 1
            self.reached += contact.callback == REACHED
            self.failed += contact.callback == FAILED
            self.open += contact.callback == REQUESTED and not outcome
        # 3. The resolution at first contact, of callers who can be recognised.
        if contact.first_contact:
            self.first += 1
            self.solved += not contact.came_again
        self.transfers += contact.transfers

    def count_entry(self, *, moved: bool) -> None:
        """Count the entry of a contact into this queue. `moved`: it moved on to another."""
        self.offered += 1
        self.moved += moved

    def count_talk(self, talk_s: float, hold_s: float, wrapup_s: float) -> None:
        """Count one talk that is over. `talk_s` is with hold."""
        self.talks += 1
        self.talk_s += talk_s - hold_s
        self.hold_s += hold_s
        self.wrapup_s += wrapup_s

    def service_level(self, rule: str = OURS) -> float | None:
        """Return the service level by one of three rules.

        `ours`: answered within the target / (answered + abandoned + turned away). Every abandon and every caller whom
        a rule turned away counts against it, and the wait is from queue entry to the bridge. `without_short`: short
        abandons are not counted. `of_offered`: answered within the target / all contacts that came, also those that
        still wait.
        """
        if rule == OURS:
            return share_of(self.within, self.judged)
        if rule == WITHOUT_SHORT:
            return share_of(self.within, self.judged - self.short)
        return share_of(self.within, self.judged + self.elsewhere + self.still)

    @property
    def judged(self) -> int:
        """Contacts in the service level: answered, abandoned or turned away."""
        return self.answered + self.abandoned + self.turned_away

    def service_level_within(self, seconds: float) -> float | None:
        """Return the service level of `ours`, with this threshold for every service."""
        return share_of(sum(1 for wait in self.waits if wait <= seconds), self.judged)

    @property
    def asa_s(self) -> float | None:
        """Average speed of answer: waits of the answered / answered."""
        return mean_of(self.waits)

    @property
    def longest_s(self) -> float | None:
        """Mean of the longest tenth of the waits of the answered."""
        longest = sorted(self.waits)[-ceil(len(self.waits) * LONGEST):] if self.waits else []
        return mean_of(longest)

    def wait_percentile(self, share: float) -> float | None:
        """Return the wait that this share of the answered did not exceed."""
        return sorted(self.waits)[max(0, ceil(len(self.waits) * share) - 1)] if self.waits else None

    @property
    def abandonment(self) -> float | None:
        """Abandoned / (answered + abandoned + turned away + elsewhere + still there)."""
        return share_of(self.abandoned, self.judged + self.elsewhere + self.still)

    @property
    def abandon_wait_s(self) -> float | None:
        """Mean wait of the abandoned."""
        return mean_of(self.gave_up)

    @property
    def answer_rate(self) -> float | None:
        """Answered / (answered + abandoned + turned away)."""
        return share_of(self.answered, self.judged)

    @property
    def aht_s(self) -> float | None:
        """(talk + hold + wrap-up) / talks that are over."""
        return (self.talk_s + self.hold_s + self.wrapup_s) / self.talks if self.talks else None

    @property
    def kept(self) -> float | None:
        """Reached / (reached + given up). Callers who called again or still wait are not counted."""
        return share_of(self.reached, self.reached + self.failed)

    @property
    def resolution(self) -> float | None:
        """First-contact resolution: callers who did not call again within a week / answered at a first contact."""
        return share_of(self.solved, self.first)

    def to_row(self) -> dict[str, float | int | None]:
        """Return every figure by its name, for CSV."""
        return {
            "offered": self.offered, "answered": self.answered, "abandoned": self.abandoned, "short": self.short,
            "turned_away": self.turned_away, "moved": self.moved, "elsewhere": self.elsewhere, "still": self.still,
            "without_node": self.without_node,
            "within": self.within, **{f"level_{rule}": self.service_level(rule) for rule in RULES},
            "abandonment": self.abandonment, "asa_s": self.asa_s,
            **{name: self.wait_percentile(share) for name, share in PERCENTILES.items()},
            "longest_tenth_s": self.longest_s, "abandon_wait_s": self.abandon_wait_s,
            "talks": self.talks, "talk_s": self.talk_s, "hold_s": self.hold_s, "wrapup_s": self.wrapup_s,
            "aht_s": self.aht_s, "transfers": self.transfers, "callbacks": self.asked, "callbacks_reached":
            self.reached, "callbacks_failed": self.failed, "callbacks_open": self.open, "first_contacts": self.first,
            "first_contacts_solved": self.solved,
        }


def sum_figures(parts: Iterable[Figures]) -> Figures:
    """Return the sum of some figures."""
    whole = Figures()
    sums = vars(whole)
    for part in parts:
        for name, value in vars(part).items():
            # Numbers are added, and lists of waits are joined.
            sums[name] += value
    return whole


def figures_by_service(contacts: Iterable[Contact]) -> dict[str, Figures]:
    """Return the figures of each service.

    Outcomes count where a contact ended, entries in each of its queues, talks at the service that talked.
    """
    found: dict[str, Figures] = {}

    def figures_of(service: str) -> Figures:
        figures = found.get(service)
        if figures is None:
            figures = found[service] = Figures()
        return figures

    for contact in contacts:
        for service in contact.services[:-1]:
            figures_of(service).count_entry(moved=True)
        figures_of(contact.service).count_entry(moved=False)
        figures_of(contact.service).count_contact(contact)
        for talk in contact.talks:
            figures_of(talk.service).count_talk(talk.talk_s, talk.hold_s, talk.wrapup_s)
    return dict(sorted(found.items()))


def share_of(part: float, whole: float) -> float | None:
    """Return a share, or None of nothing."""
    return part / whole if whole else None


def mean_of(values: list[float]) -> float | None:
    """Return a mean, or None of nothing."""
    return sum(values) / len(values) if values else None
