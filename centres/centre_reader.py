"""Read a centre whole: every file, and every problem at once.

| file | what | may be missing |
|---|---|---|
| `santral.toml` | settings; the overlay of a machine replaces single keys | no |
| `services.yaml` | `services`: a list | no |
| `team.yaml` | `agents`: a list | no |
| `accommodations.yaml` | `accommodations`: a list. Only its lines and the names of known keys are ever shown | yes |
| `menu.yaml` | read as a document; the loader of the menu machine checks it | no |
"""

from __future__ import annotations

import stat
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from centres.base_shapes import Shape
from centres.checks import cross_checks, rule_checks, seat_checks
from centres.document_reader import Mapping, Sequence, read_document
from centres.problem import Problem
from centres.services import Service
from centres.settings import Settings
from centres.team import Accommodation, Agent
from centres.validation import locate_in, suggest_word, validate_value

SETTINGS, SERVICES, TEAM, ACCOMMODATIONS, MENU = (
    "santral.toml", "services.yaml", "team.yaml", "accommodations.yaml", "menu.yaml")

SHIPPED = Path(__file__).resolve().parent
"""Folder of the centres that come with Santral. Their accommodations are examples, so others may read them."""

NO_OVERLAY = "Name the file of this machine's settings, or leave --settings out."

M = TypeVar("M", bound=Shape)


@dataclass(frozen=True)
class LoadedCentre:
    """The files of a centre as read. If there are problems, this holds everything that could be read."""

    folder: Path
    settings: Settings | None
    services: tuple[Service, ...]
    agents: tuple[Agent, ...]
    accommodations: Dict[str, Accommodation] = field(repr=False)
    """By agent, the accommodation in force on `day`. Agents without one are missing."""
    entries: tuple[cross_checks.Item[Accommodation], ...] = field(repr=False)
    """Every accommodation, whatever its dates; `in_force` chooses among them."""
    menu: Mapping | None = field(repr=False)
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    documents: tuple[Mapping, ...] = field(repr=False)
    """santral.toml and its overlay, the overlay first; used by `where`."""

    places: Dict[tuple[str, str], cross_checks.Located] = field(repr=False, default_factory=dict)
    """(file, id) -> the location of an item; used by `location_of` and `location_of_need`."""
    services_whole: bool = False
    """Whether every item of services.yaml is sound."""
    team_whole: bool = False
    """Whether every item of team.yaml is sound."""
    named: frozenset[str] | None = None
    """Ids in services.yaml, also of items with mistakes. None if the file cannot be read."""
    unsound: tuple[cross_checks.Unsound, ...] = field(repr=False, default=())
    """Items of services.yaml with mistakes, so that cross-checks can report their other mistakes too."""
    day: date = date.min
    """The day of `accommodations`, by the centre's clock."""

    def location_of(self, file: str, id_: str, *more: int | str) -> str:
        """Return `file:line` of an item of services.yaml or team.yaml, or of a key inside it."""
        return self.places[file, id_].where(*more)

    @property
    def dated(self) -> tuple[Accommodation, ...]:
        """All accommodations, without their locations."""
        return tuple(item.value for item in self.entries)

    def in_force(self, day: date) -> Dict[str, Accommodation]:
        """Return, by agent, the accommodation in force on a day."""
        return {agent: item.value for agent, item in cross_checks.in_force(self.entries, day).items()}

    def on_day(self, day: date) -> LoadedCentre:
        """Return the same files with the accommodations in force on another day."""
        force = cross_checks.in_force(self.entries, day)
        others = {key: place for key, place in self.places.items() if key[0] != ACCOMMODATIONS}
        return replace(self, accommodations={agent: item.value for agent, item in force.items()},
                       places={**others, **_need_locations(force)}, day=day)

    def location_of_need(self, agent: str, key: str) -> str:
        """Return `file:line` of a key of an agent's accommodation in force."""
        return self.places[ACCOMMODATIONS, agent].where(key)

    def where(self, *place: int | str) -> str:
        """Return `file:line` of a key of the settings, such as `where("numbers", "4440632")`."""
        return locate_in(self.documents, place) or f"{SETTINGS}:1"


