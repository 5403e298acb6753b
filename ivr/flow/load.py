"""A menu document -> `Flow`, or every problem of it together, each with file and line and how to mend it.

The document is already parsed: dicts with `.file`, `.line` and `.lines[key]`, lists with `.line` and `.lines[i]`. Two
passes: the shape of each node, then (only for a document whose shape is right) where the nodes lead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from ivr.flow import walk
from ivr.flow.model import (
    GOOD_OPTIONS,
    HUMAN_KEY,
    MAX_OPTIONS,
    OPTION_KEYS,
    RESERVED,
    End,
    Flow,
    Menu,
    Node,
    Option,
    Queue,
    Speech,
)

TOP = ("entries", "human", "nodes")
SPEECH = ("say", "then")
MENU = ("intro", "options", "closing", "after_failures")
QUEUE = ("queue", "priority", "say")
END = ("say", "end")
KINDS = ("options", "queue", "then", "end")
"""The key that tells what a node is."""
OPTION = ("key", "say", "confirm", "then")
MAX_NODES = 500
"""Nodes of one file. A ministry's menu has ten; the depth rule alone ends it near a hundred."""
MAX_PRIORITY = 120
"""Two hours of waiting: more would put a caller before everybody for the whole day."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")


class Problem(NamedTuple):
    """One thing to mend."""

    where: str
    """`menu.yaml:12`."""
    what: str
    """What is wrong, without a full stop."""
    mend: str
    """What to do about it, a whole sentence."""
    warning: bool = False
    """True: the centre can run all the same."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}"


class Loaded(NamedTuple):
    """`flow` is None when there is a problem that is more than a warning."""

    flow: Flow | None
    problems: tuple[Problem, ...]


def load(document: Any, *, prompts: Collection[str], services: Collection[str] | None,
         closed: str | None = None) -> Loaded:
    """Check a parsed menu. `prompts` are the keys that exist, `services` the ids of services.yaml (None: it could not
    be read, so they are not judged), `closed` the entry used while the centre is closed: a menu that nobody reaches
    otherwise may do without key 0 and end in good-bye."""
    reader = _Reader(frozenset(prompts), None if services is None else frozenset(services), closed)
    flow = reader.read(document)
    if flow is not None and not reader.wrong:
        for found in walk.findings(flow, walk.closed_only(flow, closed)):
            reader.note(reader.places.get(found.node, (reader.file, 1)), found.what, found.mend)
    problems = tuple(sorted(reader.problems, key=lambda each: int(each.where.rpartition(":")[2])))
    return Loaded(None if reader.wrong else flow, problems)


Place = tuple[str, int]


