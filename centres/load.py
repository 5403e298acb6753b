"""Reads a centre whole: every file, every problem at once.

| file | what | may be missing |
|---|---|---|
| `santral.toml` | settings; the overlay of a machine is laid over it, key by key | no |
| `services.yaml` | `services`: a list | no |
| `team.yaml` | `agents`: a list | no |
| `accommodations.yaml` | `accommodations`: a list. Only its lines and the names of known keys are ever shown | yes |
| `menu.yaml` | read as a document and handed on: the menu machine's own loader checks it | no |
"""

from __future__ import annotations

import stat
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from centres import cross
from centres.document import Mapping, Sequence, read
from centres.model import Shape
from centres.problem import Problem
from centres.services import Service
from centres.settings import Settings
from centres.shape import guess, validate, where
from centres.team import Accommodation, Agent

SETTINGS, SERVICES, TEAM, ACCOMMODATIONS, MENU = (
    "santral.toml", "services.yaml", "team.yaml", "accommodations.yaml", "menu.yaml")

SHIPPED = Path(__file__).resolve().parent
"""Examples that come with Santral are nobody's data: their accommodations may be readable."""

NO_OVERLAY = "Name the file of this machine's settings, or leave --settings out."

M = TypeVar("M", bound=Shape)


@dataclass(frozen=True)
class Loaded:
    """A centre's files as read. With problems, whatever could be read is here all the same."""

    folder: Path
    settings: Settings | None
    services: tuple[Service, ...]
    agents: tuple[Agent, ...]
    accommodations: Dict[str, Accommodation] = field(repr=False)
    """By agent, what is in force on the `day`. Agents without one are not in it."""
    entries: tuple[cross.Item[Accommodation], ...] = field(repr=False)
    """Every accommodation, whatever its dates: `in_force` chooses."""
    menu: Mapping | None = field(repr=False)
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    documents: tuple[Mapping, ...] = field(repr=False)
    """santral.toml and its overlay, the overlay first: for `where`."""

    places: Dict[tuple[str, str], cross.Place] = field(repr=False, default_factory=dict)
    """(file, id) -> where an item stands: for `place` and `need`."""
    services_whole: bool = False
    """Every item of services.yaml is sound."""
    team_whole: bool = False
    """Every item of team.yaml is."""
    named: frozenset[str] | None = None
    """Ids of services.yaml, those of items with mistakes too; None: the file cannot be read."""
    unsound: tuple[cross.Unsound, ...] = field(repr=False, default=())
    """Items of services.yaml with mistakes, as they stand there: what else is wrong in them is told all the same."""
    day: date = date.min
    """Whose needs are in `accommodations`; where the centre is."""

    def place(self, file: str, id_: str, *more: int | str) -> str:
        """`file:line` of an item of services.yaml or team.yaml, or of a key inside it."""
        return self.places[file, id_].where(*more)

    @property
    def dated(self) -> tuple[Accommodation, ...]:
        """What is in `entries`."""
        return tuple(item.value for item in self.entries)

    def in_force(self, day: date) -> Dict[str, Accommodation]:
        """By agent, what is in force on a day."""
        return {agent: item.value for agent, item in cross.in_force(self.entries, day).items()}

    def on(self, day: date) -> Loaded:
        """The same files with what is in force on another day."""
        force = cross.in_force(self.entries, day)
        others = {key: place for key, place in self.places.items() if key[0] != ACCOMMODATIONS}
        return replace(self, accommodations={agent: item.value for agent, item in force.items()},
                       places={**others, **_needed(force)}, day=day)

    def need(self, agent: str, key: str) -> str:
        """`file:line` of a key of an agent's accommodation in force."""
        return self.places[ACCOMMODATIONS, agent].where(key)

    def where(self, *place: int | str) -> str:
        """`file:line` of a key of the settings, such as `where("numbers", "4440632")`."""
        return where(self.documents, place) or f"{SETTINGS}:1"


def load(folder: Path, overlay: Path | None = None, *, today: date | None = None) -> Loaded:
    """The centre in a folder. Never raises for what is wrong in the files: that is in `problems` and `warnings`."""
    if nowhere := _no_centre(folder):
        return Loaded(folder, None, (), (), {}, (), None, (nowhere,), (), ())
    reader = _Reader(folder)
    settings, documents = reader.settings(overlay)
    services, services_whole = reader.items(SERVICES, "services", Service)
    agents, agents_whole = reader.items(TEAM, "agents", Agent)
    needs, _ = reader.items(ACCOMMODATIONS, "accommodations", Accommodation, private=True)
    menu = reader.menu()
    problems = reader.problems
    problems += cross.unique(services, "id", "service") + cross.unique(agents, "id", "agent id")
    problems += cross.unique(agents, "number", "sign-in number")
    problems += cross.overflows(services) if services_whole else []
    if settings is not None:
        problems += cross.net(settings, documents) + cross.hours(settings, documents)
        problems += cross.pause_reasons(settings, documents)
        problems += cross.closures(settings, documents, services, services_whole)
    problems += cross.accommodations(needs, agents, agents_whole)
    day = today or datetime.now(UTC if settings is None else ZoneInfo(settings.centre.timezone)).date()
    force = cross.in_force(needs, day)
    warnings = cross.reviews(force.values(), day) + _permissions(folder)
    places: dict[tuple[str, str], cross.Place] = {
        **{(SERVICES, item.value.id): item for item in services}, **{(TEAM, item.value.id): item for item in agents},
        **_needed(force)}
    return Loaded(folder, settings, tuple(item.value for item in services), tuple(item.value for item in agents),
                  {agent: item.value for agent, item in force.items()}, tuple(needs), menu,
                  tuple(sorted(problems, key=lambda one: one.order)),
                  tuple(sorted(warnings, key=lambda one: one.order)), documents, places, services_whole, agents_whole,
                  reader.named(SERVICES), tuple(reader.unsound(SERVICES)), day)