def load_centre(folder: Path, overlay: Path | None = None, *, today: date | None = None) -> LoadedCentre:
    """Read the centre in a folder. Mistakes in its files never raise: they are in `problems` and `warnings`."""
    # 1. Stop if the folder holds no centre.
    if nowhere := _no_centre(folder):
        return LoadedCentre(folder, None, (), (), {}, (), None, (nowhere,), (), ())
    # 2. Read each file alone.
    reader = _CentreReader(folder)
    settings, documents = reader.read_settings(overlay)
    services, services_whole = reader.read_items(SERVICES, "services", Service)
    agents, agents_whole = reader.read_items(TEAM, "agents", Agent)
    needs, _ = reader.read_items(ACCOMMODATIONS, "accommodations", Accommodation, private=True)
    menu = reader.read_menu()
    # 3. Check the files against each other. A check that needs a whole file is skipped if an item of it is wrong.
    problems = reader.problems
    problems += (cross_checks.check_unique(services, "id", "service")
                 + cross_checks.check_unique(agents, "id", "agent id"))
    problems += cross_checks.check_unique(agents, "number", "sign-in number")
    problems += rule_checks.check_rules(services) if services_whole else []
    if settings is not None:
        problems += cross_checks.check_fallback(settings, documents, services, services_whole)
        problems += cross_checks.check_numbers(settings, documents)
        problems += cross_checks.check_hours(settings, documents)
        problems += cross_checks.pause_reasons(settings, documents)
        problems += cross_checks.check_closures(settings, documents, services, services_whole)
        problems += cross_checks.check_lines(settings, documents, services, services_whole)
        problems += seat_checks.check_seats(settings, documents)
    problems += cross_checks.check_accommodations(needs, agents, agents_whole)
    # 4. Choose the accommodations of the day, and warn about those that should be reviewed.
    day = today or datetime.now(UTC if settings is None else ZoneInfo(settings.centre.timezone)).date()
    force = cross_checks.in_force(needs, day)
    warnings = cross_checks.check_reviews(force.values(), day) + _check_permissions(folder)
    # 5. Remember where each item is, so that later checks can name file and line.
    places: dict[tuple[str, str], cross_checks.Located] = {
        **{(SERVICES, item.value.id): item for item in services}, **{(TEAM, item.value.id): item for item in agents},
        **_need_locations(force)}
    return LoadedCentre(
        folder, settings, tuple(item.value for item in services), tuple(item.value for item in agents),
        {agent: item.value for agent, item in force.items()}, tuple(needs), menu,
        tuple(sorted(problems, key=lambda one: one.order)), tuple(sorted(warnings, key=lambda one: one.order)),
        documents, places, services_whole, agents_whole, reader.named_ids(SERVICES),
        tuple(reader.unsound_items(SERVICES)), day)


def _need_locations(force: Dict[str, cross_checks.Item[Accommodation]]) -> dict[tuple[str, str], cross_checks.Located]:
    return {(ACCOMMODATIONS, agent): item for agent, item in force.items()}


def _no_centre(folder: Path) -> Problem | None:
    """Return one problem if the folder holds no centre, instead of one for each missing file."""
    try:
        why = "it is no folder"
        if stat.S_ISDIR(folder.stat().st_mode):
            why = "it holds none of a centre's files"
            if any((folder / name).exists() for name in (SETTINGS, SERVICES, TEAM, MENU)):
                return None
    except OSError as error:
        why = error.strerror or str(error)
    return Problem(str(folder), f"no centre is there: {why}",
                   "Name the folder that holds santral.toml, services.yaml, team.yaml and menu.yaml.")