class _Reader:
    """Collects problems; every method gives what it could read."""

    def __init__(self, prompts: frozenset[str], services: frozenset[str] | None, closed: str | None) -> None:
        self.prompts, self.services, self.closed = prompts, services, closed
        self.problems: list[Problem] = []
        self.places: dict[str, Place] = {}
        self.names: list[str] = []
        self.file = "menu.yaml"

    @property
    def wrong(self) -> bool:
        return any(not problem.warning for problem in self.problems)

    def note(self, place: Place, what: str, mend: str, *, warning: bool = False) -> None:
        self.problems.append(Problem(f"{place[0]}:{place[1]}", what, mend, warning))

    # -- the document

    def read(self, document: Any) -> Flow | None:
        self.file = getattr(document, "file", self.file)
        if not isinstance(document, dict):
            self.note((self.file, 1), "this is not a menu", "Write the keys 'entries', 'human' and 'nodes'.")
            return None
        self.keys(document, TOP, TOP)
        entries, nodes = document.get("entries"), document.get("nodes")
        if not isinstance(nodes, dict) or not nodes:
            if "nodes" in document:
                self.note(self.at(document, "nodes"), "'nodes' is no mapping of nodes", "Write 'name:' and its keys.")
            return None
        if len(nodes) > MAX_NODES:
            self.note(self.at(document, "nodes"), f"{len(nodes)} nodes", f"A menu has at most {MAX_NODES}.")
            return None
        self.names = [str(name) for name in nodes]
        made: dict[str, Node] = {}
        for name, raw in nodes.items():
            self.places[str(name)] = self.at(nodes, name)
            node = self.node(str(name), raw, self.at(nodes, name))
            if node is not None:
                made[str(name)] = node
        starts = self.entries(document, entries)
        flow = Flow(starts, self.target(document, "human"), made)
        if flow.human in made:
            self.human(document, flow)
        return flow

    def entries(self, document: Any, entries: Any) -> dict[str, str]:
        if not isinstance(entries, dict) or not entries:
            if "entries" in document:
                self.note(self.at(document, "entries"), "'entries' names no entry",
                          "Write 'ana: <first node>' under it.")
            return {}
        return {str(name): self.target(entries, name) for name in entries}

    def human(self, document: Any, flow: Flow) -> None:
        human = flow.human
        if not isinstance(flow.nodes[human], Queue):
            self.note(self.at(document, "human"), f"'{human}' is not a queue",
                      "The human is a node with 'queue: <service>'.")
        at_night = walk.closed_only(flow, self.closed)
        for node in flow.nodes.values():
            if not isinstance(node, Menu):
                continue
            zero = next((option for option in node.options if option.key == HUMAN_KEY), None)
            if zero is None and node.name in at_night:
                continue
            if zero is None:
                self.note(self.places[node.name], f"menu '{node.name}' has no key 0",
                          f"Add an option with 'key: 0' and 'then: {human}'.")
            elif zero.then != human:
                self.note(self.places.get(f"{node.name} 0", self.places[node.name]),
                          f"key 0 leads to '{zero.then}', not to the human", f"Write 'then: {human}'.")

    # -- nodes

    def node(self, name: str, raw: Any, place: Place) -> Node | None:
        if not _NAME.match(name):
            self.note(place, f"'{name[:60]}' is no name for a node", "Use a-z, 0-9 and '-', at most 40.")
        if not isinstance(raw, dict):
            self.note(place, f"node '{name}' has no keys",
                      "Write 'say' and 'then', or 'options', or 'queue', or 'say' and 'end' under it.")
            return None
        kinds = [kind for kind in KINDS if kind in raw]
        if len(kinds) != 1:
            what = " and ".join(f"'{kind}'" for kind in kinds) or "neither 'then', 'options', 'queue' nor 'end'"
            guess = self.nearest(raw, KINDS) if not kinds else ""
            self.note(place, f"node '{name}' has {what}",
                      guess or "A node is a speech, a menu, a queue or an end: keep one.")
            return None
        if kinds == ["options"]:
            return self.menu(name, raw)
        if kinds == ["queue"]:
            return self.queue(name, raw)
        if kinds == ["end"]:
            return self.end(name, raw)
        self.keys(raw, SPEECH, SPEECH)
        return Speech(name, self.said(raw, "say"), self.target(raw, "then"))

    def queue(self, name: str, raw: Any) -> Queue:
        self.keys(raw, QUEUE, ("queue",))
        service = raw["queue"]
        if self.services is not None and str(service) not in self.services:
            self.unknown(self.at(raw, "queue"), "service", service, self.services)
        priority = raw.get("priority", 0)
        if type(priority) is not int or not 0 <= priority <= MAX_PRIORITY:
            self.note(self.at(raw, "priority"), "'priority' is no whole number of points",
                      f"Write 0 to {MAX_PRIORITY}; a point counts as one minute of waiting.")
            priority = 0
        return Queue(name, str(service), priority, self.said(raw, "say"))

    def end(self, name: str, raw: Any) -> End:
        self.keys(raw, END, END)
        if raw["end"] is not True:
            self.note(self.at(raw, "end"), f"'end' of node '{name}' is not 'true'",
                      "Write 'end: true', or lead on with 'then'.")
        return End(name, self.said(raw, "say"))

    def menu(self, name: str, raw: Any) -> Menu:
        self.keys(raw, MENU, ("options",))
        if "after_failures" in raw:
            after = self.target(raw, "after_failures")
        else:
            after = ""
            self.note(self.places[name], f"menu '{name}' has no 'after_failures': a caller who presses nothing would"
                      " be lost", "Write 'after_failures: <the human node>'.")
        options = raw["options"]
        made: list[Option] = []
        if not isinstance(options, list) or not options:
            self.note(self.at(raw, "options"), f"menu '{name}' has no options", "Write a list of '- key: …' under it.")
            options = []
        for number, item in enumerate(options):
            place = (self.file, options.lines[number])  # type: ignore[attr-defined]  # the reader's list knows its lines
            option = self.option(name, item, place)
            if option is not None:
                self.once(name, option, made, place)
                made.append(option)
        self.count(name, raw, made)
        return Menu(name, tuple(made), after, self.said(raw, "intro"), self.said(raw, "closing"))

    def option(self, menu: str, raw: Any, place: Place) -> Option | None:
        if not isinstance(raw, dict):
            self.note(place, "an option without keys", "Write 'key', 'say', 'confirm' and 'then'.")
            return None
        self.keys(raw, OPTION, OPTION)
        key = str(raw.get("key", ""))
        if "key" in raw and (len(key) != 1 or key not in OPTION_KEYS):
            why = "is reserved (# repeats, * speaks slowly, 9 goes back)" if key in RESERVED else "is no key of a menu"
            self.note(self.at(raw, "key"), f"'{key[:20]}' {why}", "Use one of 0 to 8.")
        if key == HUMAN_KEY:
            self.places[f"{menu} 0"] = self.at(raw, "then") if "then" in raw else place
        says, confirms = self.said(raw, "say"), self.said(raw, "confirm")
        return Option(key, "".join(says[:1]), "".join(confirms[:1]), self.target(raw, "then"))

    def once(self, menu: str, option: Option, before: list[Option], place: Place) -> None:
        if option.key and any(other.key == option.key for other in before):
            self.note(place, f"key {option.key} stands twice in menu '{menu}'", "Give each option its own key.")

    def count(self, name: str, raw: Any, made: list[Option]) -> None:
        options = sum(option.key != HUMAN_KEY for option in made)
        if options > MAX_OPTIONS:
            self.note(self.at(raw, "options"), f"menu '{name}' has {options} options beside 0",
                      f"Nobody keeps more than {MAX_OPTIONS} in mind: make two menus of them.")
        elif options > GOOD_OPTIONS:
            self.note(self.at(raw, "options"), f"menu '{name}' has {options} options beside 0",
                      f"{GOOD_OPTIONS} are easier to keep in mind.", warning=True)

    # -- values

    def at(self, mapping: Any, key: Any) -> Place:
        line = mapping.lines.get(key, mapping.line)
        return self.file, int(line)

    def keys(self, mapping: Any, known: tuple[str, ...], needed: Iterable[str]) -> None:
        for key in mapping:
            if key not in known:
                self.unknown(self.at(mapping, key), "key", key, known)
        for key in needed:
            if key not in mapping:
                self.note((self.file, int(mapping.line)), f"'{key}' is missing", f"Write '{key}: …' here.")

    def nearest(self, mapping: Any, known: tuple[str, ...]) -> str:
        for key in mapping:
            near = difflib.get_close_matches(str(key), known, 1)
            if near:
                return f"Did you mean '{near[0]}' instead of '{key}'?"
        return ""

    def unknown(self, place: Place, what: str, given: Any, known: Collection[str]) -> None:
        near = difflib.get_close_matches(str(given), sorted(known), 1)
        some = ", ".join(sorted(known)[:8])
        mend = f"Did you mean '{near[0]}'?" if near else f"Known are: {some}." if some else "There is none yet."
        self.note(place, f"unknown {what} '{str(given)[:60]}'", mend)

    def target(self, mapping: Any, key: str) -> str:
        if key not in mapping:
            return ""
        name = str(mapping[key])
        if name not in self.names:
            self.unknown(self.at(mapping, key), "node", name, self.names)
        return name

    def said(self, mapping: Any, key: str) -> tuple[str, ...]:
        if key not in mapping:
            return ()
        raw = mapping[key]
        keys = raw if isinstance(raw, list) else [raw]
        found: list[str] = []
        for number, prompt in enumerate(keys):
            place = (self.file, raw.lines[number]) if isinstance(raw, list) else self.at(mapping, key)  # type: ignore[attr-defined]
            if not isinstance(prompt, str) or prompt not in self.prompts:
                self.unknown(place, "prompt", prompt, self.prompts)
            else:
                found.append(prompt)
        if not keys:
            self.note(self.at(mapping, key), f"'{key}' is empty", "Name a prompt, or take the key out.")
        return tuple(found)
