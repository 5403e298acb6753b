"""A menu document -> `Flow`, or every problem of it together, each with file and line and how to mend it.

The document is already parsed: dicts with `.file`, `.line` and `.lines[key]`, lists with `.line` and `.lines[i]`.
First the shape of each node (`nodes.py`), then, only for a document whose shape is right, where the nodes lead
(`walk.py`) and what is heard (`hear.py`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ivr.flow import hear, walk
from ivr.flow.fields import Names, Place, Problem
from ivr.flow.model import HUMAN_KEY, Flow, HumanFirst, Menu, Node, Queue
from ivr.flow.nodes import Nodes

TOP = ("entries", "human", "nodes")
HUMAN_FIRST = "human_first"
MAX_NODES = 500
"""Nodes of one file. A ministry's menu has twenty; the depth rule alone ends it near a hundred."""


class Loaded(NamedTuple):
    """`flow` is None when there is a problem that is more than a warning."""

    flow: Flow | None
    problems: tuple[Problem, ...]


def load(document: Any, names: Names, voice: hear.Voice | None = None) -> Loaded:
    """Check a parsed menu against what it may name, and, with `voice`, how long it takes and what its sentences say."""
    reader = _Reader(names)
    flow = reader.read(document)
    if flow is not None and not reader.wrong:
        at_night = walk.closed_only(flow, names.closed)
        found = walk.findings(flow, at_night, names.distress, names.closed)
        found += walk.human_first(flow, HUMAN_FIRST)
        if voice is not None:
            found += hear.findings(flow, voice, at_night)
        for one in found:
            reader.note(reader.place(one.node, one.key), one.what, one.mend, warning=one.warning)
    problems = tuple(sorted(reader.problems, key=lambda each: int(each.where.rpartition(":")[2])))
    return Loaded(None if reader.wrong else flow, problems)


class _Reader(Nodes):
    """Reads the document around the nodes."""

    def read(self, document: Any) -> Flow | None:
        self.file = getattr(document, "file", self.file)
        if not isinstance(document, dict):
            self.note((self.file, 1), "this is not a menu", "Write the keys 'entries', 'human' and 'nodes'.")
            return None
        self.keys(document, (*TOP, HUMAN_FIRST), TOP)
        nodes = document.get("nodes")
        if not isinstance(nodes, dict) or not nodes:
            if "nodes" in document:
                self.note(self.at(document, "nodes"), "'nodes' is no mapping of nodes", "Write 'name:' and its keys.")
            return None
        if len(nodes) > MAX_NODES:
            self.note(self.at(document, "nodes"), f"{len(nodes)} nodes", f"A menu has at most {MAX_NODES}.")
            return None
        self.targets = [str(name) for name in nodes]
        made: dict[str, Node] = {}
        for name, raw in nodes.items():
            self.places[str(name)] = self.at(nodes, name)
            node = self.node(str(name), raw, self.at(nodes, name))
            if node is not None:
                made[str(name)] = node
        starts = self.entries(document, document.get("entries"))
        flow = Flow(starts, self.target(document, "human"), made, self.human_first(document))
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

    def human_first(self, document: Any) -> HumanFirst | None:
        if HUMAN_FIRST not in document:
            return None
        raw = document[HUMAN_FIRST]
        if not isinstance(raw, dict):
            self.note(self.at(document, HUMAN_FIRST), f"'{HUMAN_FIRST}' has no keys",
                      "Write 'priority: 10' under it, and 'then: <node>': what leads them to a person.")
            return None
        self.keys(raw, ("priority", "then"), ("priority",))
        self.places[HUMAN_FIRST] = self.at(raw, "then") if "then" in raw else self.at(document, HUMAN_FIRST)
        return HumanFirst(self.points(raw), self.target(raw, "then"))

    def human(self, document: Any, flow: Flow) -> None:
        human = flow.human
        if not isinstance(flow.nodes[human], Queue):
            self.note(self.at(document, "human"), f"'{human}' is not a queue",
                      "The human is a node with 'queue: <service>'.")
        at_night = walk.closed_only(flow, self.known.closed)
        # A wrong name of the entry is told where it stands: a key 0 at night would be a wrong way to mend it.
        known = self.known.closed_known and self.known.closed in (None, *flow.entries)
        for node in flow.nodes.values():
            if not isinstance(node, Menu):
                continue
            zero = node.option(HUMAN_KEY)
            if zero is None and (node.name in at_night or not known):
                continue
            if zero is None:
                self.note(self.places[node.name], f"menu '{node.name}' has no key 0",
                          f"Add an option with 'key: 0' and 'then: {human}'.")
            elif zero.then != human:
                self.note(self.place(node.name, f"option {HUMAN_KEY} then"),
                          f"key 0 leads to '{zero.then}', not to the human", f"Write 'then: {human}'.")

    def place(self, node: str, key: str = "") -> Place:
        """Where a node stands, or a key of it."""
        return self.places.get(f"{node} {key}") or self.places.get(node, (self.file, 1))