class _CentreReader:
    """Reads the files of one folder and collects their problems."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named: dict[str, frozenset[str]] = {}
        self._unsound: dict[str, list[cross_checks.Unsound]] = {}
        self.problems: list[Problem] = []

    def read_settings(self, overlay: Path | None) -> tuple[Settings | None, tuple[Mapping, ...]]:
        documents = []
        # The overlay is first, so that a problem names the line of the value that counts.
        for path in [*([overlay] if overlay else []), self._folder / SETTINGS]:
            parsed = read_document(path, toml=True, missing=NO_OVERLAY if path == overlay else None)
            self.problems += parsed.problems
            if isinstance(parsed.data, Mapping):
                documents.append(parsed.data)
        if len(documents) < (2 if overlay else 1):
            return None, tuple(documents)
        data: dict[str, Any] = {}
        for document in reversed(documents):
            data = _merge_overlay(data, document)
        settings, found = validate_value(Settings, tuple(documents), data)
        self.problems += found
        return settings, tuple(documents)

    def named_ids(self, name: str) -> frozenset[str] | None:
        """Return the ids in a file, also of items with mistakes. Return None if it could not be read."""
        return self._named.get(name)

    def unsound_items(self, name: str) -> list[cross_checks.Unsound]:
        """Return the items of a file that have mistakes."""
        return self._unsound.get(name, [])

    def read_menu(self) -> Mapping | None:
        parsed = read_document(self._folder / MENU)
        self.problems += parsed.problems
        # A YAML problem is reported already; an empty file or a list needs its own.
        if not isinstance(parsed.data, Mapping):
            if not parsed.problems:
                self.problems.append(Problem(f"{MENU}:1", "there is no menu", "Write 'entries', 'human', 'nodes'."))
            return None
        return None if parsed.problems else parsed.data

    def read_items(self, name: str, key: str, model: type[M], *,
                   private: bool = False) -> tuple[list[cross_checks.Item[M]], bool]:
        """Return the sound items of the one list in a file, and whether all items are sound."""
        path = self._folder / name
        # Only the accommodations may be missing.
        if private and not path.exists():
            return [], True
        parsed = read_document(path, private=private)
        self.problems += parsed.problems
        document = parsed.data
        if not isinstance(document, Mapping):
            if not parsed.problems:
                self.problems.append(Problem(f"{name}:1", f"the key '{key}' is missing", f"Begin with '{key}:'."))
            return [], False
        # 1. Report keys next to the list.
        for other in document.keys() - {key}:
            self.problems.append(Problem(f"{name}:{document.lines[other]}",
                                         "unknown key" if private else f"unknown key '{other}'",
                                         suggest_word(other, [key])))
        # 2. The list must have items. Accommodations may be empty: a team may need none.
        listed = document.get(key)
        if not isinstance(listed, Sequence) or (not listed and not private):
            at = document.lines.get(key, document.line)
            self.problems.append(Problem(f"{name}:{at}", f"'{key}' should be a list with at least one item",
                                         "Write items that begin with '- '."))
            return [], False
        # 3. Note the ids of all items, so that a reference to an item with mistakes is no second problem.
        self._named[name] = frozenset(str(item["id"]) for item in listed if isinstance(item, Mapping) and "id" in item)
        # 4. Check each item.
        found: list[cross_checks.Item[M]] = []
        for index, item in enumerate(listed):
            value, problems = validate_value(model, (document,), item, (key, index), private=private)
            self.problems += problems
            if value is not None:
                found.append(cross_checks.Item(value, document, (key, index)))
            elif isinstance(item, Mapping):
                self._unsound.setdefault(name, []).append(cross_checks.Unsound(item, document, (key, index)))
        return found, len(found) == len(listed) and not parsed.problems


def _merge_overlay(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `top` over it. Tables are merged key by key; any other value replaces the one below."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        merged[key] = _merge_overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _check_permissions(folder: Path) -> list[Problem]:
    path = folder / ACCOMMODATIONS
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return []
    if not mode & 0o077 or SHIPPED in path.resolve().parents:
        return []
    return [Problem(f"{ACCOMMODATIONS}:1", f"others may read this file (mode {mode:04o})",
                    f"Run: chmod 600 {ACCOMMODATIONS}")]
