"""Lines of the carrier in a simulation: a call holds one from its ring to its end, and a blocked caller tries again.

Without lines each arrival joins the queue at once. With lines it rings first. The rules are those of the dialplan: a
call of the common number is in the class `other` until its caller keys distress.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

from planning.simulation.arrival import Arrival
from routing.core.model.ids import ContactId, OfferId, ServiceId

OTHER = "other"
"""Class of calls that have not keyed distress."""
REDIAL_SHARE = 0.8
"""Share of blocked callers who try again, each time."""
REDIAL_S = 30.0
"""Mean time until the next try (exponential)."""
WORDS_S = 16.0
"""Time of a line while the emergency text is heard by a caller beyond `most`."""


class LineRules(NamedTuple):
    """Lines and their classes, as in `[lines]`, and what callers do."""

    total: int
    kept: Mapping[ServiceId, int] = {}
    most: Mapping[ServiceId, int] = {}
    own_numbers: frozenset[ServiceId] = frozenset()
    """Services whose callers dial a separate number, and so are in their class from the ring on."""
    redial_share: float = REDIAL_SHARE
    redial_s: float = REDIAL_S
    menu_s: Mapping[ServiceId, float] = {}
    """Time from the ring to the queue. A service that is missing has none."""
    deflect_waiting: int | None = None
    """Waiting contacts from which a caller of an ordinary service is deflected. None deflects nobody."""
    deflect_s: float = 14.0
    """Time of a line during a deflection."""
    distress: frozenset[ServiceId] = frozenset()
    """Services whose callers are never deflected."""

    @property
    def others(self) -> int:
        """Lines that calls of the class `other` may hold."""
        return self.total - sum(self.kept.values())


class LineFigures(NamedTuple):
    """Calls that the lines of a run have carried, and those that they have not."""

    people: Mapping[ServiceId, int]
    """Different callers, by the service that they want."""
    attempts: int
    """Calls, with every repetition."""
    refused: int
    """Calls that found no line."""
    lost: Mapping[ServiceId, int]
    """Callers who gave up after a refused call."""
    words: int
    """Calls beyond `most`, which heard the emergency text."""
    deflected: Mapping[ServiceId, int]
    ended: int
    """Calls that held a line and gave it back. With `refused` these are all attempts of a run to its end."""
    held: Mapping[str, float]
    """Mean lines by class over the time of the arrivals."""
    most_held: Mapping[str, int]


class TrunkLines:
    """The lines of one run."""

    def __init__(self, rules: LineRules, seed: int = 1) -> None:
        self.rules = rules
        self._random = random.Random(f"{seed}/redial")
        self._redials: list[tuple[float, int, Arrival]] = []
        self._class_of: dict[ContactId, str] = {}
        self._talking: dict[OfferId, ContactId] = {}
        self._held: Counter[str] = Counter()
        self._area: dict[str, float] = {}
        self._at = 0.0
        self._most: Counter[str] = Counter()
        self._people: Counter[ServiceId] = Counter()
        self._lost: Counter[ServiceId] = Counter()
        self._deflected: Counter[ServiceId] = Counter()
        self._attempts = self._refused = self._words = self._ended = 0
        self._last_arrival = 0.0

    def merge_redials(self, arrivals: Iterable[Arrival]) -> Iterator[Arrival]:
        """Yield the arrivals with the repeated calls among them, in order of time."""
        own = iter(arrivals)
        following = next(own, None)
        while following is not None or self._redials:
            if self._redials and (following is None or self._redials[0][0] <= following.at):
                at, _, again = heappop(self._redials)
                yield again._replace(at=at)
            elif following is not None:
                self._people[following.service] += 1
                self._last_arrival = following.at
                yield following
                following = next(own, None)

    def admit_call(self, contact: ContactId, arrival: Arrival, now: float) -> str:
        """Return `menu` for a call that gets a line, `words` for one that hears the text and ends, or `refused`.

        A refused caller tries again, or gives up.
        """
        rules, service = self.rules, arrival.service
        self._attempts += 1
        line_class = service if service in rules.own_numbers else OTHER
        if self._held.total() >= rules.total or (line_class == OTHER and self._held[OTHER] >= rules.others):
            self._refused += 1
            if self._random.random() < rules.redial_share:
                heappush(self._redials, (now + self._random.expovariate(1.0 / rules.redial_s), self._attempts, arrival))
            else:
                self._lost[service] += 1
            return "refused"
        if line_class != OTHER and self._held[line_class] >= rules.most.get(service, rules.total):
            self._words += 1
            self._hold(contact, "words", now)
            return "words"
        self._hold(contact, line_class, now)
        return "menu"

    def note_choice(self, contact: ContactId, service: ServiceId, now: float) -> None:
        """Note the service that a caller has keyed: its class has the line from now on."""
        if service in self.rules.kept or service in self.rules.most:
            self._ended -= 1
            self.release_line(contact, now)
            self._hold(contact, service, now)

    def is_deflected(self, service: ServiceId, waiting: Callable[[], int]) -> bool:
        """Return whether a caller of the service is deflected, and count it."""
        limit = self.rules.deflect_waiting
        if limit is None or service in self.rules.distress or waiting() < limit:
            return False
        self._deflected[service] += 1
        return True

    def note_talk(self, offer: OfferId, contact: ContactId) -> None:
        """Note the caller of an offer, whose line is free when the talk ends."""
        self._talking[offer] = contact

    def end_talk(self, offer: OfferId, now: float) -> None:
        """Give back the line of an ended talk."""
        contact = self._talking.pop(offer, None)
        if contact is not None:
            self.release_line(contact, now)

    def release_line(self, contact: ContactId, now: float) -> None:
        """Give back the line of a call, if it holds one."""
        line_class = self._class_of.pop(contact, None)
        if line_class is not None:
            self._count_time(now)
            self._held[line_class] -= 1
            self._ended += 1

    def close_lines(self) -> LineFigures:
        """Return the figures."""
        seconds = max(self._last_arrival, 1.0)
        return LineFigures(dict(self._people), self._attempts, self._refused, dict(self._lost), self._words,
                           dict(self._deflected), self._ended,
                           {name: area / seconds for name, area in self._area.items()}, dict(self._most))

    def _hold(self, contact: ContactId, line_class: str, now: float) -> None:
        self._count_time(now)
        self._class_of[contact] = line_class
        self._held[line_class] += 1
        self._most[line_class] = max(self._most[line_class], self._held[line_class])

    def _count_time(self, now: float) -> None:
        # Only the time of the arrivals counts: the lines of an empty evening say nothing about the flood.
        until = min(now, self._last_arrival)
        if until > self._at:
            for name, count in self._held.items():
                self._area[name] = self._area.get(name, 0.0) + count * (until - self._at)
            self._at = until
