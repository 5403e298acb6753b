"""What no single file shows: things that stand twice, names that lead nowhere. Whether anybody can take what services
ask for is asked with the engine's own rules (`santral/routable.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

from centres.document import Mapping
from centres.model import Shape
from centres.problem import Problem
from centres.services import Service
from centres.settings import Settings
from centres.shape import Loc, guess, where
from centres.team import Accommodation, Agent

M_co = TypeVar("M_co", bound=Shape, covariant=True)


class Place(Protocol):
    """What knows where it stands."""

    def where(self, *more: int | str) -> str:
        """`file:line` of it, or of a key inside it."""
        ...


@dataclass(frozen=True, repr=False)
class Item(Generic[M_co]):
    """A sound item of a list and where it stands. No repr: it may be an accommodation."""

    value: M_co
    document: Mapping
    loc: Loc

    def where(self, *more: int | str) -> str:
        """`file:line` of the item, or of a key inside it."""
        return where((self.document,), self.loc + more)


@dataclass(frozen=True, repr=False)
class Unsound:
    """An item of a list that has mistakes, as it stands there. No repr, as of an `Item`."""

    keys: Mapping
    document: Mapping
    loc: Loc

    def where(self, *more: int | str) -> str:
        """`file:line` of the item, or of a key inside it."""
        return where((self.document,), self.loc + more)


def unique(items: Sequence[Item[Shape]], key: str, what: str) -> list[Problem]:
    """No two items may have the same value under `key`."""
    first: dict[str, Item[Shape]] = {}
    problems = []
    for item in items:
        value = getattr(item.value, key)
        known = first.setdefault(value, item)
        if known is not item:
            problems.append(Problem(item.where(key), f"the {what} '{value}' stands twice; first at {known.where(key)}",
                                    "Give one of them another."))
    return problems


def hours(settings: Settings, documents: tuple[Mapping, ...]) -> list[Problem]:
    """A centre that closes says what its callers hear then, in an entry that no called number leads to."""
    closed = settings.hours.closed
    if closed is None:
        return [] if settings.hours.always else [Problem(
            where(documents, ("hours",)), "the centre is not always open and 'closed' is missing",
            "Add closed = \"<entry of menu.yaml>\": what callers hear outside the hours.")]
    return [Problem(where(documents, ("numbers", number)),
                    f"the called number {number} leads to '{closed}', the entry of the closed centre",
                    "Lead it to the entry for open hours.")
            for number, entry in settings.numbers.items() if entry == closed]


def closures(settings: Settings, documents: tuple[Mapping, ...], services: Sequence[Item[Service]],
             whole: bool) -> list[Problem]:
    """A planned closure is of services that exist and can close, or of a line that says what its callers hear then."""
    distress = {item.value.id: item.value.distress for item in services}
    problems = []
    for index, closure in enumerate(settings.calendar.closures):
        place = ("calendar", "closures", index)
        if closure.services is None and settings.hours.closed is None:
            problems.append(Problem(where(documents, place), "the line closes for once and 'closed' is missing",
                                    "Add closed = \"<entry of menu.yaml>\" to [hours]: what callers hear meanwhile."))
        for service in closure.services or ():
            at = where(documents, (*place, "services"))
            if whole and service not in distress:
                problems.append(Problem(at, f"no service '{service}'", guess(service, distress)))
            elif distress.get(service):
                problems.append(Problem(at, f"'{service}' is for distress, which is never closed", "Take it out."))
    return problems


def net(settings: Settings, documents: tuple[Mapping, ...]) -> list[Problem]:
    """The phones of the safety net are seats, each once."""
    known = set(settings.seats.names())
    problems = []
    for index, seat in enumerate(settings.net.seats):
        at = where(documents, ("net", "seats", index))
        if seat not in known:
            problems.append(Problem(at, f"'{seat}' of the safety net is no seat",
                                    f"Seats are {settings.seats.names()[0]} to {settings.seats.names()[-1]}."))
        elif seat in settings.net.seats[:index]:
            problems.append(Problem(at, f"the seat '{seat}' stands twice in the safety net", "Keep it once."))
    return problems


def pause_reasons(settings: Settings, documents: tuple[Mapping, ...]) -> list[Problem]:
    """Return what is wrong between the rows of [pause_reasons]: one default, and each key of the phone once."""
    rows = settings.pause_reasons
    problems, keys, default = [], dict[int, str](), ""
    for name, row in rows.items():
        at = where(documents, ("pause_reasons", name))
        if row.digit is not None and keys.setdefault(row.digit, name) != name:
            problems.append(Problem(at, f"key {row.digit} of '{name}' is the key of '{keys[row.digit]}' too",
                                    "Give one of them another key."))
        if row.default and default:
            problems.append(Problem(at, f"'{name}' is the default, and so is '{default}'", "Keep one of them."))
        default = default or (name if row.default else "")
    if not default:
        problems.append(Problem(where(documents, ("pause_reasons",)), "no reason is the default: breaks that the "
                                "engine begins would have none", "Add default = true to one of the rows."))
    return problems


def overflows(services: Sequence[Item[Service]]) -> list[Problem]:
    """Where a service overflows to is another one, and no way leads back."""
    known = {item.value.id: item.value.overflow_to for item in services}
    problems = []
    for item in services:
        to = item.value.overflow_to
        if to is None:
            continue
        if to not in known:
            problems.append(Problem(item.where("overflow_to"), f"no service '{to}'", guess(to, known)))
            continue
        way = [item.value.id]
        while to is not None and to in known and to not in way:
            way.append(to)
            to = known[to]
        if to == item.value.id:
            problems.append(Problem(item.where("overflow_to"), f"the overflow goes round: {' -> '.join([*way, to])}",
                                    "Let the last one go to the safety net: take out its 'overflow_to'."))
    return problems


def _days(one: Accommodation) -> tuple[date, date]:
    return one.valid_from or date.min, one.valid_to or date.max


def accommodations(needs: Sequence[Item[Accommodation]], agents: Sequence[Item[Agent]],
                   whole: bool) -> list[Problem]:
    """Each is for one agent of the team, and on any day at most one entry is for them. Whose it is, is not said."""
    known = {agent.value.id for agent in agents}
    seen: dict[str, list[Accommodation]] = {}
    problems = []
    for item in needs:
        if whole and item.value.agent not in known:
            problems.append(Problem(item.where("agent"), "the 'agent' is not in team.yaml", "Correct the id."))
        first, last = _days(item.value)
        if any(first <= _days(other)[1] and _days(other)[0] <= last for other in seen.setdefault(item.value.agent, [])):
            problems.append(Problem(item.where("agent"), "a second entry for the same 'agent' on the same days",
                                    "Make them one, or end the earlier with 'valid_to'."))
        seen[item.value.agent].append(item.value)
    return problems


def in_force(needs: Sequence[Item[Accommodation]], today: date) -> dict[str, Item[Accommodation]]:
    """By agent, the entry in force: of those that have begun the one that began last. One past its end stays in force
    until a later one follows: nothing that somebody needs ends by itself."""
    found: dict[str, Item[Accommodation]] = {}
    for item in sorted(needs, key=lambda entry: _days(entry.value)[0]):
        if _days(item.value)[0] <= today:
            found[item.value.agent] = item
    return found


def is_due(one: Accommodation, today: date) -> bool:
    """Somebody should ask the agent again: the date of the review, or the last day, has passed."""
    return any(day is not None and day < today for day in (one.review_at, one.valid_to))


def reviews(force: Iterable[Item[Accommodation]], today: date) -> list[Problem]:
    """An accommodation in force past its review or its end stays so; somebody should ask the agent again."""
    warnings = []
    for item in force:
        value = item.value
        if value.review_at is not None and value.review_at < today:
            warnings.append(Problem(item.where("review_at"),
                                    "the date in 'review_at' has passed; everything stays in force",
                                    "Review it with the agent and set a new date."))
        if value.valid_to is not None and value.valid_to < today:
            warnings.append(Problem(item.where("valid_to"),
                                    "the date in 'valid_to' has passed and nothing follows; everything stays in force",
                                    "Review it with the agent: set a new date, write what follows, or take it out."))
    return warnings
