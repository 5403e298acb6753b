"""What no single file shows: things that stand twice, skills nobody has, names that lead nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from centres.document import Mapping
from centres.model import Accommodation, Agent, Service, Settings, Shape
from centres.problem import Problem
from centres.shape import Loc, guess, where

M_co = TypeVar("M_co", bound=Shape, covariant=True)


@dataclass(frozen=True, repr=False)
class Item(Generic[M_co]):
    """A sound item of a list and where it stands. No repr: it may be an accommodation."""

    value: M_co
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


def skills(services: Sequence[Item[Service]],
           agents: Sequence[Item[Agent]]) -> tuple[list[Problem], list[Problem]]:
    """What services ask for and what agents have must meet. Problems and warnings."""
    had = {skill for agent in agents for skill in agent.value.skills}
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for item in services:
        unknown = _unknown(item, had)
        problems += unknown
        if unknown:
            continue
        service = item.value
        if not _reached(service.floor, {}, agents):
            problems.append(Problem(item.where("floor"), f"no agent reaches the floor of '{service.id}'",
                                    "Lower it, or raise levels in team.yaml."))
            continue
        for index, step in enumerate(service.steps):
            if _reached(step.needs, service.floor, agents):
                continue
            last = index == len(service.steps) - 1
            (problems if last else warnings).append(Problem(
                item.where("steps", index), f"no agent fits step {index + 1} of '{service.id}' (floor included)",
                "Lower its levels, or raise them in team.yaml."))
    asked = {skill for item in services for needs in [item.value.floor, *(step.needs for step in item.value.steps)]
             for skill in needs}
    seen: set[str] = set()
    for agent in agents:
        for skill in agent.value.skills:
            if skill not in asked and skill not in seen:
                seen.add(skill)
                warnings.append(Problem(agent.where("skills", skill), f"no service asks for the skill '{skill}'",
                                        guess(skill, asked)))
    return problems, warnings


def _unknown(item: Item[Service], had: set[str]) -> list[Problem]:
    places: list[tuple[Loc, dict[str, int]]] = [(("floor",), item.value.floor)]
    places += [(("steps", index, "needs"), step.needs) for index, step in enumerate(item.value.steps)]
    return [Problem(item.where(*loc, skill), f"nobody has the skill '{skill}'", guess(skill, had))
            for loc, needs in places for skill in needs if skill not in had]


def _reached(needs: dict[str, int], floor: dict[str, int], agents: Sequence[Item[Agent]]) -> bool:
    wanted = [*needs.items(), *floor.items()]
    return any(all(agent.value.skills.get(skill, -1) >= level for skill, level in wanted) for agent in agents)


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


def accommodations(needs: Sequence[Item[Accommodation]], agents: Sequence[Item[Agent]],
                   whole: bool) -> list[Problem]:
    """Each is for one agent of the team. Whose it is, is not said."""
    known = {agent.value.id for agent in agents}
    seen: set[str] = set()
    problems = []
    for item in needs:
        if whole and item.value.agent not in known:
            problems.append(Problem(item.where("agent"), "the 'agent' is not in team.yaml", "Correct the id."))
        if item.value.agent in seen:
            problems.append(Problem(item.where("agent"), "a second entry for the same 'agent'", "Make them one."))
        seen.add(item.value.agent)
    return problems


def reviews(needs: Sequence[Item[Accommodation]], today: date) -> list[Problem]:
    """An accommodation past its review stays in force; somebody should ask the agent again."""
    return [Problem(item.where("review_at"), "the date in 'review_at' has passed; everything stays in force",
                    "Review it with the agent and set a new date.")
            for item in needs if item.value.review_at is not None and item.value.review_at < today]