def _needed(force: Dict[str, cross.Item[Accommodation]]) -> dict[tuple[str, str], cross.Place]:
    return {(ACCOMMODATIONS, agent): item for agent, item in force.items()}


def _no_centre(folder: Path) -> Problem | None:
    """A wrong folder is one mistake, not one for each file that is missing in it."""
    try:
        why = "it is no folder"
        if stat.S_ISDIR(folder.stat().st_mode):
            why = "it holds none of a centre's files"
            if any((folder / name).exists() for name in (SETTINGS, SERVICES, TEAM, MENU)):
                return None
    except OSError as error:
        why = error.strerror or str(error)
    return Problem(str(folder), f"no centre stands there: {why}",
                   "Name the folder that holds santral.toml, services.yaml, team.yaml and menu.yaml.")


class _Reader:
    """Reads the files of one folder and gathers what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named: dict[str, frozenset[str]] = {}
        self._unsound: dict[str, list[cross.Unsound]] = {}
        self.problems: list[Problem] = []

    def settings(self, overlay: Path | None) -> tuple[Settings | None, tuple[Mapping, ...]]:
        documents = []
        for path in [*([overlay] if overlay else []), self._folder / SETTINGS]:
            parsed = read(path, toml=True, missing=NO_OVERLAY if path == overlay else None)
            self.problems += parsed.problems
            if isinstance(parsed.data, Mapping):
                documents.append(parsed.data)
        if len(documents) < (2 if overlay else 1):
            return None, tuple(documents)
        data: dict[str, Any] = {}
        for document in reversed(documents):
            data = _over(data, document)
        settings, found = validate(Settings, tuple(documents), data)
        self.problems += found
        return settings, tuple(documents)

    def named(self, name: str) -> frozenset[str] | None:
        """Ids that stand in a file, of items with mistakes too; None: it could not be read."""
        return self._named.get(name)

    def unsound(self, name: str) -> list[cross.Unsound]:
        """Items of a file with mistakes."""
        return self._unsound.get(name, [])

    def menu(self) -> Mapping | None:
        parsed = read(self._folder / MENU)
        self.problems += parsed.problems
        if not isinstance(parsed.data, Mapping):
            if not parsed.problems:
                self.problems.append(Problem(f"{MENU}:1", "no menu stands here", "Write 'entries', 'human', 'nodes'."))
            return None
        return None if parsed.problems else parsed.data

    def items(self, name: str, key: str, model: type[M], *, private: bool = False) -> tuple[list[cross.Item[M]], bool]:
        """The list under the one key of a file, item by item; whether every item is sound."""
        path = self._folder / name
        if private and not path.exists():
            return [], True
        parsed = read(path, private=private)
        self.problems += parsed.problems
        document = parsed.data
        if not isinstance(document, Mapping):
            if not parsed.problems:
                self.problems.append(Problem(f"{name}:1", f"the key '{key}' is missing", f"Begin with '{key}:'."))
            return [], False
        for other in document.keys() - {key}:
            self.problems.append(Problem(f"{name}:{document.lines[other]}",
                                         "unknown key" if private else f"unknown key '{other}'", guess(other, [key])))
        listed = document.get(key)
        if not isinstance(listed, Sequence) or (not listed and not private):
            at = document.lines.get(key, document.line)
            self.problems.append(Problem(f"{name}:{at}", f"'{key}' should be a list with at least one item",
                                         "Write items that begin with '- '."))
            return [], False
        self._named[name] = frozenset(str(item["id"]) for item in listed if isinstance(item, Mapping) and "id" in item)
        found: list[cross.Item[M]] = []
        for index, item in enumerate(listed):
            value, problems = validate(model, (document,), item, (key, index), private=private)
            self.problems += problems
            if value is not None:
                found.append(cross.Item(value, document, (key, index)))
            elif isinstance(item, Mapping):
                self._unsound.setdefault(name, []).append(cross.Unsound(item, document, (key, index)))
        return found, len(found) == len(listed) and not parsed.problems


def _over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Tables are laid over each other key by key; every other value replaces what is below it."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _permissions(folder: Path) -> list[Problem]:
    path = folder / ACCOMMODATIONS
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return []
    if not mode & 0o077 or SHIPPED in path.resolve().parents:
        return []
    return [Problem(f"{ACCOMMODATIONS}:1", f"others may read this file (mode {mode:04o})",
                    f"Run: chmod 600 {ACCOMMODATIONS}")]
