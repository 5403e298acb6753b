"""Check the files of a centre against each other: duplicates, and names that lead nowhere.

`santral/centre/reachability.py` checks with the engine's own rules whether an agent can serve each requirement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol, TypeVar

from centres.base_shapes import Shape
from centres.called_numbers import list_forms
from centres.document_reader import Mapping
from centres.problem import Problem
from centres.services import Service
from centres.settings import Settings
from centres.team import Accommodation, Agent
from centres.validation import Loc, locate_in, suggest_word

M_co = TypeVar("M_co", bound=Shape, covariant=True)


class Located(Protocol):
    """A value that knows its location."""

    def where(self, *more: int | str) -> str:
        """Return `file:line` of the value, or of a key inside it."""
        ...


@dataclass(frozen=True, repr=False)
class Item(Generic[M_co]):
    """A sound item of a list with its location. It has no repr, because it may be an accommodation."""

    value: M_co
    document: Mapping
    loc: Loc

    def where(self, *more: int | str) -> str:
        """Return `file:line` of the item, or of a key inside it."""
        return locate_in((self.document,), self.loc + more)


@dataclass(frozen=True, repr=False)
class Unsound:
    """An item of a list with mistakes, as written. Like `Item` it has no repr."""

    keys: Mapping
    document: Mapping
    loc: Loc

    def where(self, *more: int | str) -> str:
        """Return `file:line` of the item, or of a key inside it."""
        return locate_in((self.document,), self.loc + more)


def check_unique(items: Sequence[Item[Shape]], key: str, what: str) -> list[Problem]:
    """Return a problem for each item that repeats a value under `key`."""
    first: dict[str, Item[Shape]] = {}
    problems = []
    for item in items:
        value = getattr(item.value, key)
        known = first.setdefault(value, item)
        # `setdefault` keeps the first item, so every later one is compared with it.
        if known is not item:
            problems.append(Problem(item.where(key), f"the {what} '{value}' appears twice; first at {known.where(key)}",
                                    "Give one of them another."))
    return problems


def check_hours(settings: Settings, documents: tuple[Mapping, ...]) -> list[Problem]:
    """Check that a centre that closes has an entry for callers then, and that no called number leads to it."""
    closed = settings.hours.closed
    if closed is None:
        return [] if settings.hours.always else [Problem(
            locate_in(documents, ("hours",)), "the centre is not always open and 'closed' is missing",
            "Add closed = \"<entry of menu.yaml>\": what callers hear outside the hours.")]
    return [Problem(locate_in(documents, ("numbers", number)),
                    f"the called number {number} leads to '{closed}', the entry of the closed centre",
                    "Lead it to the entry for open hours.")
            for number, entry in settings.numbers.items() if entry == closed]


def check_numbers(settings: Settings, documents: tuple[Mapping, ...]) -> list[Problem]:
    """Check that no called number appears in two notations."""
    problems, first = [], dict[str, str]()
    for number in settings.numbers:
        for form in list_forms(number):
            known = first.setdefault(form, number)
            if known != number:
                problems.append(Problem(locate_in(documents, ("numbers", number)),
                                        f"{number} and {known} are one number in two notations",
                                        "Keep one of them: carriers may send any notation."))
                break
    return problems


def check_closures(settings: Settings, documents: tuple[Mapping, ...], services: Sequence[Item[Service]],
                   whole: bool) -> list[Problem]:
    """Check that a planned closure names services that may close, or that the line has an entry for closed hours."""
    distress = {item.value.id: item.value.distress for item in services}
    problems = []
    for index, closure in enumerate(settings.calendar.closures):
        place = ("calendar", "closures", index)
        if closure.services is None and settings.hours.closed is None:
            problems.append(Problem(locate_in(documents, place), "the line closes for once and 'closed' is missing",
                                    "Add closed = \"<entry of menu.yaml>\" to [hours]: what callers hear meanwhile."))
        for service in closure.services or ():
            at = locate_in(documents, (*place, "services"))
            # If services.yaml has mistakes, a name that is missing here may only be in an item with mistakes.
            if whole and service not in distress:
                problems.append(Problem(at, f"no service '{service}'", suggest_word(service, distress)))
            elif distress.get(service):
                problems.append(Problem(at, f"'{service}' is for distress, which is never closed", "Take it out."))
    return problems


def check_fallback(settings: Settings, documents: tuple[Mapping, ...], services: Sequence[Item[Service]],
                   whole: bool) -> list[Problem]:
    """Check that the service for unknown callers of the fallback queue exists.

    `whole` is false if services.yaml has mistakes.
    """
    wanted, known = settings.fallback.unknown, {one.value.id for one in services}
    if wanted is None or wanted in known or not whole:
        return []
    return [Problem(locate_in(documents, ("fallback", "unknown")), f"no service '{wanted}'",
                    suggest_word(wanted, known))]


def check_lines(settings: Settings, documents: tuple[Mapping, ...], services: Sequence[Item[Service]],
                whole: bool) -> list[Problem]:
    """Check that kept lines belong to services for distress, and that the numbers of [lines] agree."""
    lines = settings.lines
    if lines is None:
        return []
    known, problems = {item.value.id: item.value for item in services}, []
    # 1. Only distress has lines for itself, and a caller who finds none hears its emergency text.
    named = [(key, name) for key in ("kept", "most") for name in getattr(lines, key)]
    for key, name in named:
        at, service = locate_in(documents, ("lines", key, name)), known.get(name)
        if service is None:
            problems += [Problem(at, f"no service '{name}'", suggest_word(name, known))] if whole else []
        elif not service.distress or service.emergency is None:
            problems.append(Problem(at, f"'{name}' has no 'distress: true' with an 'emergency' prompt in services.yaml",
                                    "Keep lines for services for distress only."))
    # 2. The numbers.
    kept = sum(lines.kept.values())
    if kept >= lines.total:
        problems.append(Problem(locate_in(documents, ("lines", "kept")),
                                f"{kept} lines are kept of {lines.total}: all other callers would be refused",
                                "Keep fewer lines, or correct 'total'."))
    for name, most in lines.most.items():
        at = locate_in(documents, ("lines", "most", name))
        if most < lines.kept.get(name, 0):
            problems.append(Problem(at, f"'{name}' may take {most} lines, but {lines.kept[name]} are kept for it",
                                    "Raise 'most', or keep fewer."))
        elif most > lines.total > kept:
            problems.append(Problem(at, f"'{name}' may take {most} lines, but there are {lines.total}",
                                    "Correct 'most' or 'total'."))
    return problems


def pause_reasons(settings: Settings, documents: tuple[Mapping, ...]) -> list[Problem]:
    """Check the rows of [pause_reasons]: exactly one default, and each phone key once."""
    rows = settings.pause_reasons
    problems, keys, default = [], dict[int, str](), ""
    for name, row in rows.items():
        at = locate_in(documents, ("pause_reasons", name))
        if row.digit is not None and keys.setdefault(row.digit, name) != name:
            problems.append(Problem(at, f"key {row.digit} of '{name}' is the key of '{keys[row.digit]}' too",
                                    "Give one of them another key."))
        if row.default and default:
            problems.append(Problem(at, f"'{name}' is the default, and so is '{default}'", "Keep one of them."))
        default = default or (name if row.default else "")
    if not default:
        problems.append(Problem(locate_in(documents, ("pause_reasons",)), "no reason is the default: breaks that the "
                                "engine begins would have none", "Add default = true to one of the rows."))
    return problems


def _valid_days(one: Accommodation) -> tuple[date, date]:
    return one.valid_from or date.min, one.valid_to or date.max


def check_accommodations(needs: Sequence[Item[Accommodation]], agents: Sequence[Item[Agent]],
                         whole: bool) -> list[Problem]:
    """Check that each entry names an agent of the team, and that no agent has two entries on one day.

    Problems give the line, never the agent.
    """
    known = {agent.value.id for agent in agents}
    seen: dict[str, list[Accommodation]] = {}
    problems = []
    for item in needs:
        if whole and item.value.agent not in known:
            problems.append(Problem(item.where("agent"), "the 'agent' is not in team.yaml", "Correct the id."))
        first, last = _valid_days(item.value)
        # Two entries collide if each begins before the other ends.
        if any(first <= _valid_days(other)[1] and _valid_days(other)[0] <= last
                for other in seen.setdefault(item.value.agent, [])):
            problems.append(Problem(item.where("agent"), "a second entry for the same 'agent' on the same days",
                                    "Make them one, or end the earlier with 'valid_to'."))
        seen[item.value.agent].append(item.value)
    return problems


def in_force(needs: Sequence[Item[Accommodation]], today: date) -> dict[str, Item[Accommodation]]:
    """Return, by agent, the entry in force: of the entries that have begun, the latest.

    An entry past its end stays in force until a later one follows, so nothing that an agent needs ends by itself.
    """
    found: dict[str, Item[Accommodation]] = {}
    for item in sorted(needs, key=lambda entry: _valid_days(entry.value)[0]):
        if _valid_days(item.value)[0] <= today:
            found[item.value.agent] = item
    return found


def is_due(one: Accommodation, today: date) -> bool:
    """Return whether the agent should be asked again: the review date or the last day has passed."""
    return any(day is not None and day < today for day in (one.review_at, one.valid_to))


def check_reviews(force: Iterable[Item[Accommodation]], today: date) -> list[Problem]:
    """Return a warning for each accommodation in force that is past its review date or its last day."""
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
