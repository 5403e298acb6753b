"""Read a menu document into a `MenuFlow`, or return all its problems together, each with place and solution.

The document is already parsed: dicts have `.file`, `.line` and `.lines[key]`, lists have `.line` and `.lines[i]`. First
comes the shape of each node (`node_reader`). If all shapes are right, the paths follow (`reachability`) and then the
sounds (`sound_checks`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ivr.flow import reachability, sound_checks
from ivr.flow.field_reader import FieldProblem, FileLocation, KnownNames
from ivr.flow.menu_model import HUMAN_KEY, HumanFirst, Menu, MenuFlow, Node, Queue
from ivr.flow.node_reader import NodeReader

TOP_KEYS = ("entries", "human", "nodes")
HUMAN_FIRST = "human_first"
NOTICE = "notice"
MAX_NODES = 500
"""Most nodes of one file. The menu of a large centre has twenty, and the depth rule alone allows about a hundred."""


class LoadedMenu(NamedTuple):
    """Result of reading. `flow` is None if a problem is more than a warning."""

    flow: MenuFlow | None
    problems: tuple[FieldProblem, ...]


def load_menu(document: Any, names: KnownNames, voice: sound_checks.PromptVoice | None = None) -> LoadedMenu:
    """Check a parsed menu against the known names. With `voice`, also check its lengths and sentences."""
    reader = _MenuReader(names)
    flow = reader.read_menu(document)
    # Paths make sense only in a document whose shape is right.
    if flow is not None and not reader.has_errors:
        at_night = reachability.nodes_when_closed(flow, names.closed)
        found = reachability.find_problems(flow, at_night, names.distress, names.closed)
        found += reachability.check_human_first(flow, HUMAN_FIRST)
        if voice is not None:
            found += sound_checks.find_problems(flow, voice, at_night, names.distress)
        for one in found:
            reader.add_problem(reader.location_of_node(one.node, one.key), one.what, one.mend, warning=one.warning)
    problems = tuple(sorted(reader.problems, key=lambda each: int(each.where.rpartition(":")[2])))
    return LoadedMenu(None if reader.has_errors else flow, problems)


class _MenuReader(NodeReader):
    """Reader of the document around the nodes."""

    def read_menu(self, document: Any) -> MenuFlow | None:
        # 1. The document and its keys.
        self.file = getattr(document, "file", self.file)
        if not isinstance(document, dict):
            self.add_problem((self.file, 1), "this is not a menu", "Write the keys 'entries', 'human' and 'nodes'.")
            return None
        self.check_keys(document, (*TOP_KEYS, HUMAN_FIRST, NOTICE), TOP_KEYS)
        # 2. The nodes. Their names come first, because nodes lead to later ones.
        nodes = document.get("nodes")
        if not isinstance(nodes, dict) or not nodes:
            if "nodes" in document:
                self.add_problem(self.location_of(document, "nodes"), "'nodes' is no mapping of nodes",
                    "Write 'name:' and its keys.")
            return None
        if len(nodes) > MAX_NODES:
            self.add_problem(self.location_of(document, "nodes"), f"{len(nodes)} nodes",
                f"A menu has at most {MAX_NODES}.")
            return None
        self.targets = [str(name) for name in nodes]
        made: dict[str, Node] = {}
        for name, raw in nodes.items():
            self.places[str(name)] = self.location_of(nodes, name)
            node = self.read_node(str(name), raw, self.location_of(nodes, name))
            if node is not None:
                made[str(name)] = node
        # 3. The keys that lead into the nodes.
        starts = self.read_entries(document, document.get("entries"))
        told = self.read_prompts(document, NOTICE)
        if len(told) > 1:
            self.add_problem(self.location_of(document, NOTICE), f"'{NOTICE}' names several prompts",
                      "Name one: only a notice that was said to its end counts.")
        self.places[NOTICE] = self.location_of(document, NOTICE)
        flow = MenuFlow(starts, self.read_target(document, "human"), made, self.read_human_first(document),
                        "".join(told[:1]))
        if flow.human in made:
            self.check_human(document, flow)
        return flow

    def read_entries(self, document: Any, entries: Any) -> dict[str, str]:
        if not isinstance(entries, dict) or not entries:
            if "entries" in document:
                self.add_problem(self.location_of(document, "entries"), "'entries' names no entry",
                          "Write 'ana: <first node>' under it.")
            return {}
        return {str(name): self.read_target(entries, name) for name in entries}

    def read_human_first(self, document: Any) -> HumanFirst | None:
        if HUMAN_FIRST not in document:
            return None
        raw = document[HUMAN_FIRST]
        if not isinstance(raw, dict):
            self.add_problem(self.location_of(document, HUMAN_FIRST), f"'{HUMAN_FIRST}' has no keys",
                      "Write 'priority: 10' under it, and 'then: <node>' to lead these callers to a person.")
            return None
        self.check_keys(raw, ("priority", "then"), ("priority",))
        self.places[HUMAN_FIRST] = self.location_of(raw, "then") if "then" in raw \
            else self.location_of(document, HUMAN_FIRST)
        return HumanFirst(self.read_points(raw), self.read_target(raw, "then"))

    def check_human(self, document: Any, flow: MenuFlow) -> None:
        human = flow.human
        if not isinstance(flow.nodes[human], Queue):
            self.add_problem(self.location_of(document, "human"), f"'{human}' is not a queue",
                      "The human is a node with 'queue: <service>'.")
        at_night = reachability.nodes_when_closed(flow, self.known.closed)
        # A wrong name of the entry has its own problem. A key 0 in the closed menu would be a wrong solution.
        known = self.known.is_closed_known and self.known.closed in (None, *flow.entries)
        for node in flow.nodes.values():
            if not isinstance(node, Menu):
                continue
            zero = node.option_for(HUMAN_KEY)
            # A menu of the closed centre may lack key 0, because no agent is there.
            if zero is None and (node.name in at_night or not known):
                continue
            if zero is None:
                self.add_problem(self.places[node.name], f"menu '{node.name}' has no key 0",
                          f"Add an option with 'key: 0' and 'then: {human}'.")
            elif zero.then != human:
                self.add_problem(self.location_of_node(node.name, f"option {HUMAN_KEY} then"),
                          f"key 0 leads to '{zero.then}', not to the human", f"Write 'then: {human}'.")

    def location_of_node(self, node: str, key: str = "") -> FileLocation:
        """Return the place of a node, or of a key of it."""
        return self.places.get(f"{node} {key}") or self.places.get(node, (self.file, 1))
