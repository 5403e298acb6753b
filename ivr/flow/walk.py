"""Where the nodes of a menu lead: what can only be seen by walking. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from typing import NamedTuple

from ivr.flow.model import MAX_DEPTH, End, Flow, Menu, Queue, Speech


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
        case Queue() | End():
            return ()


def reached(flow: Flow, starts: Iterable[str]) -> frozenset[str]:
    """Every node on a way from `starts`. Names that lead nowhere are passed over: a faulty menu can be walked too."""
    found: set[str] = set()
    waiting = [name for name in starts if name in flow.nodes]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [then for then in ways(flow, name) if then in flow.nodes]
    return frozenset(found)


def closed_only(flow: Flow, closed: str | None) -> frozenset[str]:
    """Nodes that callers reach only while the centre is closed. `closed` is the entry used then."""
    if closed is None or closed not in flow.entries:
        return frozenset()
    others = [start for entry, start in flow.entries.items() if entry != closed]
    return reached(flow, [flow.entries[closed]]) - reached(flow, others)


def findings(flow: Flow, at_night: Collection[str] = ()) -> list[Finding]:
    """Problems in the order of the file's nodes. `at_night`: what `closed_only` says."""
    found: list[Finding] = []
    depths = _depths(flow)
    ends = _ending(flow)
    for name, node in flow.nodes.items():
        if name not in depths:
            found.append(Finding(name, f"nobody reaches node '{name}'",
                                 "Lead to it with an option or 'then', or take it out."))
        if name not in ends:
            found.append(Finding(name, f"node '{name}' is in a loop without a way out",
                                 "Lead it to a queue or an end, or to a menu that has one."))
        if isinstance(node, Menu):
            if depths.get(name, 0) > MAX_DEPTH:
                found.append(Finding(name, f"menu '{name}' is number {depths[name]} one behind the other",
                                     f"People find their way through {MAX_DEPTH}: bring it forward."))
            after = flow.nodes[node.after_failures]
            if not isinstance(after, Queue) and not (isinstance(after, End) and name in at_night):
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
    """Nodes from which a queue or an end can be reached."""
    before: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for name in flow.nodes:
        for then in ways(flow, name):
            before[then].append(name)
    ends = {name for name, node in flow.nodes.items() if isinstance(node, Queue | End)}
    waiting = list(ends)
    while waiting:
        for name in before[waiting.pop()]:
            if name not in ends:
                ends.add(name)
                waiting.append(name)
    return ends
