"""Where the nodes of a menu lead: what can only be seen by walking. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from ivr.flow.model import MAX_DEPTH, Flow, Menu, Queue, Speech


class Finding(NamedTuple):
    """What is wrong with a node."""

    node: str
    what: str
    mend: str


def ways(flow: Flow, name: str) -> tuple[str, ...]:
    """Where a node leads by what the caller does, the fall-back after failures included."""
    match flow.nodes[name]:
        case Speech(then=then):
            return (then,)
        case Menu(options=options, after_failures=after):
            return (*(option.then for option in options), after)
        case Queue():
            return ()


def findings(flow: Flow) -> list[Finding]:
    """Problems in the order of the file's nodes."""
    found: list[Finding] = []
    reached = _depths(flow)
    ends = _ending(flow)
    for name, node in flow.nodes.items():
        if name not in reached:
            found.append(Finding(name, f"nobody reaches node '{name}'",
                                 "Lead to it with an option or 'then', or take it out."))
        if name not in ends:
            found.append(Finding(name, f"node '{name}' is in a loop without a way out",
                                 "Lead it to a queue, or to a menu that has one."))
        if isinstance(node, Menu):
            if reached.get(name, 0) > MAX_DEPTH:
                found.append(Finding(name, f"menu '{name}' is number {reached[name]} one behind the other",
                                     f"People find their way through {MAX_DEPTH}: bring it forward."))
            if not isinstance(flow.nodes[node.after_failures], Queue):
                found.append(Finding(name, f"'after_failures' of menu '{name}' leads to '{node.after_failures}', "
                                     "which is not a queue", f"Lead it to '{flow.human}': a person helps."))
            found += [Finding(name, f"key {option.key} of menu '{name}' leads back to the same menu",
                              "Take the option out; '#' repeats the menu.")
                      for option in node.options if option.then == name]
    return found


def _depths(flow: Flow) -> dict[str, int]:
    """Node -> how many menus stand on the shortest way to it, itself included."""
    depths: dict[str, int] = {}
    waiting = deque((name, 0) for name in flow.entries.values())
    while waiting:
        name, before = waiting.popleft()
        depth = before + isinstance(flow.nodes[name], Menu)
        if name in depths and depths[name] <= depth:
            continue
        depths[name] = depth
        waiting.extend((then, depth) for then in ways(flow, name))
    return depths


def _ending(flow: Flow) -> set[str]:
    """Nodes from which a queue can be reached."""
    before: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for name in flow.nodes:
        for then in ways(flow, name):
            before[then].append(name)
    ends = {name for name, node in flow.nodes.items() if isinstance(node, Queue)}
    waiting = list(ends)
    while waiting:
        for name in before[waiting.pop()]:
            if name not in ends:
                ends.add(name)
                waiting.append(name)
    return ends
